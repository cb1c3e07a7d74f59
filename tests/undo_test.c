/*
 * A change that fails leaves no trace. Random changes of zones are made with so little room left
 * in the segment that they fail, at one allocation after the other until they succeed; after each
 * failure the table must answer as one that was built from the old zones, hold the same names in
 * the same memory once the grace period is over, and take the change when there is room again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/table/internal.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum {
	ROUNDS = 25,
	NAMES = 48,
	ZONE_TEXT = 1 << 18,
	ROOM_STEP = 48, /* bytes: less than most objects take */
	QUESTIONS = 60,
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

/* ---- zones ---- */

static const char *const owners[] = {"n", "*.w", "a.b", "c.b", "d.c.b", "x.cut", "*.c.b"};

/* What there is of a zone is drawn from its seed; zones of neighbouring seeds differ in little. */
static bool is_there(uint64_t seed, unsigned i)
{
	return ((seed + i * 7) / 3) % 5 != 0;
}

static void put_name(char *to, uint64_t seed, unsigned i)
{
	const char *owner = owners[i % ARRAY_LEN(owners)];
	unsigned version = (unsigned)((seed + i) / 4 % 200);

	switch (i % 5) {
	case 0: sprintf(to, "%s%u 60 A 192.0.2.%u\n", owner, i, version); break;
	case 1: sprintf(to, "%s%u 60 MX %u n0\n", owner, i, version); break;
	case 2: sprintf(to, "%s%u 60 NS n%u\n", owner, i, version % NAMES); break;
	case 3: sprintf(to, "%s%u 60 CNAME n%u\n", owner, i, version % NAMES); break;
	default: sprintf(to, "%s%u 60 TXT %0*u\n", owner, i, 240, version); break;
	}
}

static void plain_zone(char *text, uint64_t seed)
{
	text += sprintf(text, "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n", (unsigned)seed);
	for (unsigned i = 0; i < NAMES; i++) {
		if (!is_there(seed, i))
			continue;
		put_name(text, seed, i);
		text += strlen(text);
	}
}

/* With a chain of NSEC records, so that the denial index changes as well. */
static void signed_zone(char *text, uint64_t seed)
{
	static const char none[] = "@";
	char first[16] = "@";

	text += sprintf(text, "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n", (unsigned)seed);
	for (unsigned i = NAMES * 4; i > 0; i--) {
		if (!is_there(seed, i))
			continue;
		text += sprintf(text, "k%03u 60 A 192.0.2.%u\nk%03u 60 NSEC %s A NSEC\n",
		                i, (unsigned)(seed + i) / 6 % 250, i,
		                first[0] == '@' ? none : first);
		snprintf(first, sizeof first, "k%03u", i);
	}
	sprintf(text, "@ 60 NSEC %s NS SOA NSEC\n", first);
}

typedef void make_zone(char *text, uint64_t seed);

static const char child_text[] =
	"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nb 60 A 192.0.2.99\n*.c 60 TXT child\n";

/* ---- comparing ---- */

static void compare_one(struct harness *a, struct harness *b, const struct question *q)
{
	uint8_t message[512];
	size_t len = harness_query(q, message);
	size_t a_len = harness_ask(a, message, len, true);
	size_t b_len = harness_ask(b, message, len, true);

	if (a_len != b_len || memcmp(a->reply, b->reply, a_len) != 0)
		fail_msg("%s type %u: %zu bytes against %zu", q->name, q->type, a_len,
		         b_len);
}

static void draw_name(char *to, size_t size)
{
	unsigned i = draw(NAMES);
	const char *owner = owners[i % ARRAY_LEN(owners)];

	switch (draw(5)) {
	case 0: snprintf(to, size, "b.x.example."); break;
	case 1: snprintf(to, size, "k%03u.x.example.", i); break;
	case 2: snprintf(to, size, "b.%s%u.x.example.", owner, i); break;
	case 3: snprintf(to, size, "%s%u.b.x.example.", owner, i); break;
	default: snprintf(to, size, "%s%u.x.example.", owner, i); break;
	}
}

