/*
 * How long the world takes to hear of a change of a key's records: the intervals of RFC 7583, section 3,
 * each in one place. The rest of that RFC's timelines follows from when which change is made.
 *
 *     RFC 7583                   here
 *     Ipub = Dprp + TTLkey       wait of LIFE_DNSKEY, after it is introduced
 *     Iret = Dsgn + Dprp + TTLsig     of LIFE_RRSIG, after the old signatures are withdrawn
 *     Iret = DprpP + TTLds            of LIFE_DS, after the old one is withdrawn
 *     IpubP = DprpP + TTLds           of LIFE_DS, after it is introduced
 *     IpubC = Dprp + TTLneg           of LIFE_DNSKEY, where there was none before
 *
 * Dsgn and Dreg, the time that signing and the parent take to act, are not computed: a wait begins when the
 * change was seen to be made. Every wait is longer by the policy's safety, and begins at the end of the second
 * that the change was seen in.
 */
#ifndef CONTROL_SIGN_LIFE_TIMES_H
#define CONTROL_SIGN_LIFE_TIMES_H

#include "control/sign/life.h"

/* Gives how long caches may hold an answer of that kind with that TTL after the second began in which it was replaced. */
uint64_t life_interval(const struct sign_policy *p, enum life_kind kind, uint32_t ttl);

/* Gives when no cache holds an answer from before the record's last move; LIFE_NEVER: not known yet. */
uint64_t life_deadline(const struct sign_policy *p, const struct life *l,
                       const struct life_key *k, enum life_kind kind);

/* Gives when a key's successor is to be made so that it takes over at the end of the key's lifetime;
 * LIFE_NEVER: at no time. */
uint64_t life_roll_time(const struct sign_policy *p, const struct life_key *k);

static inline bool life_ttl_equal(const struct life_ttl *a, const struct life_ttl *b)
{
	return a->ttl == b->ttl && a->older == b->older && a->until == b->until;
}

/* Answers have that TTL from now on. */
void life_ttl_is(struct life_ttl *t, uint32_t ttl);
/* And that is how it has been on the servers since then. */
void life_ttl_done(struct life_ttl *t, uint64_t at);
/* Forgets the longer one when no cache can have such answers. */
void life_ttl_elapse(const struct sign_policy *p, struct life *l, enum life_kind kind,
                     uint64_t now);

#endif
