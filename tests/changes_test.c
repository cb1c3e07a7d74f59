/*
 * Changes on their way through a group commit: what is refused leaves no trace, what is applied is
 * in the store, in the table and in the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/change/record.h"
#include "control/change/update.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum { CHANGES = 10 };

static const char zone_text[] =
	"@ 60 SOA ns h 7 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	"alias 60 CNAME ns\n";

static struct harness *with_zone(void)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "x.example", zone_text, NULL, NULL), 0);
	return h;
}

static struct change *a_change(const char *zone, struct zone_change **out)
{
	uint8_t name[NAME_MAX_LEN];
	struct change *c = change_new(actor_self());

	harness_name(zone, name);
	*out = change_zone(c, ZONE_EDIT, name);
	return c;
}

static void set_address(struct change *c, struct zone_change *z, const char *owner,
                        uint8_t last)
{
	const uint8_t address[] = {192, 0, 2, last};
	uint8_t name[NAME_MAX_LEN];

	harness_name(owner, name);
	struct edit *e = change_edit(c, z, EDIT_REPLACE, name, RRTYPE_A);
	e->set_records = true;
	e->ttl = 60;
	assert_int_equal(change_edit_record(c, e, address, sizeof address, false), 0);
}

static struct change *address_change(const char *owner, uint8_t last)
{
	struct zone_change *z;
	struct change *c = a_change("x.example", &z);

	set_address(c, z, owner, last);
	return c;
}

/* An update that adds an address if the name has none yet. */
static struct change *address_update(const char *owner, uint8_t last)
{
	const uint8_t address[] = {192, 0, 2, last};
	struct zone_change *z;
	struct change *c = a_change("x.example", &z);
	uint8_t name[NAME_MAX_LEN];

	harness_name(owner, name);
	z->kind = ZONE_UPDATE;
	z->update = update_new(c);
	struct update_step s = {
		.verb = PREREQ_NO_NAME, .type = RRTYPE_ANY, .owner = name};
	assert_int_equal(update_add(c, z->update, &s), 0);
	s = (struct update_step){.verb = UPDATE_ADD,
	                         .type = RRTYPE_A,
	                         .ttl = 60,
	                         .owner = name,
	                         .rdata = address,
	                         .rdata_len = sizeof address};
	assert_int_equal(update_add(c, z->update, &s), 0);
	return c;
}

/* One change as a group of its own; freed. */
static struct change_result run(struct harness *h, struct change *c)
{
	struct change_result r;
	struct commit_item item = {c, &r};

	assert_int_equal(commit_group(&h->committer, &item, 1), 1);
	change_free(&c);
	return r;
}

static const struct zone *zone_of(struct harness *h, const char *name)
{
	uint8_t wire[NAME_MAX_LEN];

	harness_name(name, wire);
	return registry_find(h->committer.registry, wire);
}

/* Gives the last octet of the only address, or 0. */
static unsigned address_of(struct harness *h, const char *name)
{
	struct question q = {.name = name, .type = RRTYPE_A};
	uint8_t message[512];
	size_t len = harness_ask(h, message, harness_query(&q, message), false);

	return h->reply[7] == 1 ? h->reply[len - 1] : 0;
}

static uint64_t last_seq(struct harness *h)
{
	struct store_txn *t;
	uint64_t next;

	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(store_log_next(t, &next), 0);
	store_abort(&t);
	return next - 1;
}

/* ---- tests ---- */