static void compare(struct harness *a, struct harness *b)
{
	static const uint16_t types[] = {RRTYPE_A, RRTYPE_NS, RRTYPE_MX, RRTYPE_TXT,
	                                 RRTYPE_SOA};

	for (unsigned i = 0; i < QUESTIONS; i++) {
		char name[256];
		draw_name(name, sizeof name);
		struct question q = {
			.name = name,
			.type = types[draw(ARRAY_LEN(types))],
			.udp_size = 1232,
			.dnssec = draw(2),
		};
		compare_one(a, b, &q);
	}
}

/* ---- changing ---- */

/* What one commit does: new contents, and the hosted child comes or goes. */
struct trial {
	struct contents *parent; /* NULL: it stays as it is */
	struct contents *child;  /* NULL: it is not wanted */
	bool touch_child;
};

static struct contents *parse(const char *origin, const char *text)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *contents = NULL;
	struct diag diag;

	diag_init(&diag);
	harness_name(origin, apex);
	int err = zonefile_parse(text, strlen(text), "test", apex, &contents, &diag);
	if (err == 0)
		err = contents_check(contents, &diag);
	if (err < 0)
		diag_print(&diag, stderr);
	assert_int_equal(err, 0);
	diag_fini(&diag);
	return contents;
}

static int put_zone(struct committer *c, const char *origin,
                    const struct contents *contents)
{
	uint8_t apex[NAME_MAX_LEN];
	struct commit_report report;

	harness_name(origin, apex);
	struct zone *z = registry_find(c->registry, apex);
	if (!z)
		TRY(commit_zone_add(c, apex, true, &z));
	return commit_zone_contents(c, z, contents, NULL, &report);
}

static int remove_zone(struct committer *c, const char *origin)
{
	uint8_t apex[NAME_MAX_LEN];

	harness_name(origin, apex);
	struct zone *z = registry_find(c->registry, apex);
	return z ? commit_zone_remove(c, z) : 0;
}

static int prepare(struct committer *c, const struct trial *change)
{
	if (change->parent)
		TRY(put_zone(c, "x.example", change->parent));
	if (!change->touch_child)
		return 0;
	return change->child ? put_zone(c, "b.x.example", change->child)
	                     : remove_zone(c, "b.x.example");
}

/* With so many bytes of room for new objects and none given back yet. */
static int attempt(struct committer *c, const struct trial *change, uint64_t bytes)
{
	struct room *room = &c->writer->room;
	struct room before = *room;

	memset(room->lists, 0, sizeof room->lists);
	room->free = 0;
	room->reserve = 0; /* room is counted to the octet */
	room->end = room->at + bytes < before.end ? room->at + bytes : before.end;
	assert_int_equal(commit_begin(c), 0);
	int err = prepare(c, change);
	if (err == 0 && writer_failed(c->writer))
		err = ERR_FULL;
	if (err < 0)
		commit_abandon(c);
	room->end = before.end;
	room->free = before.free;
	memcpy(room->lists, before.lists, sizeof room->lists);
	return err < 0 ? err : commit_finish(c);
}

/* Buckets that were added to full ones. They stay when the change that needed them fails, as all
 * growth of the hash does; the next names that fall there use them. */
static uint64_t overflow_bytes(const struct buckets *b)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < b->count; i++) {
		table_ref more = table_bucket_overflow(&b->at[i]);
		while (more) {
			bytes += sizeof(struct table_bucket);
			more = table_bucket_overflow(table_at(b->base, more));
		}
	}
	return bytes;
}

static void settle(struct committer *c, struct writer_usage *usage)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(committer_tick(c), 0);
	writer_usage(c->writer, usage);
	usage->used -= usage->buckets * sizeof(struct table_bucket) +
	               overflow_bytes(&c->writer->buckets);
	assert_int_equal(usage->retired, 0);
}

static void expect_same(const struct writer_usage *a, const struct writer_usage *b)
{
	assert_int_equal(a->used, b->used);
	assert_int_equal(a->names, b->names);
}

/* Fails until it succeeds. Gives how often it failed. */
static unsigned change_at_last(struct harness *h, struct harness *old,
                               const struct trial *change)
{
	struct committer *c = &h->committer;
	uint64_t generation = c->generation;
	struct writer_usage before;
	struct writer_usage after;
	unsigned failures = 0;

	settle(c, &before);
	while (attempt(c, change, (uint64_t)failures * ROOM_STEP) < 0) {
		failures++;
		compare(h, old);
		settle(c, &after);
		expect_same(&before, &after);
		compare(h, old);
	}
	assert_int_equal(c->generation, generation);
	return failures;
}

