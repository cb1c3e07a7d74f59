#include "control/sign/vault.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/access/secret_file.h"
#include "control/backup/file.h"
#include "control/zone/literal.h"
#include "shared/err.h"
#include "shared/hex.h"

/*
 * A sealed value:
 *
 *      u8 version, 8 octets id of the master secret, 12 octets nonce, the secret under AES-256-GCM, 16 octets tag
 *
 * Additional data is version and id as they stand there, and the record's name, so that none of the three can be
 * put in the place of another. The nonce is random: with one for each value ever sealed, a master secret would have
 * to seal 2^32 of them before the chance of two alike comes near 2^-32 (NIST SP 800-38D §8.3).
 *
 * The id is the beginning of the SHA-256 of a label and the secret. It says which of several secrets to take, and
 * lets an error say which one is missing.
 */
enum { VERSION = 1, NONCE_SIZE = 12, TAG_SIZE = 16 };
enum { HEADER_SIZE = 1 + VAULT_ID_SIZE, FRONT_SIZE = HEADER_SIZE + NONCE_SIZE };

STATIC_ASSERT(FRONT_SIZE + TAG_SIZE == VAULT_OVERHEAD, "the parts are the overhead");

struct master {
	uint8_t secret[VAULT_SECRET_SIZE];
	uint8_t id[VAULT_ID_SIZE];
};

struct vault {
	char *path;
	EVP_CIPHER *cipher;
	size_t count; /* 1 to VAULT_SECRETS_MAX */
	struct master masters[VAULT_SECRETS_MAX];
};

static void set_id(struct master *m)
{
	static const char label[] = "anser master secret";
	uint8_t text[sizeof label + VAULT_SECRET_SIZE];
	uint8_t hash[EVP_MAX_MD_SIZE];

	memcpy(text, label, sizeof label);
	memcpy(text + sizeof label, m->secret, VAULT_SECRET_SIZE);
	if (!EVP_Digest(text, sizeof text, hash, NULL, EVP_sha256(), NULL))
		abort();
	memcpy(m->id, hash, VAULT_ID_SIZE);
	OPENSSL_cleanse(text, sizeof text);
}

static const char *id_text(const uint8_t *id, char text[static VAULT_ID_TEXT_SIZE])
{
	*hex_write(text, id, VAULT_ID_SIZE) = '\0';
	return text;
}

/* ---- the file ---- */

static int complain(const struct vault *v, unsigned line, const char *what, char *why)
{
	(void)snprintf(why, VAULT_WHY_SIZE, "%s: line %u: %s", v->path, line, what);
	return ERR_SYNTAX;
}

static int read_secret(struct vault *v, const struct entry_token *t, char *why)
{
	if (v->count == VAULT_SECRETS_MAX)
		return complain(v, t->line, "there are too many master secrets", why);

	struct master *m = &v->masters[v->count];
	struct wire_writer to = wire_writer_on(m->secret, sizeof m->secret);
	if (t->len != 2 * VAULT_SECRET_SIZE || literal_hex(t, 1, &to) < 0 || !to.ok)
		return complain(
			v, t->line,
			"a master secret is 64 hexadecimal digits and nothing else", why);
	set_id(m);
	for (size_t i = 0; i < v->count; i++)
		if (memcmp(v->masters[i].id, m->id, VAULT_ID_SIZE) == 0)
			return complain(v, t->line, "this master secret is there twice",
			                why);
	v->count++;
	return 0;
}

static int read_secrets(struct vault *v, const char *text, char *why)
{
	struct entry_token t = {.text = text, .line = 0};

	while (*t.text) {
		t.line++;
		t.len = (uint32_t)strcspn(t.text, "\n");
		const char *next = t.text + t.len + (t.text[t.len] == '\n');
		t.len -= t.len && t.text[t.len - 1] == '\r';
		if (t.len && t.text[0] != '#')
			TRY(read_secret(v, &t, why));
		t.text = next;
	}
	return v->count ? 0 : complain(v, t.line, "there is no master secret", why);
}

static int read_file(struct vault *v, char *why)
{
	char *text = NULL;

	if (access(v->path, F_OK) < 0) {
		(void)snprintf(why, VAULT_WHY_SIZE, "%s: there is no such file", v->path);
		return ERR_NOTFOUND;
	}
	TRY(secret_file_read(v->path, &text, why, VAULT_WHY_SIZE));
	int err = read_secrets(v, text, why);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return err;
}

static struct vault *new_vault(const char *path)
{
	struct vault *v = calloc(1, sizeof *v);

	if (!v || !(v->path = strdup(path)))
		abort();
	return v;
}

