#include "control/wire/writer.h"

#include <assert.h>
#include <string.h>

#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { POINTER = 0xc000, POINTER_MAX = 0x3fff };

static void forget_names(struct message_writer *w)
{
	w->last_at = w->above_at = 0;
	if (++w->turn == 0) {
		memset(w->names, 0, sizeof w->names);
		w->turn = 1;
	}
}

void message_begin(struct message_writer *w, uint8_t *room, size_t size, uint16_t id,
                   uint16_t flags)
{
	assert(size >= MESSAGE_HEADER);
	forget_names(w);
	w->start = room;
	w->at = room + MESSAGE_HEADER;
	w->end = room + (size < MESSAGE_MAX ? size : MESSAGE_MAX);
	memset(w->counts, 0, sizeof w->counts);
	memset(room, 0, MESSAGE_HEADER);
	wire_store16(room, id);
	wire_store16(room + 2, flags);
}

/* ---- names ---- */

/* A name and the hashes of it and of what is above it. */
struct hashed_name {
	const uint8_t *bytes;
	unsigned labels;
	uint8_t at[NAME_MAX_LABELS + 1]; /* where each label starts, the root last */
	uint32_t hash[NAME_MAX_LABELS + 1];
};

/* Goes on from the hash of what is above a label. */
static uint32_t hash_label(uint32_t above, const uint8_t *label)
{
	uint32_t hash = above;

	for (unsigned i = 0; i <= label[0]; i++)
		hash = (hash ^ label[i]) * 0x01000193U;
	return hash;
}

static uint32_t slot_of(uint32_t hash)
{
	return (hash ^ hash >> 15) % MESSAGE_NAMES;
}

static void hash_name(struct hashed_name *n, const uint8_t *name)
{
	uint32_t hash = 0;
	unsigned labels = 0;
	size_t at = 0;

	for (; name[at]; at += name[at] + 1U)
		n->at[labels++] = (uint8_t)at;
	n->at[labels] = (uint8_t)at;
	n->labels = labels;
	n->bytes = name;
	while (labels-- > 0) {
		hash = hash_label(hash, name + n->at[labels]);
		n->hash[labels] = hash;
	}
}

/* Says whether the message has this name at an offset, pointers followed, all of it before end: two names
 * may have one hash, or share a place. */
static bool is_at(const struct message_writer *w, size_t at, const uint8_t *end,
                  const uint8_t *name)
{
	size_t limit = (size_t)(end - w->start);

	for (;;) {
		if (at + 2 > limit)
			return at < limit && w->start[at] == 0 && name[0] == 0;
		uint8_t n = w->start[at];
		if (n >= 0xc0) {
			size_t to = wire_load16(w->start + at) & POINTER_MAX;
			if (to >= at)
				return false;
			at = to;
			continue;
		}
		if (n != name[0] || at + 1 + n > limit ||
		    memcmp(w->start + at, name, 1U + n) != 0)
			return false;
		if (n == 0)
			return true;
		at += 1U + n;
		name += 1U + n;
	}
}

static void note_name(struct message_writer *w, uint32_t hash, size_t at)
{
	if (at > POINTER_MAX)
		return;
	w->names[slot_of(hash)].turn = w->turn;
	w->names[slot_of(hash)].at = (uint16_t)at;
}

/* Gives the offset of a name, by its hash, that the message has already; 0: it is not known to. */
static uint16_t find_name(const struct message_writer *w, uint32_t hash,
                          const uint8_t *end, const uint8_t *name)
{
	uint32_t slot = slot_of(hash);

	if (w->names[slot].turn != w->turn || !is_at(w, w->names[slot].at, end, name))
		return 0;
	return w->names[slot].at;
}

/* Finds the longest part of a name, from its end, that the message has already. Gives the number of the
 * label that it starts with, and its offset; the root's when there is none. */
static unsigned find_tail(const struct message_writer *w, const struct hashed_name *n,
                          const uint8_t *end, uint16_t *at)
{
	for (unsigned i = 0; i < n->labels; i++) {
		*at = find_name(w, n->hash[i], end, n->bytes + n->at[i]);
		if (*at)
			return i;
	}
	return n->labels;
}

/* Where a name has been put. */
struct put {
	uint16_t above_at; /* of the name above it; 0: not known, or the root */
	uint32_t above_hash;
};

static struct put put_name(struct message_writer *w, struct wire_writer *to,
                           const uint8_t *name)
{
	struct hashed_name n;
	struct put put = {0};
	uint16_t tail_at = 0;

	hash_name(&n, name);
	unsigned tail = find_tail(w, &n, to->at, &tail_at);
	size_t start = (size_t)(to->at - w->start);
	wire_write_bytes(to, name, n.at[tail]);
	if (tail == n.labels)
		wire_write8(to, 0);
	else
		wire_write16(to, (uint16_t)(POINTER | tail_at));
	if (!to->ok)
		return put;
	for (unsigned i = 0; i < tail; i++)
		note_name(w, n.hash[i], start + n.at[i]);
	if (n.labels > 1 && tail > 0 && start + n.at[1] <= POINTER_MAX) {
		put.above_at = tail == 1 ? tail_at : (uint16_t)(start + n.at[1]);
		put.above_hash = n.hash[1];
	}
	return put;
}

