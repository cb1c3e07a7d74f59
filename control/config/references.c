#include "control/config/references.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/config/value.h"
#include "control/policy/address.h"
#include "control/sign/tokens.h"
#include "shared/address.h"

#define DEFAULT_TEMPLATE "default"

struct checker {
	const struct config *config;
	struct diag *diag;
	const struct config_entry *at; /* of the entry that is looked at */
};

static void report(struct checker *c, enum diag_severity severity, const char *rule,
                   const char *key, const char *format, ...) PRINTF_LIKE(5, 6);

static void report(struct checker *c, enum diag_severity severity, const char *rule,
                   const char *key, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	diag_add(c->diag, severity, rule, c->config->path, c->at->line, c->at->column,
	         "%s: %s", key, text);
}

/* Calls back for each of the words. */
static void each_word(struct checker *c, const char *key, const char *words,
                      void (*fn)(struct checker *c, const char *key, const char *word))
{
	char word[IO_NAMES_SIZE];

	while (io_names_next(&words, word))
		fn(c, key, word);
}

/* ---- what a word names ---- */

static bool is_address(const char *word)
{
	struct sockaddr_storage address;

	return policy_address_read(word, &address);
}

static void check_remote(struct checker *c, const char *key, const char *word)
{
	if (!config_remote_find(c->config, word) && !is_address(word))
		report(c, DIAG_ERROR, "unknown-name", key,
		       "\"%.100s\" is neither an address nor one of remotes", word);
}

static void check_acl(struct checker *c, const char *key, const char *word)
{
	if (!config_acl_find(c->config, word))
		report(c, DIAG_ERROR, "unknown-name", key,
		       "\"%.100s\" is not one of acls", word);
}

static void check_tls(struct checker *c, const char *key, const char *word)
{
	if (word[0] && !config_tls_find(c->config, word))
		report(c, DIAG_ERROR, "unknown-name", key,
		       "\"%.100s\" is not one of tls-profiles", word);
}

static void check_template(struct checker *c, const char *key, const char *word)
{
	if (word[0] && !config_template_find(c->config, word))
		report(c, DIAG_ERROR, "unknown-name", key,
		       "\"%.100s\" is not one of templates", word);
}

static void check_dnssec(struct checker *c, const char *word)
{
	if (word[0] && strcmp(word, "no") != 0 &&
	    !config_dnssec_policy_find(c->config, word))
		report(c, DIAG_ERROR, "unknown-name", "dnssec",
		       "\"%.100s\" is not one of dnssec-policies; \"default\" always is",
		       word);
}

/* Parents' servers are asked in clear. Who said TLS does not get less. */
static void check_agent(struct checker *c, const char *key, const char *word)
{
	const struct config_remote *remote = config_remote_find(c->config, word);

	check_remote(c, key, word);
	if (remote && remote->tls[0])
		report(c, DIAG_ERROR, "unfit-remote", key,
		       "\"%.100s\" is reached over TLS, and servers are asked for DS "
		       "records without",
		       word);
}

static void check_group(struct checker *c, const char *key, const char *word)
{
	const char *equals = strrchr(word, '=');

	if (!equals || equals == word)
		report(c, DIAG_ERROR, "bad-value", key,
		       "expected GROUP=TEMPLATE, found \"%.100s\"", word);
	else
		check_template(c, key, equals + 1);
}

static void check_source(struct checker *c, const char *key, const char *words)
{
	unsigned count[2] = {0};
	char word[IO_NAMES_SIZE];

	while (io_names_next(&words, word))
		if (++count[strchr(word, ':') != NULL] == 2)
			report(c, DIAG_ERROR, "duplicate-value", key,
			       "\"%.60s\" is the second address of its family", word);
}

/* ---- entries ---- */

static void check_zone(struct checker *c, const struct config_zone *z)
{
	const struct config_template *t = config_template_find(
		c->config, z->template_name[0] ? z->template_name : DEFAULT_TEMPLATE);
	uint8_t kind = z->kind == CONFIG_KIND_UNSAID && t ? t->kind : z->kind;
	bool secondary = kind == CONFIG_KIND_SECONDARY || kind == CONFIG_KIND_CONSUMER;

	c->at = &z->at;
	check_template(c, "template", z->template_name);
	each_word(c, "primaries", z->primaries, check_remote);
	each_word(c, "notify", z->notify, check_remote);
	each_word(c, "acls", z->acls, check_acl);
	if (!z->file[0] && !secondary && kind != CONFIG_KIND_PRODUCER)
		diag_add(c->diag, DIAG_ERROR, "missing-key", c->config->path, z->at.line,
		         z->at.column, "\"file\" is missing in this entry");
	if (z->file[0] && secondary)
		report(c, DIAG_ERROR, "file-of-secondary", "file",
		       "the contents of a zone of kind %s come from its primaries",
		       kind == CONFIG_KIND_CONSUMER ? "consumer" : "secondary");
	check_dnssec(c, z->dnssec);
	if (secondary && z->dnssec[0] && strcmp(z->dnssec, "no") != 0)
		report(c, DIAG_ERROR, "signed-secondary", "dnssec",
		       "what comes from primaries is signed there");
	if (secondary && !z->primaries[0] && !(t && t->primaries[0]))
		report(c, DIAG_WARNING, "no-primaries", "primaries",
		       "there are none: until some are said the zone stays as it is");
}

static void check_template_entry(struct checker *c, const struct config_template *t)
{
	c->at = &t->at;
	each_word(c, "primaries", t->primaries, check_remote);
	each_word(c, "notify", t->notify, check_remote);
	each_word(c, "acls", t->acls, check_acl);
	each_word(c, "groups", t->groups, check_group);
	check_dnssec(c, t->dnssec);
}

