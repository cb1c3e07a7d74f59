/* Which signalling records are to come and to go, by what a store has. */
#include "control/keeper/bootstrap_plan.h"

#include <string.h>

#include "control/change/extra.h"
#include "control/sign/state.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const char settings[] = "dnssec-policies:\n"
			       "  - {name: boot, bootstrap: yes}\n"
			       "  - {name: plain}\n";
static const char owner_of_child[] = "_dsboot.child.example._signal.ns.op.test.";
static const char cds[] = "\0\5\15\2abcd";

enum { CDS_LEN = sizeof cds - 1, TTL = 77 };

struct fixture {
	struct config *config;
	struct store_txn *txn;
	struct bootstrap_plan plan;
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct diag diag;

	assert_non_null(f);
	diag_init(&diag);
	assert_int_equal(config_parse(settings, strlen(settings), "/f.yaml", NULL,
	                              &f->config, &diag),
	                 0);
	diag_fini(&diag);
	assert_int_equal(setup(state), 0);
	f->txn = begin_write();
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	bootstrap_plan_fini(&f->plan);
	store_abort(&f->txn);
	config_release(f->config);
	free(f);
	return teardown(state);
}

/* ---- what is in the store ---- */

static void read_name(const char *text, uint8_t out[static NAME_MAX_LEN])
{
	assert_true(name_from_text(text, strlen(text), (const uint8_t *)"", out) > 0);
}

static void put_state(struct fixture *f, uint32_t zone, bool leaving)
{
	struct sign_state s = {.version = 1, .policy = "boot", .leaving = leaving};
	struct change *c = change_new(actor_self());

	sign_state_change(c, zone, &s);
	const struct item_change *i = &c->items[0];
	assert_int_equal(
		store_item_put(f->txn, i->list, i->key, i->key_len, i->value, i->size),
		0);
	change_free(&c);
}

/* Signed, unless the policy is empty. */
static struct store_zone put_zone(struct fixture *f, const char *name, const char *policy)
{
	struct store_zone z = {.loaded = true};

	read_name(name, z.name);
	(void)snprintf(z.attrs.dnssec, sizeof z.attrs.dnssec, "%s", policy);
	assert_int_equal(store_zone_put(f->txn, &z), 0);
	if (policy[0])
		put_state(f, z.id, false);
	return z;
}

static size_t key_of(const struct store_zone *z, const char *owner,
                     uint8_t key[static NAME_KEY_MAX])
{
	uint8_t name[NAME_MAX_LEN];

	read_name(owner, name);
	return name_to_key(name, name_len(z->name, NAME_MAX_LEN), key);
}

