/*
 * The vault (vault.h) of a server that runs: opened when it is first needed, made with the first key, and opened again
 * after a rotation. Any thread.
 */
#ifndef CONTROL_SIGN_SECRETS_H
#define CONTROL_SIGN_SECRETS_H

#include <stdbool.h>

#include "control/sign/vault.h"
#include "shared/compiler.h"

struct sign_secrets;

/* path: of the file of master secrets, absolute; copied. Never fails, and opens nothing. */
struct sign_secrets *sign_secrets_new(const char *path);
/* NULL is fine. No vault that it gave is used any more. */
void sign_secrets_free(struct sign_secrets **s);

/* Gives the vault, lent until sign_secrets_free(), or NULL: why says why. make: a file that is not there is made; not for
 * a store that has sealed values. */
const struct vault *sign_secrets_vault(struct sign_secrets *s, bool make,
                                       char why[static VAULT_WHY_SIZE]);

/* Reads the file again. Errors of vault_open(), and then the vault of before stays. */
MUST_CHECK int sign_secrets_reload(struct sign_secrets *s,
                                   char why[static VAULT_WHY_SIZE]);

const char *sign_secrets_path(const struct sign_secrets *s);

#endif
