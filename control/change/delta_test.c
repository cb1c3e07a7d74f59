/*
 * Deltas: cases one by one, and then random zones with signatures, from one to the next in one step
 * and in several, against the contents that they must come to.
 */
#include "control/change/delta.h"

#include <string.h>

#include "control/change/serial.h"
#include "control/change/testing.h"
#include "control/store/testing.h"
#include "control/zone/contents.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t apex[] = "\7example";

/* ---- zones of records ---- */

enum { OWNERS = 9, RDATAS = 6, SETS_OF_OWNER = 3, RECORDS_MAX = 400 };

struct test_record {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type;
	uint32_t ttl;
	uint8_t rdata[64];
	uint16_t len;
};

struct test_records {
	struct test_record of[RECORDS_MAX];
	size_t count;
};

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct test_record *add(struct test_records *z, const char *owner, uint16_t type,
                               uint32_t ttl)
{
	assert_true(z->count < RECORDS_MAX);
	struct test_record *r = &z->of[z->count++];
	*r = (struct test_record){.type = type, .ttl = ttl};
	assert_true(name_from_text(owner, strlen(owner), apex, r->owner) > 0);
	return r;
}

static void rdata_of(struct test_record *r, const void *bytes, size_t len)
{
	memcpy(r->rdata, bytes, len);
	r->len = (uint16_t)len;
}

static void add_soa(struct test_records *z, uint32_t serial)
{
	uint8_t rdata[22] = {0};

	for (unsigned i = 0; i < 4; i++)
		rdata[2 + i] = (uint8_t)(serial >> (24 - 8 * i));
	rdata_of(add(z, "example.", RRTYPE_SOA, 300), rdata, sizeof rdata);
	rdata_of(add(z, "example.", RRTYPE_NS, 300), "\2ns\7example", 12);
}

static void add_address(struct test_records *z, const char *owner, uint32_t ttl,
                        uint8_t last)
{
	const uint8_t rdata[] = {192, 0, 2, last};

	rdata_of(add(z, owner, RRTYPE_A, ttl), rdata, sizeof rdata);
}

static void add_signature(struct test_records *z, const char *owner, uint16_t covered,
                          uint32_t ttl, uint8_t key)
{
	uint8_t rdata[31] = {(uint8_t)(covered >> 8), (uint8_t)covered, 13, 1};

	rdata[17] = key;
	memcpy(rdata + 18, "\7example", 9);
	rdata[30] = key;
	rdata_of(add(z, owner, RRTYPE_RRSIG, ttl), rdata, sizeof rdata);
}

static void random_set(struct test_records *z, const char *owner, uint16_t type)
{
	uint32_t ttl = 100 + random_below(2);
	uint32_t sig_ttl = 200 + random_below(2);

	for (uint8_t i = 0; i < RDATAS; i++) {
		const uint8_t text[] = {1, (uint8_t)('a' + i)};
		if (random_below(3))
			continue;
		if (type == RRTYPE_A)
			add_address(z, owner, ttl, i);
		else
			rdata_of(add(z, owner, type, ttl), text, sizeof text);
	}
	for (uint8_t i = 0; i < 2; i++)
		if (random_below(2))
			add_signature(z, owner, type, sig_ttl, i);
}

static void random_zone(struct test_records *z, uint32_t serial)
{
	static const char *const owners[OWNERS] = {"a",     "b",   "*.b", "c.d.e",   "e",
	                                           "x.y.z", "y.z", "z",   "example."};

	z->count = 0;
	add_soa(z, serial);
	for (size_t i = 0; i < OWNERS; i++) {
		if (random_below(2))
			random_set(z, owners[i], RRTYPE_A);
		if (random_below(2))
			random_set(z, owners[i], RRTYPE_TXT);
	}
}

/* ---- in the store ---- */

static struct store_txn *txn;
static struct store_zone zone;
static struct contents_arena *arena;

static struct contents *contents_of(const struct test_records *z)
{
	struct contents_builder *b = contents_builder_new(apex);
	struct contents *out = NULL;
	struct diag diag;