static void put_record(struct fixture *f, const struct store_zone *z, const char *owner,
                       uint16_t type, const void *rdata, size_t len)
{
	uint8_t blob[RRSET_HEADER + 2 + NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct rrset set = {.type = type,
	                    .count = 1,
	                    .ttl = TTL,
	                    .bytes = blob,
	                    .size = RRSET_HEADER + 2 + len};

	rrset_write_header(blob, &set);
	(void)rrset_write_rdata(blob + RRSET_HEADER, rdata, (uint16_t)len);
	assert_int_equal(store_rrset_put(f->txn, z->id, key, key_of(z, owner, key), &set),
	                 0);
}

static void put_ns(struct fixture *f, const struct store_zone *z, const char *owner,
                   uint16_t type, const char *target)
{
	uint8_t name[NAME_MAX_LEN];

	read_name(target, name);
	put_record(f, z, owner, type, name, name_len(name, NAME_MAX_LEN));
}

static void put_child(struct fixture *f, const char *name, const char *ns)
{
	const struct store_zone z = put_zone(f, name, "boot");

	put_ns(f, &z, name, RRTYPE_NS, ns);
	put_record(f, &z, name, RRTYPE_CDS, cds, CDS_LEN);
}

static void put_comment(struct fixture *f, const struct store_zone *z, const char *owner,
                        const struct comment *comment)
{
	struct contents_arena *a = arena_new();
	struct comment copy = *comment;
	const struct extra e = {.comments = &copy, .comment_count = 1};
	uint8_t key[NAME_KEY_MAX];
	const uint8_t *value;
	size_t size;

	assert_int_equal(extra_encode(&e, a, &value, &size), 0);
	assert_int_equal(store_extra_put(f->txn, z->id,
	                                 &(struct store_extra){key, key_of(z, owner, key),
	                                                       RRTYPE_CDS, value, size}),
	                 0);
	arena_free(a);
}

/* ---- what is to be done ---- */

static void plan(struct fixture *f)
{
	bootstrap_plan_fini(&f->plan);
	assert_int_equal(bootstrap_plan_make(f->txn, f->config, 1000, &f->plan), 0);
}

static const struct edit *only_edit(struct fixture *f, enum edit_kind kind)
{
	char text[NAME_TEXT_MAX];

	plan(f);
	assert_int_equal(f->plan.count, 1);
	assert_false(f->plan.more);
	const struct change *c = f->plan.changes[0];
	assert_int_equal(c->zone_count, 1);
	assert_string_equal(name_to_text(c->zones[0].name, text), "op.test.");
	assert_int_equal(c->zones[0].edit_count, 1);
	const struct edit *e = &c->zones[0].edits[0];
	assert_int_equal(e->kind, kind);
	assert_int_equal(e->type, RRTYPE_CDS);
	assert_string_equal(name_to_text(e->owner, text), owner_of_child);
	return e;
}

static void assert_nothing(struct fixture *f, size_t homeless)
{
	plan(f);
	assert_int_equal(f->plan.count, 0);
	assert_false(f->plan.more);
	assert_int_equal(f->plan.homeless_count, homeless);
}

static void what_is_missing_or_another_comes(void **state)
{
	struct fixture *f = *state;
	const struct store_zone op = put_zone(f, "op.test.", "plain");

	put_child(f, "child.example.", "NS.OP.test.");
	const struct edit *e = only_edit(f, EDIT_REPLACE);
	assert_true(e->set_records && e->set_comments);
	assert_int_equal(e->ttl, TTL);
	assert_int_equal(e->comment_count, 1);
	assert_int_equal(f->plan.watched_count, 2);
	assert_int_equal(f->plan.homeless_count, 0);
	put_record(f, &op, owner_of_child, RRTYPE_CDS, "\0\6\15\2abcd", CDS_LEN);
	(void)only_edit(f, EDIT_REPLACE);
	put_record(f, &op, owner_of_child, RRTYPE_CDS, cds, CDS_LEN);
	assert_nothing(f, 0);
}

static void what_was_made_here_goes_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	const struct store_zone op = put_zone(f, "op.test.", "plain");
	struct comment mark;

	put_child(f, "child.example.", "ns.op.test.");
	const struct edit *e = only_edit(f, EDIT_REPLACE);
	mark = (struct comment){strdup(e->comments[0].account),
	                        strdup(e->comments[0].content), 5};
	uint8_t child[NAME_MAX_LEN];
	read_name("child.example.", child);
	assert_int_equal(store_zone_delete(f->txn, child), 0);
	put_record(f, &op, owner_of_child, RRTYPE_CDS, cds, CDS_LEN);
	assert_nothing(f, 0);
	put_comment(f, &op, owner_of_child, &(struct comment){mark.account, "my own", 5});
	assert_nothing(f, 0);
	put_comment(f, &op, owner_of_child, &(struct comment){"me", mark.content, 5});
	assert_nothing(f, 0);
	put_comment(f, &op, owner_of_child, &mark);
	(void)only_edit(f, EDIT_DELETE);
	assert_int_equal(f->plan.watched_count, 1);
	assert_int_equal(f->plan.watched[0], op.id);
	free((char *)(uintptr_t)mark.account);
	free((char *)(uintptr_t)mark.content);
}

