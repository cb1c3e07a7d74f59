#include "tests/signing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/sign/check.h"
#include "control/sign/zone_contents.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { STEPS_MAX = 16, CONFIG_SIZE = 4096, BATCH = 16 /* the apex, at least */ };

uint64_t signing_now = SIGNING_BEGIN;

const uint8_t signing_zone[SIGNING_ZONE_LEN] = "\7example";

/* NOLINTBEGIN(readability-identifier-naming): they are called so */
int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	if (clock != CLOCK_REALTIME)
		return __real_clock_gettime(clock, out);
	*out = (struct timespec){.tv_sec = (time_t)signing_now};
	return 0;
}
/* NOLINTEND(readability-identifier-naming) */

/* ---- opening ---- */

static void read_config(struct signing *s, const char *policies)
{
	char text[CONFIG_SIZE];
	struct config *config;
	struct diag diag;

	int len = snprintf(text, sizeof text,
	                   "control:\n  store: %s\n  supervise: no\n"
	                   "  table-limit: 1G\n"
	                   "dnssec:\n  master-secret: %s\n"
	                   "dnssec-policies:\n%s",
	                   s->dir, s->secret, policies);
	diag_init(&diag);
	if (config_parse(text, (size_t)len, "/test.yaml", NULL, &config, &diag) < 0) {
		diag_print(&diag, stderr);
		fail_msg("the configuration is refused");
	}
	diag_fini(&diag);
	s->config = config;
}

static void open_committer(struct signing *s)
{
	char text[256] = "";

	if (committer_open(&s->committer, s->config, NULL, text, sizeof text) < 0)
		fail_msg("%s", text);
	s->committer.group_us = UINT32_MAX;
}

struct signing *signing_open(const char *policies)
{
	struct signing *s = calloc(1, sizeof *s);

	assert_non_null(s);
	signing_now = SIGNING_BEGIN;
	(void)snprintf(s->dir, sizeof s->dir, "/tmp/anser-signing-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->secret, sizeof s->secret, "%s/secret", s->dir);
	read_config(s, policies);
	open_committer(s);
	return s;
}

void signing_close(struct signing *s)
{
	char command[64];

	change_note_free(committer_take_notes(&s->committer));
	committer_close(&s->committer);
	config_release(s->config);
	(void)snprintf(command, sizeof command, "rm -r %s", s->dir);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	free(s);
}

void signing_configure(struct signing *s, const char *policies)
{
	const struct config *before = s->config;

	read_config(s, policies);
	s->committer.config = s->config;
	config_release(before);
}

void signing_reopen(struct signing *s)
{
	change_note_free(committer_take_notes(&s->committer));
	committer_close(&s->committer);
	open_committer(s);
}

/* ---- changes ---- */

struct contents *signing_contents_of(const char *text)
{
	struct contents *c = NULL;
	struct diag diag;

	diag_init(&diag);
	int err = zonefile_parse(text, strlen(text), "test", signing_zone, &c, &diag);
	if (err == 0)
		err = contents_check(c, &diag);
	if (err < 0) {
		diag_print(&diag, stderr);
		fail_msg("the zone is refused");
	}
	diag_fini(&diag);
	return c;
}

struct change *signing_change(enum zone_change_kind kind, struct zone_change **z)
{
	struct change *c = change_new(actor_self());

	*z = change_zone(c, kind, signing_zone);
	return c;
}

int signing_commit(struct signing *s, struct change *c, char why[64])
{
	struct change_result r = {0};
	struct commit_item item = {c, &r};

	assert_int_equal(commit_group(&s->committer, &item, 1), 1);
	if (why)
		(void)snprintf(why, 64, "%s", r.problem_count ? r.problems[0].rule : "");
	else if (r.err < 0)
		print_error("%s: %s\n", err_text(r.err),
		            r.problem_count ? r.problems[0].text : "");
	change_free(&c);
	assert_int_equal(committer_tick(&s->committer), 0);
	return r.err;
}

static void set_attribute(struct zone_change *z, const char *policy)
{
	z->attrs_set = UINT32_C(1) << ATTR_DNSSEC;
	(void)snprintf(z->attrs.dnssec, sizeof z->attrs.dnssec, "%s", policy);
}

void signing_load(struct signing *s, const char *text, const char *policy)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_CREATE, &z);

	z->contents = signing_contents_of(text);
	if (policy)
		set_attribute(z, policy);
	assert_int_equal(signing_commit(s, c, NULL), 0);
}