/* Whether two names are the same but for their first labels. */
static bool are_siblings(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	size_t a_first = a[0] + 1U;
	size_t b_first = b[0] + 1U;

	return a_len > a_first && a_len - a_first == b_len - b_first &&
	       memcmp(a + a_first, b + b_first, a_len - a_first) == 0;
}

/* A name beside that of the last owner: what is above both is known without a search. */
static struct put put_sibling(struct message_writer *w, struct wire_writer *to,
                              const uint8_t *name)
{
	uint32_t hash = hash_label(w->above_hash, name);
	uint16_t known_at = find_name(w, hash, to->at, name);
	size_t start = (size_t)(to->at - w->start);

	if (known_at) {
		wire_write16(to, (uint16_t)(POINTER | known_at));
	} else {
		wire_write_bytes(to, name, name[0] + 1U);
		wire_write16(to, (uint16_t)(POINTER | w->above_at));
		if (to->ok)
			note_name(w, hash, start);
	}
	return (struct put){.above_at = w->above_at, .above_hash = w->above_hash};
}

/* Records of one owner follow one another: the last one is known without a search. */
static void put_owner(struct message_writer *w, struct wire_writer *to,
                      const uint8_t name[static NAME_MAX_LEN], uint8_t len)
{
	size_t at = (size_t)(to->at - w->start);

	if (w->last_at && w->last_len == len && memcmp(w->last, name, len) == 0) {
		wire_write16(to, (uint16_t)(POINTER | w->last_at));
		return;
	}
	struct put put = w->above_at && are_siblings(name, len, w->last, w->last_len)
	                         ? put_sibling(w, to, name)
	                         : put_name(w, to, name);
	if (!to->ok || len == 1 || at > POINTER_MAX)
		return;
	w->above_at = put.above_at;
	w->above_hash = put.above_hash;
	w->last_at = (uint16_t)at;
	w->last_len = len;
	/* All of it: a copy of a length that is not known costs more. */
	memcpy(w->last, name, NAME_MAX_LEN);
}

/* ---- records ---- */

static struct wire_writer room_of(const struct message_writer *w)
{
	return (struct wire_writer){
		.start = w->at, .at = w->at, .end = w->end, .ok = true};
}

/* Makes what was written part of the message. Else the names in it are not there, and rather than to sort
 * them out all are forgotten: little follows a record that has found no room. */
static bool keep(struct message_writer *w, const struct wire_writer *to, unsigned section)
{
	for (unsigned later = section + 1; later < MESSAGE_SECTIONS; later++)
		assert(w->counts[later] == 0);
	if (!to->ok || w->counts[section] == UINT16_MAX) {
		forget_names(w);
		return false;
	}
	w->at = to->at;
	w->counts[section]++;
	return true;
}

bool message_put_question(struct message_writer *w, const uint8_t *name, uint16_t type,
                          uint16_t rrclass)
{
	struct wire_writer to = room_of(w);

	(void)put_name(w, &to, name);
	wire_write16(&to, type);
	wire_write16(&to, rrclass);
	return keep(w, &to, SECTION_QUESTION);
}

static void put_rdata(struct message_writer *w, struct wire_writer *to,
                      const struct message_record *r)
{
	struct rdata_name names[RDATA_NAMES_MAX];
	uint16_t at = 0;
	int count = 0;

	if (rrtype_is_compressible(r->type))
		count = rrtype_rdata_names(r->type, r->rdata, r->rdata_len, names);
	for (int i = 0; i < count; i++) {
		if (!names[i].compressible)
			continue;
		wire_write_bytes(to, r->rdata + at, (size_t)(names[i].at - at));
		(void)put_name(w, to, r->rdata + names[i].at);
		at = (uint16_t)(names[i].at + names[i].len);
	}
	wire_write_bytes(to, r->rdata + at, (size_t)(r->rdata_len - at));
}

bool message_put(struct message_writer *w, const struct message_record *r)
{
	struct wire_writer to = room_of(w);

	assert(r->section > SECTION_QUESTION && r->section < MESSAGE_SECTIONS);
	put_owner(w, &to, r->owner, r->owner_len);
	wire_write16(&to, r->type);
	wire_write16(&to, r->rrclass);
	wire_write32(&to, r->ttl);
	uint8_t *size = wire_write_room(&to, 2);
	put_rdata(w, &to, r);
	if (!keep(w, &to, r->section))
		return false;
	wire_store16(size, (uint16_t)(to.at - size - 2));
	return true;
}

bool message_put_opt(struct message_writer *w, const struct message_opt *o)
{
	uint8_t record[OPT_SIZE_MAX];
	struct wire_writer to = room_of(w);

	wire_write_bytes(&to, record, opt_write(o, record));
	return keep(w, &to, SECTION_ADDITIONAL);
}

uint16_t message_end(struct message_writer *w)
{
	for (size_t i = 0; i < MESSAGE_SECTIONS; i++)
		wire_store16(w->start + 4 + 2 * i, w->counts[i]);
	return (uint16_t)(w->at - w->start);
}
