#include "control/change/change.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t zone_name[] = "\7Example";
static const uint8_t owner[] = "\3WWW\7example";

static struct edit *new_edit(struct change **c, uint16_t type)
{
	*c = change_new(actor_self());
	struct zone_change *z = change_zone(*c, ZONE_EDIT, zone_name);
	struct edit *e = change_edit(*c, z, EDIT_REPLACE, owner, type);

	e->set_records = true;
	e->ttl = 300;
	return e;
}

static int add(struct change *c, struct edit *e, const char *rdata, size_t len,
               bool disabled)
{
	return change_edit_record(c, e, (const uint8_t *)rdata, len, disabled);
}

static void names_are_folded_and_pieces_keep_their_order(void **state)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_WRITER, "someone");
	struct change *c = change_new(a);

	(void)state;
	actor_release(&a);
	assert_string_equal(c->actor->name, "someone");
	assert_string_equal(c->why, "");
	c->why = change_text(c, "a test");
	for (unsigned i = 0; i < 40; i++) {
		struct zone_change *z = change_zone(c, ZONE_EDIT, zone_name);
		for (unsigned j = 0; j <= i; j++)
			change_edit(c, z, EDIT_DELETE, owner, (uint16_t)(j + 1))->where =
				j;
	}
	assert_int_equal(c->zone_count, 40);
	assert_memory_equal(c->zones[7].name, "\7example", 9);
	assert_int_equal(c->zones[39].edit_count, 40);
	assert_memory_equal(c->zones[39].edits[31].owner, "\3www\7example", 13);
	assert_int_equal(c->zones[39].edits[31].type, 32);
	assert_int_equal(c->zones[39].edits[31].where, 31);
	assert_string_equal(c->why, "a test");
	change_free(&c);
	assert_null(c);
	change_free(&c);
}

static void items_are_copied(void **state)
{
	struct change *c = change_new(actor_self());
	char text[] = "text";

	(void)state;
	change_item(c, STORE_APIKEY, text, 2, text, 4)->secret = true;
	change_item(c, STORE_CONFIG, text, 4, NULL, 0);
	memset(text, 'x', 4);
	assert_int_equal(c->item_count, 2);
	assert_int_equal(c->items[0].list, STORE_APIKEY);
	assert_memory_equal(c->items[0].key, "te", 2);
	assert_memory_equal(c->items[0].value, "text", 4);
	assert_true(c->items[0].secret);
	assert_null(c->items[1].value);
	change_free(&c);
}

static void records_are_sorted_whatever_their_order(void **state)
{
	struct change *c;
	struct edit *e = new_edit(&c, RRTYPE_A);
	struct rrset set;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned n = i * 7919 % 1000;
		uint8_t address[4] = {192, 0, (uint8_t)(n >> 8), (uint8_t)n};

		assert_int_equal(change_edit_record(c, e, address, 4, n % 3 == 0), 0);
		assert_int_equal(change_edit_record(c, e, address, 4, false), ERR_EXISTS);
		assert_int_equal(change_edit_record(c, e, address, 4, true), ERR_EXISTS);
	}
	assert_int_equal(rrset_open(RRTYPE_A, e->hidden, e->hidden_size, &set), 0);
	assert_int_equal(set.count, 334);
	assert_int_equal(rrset_open(RRTYPE_A, e->blob, e->blob_size, &set), 0);
	assert_int_equal(set.count, 666);
	const uint8_t *at = rrset_first(&set);
	struct rdata last = rrset_next(&at);
	for (unsigned i = 1; i < set.count; i++) {
		struct rdata d = rrset_next(&at);
		assert_true(memcmp(last.bytes, d.bytes, 4) < 0);
		last = d;
	}
	change_free(&c);
}

static void names_that_differ_in_case_are_one_record(void **state)
{
	struct change *c;
	struct edit *e = new_edit(&c, RRTYPE_NS);

	(void)state;
	assert_int_equal(add(c, e, "\2ns\7example", 12, false), 0);
	assert_int_equal(add(c, e, "\2NS\7example", 12, false), ERR_EXISTS);
	assert_int_equal(add(c, e, "\2nt\7example", 12, false), 0);
	change_free(&c);
}

static void rdata_of_another_type_is_refused(void **state)
{
	struct change *c;
	struct edit *e = new_edit(&c, RRTYPE_A);

	(void)state;
	assert_int_equal(add(c, e, "12345", 5, false), ERR_CORRUPT);
	assert_int_equal(add(c, e, "123", 3, true), ERR_CORRUPT);
	assert_int_equal(add(c, e, "", 0, false), ERR_CORRUPT);
	assert_null(e->blob);
	assert_int_equal(e->blob_size, 0);
	e->type = RRTYPE_NS;
	assert_int_equal(add(c, e, "\2ns\7example", 11, false), ERR_CORRUPT);
	change_free(&c);
}

static void too_many_records_are_refused(void **state)
{
	static uint8_t text[60001];
	struct change *c;
	struct edit *e = new_edit(&c, 65280);

	(void)state;
	assert_int_equal(change_edit_record(c, e, text, 60000, false), 0);
	assert_int_equal(change_edit_record(c, e, text, 60001, false), ERR_TOOBIG);
	assert_int_equal(change_edit_record(c, e, text, 5531, false), 0);
	assert_int_equal(change_edit_record(c, e, text, 1, false), ERR_TOOBIG);
	assert_int_equal(change_edit_record(c, e, text, 60001, true), 0);
	change_free(&c);
}

static void comments_keep_their_order(void **state)
{
	struct change *c;
	struct edit *e = new_edit(&c, RRTYPE_A);

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		change_edit_comment(c, e, i % 2 ? "odd" : "even", "text", i);
	assert_int_equal(e->comment_count, 9);
	assert_string_equal(e->comments[3].account, "odd");
	assert_string_equal(e->comments[4].content, "text");
	assert_int_equal(e->comments[8].modified_at, 8);
	change_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_folded_and_pieces_keep_their_order),
		cmocka_unit_test(items_are_copied),
		cmocka_unit_test(records_are_sorted_whatever_their_order),
		cmocka_unit_test(names_that_differ_in_case_are_one_record),
		cmocka_unit_test(rdata_of_another_type_is_refused),
		cmocka_unit_test(too_many_records_are_refused),
		cmocka_unit_test(comments_keep_their_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