void signing_attribute(struct signing *s, const char *policy)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_EDIT, &z);

	set_attribute(z, policy);
	assert_int_equal(signing_commit(s, c, NULL), 0);
}

/* ---- steps ---- */

static void sign_again(struct signing *s, const struct change_again *due)
{
	for (size_t i = 0; i < due->count; i += BATCH) {
		struct zone_change *z;
		struct change *c = signing_change(ZONE_EDIT, &z);

		for (size_t k = i; k < due->count && k < i + BATCH; k++)
			change_sign_again(c, z, &due->sets[k]);
		assert_int_equal(signing_commit(s, c, NULL), 0);
	}
}

static void sign_all(struct step *step)
{
	struct bulk_progress progress = {0};

	if (step_sign(step, 1, &progress) < 0)
		fail_msg("%s", step->trouble);
}

static void act(struct signing *s, struct step *step)
{
	struct change *c = step->change;

	if (step->outcome == STEP_SIGN)
		sign_all(step);
	if (step->outcome == STEP_AGAIN)
		sign_again(s, &step->scan.due);
	if (step->outcome != STEP_CHANGE && step->outcome != STEP_SIGN)
		return;
	step->change = NULL;
	assert_int_equal(signing_commit(s, c, NULL), 0);
	s->changes++;
}

void signing_look(struct signing *s, struct step *out)
{
	struct store_txn *t;

	*out = (struct step){.secrets = s->committer.secrets,
	                     .config = s->config,
	                     .now = signing_now,
	                     .seen = s->seen};
	memcpy(out->name, signing_zone, sizeof signing_zone);
	s->seen.count = 0;
	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(step_look(t, out), 0);
	store_abort(&t);
}

enum step_outcome signing_step(struct signing *s)
{
	struct step step;

	signing_look(s, &step);
	s->ask = step.ask;
	s->again = step.again;
	s->asked_count = step.asked_count;
	memcpy(s->asked, step.asked, sizeof s->asked);
	(void)snprintf(s->trouble, sizeof s->trouble, "%s", step.trouble);
	act(s, &step);
	enum step_outcome outcome = step.outcome;
	step_fini(&step);
	return outcome;
}

void signing_settle(struct signing *s)
{
	enum step_outcome outcome;

	for (unsigned i = 0; i < STEPS_MAX; i++) {
		outcome = signing_step(s);
		if (outcome == STEP_NONE || outcome == STEP_FORGET)
			return;
	}
	fail_msg("each step leads to another");
}

/* ---- what is there ---- */

struct store_zone signing_stored(struct signing *s)
{
	struct store_zone z;
	struct store_txn *t;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(store_zone_get(t, signing_zone, &z), 0);
	store_abort(&t);
	return z;
}

static struct contents *load_contents(struct store_txn *t)
{
	struct contents *c = NULL;
	struct store_zone z;

	assert_int_equal(store_zone_get(t, signing_zone, &z), 0);
	assert_int_equal(zone_contents_load(t, &z, &c), 0);
	assert_int_equal(z.rrsets, c->count);
	assert_int_equal(z.records, c->records);
	return c;
}

struct contents *signing_load_contents(struct signing *s)
{
	struct store_txn *t;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	struct contents *c = load_contents(t);
	store_abort(&t);
	return c;
}

