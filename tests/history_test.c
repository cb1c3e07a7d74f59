/*
 * The past of a zone where the log does not hold all of it, or where whoever asks may not see or do
 * all: what cannot be told is refused, and nothing is made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/history/revert.h"
#include "control/history/told.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum { CHANGES = 6 };

static const char zone_text[] =
	"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n";

static const char other_text[] =
	"@ 60 SOA ns h 30 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.9\nnew 60 A 192.0.2.9\n";

/* The harness loads without a log, as if its beginning were lost. */
static struct harness *with_zone(void)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "x.example", zone_text, NULL, NULL), 0);
	return h;
}

static struct change *a_change(struct actor *actor, struct zone_change **out)
{
	uint8_t name[NAME_MAX_LEN];
	struct change *c = change_new(actor);

	harness_name("x.example", name);
	*out = change_zone(c, ZONE_EDIT, name);
	return c;
}

static uint64_t run(struct harness *h, struct change *c)
{
	struct change_result r;
	struct commit_item item = {c, &r};

	assert_int_equal(commit_group(&h->committer, &item, 1), 1);
	assert_int_equal(r.err, 0);
	change_free(&c);
	return r.seq;
}

/* Gives the number of the change. */
static uint64_t set_address(struct harness *h, const char *owner, uint8_t last)
{
	const uint8_t address[] = {192, 0, 2, last};
	uint8_t name[NAME_MAX_LEN];
	struct zone_change *z;
	struct change *c = a_change(actor_self(), &z);

	harness_name(owner, name);
	struct edit *e = change_edit(c, z, EDIT_REPLACE, name, RRTYPE_A);
	e->set_records = true;
	e->ttl = 60;
	assert_int_equal(change_edit_record(c, e, address, sizeof address, false), 0);
	return run(h, c);
}

/* Changes 1 to CHANGES: the address of h1.x.example and so on becomes that number. */
static void make_changes(struct harness *h)
{
	char owner[32];

	for (unsigned i = 1; i <= CHANGES; i++) {
		(void)snprintf(owner, sizeof owner, "h%u.x.example", i);
		assert_int_equal(set_address(h, owner, (uint8_t)i), i);
	}
}

static unsigned address_of(struct harness *h, const char *name)
{
	struct question q = {.name = name, .type = RRTYPE_A};
	uint8_t message[512];
	size_t len = harness_ask(h, message, harness_query(&q, message), false);

	return h->reply[7] == 1 ? h->reply[len - 1] : 0;
}

static uint32_t serial_of(struct harness *h)
{
	uint8_t name[NAME_MAX_LEN];

	harness_name("x.example", name);
	return registry_find(h->committer.registry, name)->serial;
}

static void trim(struct harness *h, uint64_t below, size_t most)
{
	struct store_txn *t;
	size_t done;

	assert_int_equal(store_begin_write(h->committer.store, &t), 0);
	assert_int_equal(store_log_trim(t, below, most, &done), 0);
	assert_true(done > 0);
	assert_int_equal(store_commit(&t), 0);
}

/* A look at the zone's history. */
struct look {
	struct store_txn *txn;
	struct store_zone zone;
	struct history history;
};

static struct look *look_open(struct harness *h)
{
	struct look *l = calloc(1, sizeof *l);
	uint8_t name[NAME_MAX_LEN];

	assert_non_null(l);
	harness_name("x.example", name);
	assert_int_equal(store_begin_read(h->committer.store, &l->txn), 0);
	assert_int_equal(store_zone_get(l->txn, name, &l->zone), 0);
	assert_int_equal(history_open(l->txn, &l->zone, &l->history), 0);
	return l;
}

static void look_close(struct look *l)
{
	store_abort(&l->txn);
	free(l);
}

static void expect_state(struct harness *h, const char *text, uint64_t seq,
                         uint32_t serial)
{
	struct look *l = look_open(h);
	struct history_state s;

	assert_int_equal(history_state_find(&l->history, text, &s), 0);
	assert_int_equal(s.seq, seq);
	assert_int_equal(s.serial, serial);
	look_close(l);
}