static struct harness *from_scratch(const struct trial *change)
{
	struct harness *h = harness_open();

	assert_int_equal(attempt(&h->committer, change, UINT64_MAX >> 1), 0);
	return h;
}

/* Changes h, and puts what it must be equal to in the place of *same. */
static unsigned change_both(struct harness *h, struct harness **same,
                            const struct trial *change, const struct trial *whole)
{
	unsigned failures = change_at_last(h, *same, change);

	harness_close(*same);
	*same = from_scratch(whole);
	compare(h, *same);
	return failures;
}

static void run(make_zone *make, uint64_t seed)
{
	char *text = malloc(ZONE_TEXT);
	struct harness *h = harness_open();
	struct harness *same = harness_open();
	struct contents *child = parse("b.x.example.", child_text);
	unsigned failures = 0;

	state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	for (unsigned round = 0; round < ROUNDS; round++) {
		make(text, seed * 1000 + round);
		struct trial whole = {
			.parent = parse("x.example.", text),
			.child = draw(3) == 0 ? child : NULL,
			.touch_child = true,
		};
		failures += change_both(h, &same, &whole, &whole);
		struct trial alone = {
			.child = whole.child ? NULL : child,
			.touch_child = true,
		};
		whole.child = alone.child;
		failures += change_both(h, &same, &alone, &whole);
		contents_free(whole.parent);
	}
	assert_true(failures > ROUNDS);
	contents_free(child);
	harness_close(same);
	harness_close(h);
	free(text);
}

static void a_failed_change_of_a_zone_leaves_no_trace(void **unused)
{
	(void)unused;
	for (uint64_t seed = 0; seed < 3; seed++)
		run(plain_zone, seed);
}

static void a_failed_change_of_a_signed_zone_leaves_no_trace(void **unused)
{
	(void)unused;
	run(signed_zone, 7);
}

/* Buckets are added while a change is prepared, and stay when it is withdrawn. */
static void growth_outlives_the_change_that_caused_it(void **unused)
{
	enum { MANY = 3000 };
	char *text = malloc(ZONE_TEXT);
	char *to = text;
	struct harness *h = harness_open();
	struct writer_usage before;
	struct writer_usage after;
	struct writer_usage changed;

	(void)unused;
	plain_zone(text, 1);
	struct trial small = {.parent = parse("x.example.", text)};
	to += sprintf(to, "@ 60 SOA ns h 9 1 1 1 60\n@ 60 NS ns\n");
	for (unsigned i = 0; i < MANY; i++)
		to += sprintf(to, "m%u 60 A 192.0.2.1\n", i);
	struct trial large = {.parent = parse("x.example.", text)};
	assert_int_equal(attempt(&h->committer, &small, UINT64_MAX >> 1), 0);
	struct harness *same = from_scratch(&small);
	settle(&h->committer, &before);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(commit_begin(&h->committer), 0);
		assert_int_equal(prepare(&h->committer, &large), 0);
		commit_abandon(&h->committer);
		settle(&h->committer, &after);
		assert_true(after.buckets > before.buckets);
		assert_int_equal(after.names, before.names);
		compare(h, same);
	}
	assert_int_equal(attempt(&h->committer, &large, UINT64_MAX >> 1), 0);
	settle(&h->committer, &changed);
	assert_int_equal(changed.names, MANY + 3); /* apex, its parent, the root */
	harness_close(same);
	same = from_scratch(&large);
	compare(h, same);
	harness_close(same);
	harness_close(h);
	contents_free(small.parent);
	contents_free(large.parent);
	free(text);
}

