/*
 * One answer in the making, and the steps that make it.
 *
 *      at a node --+-- below a cut, or a cut ----------------------> referral
 *                  +-- has the type ------------------------------> answer
 *                  +-- has a CNAME --> answer, then its target ---> at a node, or missing
 *                  +-- has neither --------------------------------> NODATA
 *      missing ----+-- encloser is or lies below a cut ------------> referral
 *                  +-- encloser has a DNAME --> synthesise, then --> at a node, or missing
 *                  +-- encloser has a wildcard -------------------> as at a node
 *                  +-- none of these -----------------------------> NXDOMAIN
 *                  +-- no encloser at all -------------------------> REFUSED
 *
 * (RFC 1034 §4.3.2, RFC 4592 §3.3.1, RFC 6672 §3.2.) Chains stay inside one zone and end after
 * CHAIN_MAX links or where they meet themselves.
 */
#ifndef DATAPLANE_RESPOND_ANSWER_H
#define DATAPLANE_RESPOND_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/respond/emit.h"
#include "dataplane/respond/lookup.h"
#include "dataplane/respond/query.h"
#include "shared/compiler.h"
#include "shared/table.h"

enum {
	CHAIN_MAX = 8,
	DENIALS_MAX =
		3 +
		2 * CHAIN_MAX, /* three for the last name, two for a wildcard before */
	OPTIONAL_TARGETS_MAX =
		32, /* bounds the work for a huge set of exchangers or services */
};

/* A DNAME already in the answer, and where its record stands. */
struct answer_dname {
	const struct table_node *node;
	unsigned body_at;
};

/* The version of the zone that was last asked for, in one snapshot. */
struct zone_memo {
	table_ref zone; /* 0: none */
	const struct table_zone_version *version;
};

static ALWAYS_INLINE const struct table_zone_version *
zone_recall(struct zone_memo *memo, const struct snapshot *s, table_ref zone)
{
	if (unlikely(memo->zone != zone)) {
		memo->zone = zone;
		memo->version = table_zone_at(s, zone);
	}
	return memo->version;
}

struct answer {
	const struct snapshot *s;
	const struct query *q;
	struct emit e;
	struct subject subject;
	table_ref zone;
	struct zone_memo *zones;
	uint8_t rcode;
	uint8_t ede; /* RFC 8914 info code + 1; 0: none */
	bool tcp;
	bool aa;
	bool truncated;
	uint8_t chain;
	uint8_t ndenials;
	uint8_t ndnames;
	uint64_t visited[CHAIN_MAX + 1]; /* hashes of the chain's names */
	struct answer_dname dnames[CHAIN_MAX + 1];
	table_ref denials[DENIALS_MAX]; /* records that prove what does not exist */
	table_ref own_denial;   /* the one of them whose owner is in the message */
	unsigned own_denial_at; /* there */
	const struct table_fragment *additional; /* whose targets want addresses */
	unsigned additional_at;                  /* where its body stands */
	struct path path;                        /* of subject, when missing */
	struct path_room path_room;
	uint8_t chased[2][NAME_MAX_LEN + 1 + NAME_PAD];
};

/* Answers a's query; node is what the whole query name has in the table, or NULL. */
HOT void answer_run(struct answer *a, const struct table_node *node);

/* The zone's version in this snapshot. */
const struct table_zone_version *answer_zone(struct answer *a);

/* Offset of the apex of the answer's zone in the message; 0 for the root. */
unsigned answer_apex_at(struct answer *a);

/*
 * Denial of existence (denial.c): note the records that prove it; nothing when the zone is not
 * signed or DO is clear. labels: of the closest encloser; a->path is the subject's.
 */
void denial_nodata(struct answer *a, const struct table_node *n);
void denial_wildcard_nodata(struct answer *a, const struct table_node *wildcard,
                            unsigned labels);
void denial_wildcard(struct answer *a, unsigned labels);
void denial_nxdomain(struct answer *a, unsigned labels);

/* Writes what was noted. false: it does not fit. */
bool denial_write(struct answer *a);

/* Addresses of the names in a fragment's records (additional.c). false: required glue does not
 * fit. */
bool additional_write(struct answer *a);

#endif