/* What an update asks for beforehand is asked of what the changes before it have made. */
static void updates_see_those_before_them_in_their_group(void **unused)
{
	struct harness *h = with_zone();
	struct change *changes[] = {
		address_update("new.x.example", 1), address_update("new.x.example", 2),
		address_change("old.x.example", 3), address_update("old.x.example", 4),
		address_update("other.example", 5), address_update("alias.x.example", 6),
	};
	struct change_result r[ARRAY_LEN(changes)];
	struct commit_item items[ARRAY_LEN(changes)];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		items[i] = (struct commit_item){changes[i], &r[i]};
	uint64_t seq = last_seq(h);
	assert_int_equal(commit_group(&h->committer, items, ARRAY_LEN(items)),
	                 ARRAY_LEN(items));
	assert_int_equal(r[0].err, 0);
	assert_int_equal(r[0].zones[0].new_serial, 8);
	assert_int_equal(r[1].err, ERR_REFUSED);
	assert_int_equal(r[1].rcode, UPDATE_YXDOMAIN);
	assert_int_equal(r[1].seq, 0);
	assert_int_equal(r[2].err, 0);
	assert_int_equal(r[3].rcode, UPDATE_YXDOMAIN);
	assert_int_equal(r[4].rcode, UPDATE_NOTZONE);
	assert_int_equal(r[5].rcode, UPDATE_YXDOMAIN);
	assert_int_equal(last_seq(h), seq + 2);
	assert_int_equal(address_of(h, "new.x.example."), 1);
	assert_int_equal(address_of(h, "old.x.example."), 3);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		change_free(&changes[i]);
	harness_close(h);
}

static void updates_raise_the_serial_of_zones_that_keep_theirs(void **unused)
{
	struct harness *h = with_zone();
	struct zone_change *z;
	struct change *keep = a_change("x.example", &z);

	(void)unused;
	z->attrs.serial = SERIAL_KEEP;
	z->attrs_set = 1U << ATTR_SERIAL;
	assert_int_equal(run(h, keep).err, 0);
	assert_int_equal(run(h, address_change("a.x.example", 1)).err, 0);
	assert_int_equal(zone_of(h, "x.example")->serial, 7);
	assert_int_equal(run(h, address_update("b.x.example", 1)).err, 0);
	assert_int_equal(zone_of(h, "x.example")->serial, 8);
	assert_int_equal(address_of(h, "b.x.example."), 1);
	harness_close(h);
}

static void a_group_is_one_commit_and_the_refused_one_leaves_no_trace(void **unused)
{
	struct harness *h = with_zone();
	struct change *changes[CHANGES];
	struct change_result results[CHANGES];
	struct commit_item items[CHANGES];
	char owner[64];

	(void)unused;
	for (unsigned i = 0; i < CHANGES; i++) {
		(void)snprintf(owner, sizeof owner,
		               i == 4 ? "alias.x.example" : "h%u.x.example", i);
		changes[i] = address_change(owner, (uint8_t)(10 + i));
		items[i] = (struct commit_item){changes[i], &results[i]};
	}
	uint64_t commits = h->committer.commits;
	uint64_t generation = h->committer.generation;
	assert_int_equal(commit_group(&h->committer, items, CHANGES), CHANGES);
	assert_int_equal(h->committer.commits, commits + 1);
	assert_int_equal(h->committer.generation, generation);
	assert_int_equal(results[4].err, ERR_REFUSED);
	assert_int_equal(results[4].seq, 0);
	assert_int_equal(results[4].problem_count, 1);
	assert_string_equal(results[4].problems[0].rule, "cname-and-other-data");
	assert_int_equal(results[9].zones[0].old_serial, 15);
	assert_int_equal(results[9].zones[0].new_serial, 16);
	assert_int_equal(results[9].seq, results[0].seq + 8);
	assert_int_equal(zone_of(h, "x.example")->serial, 16);
	assert_int_equal(zone_of(h, "x.example")->rrsets, 4 + 9);
	assert_int_equal(address_of(h, "h3.x.example."), 13);
	assert_int_equal(address_of(h, "alias.x.example."), 0);
	for (unsigned i = 0; i < CHANGES; i++)
		change_free(&changes[i]);
	harness_close(h);
}

/* Runs changes as a group, of which all but the last one are a chain. Gives what came of them. */
static void run_chain(struct harness *h, struct change *changes[], int errors[],
                      size_t count)
{
	struct change_chain chain = {0};
	struct change_result results[CHANGES];
	struct commit_item items[CHANGES];

	for (size_t i = 0; i < count; i++) {
		items[i] = (struct commit_item){changes[i], &results[i]};
		changes[i]->chain = i + 1 < count ? &chain : NULL;
		changes[i]->link = i + 1;
	}
	for (size_t done = 0; done < count;)
		done += commit_group(&h->committer, items + done, count - done);
	for (size_t i = 0; i < count; i++) {
		errors[i] = results[i].err;
		assert_int_equal(results[i].err == 0, results[i].seq != 0);
		change_free(&changes[i]);
	}
}