static void check(const struct contents *c, const char *what, unsigned one_in)
{
	const struct sign_check how = {.now = signing_now, .one_in = one_in};
	struct diag d;

	diag_init(&d);
	if (sign_check_contents(c, &how, &d) < 0) {
		diag_print(&d, stderr);
		fail_msg("%s: the zone is bogus", what);
	}
	diag_fini(&d);
}

/* The size of an RRset's records alone. */
static size_t data_of(const struct contents_rrset *r, struct rrset *out)
{
	assert_int_equal(rrset_open(r->type, r->blob, r->size, out), 0);
	return rrsig_blob_size(out, NULL, 0);
}

static bool is_same(const struct contents_rrset *a, const struct contents_rrset *b)
{
	struct rrset x;
	struct rrset y;
	size_t size = data_of(a, &x);

	if (name_key_compare(a->key, a->key_len, b->key, b->key_len) != 0 ||
	    a->type != b->type || data_of(b, &y) != size || x.ttl != y.ttl ||
	    x.count != y.count)
		return false;
	return a->type == RRTYPE_ZONEMD ||
	       memcmp(a->blob + RRSET_HEADER, b->blob + RRSET_HEADER,
	              size - RRSET_HEADER) == 0;
}

static void compare(const struct contents *is, const struct contents *anew,
                    const char *what)
{
	for (size_t i = 0; i < is->count && i < anew->count; i++)
		if (!is_same(&is->rrsets[i], &anew->rrsets[i]))
			fail_msg("%s: RRset %zu, of type %u, would be of type %u, or "
			         "another, if all were made anew",
			         what, i, is->rrsets[i].type, anew->rrsets[i].type);
	assert_int_equal(is->count, anew->count);
}

/* What is made of the same data from the beginning. */
static void expect_same(struct store_txn *t, struct zone_keys *keys,
                        const struct contents *is, const char *what)
{
	bool digest = contents_at_apex(is, RRTYPE_ZONEMD) != NULL;
	struct contents *anew = load_contents(t);

	assert_int_equal(zone_contents_prepare(anew, keys, NULL, digest, signing_now), 0);
	compare(is, anew, what);
	contents_free(anew);
}

static void expect_current(struct store_txn *t, struct zone_keys *keys, const char *what)
{
	struct zone_scan scan = {
		.now = signing_now, .soon = signing_now, .most = 1, .arena = arena_new()};

	assert_int_equal(zone_scan(t, keys, &scan), 0);
	if (scan.due_count)
		fail_msg("%s: %zu RRsets are not signed as they should be, the first of "
		         "type %u",
		         what, scan.due_count, scan.due.sets[0].type);
	arena_free(scan.arena);
}

void signing_expect_good(struct signing *s, const char *what, unsigned one_in)
{
	char why[ZONE_KEYS_WHY_SIZE] = "";
	struct zone_keys *keys;
	struct store_zone z;
	struct store_txn *t;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(store_zone_get(t, signing_zone, &z), 0);
	if (zone_keys_read(t, &z, NULL, s->committer.secrets, &keys, why) < 0)
		fail_msg("%s: %s", what, why);
	struct contents *is = load_contents(t);
	check(is, what, one_in);
	expect_current(t, keys, what);
	expect_same(t, keys, is, what);
	contents_free(is);
	zone_keys_free(&keys);
	store_abort(&t);
}

void signing_expect_bare(struct signing *s)
{
	struct contents *c = signing_load_contents(s);
	struct rrset set;

	for (size_t i = 0; i < c->count; i++) {
		(void)data_of(&c->rrsets[i], &set);
		assert_int_equal(set.sig_count, 0);
		assert_int_not_equal(set.type, RRTYPE_NSEC);
		assert_int_not_equal(set.type, RRTYPE_NSEC3);
		assert_int_not_equal(set.type, RRTYPE_NSEC3PARAM);
		assert_int_not_equal(set.type, RRTYPE_DNSKEY);
		assert_int_not_equal(set.type, RRTYPE_CDS);
		assert_int_not_equal(set.type, RRTYPE_CDNSKEY);
	}
	contents_free(c);
}
