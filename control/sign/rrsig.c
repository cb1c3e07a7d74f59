#include "control/sign/rrsig.h"

#include <stdlib.h>

#include "control/zone/arena.h"
#include "control/zone/rdata.h"
#include "shared/dns.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	TTL_AT = 4,
	LABELS_AT = 3,
	RR_HEAD = 8,                /* type, class, TTL */
	ROOM_FIRST = 3 * RDATA_MAX, /* for a record of any length behind a few others */
};

int rrsig_open(struct rdata rdata, struct rrsig *out)
{
	struct wire_reader in = wire_reader_on(rdata.bytes, rdata.len);
	struct rrsig s;

	s.covered = wire_read16(&in);
	s.algorithm = wire_read8(&in);
	s.labels = wire_read8(&in);
	s.ttl = wire_read32(&in);
	s.expiration = wire_read32(&in);
	s.inception = wire_read32(&in);
	s.tag = wire_read16(&in);
	s.signer_len = name_len(in.at, wire_left(&in));
	s.signer = wire_read_bytes(&in, s.signer_len);
	s.signature_len = wire_left(&in);
	s.signature = wire_read_bytes(&in, s.signature_len);
	if (!in.ok || s.signer_len == 0 || s.signature_len == 0)
		return ERR_CORRUPT;
	*out = s;
	return 0;
}

static bool is_wildcard(const uint8_t *owner)
{
	return owner[0] == 1 && owner[1] == '*';
}

unsigned rrsig_labels(const uint8_t *owner)
{
	return name_labels(owner) - is_wildcard(owner);
}

/* ---- what is signed ---- */

void rrsig_room_fini(struct rrsig_room *room)
{
	free(room->bytes);
	*room = (struct rrsig_room){0};
}

static void make_room(struct rrsig_room *room, size_t wanted)
{
	size_t size = room->size ? room->size : ROOM_FIRST;

	if (room->size >= wanted)
		return;
	while (size < wanted)
		size *= 2;
	room->bytes = memory_resize(room->bytes, size);
	room->size = size;
}

/* The owner in canonical form, or the wildcard that it came from: with fewer labels than the owner has, a
 * signature is over "*" and that many of its last ones (RFC 4035 §5.3.2). Gives its length. */
static size_t signed_owner(const uint8_t *owner, unsigned labels,
                           uint8_t out[static NAME_MAX_LEN])
{
	unsigned skip = 0;
	size_t at = 0;

	if (rrsig_labels(owner) > labels) {
		skip = name_labels(owner) - labels;
		out[0] = 1;
		out[1] = '*';
		at = 2;
	}
	for (; skip; skip--)
		owner += 1 + owner[0];
	size_t len = name_len(owner, NAME_MAX_LEN);
	memcpy(out + at, owner, len);
	name_fold(out + at, len);
	return at + len;
}

size_t rrsig_data(struct rrsig_room *room, struct rdata head,
                  const struct signed_set *what)
{
	uint8_t record[NAME_MAX_LEN + RR_HEAD]; /* what all records begin with */
	size_t size = signed_owner(what->owner, head.bytes[LABELS_AT], record);
	size_t signer_len = name_len(head.bytes + RRSIG_FIXED, NAME_MAX_LEN);
	const uint8_t *from = rrset_first(what->set);
	size_t at = RRSIG_FIXED + signer_len;

	wire_store16(record + size, what->set->type);
	wire_store16(record + size + 2, CLASS_IN);
	memcpy(record + size + 4, head.bytes + TTL_AT, 4);
	size += RR_HEAD;
	make_room(room, at);
	memcpy(room->bytes, head.bytes, at);
	name_fold(room->bytes + RRSIG_FIXED, signer_len);
	for (unsigned i = 0; i < what->set->count; i++) {
		struct rdata d = rrset_next(&from);

		make_room(room, at + size + 2 + RDATA_MAX);
		memcpy(room->bytes + at, record, size);
		at += size;
		wire_store16(room->bytes + at, d.len);
		at += 2;
		const uint8_t *canonical = rdata_canonical(what->set->type, d.bytes,
		                                           d.len, room->bytes + at);
		if (canonical == d.bytes && d.len)
			memcpy(room->bytes + at, d.bytes, d.len);
		at += d.len;
	}
	return at;
}