static void nothing_of_a_chain_is_done_behind_a_refused_one(void **unused)
{
	struct harness *h = with_zone();
	struct change *changes[] = {
		address_change("a.x.example", 1), address_change("alias.x.example", 2),
		address_change("b.x.example", 3), address_change("alias.x.example", 4),
		address_change("c.x.example", 5)};
	int errors[5];

	(void)unused;
	run_chain(h, changes, errors, 5);
	assert_int_equal(errors[0], 0);
	assert_int_equal(errors[1], ERR_REFUSED);
	assert_int_equal(errors[2], ERR_SKIPPED);
	assert_int_equal(errors[3], ERR_SKIPPED);
	assert_int_equal(errors[4], 0);
	assert_int_equal(address_of(h, "a.x.example."), 1);
	assert_int_equal(address_of(h, "b.x.example."), 0);
	assert_int_equal(address_of(h, "c.x.example."), 5);
	harness_close(h);
}

static void two_changes_of_one_name_in_a_group_are_done_in_order(void **unused)
{
	struct harness *h = with_zone();
	struct change *changes[] = {address_change("w.x.example", 1),
	                            address_change("w.x.example", 2)};
	struct change_result results[2];
	struct commit_item items[] = {{changes[0], &results[0]},
	                              {changes[1], &results[1]}};

	(void)unused;
	assert_int_equal(commit_group(&h->committer, items, 2), 2);
	assert_int_equal(results[0].zones[0].report.added, 1);
	assert_int_equal(results[1].zones[0].report.added, 0);
	assert_int_equal(address_of(h, "w.x.example."), 2);
	change_free(&changes[0]);
	change_free(&changes[1]);
	harness_close(h);
}

static void a_change_of_nothing_writes_nothing(void **unused)
{
	struct harness *h = with_zone();
	uint64_t commits = h->committer.commits;

	(void)unused;
	struct change_result r = run(h, address_change("ns.x.example", 1));
	assert_int_equal(r.err, 0);
	assert_int_equal(r.seq, 0);
	assert_int_equal(h->committer.commits, commits);
	assert_int_equal(zone_of(h, "x.example")->serial, 7);
	harness_close(h);
}

static void a_dry_run_tells_and_writes_nothing(void **unused)
{
	struct harness *h = with_zone();
	struct change *c = address_change("w.x.example", 1);
	struct change_result r;
	struct commit_item item = {c, &r};

	(void)unused;
	c->dry_run = true;
	assert_int_equal(commit_group(&h->committer, &item, 1), 1);
	assert_int_equal(r.err, 0);
	assert_true(r.zones[0].changed);
	assert_int_equal(r.zones[0].new_serial, 8);
	assert_int_equal(r.seq, 0);
	change_free(&c);
	assert_int_equal(zone_of(h, "x.example")->serial, 7);
	assert_int_equal(address_of(h, "w.x.example."), 0);
	harness_close(h);
}

static void a_version_that_is_not_the_zones_is_stale(void **unused)
{
	struct harness *h = with_zone();
	struct change_result r = run(h, address_change("w.x.example", 1));
	uint64_t version = r.seq;

	(void)unused;
	assert_true(version > 0);
	struct change *c = address_change("w.x.example", 2);
	c->zones[0].if_version = version + 1;
	assert_int_equal(run(h, c).err, ERR_STALE);
	assert_int_equal(address_of(h, "w.x.example."), 1);
	c = address_change("w.x.example", 2);
	c->zones[0].if_version = version;
	assert_int_equal(run(h, c).err, 0);
	assert_int_equal(address_of(h, "w.x.example."), 2);
	harness_close(h);
}

