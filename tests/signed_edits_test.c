/*
 * A zone that is signed here, under edits at random: each makes of it what it makes of an unsigned twin, and what there
 * is after each, chain, keys and signatures, is what making all of it anew would give, and what a validator
 * takes. Names come from few labels, so that cuts, names without data, wildcards and aliases come and go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/change/update.h"
#include "control/sign/zone_contents.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/signing.h"

enum { ROUNDS = 120, EDITS_MAX = 5, GROUP_MAX = 3, SOA_MAX = 64 };

static const char zone_text[] = "@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\n"
				"ns 3600 A 192.0.2.1\n";

static const char policies[] =
	"  - {name: nsec, algorithm: ED25519}\n"
	"  - {name: two, algorithm: ED25519, csk: no}\n"
	"  - {name: nsec3, algorithm: ED25519, nsec3: yes}\n"
	"  - {name: opt-out, algorithm: ED25519, nsec3: yes, nsec3-opt-out: yes,\n"
	"     nsec3-iterations: 1, nsec3-salt-length: 2}\n"
	"  - {name: rolling, algorithm: ED25519, csk: no, zsk-lifetime: 10d}\n"
	"  - {name: rolling-hashes, algorithm: ED25519, csk: no, zsk-lifetime: 10d,\n"
	"     nsec3: yes, nsec3-opt-out: yes}\n";

static uint64_t random_state;

static unsigned pick(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 16) % below);
}

/* ---- edits ---- */

struct record {
	uint16_t type;
	uint16_t len;
	uint32_t ttl;
	uint8_t rdata[128];
};

/* Of somebody else, by whom the zone is signed as well. */
static struct rdata foreign_key(void)
{
	static uint8_t keys[2][4 + 32] = {{1, 0, 3, 15, 7}, {1, 1, 3, 15, 9}};

	return (struct rdata){keys[pick(2)], sizeof keys[0]};
}

static void put(struct record *r, const uint8_t *rdata, size_t len)
{
	memcpy(r->rdata, rdata, len);
	r->len = (uint16_t)len;
}

static void draw_data(struct record *r)
{
	static const struct {
		uint16_t type, len;
		uint8_t rdata[36];
	} data[] = {
		{RRTYPE_A, 4, {192, 0, 2}},      {RRTYPE_A, 4, {192, 0, 2}},
		{RRTYPE_TXT, 2, {1, 'x'}},       {RRTYPE_NS, 4, {2, 'a', 'b'}},
		{RRTYPE_NS, 4, {2, 'a', 'c'}},   {RRTYPE_NS, 4, {2, 'a', 'd'}},
		{RRTYPE_DS, 36, {0, 1, 13, 2}},  {RRTYPE_DS, 36, {0, 2, 13, 2}},
		{RRTYPE_DNAME, 3, {1, 'd'}},     {RRTYPE_CNAME, 3, {1, 'e'}},
		{RRTYPE_MX, 5, {0, 10, 1, 'm'}}, {65280, 3, {1, 2, 3}},
	};
	size_t i = pick(ARRAY_LEN(data));

	r->type = data[i].type;
	put(r, data[i].rdata, data[i].len);
	if (r->type == RRTYPE_A)
		r->rdata[3] = (uint8_t)pick(4);
	if (r->type == RRTYPE_DS)
		memset(r->rdata + 4, 7, 32);
	r->ttl = 60 + 60 * pick(3);
}

static void draw_soa(struct record *r)
{
	uint8_t soa[] = {2,  'n', 's', 0, 1,  'h', 0, 0,  0,   0, 1, 0, 0, 14,
	                 16, 0,   0,   2, 88, 0,   1, 81, 128, 0, 0, 1, 44};

	soa[sizeof soa - 1] = (uint8_t)(44 + pick(2));
	r->type = RRTYPE_SOA;
	r->ttl = pick(4) ? 3600 : 200;
	put(r, soa, sizeof soa);
}

