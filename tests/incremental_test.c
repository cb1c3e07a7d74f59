/*
 * A table that went through many small commits must answer exactly as one that is built from the
 * same zones in one go. Zones are random, drawn from few labels and types so that cuts, empty
 * non-terminals, wildcards, CNAMEs, DNAMEs and hosted children come and go all the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum {
	ROUNDS = 60,
	NAMES = 40,
	ZONE_TEXT = 1 << 16,
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

static const char *const labels[] = {"a", "b", "c", "*", "d", "-", "1"};

static void draw_name(char *out, size_t size, unsigned depth)
{
	out[0] = 0;
	for (unsigned i = 0; i < depth; i++) {
		size_t len = strlen(out);
		snprintf(out + len, size - len, "%s.", labels[draw(ARRAY_LEN(labels))]);
	}
	size_t len = strlen(out);
	snprintf(out + len, size - len, "x.example.");
}

/* One random RRset for a name. Refused zones are drawn again, so any mix will do. */
static size_t draw_records(char *to, size_t room, const char *owner)
{
	char target[128];

	draw_name(target, sizeof target, 1 + draw(3));
	switch (draw(9)) {
	case 0: return (size_t)snprintf(to, room, "%s 60 NS %s\n", owner, target);
	case 1: return (size_t)snprintf(to, room, "%s 60 CNAME %s\n", owner, target);
	case 2: return (size_t)snprintf(to, room, "%s 60 DNAME %s\n", owner, target);
	case 3: return (size_t)snprintf(to, room, "%s 60 MX 10 %s\n", owner, target);
	case 4:
		return (size_t)snprintf(to, room, "%s 60 AAAA 2001:db8::%x\n", owner,
		                        draw(9));
	case 5: return (size_t)snprintf(to, room, "%s 60 TXT \"%u\"\n", owner, draw(9));
	default:
		return (size_t)snprintf(to, room, "%s 60 A 192.0.2.%u\n", owner, draw(9));
	}
}

struct lines {
	char text[NAMES][512];
	unsigned count;
};

static void zone_text(const struct lines *l, const char *origin, unsigned serial,
                      char *out)
{
	size_t len = (size_t)snprintf(out, ZONE_TEXT,
	                              "%s 60 SOA ns h %u 1 1 1 60\n%s 60 NS ns.%s\n",
	                              origin, serial, origin, origin);

	for (unsigned i = 0; i < l->count; i++)
		len += (size_t)snprintf(out + len, ZONE_TEXT - len, "%s", l->text[i]);
}

static void change_lines(struct lines *l)
{
	char owner[128];

	for (unsigned i = 1 + draw(4); i > 0; i--) {
		unsigned at = draw(NAMES);
		if (at < l->count && draw(2) == 0) {
			memmove(l->text[at], l->text[at + 1],
			        (size_t)(l->count - at - 1) * sizeof l->text[0]);
			l->count--;
		} else if (l->count < NAMES - 1) {
			draw_name(owner, sizeof owner, 1 + draw(4));
			draw_records(l->text[l->count++], sizeof l->text[0], owner);
		}
	}
}

/* Answers must be the same bytes. */
static void compare_one(struct harness *a, struct harness *b, const struct question *q)
{
	uint8_t message[512];
	size_t len = harness_query(q, message);
	size_t a_len = harness_ask(a, message, len, q->tcp);
	size_t b_len = harness_ask(b, message, len, q->tcp);

	if (a_len != b_len || memcmp(a->reply, b->reply, a_len) != 0)
		fail_msg("%s type %u: %zu bytes against %zu", q->name, q->type, a_len,
		         b_len);
}

static void compare(struct harness *a, struct harness *b)
{
	static const uint16_t types[] = {RRTYPE_A,  RRTYPE_AAAA,  RRTYPE_NS,  RRTYPE_DS,
	                                 RRTYPE_MX, RRTYPE_DNAME, RRTYPE_ANY, RRTYPE_SOA};

	for (unsigned i = 0; i < 300; i++) {
		char name[256];
		draw_name(name, sizeof name, draw(6));
		struct question q = {
			.name = name,
			.type = types[draw(ARRAY_LEN(types))],
			.udp_size = 1232,
			.dnssec = draw(2),
		};
		compare_one(a, b, &q);
	}
}