void vault_free(struct vault **v)
{
	struct vault *old = *v;

	*v = NULL;
	if (!old)
		return;
	EVP_CIPHER_free(old->cipher);
	free(old->path);
	OPENSSL_cleanse(old, sizeof *old);
	free(old);
}

int vault_open(const char *path, struct vault **out, char why[static VAULT_WHY_SIZE])
{
	struct vault *v = new_vault(path);
	int err = read_file(v, why);

	if (err == 0 && !(v->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL))) {
		(void)snprintf(why, VAULT_WHY_SIZE, "OpenSSL has no AES-256-GCM");
		err = ERR_SYSTEM;
	}
	if (err < 0)
		vault_free(&v);
	else
		*out = v;
	return err;
}

static void write_secret(FILE *to, const struct master *m)
{
	char id[VAULT_ID_TEXT_SIZE];
	char text[2 * VAULT_SECRET_SIZE + 1];

	*hex_write(text, m->secret, VAULT_SECRET_SIZE) = '\0';
	(void)fprintf(to, "# %s\n%s\n", id_text(m->id, id), text);
	OPENSSL_cleanse(text, sizeof text);
}

static int write_file(const struct vault *v, bool replace, char *why)
{
	struct backup_file f;
	char room[BUFSIZ];

	TRY(backup_file_open(v->path, replace, &f, why, VAULT_WHY_SIZE));
	(void)setvbuf(f.stream, room, _IOFBF, sizeof room);
	(void)fputs(
		"# What seals keys at rest. Whoever has this and the store has the keys;\n"
		"# without this nobody has them.\n",
		f.stream);
	for (size_t i = 0; i < v->count; i++)
		write_secret(f.stream, &v->masters[i]);
	int err = backup_file_keep(&f, replace, why, VAULT_WHY_SIZE);
	backup_file_close(&f);
	OPENSSL_cleanse(room, sizeof room);
	return err;
}

/* Before those that are there. */
static int add_secret(struct vault *v, char *why)
{
	struct master m;

	if (getrandom(m.secret, sizeof m.secret, 0) != (ssize_t)sizeof m.secret) {
		(void)snprintf(why, VAULT_WHY_SIZE, "no random numbers are to be had");
		return ERR_SYSTEM;
	}
	set_id(&m);
	memmove(v->masters + 1, v->masters, v->count * sizeof m);
	v->masters[0] = m;
	v->count++;
	OPENSSL_cleanse(&m, sizeof m);
	return 0;
}

int vault_make(const char *path, char why[static VAULT_WHY_SIZE])
{
	struct vault *v = new_vault(path);
	int err = add_secret(v, why);

	if (err == 0)
		err = write_file(v, false, why);
	vault_free(&v);
	return err;
}

/* ---- rotation ---- */

/* Gives what the file has, if that is what v has. */
static int open_again(const struct vault *v, struct vault **out, char *why)
{
	struct vault *now;

	TRY(vault_open(v->path, &now, why));
	if (now->count != v->count ||
	    CRYPTO_memcmp(now->masters, v->masters, sizeof v->masters) != 0) {
		(void)snprintf(why, VAULT_WHY_SIZE,
		               "%s: it has other master secrets than were read from it",
		               v->path);
		vault_free(&now);
		return ERR_STALE;
	}
	*out = now;
	return 0;
}

int vault_rotate(const struct vault *v, char why[static VAULT_WHY_SIZE])
{
	struct vault *next;

	TRY(open_again(v, &next, why));
	int err = ERR_FULL;
	if (next->count == VAULT_SECRETS_MAX)
		(void)snprintf(why, VAULT_WHY_SIZE,
		               "%s: it has %d master secrets already; those that are not "
		               "needed any more have to go first",
		               v->path, VAULT_SECRETS_MAX);
	else
		err = add_secret(next, why);
	if (err == 0)
		err = write_file(next, true, why);
	vault_free(&next);
	return err;
}

int vault_prune(const struct vault *v, char why[static VAULT_WHY_SIZE])
{
	struct vault *next;

	TRY(open_again(v, &next, why));
	next->count = 1;
	int err = write_file(next, true, why);
	vault_free(&next);
	return err;
}

/* ---- values ---- */

struct gcm {
	const uint8_t *header; /* HEADER_SIZE octets */
	const uint8_t *nonce;
	uint8_t *tag;
	struct vault_bytes name;
	struct vault_bytes from;
	uint8_t *to;
};