	diag_init(&diag);
	for (size_t i = 0; i < z->count; i++)
		assert_int_equal(contents_builder_add(b, z->of[i].owner, z->of[i].type,
		                                      z->of[i].ttl, z->of[i].rdata,
		                                      z->of[i].len, 0, 0, &diag),
		                 0);
	assert_int_equal(contents_builder_finish(&b, &out, &diag), 0);
	assert_int_equal(diag.kept, 0);
	diag_fini(&diag);
	return out;
}

static void begin(const struct test_records *z, uint32_t serial)
{
	struct contents *c = contents_of(z);

	txn = begin_write();
	arena = arena_new();
	zone = (struct store_zone){.loaded = true, .serial = serial};
	memcpy(zone.name, apex, sizeof apex);
	assert_int_equal(store_zone_put(txn, &zone), 0);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		struct rrset set;

		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		assert_int_equal(store_rrset_put(txn, zone.id, r->key, r->key_len, &set),
		                 0);
	}
	zone.rrsets = c->count;
	zone.records = c->records;
	contents_free(c);
}

static void end(void)
{
	arena_free(arena);
	store_abort(&txn);
}

static void expect_store(const struct test_records *z)
{
	struct contents *c = contents_of(z);
	struct rrset set;

	assert_int_equal(zone.rrsets, c->count);
	assert_int_equal(zone.records, c->records);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];

		assert_int_equal(
			store_rrset_get(txn, zone.id, r->key, r->key_len, r->type, &set),
			0);
		assert_int_equal(set.size, r->size);
		assert_memory_equal(set.bytes, r->blob, r->size);
	}
	contents_free(c);
}

/* ---- deltas ---- */

static void say(struct delta *d, enum delta_way way, const struct test_record *r)
{
	assert_int_equal(delta_add(d, way, r->owner, r->type, r->ttl,
	                           (struct rdata){.bytes = r->rdata, .len = r->len}),
	                 0);
}

static bool has(const struct test_records *z, const struct test_record *r)
{
	for (size_t i = 0; i < z->count; i++)
		if (memcmp(&z->of[i], r, sizeof *r) == 0)
			return true;
	return false;
}

static void say_difference(struct delta *d, const struct test_records *from,
                           const struct test_records *to)
{
	for (size_t i = 0; i < from->count; i++)
		if (!has(to, &from->of[i]))
			say(d, DELTA_GOES, &from->of[i]);
	for (size_t i = 0; i < to->count; i++)
		if (!has(from, &to->of[i]))
			say(d, DELTA_COMES, &to->of[i]);
}

static struct delta *new_delta(uint32_t from, uint32_t to)
{
	struct delta *d = delta_new(apex);

	d->from = from;
	d->to = to;
	return d;
}

static int view_of(struct delta *d, struct change_view *v)
{
	delta_end(d);
	return delta_view(txn, &zone, d, arena, v);
}

static void a_delta_makes_one_zone_of_another(UNUSED void **state)
{
	static struct test_records zones[4];
	struct change_view v;

	for (unsigned round = 0; round < 400; round++) {
		unsigned steps = 1 + random_below(3);

		for (unsigned i = 0; i <= steps; i++)
			random_zone(&zones[i], 1 + i);
		begin(&zones[0], 1);
		struct delta *d = new_delta(1, 1 + steps);
		for (unsigned i = 0; i < steps; i++)
			say_difference(d, &zones[i], &zones[i + 1]);
		assert_int_equal(view_of(d, &v), 0);
		test_put_view(txn, &zone, &v);
		expect_store(&zones[steps]);
		/* A second time it does not fit, or it says nothing new. */
		int err = delta_view(txn, &zone, d, arena, &v);
		assert_true(err == ERR_STALE || (err == 0 && !v.changed));
		delta_free(d);
		end();
	}
}

/* One zone for the cases by themselves. */
static struct test_records *small_zone(void)
{
	static struct test_records z;

	z.count = 0;
	add_soa(&z, 1);
	add_address(&z, "www", 300, 1);
	add_signature(&z, "www", RRTYPE_A, 300, 1);
	return &z;
}

static struct test_record address(const char *owner, uint32_t ttl, uint8_t last)
{
	static struct test_records z;

	z.count = 0;
	add_address(&z, owner, ttl, last);
	return z.of[0];
}

