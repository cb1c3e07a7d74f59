/*
 * What people may have done with a zone's keys, beyond what its policy has done by itself (life.h): the rules for
 * that, whoever asks.
 *
 * An order changes keys in memory; orders_write() has a change write them, and whoever keeps the zone signed
 * then does what follows from that. When that one was quicker the change comes to ERR_STALE: it is to be made anew,
 * from orders_open() on.
 *
 * Any thread, one at a time for a struct orders.
 */
#ifndef CONTROL_SIGN_ORDERS_H
#define CONTROL_SIGN_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/sign/key.h"
#include "control/sign/policy.h"
#include "control/sign/secrets.h"
#include "control/sign/zone_keys.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum {
	ORDERS_WHY_SIZE = VAULT_WHY_SIZE + 128,
	ORDERS_KEYS_MAX = 64, /* of a zone, with those that are of no use any more */
};

struct orders {
	struct store_txn *txn; /* lent, as is the zone */
	const struct store_zone *zone;
	struct zone_keys *keys;
	bool is_signed; /* it is signed here, or on its way there or back; else its keys wait for
	                 * that */
	bool publishes; /* another key's DS is asked for than before */
	uint64_t now;   /* seconds since 1970 */
	uint32_t *removed;
	size_t removed_count, removed_room;
	char why[ORDERS_WHY_SIZE]; /* of an error but of the store's: what is wrong, for people, and
	                            * nothing of a secret */
};

/* Reads the keys of a zone, which may have none. t and zone are lent until orders_close(). ERR_CORRUPT,
 * ERR_VERSION. Errors of the store. */
MUST_CHECK int orders_open(struct store_txn *t, const struct store_zone *zone,
                           uint64_t now, struct orders *out);
void orders_close(struct orders *o);

/* Gives the place among o->keys of the one that a text means: its number, or its tag if that is no key's number
 * and one key's only; "id:NUMBER" and "tag:TAG" are no other. ERR_NOTFOUND, ERR_REFUSED: it could be several. */
MUST_CHECK int orders_find(struct orders *o, const char *text, size_t *out);

/* Has a key get a successor at once. ERR_REFUSED: it leaves already, or nothing is kept signed here. */
MUST_CHECK int orders_roll(struct orders *o, size_t key);
/* Has all that are in use in exactly that role. ERR_NOTFOUND: there is none. */
MUST_CHECK int orders_roll_role(struct orders *o, enum life_role role);

/* Takes somebody's word for what all servers of the parent have, or have not: the DS of a key. ERR_REFUSED: the key has
 * none. */
MUST_CHECK int orders_saw_ds(struct orders *o, size_t key, bool present);
/* The same of all that wait for that. ERR_NOTFOUND: none does. */
MUST_CHECK int orders_saw_ds_all(struct orders *o, bool present);

/* A key that comes. */
struct order_key {
	const struct sign_key *key; /* lent */
	unsigned
		role; /* enum life_role; 0: as its flags say, and what the zone has of it */
	uint64_t born; /* of a key that is in use; seconds since 1970; 0: now */
	bool spare;    /* it is not to be used until orders_use() */
	const struct sign_policy
		*policy; /* that it must fit unless it is in use or spare; NULL: any */
};

/* Adds a key: of a zone that came with its signatures, and has some of it, as one that everybody knows; else as one that is
 * to take over. Gives its place. ERR_EXISTS: it is there, or one with its tag is. ERR_REFUSED: it does not fit; the master
 * secret is not here. ERR_FULL. ERR_SYSTEM. */
MUST_CHECK int orders_add(struct orders *o, struct sign_secrets *secrets,
                          const struct order_key *k, size_t *out);

/* Has a key take over, from now on, that is spare or on its way out. ERR_REFUSED: it does not fit the policy. */
MUST_CHECK int orders_use(struct orders *o, size_t key, const struct sign_policy *p);

/* Removes a key that is nowhere in caches, and its private half for ever. ERR_REFUSED: it is not so far. */
MUST_CHECK int orders_remove(struct orders *o, size_t key);

/* Has all of the zone signed again, bit by bit. ERR_REFUSED: it has no signatures of its keys. */
MUST_CHECK int orders_resign(struct orders *o);

/* Says whether it is one of those that a policy asks for. */
bool orders_key_fits(const struct life_key *k, const struct sign_policy *p);

/* Appends to a change the zone, and what has become of its keys. */
void orders_write(struct orders *o, struct change *c);

#endif
