/* What tests of denial chains share: a zone in a store that is changed at random, and chains compared. */
#ifndef CONTROL_SIGN_CHAIN_TESTING_H
#define CONTROL_SIGN_CHAIN_TESTING_H

#include "control/change/testing.h"
#include "control/sign/chain_internal.h"
#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/wire.h"

static const uint8_t zone_name[] = "\7example";

enum { TTL = 3600, MINIMUM = 1800 }; /* of the SOA */

struct fixture {
	struct store_txn *txn;
	struct store_zone zone;
	struct contents_arena *arena; /* of the view */
	struct change_view view;
	struct chain_params params;
	uint64_t random;
};

static struct fixture f;

static unsigned pick(unsigned below)
{
	f.random ^= f.random << 13;
	f.random ^= f.random >> 7;
	f.random ^= f.random << 17;
	return (unsigned)((f.random >> 16) % below);
}

/* ---- the zone ---- */

static void new_view(void)
{
	arena_free(f.arena);
	f.arena = arena_new();
	f.view = (struct change_view){.txn = f.txn, .zone = &f.zone};
}

static void begin(uint64_t seed)
{
	f = (struct fixture){.txn = begin_write(), .random = seed};
	memcpy(f.zone.name, zone_name, sizeof zone_name);
	assert_int_equal(store_zone_put(f.txn, &f.zone), 0);
	new_view();
}

static void end(void)
{
	arena_free(f.arena);
	store_abort(&f.txn);
	f.arena = NULL;
}

/* After a test that failed, too. */
static int end_and_teardown(void **state)
{
	end();
	return teardown(state);
}

/* ---- edits ---- */

static void edit_key(const uint8_t *key, size_t len, uint16_t type, const uint8_t *blob,
                     size_t size)
{
	const struct overlay_set s = {.key = key,
	                              .key_len = (uint16_t)len,
	                              .type = type,
	                              .blob = blob,
	                              .size = size};

	assert_int_equal(change_view_set(&f.view, f.arena, &s), 0);
}

static struct chain_key key_of(const char *text)
{
	uint8_t name[NAME_MAX_LEN];
	struct chain_key k;

	assert_true(name_from_text(text, strlen(text), zone_name, name) > 0);
	k.len = name_to_key(name, sizeof zone_name, k.bytes);
	return k;
}

/* One record of some data, or no record and one signature. */
static void put_of(const struct chain_key *k, uint16_t type, bool signature_alone)
{
	static const uint8_t data[] = "data";
	uint8_t blob[RRSET_HEADER + sizeof(uint16_t) + sizeof data];
	const struct rrset head = {
		.count = !signature_alone, .sig_count = signature_alone, .ttl = 60};

	rrset_write_header(blob, &head);
	(void)rrset_write_rdata(blob + RRSET_HEADER, data, sizeof data);
	edit_key(k->bytes, k->len, type, blob, sizeof blob);
}

UNUSED static void put(const char *owner, uint16_t type)
{
	struct chain_key k = key_of(owner);

	put_of(&k, type, false);
}

UNUSED static void gone(const char *owner, uint16_t type)
{
	struct chain_key k = key_of(owner);

	edit_key(k.bytes, k.len, type, NULL, 0);
}

static void put_soa(uint32_t ttl, uint32_t serial, uint32_t minimum)
{
	uint8_t rdata[SOA_SIZE_MIN] = {0};
	uint8_t blob[RRSET_HEADER + sizeof(uint16_t) + sizeof rdata];
	const struct rrset head = {.count = 1, .ttl = ttl};

	wire_store32(rdata + sizeof rdata - SOA_SERIAL, serial);
	wire_store32(rdata + sizeof rdata - SOA_MINIMUM, minimum);
	rrset_write_header(blob, &head);
	(void)rrset_write_rdata(blob + RRSET_HEADER, rdata, sizeof rdata);
	edit_key((const uint8_t *)"", 0, RRTYPE_SOA, blob, sizeof blob);
}

