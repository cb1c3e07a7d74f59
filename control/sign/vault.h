/*
 * Secrets at rest: sealed under a master secret that is kept apart from what it seals, so that whoever gets hold of
 * the store, or of a backup, has no key.
 *
 * A vault is what a file of master secrets holds. It never changes; any thread may use it.
 */
#ifndef CONTROL_SIGN_VAULT_H
#define CONTROL_SIGN_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	VAULT_SECRET_SIZE = 32,
	VAULT_SECRETS_MAX = 8,
	VAULT_ID_SIZE = 8,
	VAULT_OVERHEAD = 1 + VAULT_ID_SIZE + 12 + 16, /* of what is sealed: see vault.c */
	VAULT_PLAIN_MAX = 1 << 16,
	VAULT_WHY_SIZE = 512,
};

struct vault;

/* Lent. */
struct vault_bytes {
	const void *bytes;
	size_t size;
};

/*
 * The file: a master secret on each line, 64 hexadecimal digits; blank lines and those that begin with "#" mean
 * nothing. The first secret seals, all of them open. It may be a credential of systemd.
 */

/* ERR_NOTFOUND: there is no such file. ERR_REFUSED: others may have read it (control/access/secret_file.h). ERR_SYNTAX:
 * it holds something else, or nothing. ERR_IO. why says what is wrong, and nothing of a secret. */
MUST_CHECK int vault_open(const char *path, struct vault **out,
                          char why[static VAULT_WHY_SIZE]);
/* NULL is fine. Overwrites the secrets. */
void vault_free(struct vault **v);

/* Makes a file with one secret, readable by its owner only; path is absolute. ERR_EXISTS: never replaces one. Not for
 * a store that has sealed values: those need the file that was. ERR_SYSTEM. */
MUST_CHECK int vault_make(const char *path, char why[static VAULT_WHY_SIZE]);

/*
 * Rotation, in steps that may be days apart, and of which each can be done again after a crash: vault_rotate();
 * whatever was sealed is sealed anew, wherever !vault_is_current(); vault_prune(). Who keeps the secrets elsewhere writes
 * the new one before the old ones, and takes those away in the end.
 */

/* Puts a new secret before those that v has read from the file. v stays as it is: open the file again. ERR_FULL:
 * VAULT_SECRETS_MAX. ERR_STALE: the file has others by now. */
MUST_CHECK int vault_rotate(const struct vault *v, char why[static VAULT_WHY_SIZE]);
/* Leaves the first only: what the others have sealed is lost. ERR_STALE. */
MUST_CHECK int vault_prune(const struct vault *v, char why[static VAULT_WHY_SIZE]);

/* Seals. name: of the record that the value belongs to; it opens as that record's only. out: secret.size +
 * VAULT_OVERHEAD octets. ERR_TOOBIG: above VAULT_PLAIN_MAX. ERR_SYSTEM: no random numbers, or no cipher. */
MUST_CHECK int vault_seal(const struct vault *v, struct vault_bytes name,
                          struct vault_bytes secret, uint8_t *out);
/* Opens into sealed.size - VAULT_OVERHEAD octets, of which nothing is left unless it gives 0. ERR_NOTFOUND: under a
 * master secret that the file does not have. ERR_CORRUPT: it was changed, is that of another record, or no sealed
 * value. ERR_VERSION, ERR_SYSTEM. */
MUST_CHECK int vault_unseal(const struct vault *v, struct vault_bytes name,
                            struct vault_bytes sealed, uint8_t *out,
                            char why[static VAULT_WHY_SIZE]);
/* Says whether it was sealed under the secret that seals now. */
bool vault_is_current(const struct vault *v, struct vault_bytes sealed);

/* How many secrets there are, and what each is known by: 16 hexadecimal digits that tell nothing of it. */
size_t vault_secrets(const struct vault *v);
enum { VAULT_ID_TEXT_SIZE = 2 * VAULT_ID_SIZE + 1 };
const char *vault_id(const struct vault *v, size_t i,
                     char text[static VAULT_ID_TEXT_SIZE]);
/* The same of that under which a value is sealed, wherever it is. NULL: it is no sealed value. */
const char *vault_sealed_under(struct vault_bytes sealed,
                               char text[static VAULT_ID_TEXT_SIZE]);

#endif