static struct harness *from_scratch(const char *parent, const char *child,
                                    bool with_child)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "x.example", parent, NULL, NULL), 0);
	if (with_child)
		assert_int_equal(harness_load(h, "a.x.example", child, NULL, NULL), 0);
	return h;
}

static void many_small_commits_equal_one_build(void **unused)
{
	static struct lines parent;
	static struct lines next;
	static char text[ZONE_TEXT];
	static char accepted[ZONE_TEXT];
	static const char child[] =
		"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nb 60 A 192.0.2.99\n"
		"*.c 60 TXT child\n";
	struct harness *h = harness_open();
	bool with_child = false;
	unsigned refused = 0;

	(void)unused;
	zone_text(&parent, "x.example.", 1, accepted);
	assert_int_equal(harness_load(h, "x.example", accepted, NULL, NULL), 0);
	for (unsigned round = 2; round < ROUNDS; round++) {
		struct diag diag;
		diag_init(&diag);
		next = parent;
		change_lines(&next);
		zone_text(&next, "x.example.", round, text);
		if (harness_load(h, "x.example", text, &diag, NULL) == 0) {
			parent = next;
			strcpy(accepted, text);
		} else {
			refused++;
		}
		diag_fini(&diag);
		if (draw(4) == 0) {
			int err = with_child ? harness_remove(h, "a.x.example")
			                     : harness_load(h, "a.x.example", child, NULL,
			                                    NULL);
			assert_int_equal(err, 0);
			with_child = !with_child;
		}
		struct harness *fresh = from_scratch(accepted, child, with_child);
		compare(h, fresh);
		assert_int_equal(committer_rebuild(&fresh->committer), 0);
		compare(h, fresh);
		harness_close(fresh);
	}
	assert_true(refused < ROUNDS * 3 / 4);
	harness_close(h);
}

/* ---- edits ---- */

/* A record of the zone as edits make it: what a zone file would hold. */
struct record {
	char owner[128];
	uint16_t type;
	uint8_t rdata[64];
	size_t len;
	char text[192]; /* behind the owner */
};

struct records {
	struct record all[NAMES * 4];
	unsigned count;
};

static size_t put_name(uint8_t *to, const char *text)
{
	uint8_t name[NAME_MAX_LEN];

	harness_name(text, name);
	size_t len = name_len(name, NAME_MAX_LEN);
	memcpy(to, name, len);
	return len;
}

static void draw_record(struct record *r)
{
	static const struct {
		const char *text;
		uint16_t type;
	} targets[] = {
		{"NS", RRTYPE_NS}, {"CNAME", RRTYPE_CNAME}, {"DNAME", RRTYPE_DNAME}};
	char target[128];
	unsigned kind = draw(8);

	*r = (struct record){0};
	draw_name(r->owner, sizeof r->owner, 1 + draw(4));
	draw_name(target, sizeof target, 1 + draw(3));
	if (kind < 3) {
		r->type = targets[kind].type;
		r->len = put_name(r->rdata, target);
		snprintf(r->text, sizeof r->text, "%s %s", targets[kind].text, target);
	} else if (kind == 3) {
		r->type = RRTYPE_TXT;
		r->rdata[0] = 1;
		r->rdata[1] = (uint8_t)('0' + draw(9));
		r->len = 2;
		snprintf(r->text, sizeof r->text, "TXT \"%c\"", r->rdata[1]);
	} else {
		r->type = RRTYPE_A;
		memcpy(r->rdata, (const uint8_t[]){192, 0, 2, (uint8_t)draw(4)}, 4);
		r->len = 4;
		snprintf(r->text, sizeof r->text, "A 192.0.2.%u", r->rdata[3]);
	}
}

static bool same_set(const struct record *a, const struct record *b)
{
	return a->type == b->type && strcmp(a->owner, b->owner) == 0;
}

static bool same_record(const struct record *a, const struct record *b)
{
	return same_set(a, b) && a->len == b->len &&
	       memcmp(a->rdata, b->rdata, a->len) == 0;
}

static void forget_records(struct records *all, const struct record *r,
                           bool (*same)(const struct record *, const struct record *))
{
	unsigned kept = 0;

	for (unsigned i = 0; i < all->count; i++)
		if (!same(&all->all[i], r))
			all->all[kept++] = all->all[i];
	all->count = kept;
}

