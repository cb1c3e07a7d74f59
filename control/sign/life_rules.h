/*
 * What keeps every validator happy.
 *
 * A validator has a DS RRset, a DNSKEY RRset and the RRset that it was asked for, each of any age that a
 * cache can give it, and independently of each other. So for each algorithm, since there are validators
 * that want all of them to be right (RFC 4035 section 2.2, RFC 6840 section 5.11):
 *
 *   chained  Any DS RRset with a DS of the algorithm goes with any DNSKEY RRset. Either every key that has a
 *            DS somewhere has its DNSKEY everywhere (DS are exchanged, double-KSK), or of the keys whose
 *            DS is everywhere there is one in every DNSKEY RRset (DNSKEYs are exchanged, double-DS).
 *   signed   Any DNSKEY RRset with a key of the algorithm goes with any RRset. Either of the keys whose
 *            DNSKEY is everywhere there is one that has signed any RRset (signatures are exchanged), or any
 *            DNSKEY RRset that has a key of the algorithm has one that has signed everything (the
 *            algorithm comes or goes).
 *
 * An algorithm's last key that signs DNSKEY goes together with all of the algorithm's: what is in a DNSKEY
 * RRset signs it. And a DS is withdrawn only when another has been asked for, unless the zone is to be insecure: then any DS
 * RRset has one or the other.
 *
 * "One in every RRset" is said of a set of keys, none of which needs to be everywhere: what counts is that
 * the times in which answers had one or another of them leave no gap.
 */
#ifndef CONTROL_SIGN_LIFE_RULES_H
#define CONTROL_SIGN_LIFE_RULES_H

#include "control/sign/life.h"

/* Says whether answers that have the record can be in a cache. */
static inline bool life_somewhere(const struct life_record *r)
{
	return r->until != 0;
}

/* Says whether no cache has an answer without it. */
static inline bool life_everywhere(const struct life_record *r)
{
	return !r->from && r->until == LIFE_NEVER;
}

/* Says whether it was introduced and not withdrawn since. */
static inline bool life_is_given(const struct life_record *r)
{
	return r->until == LIFE_NEVER;
}

bool life_is_chained(const struct life *l, uint8_t algorithm);
bool life_is_signed(const struct life *l, uint8_t algorithm);
/* Says whether any DS can be in a cache. Without one no validator minds. */
bool life_has_ds(const struct life *l);

/* Says whether the record may change so: k is one of l's. What the parent does unasked can break a rule; then
 * introducing breaks no further one, nor does withdrawing a DS, and of the rest only goes what does not
 * count. */
bool life_may_introduce(struct life *l, struct life_key *k, enum life_kind kind,
                        uint64_t now);
bool life_may_withdraw(struct life *l, struct life_key *k, enum life_kind kind,
                       uint64_t now, bool secure);

/* Says whether all DNSKEYs of the algorithm may be withdrawn at once. */
bool life_may_withdraw_algorithm(const struct life *l, uint8_t algorithm, bool secure);

#endif
