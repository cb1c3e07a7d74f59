/*
 * The life of a zone's keys: what is to be done with them now, when to look again, and what each of them
 * waits for. A pure function of the policy, of what the keys have been through and of what was seen: no
 * clock, no store, no key material.
 *
 * A key has up to three records in the world: its DNSKEY (with its signature over the DNSKEY RRset, when it
 * is one that signs keys: both are one RRset and go together), its signatures over the rest of the zone, and
 * its DS at the parent. Of each record it is known since when answers have it and since when they do not
 * have it any more, and therefore what caches may hold:
 *
 *              introduced            no cache is without it
 *     HIDDEN ------------> RUMOURED ------------------------> OMNIPRESENT
 *        ^                     |                                   |
 *        |                     +------------+   +------------------+  withdrawn
 *        |                                  v   v
 *        +---------------------------- UNRETENTIVE
 *              no cache has it
 *
 * There are no scripts for rollovers. A key is either wanted or leaving, its records move towards that one
 * by one, and a move is made as soon as every validator finds a chain before and after it, whatever mixture
 * of old and new RRsets it has in its cache (life_rules.h). ZSK pre-publication and double signature, double-KSK, double-DS,
 * CSKs, a change of algorithm (RFC 6781 section 4.1.4, the conservative way), a change from one key to two,
 * going insecure, and all of these at once, follow from that. This is the model of Mekking, Schaeffer and
 * Overeinder ("Flexible and Robust Key Rollover in DNSSEC", 2012); the waits are those of RFC 7583
 * (life_times.h).
 *
 * The functions here touch only what they are given: any thread, one at a time for a zone.
 */
#ifndef CONTROL_SIGN_LIFE_H
#define CONTROL_SIGN_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sign/policy.h"

/* What a key does. A CSK does both. */
enum life_role {
	LIFE_KSK = 1, /* signs DNSKEY, CDS and CDNSKEY; the DS is its */
	LIFE_ZSK = 2, /* signs everything else */
	LIFE_CSK = LIFE_KSK | LIFE_ZSK,
};

/* "ksk", "zsk", "csk". */
const char *life_role_name(enum life_role role);

enum life_kind {
	LIFE_DNSKEY,
	LIFE_RRSIG, /* over everything but DNSKEY, CDS and CDNSKEY; not of a KSK */
	LIFE_DS,    /* not of a ZSK */
	LIFE_KINDS,
};

enum life_state {
	LIFE_HIDDEN,
	LIFE_RUMOURED,
	LIFE_OMNIPRESENT,
	LIFE_UNRETENTIVE,
};

#define LIFE_NEVER UINT64_MAX

/* Times are seconds since 1970. Answers that caches were given from `from` on and before `until` have the
 * record: [0, NEVER) is everywhere, [0, 0) is nowhere. */
struct life_record {
	uint64_t from, until;
	uint64_t done; /* when the last move was seen to be made; 0: not yet */
};

/* Stored as it is, beside the key. */
struct life_key {
	uint8_t role; /* enum life_role */
	uint8_t algorithm;
	bool roll;    /* somebody asked for a successor */
	bool waiting; /* made for the zone's first signing, which has not come to an end */
	uint16_t bits; /* of RSA; 0: of another algorithm */
	uint64_t born;
	uint64_t active;  /* since when it signs the zone, or wants its DS; 0: not yet */
	uint64_t retired; /* when its successor was there; 0: it has none */
	uint64_t gone;    /* since when it leaves and is nowhere any more; 0: is not */
	struct life_record records[LIFE_KINDS];
};

/* The TTL that answers have, and a longer one that some had until a while ago. */
struct life_ttl {
	uint32_t ttl;
	uint32_t older; /* 0: there was none */
	uint64_t until; /* 0: they may have it still */
};

/* All of a zone. Stored as it is; {0}, with no keys, before it is first signed. */
struct life {
	struct life_ttl ttl[LIFE_KINDS];
	struct life_key *keys; /* the caller's */
	size_t count;
};

/* What holds at the moment of a step. */
struct life_now {
	uint64_t now;
	bool secure;       /* false: the zone is to be unsigned again */
	uint32_t zone_ttl; /* the longest in the zone, that of negative answers too */
};

struct life_result {
	uint8_t generate[2]; /* roles of keys to be made, by the policy */
	unsigned generate_count;
	bool changed;   /* write it all down, and make the zone so */
	bool ask;       /* look for DS records at the parent from time to time */
	uint64_t again; /* when to step at the latest; LIFE_NEVER: after news */
};

/* Gives a key that is new, or that comes from elsewhere but has never been used. */
struct life_key life_key_new(enum life_role role, const struct sign_policy *p,
                             uint64_t now);

/* Gives a key that signs the zone already, in the eyes of everybody: one that was taken over. */
struct life_key life_key_known(enum life_role role, uint8_t algorithm, uint16_t bits,
                               uint64_t since);

/* Makes all moves that are due. The caller then makes the keys that are asked for (life_key_new(), added
 * at the end) and steps again at once, makes the zone be as the keys now say, and tells by
 * life_published() and life_signed() when it has. */
void life_step(const struct sign_policy *p, const struct life_now *in, struct life *l,
               struct life_result *out);

/* The primary has served the DNSKEY RRset as the keys say, or all signatures as they say, since then. */
void life_published(struct life *l, uint64_t at);
void life_signed(struct life *l, uint64_t at);

/* What the parent was seen to have. Servers that did not answer do not count. */
enum life_seen {
	LIFE_ABSENT,  /* on none of its servers */
	LIFE_SOME,    /* on some */
	LIFE_PRESENT, /* on all */
};

/* The parent may do what it was not asked for; that is taken as it is. ttl: of the DS RRset; 0: there is
 * none. */
void life_saw_ds(struct life_key *k, enum life_seen seen, uint64_t at);
void life_saw_ds_ttl(struct life *l, uint32_t ttl, uint64_t at);

/* Asks for a successor at once, however young the key is. That is the emergency rollover, too: it is as
 * fast as it can be without a validator that fails (RFC 6781 section 4.2.1). */
void life_roll(struct life_key *k);

enum life_state life_state(const struct life_key *k, enum life_kind kind);
/* Says whether a key of that role has such a record. */
bool life_has(const struct life_key *k, enum life_kind kind);

/* What the zone is to be like. A key that publishes and is a KSK or CSK signs DNSKEY, CDS and CDNSKEY. */
bool life_publishes(const struct life_key *k);
bool life_signs(const struct life_key *k);
/* Says whether CDS and CDNSKEY (RFC 7344) name it. */
bool life_wants_ds(const struct life_key *k);
/* Says whether they ask for no DS at all instead (RFC 8078 section 4). */
bool life_wants_no_ds(const struct life *l, bool secure);

/* Says whether it has been of no use for as long as the policy keeps such keys. */
bool life_may_purge(const struct sign_policy *p, const struct life_key *k, uint64_t now);

enum { LIFE_WORDS = 200 };

/* Writes one sentence, without a key's name and a full stop: what it waits for and until when. */
void life_words(const struct sign_policy *p, const struct life_now *in,
                const struct life *l, const struct life_key *k, char out[LIFE_WORDS]);

#endif
