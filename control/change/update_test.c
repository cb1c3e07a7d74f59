/*
 * The rules of RFC 2136 §3.2 and §3.4.2 as tables: a zone, an update, and what comes of it.
 */
#include "control/change/update.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/testing.h"
#include "control/store/testing.h"
#include "control/zone/rdata_text.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t apex[] = "\7example";

/* What every zone here has besides. */
#define SOA_OF(serial) "@ 9 SOA ns.other. who.other. " serial " 1 1 1 1"
#define SOA            SOA_OF("7")
#define APEX           "@ 9 NS ns.other.\n" SOA

struct fixture {
	struct store_txn *txn;
	struct store_zone zone;
	struct change *change;
	struct update *update;
	struct change_view view;
	struct rdata_text *text;
	uint8_t rcode;
};

static struct fixture f;

/* ---- reading ---- */

enum { WORDS_MAX = 32 };

struct words {
	struct entry_token at[WORDS_MAX];
	size_t count;
};

static struct words split(const char *line, size_t len)
{
	struct words w = {.count = 0};
	const char *end = line + len;

	while (line < end) {
		size_t word = strcspn(line, " \n");
		if (word && line < end)
			w.at[w.count++] =
				(struct entry_token){.text = line, .len = (uint32_t)word};
		line += word + 1;
	}
	return w;
}

static bool is(const struct entry_token *t, const char *word)
{
	return t->len == strlen(word) && memcmp(t->text, word, t->len) == 0;
}

static void read_owner(const struct entry_token *t, uint8_t *out)
{
	assert_true(rdata_read_name(t, apex, out) > 0);
}

static uint16_t read_type(const struct entry_token *t)
{
	int type = rrtype_from_text(t->text, t->len);

	assert_true(type > 0);
	return (uint16_t)type;
}

static void read_rdata(struct words *w, size_t from, uint16_t type)
{
	if (rdata_from_text(f.text, type, w->at + from, w->count - from, apex) < 0)
		fail_msg("%s", f.text->reason);
}

static void each_line(const char *text, void (*fn)(struct words *w))
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		struct words w = split(text, len);

		if (w.count)
			fn(&w);
		text += len + (text[len] == '\n');
	}
}

/* ---- zones ---- */

/* "owner ttl type rdata" */
static void put_record(struct words *w)
{
	struct change *c = change_new(actor_self());
	struct change_problems problems = {.arena = c->arena};
	struct zone_change *z = change_zone(c, ZONE_EDIT, apex);
	struct change_view v;
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type = read_type(&w->at[2]);

	read_owner(&w->at[0], owner);
	read_rdata(w, 3, type);
	struct edit *e = change_edit(c, z, EDIT_EXTEND, owner, type);
	e->ttl = (uint32_t)strtoul(w->at[1].text, NULL, 10);
	assert_int_equal(change_edit_record(c, e, f.text->bytes, f.text->len, false), 0);
	assert_int_equal(change_view_make(f.txn, &f.zone, z, c->arena, &v, &problems), 0);
	test_put_view(f.txn, &f.zone, &v);
	change_problems_fini(&problems);
	change_free(&c);
}

static void begin(const char *zone)
{
	f = (struct fixture){.txn = begin_write(), .text = rdata_text_new()};
	memcpy(f.zone.name, apex, sizeof apex);
	assert_int_equal(store_zone_put(f.txn, &f.zone), 0);
	each_line(zone, put_record);
	f.change = change_new(actor_self());
	f.update = update_new(f.change);
}

static void end(void)
{
	change_free(&f.change);
	store_abort(&f.txn);
	if (f.text)
		rdata_text_free(f.text);
	f.text = NULL;
}

static void print_set(const struct store_entry *e, FILE *to)
{
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	uint8_t name[NAME_MAX_LEN];
	const uint8_t *at = rrset_first(&e->set);

	assert_true(name_from_key(e->key, e->key_len, apex, name) > 0);
	(void)name_to_text(name, owner);
	size_t relative = strlen(owner) - strlen("example.");
	for (unsigned i = 0; i < e->set.count; i++) {
		struct rdata d = rrset_next(&at);

		(void)fprintf(to, "%.*s %u %s ", relative ? (int)relative - 1 : 1,
		              relative ? owner : "@", e->set.ttl,
		              rrtype_to_text(e->set.type, type));
		assert_int_equal(rdata_to_text(f.text, e->set.type, d.bytes, d.len, to),
		                 0);
		(void)fputc('\n', to);
	}
}