static void who_may_not_is_refused(void **unused)
{
	static const struct {
		enum role role;
		const char *tenant;
		int err;
	} cases[] = {
		{ROLE_READER, "", ERR_DENIED},
		{ROLE_NONE, "", ERR_NOTFOUND},
		{ROLE_ADMIN, "other", ERR_NOTFOUND},
		{ROLE_WRITER, "", 0},
	};
	struct harness *h = with_zone();

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct actor *a = actor_new(ACTOR_KEY, cases[i].role, "somebody");
		strcpy(a->tenant, cases[i].tenant);
		struct change *c = address_change("w.x.example", 1);
		actor_release(&c->actor);
		c->actor = a;
		assert_int_equal(run(h, c).err, cases[i].err);
	}
	harness_close(h);
}

static void edits_of_several_zones_are_all_done_or_none(void **unused)
{
	struct harness *h = with_zone();
	uint8_t name[NAME_MAX_LEN];

	(void)unused;
	assert_int_equal(harness_load(h, "y.example", zone_text, NULL, NULL), 0);
	for (unsigned good = 0; good < 2; good++) {
		struct change *c = address_change("w.x.example", 1);
		harness_name("y.example", name);
		struct zone_change *z = change_zone(c, ZONE_EDIT, name);
		set_address(c, z, good ? "w.y.example" : "alias.y.example", 2);
		assert_int_equal(run(h, c).err, good ? 0 : ERR_REFUSED);
		assert_int_equal(address_of(h, "w.x.example."), good ? 1 : 0);
		assert_int_equal(address_of(h, "w.y.example."), good ? 2 : 0);
	}
	harness_close(h);
}

static void a_signed_zone_is_not_edited(void **unused)
{
	struct harness *h = harness_open();

	(void)unused;
	assert_int_equal(harness_load(h, "x.example",
	                              "@ 60 SOA ns h 7 1 1 1 60\n@ 60 NS ns\n"
	                              "@ 60 NSEC ns SOA NS NSEC\nns 60 A 192.0.2.1\n"
	                              "ns 60 NSEC @ A NSEC\n",
	                              NULL, NULL),
	                 0);
	struct change *c = address_change("w.x.example", 1);
	struct change_result r;
	struct commit_item item = {c, &r};
	assert_int_equal(commit_group(&h->committer, &item, 1), 1);
	assert_int_equal(r.err, ERR_REFUSED);
	assert_string_equal(r.problems[0].rule, "presigned");
	change_free(&c);
	harness_close(h);
}

static void zones_come_and_go_by_changes(void **unused)
{
	static const char text[] =
		"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.5\n";
	static const char other[] =
		"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.6\n";
	struct harness *h = with_zone();
	uint8_t name[NAME_MAX_LEN];

	(void)unused;
	harness_name("new.example", name);
	for (unsigned round = 0; round < 2; round++) {
		struct change *c = change_new(actor_self());
		struct zone_change *z = change_zone(c, ZONE_CREATE, name);
		z->contents = harness_contents("new.example", text);
		struct change_result r = run(h, c);
		assert_int_equal(r.err, 0);
		assert_int_equal(address_of(h, "ns.new.example."), 5);

		c = change_new(actor_self());
		z = change_zone(c, ZONE_CREATE, name);
		assert_int_equal(run(h, c).err, ERR_EXISTS);

		/* The same contents again are no change. */
		c = change_new(actor_self());
		z = change_zone(c, ZONE_CONTENTS, name);
		z->contents = harness_contents("new.example", text);
		r = run(h, c);
		assert_int_equal(r.err, 0);
		assert_int_equal(r.seq, 0);
		assert_int_equal(zone_of(h, "new.example")->serial, 1);

		/* Others with the same serial: by the policy it goes on. */
		c = change_new(actor_self());
		z = change_zone(c, ZONE_CONTENTS, name);
		z->contents = harness_contents("new.example", other);
		assert_int_equal(run(h, c).err, 0);
		assert_int_equal(zone_of(h, "new.example")->serial, 2);

		c = change_new(actor_self());
		(void)change_zone(c, ZONE_REMOVE, name);
		assert_int_equal(run(h, c).err, 0);
		assert_null(zone_of(h, "new.example"));
		assert_int_equal(address_of(h, "ns.new.example."), 0);

		c = change_new(actor_self());
		(void)change_zone(c, ZONE_REMOVE, name);
		assert_int_equal(run(h, c).err, ERR_NOTFOUND);
	}
	harness_close(h);
}

