/*
 * The view and the check: cases one by one, and then at random against the checks of whole zones.
 */
#include "control/change/check.h"

#include <string.h>

#include "control/change/testing.h"
#include "control/compile/body.h"
#include "control/store/testing.h"
#include "control/zone/contents.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t zone_name[] = "\7example";

/* A zone, and a change to it. */
struct fixture {
	struct store_txn *txn;
	struct store_zone zone;
	struct change *change;
	struct zone_change *edits;
	struct edit *edit; /* the last one */
	struct change_view view;
	struct change_problems problems;
};

static struct fixture f;

/* ---- fixture ---- */

static void begin(void)
{
	f = (struct fixture){.txn = begin_write()};
	memcpy(f.zone.name, zone_name, sizeof zone_name);
	assert_int_equal(store_zone_put(f.txn, &f.zone), 0);
}

static void new_change(void)
{
	change_problems_fini(&f.problems);
	change_free(&f.change);
	f.change = change_new(actor_self());
	f.edits = change_zone(f.change, ZONE_EDIT, zone_name);
	f.problems = (struct change_problems){.arena = f.change->arena, .zone = 3};
}

static void end(void)
{
	change_problems_fini(&f.problems);
	change_free(&f.change);
	store_abort(&f.txn);
}

static void edit(enum edit_kind kind, const char *owner, uint16_t type)
{
	uint8_t name[NAME_MAX_LEN];

	assert_true(name_from_text(owner, strlen(owner), zone_name, name) > 0);
	f.edit = change_edit(f.change, f.edits, kind, name, type);
	f.edit->set_records = kind == EDIT_REPLACE;
	f.edit->ttl = 300;
}

static void record_of(const char *rdata, size_t len, bool disabled)
{
	assert_int_equal(change_edit_record(f.change, f.edit, (const uint8_t *)rdata, len,
	                                    disabled),
	                 0);
}

/* A literal with its final NUL, which is the root label of a name or part of the data. */
#define RECORD(literal) record_of(literal, sizeof(literal), false)
#define HIDDEN(literal) record_of(literal, sizeof(literal), true)
#define ADDRESS         RECORD("\xc0\0\2")

static void set(const char *owner, uint16_t type)
{
	edit(EDIT_REPLACE, owner, type);
}

static int make(void)
{
	return change_view_make(f.txn, &f.zone, f.edits, f.change->arena, &f.view,
	                        &f.problems);
}

static int make_and_check(void)
{
	TRY(make());
	return change_check(&f.view, &f.problems);
}

static void apply(void)
{
	assert_int_equal(make_and_check(), 0);
	test_put_view(f.txn, &f.zone, &f.view);
	new_change();
}

static void add_soa(void)
{
	set("example.", RRTYPE_SOA);
	RECORD("\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0");
	f.edit->blob[f.edit->blob_size - 1] = 5;
}

/* A zone with an SOA, an NS, and an empty change to it. */
static void begin_zone(void)
{
	begin();
	new_change();
	add_soa();
	set("example.", RRTYPE_NS);
	RECORD("\2ns\5other");
	apply();
}

static void expect_rule(const char *rule, int edit_index)
{
	int err = make_and_check();

	if (!rule) {
		if (err != 0)
			fail_msg("%s", f.problems.count ? f.problems.list[0].text : "?");
		return;
	}
	assert_int_equal(err, ERR_REFUSED);
	assert_string_equal(f.problems.list[0].rule, rule);
	assert_int_equal(f.problems.list[0].edit, edit_index);
	assert_int_equal(f.problems.list[0].zone, 3);
	assert_true(f.problems.list[0].text[0]);
}

static struct rrset get(const char *owner, uint16_t type)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct rrset r = {0};

	assert_true(name_from_text(owner, strlen(owner), zone_name, name) > 0);
	size_t len = name_to_key(name, sizeof zone_name, key);
	int err = change_view_get(&f.view, key, len, type, &r);
	assert_true(err == 0 || err == ERR_NOTFOUND);
	return r;
}

/* What a test leaves that fails in the middle. */
static int teardown_all(void **state)
{
	end();
	return teardown(state);
}

/* ---- views ---- */

