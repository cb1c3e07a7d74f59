#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/backup/format.h"
#include "control/store/crc32c.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/wire.h"

struct backup_writer {
	FILE *to;
	uint8_t *bytes; /* a frame: its header, and what it has so far */
	size_t size;
	size_t room;
	unsigned kind; /* of the entries in it */
	struct backup_totals totals;
	bool failed;
};

static uint8_t *take_room(struct backup_writer *w, size_t more)
{
	if (w->room - w->size < more) {
		while (w->room - w->size < more)
			w->room *= 2;
		w->bytes = memory_resize(w->bytes, w->room);
	}
	w->size += more;
	return w->bytes + w->size - more;
}

static void put_frame(struct backup_writer *w, enum backup_frame type)
{
	struct wire_writer to = wire_writer_on(w->bytes, BACKUP_HEADER);

	wire_write32(&to, BACKUP_MAGIC);
	wire_write8(&to, BACKUP_VERSION);
	wire_write8(&to, (uint8_t)type);
	wire_write8(&to, (uint8_t)(type == BACKUP_ENTRIES ? w->kind : 0));
	wire_write8(&to, 0);
	wire_write32(&to, (uint32_t)w->totals.frames);
	wire_write32(&to, (uint32_t)(w->size - BACKUP_HEADER));
	uint32_t sum = crc32c(0, w->bytes, BACKUP_HEADER - 4);
	wire_write32(&to, crc32c(sum, w->bytes + BACKUP_HEADER, w->size - BACKUP_HEADER));
	w->failed = w->failed || fwrite(w->bytes, 1, w->size, w->to) != w->size;
	w->totals.frames++;
	w->totals.bytes += w->size;
	w->size = BACKUP_HEADER;
}

static void write_manifest(struct backup_writer *w, const struct backup_manifest *m)
{
	/* As the machine has it: what the store has in host order can only be read there. */
	const uint32_t order = 0x01020304;
	size_t len = strnlen(m->program, sizeof m->program - 1);
	size_t size = sizeof order + 4 + 8 + 8 + sizeof m->counts + 8 + CHAIN_HASH_SIZE +
	              8 + 8 + 1 + len;
	struct wire_writer to = wire_writer_on(take_room(w, size), size);

	wire_write_bytes(&to, &order, sizeof order);
	wire_write32(&to, m->store_format);
	wire_write64(&to, m->time_us);
	wire_write64(&to, m->seq);
	for (size_t i = 0; i < STORE_DATABASES; i++)
		wire_write64(&to, m->counts[i]);
	wire_write64(&to, m->audit.head.seq);
	wire_write_bytes(&to, m->audit.head.hash, CHAIN_HASH_SIZE);
	wire_write64(&to, m->audit.head.change);
	wire_write64(&to, m->audit.followed);
	wire_write8(&to, (uint8_t)len);
	wire_write_bytes(&to, m->program, len);
	assert(to.ok && wire_written(&to) == size);
	put_frame(w, BACKUP_MANIFEST);
}

struct backup_writer *backup_writer_new(FILE *to, const struct backup_manifest *m)
{
	struct backup_writer *w = memory_get(sizeof *w);

	*w = (struct backup_writer){
		.to = to, .size = BACKUP_HEADER, .room = BACKUP_FRAME_FULL + 4096};
	w->bytes = memory_get(w->room);
	write_manifest(w, m);
	return w;
}

void backup_write(struct backup_writer *w, const struct backup_entry *e)
{
	size_t size = 2 + 4 + e->raw.key_len + e->raw.size;

	if (w->size > BACKUP_HEADER &&
	    (e->kind != w->kind || w->size + size > BACKUP_FRAME_FULL))
		put_frame(w, BACKUP_ENTRIES);
	w->kind = e->kind;
	struct wire_writer to = wire_writer_on(take_room(w, size), size);
	wire_write16(&to, (uint16_t)e->raw.key_len);
	wire_write32(&to, (uint32_t)e->raw.size);
	wire_write_bytes(&to, e->raw.key, e->raw.key_len);
	wire_write_bytes(&to, e->raw.value, e->raw.size);
	assert(to.ok);
	w->totals.counts[e->kind]++;
}

int backup_writer_end(struct backup_writer *w)
{
	if (w->size > BACKUP_HEADER)
		put_frame(w, BACKUP_ENTRIES);
	const struct backup_totals totals = w->totals;
	size_t size = 8 + 8 + sizeof totals.counts;
	struct wire_writer to = wire_writer_on(take_room(w, size), size);
	wire_write64(&to, totals.frames);
	wire_write64(&to, totals.bytes);
	for (size_t i = 0; i < BACKUP_KINDS; i++)
		wire_write64(&to, totals.counts[i]);
	put_frame(w, BACKUP_END);
	return w->failed || fflush(w->to) != 0 ? ERR_IO : 0;
}

void backup_writer_free(struct backup_writer **w)
{
	free((*w)->bytes);
	free(*w);
	*w = NULL;
}