/* One random edit, made both of the change and of the list. */
static void draw_edit(struct change *c, struct zone_change *z, struct records *all)
{
	static const enum edit_kind kinds[] = {EDIT_REPLACE, EDIT_EXTEND, EDIT_PRUNE,
	                                       EDIT_DELETE};
	enum edit_kind kind = kinds[draw(ARRAY_LEN(kinds))];
	uint8_t owner[NAME_MAX_LEN];
	struct record r;

	draw_record(&r);
	if (all->count > 0 && (kind == EDIT_PRUNE || kind == EDIT_DELETE || draw(4) == 0))
		r = all->all[draw(all->count)];
	harness_name(r.owner, owner);
	struct edit *e = change_edit(c, z, kind, owner, r.type);
	e->ttl = 60;
	e->set_records = kind == EDIT_REPLACE;
	if (kind != EDIT_DELETE)
		assert_int_equal(change_edit_record(c, e, r.rdata, r.len, false), 0);
	forget_records(all, &r,
	               kind == EDIT_REPLACE || kind == EDIT_DELETE ? same_set
	                                                           : same_record);
	if (kind == EDIT_REPLACE || kind == EDIT_EXTEND)
		all->all[all->count++] = r;
}

static void records_text(const struct records *all, unsigned serial, char *out)
{
	size_t len = (size_t)snprintf(out, ZONE_TEXT,
	                              "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n", serial);

	for (unsigned i = 0; i < all->count; i++)
		len += (size_t)snprintf(out + len, ZONE_TEXT - len, "%s 60 %s\n",
		                        all->all[i].owner, all->all[i].text);
}

/* What the checks of a whole zone say, and those of its edits, must be the same. */
static bool text_is_fine(const char *text)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *contents = NULL;
	struct diag diag;

	diag_init(&diag);
	harness_name("x.example", apex);
	int err = zonefile_parse(text, strlen(text), "test", apex, &contents, &diag);
	if (err == 0)
		err = contents_check(contents, &diag);
	contents_free(contents);
	diag_fini(&diag);
	return err == 0;
}

/* One to four changes of a few edits each, as one group. Gives how many were refused. */
static unsigned edit_in_a_group(struct harness *h, struct records *all, unsigned *serial)
{
	static struct records next;
	static char text[ZONE_TEXT];
	struct change *changes[4];
	struct change_result results[4];
	struct commit_item items[4];
	bool fine[4];
	unsigned count = 1 + draw(4);
	unsigned refused = 0;
	uint8_t apex[NAME_MAX_LEN];

	harness_name("x.example", apex);
	for (unsigned i = 0; i < count; i++) {
		changes[i] = change_new(actor_self());
		struct zone_change *z = change_zone(changes[i], ZONE_EDIT, apex);
		next = *all;
		for (unsigned n = 1 + draw(4); n > 0; n--)
			draw_edit(changes[i], z, &next);
		items[i] = (struct commit_item){changes[i], &results[i]};
		records_text(&next, 1, text);
		fine[i] = text_is_fine(text);
		if (fine[i])
			*all = next;
	}
	assert_int_equal(commit_group(&h->committer, items, count), count);
	for (unsigned i = 0; i < count; i++) {
		if (results[i].err != (fine[i] ? 0 : ERR_REFUSED))
			fail_msg("edits give %d (%s), the zone is %s", results[i].err,
			         results[i].problem_count ? results[i].problems[0].text
			                                  : "",
			         fine[i] ? "fine" : "refused");
		if (results[i].seq)
			*serial = results[i].zones[0].new_serial;
		refused += !fine[i];
		change_free(&changes[i]);
	}
	assert_int_equal(committer_tick(&h->committer), 0);
	return refused;
}

static void many_edits_equal_one_build(void **unused)
{
	static struct records all;
	static char text[ZONE_TEXT];
	static const char child[] = "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n";
	struct harness *h = harness_open();
	unsigned serial = 1;
	unsigned refused = 0;

	(void)unused;
	all.count = 0;
	records_text(&all, serial, text);
	assert_int_equal(harness_load(h, "x.example", text, NULL, NULL), 0);
	for (unsigned round = 2; round < ROUNDS; round++) {
		refused += edit_in_a_group(h, &all, &serial);
		if (all.count > NAMES * 3) /* no room for more */
			break;
		records_text(&all, serial, text);
		struct harness *fresh = from_scratch(text, child, false);
		compare(h, fresh);
		harness_close(fresh);
	}
	/* What is counted is what is there: a rebuild from the store believes it. */
	assert_int_equal(committer_rebuild(&h->committer), 0);
	struct harness *fresh = from_scratch(text, child, false);
	compare(h, fresh);
	harness_close(fresh);
	assert_true(refused > 0);
	harness_close(h);
}

