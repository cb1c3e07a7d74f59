#include "control/tsig/keyring.h"

#include <stdlib.h>
#include <string.h>

/*
 * A hash table with open addressing, at most half full: a server of many customers has tens of thousands
 * of keys, and looks one up for each signed message.
 */
struct tsig_keys {
	struct tsig_key **slots;
	size_t room; /* a power of two */
	size_t count;
	bool without_md5;
};

enum { ROOM_MIN = 16 };

static struct tsig_key **new_slots(size_t room)
{
	struct tsig_key **slots = calloc(room, sizeof(struct tsig_key *));

	if (!slots)
		abort();
	return slots;
}

struct tsig_keys *tsig_keys_new(void)
{
	struct tsig_keys *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->room = ROOM_MIN;
	s->slots = new_slots(s->room);
	return s;
}

/* FNV-1a: names of keys are given by operators, not by strangers. */
static size_t hash_name(const uint8_t *folded, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ folded[i]) * 0x100000001b3;
	return (size_t)(hash ^ hash >> 32);
}

/* Gives the slot of a name, which is empty when there is no such key. name: folded. */
static struct tsig_key **find_slot(const struct tsig_keys *s, const uint8_t *name,
                                   size_t len)
{
	size_t at = hash_name(name, len) & (s->room - 1);

	while (s->slots[at] && (s->slots[at]->name_len != len ||
	                        memcmp(s->slots[at]->name, name, len) != 0))
		at = (at + 1) & (s->room - 1);
	return &s->slots[at];
}

static void grow(struct tsig_keys *s)
{
	struct tsig_key **old = s->slots;
	size_t room = s->room;

	s->room *= 2;
	s->slots = new_slots(s->room);
	for (size_t i = 0; i < room; i++)
		if (old[i])
			*find_slot(s, old[i]->name, old[i]->name_len) = old[i];
	free(old);
}

bool tsig_keys_add(struct tsig_keys *s, struct tsig_key **k)
{
	if (s->count * 2 >= s->room)
		grow(s);
	struct tsig_key **slot = find_slot(s, (*k)->name, (*k)->name_len);
	if (*slot || (s->without_md5 && (*k)->algorithm == TSIG_MD5)) {
		tsig_key_release(k);
		return false;
	}
	*slot = *k;
	*k = NULL;
	s->count++;
	return true;
}

void tsig_keys_without_md5(struct tsig_keys *s)
{
	s->without_md5 = true;
}

size_t tsig_keys_count(const struct tsig_keys *s)
{
	return s->count;
}

struct tsig_key *tsig_keys_get(const struct tsig_keys *s, const uint8_t *name)
{
	uint8_t folded[NAME_MAX_LEN];
	size_t len = name_len(name, NAME_MAX_LEN);

	memcpy(folded, name, len);
	name_fold(folded, len);
	return *find_slot(s, folded, len);
}

void tsig_keys_free(struct tsig_keys **set)
{
	struct tsig_keys *s = *set;

	*set = NULL;
	for (size_t i = 0; s && i < s->room; i++)
		tsig_key_release(&s->slots[i]);
	if (s)
		free(s->slots);
	free(s);
}

struct keyring {
	struct tsig_keys *keys;
};

struct keyring *keyring_new(void)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (!k)
		abort();
	k->keys = tsig_keys_new();
	return k;
}

void keyring_free(struct keyring **k)
{
	if (*k)
		tsig_keys_free(&(*k)->keys);
	free(*k);
	*k = NULL;
}

const struct tsig_keys *keyring_keys(const struct keyring *k)
{
	return k->keys;
}

void keyring_swap(struct keyring *k, struct tsig_keys **s)
{
	tsig_keys_free(&k->keys);
	k->keys = *s;
	*s = NULL;
}

struct tsig_key *keyring_find(struct keyring *k, const uint8_t *name)
{
	struct tsig_key *key = tsig_keys_get(k->keys, name);

	return key ? tsig_key_hold(key) : NULL;
}
