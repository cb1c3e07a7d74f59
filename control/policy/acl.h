/*
 * Who may ask what of a zone. Rules stand in an order; the first that fits the one who asks decides,
 * and where none fits the answer is no. A rule fits when its addresses and its keys and its TLS fit;
 * what it does not name fits everybody.
 */
#ifndef CONTROL_POLICY_ACL_H
#define CONTROL_POLICY_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "control/config/config.h"
#include "shared/address.h"
#include "shared/compiler.h"

struct tsig_key;
struct tls_peer;

enum acl_action {
	ACL_TRANSFER, /* to get the zone: AXFR, IXFR */
	ACL_NOTIFY,   /* to say that it has changed */
	ACL_UPDATE,   /* to change it: RFC 2136 */
	ACL_ACTIONS
};

/* As the configuration has them. */
extern const char *const acl_action_names[ACL_ACTIONS];

/* All that it points to is lent by whoever made it: the configuration and an arena. */
struct acl_rule {
	const char *
		name; /* of the configuration's entry, or where the rule is from; for people */
	const struct address_prefix *prefixes; /* none: any address */
	unsigned prefix_count;
	const uint8_t *const
		*keys; /* names of keys, folded; none: with a key or without */
	unsigned key_count;
	const struct config_tls
		*tls;     /* what the other side's TLS must be; NULL: TLS or not */
	unsigned actions; /* bits 1 << enum acl_action */
	bool deny;        /* who fits is refused */
	const struct config_acl
		*entry; /* in the configuration, or NULL: see acl_grants() */
};

/* Who asks. */
struct policy_asker {
	const uint8_t *address; /* 16 octets, an IPv4 address as ::ffff:a.b.c.d */
	const struct tsig_key
		*key; /* that the message is signed with, verified; or NULL */
	const struct tls_peer *peer; /* NULL: without TLS */
	/* Says whether what a peer has shown is what a profile asks for; NULL: no. */
	bool (*tls_fits)(const struct tls_peer *peer, const struct config_tls *profile);
};

/* Gives the rule that decides, when it lets in, or NULL: no. tenant: the zone's, or empty; a key that
 * belongs to another tenant is as none that anybody named. */
const struct acl_rule *acl_allows(const struct acl_rule *rules, unsigned count,
                                  const char *tenant, enum acl_action what,
                                  const struct policy_asker *who);

/* Gives what of a zone a rule lets be updated, as grants of an actor; 0 of them: all of it. key: that
 * the update is signed with, or NULL. */
enum { ACL_GRANTS_MAX = 2 };
unsigned acl_grants(const struct acl_rule *rule, const uint8_t *zone,
                    const struct tsig_key *key, struct grant out[static ACL_GRANTS_MAX]);

#endif