static int one_step(enum delta_way way, const struct test_record *r)
{
	struct delta *d = new_delta(1, 2);
	struct change_view v;

	say(d, way, r);
	int err = view_of(d, &v);
	delta_free(d);
	return err;
}

static void what_does_not_fit_is_refused(UNUSED void **state)
{
	struct test_record www = address("www", 300, 1);
	struct test_record other = address("www", 300, 2);
	struct test_record nobody = address("nobody", 300, 1);
	struct delta *d = new_delta(1, 2);
	struct change_view v;

	begin(small_zone(), 1);
	assert_int_equal(one_step(DELTA_GOES, &other), ERR_STALE);
	assert_int_equal(one_step(DELTA_GOES, &nobody), ERR_STALE);
	assert_int_equal(one_step(DELTA_GOES, &www), 0);
	assert_int_equal(one_step(DELTA_COMES, &other), 0);

	say(d, DELTA_GOES, &www);
	say(d, DELTA_GOES, &www);
	assert_int_equal(view_of(d, &v), ERR_STALE);
	delta_free(d);

	zone.serial = 7;
	assert_int_equal(one_step(DELTA_GOES, &www), ERR_STALE);
	zone.serial = 1;
	zone.loaded = false;
	assert_int_equal(one_step(DELTA_GOES, &www), ERR_STALE);
	end();
}

static void the_ttl_of_what_goes_does_not_matter(UNUSED void **state)
{
	struct test_record www = address("www", 12345, 1);

	begin(small_zone(), 1);
	assert_int_equal(one_step(DELTA_GOES, &www), 0);
	end();
}

static void an_rrset_gets_the_ttl_of_what_comes(UNUSED void **state)
{
	struct test_record other = address("WWW", 60, 2);
	struct delta *d = new_delta(1, 2);
	struct change_view v;
	struct rrset set;

	begin(small_zone(), 1);
	say(d, DELTA_COMES, &other);
	assert_int_equal(view_of(d, &v), 0);
	assert_int_equal(v.count, 1);
	assert_int_equal(rrset_open(RRTYPE_A, v.sets[0].blob, v.sets[0].size, &set), 0);
	assert_int_equal(set.ttl, 60);
	assert_int_equal(set.sig_ttl, 300);
	assert_int_equal(set.count, 2);
	assert_int_equal(set.sig_count, 1);
	delta_free(d);
	end();
}

static void what_goes_and_comes_again_is_no_change(UNUSED void **state)
{
	struct test_record www = address("www", 300, 1);
	struct delta *d = new_delta(1, 2);
	struct change_view v;

	begin(small_zone(), 1);
	say(d, DELTA_GOES, &www);
	say(d, DELTA_COMES, &www);
	assert_int_equal(view_of(d, &v), 0);
	assert_int_equal(v.count, 0);
	assert_false(v.changed);
	delta_free(d);
	end();
}

static void what_comes_and_is_there_stays(UNUSED void **state)
{
	struct test_record www = address("www", 300, 1);
	struct test_record other = address("www", 300, 2);
	struct delta *d = new_delta(1, 3);
	struct change_view v;
	struct rrset set;

	begin(small_zone(), 1);
	say(d, DELTA_COMES, &www);
	say(d, DELTA_COMES, &www);
	assert_int_equal(view_of(d, &v), 0);
	assert_false(v.changed);
	delta_free(d);

	d = new_delta(1, 3);
	say(d, DELTA_COMES, &www);
	say(d, DELTA_COMES, &other);
	say(d, DELTA_COMES, &other);
	assert_int_equal(view_of(d, &v), 0);
	assert_int_equal(v.count, 1);
	assert_int_equal(rrset_open(RRTYPE_A, v.sets[0].blob, v.sets[0].size, &set), 0);
	assert_int_equal(set.count, 2);
	delta_free(d);

	d = new_delta(1, 3);
	say(d, DELTA_COMES, &www);
	say(d, DELTA_GOES, &www);
	assert_int_equal(view_of(d, &v), 0);
	assert_true(v.changed);
	delta_free(d);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_delta_makes_one_zone_of_another, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(the_ttl_of_what_goes_does_not_matter,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(an_rrset_gets_the_ttl_of_what_comes,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(what_comes_and_is_there_stays, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_goes_and_comes_again_is_no_change,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