static void edits_of_one_set_are_done_in_order(void **state)
{
	(void)state;
	begin_zone();
	edit(EDIT_EXTEND, "www", RRTYPE_A);
	RECORD("\1\1\1");
	RECORD("\2\2\2");
	edit(EDIT_EXTEND, "www", RRTYPE_A);
	RECORD("\2\2\2");
	RECORD("\3\3\3");
	f.edit->ttl = 60;
	edit(EDIT_PRUNE, "www", RRTYPE_A);
	RECORD("\1\1\1");
	RECORD("\7\7\7");
	f.edit->keep_ttl = true;
	assert_int_equal(make(), 0);
	struct rrset r = get("www", RRTYPE_A);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.ttl, 60);
	assert_int_equal(f.view.count, 1);
	assert_int_equal(f.view.sets[0].edit, 2);
	assert_int_equal(f.view.rrsets, 1);
	assert_int_equal(f.view.records, 2);
	assert_true(f.view.changed);
	end();
}

static void what_becomes_what_it_is_is_left_out(void **state)
{
	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	ADDRESS;
	apply();
	set("WWW", RRTYPE_A);
	ADDRESS;
	edit(EDIT_DELETE, "other", RRTYPE_A);
	edit(EDIT_PRUNE, "www", RRTYPE_A);
	RECORD("\7\7\7");
	assert_int_equal(make(), 0);
	assert_int_equal(f.view.count, 0);
	assert_false(f.view.changed);
	f.edits->edits[1].even_unchanged = true;
	assert_int_equal(make(), 0);
	assert_int_equal(f.view.count, 0);
	assert_true(f.view.changed);
	end();
}

static void ttl_is_kept_where_there_is_one(void **state)
{
	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	HIDDEN("\xc0\0\2");
	f.edit->ttl = 77;
	apply();
	edit(EDIT_EXTEND, "www", RRTYPE_A);
	RECORD("\1\1\1");
	f.edit->keep_ttl = true;
	edit(EDIT_EXTEND, "new", RRTYPE_A);
	RECORD("\1\1\1");
	f.edit->keep_ttl = true;
	assert_int_equal(make(), 0);
	assert_int_equal(get("www", RRTYPE_A).ttl, 77);
	assert_int_equal(get("new", RRTYPE_A).ttl, 300);
	end();
}

static void a_record_is_served_or_disabled(void **state)
{
	struct extra x;

	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	ADDRESS;
	HIDDEN("\1\1\1");
	apply();
	edit(EDIT_EXTEND, "www", RRTYPE_A);
	RECORD("\1\1\1");
	HIDDEN("\xc0\0\2");
	assert_int_equal(make(), 0);
	struct rrset r = get("www", RRTYPE_A);
	assert_int_equal(r.count, 1);
	assert_memory_equal(r.bytes + RRSET_HEADER + 2, "\1\1\1", 4);
	assert_int_equal(f.view.extra_count, 1);
	assert_int_equal(extra_decode(f.view.extras[0].blob, f.view.extras[0].size,
	                              f.change->arena, &x),
	                 0);
	assert_int_equal(rrset_open(RRTYPE_A, x.hidden, x.hidden_size, &r), 0);
	assert_int_equal(r.count, 1);
	assert_memory_equal(r.bytes + RRSET_HEADER + 2, "\xc0\0\2", 4);
	end();
}

static void comments_and_records_are_replaced_apart(void **state)
{
	struct extra x;

	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	ADDRESS;
	f.edit->set_comments = true;
	change_edit_comment(f.change, f.edit, "me", "one", 1);
	apply();
	set("www", RRTYPE_A);
	RECORD("\1\1\1");
	apply();
	set("www", RRTYPE_A);
	f.edit->set_records = false;
	f.edit->set_comments = true;
	change_edit_comment(f.change, f.edit, "me", "two", 2);
	change_edit_comment(f.change, f.edit, "me", "three", 3);
	assert_int_equal(make(), 0);
	assert_int_equal(f.view.count, 0);
	assert_int_equal(f.view.extra_count, 1);
	assert_true(f.view.changed);
	assert_int_equal(extra_decode(f.view.extras[0].before,
	                              f.view.extras[0].before_size, f.change->arena, &x),
	                 0);
	assert_int_equal(x.comment_count, 1);
	assert_string_equal(x.comments[0].content, "one");
	assert_int_equal(extra_decode(f.view.extras[0].blob, f.view.extras[0].size,
	                              f.change->arena, &x),
	                 0);
	assert_int_equal(x.comment_count, 2);
	edit(EDIT_DELETE, "www", RRTYPE_A);
	assert_int_equal(make(), 0);
	assert_int_equal(f.view.count, 1);
	assert_int_equal(f.view.rrsets, -1);
	assert_int_equal(f.view.extra_count, 1);
	assert_int_equal(f.view.extras[0].size, 0);
	end();
}

