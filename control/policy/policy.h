/*
 * What holds for one zone's transfers, notifications and updates, out of all the places where it can
 * be said. For each thing the first place that says something counts:
 *
 *   1. attributes and metadata of the zone itself (control/policy/meta.h): the API, anserctl
 *   2. its entry under "zones" in the configuration
 *   3. the template that one of the first two names
 *   4. the template named "default"
 *
 * Rules of access add up instead: those of the first place stand in front of those of the next, and
 * the first that fits decides. A secondary takes notifications from its primaries without being told
 * to. Nothing is kept: who wants to know reads it from a snapshot of the store.
 */
#ifndef CONTROL_POLICY_POLICY_H
#define CONTROL_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/policy/acl.h"
#include "control/policy/remote.h"
#include "control/store/store.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

/* The place that counts for one thing. */
enum policy_place {
	POLICY_NOWHERE,
	POLICY_ZONE,     /* the zone's own attributes and metadata */
	POLICY_ENTRY,    /* its entry in the configuration */
	POLICY_TEMPLATE, /* its template */
	POLICY_CATALOG,  /* the catalog that the zone comes from */
};

#define POLICY_UNSIGNED "no" /* instead of a policy's name */

struct zone_policy {
	enum zone_kind kind;
	const char *tenant;        /* the zone's; empty: none */
	const char *template_name; /* NULL: there is none, not even "default" */

	/* Where contents come from; of secondaries and consumers only. */
	struct remote *primaries;
	unsigned primary_count;
	bool request_ixfr;
	uint32_t refresh_min, refresh_max, retry_min, expire_min; /* s */
	uint64_t max_records,
		max_bytes;   /* beyond that contents are refused; 0: any number */
	unsigned timeout_ms; /* of a transfer in all */

	/* Who is told of new contents. */
	struct remote *notify; /* those that are listed */
	unsigned notify_count;
	bool notify_ns;      /* and the servers that the zone's NS records name */
	bool notify_resolve; /* also where they are in no zone here */

	/* Who may ask. */
	struct acl_rule *rules;
	unsigned rule_count;
	bool provide_ixfr;
	bool forward_updates; /* to the primaries, instead of refusing them */

	bool zonemd_check; /* contents that have a ZONEMD record are refused unless it is right */
	bool zonemd_make;
	const char *dnssec;  /* as zone_policy_dnssec() */
	const char *catalog; /* the zone is to be a member of; or empty */
	const char *group;   /* in the catalog that the zone comes from; or empty */

	/* Where things come from, for people. */
	struct {
		enum policy_place kind, template_name, primaries, notify, zonemd, dnssec,
			catalog;
	} from;
};

/* Any thread. What out points to lives as long as t, c, z and the arena. ERR_CORRUPT, and errors of
 * the store. What is said and cannot be understood, such as a remote that is not there any more, is
 * left out, and never lets anybody in. */
MUST_CHECK int zone_policy_read(struct store_txn *t, const struct config *c,
                                const struct store_zone *z, struct contents_arena *arena,
                                struct zone_policy *out);

/* Any thread. Only the kind, without the rest. */
enum zone_kind zone_policy_kind(const struct config *c, const struct store_zone *z);

/* Any thread. Only whether the zone gets a ZONEMD of ours; a secondary, whose primary makes it, does not. */
bool zone_policy_makes_zonemd(const struct config *c, const struct store_zone *z);

/* Any thread. Likewise, and whether it gets one with each change, having so many RRsets; others get theirs afterwards. */
bool zone_policy_digests_at_once(const struct config *c, const struct store_zone *z,
                                 uint64_t rrsets);

/* Any thread. Gives what is said of the zone's primaries, as words for remote_find(); lent by c and z. */
const char *zone_policy_primaries(const struct config *c, const struct store_zone *z);

/* Any thread. Gives the name, as text, of the catalog that the zone is to be a member of, or is one of
 * already; empty: of none. Lent by c and z. */
const char *zone_policy_catalog(const struct config *c, const struct store_zone *z);

/* Any thread. Gives the name of the policy (config_dnssec_policy_find()) by which the zone is to be signed; empty: it is
 * not to be, as no secondary is. The name may be of no policy that there is any more. Lent by c and z. */
const char *zone_policy_dnssec(const struct config *c, const struct store_zone *z);

/* Says whether a zone's contents come by transfers, and by nothing else. */
static inline bool zone_kind_is_secondary(enum zone_kind kind)
{
	return kind == ZONE_KIND_SECONDARY || kind == ZONE_KIND_CONSUMER;
}

/* Any thread. Gives the rule that lets in, or NULL: who asks may not. */
const struct acl_rule *policy_allows(const struct zone_policy *p, enum acl_action what,
                                     const struct policy_asker *who);

/* Gives the name of the template for members of a group of a catalog, or NULL: none is said. catalog:
 * the policy of the catalog zone. */
const char *policy_group_template(const struct config *c,
                                  const struct zone_policy *catalog, const char *group);

#endif