/* The steps that sealing and opening share. False: it does not open, or OpenSSL fails. */
static bool run_gcm(const struct vault *v, const struct master *m, const struct gcm *g,
                    bool seals)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	if (!ctx)
		abort();
	bool good =
		EVP_CipherInit_ex2(ctx, v->cipher, m->secret, g->nonce, seals, NULL) &&
		EVP_CipherUpdate(ctx, NULL, &len, g->header, HEADER_SIZE) &&
		EVP_CipherUpdate(ctx, NULL, &len, g->name.bytes, (int)g->name.size) &&
		EVP_CipherUpdate(ctx, g->to, &len, g->from.bytes, (int)g->from.size) &&
		(seals ||
	         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, g->tag)) &&
		EVP_CipherFinal_ex(ctx, g->to + len, &len) &&
		(!seals ||
	         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, g->tag));
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

int vault_seal(const struct vault *v, struct vault_bytes name, struct vault_bytes secret,
               uint8_t *out)
{
	const struct master *m = &v->masters[0];
	uint8_t *nonce = out + HEADER_SIZE;
	const struct gcm g = {.header = out,
	                      .nonce = nonce,
	                      .tag = out + FRONT_SIZE + secret.size,
	                      .name = name,
	                      .from = secret,
	                      .to = out + FRONT_SIZE};

	if (secret.size > VAULT_PLAIN_MAX || name.size > VAULT_PLAIN_MAX)
		return ERR_TOOBIG;
	out[0] = VERSION;
	memcpy(out + 1, m->id, VAULT_ID_SIZE);
	if (getrandom(nonce, NONCE_SIZE, 0) != NONCE_SIZE)
		return ERR_SYSTEM;
	return run_gcm(v, m, &g, true) ? 0 : ERR_SYSTEM;
}

static const struct master *find_master(const struct vault *v, const uint8_t *id)
{
	for (size_t i = 0; i < v->count; i++)
		if (memcmp(v->masters[i].id, id, VAULT_ID_SIZE) == 0)
			return &v->masters[i];
	return NULL;
}

static int check_sealed(struct vault_bytes sealed, char *why)
{
	const uint8_t *bytes = sealed.bytes;

	if (sealed.size < VAULT_OVERHEAD ||
	    sealed.size > VAULT_PLAIN_MAX + VAULT_OVERHEAD) {
		(void)snprintf(why, VAULT_WHY_SIZE, "this is no sealed value");
		return ERR_CORRUPT;
	}
	if (bytes[0] != VERSION) {
		(void)snprintf(why, VAULT_WHY_SIZE,
		               "the value is sealed in a way (%u) that is not known here",
		               bytes[0]);
		return ERR_VERSION;
	}
	return 0;
}

int vault_unseal(const struct vault *v, struct vault_bytes name,
                 struct vault_bytes sealed, uint8_t *out, char why[static VAULT_WHY_SIZE])
{
	const uint8_t *bytes = sealed.bytes;
	uint8_t tag[TAG_SIZE];
	char id[VAULT_ID_TEXT_SIZE];

	TRY(check_sealed(sealed, why));
	size_t size = sealed.size - VAULT_OVERHEAD;
	const struct master *m = find_master(v, bytes + 1);
	if (!m) {
		(void)snprintf(why, VAULT_WHY_SIZE,
		               "the value is sealed under master secret %s, which is not "
		               "in %s",
		               id_text(bytes + 1, id), v->path);
		return ERR_NOTFOUND;
	}
	memcpy(tag, bytes + FRONT_SIZE + size, sizeof tag);
	const struct gcm g = {.header = bytes,
	                      .nonce = bytes + HEADER_SIZE,
	                      .tag = tag,
	                      .name = name,
	                      .from = {bytes + FRONT_SIZE, size},
	                      .to = out};
	if (run_gcm(v, m, &g, false))
		return 0;
	OPENSSL_cleanse(out, size);
	(void)snprintf(why, VAULT_WHY_SIZE,
	               "the sealed value was changed, or is that of another record");
	return ERR_CORRUPT;
}

bool vault_is_current(const struct vault *v, struct vault_bytes sealed)
{
	const uint8_t *bytes = sealed.bytes;

	return sealed.size >= VAULT_OVERHEAD && bytes[0] == VERSION &&
	       memcmp(bytes + 1, v->masters[0].id, VAULT_ID_SIZE) == 0;
}

size_t vault_secrets(const struct vault *v)
{
	return v->count;
}

const char *vault_id(const struct vault *v, size_t i,
                     char text[static VAULT_ID_TEXT_SIZE])
{
	assert(i < v->count);
	return id_text(v->masters[i].id, text);
}

const char *vault_sealed_under(struct vault_bytes sealed,
                               char text[static VAULT_ID_TEXT_SIZE])
{
	const uint8_t *bytes = sealed.bytes;

	if (sealed.size < VAULT_OVERHEAD || bytes[0] != VERSION)
		return NULL;
	return id_text(bytes + 1, text);
}