static void one_more_set_goes_over_the_view(void **state)
{
	static const uint8_t www[] = "www";
	uint8_t soa[64];

	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	ADDRESS;
	set("aaa", RRTYPE_A);
	ADDRESS;
	assert_int_equal(make(), 0);
	struct rrset r = get("example.", RRTYPE_SOA);
	size_t size = r.size;
	memcpy(soa, r.bytes, size);
	memset(soa, 9, 4);
	struct overlay_set more = {
		.key = www, .type = RRTYPE_SOA, .blob = soa, .size = size};
	assert_int_equal(change_view_set(&f.view, f.change->arena, &more), 0);
	assert_int_equal(get("example.", RRTYPE_SOA).ttl, 0x09090909);
	assert_int_equal(f.view.count, 3);
	assert_int_equal(f.view.sets[0].type, RRTYPE_SOA);
	assert_int_equal(f.view.sets[0].before_size, size);
	assert_int_equal(f.view.rrsets, 2);
	assert_int_equal(f.view.records, 2);
	more = (struct overlay_set){.key = www, .key_len = sizeof www, .type = RRTYPE_A};
	assert_int_equal(change_view_set(&f.view, f.change->arena, &more), 0);
	assert_int_equal(f.view.count, 3);
	assert_int_equal(f.view.rrsets, 1);
	assert_int_equal(get("www", RRTYPE_A).count, 0);
	assert_int_equal(change_check(&f.view, &f.problems), 0);
	end();
}

/* The sets: in front of the view's, in place of one, between two, and behind all. */
static void many_sets_go_over_the_view(void **state)
{
	static const uint8_t www[] = "www";
	static const uint8_t zzz[] = "zzz";

	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	ADDRESS;
	set("www", RRTYPE_TXT);
	RECORD("\1");
	set("yyy", RRTYPE_A);
	ADDRESS;
	assert_int_equal(make(), 0);
	struct rrset soa = get("example.", RRTYPE_SOA);
	struct rrset a = get("www", RRTYPE_A);
	const struct overlay_set more[] = {
		{.key = www,
	         .type = RRTYPE_SOA,
	         .before = soa.bytes,
	         .before_size = soa.size,
	         .edit = -1},
		{.key = www, .key_len = sizeof www, .type = RRTYPE_A, .edit = -1},
		{.key = www,
	         .key_len = sizeof www,
	         .type = RRTYPE_MX,
	         .blob = a.bytes,
	         .size = a.size,
	         .edit = -1},
		{.key = zzz,
	         .key_len = sizeof zzz,
	         .type = RRTYPE_A,
	         .blob = a.bytes,
	         .size = a.size,
	         .edit = -1},
	};
	change_view_merge(&f.view, f.change->arena, more, ARRAY_LEN(more));
	assert_int_equal(f.view.count, 6);
	for (size_t i = 1; i < f.view.count; i++)
		assert_true(change_sets_compare(
				    f.view.sets[i - 1].key, f.view.sets[i - 1].key_len,
				    f.view.sets[i - 1].type, f.view.sets[i].key,
				    f.view.sets[i].key_len, f.view.sets[i].type) < 0);
	assert_int_equal(f.view.rrsets, 3); /* SOA goes, three come and one does not */
	assert_int_equal(f.view.records, 3);
	struct rrset r;
	assert_int_equal(change_view_get(&f.view, www, 0, RRTYPE_SOA, &r), ERR_NOTFOUND);
	assert_int_equal(change_view_get(&f.view, www, sizeof www, RRTYPE_A, &r),
	                 ERR_NOTFOUND);
	assert_int_equal(get("www", RRTYPE_TXT).count, 1);
	assert_int_equal(get("zzz", RRTYPE_A).count, 1);
	end();
}