static void different_edits(void **unused)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		state = seed * UINT64_C(0x9e3779b97f4a7c15);
		many_edits_equal_one_build(unused);
	}
}

static void different_histories(void **unused)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		state = seed * UINT64_C(0x9e3779b97f4a7c15);
		many_small_commits_equal_one_build(unused);
	}
}

static void a_small_change_compiles_only_what_it_concerns(void **unused)
{
	enum { COUNT = 5000 };
	char *text = calloc(COUNT + 10, 64);
	struct harness *h = harness_open();
	struct commit_report report;

	(void)unused;
	for (unsigned round = 0; round < 2; round++) {
		size_t len = (size_t)sprintf(
			text, "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n", round + 1);
		for (unsigned i = 0; i < COUNT; i++)
			len += (size_t)sprintf(text + len, "h%u 60 A 192.0.2.%u\n", i,
			                       round && i % 500 == 0 ? 1U : 2U);
		assert_int_equal(harness_load(h, "x.example", text, NULL, &report), 0);
	}
	/* Ten names, and the apex for its SOA. */
	assert_int_equal(report.names, 11);
	assert_int_equal(report.changed, 11);
	harness_close(h);
	free(text);
}

static void memory_returns_when_a_zone_goes(void **unused)
{
	struct harness *h = harness_open();
	struct writer_usage before;
	struct writer_usage after;
	static const char text[] =
		"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
		"a.b.c 60 MX 10 ns\n*.d 60 CNAME ns\nsub 60 NS ns.sub\n"
		"ns.sub 60 A 192.0.2.2\n";

	(void)unused;
	writer_usage(h->committer.writer, &before);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(harness_load(h, "x.example", text, NULL, NULL), 0);
		assert_int_equal(harness_remove(h, "x.example"), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(committer_tick(&h->committer), 0);
	writer_usage(h->committer.writer, &after);
	assert_int_equal(after.retired, 0);
	assert_int_equal(after.names, before.names);
	assert_int_equal(after.used, before.used);
	harness_close(h);
}

/* Records that the store lost must not turn into names that do not exist. */
static void a_damaged_zone_is_not_served(void **unused)
{
	static const char text[] =
		"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nwww 60 A 192.0.2.1\n";
	static const uint8_t www[] = "www";
	struct harness *h = harness_open();
	struct question q = {.name = "www.x.example.", .type = RRTYPE_A};
	uint8_t apex[NAME_MAX_LEN];
	uint8_t message[512];
	struct store_txn *t;

	(void)unused;
	assert_int_equal(harness_load(h, "x.example", text, NULL, NULL), 0);
	harness_name("x.example", apex);
	const struct zone *z = registry_find(h->committer.registry, apex);
	assert_int_equal(store_begin_write(h->committer.store, &t), 0);
	assert_int_equal(store_rrset_delete(t, z->table.id, www, sizeof www, RRTYPE_A),
	                 0);
	assert_int_equal(store_commit(&t), 0);
	assert_int_equal(committer_rebuild(&h->committer), 0);
	assert_int_equal(z->state, ZONE_STATE_FAILED);
	harness_ask(h, message, harness_query(&q, message), false);
	assert_int_equal(h->reply[3] & 15, 2); /* SERVFAIL */
	assert_int_equal(harness_load(h, "x.example", text, NULL, NULL), 0);
	harness_ask(h, message, harness_query(&q, message), false);
	assert_int_equal(h->reply[3] & 15, 0);
	assert_int_equal(h->reply[7], 1);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(different_histories),
		cmocka_unit_test(different_edits),
		cmocka_unit_test(a_small_change_compiles_only_what_it_concerns),
		cmocka_unit_test(memory_returns_when_a_zone_goes),
		cmocka_unit_test(a_damaged_zone_is_not_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
