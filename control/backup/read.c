#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/backup/format.h"
#include "control/store/crc32c.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	STEP = 1 << 20, /* a length that lies costs no more memory than there are bytes */
	LENGTH_MAX = (1 << 30) + (1 << 20),
	KEY_MAX = 511,
};

struct reader {
	FILE *from;
	const struct backup_visitor *visitor;
	struct backup_damage *damage;
	uint64_t offset; /* of the frame at hand */
	uint8_t header[BACKUP_HEADER];
	uint8_t *bytes;
	size_t room;
	enum backup_frame type;
	unsigned kind;
	uint32_t length;
	struct backup_manifest manifest;
	struct backup_totals totals; /* of the frames before it */
	uint8_t key[KEY_MAX];        /* of the entry before, in the same kind */
	size_t key_len;
	unsigned last_kind;
};

static int PRINTF_LIKE(3, 4) wrong(struct reader *r, int err, const char *format, ...)
{
	va_list args;

	r->damage->offset = r->offset;
	va_start(args, format);
	(void)vsnprintf(r->damage->text, sizeof r->damage->text, format, args);
	va_end(args);
	return err;
}

/* ---- frames ---- */

static int read_bytes(struct reader *r, uint8_t *to, size_t size)
{
	size_t got = fread(to, 1, size, r->from);

	if (got == size)
		return 0;
	if (ferror(r->from))
		return wrong(r, ERR_IO, "cannot be read: %s", strerror(errno));
	return wrong(r, ERR_CORRUPT, "the backup is cut off here");
}

static int read_payload(struct reader *r)
{
	for (size_t done = 0; done < r->length;) {
		size_t step = r->length - done < STEP ? r->length - done : STEP;

		if (r->room < done + step) {
			r->room = done + step;
			r->bytes = memory_resize(r->bytes, r->room);
		}
		TRY(read_bytes(r, r->bytes + done, step));
		done += step;
	}
	return 0;
}

static int read_frame(struct reader *r)
{
	struct wire_reader h = wire_reader_on(r->header, sizeof r->header);

	TRY(read_bytes(r, r->header, sizeof r->header));
	if (wire_read32(&h) != BACKUP_MAGIC)
		return wrong(r, ERR_CORRUPT, "no frame of a backup begins here");
	uint8_t version = wire_read8(&h);
	if (version != BACKUP_VERSION)
		return wrong(r, ERR_VERSION,
		             "the frame has version %u, but this program reads %d only",
		             version, BACKUP_VERSION);
	uint8_t type = wire_read8(&h);
	r->kind = wire_read8(&h);
	uint8_t zero = wire_read8(&h);
	uint32_t number = wire_read32(&h);
	r->length = wire_read32(&h);
	uint32_t sum = wire_read32(&h);
	if (r->length > LENGTH_MAX)
		return wrong(r, ERR_CORRUPT, "the frame's length is damaged");
	TRY(read_payload(r));
	uint32_t is = crc32c(0, r->header, sizeof r->header - 4);
	if (crc32c(is, r->bytes, r->length) != sum)
		return wrong(r, ERR_CORRUPT,
		             "the frame is damaged: its checksum differs");
	if (type < BACKUP_MANIFEST || type > BACKUP_END || zero != 0 ||
	    r->kind >= BACKUP_KINDS)
		return wrong(r, ERR_CORRUPT, "the frame is of no known type");
	if (number != (uint32_t)r->totals.frames)
		return wrong(r, ERR_CORRUPT, "frame %u stands where %u belongs", number,
		             (uint32_t)r->totals.frames);
	r->type = (enum backup_frame)type;
	return 0;
}

/* ---- what is in them ---- */

static int read_manifest(struct reader *r)
{
	const uint32_t order = 0x01020304;
	struct wire_reader p = wire_reader_on(r->bytes, r->length);
	struct backup_manifest *m = &r->manifest;
	const uint8_t *mark = wire_read_bytes(&p, sizeof order);

	m->store_format = wire_read32(&p);
	m->time_us = wire_read64(&p);
	m->seq = wire_read64(&p);
	for (size_t i = 0; i < STORE_DATABASES; i++)
		m->counts[i] = wire_read64(&p);
	m->audit.head.seq = wire_read64(&p);
	const uint8_t *hash = wire_read_bytes(&p, CHAIN_HASH_SIZE);
	m->audit.head.change = wire_read64(&p);
	m->audit.followed = wire_read64(&p);
	uint8_t len = wire_read8(&p);
	const uint8_t *program = wire_read_bytes(&p, len);
	if (!p.ok || wire_left(&p) > 0 || len >= sizeof m->program ||
	    memchr(program, 0, len))
		return wrong(r, ERR_CORRUPT, "the manifest cannot be read");
	memcpy(m->program, program, len);
	memcpy(m->audit.head.hash, hash, CHAIN_HASH_SIZE);
	if (memcmp(mark, &order, sizeof order) != 0)
		return wrong(r, ERR_VERSION,
		             "the backup is of a machine with another byte order");
	if (m->store_format != store_format())
		return wrong(r, ERR_VERSION,
		             "the backup is of a store of format %u, but this program "
		             "restores format %u only",
		             m->store_format, store_format());
	return r->visitor->manifest ? r->visitor->manifest(m, r->visitor->arg) : 0;
}