static void edits_that_no_zone_can_hold_are_refused_all(void **state)
{
	(void)state;
	begin_zone();
	edit(EDIT_REPLACE, "www.other.", RRTYPE_A);
	edit(EDIT_REPLACE, "www", RRTYPE_AXFR);
	edit(EDIT_REPLACE, "www", 0);
	edit(EDIT_REPLACE, "www", RRTYPE_A);
	assert_int_equal(make(), ERR_REFUSED);
	assert_int_equal(f.problems.count, 3);
	assert_string_equal(f.problems.list[0].rule, "out-of-zone");
	assert_int_equal(f.problems.list[0].edit, 0);
	assert_string_equal(f.problems.list[0].member, "name");
	assert_string_equal(f.problems.list[1].rule, "meta-type");
	assert_string_equal(f.problems.list[2].rule, "meta-type");
	assert_int_equal(f.problems.list[2].edit, 2);
	end();
}

/* Zeros take two octets of a key each: this is the longest that there can be. */
static void longest_key_of_any_name_is_taken(void **state)
{
	uint8_t name[NAME_MAX_LEN] = {0};

	(void)state;
	begin_zone();
	memset(f.zone.name, 0, sizeof f.zone.name);
	for (size_t at = 0; at < 192; at += 64)
		name[at] = 63;
	name[192] = 61;
	f.edit = change_edit(f.change, f.edits, EDIT_REPLACE, name, RRTYPE_A);
	f.edit->set_records = true;
	ADDRESS;
	apply();
	assert_int_equal(f.zone.rrsets, 3);
	end();
}

/* ---- rules ---- */

static void cname_stands_alone(void **state)
{
	(void)state;
	begin_zone();
	set("www", RRTYPE_A);
	ADDRESS;
	apply();
	set("other", RRTYPE_TXT);
	RECORD("\0");
	set("www", RRTYPE_CNAME);
	RECORD("\1x");
	expect_rule("cname-and-other-data", 1);
	new_change();
	edit(EDIT_DELETE, "www", RRTYPE_A);
	set("www", RRTYPE_CNAME);
	RECORD("\1x");
	apply();
	set("www", RRTYPE_A);
	ADDRESS;
	expect_rule("cname-and-other-data", 0);
	new_change();
	edit(EDIT_EXTEND, "www", RRTYPE_CNAME);
	RECORD("\1y");
	expect_rule("cname-multiple", 0);
	new_change();
	edit(EDIT_EXTEND, "www", RRTYPE_CNAME);
	HIDDEN("\1y");
	expect_rule(NULL, 0);
	end();
}

static void apex_keeps_its_soa_and_ns(void **state)
{
	(void)state;
	begin_zone();
	edit(EDIT_DELETE, "example.", RRTYPE_SOA);
	expect_rule("soa-missing", -1);
	new_change();
	edit(EDIT_DELETE, "example.", RRTYPE_NS);
	expect_rule("ns-missing", -1);
	new_change();
	set("www", RRTYPE_SOA);
	RECORD("\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0");
	expect_rule("soa-not-at-apex", 0);
	new_change();
	edit(EDIT_EXTEND, "example.", RRTYPE_SOA);
	RECORD("\1x\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0");
	expect_rule("soa-multiple", 0);
	end();
}

static void first_contents_bring_an_apex(void **state)
{
	(void)state;
	begin();
	new_change();
	set("www", RRTYPE_A);
	ADDRESS;
	expect_rule("soa-missing", -1);
	assert_int_equal(f.problems.count, 2);
	new_change();
	set("www", RRTYPE_A);
	HIDDEN("\xc0\0\2");
	expect_rule(NULL, 0);
	end();
}

