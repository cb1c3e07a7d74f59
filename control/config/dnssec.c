#include "control/config/dnssec.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/value.h"
#include "control/must.h"

#define DEFAULT_POLICY "default"
#define CREDENTIAL     "anser-master-secret"

/* ---- the policy that is there always ---- */

static void make_default(struct config_dnssec_policy *p, const char *dir)
{
	const struct option *o = option_first(SECTION_DNSSEC_POLICIES);
	struct value_problem problem;

	for (; o; o = option_next(o)) {
		int err = o->fallback ? value_set_default(o, p, dir, &problem)
		                      : value_set(o, p, dir, DEFAULT_POLICY, &problem);
		assert(err == 0);
		(void)err;
	}
}

void dnssec_inherit(struct config *c, const char *dir)
{
	size_t count = c->dnssec_policy_count;

	if (config_dnssec_policy_find(c, DEFAULT_POLICY))
		return;
	c->dnssec_policies = must(
		realloc(c->dnssec_policies, (count + 1) * sizeof *c->dnssec_policies));
	c->dnssec_policies[count] = (struct config_dnssec_policy){0};
	make_default(&c->dnssec_policies[count], dir);
	c->dnssec_policy_count = count + 1;
}

struct sign_policy config_dnssec_policy_numbers(const struct config_dnssec_policy *p)
{
	struct sign_policy numbers = p->policy;

	if (p->manual)
		numbers.ksk_lifetime = numbers.zsk_lifetime = 0;
	return numbers;
}

void config_dnssec_policy_each(const struct config_dnssec_policy *p,
                               void (*fn)(const char *name, const char *value, void *arg),
                               void *arg)
{
	for (const struct option *o = option_first(SECTION_DNSSEC_POLICIES); o;
	     o = option_next(o)) {
		char *text;
		size_t size;
		FILE *to = must_open_text(&text, &size);
		value_show(o, p, to);
		must_close_text(to);
		fn(o->key, text, arg);
		free(text);
	}
}

/* ---- the master secret ---- */

/* Gives the path, or NULL; free() it. */
static char *credential(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path = NULL;

	if (!dir || dir[0] != '/')
		return NULL;
	if (asprintf(&path, "%s/" CREDENTIAL, dir) < 0)
		abort();
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static char *beside_store(const char *store)
{
	size_t len = strlen(store);
	char *path = NULL;

	while (len > 1 && store[len - 1] == '/')
		len--;
	if (asprintf(&path, "%.*s.secret", (int)len, store) < 0)
		abort();
	return path;
}

void dnssec_resolve_secret(struct config *c, struct diag *diag)
{
	char *path = credential();

	if (!path && c->dnssec_master_secret[0])
		return;
	if (!path)
		path = beside_store(c->store);
	free(c->dnssec_master_secret);
	c->dnssec_master_secret = path;
	if (strlen(path) >= PATH_MAX)
		diag_add(diag, DIAG_ERROR, "out-of-range", c->path, 0, 0,
		         "master-secret: the path beside the store is longer than the "
		         "system allows");
}

/* ---- checks ---- */

struct checker {
	const struct config *config;
	struct diag *diag;
	const struct config_dnssec_policy *p;
};

static void report(const struct checker *c, enum diag_severity severity, const char *rule,
                   const char *key, const char *why)
{
	diag_add(c->diag, severity, rule, c->config->path, c->p->at.line, c->p->at.column,
	         "%s: %s", key, why);
}

static void check_numbers(const struct checker *c)
{
	struct sign_policy_fault fault = sign_policy_check(&c->p->policy);

	if (fault.setting)
		report(c, DIAG_ERROR, "bad-policy", fault.setting, fault.why);
}

/* RFC 9276 section 3.1. Zones that come from elsewhere may have such chains, and go on with them. */
static void check_hashing(const struct checker *c)
{
	const struct sign_policy *p = &c->p->policy;

	if (p->iterations)
		report(c, DIAG_WARNING, "nsec3-costs", "nsec3-iterations",
		       "above 0 they cost servers and resolvers, hide nothing, and make "
		       "some resolvers take the zone for unsigned (RFC 9276)");
	if (p->salt_length)
		report(c, DIAG_WARNING, "nsec3-costs", "nsec3-salt-length",
		       "salt hides nothing (RFC 9276)");
}

static void check_roles(const struct checker *c)
{
	const struct config_dnssec_policy *p = c->p;

	if (p->offline_ksk && p->policy.csk)
		report(c, DIAG_ERROR, "bad-policy", "ksk",
		       "a CSK signs everything and cannot be offline: csk: no");
	if (p->offline_ksk && p->policy.double_signature)
		report(c, DIAG_ERROR, "bad-policy", "zsk-roll",
		       "bundles are made for ZSKs that are published before they sign");
	if (p->manual && (p->policy.ksk_lifetime || p->policy.zsk_lifetime))
		report(c, DIAG_WARNING, "not-used", "keys",
		       "nothing is begun by time: the lifetimes count for nothing");
	else if (p->offline_ksk && p->policy.ksk_lifetime)
		report(c, DIAG_WARNING, "not-used", "ksk-lifetime",
		       "a KSK that is offline is replaced where it is");
}

/* What is said instead of a name. */
static void check_name(const struct checker *c)
{
	if (strcmp(c->p->name, "no") == 0)
		report(c, DIAG_ERROR, "bad-name", "name",
		       "\"no\" is what unsigned zones say");
}

void dnssec_check(const struct config *config, struct diag *diag)
{
	for (size_t i = 0; i < config->dnssec_policy_count; i++) {
		const struct checker c = {config, diag, &config->dnssec_policies[i]};

		check_name(&c);
		check_numbers(&c);
		check_hashing(&c);
		check_roles(&c);
	}
}
