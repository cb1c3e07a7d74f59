/*
 * What a change costs is counted here in searches of the store, since time says little on a
 * machine that does other things: the same in a small zone and in a large one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/store/store.h"
#include "tests/harness.h"

enum {
	SMALL = 400,
	LARGE = 4000,
	CHANGED = 10,
	LINE = 96,
	OF_DIFF = 1, /* the merge of old and new contents begins with one */
	OF_APEX = 1, /* how is the zone signed? */
};

static unsigned seeks;

/* The linker calls these for store_cursor_seek() and by its own name. */
int __real_store_cursor_seek(struct store_cursor *c, const uint8_t *key, size_t key_len,
                             struct store_entry *out);
int __wrap_store_cursor_seek(struct store_cursor *c, const uint8_t *key, size_t key_len,
                             struct store_entry *out);

int __wrap_store_cursor_seek(struct store_cursor *c, const uint8_t *key, size_t key_len,
                             struct store_entry *out)
{
	seeks++;
	return __real_store_cursor_seek(c, key, key_len, out);
}

struct shape {
	unsigned names;
	unsigned address; /* of the names that change */
	unsigned added;   /* names beyond the others */
	bool is_signed;   /* has NSEC records, one of them at each name */
};

static void load(struct harness *h, const struct shape *shape, unsigned serial)
{
	char *text = malloc((size_t)(shape->names + shape->added + 4) * 2 * LINE);
	size_t len =
		(size_t)sprintf(text, "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n", serial);

	if (shape->is_signed)
		len += (size_t)sprintf(text + len, "@ 60 NSEC n0.a A NS SOA NSEC\n");
	for (unsigned i = 0; i < shape->names; i++) {
		bool changes = i % (shape->names / CHANGED) == 0;
		len += (size_t)sprintf(text + len, "n%u.a 60 A 192.0.2.%u\n", i,
		                       changes ? shape->address : 1);
		if (shape->is_signed)
			len += (size_t)sprintf(text + len, "n%u.a 60 NSEC @ A NSEC\n", i);
	}
	for (unsigned i = 0; i < shape->added; i++)
		len += (size_t)sprintf(text + len, "new%u.a 60 A 192.0.2.1\n", i);
	seeks = 0;
	assert_int_equal(harness_load(h, "x.example", text, NULL, NULL), 0);
	free(text);
}

/* Searches that the second shape takes after the first. */
static unsigned cost(const struct shape *before, const struct shape *after)
{
	struct harness *h = harness_open();

	load(h, before, 1);
	load(h, after, 2);
	harness_close(h);
	return seeks;
}

static void a_changed_rrset_is_looked_up_once(void **unused)
{
	(void)unused;
	for (unsigned names = SMALL; names <= LARGE; names = names * 10) {
		struct shape before = {.names = names, .address = 1};
		struct shape after = {.names = names, .address = 2};
		assert_int_equal(cost(&before, &after), OF_DIFF + OF_APEX + CHANGED);
	}
}

/* The apex once more for the version, which names the finished index. */
static void a_signed_zone_costs_one_more(void **unused)
{
	(void)unused;
	for (unsigned names = SMALL; names <= LARGE; names = names * 10) {
		struct shape before = {.names = names, .address = 1, .is_signed = true};
		struct shape after = {.names = names, .address = 2, .is_signed = true};
		assert_int_equal(cost(&before, &after), OF_DIFF + OF_APEX + CHANGED + 1);
	}
}

/* Twice: is it still there, and what is there now? And the apex again. */
static void a_new_name_is_looked_up_twice(void **unused)
{
	(void)unused;
	for (unsigned names = SMALL; names <= LARGE; names = names * 10) {
		struct shape before = {.names = names, .address = 1};
		struct shape after = {.names = names, .address = 1, .added = CHANGED};
		assert_int_equal(cost(&before, &after),
		                 OF_DIFF + OF_APEX + 1 + 2 * CHANGED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_rrset_is_looked_up_once),
		cmocka_unit_test(a_signed_zone_costs_one_more),
		cmocka_unit_test(a_new_name_is_looked_up_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