static void nothing_stands_below_a_dname(void **state)
{
	(void)state;
	begin_zone();
	set("a.b.c", RRTYPE_A);
	ADDRESS;
	apply();
	set("c", RRTYPE_DNAME);
	RECORD("\1x");
	expect_rule("data-below-dname", -1);
	new_change();
	edit(EDIT_DELETE, "a.b.c", RRTYPE_A);
	set("c", RRTYPE_DNAME);
	RECORD("\1x");
	apply();
	set("x.y.z.c", RRTYPE_A);
	ADDRESS;
	expect_rule("data-below-dname", 0);
	new_change();
	set("c", RRTYPE_NS);
	RECORD("\1x");
	expect_rule("dname-and-ns", 0);
	new_change();
	edit(EDIT_DELETE, "c", RRTYPE_DNAME);
	set("x.y.z.c", RRTYPE_A);
	ADDRESS;
	expect_rule(NULL, 0);
	end();
}

/* Below a delegation a DNAME is not looked at; it is once the delegation is gone. */
static void what_a_delegation_hid_counts_when_it_goes(void **state)
{
	(void)state;
	begin_zone();
	set("sub", RRTYPE_NS);
	RECORD("\2ns\5other");
	apply();
	set("d.sub", RRTYPE_DNAME);
	RECORD("\1x");
	RECORD("\1y");
	set("e.sub", RRTYPE_DNAME);
	RECORD("\1x");
	set("x.e.sub", RRTYPE_A);
	ADDRESS;
	apply();
	edit(EDIT_DELETE, "sub", RRTYPE_NS);
	expect_rule("dname-multiple", -1);
	assert_int_equal(f.problems.count, 2);
	assert_string_equal(f.problems.list[1].rule, "data-below-dname");
	end();
}

static void who_signs_makes_what_signs(void **state)
{
	(void)state;
	begin_zone();
	set("www", RRTYPE_NSEC);
	RECORD("\0\0\1");
	expect_rule("type-of-signing", 0);
	end();
}

static void a_set_fits_into_a_message(void **state)
{
	static uint8_t text[32700];

	(void)state;
	begin_zone();
	set("www", 65280);
	assert_int_equal(change_edit_record(f.change, f.edit, text, sizeof text, false),
	                 0);
	assert_int_equal(
		change_edit_record(f.change, f.edit, text, sizeof text - 1, false), 0);
	expect_rule(NULL, 0);
	assert_int_equal(change_edit_record(f.change, f.edit, text, 90, false), 0);
	expect_rule("rrset-too-large", 0);
	end();
}

static void a_name_has_250_types(void **state)
{
	(void)state;
	begin_zone();
	for (unsigned i = 0; i < RRSET_TYPES_MAX; i++) {
		set("www", (uint16_t)(65280 + i));
		RECORD("x");
	}
	apply();
	set("www", 65279);
	RECORD("x");
	expect_rule("too-many-types", 0);
	edit(EDIT_DELETE, "www", 65280);
	change_problems_fini(&f.problems);
	expect_rule(NULL, 0);
	end();
}

static void the_table_takes_as_many_targets_as_are_let_in(void **state)
{
	STATIC_ASSERT(BODY_TARGETS_MAX == 2048, "as in check.c");
	STATIC_ASSERT(BODY_TARGET_BYTES == 2048 * 64, "as in check.c");

	(void)state;
	begin_zone();
	set("www", RRTYPE_NS);
	for (unsigned i = 0; i <= BODY_TARGETS_MAX; i++) {
		char target[32] = {4};

		(void)snprintf(target + 1, sizeof target - 1, "%04x", i);
		memcpy(target + 5, zone_name, sizeof zone_name);
		assert_int_equal(change_edit_record(f.change, f.edit,
		                                    (const uint8_t *)target,
		                                    5 + sizeof zone_name, false),
		                 0);
		if (i == BODY_TARGETS_MAX - 1)
			expect_rule(NULL, 0);
	}
	expect_rule("too-many-targets", 0);
	end();
}

/* ---- at random ---- */

enum { NAMES = 10, TYPES = 8, RDATAS = 3 };

static const char *const names[NAMES] = {
	"example.", "a", "b.a", "c.b.a", "*.a", "b", "d.b", "x.d.b", "y.x.d.b", "z",
};
static const uint16_t types[TYPES] = {
	RRTYPE_SOA,   RRTYPE_NS,    RRTYPE_A,   RRTYPE_TXT,
	RRTYPE_CNAME, RRTYPE_DNAME, RRTYPE_PTR, RRTYPE_AAAA,
};