/* Gives all that the store has, to be freed. */
static char *zone_text(void)
{
	struct store_cursor *c;
	struct store_entry e;
	char *text = NULL;
	size_t size = 0;
	uint64_t sets = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &c), 0);
	while (store_cursor_next(c, &e) == 0) {
		print_set(&e, to);
		sets++;
	}
	store_cursor_close(&c);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(sets, f.zone.rrsets);
	return text;
}

/* ---- updates ---- */

/* "name X", "no-name X", "set X A", "no-set X A", "is X A rdata", "add X ttl A rdata", "drop X",
 * "drop X A", "drop X A rdata" */
static void add_step(struct words *w)
{
	static const struct {
		const char *word;
		enum update_verb verbs[3]; /* by what follows: a name, a type, RDATA */
	} verbs[] = {
		{"name", {PREREQ_NAME}},
		{"no-name", {PREREQ_NO_NAME}},
		{"set", {[1] = PREREQ_SET}},
		{"no-set", {[1] = PREREQ_NO_SET}},
		{"is", {[2] = PREREQ_SET_IS}},
		{"drop", {UPDATE_DROP_NAME, UPDATE_DROP_SET, UPDATE_DROP}},
		{"add", {[2] = UPDATE_ADD}},
	};
	struct update_step s = {.type = RRTYPE_ANY};
	uint8_t owner[NAME_MAX_LEN];
	size_t kind = 0;
	size_t at = 2;

	while (!is(&w->at[0], verbs[kind].word))
		kind++;
	read_owner(&w->at[1], owner);
	s.owner = owner;
	if (is(&w->at[0], "add"))
		s.ttl = (uint32_t)strtoul(w->at[at++].text, NULL, 10);
	if (w->count > at)
		s.type = read_type(&w->at[at++]);
	s.verb = verbs[kind].verbs[w->count > at ? 2 : s.type != RRTYPE_ANY];
	if (w->count > at) {
		read_rdata(w, at, s.type);
		s.rdata = f.text->bytes;
		s.rdata_len = (uint16_t)f.text->len;
	}
	assert_int_equal(update_add(f.change, f.update, &s), 0);
}

static int evaluate(void)
{
	return update_view(f.txn, &f.zone, f.update, f.change->arena, &f.view, &f.rcode);
}

struct rule {
	const char *zone, *update;
	enum update_rcode rcode;
	const char *becomes; /* NULL: what it was */
};

static void check_rule(const struct rule *r)
{
	begin(r->zone);
	char *before = zone_text();
	each_line(r->update, add_step);
	int err = evaluate();
	if (err != (r->rcode ? ERR_REFUSED : 0) || f.rcode != r->rcode)
		fail_msg("%s: %d, rcode %u", r->update, err, f.rcode);
	if (err == 0) {
		assert_int_equal(f.view.changed, r->becomes != NULL);
		test_put_view(f.txn, &f.zone, &f.view);
	}
	char *after = zone_text();
	const char *wanted = r->becomes ? r->becomes : before;
	size_t len = strlen(wanted);
	if (strncmp(after, wanted, len) != 0 || strcspn(after + len, "\n") != 0)
		fail_msg("%s: gives\n%s", r->update, after);
	free(before);
	free(after);
	end();
}

static void check_rules(const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_rule(&rules[i]);
}

#define RULES(rules) check_rules(rules, ARRAY_LEN(rules))

