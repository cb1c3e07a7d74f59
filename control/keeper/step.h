/*
 * What is to be done about one zone's signing now: the zone as a snapshot of the store has it, the policy by which it is
 * to be signed, and the time, come to one change that brings the zone a step nearer, or to nothing and the time of
 * the next look. Pool.
 */
#ifndef CONTROL_KEEPER_STEP_H
#define CONTROL_KEEPER_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/config/config.h"
#include "control/sign/bulk.h"
#include "control/sign/life.h"
#include "control/sign/secrets.h"
#include "control/sign/zone_keys.h"
#include "control/sign/zone_scan.h"
#include "control/store/store.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"
#include "shared/name.h"

/* What the parent was seen to have; see control/keeper/parent.h. */
struct step_seen {
	uint32_t numbers[SIGN_KEYS_MAX];
	enum life_seen seen[SIGN_KEYS_MAX];
	size_t count; /* 0: nobody was asked */
	uint32_t ttl;
};

enum step_outcome {
	STEP_NONE,   /* nothing; look again then */
	STEP_CHANGE, /* the change is to be made, and then a further step */
	STEP_SIGN,   /* the same, when its contents are signed: step_sign() */
	STEP_AGAIN,  /* `due` is to be signed anew, in as many changes as it takes */
	STEP_FORGET, /* the zone is neither signed nor to be */
};

enum { STEP_DUE_MAX = 65536 };

struct step {
	/* The caller's. */
	struct sign_secrets *secrets;
	const struct config *config;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint64_t now;               /* seconds since 1970 */
	struct step_seen seen;
	/* What came of it; step_fini() frees it. */
	enum step_outcome outcome;
	uint32_t id;
	struct change *change;
	struct zone_keys *keys; /* of SIGN; NULL: contents are to have no signatures */
	struct zone_scan scan;  /* its list lies in its arena */
	uint64_t again;         /* seconds since 1970; UINT64_MAX: after news */
	bool is_signed;
	uint8_t keys_in[LIFE_KINDS]
		       [LIFE_UNRETENTIVE + 1]; /* by the state of each record */
	/* The keys that the parent is to be asked for. */
	bool ask;
	struct step_asked {
		uint32_t number;
		uint16_t len;
		uint8_t dnskey[DNSKEY_MAX];
	} asked[SIGN_KEYS_MAX];
	size_t asked_count;
	const char *
		agents; /* lent from the configuration; NULL: it was not looked at so far */
	uint32_t ds_ttl;                  /* s, as the policy has it */
	char trouble[ZONE_KEYS_WHY_SIZE]; /* empty: none */
};

/* Errors of the store. Of what is wrong with the zone, or its keys, trouble speaks. */
MUST_CHECK int step_look(struct store_txn *t, struct step *s);

/* Signs the contents of the change, and looks at them as a validator would. No snapshot is needed. Of a large zone what is
 * made is kept (journals.h), and what was kept is used. Errors of bulk_sign(); ERR_REFUSED: they would be bogus,
 * and trouble says why. */
MUST_CHECK int step_sign(struct step *s, unsigned threads,
                         struct bulk_progress *progress);

/* Gives how many RRsets a second are signed; 0: it is not known. Any thread. */
uint64_t step_signing_rate(const struct bulk_progress *p);

void step_fini(struct step *s);

#endif