/* What the zone should have: for each name and type, bits of records. */
struct model {
	struct {
		unsigned served, hidden;
		uint32_t ttl;
	} at[NAMES][TYPES];
};

static size_t rdata_of(uint16_t type, unsigned i, uint8_t *out)
{
	size_t len = 0;

	memset(out, (int)i, 32);
	switch (type) {
	case RRTYPE_A: return 4;
	case RRTYPE_AAAA: return 16;
	case RRTYPE_TXT: out[0] = 3; return 4;
	case RRTYPE_SOA: out[0] = out[1] = 0; return 22;
	default:
		memcpy(out, "\1xx", 4);
		out[1] = (uint8_t)('m' + i);
		len = 2;
		memcpy(out + len, i ? zone_name : (const uint8_t *)"", i ? 9 : 1);
		return len + (i ? 9 : 1);
	}
}

static unsigned seed;

static unsigned any(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static void random_edit(struct model *m)
{
	unsigned n = any(NAMES);
	unsigned t = any(TYPES);
	enum edit_kind kind = (enum edit_kind)any(4);

	/* Mostly types that do not rule out all others, and rarely ones at the apex. */
	if (t == 0 || (n == 0 && any(3)))
		t = any(8) ? 2 + any(2) : t;
	unsigned served = any(1 << RDATAS) & any(1 << RDATAS);
	unsigned hidden = any(4) ? 0 : any(1 << RDATAS) & ~served;
	typeof(&m->at[0][0]) now = &m->at[n][t];
	bool there = now->served | now->hidden;
	uint8_t rdata[32];

	edit(kind, names[n], types[t]);
	f.edit->ttl = any(3);
	f.edit->keep_ttl = any(2);
	for (unsigned i = 0; i < RDATAS && kind != EDIT_DELETE; i++) {
		size_t len = rdata_of(types[t], i, rdata);
		if ((served | hidden) >> i & 1)
			assert_int_equal(change_edit_record(f.change, f.edit, rdata, len,
			                                    hidden >> i & 1),
			                 0);
	}
	if (kind != EDIT_DELETE && (!f.edit->keep_ttl || !there))
		now->ttl = f.edit->ttl;
	switch (kind) {
	case EDIT_REPLACE:
		now->served = served;
		now->hidden = hidden;
		break;
	case EDIT_DELETE: now->served = now->hidden = 0; break;
	case EDIT_EXTEND:
		now->served = (now->served | served) & ~hidden;
		now->hidden = (now->hidden | hidden) & ~served;
		break;
	case EDIT_PRUNE:
		now->served &= ~(served | hidden);
		now->hidden &= ~(served | hidden);
		break;
	}
}

static struct contents *contents_of(const struct model *m, struct diag *diag)
{
	struct contents_builder *b = contents_builder_new(zone_name);
	struct contents *c;
	uint8_t name[NAME_MAX_LEN];
	uint8_t rdata[32];

	for (unsigned n = 0; n < NAMES; n++)
		for (unsigned t = 0; t < TYPES; t++)
			for (unsigned i = 0; i < RDATAS; i++) {
				if (!(m->at[n][t].served >> i & 1))
					continue;
				assert_true(name_from_text(names[n], strlen(names[n]),
				                           zone_name, name) > 0);
				size_t len = rdata_of(types[t], i, rdata);
				assert_int_equal(contents_builder_add(b, name, types[t],
				                                      m->at[n][t].ttl,
				                                      rdata, len, 0, 0,
				                                      diag),
				                 0);
			}
	assert_int_equal(contents_builder_finish(&b, &c, diag), 0);
	return c;
}

/* The store must hold these contents, and count them. */
static void expect_contents(const struct contents *c)
{
	struct store_cursor *cursor;
	struct store_entry e;

	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &cursor), 0);
	for (size_t i = 0; i < c->count; i++) {
		assert_int_equal(store_cursor_next(cursor, &e), 0);
		assert_int_equal(e.key_len, c->rrsets[i].key_len);
		assert_memory_equal(e.key, c->rrsets[i].key, e.key_len);
		assert_int_equal(e.set.type, c->rrsets[i].type);
		assert_int_equal(e.set.size, c->rrsets[i].size);
		assert_memory_equal(e.set.bytes, c->rrsets[i].blob, e.set.size);
	}
	assert_int_equal(store_cursor_next(cursor, &e), ERR_NOTFOUND);
	store_cursor_close(&cursor);
	assert_int_equal(f.zone.rrsets, c->count);
	assert_int_equal(f.zone.records, c->records);
}