static void prerequisites_are_checked(void **state)
{
#define ZONE APEX "\nwww 9 A 1.1.1.1\nwww 9 A 1.1.1.2\nx.ent 9 TXT x\n*.w 9 TXT x"
	static const struct rule rules[] = {
		{ZONE, "name www", UPDATE_DONE, NULL},
		{ZONE, "name WWW", UPDATE_DONE, NULL},
		{ZONE, "name nobody", UPDATE_NXDOMAIN, NULL},
		{ZONE, "name ent", UPDATE_NXDOMAIN, NULL},
		{ZONE, "name any.w", UPDATE_NXDOMAIN, NULL},
		{ZONE, "name *.w", UPDATE_DONE, NULL},
		{ZONE, "no-name nobody", UPDATE_DONE, NULL},
		{ZONE, "no-name ent", UPDATE_DONE, NULL},
		{ZONE, "no-name www", UPDATE_YXDOMAIN, NULL},
		{ZONE, "set www A", UPDATE_DONE, NULL},
		{ZONE, "set www AAAA", UPDATE_NXRRSET, NULL},
		{ZONE, "set nobody A", UPDATE_NXRRSET, NULL},
		{ZONE, "no-set www AAAA", UPDATE_DONE, NULL},
		{ZONE, "no-set www A", UPDATE_YXRRSET, NULL},
		{ZONE, "is www A 1.1.1.1\nis www A 1.1.1.2", UPDATE_DONE, NULL},
		{ZONE, "is www A 1.1.1.2\nset @ NS\nis www A 1.1.1.1\nis www A 1.1.1.2",
	         UPDATE_DONE, NULL},
		{ZONE, "is @ NS NS.Other.", UPDATE_DONE, NULL},
		{ZONE, "is www A 1.1.1.1", UPDATE_NXRRSET, NULL},
		{ZONE, "is www A 1.1.1.1\nis www A 1.1.1.3", UPDATE_NXRRSET, NULL},
		{ZONE, "is www A 1.1.1.1\nis www A 1.1.1.2\nis www A 1.1.1.3",
	         UPDATE_NXRRSET, NULL},
		{ZONE, "is nobody A 1.1.1.1", UPDATE_NXRRSET, NULL},
		{ZONE, "name other.", UPDATE_NOTZONE, NULL},
		{ZONE, "is other. A 1.1.1.1", UPDATE_NOTZONE, NULL},
		/* The first that fails is told, sets being compared last. */
		{ZONE, "no-name www\nname other.", UPDATE_YXDOMAIN, NULL},
		{ZONE, "is www A 1.1.1.1\nno-name www", UPDATE_YXDOMAIN, NULL},
		/* Prerequisites are of what was, not of what the update makes. */
		{ZONE, "no-set www TXT\nadd www 9 TXT x\ndrop www A", UPDATE_DONE,
	         APEX "\nx.ent 9 TXT \"x\"\n*.w 9 TXT \"x\"\nwww 9 TXT \"x\""},
		{ZONE, "drop www A\nno-set www A", UPDATE_YXRRSET, NULL},
		{ZONE, "no-name www\nadd other. 9 A 1.1.1.1", UPDATE_YXDOMAIN, NULL},
		{ZONE, "add new 9 A 1.1.1.1\nadd other. 9 A 1.1.1.1", UPDATE_NOTZONE,
	         NULL},
	};

	(void)state;
	RULES(rules);
#undef ZONE
}