/* At the apex there is what others have put there, beside what is ours. */
static void draw_apex(struct record *r)
{
	static const uint8_t foreign_cds[] = {0x12, 0x34, 15, 2,  1,  2,  3,  4,  5,
	                                      6,    7,    8,  9,  10, 11, 12, 13, 14,
	                                      15,   16,   17, 18, 19, 20, 21, 22, 23,
	                                      24,   25,   26, 27, 28, 29, 30, 31, 32};
	struct rdata key = foreign_key();
	static const uint16_t types[] = {RRTYPE_DNSKEY, RRTYPE_DNSKEY, RRTYPE_CDNSKEY,
	                                 RRTYPE_CDS};

	if (pick(3) == 0) {
		draw_soa(r);
		return;
	}
	r->ttl = 3600;
	r->type = types[pick(ARRAY_LEN(types))];
	if (r->type == RRTYPE_CDS)
		put(r, foreign_cds, sizeof foreign_cds);
	else
		put(r, key.bytes, key.len);
}

static void draw_owner(uint8_t owner[NAME_MAX_LEN])
{
	static const char *const labels[] = {"a", "b", "*", "c", "ns", "zz"};
	char text[NAME_TEXT_MAX] = "";
	unsigned depth = 1 + pick(4);

	for (unsigned i = 0; i < depth; i++) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof text - len, "%s%s", i ? "." : "",
		               labels[pick(i + 1 == depth ? ARRAY_LEN(labels) : 3)]);
	}
	assert_true(name_from_text(text, strlen(text), signing_zone, owner) > 0);
}

static struct record draw_record(uint8_t owner[NAME_MAX_LEN])
{
	struct record r = {0};

	draw_owner(owner);
	if (pick(8)) {
		draw_data(&r);
		return r;
	}
	memcpy(owner, signing_zone, sizeof signing_zone);
	draw_apex(&r);
	return r;
}

/* The same edit of both. */
static void draw_edit(struct change *c[2], struct zone_change *z[2])
{
	static const enum edit_kind kinds[] = {EDIT_REPLACE, EDIT_REPLACE, EDIT_EXTEND,
	                                       EDIT_PRUNE, EDIT_DELETE};
	enum edit_kind kind = kinds[pick(ARRAY_LEN(kinds))];
	uint8_t owner[NAME_MAX_LEN];
	struct record r = draw_record(owner);

	if (r.type == RRTYPE_SOA)
		kind = EDIT_REPLACE;
	for (size_t i = 0; i < 2; i++) {
		struct edit *e = change_edit(c[i], z[i], kind, owner, r.type);
		e->ttl = r.ttl;
		e->set_records = kind == EDIT_REPLACE;
		if (kind != EDIT_DELETE)
			assert_int_equal(
				change_edit_record(c[i], e, r.rdata, r.len, false), 0);
	}
}

/* The same step of an update (RFC 2136). The serials differ, and so would what becomes of an SOA. */
static void draw_step(struct change *c[2], struct zone_change *z[2])
{
	static const enum update_verb verbs[] = {UPDATE_ADD,       UPDATE_ADD,
	                                         UPDATE_ADD,       UPDATE_DROP_SET,
	                                         UPDATE_DROP_NAME, UPDATE_DROP};
	struct update_step step = {.verb = verbs[pick(ARRAY_LEN(verbs))]};
	uint8_t owner[NAME_MAX_LEN];
	struct record r = draw_record(owner);

	if (r.type == RRTYPE_SOA)
		return;
	step.owner = owner;
	step.type = step.verb == UPDATE_DROP_NAME ? RRTYPE_ANY : r.type;
	step.ttl = step.verb == UPDATE_ADD ? r.ttl : 0;
	if (step.verb == UPDATE_ADD || step.verb == UPDATE_DROP) {
		step.rdata = r.rdata;
		step.rdata_len = r.len;
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(update_add(c[i], z[i]->update, &step), 0);
}

/* Draws the same change for both. */
static void draw_change(struct change *c[2])
{
	enum zone_change_kind kind = pick(3) ? ZONE_EDIT : ZONE_UPDATE;
	struct zone_change *z[2];

	for (size_t k = 0; k < 2; k++) {
		c[k] = signing_change(kind, &z[k]);
		if (kind == ZONE_UPDATE)
			z[k]->update = update_new(c[k]);
	}
	for (unsigned n = 1 + pick(EDITS_MAX); n > 0; n--)
		if (kind == ZONE_UPDATE)
			draw_step(c, z);
		else
			draw_edit(c, z);
}

/* ---- the zone and its twin ---- */

static struct signing *both[2]; /* signed, and not */

static void begin(const char *policy, uint64_t seed)
{
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < 2; i++) {
		both[i] = signing_open(policies);
		signing_load(both[i], zone_text, i ? NULL : policy);
	}
	signing_settle(both[0]);
	signing_expect_good(both[0], policy, 1);
}

