#include "control/policy/key_users.h"

#include <stdio.h>
#include <string.h>

#include "control/policy/meta.h"
#include "shared/err.h"
#include "shared/io_settings.h"

static bool names_key(const char *text, const uint8_t *key)
{
	uint8_t name[NAME_MAX_LEN];

	return text[0] && name_read(text, name) > 0 && name_equal(name, key);
}

/* ---- the configuration ---- */

/* A key of the configuration goes before one of the store, which nobody has then. */
static bool is_shadowed(const struct config *c, const uint8_t *key)
{
	const struct config_key *k = config_key_find(c, key);

	return k && (k->secret[0] || k->secret_file[0]);
}

static bool words_name_key(const char *words, const uint8_t *key)
{
	char word[IO_NAMES_SIZE];

	while (io_names_next(&words, word))
		if (names_key(word, key))
			return true;
	return false;
}

static bool find_entry(const struct config *c, const uint8_t *key,
                       char user[static KEY_USER_SIZE])
{
	for (size_t i = 0; i < c->remote_count; i++) {
		if (!names_key(c->remotes[i].key, key))
			continue;
		(void)snprintf(user, KEY_USER_SIZE, "the remote \"%s\"",
		               c->remotes[i].name);
		return true;
	}
	for (size_t i = 0; i < c->acl_count; i++) {
		if (!words_name_key(c->acls[i].keys, key))
			continue;
		(void)snprintf(user, KEY_USER_SIZE, "the rule \"%s\" of acls",
		               c->acls[i].name);
		return true;
	}
	return false;
}

/* ---- zones ---- */

static const char *const kinds[] = {"AXFR-MASTER-TSIG", "TSIG-ALLOW-AXFR",
                                    "TSIG-ALLOW-DNSUPDATE"};

struct search {
	struct store_txn *txn;
	const struct actor *actor;
	const uint8_t *key;
	char *user;
};

/* Gives 1 when it is the key. */
static int compare_text(const char *text, void *arg)
{
	const struct search *s = arg;

	return names_key(text, s->key);
}

/* Gives 1 for the first zone that uses it. */
static int ask_zone(const struct store_zone *z, void *arg)
{
	struct search *s = arg;
	char text[NAME_TEXT_MAX];

	if (!actor_sees(s->actor, z->name, z->attrs.tenant))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int found = meta_texts(s->txn, z->id, kinds[i], compare_text, s);
		if (found < 0)
			return found;
		if (found == 0)
			continue;
		(void)snprintf(s->user, KEY_USER_SIZE, "the zone %s (%s)",
		               name_to_text(z->name, text), kinds[i]);
		return 1;
	}
	return 0;
}

int key_user_find(struct store_txn *t, const struct config *c, const struct actor *a,
                  const uint8_t *key, char user[static KEY_USER_SIZE])
{
	struct search s = {t, a, key, user};

	if (is_shadowed(c, key))
		return ERR_NOTFOUND;
	if (find_entry(c, key, user)) {
		if (actor_is_confined(a))
			(void)snprintf(user, KEY_USER_SIZE, "the configuration");
		return 0;
	}
	int found = store_zone_each(t, NULL, ask_zone, &s);
	return found < 0 ? found : found ? 0 : ERR_NOTFOUND;
}