/* Takes away what is below the apex, but for one RRset of so many; 0: all of it. */
UNUSED static void take_away(unsigned but)
{
	struct store_cursor *c;
	struct store_entry e;

	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &c), 0);
	while (store_cursor_next(c, &e) == 0)
		if (e.key_len && !chain_is_denial(e.key_len, e.set.type) &&
		    (but == 0 || pick(but)))
			edit_key(e.key, e.key_len, e.set.type, NULL, 0);
	store_cursor_close(&c);
}

/* ---- results ---- */

/* Gives RRsets with a signature on each, as a signer would. */
static struct chain_sets sign(const struct chain_sets *from)
{
	struct chain_sets to = {.count = from->count};

	to.sets = arena_aligned(f.arena, from->count * sizeof to.sets[0]);
	for (size_t i = 0; i < from->count; i++) {
		struct overlay_set *s = &to.sets[i];

		*s = from->sets[i];
		if (s->size == 0)
			continue;
		size_t size = s->size + sizeof(uint16_t) + 1;
		uint8_t *blob = arena_alloc(f.arena, size);
		struct rrset set;

		assert_int_equal(rrset_open(s->type, s->blob, s->size, &set), 0);
		set.sig_count = 1;
		set.sig_ttl = set.ttl;
		memcpy(blob, s->blob, s->size);
		rrset_write_header(blob, &set);
		(void)rrset_write_rdata(blob + s->size, (const uint8_t *)"s", 1);
		s->blob = blob;
		s->size = size;
	}
	return to;
}

/* Leaves out what was put and taken away again. */
static void drop_nothing(struct change_view *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->count; i++)
		if (v->sets[i].size || v->sets[i].before_size)
			v->sets[kept++] = v->sets[i];
	v->count = kept;
}

/* Writes down the view with these RRsets over it, signed, and begins a new one. */
static void apply(const struct chain_sets *sets)
{
	struct chain_sets with = sign(sets);

	change_view_merge(&f.view, f.arena, with.sets, with.count);
	drop_nothing(&f.view);
	test_put_view(f.txn, &f.zone, &f.view);
	new_view();
}

/* Applies it with the chain made anew. */
UNUSED static void apply_whole(void)
{
	struct chain_sets sets;

	assert_int_equal(chain_rebuild(&f.view, &f.params, f.arena, &sets), 0);
	apply(&sets);
}

UNUSED static void begin_zone(struct chain_params params)
{
	begin(1);
	f.params = params;
	put_soa(TTL, 1, MINIMUM);
	put("example.", RRTYPE_NS);
	put("a", RRTYPE_A);
	put("m", RRTYPE_A);
	put("z", RRTYPE_A);
	apply_whole();
}

static void show_set(const char *what, const struct overlay_set *s)
{
	uint8_t name[NAME_MAX_LEN];
	char owner[NAME_TEXT_MAX];

	assert_true(name_from_key(s->key, s->key_len, zone_name, name) > 0);
	print_error("%s: %s type %u, %zu octets after %zu\n", what,
	            name_to_text(name, owner), s->type, s->size, s->before_size);
}

static bool same_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool same_set(const struct overlay_set *a, const struct overlay_set *b)
{
	return a->type == b->type && same_bytes(a->key, a->key_len, b->key, b->key_len) &&
	       same_bytes(a->blob, a->size, b->blob, b->size) &&
	       same_bytes(a->before, a->before_size, b->before, b->before_size);
}

UNUSED static void expect_same(const struct chain_sets *a, const struct chain_sets *b)
{
	size_t i = 0;

	while (i < a->count && i < b->count && same_set(&a->sets[i], &b->sets[i]))
		i++;
	if (i == a->count && i == b->count)
		return;
	print_error("%zu and %zu RRsets, which differ at %zu\n", a->count, b->count, i);
	if (i < a->count)
		show_set("one", &a->sets[i]);
	if (i < b->count)
		show_set("other", &b->sets[i]);
	fail();
}

#endif
