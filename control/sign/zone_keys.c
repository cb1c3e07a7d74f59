#include "control/sign/zone_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "control/must.h"
#include "control/sign/bundle_stored.h"
#include "control/zone/arena.h"
#include "shared/err.h"

/* ---- from the store ---- */

static void take_stored(struct zone_keys *k, uint32_t number, const struct sign_stored *s,
                        const struct life_key *life)
{
	struct bundle_turn turn = life_turn_get(s);

	if (turn.from && !life->born)
		(void)zone_keys_plan(k, number, s, &turn);
	else
		zone_keys_add(k, number, s, life)->turn = turn;
}

static int add_item(const struct sign_stored_item *i, void *arg)
{
	struct zone_keys *k = arg;
	struct life_key life;

	TRY(life_key_get(&i->stored, &life));
	take_stored(k, i->number, &i->stored, &life);
	return 0;
}

static size_t find(const struct zone_keys *k, uint32_t number)
{
	size_t at = 0;

	while (at < k->count && k->keys[at].number != number)
		at++;
	return at;
}

void zone_keys_remove(struct zone_keys *k, size_t at)
{
	size_t behind = k->count - at - 1;

	sign_key_free(&k->keys[at].key);
	memmove(k->keys + at, k->keys + at + 1, behind * sizeof *k->keys);
	memmove(k->lives + at, k->lives + at + 1, behind * sizeof *k->lives);
	k->count--;
}

static void remove_planned(struct zone_keys *k, uint32_t number)
{
	for (size_t i = 0; i < k->planned_count; i++)
		if (k->planned[i].number == number) {
			memmove(k->planned + i, k->planned + i + 1,
			        (k->planned_count - i - 1) * sizeof *k->planned);
			k->planned_count--;
			return;
		}
}

/* A change's own word about a key counts. */
static int overlay_item(struct zone_keys *k, const struct item_change *item)
{
	struct sign_stored s;
	struct life_key life;
	uint32_t number;

	if (!sign_stored_is_item(item, k->id, &number))
		return 0;
	size_t at = find(k, number);
	if (at < k->count)
		zone_keys_remove(k, at);
	remove_planned(k, number);
	if (!item->value)
		return 0;
	TRY(sign_stored_decode(item->value, item->size, &s));
	TRY(life_key_get(&s, &life));
	take_stored(k, number, &s, &life);
	return 0;
}

static int read_all(struct store_txn *t, const struct change *with, struct zone_keys *k)
{
	TRY(sign_stored_each(t, k->id, add_item, k));
	for (size_t i = 0; with && i < with->item_count; i++)
		TRY(overlay_item(k, &with->items[i]));
	return 0;
}

static struct zone_keys *zone_keys_of(const struct store_zone *zone)
{
	struct zone_keys *k = must(calloc(1, sizeof *k));

	memcpy(k->zone, zone->name, sizeof k->zone);
	k->id = zone->id;
	return k;
}

static int look(struct store_txn *t, const struct store_zone *zone,
                const struct change *with, struct zone_keys *k)
{
	TRY(with ? sign_state_after(t, zone->id, with, &k->state)
	         : sign_state_get(t, zone->id, &k->state));
	TRY(read_all(t, with, k));
	if (!k->state.bundle)
		return 0;
	int err = bundle_stored_get(t, with, zone->id, k->zone, k->state.bundle,
	                            &k->bundles);
	return err == ERR_NOTFOUND ? 0 : err; /* zone_keys_open() says so */
}

int zone_keys_look(struct store_txn *t, const struct store_zone *zone,
                   struct zone_keys **out)
{
	struct zone_keys *k = zone_keys_of(zone);
	int err = look(t, zone, NULL, k);

	if (err < 0)
		zone_keys_free(&k);
	*out = k;
	return err;
}

int zone_keys_new(struct store_txn *t, const struct store_zone *zone,
                  struct zone_keys **out)
{
	struct zone_keys *k = zone_keys_of(zone);
	int err = read_all(t, NULL, k);

	if (err < 0)
		zone_keys_free(&k);
	*out = k;
	return err;
}