/* ---- the log ---- */

struct logged {
	unsigned rows;
	unsigned with_before;
	unsigned with_after;
};

static int count_row(const struct record_row *row, void *arg)
{
	struct logged *l = arg;

	l->rows++;
	l->with_before += row->before != NULL;
	l->with_after += row->after != NULL;
	return 0;
}

static int count_rows(const struct store_rows *rows, void *arg)
{
	return record_each_row(rows->rows, rows->size, count_row, arg);
}

static int check_header(uint64_t seq, const void *bytes, size_t size, void *arg)
{
	struct record_header header;
	uint64_t *seen = arg;

	assert_int_equal(record_decode_header(bytes, size, &header), 0);
	assert_int_equal(header.seq, seq);
	assert_int_equal(header.zone_count, 1);
	assert_string_equal(header.actor.name, actor_self()->name);
	(*seen)++;
	return 0;
}

static void the_log_has_every_change_and_both_sides_of_it(void **unused)
{
	struct harness *h = with_zone();
	uint64_t before = last_seq(h);
	struct logged rows = {0};
	uint64_t headers = 0;
	struct store_txn *t;

	(void)unused;
	struct change_result made = run(h, address_change("w.x.example", 1));
	assert_int_equal(run(h, address_change("alias.x.example", 1)).err, ERR_REFUSED);
	struct change_result changed = run(h, address_change("w.x.example", 2));
	assert_int_equal(made.seq, before + 1);
	assert_int_equal(changed.seq, before + 2);
	assert_int_equal(last_seq(h), before + 2);
	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(
		store_log_each(t, before + 1, UINT64_MAX, check_header, &headers), 0);
	assert_int_equal(headers, 2);
	assert_int_equal(store_log_each_rows(t, made.seq, count_rows, &rows), 0);
	assert_int_equal(rows.rows, 2); /* the address and the SOA */
	assert_int_equal(rows.with_before, 1);
	assert_int_equal(rows.with_after, 2);
	rows = (struct logged){0};
	assert_int_equal(store_log_each_rows(t, changed.seq, count_rows, &rows), 0);
	assert_int_equal(rows.rows, 2);
	assert_int_equal(rows.with_before, 2);
	store_abort(&t);
	harness_close(h);
}

static void items_share_the_transaction(void **unused)
{
	struct harness *h = with_zone();
	struct change *c = address_change("w.x.example", 1);
	struct store_txn *t;
	const void *value;
	size_t size;

	(void)unused;
	(void)change_item(c, STORE_ZONEMETA, "key", 3, "value", 5);
	struct change_result r = run(h, c);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.item_parts, 1);
	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(store_item_get(t, STORE_ZONEMETA, "key", 3, &value, &size), 0);
	assert_int_equal(size, 5);
	store_abort(&t);
	c = address_change("alias.x.example", 1);
	(void)change_item(c, STORE_ZONEMETA, "key", 3, NULL, 0);
	assert_int_equal(run(h, c).err, ERR_REFUSED);
	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(store_item_get(t, STORE_ZONEMETA, "key", 3, &value, &size), 0);
	store_abort(&t);
	harness_close(h);
}

/* ---- secondaries ---- */

static struct change_result edit_as(struct harness *h, struct actor *who, unsigned last)
{
	uint8_t name[NAME_MAX_LEN];
	struct change *c = change_new(who);

	harness_name("x.example", name);
	set_address(c, change_zone(c, ZONE_EDIT, name), "new.x.example", (uint8_t)last);
	return run(h, c);
}

static void make_it(struct harness *h, enum zone_kind kind)
{
	struct zone_change *z;
	struct change *c = a_change("x.example", &z);

	z->attrs.kind = kind;
	z->attrs_set = 1U << ATTR_KIND;
	assert_int_equal(run(h, c).err, 0);
}

