/*
 * anserctl dnssec sign-request: what the machine does that has the KSKs and is on no network. No server is needed,
 * nor a configuration; keys are files as BIND has them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "control/access/secret_file.h"
#include "control/cli/cli.h"
#include "control/cli/items.h"
#include "control/cli/keyfiles.h"
#include "control/cli/print.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/sign/bundle.h"
#include "control/sign/bundle_text.h"
#include "control/sign/keyfile.h"
#include "control/sign/policy.h"
#include "control/sign/set_signer.h"
#include "control/zone/literal.h"
#include "shared/clock.h"
#include "shared/err.h"

enum { WHY_SIZE = 1024 };

struct job {
	const char *request; /* path */
	const char *paths[SIGN_KEYS_MAX];
	struct bundle_ksk ksks[SIGN_KEYS_MAX];
	struct sign_key *keys[SIGN_KEYS_MAX];
	size_t count;
	uint8_t zone[NAME_MAX_LEN]; /* of the keys */
	struct sign_policy policy;
	char why[WHY_SIZE];
};

static int complain(struct job *j, const char *path, const char *what)
{
	(void)snprintf(j->why, sizeof j->why, "%s: %s", path, what);
	return ERR_REFUSED;
}

/* ---- words ---- */

struct period {
	const char *name;
	uint32_t *to;
};

/* Reads "validity=14d". Gives false after a message. */
static bool read_period(const struct period *p, const char *text)
{
	const struct entry_token t = {.text = text, .len = (uint32_t)strlen(text)};

	if (literal_period(&t, p->to) == 0 && *p->to <= SIGN_SPAN_MAX / 2)
		return true;
	(void)cli_usage("%s: \"%s\" is no time such as 14d or 12h", p->name, text);
	return false;
}

/* Says whether a word is a setting; fits: a good one. */
static bool is_setting(struct job *j, const char *word, bool *fits)
{
	const struct period periods[] = {
		{"validity", &j->policy.dnskey_validity},
		{"refresh", &j->policy.signatures.refresh},
		{"skew", &j->policy.signatures.skew},
	};

	for (size_t i = 0; i < ARRAY_LEN(periods); i++) {
		size_t len = strlen(periods[i].name);
		if (strncmp(word, periods[i].name, len) != 0 || word[len] != '=')
			continue;
		*fits = read_period(&periods[i], word + len + 1);
		return true;
	}
	return false;
}

static bool read_words(const struct cli *c, struct job *j)
{
	bool fits = true;

	j->request = c->args[0];
	for (unsigned i = 1; i < c->arg_count && fits; i++) {
		if (is_setting(j, c->args[i], &fits))
			continue;
		if (j->count == SIGN_KEYS_MAX)
			return cli_usage("more than %d keys", (int)SIGN_KEYS_MAX) ==
			       ENGINE_OK;
		j->paths[j->count++] = c->args[i];
	}
	if (fits && j->count == 0)
		return cli_usage_of_command(c) == ENGINE_OK;
	if (fits && j->policy.dnskey_validity <= j->policy.signatures.refresh)
		return cli_usage("validity is to be more than refresh") == ENGINE_OK;
	return fits;
}

/* ---- files ---- */

/* Gives a file, or standard input: the caller's to free. */
static int read_text(struct job *j, const char *path, char **out, size_t *len)
{
	*out = read_path(path, len);
	return *out ? 0 : complain(j, path, strerror(errno));
}

static int read_public(struct job *j, const char *path, struct keyfile_public *out)
{
	char why[KEYFILE_WHY_SIZE] = "";
	size_t len;
	char *text;

	TRY(read_text(j, path, &text, &len));
	int err = keyfile_read_public(text, len, out, why);
	free(text);
	return err < 0 ? complain(j, path, why) : 0;
}

static int read_private(struct job *j, const char *path, const struct keyfile_public *p,
                        struct keyfile *out)
{
	const struct keyfile_expected expected = {.public = p};
	char why[KEYFILE_WHY_SIZE] = "";
	char *text = NULL;

	int err = secret_file_read(path, &text, j->why, sizeof j->why);
	if (err < 0)
		return err;
	size_t len = strlen(text);
	err = keyfile_read_private(text, len, &expected, out, why);
	OPENSSL_cleanse(text, len);
	free(text);
	return err < 0 ? complain(j, path, why) : 0;
}

/* Reads the files of a key, which is the zone's and a KSK. */
static int read_key(struct job *j, size_t i)
{
	char *public_name = keyfiles_name(j->paths[i], ".key");
	char *private_name = keyfiles_name(j->paths[i], ".private");
	struct keyfile_public p;
	struct keyfile k = {0};

	int err = read_public(j, public_name, &p);
	if (err == 0 && i > 0 && !name_equal(p.owner, j->zone))
		err = complain(j, public_name, "this is the key of another zone");
	if (err == 0)
		err = read_private(j, private_name, &p, &k);
	if (err == 0 && sign_key_flags(k.key) != SIGN_FLAGS_KSK)
		err = complain(j, public_name, "this is no KSK, which has flags 257");
	j->keys[i] = k.key;
	if (err == 0) {
		j->ksks[i] = bundle_ksk_of(&k);
		memcpy(j->zone, p.owner, name_len(p.owner, NAME_MAX_LEN));
	}
	free(public_name);
	free(private_name);
	return err;
}

/* ---- signing ---- */

static int read_request(struct job *j, struct bundles **out)
{
	char why[BUNDLE_WHY_SIZE];
	size_t len;
	char *text;

	TRY(read_text(j, j->request, &text, &len));
	int err = bundles_read(text, len, j->zone, BUNDLE_REQUEST, out, why);
	free(text);
	return err < 0 ? complain(j, j->request, why) : 0;
}

/* Gives the text of the response, the caller's to free. */
static int respond(struct job *j, char **out)
{
	const struct bundle_safe safe = {
		.ksks = j->ksks, .count = j->count, .policy = &j->policy};
	struct bundles *request = NULL;
	struct bundles *response = NULL;
	char why[BUNDLE_WHY_SIZE];
	size_t len;
	int err = 0;

	for (size_t i = 0; err == 0 && i < j->count; i++)
		err = read_key(j, i);
	if (err == 0)
		err = read_request(j, &request);
	if (err < 0)
		return err;
	err = bundle_respond(request, &safe, &response, why);
	if (err < 0) {
		err = complain(j, j->request, why[0] ? why : err_text(err));
	} else {
		FILE *to = must_open_text(out, &len);
		err = bundles_write(to, response, clock_wall_us() / 1000000);
		must_close_text(to);
	}
	bundles_free(&response);
	bundles_free(&request);
	return err;
}

enum engine_outcome run_dnssec_sign_request(struct cli *c)
{
	struct job j = {.policy = sign_policy_default()};
	char *text = NULL;

	if (!read_words(c, &j))
		return ENGINE_USAGE;
	int err = respond(&j, &text);
	for (size_t i = 0; i < j.count; i++)
		sign_key_free(&j.keys[i]);
	json_t *result = err < 0 ? json_pack("{s:s}", "error", j.why)
	                         : json_pack("{s:s}", "text", text);
	if (!result)
		abort();
	if (err < 0)
		cli_refuse(c, result);
	else if (c->json)
		print_json(result);
	else
		(void)fputs(text, stdout);
	json_decref(result);
	free(text);
	return err < 0 ? ENGINE_REFUSED : ENGINE_OK;
}