/* ---- making one ---- */

static bool is_signable(const struct signed_set *what)
{
	return what->set->count > 0 && what->set->type != RRTYPE_RRSIG &&
	       !rrtype_is_meta(what->set->type) &&
	       name_is_under(what->owner, what->zone, NULL);
}

/* Writes the RDATA up to the signature. Gives its length. */
static size_t write_head(const struct signed_set *what, const struct sign_key *k,
                         struct rrsig_times times, uint8_t out[static RRSIG_MAX])
{
	size_t zone_len = name_len(what->zone, NAME_MAX_LEN);

	wire_store16(out, what->set->type);
	out[2] = sign_key_algorithm(k);
	out[LABELS_AT] = (uint8_t)rrsig_labels(what->owner);
	wire_store32(out + TTL_AT, what->set->ttl);
	wire_store32(out + 8, times.expiration);
	wire_store32(out + 12, times.inception);
	wire_store16(out + 16, sign_key_tag(k));
	memcpy(out + RRSIG_FIXED, what->zone, zone_len);
	name_fold(out + RRSIG_FIXED, zone_len);
	return RRSIG_FIXED + zone_len;
}

int rrsig_make(struct signer *s, struct rrsig_room *room, const struct signed_set *what,
               struct rrsig_times times, uint8_t out[static RRSIG_MAX])
{
	if (!is_signable(what))
		return ERR_INVALID;
	size_t at = write_head(what, signer_key(s), times, out);
	size_t len =
		rrsig_data(room, (struct rdata){.bytes = out, .len = (uint16_t)at}, what);
	int signature = signer_sign(s, room->bytes, len, out + at);
	return signature < 0 ? signature : (int)at + signature;
}

/* ---- into the RRset's blob ---- */

/* Octets of the records, without the signatures. */
static size_t records_size(const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	return (size_t)(at - rrset_first(set));
}

size_t rrsig_blob_size(const struct rrset *set, const struct rdata *signatures,
                       unsigned count)
{
	size_t size = RRSET_HEADER + records_size(set);

	for (unsigned i = 0; i < count; i++)
		size += sizeof(uint16_t) + signatures[i].len;
	return size;
}

static int compare_signatures(const void *a, const void *b)
{
	const struct rdata *one = a;
	const struct rdata *two = b;

	return rdata_compare(RRTYPE_RRSIG, one->bytes, one->len, two->bytes, two->len);
}

void rrsig_blob_write(const struct rrset *set, struct rdata *signatures, unsigned count,
                      uint8_t *blob)
{
	const struct rrset head = {
		.ttl = set->ttl,
		.sig_ttl = count ? set->ttl : 0,
		.count = set->count,
		.sig_count = (uint16_t)count,
	};
	size_t size = records_size(set);
	uint8_t *at = blob + RRSET_HEADER + size;

	if (count > 1)
		qsort(signatures, count, sizeof *signatures, compare_signatures);
	rrset_write_header(blob, &head);
	memcpy(blob + RRSET_HEADER, rrset_first(set), size);
	for (unsigned i = 0; i < count; i++)
		at = rrset_write_rdata(at, signatures[i].bytes, signatures[i].len);
}

bool rrsig_same_data(const struct rrset *a, const struct rrset *b)
{
	size_t size = records_size(a);

	return a->count == b->count && a->ttl == b->ttl && size == records_size(b) &&
	       memcmp(a->bytes + RRSET_HEADER, b->bytes + RRSET_HEADER, size) == 0;
}

void rrsig_take_out(struct rrset *set, struct contents_arena *a)
{
	uint8_t *blob = NULL;
	size_t size = 0;

	if (set->count > 0 && set->sig_count == 0)
		return;
	if (set->count > 0) {
		size = rrsig_blob_size(set, NULL, 0);
		blob = arena_alloc(a, size);
		rrsig_blob_write(set, NULL, 0, blob);
	}
	set->bytes = blob;
	set->size = size;
	set->sig_count = 0;
	set->sig_ttl = 0;
}
