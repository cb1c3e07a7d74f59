#include "control/keeper/new_key.h"

#include "control/keeper/tokens.h"
#include "shared/err.h"

enum { TAGS_TRIED = 8 };

/* Gives the vault that it will be sealed in, NULL: it is in a token. */
static int generate(const struct new_key *n, const struct vault **v,
                    struct sign_key **out, char *why)
{
	const struct sign_policy *p = &n->policy->policy;
	bool sealed;

	*v = NULL;
	if (n->policy->token[0])
		return keeper_key_in_token(n->policy, n->keys, n->flags, out, why);
	TRY(sign_stored_any(n->txn, &sealed));
	*v = sign_secrets_vault(n->secrets, !sealed, why);
	return *v ? sign_key_generate(p->algorithm, p->rsa_bits, n->flags, out)
	          : ERR_REFUSED;
}

/* Validators tell keys of one tag apart by trying them, of which some have enough of (RFC 4034 appendix B, CVE-2023-50387). */
static bool is_tag_taken(const struct new_key *n, const struct sign_key *key)
{
	for (size_t i = 0; i < n->keys->count; i++)
		if (sign_stored_tag(&n->keys->keys[i].stored) == sign_key_tag(key))
			return true;
	return false;
}

/* One in a token is taken as it is: what is made there stays there. */
static int generate_apart(const struct new_key *n, const struct vault **v,
                          struct sign_key **out, char *why)
{
	TRY(generate(n, v, out, why));
	for (unsigned i = 0; i < TAGS_TRIED && *v && is_tag_taken(n, *out); i++) {
		sign_key_free(out);
		TRY(generate(n, v, out, why));
	}
	return 0;
}

int new_key_make(const struct new_key *n, struct sign_stored *out,
                 char why[static ZONE_KEYS_WHY_SIZE])
{
	const struct sign_stored_name name = {.zone = n->keys->zone, .number = n->number};
	const struct vault *v;
	struct sign_key *key;

	TRY(generate_apart(n, &v, &key, why));
	int err = sign_stored_seal(v, &name, key, n->now, out);
	sign_key_free(&key);
	return err;
}