static void end(void)
{
	for (size_t i = 0; i < 2; i++)
		signing_close(both[i]);
}

static bool is_keys(const struct contents_rrset *r)
{
	return r->key_len == 0 && (r->type == RRTYPE_DNSKEY || r->type == RRTYPE_CDS ||
	                           r->type == RRTYPE_CDNSKEY);
}

static void clear_serial(const struct contents_rrset *r, uint8_t out[SOA_MAX])
{
	assert_true(r->size <= SOA_MAX);
	memcpy(out, r->blob, r->size);
	assert_int_equal(serial_write(out, r->size, 0), 0);
}

static bool is_same(const struct contents_rrset *a, const struct contents_rrset *b)
{
	uint8_t soas[2][SOA_MAX];

	if (name_key_compare(a->key, a->key_len, b->key, b->key_len) != 0 ||
	    a->type != b->type || a->size != b->size)
		return false;
	if (a->type != RRTYPE_SOA)
		return memcmp(a->blob, b->blob, a->size) == 0;
	clear_serial(a, soas[0]);
	clear_serial(b, soas[1]);
	return memcmp(soas[0], soas[1], a->size) == 0;
}

static void count_records(struct contents *c)
{
	struct rrset set;

	c->records = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		c->records += (size_t)set.count + set.sig_count;
	}
}

static struct contents *load_bare(struct signing *s)
{
	struct contents *c = signing_load_contents(s);
	size_t kept = 0;

	assert_int_equal(zone_contents_bare(c, NULL), 0);
	for (size_t i = 0; i < c->count; i++)
		if (!is_keys(&c->rrsets[i]))
			c->rrsets[kept++] = c->rrsets[i];
	c->count = kept;
	count_records(c);
	return c;
}

static void expect_twins(const char *what)
{
	struct contents *c[2] = {load_bare(both[0]), load_bare(both[1])};

	for (size_t i = 0; i < c[0]->count && i < c[1]->count; i++)
		if (!is_same(&c[0]->rrsets[i], &c[1]->rrsets[i]))
			fail_msg("%s: RRset %zu is not what it is without signatures",
			         what, i);
	assert_int_equal(c[0]->count, c[1]->count);
	contents_free(c[0]);
	contents_free(c[1]);
}

static void expect_equal(const struct change_result *a, const struct change_result *b,
                         const char *what)
{
	if (a->err == b->err && a->rcode == b->rcode)
		return;
	fail_msg("%s: %s (%s), and unsigned %s (%s)", what, err_text(a->err),
	         a->problem_count ? a->problems[0].text : "", err_text(b->err),
	         b->problem_count ? b->problems[0].text : "");
}