static void expect_no_state(struct harness *h, const char *text, int err, const char *why)
{
	struct look *l = look_open(h);
	struct history_state s;

	assert_int_equal(history_state_find(&l->history, text, &s), err);
	assert_string_equal(l->history.text, why);
	look_close(l);
}

/* Gives what revert_make() gave; when that was 0 it is done. */
static int revert(struct harness *h, struct actor *actor, json_t *args, char *why)
{
	struct look *l = look_open(h);
	struct zone_change *z;
	struct change *c = a_change(actor, &z);
	json_t *result = json_object();

	int err = revert_make(&l->history, args, c, result);
	(void)snprintf(why, HISTORY_TEXT_SIZE, "%s", err < 0 ? l->history.text : c->why);
	look_close(l);
	json_decref(result);
	json_decref(args);
	if (err == 0)
		(void)run(h, c);
	else
		change_free(&c);
	return err;
}

static struct actor *a_key(const char *tenant)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_WRITER, "somebody");

	(void)snprintf(a->key_id, sizeof a->key_id, "%s", "0123456789abcdef");
	(void)snprintf(a->tenant, sizeof a->tenant, "%s", tenant);
	return a;
}

/* ---- a beginning that is not there ---- */

static void what_was_before_the_log_is_not_known(void **unused)
{
	struct harness *h = with_zone();
	char why[HISTORY_TEXT_SIZE];

	(void)unused;
	make_changes(h);
	expect_state(h, "now", 6, 7);
	expect_state(h, "change:0", 0, 1);
	expect_state(h, "serial:1", 0, 1);
	trim(h, 3, 100);
	expect_state(h, "change:4", 4, 5);
	expect_state(h, "change:2", 0, 3);
	expect_state(h, "serial:3", 0, 3);
	expect_no_state(
		h, "change:1", ERR_REFUSED,
		"zone x.example. after change 1 is not known any more: the log begins "
		"with change 3");
	expect_no_state(
		h, "serial:2", ERR_REFUSED,
		"zone x.example. has had no serial 2, as far back as the log goes "
		"(change 3)");
	expect_no_state(
		h, "1970-01-02", ERR_REFUSED,
		"zone x.example. at that time is not known any more: the log begins "
		"with change 3");
	expect_state(h, "2999-12-31T23:59:59.5Z", 6, 7);
	expect_no_state(h, "change:7", ERR_REFUSED, "there is no change 7 yet");
	expect_no_state(h, "7:", ERR_SYNTAX,
	                "\"7:\" is none of now, change:N, serial:N, N and a time");
	assert_int_equal(revert(h, actor_self(), json_pack("{s:i}", "change", 2), why),
	                 ERR_REFUSED);
	assert_string_equal(
		why, "change 2 is not in the log any more, which begins with change 3");
	assert_int_equal(
		revert(h, actor_self(), json_pack("{s:s}", "to", "serial:3"), why), 0);
	assert_string_equal(why, "revert to serial 3");
	assert_int_equal(address_of(h, "h2.x.example."), 2);
	assert_int_equal(address_of(h, "h3.x.example."), 0);
	assert_int_equal(serial_of(h), 8);
	harness_close(h);
}

/* The header of change 2 is gone, and its rows are there yet. */
static void a_change_that_is_half_trimmed_is_none(void **unused)
{
	struct harness *h = with_zone();
	json_t *result = json_object();

	(void)unused;
	make_changes(h);
	trim(h, 3, 3);
	struct look *l = look_open(h);
	assert_int_equal(l->history.first, 3);
	assert_int_equal(l->history.oldest, 3);
	json_t *args = json_object();
	assert_int_equal(history_tell_list(&l->history, args, actor_self(), result), 0);
	assert_int_equal(json_array_size(json_object_get(result, "changes")), 4);
	assert_true(json_is_null(json_object_get(result, "next")));
	assert_true(json_is_false(json_object_get(result, "complete")));
	look_close(l);
	json_decref(args);
	json_decref(result);
	expect_state(h, "change:2", 0, 3);
	harness_close(h);
}

