/*
 * What the files of the check share.
 */
#ifndef CONTROL_SIGN_CHECK_INTERNAL_H
#define CONTROL_SIGN_CHECK_INTERNAL_H

#include "control/sign/chain_internal.h"
#include "control/sign/check.h"
#include "control/sign/verifier.h"

/* By what keys a zone is signed. */
struct check_keys {
	struct rrset set;  /* the DNSKEYs, lent; count 0: there are none */
	uint8_t list[256]; /* algorithms that everything is to be signed by, rising */
	unsigned count;    /* of them; 0: no signature can hold */
	bool is[UINT8_MAX + 1]; /* the same, by number */
};

/* A check under way. */
struct checking {
	const struct sign_check *how;
	struct diag *diag;
	const uint8_t *apex; /* folded */
	size_t apex_len;
	struct check_keys keys;
};

/* ---- check_say.c ---- */

/* What something is said of. */
struct check_place {
	const char *file; /* "", and line 0: of a view */
	unsigned line;
	const uint8_t *key;
	size_t key_len;
	uint16_t type;
};

void PRINTF_LIKE(5, 6)
	check_say(const struct checking *c, enum diag_severity severity, const char *rule,
                  const struct check_place *at, const char *format, ...);

/* The name of a key as text, for one diagnostic. Gives text. */
const char *check_name_text(const struct checking *c, struct chain_ref key,
                            char text[static NAME_TEXT_MAX]);

/* ---- check_set.c: the signatures of an RRset ---- */

enum check_result {
	CHECK_FINE,
	CHECK_MISSING,  /* no signature by an algorithm */
	CHECK_BOGUS,    /* none of that algorithm holds */
	CHECK_UNWANTED, /* it is not to be signed */
	CHECK_SPARE,    /* one does not hold, another does */
	CHECK_TTL,      /* they have a TTL of their own */
};

struct check_finding {
	uint8_t result;
	uint8_t algorithm;
	uint8_t fault; /* enum rrsig_fault */
	uint16_t tag;  /* of the key */
};

/* An RRset as it stands. */
struct check_set {
	const uint8_t *key;
	size_t key_len;
	const struct rrset *set;
	bool own; /* sign_is_own() */
};

/* Gives the worst that is wrong with the signatures of an RRset. Costs what verifying them costs, if the
 * owner is one of those. */
struct check_finding check_signatures(const struct checking *c, struct verifier *v,
                                      const struct check_set *s);

/* CHECK_FINE: says nothing. */
void check_say_finding(const struct checking *c, const struct check_place *at,
                       struct check_finding f);

/* ---- check_keys.c ---- */

/* Takes the DNSKEYs, which are lent. */
void check_keys_take(struct check_keys *k, const struct rrset *dnskeys);

/* Checks them, and the DS. at: their place. Whether they are signed by each algorithm is
 * for check_signatures(). */
void check_keys_say(const struct checking *c, const struct check_place *at);

/* ---- check_link.c: one name in the chain ---- */

enum {
	CHECK_ITERATIONS_MAX = 150
}; /* with more, no validator goes by the chain (RFC 9276 §3.2) */

/* The chain as the zone's apex tells of it. Not copied: it refers to itself. */
struct check_chain {
	struct chain chain;
	struct chain_params params; /* opt_out: of no meaning */
	bool param;                 /* there is an NSEC3PARAM */
};

/* By the NSEC and NSEC3PARAM of the apex. Kind CHAIN_NONE: there is none. */
void check_chain_read(const struct checking *c, struct check_chain *chain,
                      const struct rrset *nsec, const struct rrset *param);

/* The same. Gives false when there is none, and says so: no NSEC at the apex, and no NSEC3PARAM that one goes by. */
bool check_chain_begin(const struct checking *c, struct check_chain *chain,
                       const struct rrset *nsec, const struct rrset *param);

/* A link as it stands. */
struct check_link {
	struct rdata types; /* lent */
	struct chain_key next;
	bool opt_out;
};

/* Gives NULL, or what is wrong with it, as text that goes on after the owner and type. */
const char *check_link_read(const struct check_chain *chain, const struct rrset *set,
                            struct check_link *out);

/* Whether links name each other, in the order in which they are met. Zero at first. */
struct check_order {
	struct check_place at; /* of the link met last */
	struct chain_key next; /* that it names, if it could be read */
	struct chain_key first;
	bool pending, has_first;
};

/* The next name that has a link, or is to have one. */
void check_follow(const struct checking *c, struct check_order *o, struct chain_ref key);
/* Its link, if it has one that can be read. at: lent until the next. */
void check_follow_on(struct check_order *o, const struct check_place *at,
                     const struct check_link *link);
/* There are no more. */
void check_follow_end(const struct checking *c, struct check_order *o);

/* Checks the types that a link tells of. n: the name's; NULL: it has no data. */
void check_link_types(const struct checking *c, const struct check_chain *chain,
                      const struct check_place *at, const struct chain_node *n,
                      struct rdata types);

/* ---- check_contents.c: all of a zone ---- */

struct check_whole {
	struct checking c;
	const struct contents *contents;
	struct check_chain chain;
	uint32_t denial_ttl;
	bool ttl_told;
	bool *own; /* of each RRset, sign_is_own() */
};

struct rrset check_open(const struct contents_rrset *r);

struct check_place check_place_of(const struct check_whole *w,
                                  const struct contents_rrset *r);

/* Reads the name whose RRsets begin at an index. Gives the index behind them. */
size_t check_read_name(const struct contents *c, size_t at, struct chain_node *n);

/* Checks one link, which is to be there, and what came before it. n: its name's; NULL: it has no data. */
void check_whole_link(struct check_whole *w, struct check_order *o,
                      const struct contents_rrset *r, const struct check_place *at,
                      const struct chain_node *n, struct check_link *out);

/* ---- check_hashes.c: the names of all of a zone by their hashes ---- */

struct check_hash {
	uint8_t hash[NSEC3_HASH_LEN];
	bool must; /* false: by opt-out it may have none */
	uint16_t key_len;
	const uint8_t *key; /* of the name; lent */
};

/* Zero at first. */
struct check_hashes {
	struct check_hash *list; /* malloced */
	size_t count, room;
	struct chain_key last; /* name that was added */
	struct chain_key last_must;
};

void check_hashes_fini(struct check_hashes *h);

/* Adds a name with data that nothing hides, and those without data above it; names come in canonical order. key: its
 * node's, lent. */
void check_hashes_add(const struct check_whole *w, struct check_hashes *h,
                      const struct chain_node *n, const uint8_t *key);

/* Checks the chain by them. */
void check_hashes_say(struct check_whole *w, struct check_hashes *h);

/* ---- check_verify.c ---- */

/* Checks the signatures of all RRsets. ERR_STOPPED. */
MUST_CHECK int check_verify(const struct check_whole *w);

#endif