static void zones_that_were_removed_come_back_where_they_were(void **unused)
{
	static char text[ZONE_TEXT];
	struct harness *h = harness_open();
	struct committer *c = &h->committer;
	struct registry_totals before;
	struct registry_totals after;
	uint8_t apex[NAME_MAX_LEN];

	(void)unused;
	plain_zone(text, 1);
	struct trial change = {
		.parent = parse("x.example.", text),
		.child = parse("b.x.example.", child_text),
		.touch_child = true,
	};
	assert_int_equal(attempt(c, &change, UINT64_MAX >> 1), 0);
	registry_totals(c->registry, &before);
	harness_name("x.example", apex);
	struct zone *z = registry_find(c->registry, apex);
	struct zone was = *z;
	assert_int_equal(commit_begin(c), 0);
	assert_int_equal(remove_zone(c, "x.example"), 0);
	assert_int_equal(remove_zone(c, "b.x.example"), 0);
	assert_null(registry_find(c->registry, apex));
	assert_int_equal(prepare(c, &change), 0);
	assert_ptr_not_equal(registry_find(c->registry, apex), z);
	commit_abandon(c);
	assert_ptr_equal(registry_find(c->registry, apex), z);
	assert_memory_equal(&z->table, &was.table, sizeof was.table);
	assert_int_equal(registry_count(c->registry), 2);
	registry_totals(c->registry, &after);
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(after.served, 2);
	struct harness *same = from_scratch(&change);
	compare(h, same);
	harness_close(same);
	harness_close(h);
	contents_free(change.parent);
	contents_free(change.child);
}

/* There is room for the table in the segment that it has, but not in the next one. */
static void a_table_that_cannot_be_built_anew_goes_on(void **unused)
{
	enum { MANY = 26000, ROW = 300, SMALL_MB = 8 };
	char *text = malloc((size_t)MANY * ROW);
	char *to = text;
	struct harness *h = harness_open();
	struct committer *c = &h->committer;
	struct question gone = {.name = "m7.x.example.", .type = RRTYPE_TXT};

	(void)unused;
	to += sprintf(to, "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n@ 60 NSEC m1 NS SOA\n");
	for (unsigned i = 0; i < MANY; i++)
		to += sprintf(to, "m%u 60 TXT %0*u\n", i, 240, i);
	struct trial large = {
		.parent = parse("x.example.", text),
		.child = parse("b.x.example.", child_text),
		.touch_child = true,
	};
	assert_int_equal(attempt(c, &large, UINT64_MAX >> 1), 0);
	uint64_t generation = c->generation;
	h->config.table_limit_mb = SMALL_MB;
	assert_int_equal(committer_rebuild(c), ERR_TABLE_FULL);
	assert_int_equal(c->generation, generation);
	signed_zone(text, 5);
	struct trial other = {
		.parent = parse("x.example.", text),
		.child = large.child,
		.touch_child = true,
	};
	assert_int_equal(attempt(c, &other, UINT64_MAX >> 1), 0);
	struct harness *same = from_scratch(&other);
	compare(h, same);
	compare_one(h, same, &gone);
	assert_int_equal(committer_rebuild(c), 0);
	compare(h, same);
	harness_close(same);
	harness_close(h);
	contents_free(large.parent);
	contents_free(large.child);
	contents_free(other.parent);
	free(text);
}

/* A new zone's first contents are refused like any others. */
static void a_new_zone_that_cannot_be_compiled_is_not_added(void **unused)
{
	enum { EXCHANGES = 2100 };
	char *text = malloc(ZONE_TEXT);
	char *to = text;
	struct harness *h = harness_open();
	uint8_t apex[NAME_MAX_LEN];

	(void)unused;
	to += sprintf(to, "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n");
	for (unsigned i = 0; i < EXCHANGES; i++)
		to += sprintf(to, "big 60 MX 10 h%u\n", i);
	struct trial change = {.parent = parse("x.example.", text)};
	assert_int_equal(attempt(&h->committer, &change, UINT64_MAX >> 1), ERR_TOOBIG);
	harness_name("x.example", apex);
	assert_null(registry_find(h->committer.registry, apex));
	assert_int_equal(registry_count(h->committer.registry), 0);
	harness_close(h);
	contents_free(change.parent);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_change_of_a_zone_leaves_no_trace),
		cmocka_unit_test(a_failed_change_of_a_signed_zone_leaves_no_trace),
		cmocka_unit_test(growth_outlives_the_change_that_caused_it),
		cmocka_unit_test(zones_that_were_removed_come_back_where_they_were),
		cmocka_unit_test(a_table_that_cannot_be_built_anew_goes_on),
		cmocka_unit_test(a_new_zone_that_cannot_be_compiled_is_not_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
