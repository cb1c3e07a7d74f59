#include "control/sign/life_stored.h"

#include <assert.h>
#include <string.h>

#include "shared/err.h"
#include "shared/wire.h"

/*
 * Field by field in network order:
 *
 *      u8 version, u8 role, u8 algorithm, u8 flags, u16 bits, u64 born, active, retired, gone,
 *              (u64 from, until, done) x kinds, and with version 2 u64 from, active, until of its turn
 *      u8 version, (u32 ttl, older, u64 until) x kinds
 *
 * LIFE_NEVER is as large as 64 bits get, there as here.
 */
enum { KEY_VERSION = 1, KEY_VERSION_TURN = 2, TTLS_VERSION = 1 };
enum { FLAG_ROLL = 1, FLAG_WAITING = 2, FLAGS = FLAG_ROLL | FLAG_WAITING };

STATIC_ASSERT((int)LIFE_KEY_SIZE + (int)LIFE_TURN_SIZE <= (int)SIGN_LIFE_MAX,
              "there is room for it");

static void write_record(struct wire_writer *w, const struct life_record *r)
{
	wire_write64(w, r->from);
	wire_write64(w, r->until);
	wire_write64(w, r->done);
}

void life_key_put(const struct life_key *k, struct sign_stored *to)
{
	struct wire_writer w = wire_writer_on(to->life, sizeof to->life);

	wire_write8(&w, KEY_VERSION);
	wire_write8(&w, k->role);
	wire_write8(&w, k->algorithm);
	wire_write8(&w, (uint8_t)((k->roll ? FLAG_ROLL : 0) |
	                          (k->waiting ? FLAG_WAITING : 0)));
	wire_write16(&w, k->bits);
	wire_write64(&w, k->born);
	wire_write64(&w, k->active);
	wire_write64(&w, k->retired);
	wire_write64(&w, k->gone);
	for (size_t i = 0; i < LIFE_KINDS; i++)
		write_record(&w, &k->records[i]);
	assert(w.ok && wire_written(&w) == LIFE_KEY_SIZE);
	to->life_len = LIFE_KEY_SIZE;
}

void life_turn_put(const struct life_key *k, const struct bundle_turn *turn,
                   struct sign_stored *to)
{
	life_key_put(k, to);
	struct wire_writer w = wire_writer_on(to->life + LIFE_KEY_SIZE, LIFE_TURN_SIZE);
	wire_write64(&w, turn->from);
	wire_write64(&w, turn->active);
	wire_write64(&w, turn->until);
	assert(w.ok);
	to->life[0] = KEY_VERSION_TURN;
	to->life_len = LIFE_KEY_SIZE + LIFE_TURN_SIZE;
}

struct bundle_turn life_turn_get(const struct sign_stored *from)
{
	struct wire_reader r = wire_reader_on(from->life, from->life_len);
	struct bundle_turn turn = {0};

	if (from->life_len != LIFE_KEY_SIZE + LIFE_TURN_SIZE)
		return turn;
	(void)wire_read_bytes(&r, LIFE_KEY_SIZE);
	turn.from = wire_read64(&r);
	turn.active = wire_read64(&r);
	turn.until = wire_read64(&r);
	return turn;
}

static struct life_record read_record(struct wire_reader *r)
{
	struct life_record record;

	record.from = wire_read64(r);
	record.until = wire_read64(r);
	record.done = wire_read64(r);
	return record;
}

int life_key_get(const struct sign_stored *from, struct life_key *out)
{
	struct wire_reader r = wire_reader_on(from->life, from->life_len);
	struct life_key k = {0};

	uint8_t version = wire_read8(&r);
	if (version != KEY_VERSION && version != KEY_VERSION_TURN)
		return ERR_VERSION;
	k.role = wire_read8(&r);
	k.algorithm = wire_read8(&r);
	uint8_t flags = wire_read8(&r);
	k.roll = flags & FLAG_ROLL;
	k.waiting = flags & FLAG_WAITING;
	k.bits = wire_read16(&r);
	k.born = wire_read64(&r);
	k.active = wire_read64(&r);
	k.retired = wire_read64(&r);
	k.gone = wire_read64(&r);
	for (size_t i = 0; i < LIFE_KINDS; i++)
		k.records[i] = read_record(&r);
	size_t left = version == KEY_VERSION_TURN ? LIFE_TURN_SIZE : 0;
	if (!r.ok || wire_left(&r) != left || flags & ~FLAGS || k.role < LIFE_KSK ||
	    k.role > LIFE_CSK)
		return ERR_CORRUPT;
	*out = k;
	return 0;
}

void life_ttls_encode(const struct life_ttl ttl[static LIFE_KINDS],
                      uint8_t out[static LIFE_TTLS_SIZE])
{
	struct wire_writer w = wire_writer_on(out, LIFE_TTLS_SIZE);

	wire_write8(&w, TTLS_VERSION);
	for (size_t i = 0; i < LIFE_KINDS; i++) {
		wire_write32(&w, ttl[i].ttl);
		wire_write32(&w, ttl[i].older);
		wire_write64(&w, ttl[i].until);
	}
	assert(w.ok && wire_written(&w) == LIFE_TTLS_SIZE);
}

int life_ttls_decode(const void *bytes, size_t size,
                     struct life_ttl out[static LIFE_KINDS])
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct life_ttl ttl[LIFE_KINDS];

	if (wire_read8(&r) != TTLS_VERSION && r.ok)
		return ERR_VERSION;
	for (size_t i = 0; i < LIFE_KINDS; i++) {
		ttl[i].ttl = wire_read32(&r);
		ttl[i].older = wire_read32(&r);
		ttl[i].until = wire_read64(&r);
	}
	if (!r.ok || wire_left(&r))
		return ERR_CORRUPT;
	memcpy(out, ttl, sizeof ttl);
	return 0;
}
