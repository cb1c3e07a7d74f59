#include "control/sign/key_token.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/internal.h"
#include "shared/err.h"
#include "shared/wire.h"

static int complain(char *why, const char *uri, const char *what, int err)
{
	(void)snprintf(why, TOKEN_WHY_SIZE, "%.300s %s", uri, what);
	return err;
}

/* Takes t, when it fails too. */
static int join(struct token_key *t, struct rdata dnskey, struct sign_key **out,
                char *why)
{
	struct dnskey *public = NULL;
	int err = dnskey_open(dnskey, &public);

	if (err < 0) {
		(void)complain(why, token_key_uri(t),
		               "has a public half that is not taken here", err);
		token_key_free(&t);
		return err == ERR_RANGE ? err : ERR_INVALID;
	}
	struct sign_key *k = must(calloc(1, sizeof *k));
	k->facts = sign_algorithm(dnskey.bytes[3]);
	k->token = t;
	k->pkey = dnskey_pkey(public);
	k->flags = wire_load16(dnskey.bytes);
	k->dnskey_len = dnskey.len;
	memcpy(k->dnskey, dnskey.bytes, dnskey.len);
	k->tag = dnskey_tag(dnskey);
	dnskey_free(&public);
	err = sign_key_prove(k);
	if (err < 0) {
		(void)complain(why, token_key_uri(t),
		               err == ERR_INVALID ? "is not the key of the DNSKEY"
		                                  : "does not sign",
		               err);
		sign_key_free(&k);
		return err;
	}
	*out = k;
	return 0;
}

int sign_key_from_token(const char *uri, struct rdata dnskey, struct sign_key **out,
                        char why[static TOKEN_WHY_SIZE])
{
	const struct sign_algorithm_facts *f =
		dnskey.len > DNSKEY_HEADER ? sign_algorithm(dnskey.bytes[3]) : NULL;
	struct token_key *t = NULL;

	if (!f || !sign_key_is_role(wire_load16(dnskey.bytes)))
		return complain(why, uri, "cannot be of such a DNSKEY", ERR_INVALID);
	TRY(token_key_open(uri, f, &t, why));
	return join(t, dnskey, out, why);
}

int sign_key_in_token(const char *uri, uint8_t algorithm, uint16_t flags,
                      struct sign_key **out, char why[static TOKEN_WHY_SIZE])
{
	const struct sign_algorithm_facts *f = sign_algorithm(algorithm);
	uint8_t bytes[DNSKEY_MAX];
	struct token_key *t = NULL;

	if (!f || !sign_key_is_role(flags))
		return complain(why, uri, "cannot be of such an algorithm, or such flags",
		                ERR_INVALID);
	TRY(token_key_open(uri, f, &t, why));
	int len = token_key_dnskey(t, flags, bytes, why);
	if (len < 0) {
		token_key_free(&t);
		return len;
	}
	return join(t, (struct rdata){.bytes = bytes, .len = (uint16_t)len}, out, why);
}

/* What was made, and does not do, is not left behind. */
static int open_made(const char *uri, const struct sign_key_wanted *w,
                     struct sign_key **out, char *why)
{
	char left[TOKEN_WHY_SIZE];
	int err = sign_key_in_token(uri, w->algorithm, w->flags, out, why);

	if (err < 0 && token_key_remove(uri, left) < 0)
		(void)complain(why, uri, "was made, is of no use, and is still there",
		               err);
	return err;
}

int sign_key_generate_in_token(const struct sign_key_wanted *w, struct sign_key **out,
                               char why[static TOKEN_WHY_SIZE])
{
	const struct token_key_wanted make = {
		.token = w->token,
		.facts = sign_algorithm(w->algorithm),
		.bits = w->bits,
		.label = w->label,
	};
	char uri[TOKEN_KEY_URI_SIZE];

	TRY(sign_key_check_wanted(w->algorithm, w->bits, w->flags));
	TRY(token_key_make(&make, uri, why));
	return open_made(uri, w, out, why);
}

const char *sign_key_uri(const struct sign_key *k)
{
	return k->token ? token_key_uri(k->token) : NULL;
}
