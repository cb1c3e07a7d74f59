#include "control/tsig_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/access/secret.h"
#include "control/access/secret_file.h"
#include "control/commit/note.h"
#include "control/engine_internal.h"
#include "control/must.h"
#include "control/tsig/keytext.h"
#include "control/tsig/stored.h"
#include "shared/err.h"
#include "shared/log.h"

struct tsig_ring {
	struct engine *engine;
	const struct config *config;  /* held */
	struct tsig_key **configured; /* its keys, held; NULL: one that does not count */
	struct keyring *keyring;
};

STATIC_ASSERT((int)CONFIG_TSIG_MD5 == (int)TSIG_MD5 &&
                      (int)CONFIG_TSIG_SHA512 == (int)TSIG_SHA512 &&
                      (int)TSIG_SHA512 + 1 == (int)TSIG_ALGORITHMS,
              "the configuration's algorithms are ours");

/* ---- the configuration's ---- */

/* A key of the configuration on its way. */
struct making_key {
	uint8_t name[NAME_MAX_LEN];
	uint8_t secret[TSIG_SECRET_MAX];
	size_t secret_len;
};

static int take_secret(const struct keytext *k, void *arg)
{
	struct making_key *m = arg;

	if (!name_equal(k->name, m->name))
		return 0;
	memcpy(m->secret, k->secret, k->secret_len);
	m->secret_len = k->secret_len;
	return 0;
}

/* The secret alone, or keys in text, one of which has the name. */
static int read_secret_file(const char *path, struct making_key *m, char *text,
                            size_t text_size)
{
	char why[KEYTEXT_WHY_SIZE];
	char *bytes;

	TRY(secret_file_read(path, &bytes, text, text_size));
	size_t len = strlen(bytes);
	if (tsig_secret_from_text(bytes, len, m->secret, &m->secret_len) < 0 &&
	    keytext_each(bytes, len, take_secret, m, why) < 0)
		m->secret_len = 0;
	secret_forget(bytes, len);
	free(bytes);
	if (m->secret_len)
		return 0;
	(void)snprintf(text, text_size, "%s: there is no secret of this key", path);
	return ERR_REFUSED;
}

static int read_secret(const struct config_key *k, struct making_key *m, char *text,
                       size_t text_size)
{
	if (k->secret_file[0])
		return read_secret_file(k->secret_file, m, text, text_size);
	if (!k->secret[0] || tsig_secret_from_text(k->secret, strlen(k->secret),
	                                           m->secret, &m->secret_len) == 0)
		return 0;
	(void)snprintf(text, text_size, "the secret is not base64");
	return ERR_REFUSED;
}

/* Gives NULL in *out for a key without a secret. */
static int make_key(const struct config_key *k, struct tsig_key **out, char *text,
                    size_t text_size)
{
	struct making_key m = {0};
	struct tsig_key_parts parts = {
		.name = m.name,
		.algorithm = (enum tsig_algorithm)k->algorithm,
		.secret = m.secret,
		.configured = true,
	};

	*out = NULL;
	if (name_read(k->name, m.name) < 0)
		return ERR_REFUSED;
	int err = read_secret(k, &m, text, text_size);
	if (err == 0 && m.secret_len) {
		parts.secret_len = m.secret_len;
		err = tsig_key_new(&parts, out);
		if (err < 0)
			(void)snprintf(text, text_size, "%s", err_text(err));
	}
	secret_forget(&m, sizeof m);
	return err;
}

enum { REASON_SIZE = 512 };

int tsig_ring_prepare(const struct config *next, char *text, size_t text_size)
{
	char why[REASON_SIZE] = "";

	for (size_t i = 0; i < next->key_count; i++) {
		struct tsig_key *k;
		if (make_key(&next->keys[i], &k, why, sizeof why) < 0) {
			(void)snprintf(text, text_size, "TSIG key \"%s\": %s",
			               next->keys[i].name, why);
			return ERR_REFUSED;
		}
		tsig_key_release(&k);
	}
	return 0;
}

/* With a configuration, and not again with each key of the store: their files are read for it. */
static void make_configured(struct tsig_ring *r)
{
	const struct config *c = r->config;
	char why[REASON_SIZE] = "";

	r->configured = must(calloc(c->key_count + 1, sizeof(struct tsig_key *)));
	for (size_t i = 0; i < c->key_count; i++)
		if (make_key(&c->keys[i], &r->configured[i], why, sizeof why) < 0)
			log_error("TSIG key \"%s\": %s", c->keys[i].name, why);
}

static void forget_configured(struct tsig_ring *r)
{
	for (size_t i = 0; r->config && i < r->config->key_count; i++)
		tsig_key_release(&r->configured[i]);
	free(r->configured);
	config_release(r->config);
}

static void add_configured(const struct tsig_ring *r, struct tsig_keys *to)
{
	for (size_t i = 0; i < r->config->key_count; i++) {
		if (!r->configured[i])
			continue;
		struct tsig_key *k = tsig_key_hold(r->configured[i]);
		(void)tsig_keys_add(to, &k);
	}
}

/* ---- the store's ---- */

static void add_stored(const struct tsig_ring *r, struct tsig_keys *to)
{
	struct store_txn *t;
	int err = store_begin_read(r->engine->committer.store, &t);

	if (err == 0) {
		err = tsig_stored_add_all(t, keyring_keys(r->keyring), to);
		store_abort(&t);
	}
	if (err < 0)
		log_error("TSIG keys cannot be read: %s", err_text(err));
}

static void fill(struct tsig_ring *r)
{
	struct tsig_keys *keys = tsig_keys_new();

	if (!r->config->tsig_md5)
		tsig_keys_without_md5(keys);
	add_configured(r, keys);
	add_stored(r, keys);
	keyring_swap(r->keyring, &keys);
}

static void changed(void *arg, const struct change_note *note)
{
	if (note->lists & 1U << STORE_TSIG)
		fill(arg);
}

struct tsig_ring *tsig_ring_open(struct engine *e, const struct config *config)
{
	struct tsig_ring *r = must(calloc(1, sizeof *r));

	r->engine = e;
	r->keyring = keyring_new();
	engine_watch(e, changed, r);
	tsig_ring_configure(r, config);
	return r;
}

void tsig_ring_close(struct tsig_ring **ring)
{
	struct tsig_ring *r = *ring;

	*ring = NULL;
	if (!r)
		return;
	engine_unwatch(r->engine, changed, r);
	keyring_free(&r->keyring);
	forget_configured(r);
	free(r);
}

void tsig_ring_configure(struct tsig_ring *r, const struct config *next)
{
	const struct config *held = config_hold(next); /* it may be the one before */

	forget_configured(r);
	r->config = held;
	make_configured(r);
	fill(r);
}

struct keyring *tsig_ring_keys(const struct tsig_ring *r)
{
	return r->keyring;
}