/* Does the same to both. Gives how many were refused. */
static unsigned edit(const char *what)
{
	struct change *c[GROUP_MAX][2];
	struct change_result r[2][GROUP_MAX] = {0};
	struct commit_item items[2][GROUP_MAX];
	unsigned count = 1 + pick(GROUP_MAX);
	unsigned refused = 0;

	for (unsigned i = 0; i < count; i++)
		draw_change(c[i]);
	for (size_t k = 0; k < 2; k++) {
		for (unsigned i = 0; i < count; i++)
			items[k][i] = (struct commit_item){c[i][k], &r[k][i]};
		assert_int_equal(commit_group(&both[k]->committer, items[k], count),
		                 count);
		assert_int_equal(committer_tick(&both[k]->committer), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		expect_equal(&r[0][i], &r[1][i], what);
		refused += r[0][i].err < 0;
		change_free(&c[i][0]);
		change_free(&c[i][1]);
	}
	return refused;
}

static bool is_fine(struct contents *c)
{
	struct diag d;

	diag_init(&d);
	bool fine = contents_check(c, &d) == 0;
	diag_fini(&d);
	return fine;
}

static void leave_out(struct contents *c, size_t at)
{
	if (at >= c->count || c->rrsets[at].key_len == 0)
		return;
	memmove(&c->rrsets[at], &c->rrsets[at + 1],
	        (c->count - at - 1) * sizeof *c->rrsets);
	c->count--;
	count_records(c);
}

/* The unsigned twin's contents, perhaps without an RRset, for both. */
static void replace_contents(const char *what)
{
	struct contents *copies[2] = {load_bare(both[1]), load_bare(both[1])};
	unsigned drop = pick(40);

	for (size_t i = 0; i < 2; i++) {
		struct zone_change *z;
		struct change *change = signing_change(ZONE_CONTENTS, &z);

		leave_out(copies[i], drop);
		z->contents = copies[i];
		if (is_fine(copies[i]))
			assert_int_equal(signing_commit(both[i], change, NULL), 0);
		else
			change_free(&change);
	}
	expect_twins(what);
}

/* pace: seconds from one change to the next, at most. With more than a moment the keeper has its turn. */
static void pass_time(unsigned pace)
{
	signing_now += pick(pace);
	if (pace < SIGNING_HOUR)
		return;
	signing_settle(both[0]);
	assert_string_equal(both[0]->trouble, "");
}

static void walk(const char *policy, uint64_t seed, unsigned pace)
{
	char what[64];
	unsigned refused = 0;

	begin(policy, seed);
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)snprintf(what, sizeof what, "%s, seed %u, round %u", policy,
		               (unsigned)seed, i);
		pass_time(pace);
		refused += edit(what);
		expect_twins(what);
		if (pick(10) == 0)
			replace_contents(what);
		signing_expect_good(both[0], what, 4);
	}
	assert_true(refused > 0);
	assert_true(refused < 2 * ROUNDS);
	end();
}

static void walk_all(const char *policy)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		walk(policy, seed, 600);
}

static void edits_keep_chain_of_names_valid(void **state)
{
	(void)state;
	walk_all("nsec");
}

static void edits_keep_zone_of_two_keys_valid(void **state)
{
	(void)state;
	walk_all("two");
}

static void edits_keep_chain_of_hashes_valid(void **state)
{
	(void)state;
	walk_all("nsec3");
}

static void edits_keep_opt_out_valid(void **state)
{
	(void)state;
	walk_all("opt-out");
}

/* Signatures of two keys, and of former ones, and such as are due; and changes that meet all of these. */
static void edits_amid_rollovers_keep_it_valid(void **state)
{
	(void)state;
	walk("rolling", 5, SIGNING_DAY);
	walk("rolling-hashes", 6, SIGNING_DAY);
	walk("rolling", 7, 3 * SIGNING_DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_keep_chain_of_names_valid),
		cmocka_unit_test(edits_keep_zone_of_two_keys_valid),
		cmocka_unit_test(edits_keep_chain_of_hashes_valid),
		cmocka_unit_test(edits_keep_opt_out_valid),
		cmocka_unit_test(edits_amid_rollovers_keep_it_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
