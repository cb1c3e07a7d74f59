#include "control/keeper/new_key.h"

#include "control/keeper/tokens.h"
#include "shared/err.h"

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

int new_key_make(const struct new_key *n, struct sign_stored *out,
                 char why[static ZONE_KEYS_WHY_SIZE])
{
	const struct sign_stored_name name = {.zone = n->keys->zone, .number = n->number};
	const struct vault *v;
	struct sign_key *key;

	TRY(generate(n, &v, &key, why));
	int err = sign_stored_seal(v, &name, key, n->now, out);
	sign_key_free(&key);
	return err;
}