static void zones_that_cannot_hold_them_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct store_zone op;

	put_child(f, "child.example.", "ns.op.test.");
	assert_nothing(f, 1); /* there is none */
	op = put_zone(f, "op.test.", "");
	assert_nothing(f, 1); /* not signed */
	(void)snprintf(op.attrs.dnssec, sizeof op.attrs.dnssec, "plain");
	assert_int_equal(store_zone_put(f->txn, &op), 0);
	assert_nothing(f, 0); /* not yet */
	put_state(f, op.id, true);
	assert_nothing(f, 1); /* not much longer */
	put_state(f, op.id, false);
	(void)only_edit(f, EDIT_REPLACE);
	op.expired = true;
	assert_int_equal(store_zone_put(f->txn, &op), 0);
	assert_nothing(f, 1);
	op.expired = false;
	strcpy(op.attrs.tenant, "somebody");
	assert_int_equal(store_zone_put(f->txn, &op), 0);
	assert_nothing(f, 1);
	op.attrs.tenant[0] = 0;
	op.attrs.kind = ZONE_KIND_SECONDARY;
	assert_int_equal(store_zone_put(f->txn, &op), 0);
	assert_nothing(f, 1);
}

static void names_below_cuts_are_not_in_the_zone(void **state)
{
	static const struct {
		const char *owner;
		uint16_t type;
	} cases[] = {
		{"_signal.ns.op.test.", RRTYPE_NS},
		{"ns.op.test.", RRTYPE_DNAME},
		{"example._signal.ns.op.test.", RRTYPE_NS},
	};
	struct fixture *f = *state;
	const struct store_zone op = put_zone(f, "op.test.", "plain");
	uint8_t key[NAME_KEY_MAX];

	put_child(f, "child.example.", "ns.op.test.");
	put_ns(f, &op, "op.test.", RRTYPE_NS, "ns.op.test.");
	put_ns(f, &op, "x.ns.op.test.", RRTYPE_NS, "ns.op.test.");
	(void)only_edit(f, EDIT_REPLACE);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put_ns(f, &op, cases[i].owner, cases[i].type, "elsewhere.");
		assert_nothing(f, 1);
		assert_int_equal(store_rrset_delete(f->txn, op.id, key,
		                                    key_of(&op, cases[i].owner, key),
		                                    cases[i].type),
		                 0);
	}
	(void)only_edit(f, EDIT_REPLACE);
}

static void who_does_not_ask_or_has_nothing_to_say_gets_none(void **state)
{
	struct fixture *f = *state;

	(void)put_zone(f, "op.test.", "plain");
	const struct store_zone plain = put_zone(f, "plain.example.", "plain");
	put_ns(f, &plain, "plain.example.", RRTYPE_NS, "ns.op.test.");
	put_record(f, &plain, "plain.example.", RRTYPE_CDS, cds, CDS_LEN);
	assert_nothing(f, 0);
	assert_int_equal(f->plan.watched_count, 0);
	const struct store_zone early = put_zone(f, "early.example.", "boot");
	put_ns(f, &early, "early.example.", RRTYPE_NS, "ns.op.test.");
	assert_nothing(f, 0); /* no CDS so far */
	put_record(f, &early, "early.example.", RRTYPE_CDS, "\0\0\0\0\0", 5);
	assert_nothing(f, 0);
	assert_int_equal(f->plan.watched_count, 1);
}

static void many_are_cut_into_changes(void **state)
{
	enum { ZONES = BOOTSTRAP_CHANGES_MAX * BOOTSTRAP_EDITS_MAX + 1 };
	struct fixture *f = *state;
	char name[64];

	(void)put_zone(f, "op.test.", "plain");
	for (unsigned i = 0; i < ZONES; i++) {
		(void)snprintf(name, sizeof name, "z%u.example.", i);
		put_child(f, name, "ns.op.test.");
		if (i != BOOTSTRAP_EDITS_MAX)
			continue;
		plan(f);
		assert_int_equal(f->plan.count, 2);
		assert_int_equal(f->plan.changes[1]->zones[0].edit_count, 1);
		assert_false(f->plan.more);
	}
	plan(f);
	assert_int_equal(f->plan.count, BOOTSTRAP_CHANGES_MAX);
	assert_true(f->plan.more);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_is_missing_or_another_comes),
		TEST(what_was_made_here_goes_and_nothing_else),
		TEST(zones_that_cannot_hold_them_are_left_alone),
		TEST(names_below_cuts_are_not_in_the_zone),
		TEST(who_does_not_ask_or_has_nothing_to_say_gets_none),
		TEST(many_are_cut_into_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
