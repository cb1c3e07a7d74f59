/*
 * Dynamic updates (RFC 2136): what must hold of a zone beforehand, and what is then done to it,
 * one step after the other. An update is made on any thread from a message whose form has been
 * checked (§3.2.4 and §3.4.1.3 as far as they need no zone), and evaluated by the commit thread
 * against the transaction, behind whatever was changed before it.
 */
#ifndef CONTROL_CHANGE_UPDATE_H
#define CONTROL_CHANGE_UPDATE_H

#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "control/change/change.h"
#include "control/change/check.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum update_verb {
	/* prerequisites, §2.4 */
	PREREQ_NAME,    /* the name is in use */
	PREREQ_NO_NAME, /* it is not */
	PREREQ_SET,     /* there is an RRset of the type */
	PREREQ_NO_SET,  /* there is none */
	PREREQ_SET_IS, /* all of these of one RRset together are what is there, but for TTLs */
	/* what is done, §2.5 */
	UPDATE_ADD,
	UPDATE_DROP_SET,
	UPDATE_DROP_NAME, /* every RRset of it */
	UPDATE_DROP,      /* one record, whatever its TTL */
};

struct update_step {
	enum update_verb verb;
	uint16_t type; /* RRTYPE_ANY for verbs of names */
	uint16_t rdata_len;
	uint32_t ttl;
	const uint8_t *owner; /* folded once added; may be outside of the zone */
	const uint8_t *rdata; /* of SET_IS, ADD and DROP */
};

/* All of it lies in the change's arena. */
struct update {
	struct update_step *steps;
	size_t count, room;
	bool serial_said; /* how the serial rises is said here, not by the zone: */
	enum serial_policy serial;
};

/* What an update may be answered for what it finds in the zone; values are those of RFC 2136 §2.2. */
enum update_rcode {
	UPDATE_DONE = 0,
	UPDATE_NXDOMAIN = 3,
	UPDATE_REFUSED = 5,
	UPDATE_YXDOMAIN = 6,
	UPDATE_YXRRSET = 7,
	UPDATE_NXRRSET = 8,
	UPDATE_NOTZONE = 10,
};

/* Gives one without steps. */
struct update *update_new(struct change *c);

/* Appends a step, with copies of its owner and RDATA. ERR_CORRUPT: not the RDATA of its type.
 * ERR_REFUSED: the step would make what whoever signs the zone makes. */
MUST_CHECK int update_add(struct change *c, struct update *u,
                          const struct update_step *s);

/* Says whether the actor may do all steps; prerequisites are anybody's. To drop a name it has to be allowed to change
 * whatever RRsets that has. ERR_DENIED: it may not. */
MUST_CHECK int update_allowed(struct store_txn *t, const struct store_zone *zone,
                              const struct update *u, const struct actor *who);

/* Gives what the steps make of the zone, whose contents are loaded; the view may have changed nothing. ERR_REFUSED:
 * *rcode (an enum update_rcode) says why, and nothing is to change. The update is left as it is.
 * The view is lent from the transaction and the arena. */
MUST_CHECK int update_view(struct store_txn *t, const struct store_zone *zone,
                           const struct update *u, struct contents_arena *a,
                           struct change_view *out, uint8_t *rcode);

#endif