static void records_come(void **state)
{
#define WITH(record) APEX "\n" record
	static const struct rule rules[] = {
		{APEX, "add www 5 A 1.1.1.1", UPDATE_DONE, WITH("www 5 A 1.1.1.1")},
		{APEX, "add WWW 5 A 1.1.1.1", UPDATE_DONE, WITH("www 5 A 1.1.1.1")},
		{APEX, "add *.w 5 A 1.1.1.1", UPDATE_DONE, WITH("*.w 5 A 1.1.1.1")},
		{APEX, "add www 5 A 1.1.1.2\nadd www 5 A 1.1.1.1\nadd www 5 A 1.1.1.2",
	         UPDATE_DONE, WITH("www 5 A 1.1.1.1\nwww 5 A 1.1.1.2")},
		{WITH("www 5 A 1.1.1.2"), "add www 5 A 1.1.1.1", UPDATE_DONE,
	         WITH("www 5 A 1.1.1.1\nwww 5 A 1.1.1.2")},
		{WITH("www 5 A 1.1.1.1"), "add www 5 A 1.1.1.1", UPDATE_DONE, NULL},
		/* All of an RRset have the TTL of what came last. */
		{WITH("www 5 A 1.1.1.1\nwww 5 A 1.1.1.2"), "add www 6 A 1.1.1.1",
	         UPDATE_DONE, WITH("www 6 A 1.1.1.1\nwww 6 A 1.1.1.2")},
		{WITH("www 5 A 1.1.1.1"), "add www 6 A 1.1.1.2", UPDATE_DONE,
	         WITH("www 6 A 1.1.1.1\nwww 6 A 1.1.1.2")},
		{APEX, "add www 0 A 1.1.1.1", UPDATE_DONE, WITH("www 0 A 1.1.1.1")},
		/* Of some types there is one record only. */
		{WITH("c 5 CNAME x."), "add c 6 CNAME y.", UPDATE_DONE,
	         WITH("c 6 CNAME y.")},
		{WITH("c 5 CNAME x."), "add c 5 CNAME x.", UPDATE_DONE, NULL},
		{WITH("d 5 DNAME x."), "add d 5 DNAME y.", UPDATE_DONE,
	         WITH("d 5 DNAME y.")},
		{WITH("w 5 WKS 1.1.1.1 tcp smtp"), "add w 5 WKS 1.1.1.1 tcp http",
	         UPDATE_DONE, WITH("w 5 WKS 1.1.1.1 tcp http")},
		{WITH("w 5 WKS 1.1.1.1 tcp smtp"), "add w 5 WKS 1.1.1.1 udp domain",
	         UPDATE_DONE,
	         WITH("w 5 WKS 1.1.1.1 tcp smtp\nw 5 WKS 1.1.1.1 udp domain")},
		/* A CNAME and other data: whoever is there stays. */
		{WITH("www 5 A 1.1.1.1"), "add www 5 CNAME x.", UPDATE_DONE, NULL},
		{WITH("c 5 CNAME x."), "add c 5 A 1.1.1.1", UPDATE_DONE, NULL},
		{WITH("c 5 CNAME x."), "drop c CNAME\nadd c 5 A 1.1.1.1", UPDATE_DONE,
	         WITH("c 5 A 1.1.1.1")},
		{WITH("c 5 CNAME x."), "add c 5 A 1.1.1.1\ndrop c CNAME", UPDATE_DONE,
	         APEX},
		{APEX, "add c 5 CNAME x.\nadd c 5 A 1.1.1.1", UPDATE_DONE,
	         WITH("c 5 CNAME x.")},
		{APEX, "add c 5 A 1.1.1.1\nadd c 5 CNAME x.", UPDATE_DONE,
	         WITH("c 5 A 1.1.1.1")},
		{APEX, "add @ 5 CNAME x.", UPDATE_DONE, NULL},
		/* An SOA is replaced by a newer one only, and never comes to other names. */
		{APEX, "add @ 9 SOA ns.other. who.other. 8 1 1 1 1", UPDATE_DONE,
	         "@ 9 NS ns.other.\n" SOA_OF("8")},
		{APEX, "add @ 9 SOA other. who.other. 7 1 1 1 1", UPDATE_DONE, NULL},
		{APEX, "add @ 9 SOA other. who.other. 6 1 1 1 1", UPDATE_DONE, NULL},
		{APEX, "add @ 9 SOA other. who.other. 2147483656 1 1 1 1", UPDATE_DONE,
	         NULL},
		{APEX, "add www 9 SOA other. who.other. 8 1 1 1 1", UPDATE_DONE, NULL},
	};

	(void)state;
	RULES(rules);
}

