/*
 * The permission matrix: every role, tenant and pair of grants against every zone, owner and type,
 * judged a second time by the sentences of docs/API.md, each written down here as plainly as it
 * can be. Which owner a pattern fits is a table, so that nothing here matches patterns, too.
 */
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "control/access/actor.h"
#include "shared/name.h"
#include "shared/rrtype.h"

static const char *const tenants[] = {"", "blue", "red"};

static const char *const zones[] = {"example.", "sub.example.", "other.", "."};

/* Which zones lie at or below which. */
static const char *const at_or_below[][2] = {
	{"example.", "example."},     {"sub.example.", "sub.example."},
	{"other.", "other."},         {".", "."},
	{"sub.example.", "example."}, {"example.", "."},
	{"sub.example.", "."},        {"other.", "."},
};

/* Owners relative to whatever zone it is. */
static const char *const owners[] = {"",
                                     "www",
                                     "WWW",
                                     "a.dyn",
                                     "dyn",
                                     "*",
                                     "\\*x",
                                     "_acme-challenge",
                                     "_acme-challenge.www"};

static const struct {
	const char *pattern;
	const char *fits[10]; /* of owners */
} patterns[] = {
	{"",
         {"", "www", "WWW", "a.dyn", "dyn", "*", "\\*x", "_acme-challenge",
          "_acme-challenge.www"}},
	{"@", {""}},
	{"www", {"www", "WWW"}},
	{"*",
         {"www", "WWW", "a.dyn", "dyn", "*", "\\*x", "_acme-challenge",
          "_acme-challenge.www"}},
	{"*.dyn @", {"", "a.dyn"}},
	{"\\*", {"*"}},
	{"_ACME-challenge _acme-challenge.*", {"_acme-challenge", "_acme-challenge.www"}},
};

static const uint16_t types[] = {RRTYPE_A, RRTYPE_TXT, RRTYPE_SOA};

enum { TYPE_SETS = 3, GRANT_KINDS = 4 * 2 * 2 * 7 * TYPE_SETS, SAMPLES = 400 };

/* ---- grants, by number ---- */

struct spec {
	const char *zone;
	bool below, write;
	unsigned pattern;
	unsigned type_set; /* 0: all; 1: TXT; 2: A and TXT */
};

static struct spec spec_of(unsigned n)
{
	struct spec s = {.zone = zones[n % 4]};

	s.below = n / 4 % 2;
	s.write = n / 8 % 2;
	s.pattern = n / 16 % ARRAY_LEN(patterns);
	s.type_set = n / 16 / (unsigned)ARRAY_LEN(patterns) % TYPE_SETS;
	return s;
}