void zone_keys_free(struct zone_keys **keys)
{
	struct zone_keys *k = *keys;

	*keys = NULL;
	if (!k)
		return;
	set_signer_free(&k->signer);
	for (size_t i = 0; i < k->count; i++)
		sign_key_free(&k->keys[i].key);
	bundles_free(&k->bundles);
	free(k->planned);
	free(k->keys);
	free(k->lives);
	free(k);
}

/* ---- opening ---- */

static unsigned parts_of(const struct life_key *l)
{
	unsigned parts = 0;

	if (life_publishes(l) && l->role & LIFE_KSK)
		parts |= SIGN_KEYS;
	if (life_signs(l))
		parts |= SIGN_ZONE;
	return parts;
}

static int refuse(char *why, const char *text)
{
	snprintf(why, ZONE_KEYS_WHY_SIZE, "%s", text);
	return ERR_REFUSED;
}

static int open_key(struct zone_keys *k, size_t i, struct sign_secrets *secrets,
                    char *why)
{
	const struct sign_stored_name name = {.zone = k->zone,
	                                      .number = k->keys[i].number};
	const struct sign_stored *s = &k->keys[i].stored;
	bool sealed = !s->uri[0];
	const struct vault *v = sealed ? sign_secrets_vault(secrets, false, why) : NULL;

	if (sealed && !v)
		return ERR_REFUSED;
	int err = sign_stored_open(v, &name, s, &k->keys[i].key, why);
	return err == ERR_NOTFOUND || (err < 0 && !sealed) ? ERR_REFUSED : err;
}

static int make_terms(struct zone_keys *k, struct sign_secrets *secrets, char *why)
{
	unsigned parts;

	set_signer_free(&k->signer);
	k->terms.key_count = 0;
	if (k->state.bundle && !k->bundles)
		return refuse(why,
		              "the bundle of its DNSKEYs, which is in use, is not in the "
		              "store");
	for (size_t i = 0; i < k->count; i++) {
		parts = parts_of(&k->lives[i]) & (k->bundles ? SIGN_ZONE : ~0U);
		if (parts == 0)
			continue;
		if (k->terms.key_count == SIGN_KEYS_MAX)
			return refuse(why, "it has more keys than sign a zone");
		if (!k->keys[i].key)
			TRY(open_key(k, i, secrets, why));
		k->with[k->terms.key_count++] =
			(struct sign_with){.key = k->keys[i].key, .parts = parts};
	}
	k->key_periods = k->state.periods;
	k->key_periods.validity = k->state.dnskey_validity;
	k->terms.zone = k->zone;
	k->terms.keys = k->with;
	k->terms.periods = &k->state.periods;
	k->terms.renew = k->state.renew;
	k->terms.key_periods = &k->key_periods;
	k->terms.given = k->bundles ? k->bundles->list[0].sets : NULL;
	k->terms.given_count = BUNDLE_PARTS;
	return set_signer_new(&k->terms, &k->signer);
}

int zone_keys_open(struct zone_keys *k, struct sign_secrets *secrets,
                   char why[static ZONE_KEYS_WHY_SIZE])
{
	why[0] = '\0';
	return make_terms(k, secrets, why);
}

int zone_keys_read(struct store_txn *t, const struct store_zone *zone,
                   const struct change *with, struct sign_secrets *secrets,
                   struct zone_keys **out, char why[static ZONE_KEYS_WHY_SIZE])
{
	struct zone_keys *k = zone_keys_of(zone);
	int err = look(t, zone, with, k);

	if (err == 0)
		err = zone_keys_open(k, secrets, why);
	if (err < 0)
		zone_keys_free(&k);
	*out = k;
	return err;
}

/* ---- their life ---- */

struct zone_key *zone_keys_add(struct zone_keys *k, uint32_t number,
                               const struct sign_stored *s, const struct life_key *life)
{
	size_t room = k->room; /* both have the same */

	k->keys = array_room(k->keys, k->count, &room, sizeof *k->keys);
	k->lives = array_room(k->lives, k->count, &k->room, sizeof *k->lives);
	k->keys[k->count] = (struct zone_key){.number = number, .stored = *s};
	k->lives[k->count] = *life;
	return &k->keys[k->count++];
}