static void records_go(void **state)
{
#define NAME WITH("www 5 A 1.1.1.1\nwww 5 A 1.1.1.2\nwww 5 AAAA ::1")
	static const struct rule rules[] = {
		{NAME, "drop www A 1.1.1.1", UPDATE_DONE,
	         WITH("www 5 A 1.1.1.2\nwww 5 AAAA ::1")},
		{NAME, "drop www A 1.1.1.2\ndrop www A 1.1.1.1", UPDATE_DONE,
	         WITH("www 5 AAAA ::1")},
		{NAME, "drop www A 1.1.1.3", UPDATE_DONE, NULL},
		{NAME, "drop www A", UPDATE_DONE, WITH("www 5 AAAA ::1")},
		{NAME, "drop www TXT", UPDATE_DONE, NULL},
		{NAME, "drop www", UPDATE_DONE, APEX},
		{NAME, "drop nobody\ndrop nobody A\ndrop nobody A 1.1.1.1", UPDATE_DONE,
	         NULL},
		{WITH("m 5 MX 1 Mail.Other."), "drop m MX 1 mail.other.", UPDATE_DONE,
	         APEX},
		/* What comes and goes was never there; what goes and comes as well. */
		{APEX, "add www 5 A 1.1.1.1\ndrop www", UPDATE_DONE, NULL},
		{NAME, "drop www A 1.1.1.1\nadd www 5 A 1.1.1.1", UPDATE_DONE, NULL},
		{NAME, "drop www\nadd www 6 A 1.1.1.3", UPDATE_DONE,
	         WITH("www 6 A 1.1.1.3")},
		/* The apex keeps its SOA and an NS. */
		{APEX, "drop @ SOA\ndrop @ NS\ndrop @", UPDATE_DONE, NULL},
		{APEX, "drop @ NS ns.other.", UPDATE_DONE, NULL},
		{APEX, "drop @ SOA ns.other. who.other. 7 1 1 1 1", UPDATE_DONE, NULL},
		{WITH("@ 9 NS a.other.\n@ 5 TXT x"), "drop @", UPDATE_DONE,
	         "@ 9 NS a.other.\n" APEX},
		{WITH("@ 9 NS a.other."), "drop @ NS a.other.\ndrop @ NS ns.other.",
	         UPDATE_DONE, APEX},
		{APEX, "add @ 9 NS a.other.\ndrop @ NS ns.other.", UPDATE_DONE,
	         "@ 9 NS a.other.\n" SOA},
		{WITH("sub 5 NS a.other."), "drop sub NS a.other.", UPDATE_DONE, APEX},
	};

	(void)state;
	RULES(rules);
}

static void an_rrset_of_any_size_goes(void **state)
{
	enum { RECORDS = 250, TEXT = 200 };
	char *zone = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&zone, &size);

	(void)state;
	assert_non_null(to);
	(void)fputs(APEX, to);
	for (unsigned i = 0; i < RECORDS; i++)
		(void)fprintf(to, "\nbig 5 TXT %0*u", TEXT, i);
	assert_int_equal(fclose(to), 0);
	check_rule(&(struct rule){zone, "drop big TXT", UPDATE_DONE, APEX});
	check_rule(&(struct rule){zone, "drop big\nadd big 5 A 1.1.1.1", UPDATE_DONE,
	                          WITH("big 5 A 1.1.1.1")});
	free(zone);
}

static void steps_are_of_their_form(void **state)
{
	struct update_step s = {.verb = UPDATE_ADD, .type = RRTYPE_A, .owner = apex};

	(void)state;
	begin(APEX);
	s.rdata = apex;
	s.rdata_len = 3;
	assert_int_equal(update_add(f.change, f.update, &s), ERR_CORRUPT);
	s.verb = PREREQ_SET_IS;
	assert_int_equal(update_add(f.change, f.update, &s), ERR_CORRUPT);
	assert_int_equal(f.update->count, 0);
	end();
}

/* Whoever signs the zone makes them; to ask whether they are there is fine. */
static void records_of_signers_are_refused(void **state)
{
	static const uint16_t types[] = {RRTYPE_NSEC, RRTYPE_NSEC3, RRTYPE_NSEC3PARAM,
	                                 RRTYPE_RRSIG};
	static const enum update_verb verbs[] = {UPDATE_ADD, UPDATE_DROP,
	                                         UPDATE_DROP_SET};
	struct update_step s = {.owner = apex, .rdata = apex, .rdata_len = 3};

	(void)state;
	begin(APEX);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		s.type = types[i];
		for (size_t k = 0; k < ARRAY_LEN(verbs); k++) {
			s.verb = verbs[k];
			assert_int_equal(update_add(f.change, f.update, &s), ERR_REFUSED);
		}
		assert_int_equal(f.update->count, i);
		s.verb = PREREQ_NO_SET;
		assert_int_equal(update_add(f.change, f.update, &s), 0);
	}
	end();
}

static int allowed(const struct actor *who)
{
	return update_allowed(f.txn, &f.zone, f.update, who);
}