/* A load that is in no log, between two changes that are. */
static void a_gap_is_found_by_what_does_not_fit(void **unused)
{
	struct harness *h = with_zone();
	char why[HISTORY_TEXT_SIZE];

	(void)unused;
	assert_int_equal(set_address(h, "ns.x.example", 2), 1);
	assert_int_equal(harness_load(h, "x.example", other_text, NULL, NULL), 0);
	assert_int_equal(
		revert(h, actor_self(), json_pack("{s:s}", "to", "change:0"), why),
		ERR_REFUSED);
	assert_string_equal(why,
	                    "the log does not hold the RRsets of all changes of zone "
	                    "x.example. up to change 1");
	assert_int_equal(set_address(h, "ns.x.example", 3), 2);
	assert_int_equal(
		revert(h, actor_self(), json_pack("{s:s}", "to", "change:0"), why),
		ERR_REFUSED);
	assert_int_equal(
		revert(h, actor_self(), json_pack("{s:s}", "to", "change:1"), why), 0);
	assert_int_equal(address_of(h, "ns.x.example."), 9);
	harness_close(h);
}

/* ---- serials and rights ---- */

static void a_serial_that_nobody_raises_is_raised(void **unused)
{
	struct harness *h = with_zone();
	char why[HISTORY_TEXT_SIZE];
	struct zone_change *z;
	struct change *c = a_change(actor_self(), &z);

	(void)unused;
	z->attrs.serial = SERIAL_KEEP;
	z->attrs_set = 1U << ATTR_SERIAL;
	assert_int_equal(run(h, c), 1);
	assert_int_equal(set_address(h, "h.x.example", 1), 2);
	assert_int_equal(serial_of(h), 1);
	assert_int_equal(
		revert(h, actor_self(), json_pack("{s:s}", "to", "change:1"), why), 0);
	assert_int_equal(serial_of(h), 2);
	assert_int_equal(address_of(h, "h.x.example."), 0);
	assert_int_equal(revert(h, actor_self(), json_pack("{s:i}", "change", 3), why),
	                 0);
	assert_int_equal(serial_of(h), 3);
	assert_int_equal(address_of(h, "h.x.example."), 1);
	harness_close(h);
}

/* seq: of the state; 0: the one before the log. */
static void expect_since(struct harness *h, uint32_t serial, uint64_t seq)
{
	struct look *l = look_open(h);
	struct history_state state;

	assert_int_equal(history_since_serial(&l->history, serial, &state), 0);
	assert_int_equal(state.seq, seq);
	assert_int_equal(state.serial, serial);
	look_close(l);
}

static void expect_nothing_since(struct harness *h, uint32_t serial)
{
	struct look *l = look_open(h);
	struct history_state state;

	assert_int_equal(history_since_serial(&l->history, serial, &state), ERR_NOTFOUND);
	look_close(l);
}

static void set_policy(struct harness *h, enum serial_policy p)
{
	struct zone_change *z;
	struct change *c = a_change(actor_self(), &z);

	z->attrs.serial = p;
	z->attrs_set = 1 << ATTR_SERIAL;
	(void)run(h, c);
}

static void changes_since_a_serial_are_known_back_to_the_logs_begin(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	make_changes(h);
	for (unsigned serial = 1; serial <= CHANGES + 1; serial++)
		expect_since(h, serial, serial - 1);
	expect_nothing_since(h, 0);
	expect_nothing_since(h, CHANGES + 2);
	trim(h, 3, 100);
	expect_since(h, 4, 3);
	expect_nothing_since(h, 2);
	harness_close(h);
}

static void a_serial_that_two_contents_had_is_none_to_start_from(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	make_changes(h);
	set_policy(h, SERIAL_KEEP); /* which changes nothing that is served */
	expect_since(h, CHANGES, CHANGES - 1);
	(void)set_address(h, "h9.x.example", 9);
	expect_nothing_since(h, CHANGES);
	set_policy(h, SERIAL_INCREMENT);
	(void)set_address(h, "h9.x.example", 10);
	assert_int_equal(serial_of(h), CHANGES + 2);
	expect_nothing_since(h, CHANGES);
	expect_nothing_since(h, CHANGES + 1);
	(void)set_address(h, "h9.x.example", 11);
	expect_since(h, CHANGES + 2, CHANGES + 4);
	harness_close(h);
}