struct zone_key *zone_keys_plan(struct zone_keys *k, uint32_t number,
                                const struct sign_stored *s,
                                const struct bundle_turn *turn)
{
	k->planned = array_room(k->planned, k->planned_count, &k->planned_room,
	                        sizeof *k->planned);
	k->planned[k->planned_count] =
		(struct zone_key){.number = number, .stored = *s, .turn = *turn};
	return &k->planned[k->planned_count++];
}

void zone_keys_begin(struct zone_keys *k, size_t planned, const struct life_key *life)
{
	struct zone_key one = k->planned[planned];

	remove_planned(k, one.number);
	zone_keys_add(k, one.number, &one.stored, life)->turn = one.turn;
}

void zone_keys_take_bundle(struct zone_keys *k, struct bundles **bundle)
{
	set_signer_free(&k->signer);
	bundles_free(&k->bundles);
	k->bundles = *bundle;
	k->state.bundle = k->bundles->list[0].from;
	*bundle = NULL;
}

uint32_t zone_keys_next_number(const struct zone_keys *k)
{
	uint32_t next = 1;

	for (size_t i = 0; i < k->count; i++)
		if (k->keys[i].number >= next)
			next = k->keys[i].number + 1;
	for (size_t i = 0; i < k->planned_count; i++)
		if (k->planned[i].number >= next)
			next = k->planned[i].number + 1;
	return next;
}

struct life zone_keys_life(struct zone_keys *k)
{
	struct life l = {.keys = k->lives, .count = k->count};

	memcpy(l.ttl, k->state.ttl, sizeof l.ttl);
	return l;
}

void zone_keys_live(struct zone_keys *k, const struct life *l)
{
	memcpy(k->state.ttl, l->ttl, sizeof k->state.ttl);
}

static void write_key(struct zone_keys *k, struct zone_key *one, const struct life_key *l,
                      struct change *c)
{
	if (one->turn.from)
		life_turn_put(l, &one->turn, &one->stored);
	else
		life_key_put(l, &one->stored);
	sign_stored_change(c, k->id, one->number, &one->stored);
}

void zone_keys_write(struct zone_keys *k, struct change *c)
{
	struct life_key none = {.role = LIFE_ZSK};

	for (size_t i = 0; i < k->count; i++)
		write_key(k, &k->keys[i], &k->lives[i], c);
	for (size_t i = 0; i < k->planned_count; i++) {
		none.algorithm = sign_stored_algorithm(&k->planned[i].stored);
		write_key(k, &k->planned[i], &none, c);
	}
}

void zone_keys_change(struct zone_keys *k, struct change *c)
{
	k->state.version++;
	sign_state_change(c, k->id, &k->state);
	zone_keys_write(k, c);
}

bool zone_keys_sign(const struct zone_keys *k)
{
	unsigned parts = 0;

	for (size_t i = 0; i < k->count; i++)
		parts |= parts_of(&k->lives[i]);
	return parts == (SIGN_KEYS | SIGN_ZONE);
}

int zone_keys_salt(const struct zone_keys *k, struct chain_params *to)
{
	EVP_MD_CTX *md = must(EVP_MD_CTX_new());
	uint8_t sum[SHA512_DIGEST_LENGTH];
	bool ok = EVP_DigestInit_ex(md, EVP_sha512(), NULL) == 1 &&
	          EVP_DigestUpdate(md, &k->state.version, sizeof k->state.version) == 1;

	for (size_t i = 0; i < k->count && ok; i++)
		ok = EVP_DigestUpdate(md, k->keys[i].stored.dnskey,
		                      k->keys[i].stored.dnskey_len) == 1;
	ok = ok && EVP_DigestFinal_ex(md, sum, NULL) == 1;
	EVP_MD_CTX_free(md);
	for (size_t i = 0; i < to->salt_len && ok; i++)
		to->salt[i] = sum[i % sizeof sum];
	return ok ? 0 : ERR_SYSTEM;
}