static void grants_confine_steps_but_not_prerequisites(void **state)
{
	struct actor *who = actor_new(ACTOR_KEY, ROLE_WRITER, "key");

	(void)state;
	begin(WITH("www 5 A 1.1.1.1"));
	who->grants = calloc(1, sizeof *who->grants);
	assert_non_null(who->grants);
	who->grant_count = 1;
	who->grants[0] = (struct grant){
		.write = true, .names = "www", .types = {RRTYPE_A}, .type_count = 1};
	memcpy(who->grants[0].zone, apex, sizeof apex);
	each_line("is other A 1.1.1.1\nadd WWW 5 A 1.1.1.1\ndrop www A", add_step);
	assert_int_equal(allowed(who), 0);
	/* All of a name that the zone has nothing else at. */
	each_line("drop www\ndrop nobody", add_step);
	assert_int_equal(allowed(who), 0);
	each_line("www 5 TXT x", put_record);
	assert_int_equal(allowed(who), ERR_DENIED);
	f.update->count -= 2;
	assert_int_equal(allowed(who), 0);
	each_line("drop www2 A", add_step);
	assert_int_equal(allowed(who), ERR_DENIED);
	actor_release(&who);
	end();
}

/* One that is disabled is none for a prerequisite, and served once it is added. */
static void disabled_records_come_back(void **state)
{
	static const uint8_t key[] = "www";
	struct rrset hidden = {.ttl = 5, .count = 2};
	uint8_t blob[RRSET_HEADER + 12];
	struct extra x = {.hidden = blob, .hidden_size = sizeof blob};
	struct store_extra value = {.key = key, .key_len = sizeof key, .type = RRTYPE_A};
	const uint8_t *encoded;

	(void)state;
	begin(APEX);
	rrset_write_header(blob, &hidden);
	uint8_t *at = blob + RRSET_HEADER;
	at = rrset_write_rdata(at, (const uint8_t[]){1, 1, 1, 1}, 4);
	(void)rrset_write_rdata(at, (const uint8_t[]){1, 1, 1, 2}, 4);
	assert_int_equal(extra_encode(&x, f.change->arena, &encoded, &value.size), 0);
	value.value = encoded;
	assert_int_equal(store_extra_put(f.txn, f.zone.id, &value), 0);
	each_line("no-name www\nadd www 7 A 1.1.1.1", add_step);
	assert_int_equal(evaluate(), 0);
	assert_int_equal(f.view.count, 1);
	assert_int_equal(f.view.extra_count, 1);
	assert_int_equal(extra_decode(f.view.extras[0].blob, f.view.extras[0].size,
	                              f.change->arena, &x),
	                 0);
	assert_int_equal(rrset_open(RRTYPE_A, x.hidden, x.hidden_size, &hidden), 0);
	assert_int_equal(hidden.count, 1);
	assert_int_equal(hidden.ttl, 7);
	assert_int_equal(rrset_first(&hidden)[5], 2);
	end();
}

/* A group is tried once more when it fails: an update gives the same then. */
static void evaluation_leaves_the_update_as_it_was(void **state)
{
	(void)state;
	begin(WITH("www 5 A 1.1.1.1"));
	each_line("add www 6 A 1.1.1.2\ndrop www A 1.1.1.1\nadd new 6 A 1.1.1.2",
	          add_step);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(evaluate(), 0);
		assert_int_equal(f.view.count, 2);
		assert_int_equal(f.view.rrsets, 1);
		assert_int_equal(f.view.records, 1);
	}
	end();
}

/* More records than one RRset holds are refused, whatever comes after. */
static void an_rrset_has_an_end(void **state)
{
	uint8_t text[256] = {255};
	struct update_step s = {.verb = UPDATE_ADD,
	                        .type = RRTYPE_TXT,
	                        .owner = apex,
	                        .rdata = text,
	                        .rdata_len = 256};

	(void)state;
	begin(APEX);
	for (unsigned i = 0; i < 260; i++) {
		text[1] = (uint8_t)i;
		text[2] = (uint8_t)(i >> 8);
		assert_int_equal(update_add(f.change, f.update, &s), 0);
		int err = evaluate();
		assert_int_equal(err, i < 254 ? 0 : ERR_REFUSED);
		if (err == ERR_REFUSED)
			assert_int_equal(f.rcode, UPDATE_REFUSED);
	}
	end();
}

/* What a test leaves that fails in the middle. */
static int teardown_all(void **state)
{
	end();
	return teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prerequisites_are_checked),
		TEST(records_come),
		TEST(records_go),
		TEST(an_rrset_of_any_size_goes),
		TEST(steps_are_of_their_form),
		TEST(records_of_signers_are_refused),
		TEST(grants_confine_steps_but_not_prerequisites),
		TEST(disabled_records_come_back),
		TEST(evaluation_leaves_the_update_as_it_was),
		TEST(an_rrset_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