static void check_remote_entry(struct checker *c, const struct config_remote *remote)
{
	c->at = &remote->at;
	check_tls(c, "tls", remote->tls);
	check_source(c, "source", remote->source);
	if (is_address(remote->name))
		report(c, DIAG_ERROR, "bad-name", "name",
		       "\"%.100s\" would be taken for an address", remote->name);
}

/* What no certificate has, nor a host's address. */
static bool is_host(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.";
	struct sockaddr_storage address;

	if (address_read(text, 0, &address))
		return true;
	return !text[strspn(text, letters)] && text[0] != '.' && !strstr(text, "..") &&
	       text[strlen(text) - 1] != '.';
}

/* A SHA-256 in base64. */
static bool is_pin(const char *word)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	enum { DIGITS = 43 };

	return strspn(word, digits) == DIGITS && strcmp(word + DIGITS, "=") == 0;
}

static void check_pin(struct checker *c, const char *key, const char *word)
{
	if (!is_pin(word))
		report(c, DIAG_ERROR, "bad-value", key,
		       "\"%.60s\" is no pin: expected the SHA-256 of a public key in "
		       "base64",
		       word);
}

static void check_tls_entry(struct checker *c, const struct config_tls *t)
{
	c->at = &t->at;
	each_word(c, "pins", t->pins, check_pin);
	if (t->host[0] && !is_host(t->host))
		report(c, DIAG_ERROR, "bad-value", "host",
		       "\"%.100s\" is no name that a certificate can have: expected one "
		       "without a final dot, or an address",
		       t->host);
	if (!t->certificate[0] != !t->key[0])
		report(c, DIAG_ERROR, "missing-key", "certificate",
		       "certificate and key go together");
	/* Any certificate of an authority would do, so none is looked at. */
	if (t->ca[0] && !t->host[0])
		report(c, DIAG_ERROR, "missing-key", "ca",
		       "it says nothing without the host that the certificate is for");
}

static void check_acl_entry(struct checker *c, const struct config_acl *a)
{
	c->at = &a->at;
	check_tls(c, "tls", a->tls);
	if (a->tls[0] && !c->config->tls_listen.count)
		report(c, DIAG_WARNING, "no-tls", "tls",
		       "it fits nobody: without server.tls-listen nobody comes over TLS");
}

static void check_key_entry(struct checker *c, const struct config_key *k)
{
	c->at = &k->at;
	if (k->secret[0] && k->secret_file[0])
		report(c, DIAG_ERROR, "duplicate-value", "secret",
		       "secret and secret-file exclude each other");
	if (!k->secret[0] && !k->secret_file[0])
		report(c, DIAG_WARNING, "no-secret", "secret",
		       "there is none: nothing is signed with this key");
}

static void check_token(struct checker *c, const char *token)
{
	const char *tokens = c->config->dnssec_tokens;
	char configured[IO_NAMES_SIZE];

	if (!token[0])
		return;
	while (io_names_next(&tokens, configured))
		if (token_is_same(token, configured))
			return;
	report(c, DIAG_ERROR, "unknown-name", "token",
	       "\"%.100s\" is not one of dnssec.tokens: pkcs11:token=LABEL is wanted",
	       token);
}

static void check_policy_entry(struct checker *c, const struct config_dnssec_policy *p)
{
	c->at = &p->at;
	check_token(c, p->token);
	each_word(c, "parental-agents", p->parental_agents, check_agent);
}

void references_check(const struct config *config, struct diag *diag)
{
	struct checker c = {config, diag, NULL};

	for (size_t i = 0; i < config->zone_count; i++)
		check_zone(&c, &config->zones[i]);
	for (size_t i = 0; i < config->template_count; i++)
		check_template_entry(&c, &config->templates[i]);
	for (size_t i = 0; i < config->remote_count; i++)
		check_remote_entry(&c, &config->remotes[i]);
	for (size_t i = 0; i < config->key_count; i++)
		check_key_entry(&c, &config->keys[i]);
	for (size_t i = 0; i < config->tls_profile_count; i++)
		check_tls_entry(&c, &config->tls_profiles[i]);
	for (size_t i = 0; i < config->acl_count; i++)
		check_acl_entry(&c, &config->acls[i]);
	for (size_t i = 0; i < config->dnssec_policy_count; i++)
		check_policy_entry(&c, &config->dnssec_policies[i]);
}

/* ---- the default template ---- */

static void make_fallback(struct config *c, const char *dir)
{
	const struct option *o = option_first(SECTION_TEMPLATES);
	struct value_problem problem;

	for (; o; o = option_next(o)) {
		int err = o->fallback ? value_set_default(o, &c->fallback, dir, &problem)
		                      : value_set(o, &c->fallback, dir, DEFAULT_TEMPLATE,
		                                  &problem);
		assert(err == 0);
		(void)err;
	}
}

void references_inherit(struct config *c, const char *dir)
{
	const struct config_template *from = config_template_find(c, DEFAULT_TEMPLATE);
	const struct option *first = option_first(SECTION_TEMPLATES);

	make_fallback(c, dir);
	if (!from)
		return;
	for (size_t i = 0; i < c->template_count; i++) {
		struct config_template *t = &c->templates[i];
		if (t == from)
			continue;
		for (const struct option *o = first; o; o = option_next(o))
			if (!(t->given >> (o - first) & 1))
				value_copy(o, t, from);
	}
}