static void name_of(const char *text, const char *origin,
                    uint8_t name[static NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	uint8_t suffix[NAME_MAX_LEN];

	assert_true(name_from_text(origin, strlen(origin), root, suffix) > 0);
	if (!text[0])
		memcpy(name, suffix, name_len(suffix, sizeof suffix));
	else
		assert_true(name_from_text(text, strlen(text), suffix, name) > 0);
}

static struct grant grant_of(const struct spec *s)
{
	struct grant g = {.below = s->below, .write = s->write};

	name_of("", s->zone, g.zone);
	memcpy(g.names, patterns[s->pattern].pattern,
	       strlen(patterns[s->pattern].pattern));
	if (s->type_set > 0)
		g.types[g.type_count++] = RRTYPE_TXT;
	if (s->type_set > 1)
		g.types[g.type_count++] = RRTYPE_A;
	return g;
}

/* ---- the second judge ---- */

static bool is_at_or_below(const char *zone, const char *of)
{
	for (size_t i = 0; i < ARRAY_LEN(at_or_below); i++)
		if (!strcmp(at_or_below[i][0], zone) && !strcmp(at_or_below[i][1], of))
			return true;
	return false;
}

static bool names_zone(const struct spec *s, const char *zone)
{
	return !strcmp(s->zone, zone) || (s->below && is_at_or_below(zone, s->zone));
}

static bool fits_owner(const struct spec *s, const char *owner)
{
	for (unsigned i = 0; patterns[s->pattern].fits[i]; i++)
		if (!strcmp(patterns[s->pattern].fits[i], owner))
			return true;
	return false;
}

static bool fits_type(const struct spec *s, uint16_t type)
{
	return s->type_set == 0 || type == RRTYPE_TXT ||
	       (s->type_set == 2 && type == RRTYPE_A);
}

struct asked {
	enum role role;
	const char *tenant;
	struct spec specs[2];
	unsigned spec_count;
	const char *zone;
	const char *zone_tenant;
};

static bool should_see(const struct asked *q)
{
	bool any = q->spec_count == 0;

	for (unsigned i = 0; i < q->spec_count; i++)
		any |= names_zone(&q->specs[i], q->zone);
	return q->role != ROLE_NONE && any &&
	       (!q->tenant[0] || !strcmp(q->tenant, q->zone_tenant));
}

static bool should_edit(const struct asked *q, const char *owner, uint16_t type)
{
	bool any = q->spec_count == 0;

	for (unsigned i = 0; i < q->spec_count; i++)
		any |= q->specs[i].write && names_zone(&q->specs[i], q->zone) &&
		       fits_owner(&q->specs[i], owner) && fits_type(&q->specs[i], type);
	return any && (q->role == ROLE_WRITER || q->role == ROLE_OPERATOR ||
	               q->role == ROLE_ADMIN);
}

/* One grant must do: two that have everything between them are not looked at together. */
static bool should_edit_all(const struct asked *q)
{
	bool any = q->spec_count == 0;

	for (unsigned i = 0; i < q->spec_count; i++)
		any |= q->specs[i].write && names_zone(&q->specs[i], q->zone) &&
		       q->specs[i].pattern == 0 && q->specs[i].type_set == 0;
	return any && q->role >= ROLE_WRITER;
}

/* ---- tests ---- */

static struct actor *actor_for(const struct asked *q)
{
	struct actor *a = actor_new(ACTOR_KEY, q->role, "somebody");

	memcpy(a->tenant, q->tenant, strlen(q->tenant));
	a->grant_count = q->spec_count;
	a->grants = calloc(q->spec_count + 1, sizeof *a->grants);
	assert_non_null(a->grants);
	for (unsigned i = 0; i < q->spec_count; i++)
		a->grants[i] = grant_of(&q->specs[i]);
	return a;
}

static void judge_owners(const struct asked *q, const struct actor *a,
                         const uint8_t *zone)
{
	uint8_t owner[NAME_MAX_LEN];

	for (size_t o = 0; o < ARRAY_LEN(owners); o++) {
		name_of(owners[o], q->zone, owner);
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			if (actor_may_edit(a, zone, owner, types[t]) !=
			    should_edit(q, owners[o], types[t]))
				fail_msg("role %d, %s in %s, type %u, %u grants, first: "
				         "%s%s%s \"%s\" types %u",
				         (int)q->role, owners[o], q->zone, types[t],
				         q->spec_count, q->specs[0].zone,
				         q->specs[0].below ? " below" : "",
				         q->specs[0].write ? " write" : "",
				         patterns[q->specs[0].pattern].pattern,
				         q->specs[0].type_set);
	}
}

static void judge(struct asked *q)
{
	struct actor *a = actor_for(q);
	uint8_t zone[NAME_MAX_LEN];

	for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
		q->zone = zones[z];
		name_of("", q->zone, zone);
		for (size_t t = 0; t < ARRAY_LEN(tenants); t++) {
			q->zone_tenant = tenants[t];
			assert_int_equal(actor_sees(a, zone, tenants[t]), should_see(q));
			assert_int_equal(actor_sees_tenant(a, tenants[t]),
			                 !q->tenant[0] || !strcmp(q->tenant, tenants[t]));
		}
		assert_int_equal(actor_may_edit_all(a, zone), should_edit_all(q));
		judge_owners(q, a, zone);
	}
	actor_release(&a);
}

static void judge_every_role_and_tenant(struct asked *q)
{
	for (int role = ROLE_NONE; role <= ROLE_ADMIN; role++) {
		for (size_t t = 0; t < ARRAY_LEN(tenants); t++) {
			q->role = (enum role)role;
			q->tenant = tenants[t];
			judge(q);
		}
	}
}

static void a_role_may_what_the_manual_says(void **state)
{
	static const enum role least[PERMISSIONS] = {
		[MAY_LOOK] = ROLE_READER,           [MAY_EDIT] = ROLE_WRITER,
		[MAY_MANAGE_ZONES] = ROLE_OPERATOR, [MAY_OPERATE] = ROLE_OPERATOR,
		[MAY_ADMINISTER] = ROLE_ADMIN,
	};

	(void)state;
	for (int role = ROLE_NONE; role <= ROLE_ADMIN; role++) {
		struct actor *a = actor_new(ACTOR_KEY, (enum role)role, "somebody");
		for (int p = 0; p < PERMISSIONS; p++)
			assert_int_equal(actor_may(a, (enum permission)p),
			                 role >= (int)least[p]);
		actor_release(&a);
	}
}

static void without_grants_and_with_each_one(void **state)
{
	struct asked q = {.spec_count = 0};

	(void)state;
	judge_every_role_and_tenant(&q);
	q.spec_count = 1;
	for (unsigned n = 0; n < GRANT_KINDS; n++) {
		q.specs[0] = spec_of(n);
		judge_every_role_and_tenant(&q);
	}
}

static void with_two_grants(void **state)
{
	struct asked q = {.spec_count = 2};
	uint64_t random = 88172645463325252U;

	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		q.specs[0] = spec_of((unsigned)(random % GRANT_KINDS));
		q.specs[1] = spec_of((unsigned)(random / GRANT_KINDS % GRANT_KINDS));
		judge_every_role_and_tenant(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_may_what_the_manual_says),
		cmocka_unit_test(without_grants_and_with_each_one),
		cmocka_unit_test(with_two_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