/* Within a kind, keys rise; kinds rise as well. */
static bool in_order(const struct reader *r, const struct store_raw *raw)
{
	size_t least = raw->key_len < r->key_len ? raw->key_len : r->key_len;

	if (r->kind != r->last_kind)
		return r->kind > r->last_kind;
	int order = least ? memcmp(r->key, raw->key, least) : 0;
	return order < 0 || (order == 0 && r->key_len < raw->key_len);
}

static int read_entry(struct reader *r, struct wire_reader *p)
{
	struct backup_entry e = {.kind = r->kind};

	e.raw.key_len = wire_read16(p);
	e.raw.size = wire_read32(p);
	e.raw.key = wire_read_bytes(p, e.raw.key_len);
	e.raw.value = wire_read_bytes(p, e.raw.size);
	if (!p->ok || e.raw.key_len == 0 || e.raw.key_len > KEY_MAX)
		return wrong(r, ERR_CORRUPT, "an entry cannot be read");
	if (!in_order(r, &e.raw))
		return wrong(r, ERR_CORRUPT, "entries are not in order");
	memcpy(r->key, e.raw.key, e.raw.key_len);
	r->key_len = e.raw.key_len;
	r->last_kind = r->kind;
	r->totals.counts[r->kind]++;
	int err = r->visitor->entry(&e, r->visitor->arg);
	if (err == ERR_CORRUPT || err == ERR_VERSION)
		return wrong(r, err, "an entry cannot be made sense of: %s",
		             err_text(err));
	return err;
}

static int read_entries(struct reader *r)
{
	struct wire_reader p = wire_reader_on(r->bytes, r->length);

	while (wire_left(&p) > 0)
		TRY(read_entry(r, &p));
	return 0;
}

static int read_end(struct reader *r)
{
	struct wire_reader p = wire_reader_on(r->bytes, r->length);
	bool same = wire_read64(&p) == r->totals.frames;

	same &= wire_read64(&p) == r->totals.bytes;
	for (size_t i = 0; i < BACKUP_KINDS; i++)
		same &= wire_read64(&p) == r->totals.counts[i];
	for (size_t i = 0; i < STORE_DATABASES; i++)
		same &= r->manifest.counts[i] == r->totals.counts[i];
	if (!same || !p.ok || wire_left(&p) > 0)
		return wrong(r, ERR_CORRUPT, "what came before is not all there was");
	r->offset += BACKUP_HEADER + r->length;
	if (fgetc(r->from) != EOF)
		return wrong(r, ERR_CORRUPT, "something follows the end of the backup");
	return 0;
}

static int read_any(struct reader *r)
{
	switch (r->type) {
	case BACKUP_MANIFEST: return read_manifest(r);
	case BACKUP_ENTRIES: return read_entries(r);
	case BACKUP_END: return read_end(r);
	}
	return ERR_CORRUPT;
}

static int read_all(struct reader *r)
{
	do {
		TRY(read_frame(r));
		if ((r->type == BACKUP_MANIFEST) != (r->totals.frames == 0))
			return wrong(r, ERR_CORRUPT,
			             r->totals.frames ? "a second manifest"
			                              : "no manifest");
		int err = read_any(r);
		if (err != 0)
			return err;
		r->offset += BACKUP_HEADER + r->length;
		r->totals.bytes += BACKUP_HEADER + r->length;
		r->totals.frames++;
	} while (r->type != BACKUP_END);
	return 0;
}

int backup_read(FILE *from, const struct backup_visitor *v, struct backup_damage *damage)
{
	struct reader r = {.from = from, .visitor = v, .damage = damage};

	r.bytes = memory_get(STEP);
	r.room = STEP;
	int err = read_all(&r);
	free(r.bytes);
	return err;
}