static void expire(struct harness *h, enum change_expiry expiry)
{
	struct zone_change *z;
	struct change *c = a_change("x.example", &z);

	z->expiry = expiry;
	assert_int_equal(run(h, c).err, 0);
}

static unsigned rcode_of(struct harness *h, const char *name)
{
	(void)address_of(h, name);
	return h->reply[3] & 15;
}

static void expect_served(struct harness *h, bool served)
{
	assert_int_equal(rcode_of(h, "ns.x.example."), served ? 0 : 2);
	assert_int_equal(zone_of(h, "x.example")->expired, !served);
}

static void an_expired_secondary_is_not_served_until_it_is_there_again(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	expire(h, EXPIRY_NOW); /* a zone that is no secondary does not */
	expect_served(h, true);
	make_it(h, ZONE_KIND_SECONDARY);
	expire(h, EXPIRY_NOW);
	expect_served(h, false);
	assert_int_equal(committer_rebuild(&h->committer), 0);
	expect_served(h, false);
	expire(h, EXPIRY_OVER);
	expect_served(h, true);

	/* What changes in it, by whomever, brings it back as well, and the rest of it. */
	expire(h, EXPIRY_NOW);
	assert_int_equal(edit_as(h, actor_self(), 7).err, 0);
	expect_served(h, true);
	assert_int_equal(address_of(h, "new.x.example."), 7);
	expire(h, EXPIRY_NOW);
	assert_int_equal(harness_load(h, "x.example", zone_text, NULL, NULL), 0);
	expect_served(h, true);
	assert_int_equal(address_of(h, "new.x.example."), 0);
	expire(h, EXPIRY_NOW);
	make_it(h, ZONE_KIND_PRIMARY);
	expect_served(h, true);
	harness_close(h);
}

static void secondaries_are_changed_by_this_program_alone(void **unused)
{
	static const enum zone_kind kinds[] = {ZONE_KIND_SECONDARY, ZONE_KIND_CONSUMER};
	struct harness *h = with_zone();
	struct actor *admin = actor_new(ACTOR_SOCKET, ROLE_ADMIN, "admin");

	(void)unused;
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		assert_int_equal(edit_as(h, admin, 10 + i).err, 0);
		make_it(h, kinds[i]);
		uint64_t seq = last_seq(h);
		/* What points into the change is gone; the log shows that nothing was done. */
		assert_int_equal(edit_as(h, admin, 20 + i).err, ERR_REFUSED);
		assert_int_equal(last_seq(h), seq);
		assert_int_equal(address_of(h, "new.x.example."), 10 + i);
		assert_int_equal(edit_as(h, actor_self(), 30 + i).err, 0);
		assert_int_equal(address_of(h, "new.x.example."), 30 + i);
		make_it(h, ZONE_KIND_PRIMARY);
	}
	assert_int_equal(edit_as(h, admin, 40).err, 0);
	actor_release(&admin);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_group_is_one_commit_and_the_refused_one_leaves_no_trace),
		cmocka_unit_test(updates_see_those_before_them_in_their_group),
		cmocka_unit_test(updates_raise_the_serial_of_zones_that_keep_theirs),
		cmocka_unit_test(nothing_of_a_chain_is_done_behind_a_refused_one),
		cmocka_unit_test(two_changes_of_one_name_in_a_group_are_done_in_order),
		cmocka_unit_test(a_change_of_nothing_writes_nothing),
		cmocka_unit_test(a_dry_run_tells_and_writes_nothing),
		cmocka_unit_test(a_version_that_is_not_the_zones_is_stale),
		cmocka_unit_test(who_may_not_is_refused),
		cmocka_unit_test(edits_of_several_zones_are_all_done_or_none),
		cmocka_unit_test(a_signed_zone_is_not_edited),
		cmocka_unit_test(zones_come_and_go_by_changes),
		cmocka_unit_test(the_log_has_every_change_and_both_sides_of_it),
		cmocka_unit_test(items_share_the_transaction),
		cmocka_unit_test(secondaries_are_changed_by_this_program_alone),
		cmocka_unit_test(
			an_expired_secondary_is_not_served_until_it_is_there_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