static void grants_are_for_reverts_as_for_edits(void **unused)
{
	struct harness *h = with_zone();
	char why[HISTORY_TEXT_SIZE];
	struct actor *a = a_key("");

	(void)unused;
	a->grants = calloc(1, sizeof *a->grants);
	assert_non_null(a->grants);
	a->grant_count = 1;
	a->grants[0].write = true;
	harness_name("x.example", a->grants[0].zone);
	(void)snprintf(a->grants[0].names, sizeof a->grants[0].names, "h1 h2");
	make_changes(h);
	assert_int_equal(revert(h, a, json_pack("{s:i}", "change", 2), why), 0);
	assert_string_equal(why, "revert of change 2");
	assert_int_equal(address_of(h, "h2.x.example."), 0);
	assert_int_equal(revert(h, a, json_pack("{s:i}", "change", 3), why), ERR_REFUSED);
	assert_string_equal(why, "h3.x.example. A is not yours to change");
	assert_int_equal(revert(h, a, json_pack("{s:s}", "to", "change:1"), why),
	                 ERR_REFUSED);
	assert_string_equal(
		why, "h3.x.example. A is not yours to change; h4.x.example. A is not "
		     "yours to change; h5.x.example. A is not yours to change; and 1 "
		     "more");
	assert_int_equal(address_of(h, "h3.x.example."), 3);
	actor_release(&a);
	harness_close(h);
}

static void who_has_a_tenant_is_not_told_who_else_there_is(void **unused)
{
	struct harness *h = with_zone();
	char why[HISTORY_TEXT_SIZE];
	struct actor *a = a_key("blue");
	struct zone_change *z;
	struct change *c = a_change(actor_self(), &z);
	json_t *result = json_object();
	json_t *args = json_pack("{s:b}", "full", 1);

	(void)unused;
	(void)snprintf(z->attrs.tenant, sizeof z->attrs.tenant, "blue");
	z->attrs_set = 1U << ATTR_TENANT;
	assert_int_equal(run(h, c), 1);
	assert_int_equal(set_address(h, "h.x.example", 1), 2);
	assert_int_equal(revert(h, a, json_pack("{s:i}", "change", 2), why), 0);
	struct look *l = look_open(h);
	assert_int_equal(history_tell_list(&l->history, args, a, result), 0);
	const json_t *changes = json_object_get(result, "changes");
	assert_int_equal(json_array_size(changes), 3);
	assert_true(json_is_object(json_object_get(json_array_get(changes, 0), "actor")));
	for (unsigned i = 1; i < 3; i++) {
		const json_t *other = json_array_get(changes, i);
		assert_true(json_is_null(json_object_get(other, "actor")));
		assert_true(json_is_null(json_object_get(other, "why")));
	}
	assert_int_equal(
		json_array_size(json_object_get(json_array_get(changes, 1), "rows")), 2);
	assert_int_equal(
		json_array_size(json_object_get(json_array_get(changes, 2), "rows")), 0);
	look_close(l);
	json_decref(args);
	json_decref(result);
	actor_release(&a);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_before_the_log_is_not_known),
		cmocka_unit_test(a_change_that_is_half_trimmed_is_none),
		cmocka_unit_test(a_gap_is_found_by_what_does_not_fit),
		cmocka_unit_test(a_serial_that_nobody_raises_is_raised),
		cmocka_unit_test(changes_since_a_serial_are_known_back_to_the_logs_begin),
		cmocka_unit_test(a_serial_that_two_contents_had_is_none_to_start_from),
		cmocka_unit_test(grants_are_for_reverts_as_for_edits),
		cmocka_unit_test(who_has_a_tenant_is_not_told_who_else_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