static void expect_hidden(const struct model *m)
{
	for (unsigned n = 0; n < NAMES; n++)
		for (unsigned t = 0; t < TYPES; t++) {
			uint8_t name[NAME_MAX_LEN];
			uint8_t key[NAME_KEY_MAX];
			struct store_extra found = {.key = key, .type = types[t]};
			struct extra x = {0};
			struct rrset r = {0};

			assert_true(name_from_text(names[n], strlen(names[n]), zone_name,
			                           name) > 0);
			found.key_len = name_to_key(name, sizeof zone_name, key);
			if (store_extra_get(f.txn, f.zone.id, &found) == 0) {
				assert_int_equal(extra_decode(found.value, found.size,
				                              f.change->arena, &x),
				                 0);
				assert_int_equal(
					rrset_open(types[t], x.hidden, x.hidden_size, &r),
					0);
				assert_int_equal(r.ttl, m->at[n][t].ttl);
			}
			assert_int_equal(r.count, __builtin_popcount(m->at[n][t].hidden));
		}
}

/* One change after another, each of some edits, of which most should be let through. */
static void verdict_is_that_of_the_whole_zone(void **state)
{
	struct model now = {0};
	unsigned refused = 0;
	unsigned done = 0;

	(void)state;
	seed = 42;
	begin();
	now.at[0][0].served = now.at[0][1].served = 1;
	new_change();
	set("example.", RRTYPE_SOA);
	uint8_t rdata[32];
	record_of((char *)rdata, rdata_of(RRTYPE_SOA, 0, rdata), false);
	f.edit->ttl = 0;
	set("example.", RRTYPE_NS);
	record_of((char *)rdata, rdata_of(RRTYPE_NS, 0, rdata), false);
	f.edit->ttl = 0;
	apply();
	for (unsigned step = 0; step < 20000; step++) {
		struct model next = now;
		struct diag diag;

		diag_init(&diag);
		for (unsigned i = 0; i <= any(4); i++)
			random_edit(&next);
		struct contents *c = contents_of(&next, &diag);
		int wanted = contents_check(c, &diag);
		int err = make_and_check();
		if (err != wanted) {
			diag_print(&diag, stderr);
			for (size_t i = 0; i < f.problems.count; i++)
				print_error("%s\n", f.problems.list[i].text);
			fail_msg("step %u: %d instead of %d", step, err, wanted);
		}
		if (err == 0) {
			test_put_view(f.txn, &f.zone, &f.view);
			expect_contents(c);
			now = next;
			expect_hidden(&now);
		}
		done += err == 0;
		refused += err != 0;
		new_change();
		contents_free(c);
		diag_fini(&diag);
	}
	assert_true(done > 2000 && refused > 2000);
	end();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(edits_of_one_set_are_done_in_order),
		TEST(what_becomes_what_it_is_is_left_out),
		TEST(ttl_is_kept_where_there_is_one),
		TEST(a_record_is_served_or_disabled),
		TEST(comments_and_records_are_replaced_apart),
		TEST(one_more_set_goes_over_the_view),
		TEST(many_sets_go_over_the_view),
		TEST(edits_that_no_zone_can_hold_are_refused_all),
		TEST(longest_key_of_any_name_is_taken),
		TEST(cname_stands_alone),
		TEST(apex_keeps_its_soa_and_ns),
		TEST(first_contents_bring_an_apex),
		TEST(nothing_stands_below_a_dname),
		TEST(what_a_delegation_hid_counts_when_it_goes),
		TEST(who_signs_makes_what_signs),
		TEST(a_set_fits_into_a_message),
		TEST(a_name_has_250_types),
		TEST(the_table_takes_as_many_targets_as_are_let_in),
		TEST(verdict_is_that_of_the_whole_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
