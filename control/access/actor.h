/*
 * Who asks for something, and what that one may do. Whatever comes in over a socket is done in the
 * name of an actor, which goes with it to wherever it is done and logged.
 *
 * An actor is filled in by whoever makes it and never changed again: it is shared by reference
 * between threads, and everything here may be called on any of them.
 */
#ifndef CONTROL_ACCESS_ACTOR_H
#define CONTROL_ACCESS_ACTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/name.h"

/* Each may what the ones before it may. */
enum role { ROLE_NONE, ROLE_READER, ROLE_WRITER, ROLE_OPERATOR, ROLE_ADMIN };

enum actor_kind {
	ACTOR_SELF,   /* this program: its configuration, its own upkeep */
	ACTOR_SOCKET, /* a process, known by its peer credentials */
	ACTOR_KEY,    /* the holder of an API key */
	ACTOR_DNS, /* who has sent an UPDATE: the holder of a TSIG key, or an address */
};

enum permission {
#define PERMISSION(name, role, text) MAY_##name,
#include "control/access/permissions.def"
#undef PERMISSION
	PERMISSIONS
};

enum {
	ACTOR_NAME_SIZE = 64,
	TENANT_SIZE = 64,
	KEY_ID_SIZE = 17,
	REQUEST_ID_SIZE = 37,
	GRANT_TYPES_MAX = 16,
	GRANT_NAMES_SIZE = 256,
};

/*
 * A part of the name space that an actor is confined to. An actor with grants sees the zones that
 * any of them names, and changes what any of them lets it.
 *
 * names are patterns with blanks between them, each for an owner relative to the zone in the form
 * of zone text: "*" stands for any run of octets and dots, "@" for the apex (which no other
 * pattern fits), "\*" for the asterisk of a wildcard. Without regard to case. No pattern at all
 * fits every owner; one that is not well formed fits none.
 */
struct grant {
	uint8_t zone[NAME_MAX_LEN]; /* folded; the root with below set: every zone */
	bool below;                 /* the zones below it as well */
	bool write;
	char names[GRANT_NAMES_SIZE];
	uint16_t types[GRANT_TYPES_MAX];
	unsigned type_count; /* 0: every type */
};

struct actor {
	atomic_uint references;
	enum actor_kind kind;
	enum role role;
	char name[ACTOR_NAME_SIZE]; /* "uid 0 (root)", the label of a key, the name of a
				    * TSIG key, an address, "configuration" */
	char key_id[KEY_ID_SIZE];   /* empty unless ACTOR_KEY */
	char tenant[TENANT_SIZE];   /* empty: sees those of all tenants */
	struct grant *grants;       /* the actor's own; none: all zones of the tenant */
	size_t grant_count;
	uint8_t address[16]; /* network order, ::ffff:a.b.c.d; zero for a Unix socket */
	uint16_t port;
	uint32_t uid, pid; /* of an ACTOR_SOCKET */
	char request_id[REQUEST_ID_SIZE];
};

/* Gives an actor with one reference, to be filled in further before anybody else gets to see it.
 * grants, when set, come from malloc(): they are freed with the actor. */
struct actor *actor_new(enum actor_kind kind, enum role role, const char *name);

/* Gives a. */
struct actor *actor_hold(struct actor *a);
/* Takes; NULL is fine. */
void actor_release(struct actor **a);

/* Gives the actor of this program's own doings, who may everything. It lives forever: holding and
 * releasing it is allowed, but not needed. */
struct actor *actor_self(void);

/* Says whether the role allows it somewhere. Where, the next two say. */
bool actor_may(const struct actor *a, enum permission p);

/* Says whether the actor has a tenant or grants, so that what is of all zones is not for it. */
bool actor_is_confined(const struct actor *a);

/* Says whether the actor gets to know that the zone exists. tenant: the zone's, or empty. */
bool actor_sees(const struct actor *a, const uint8_t *zone, const char *tenant);

/* Says whether the actor gets to know what else belongs to a tenant, or to none: its keys, itself. */
bool actor_sees_tenant(const struct actor *a, const char *tenant);

/* Says whether the actor may change this RRset of a zone that it sees. owner: at or below zone. */
bool actor_may_edit(const struct actor *a, const uint8_t *zone, const uint8_t *owner,
                    uint16_t type);

/* Says whether the actor may change every RRset of a zone that it sees. */
bool actor_may_edit_all(const struct actor *a, const uint8_t *zone);

/* "reader" and the like; NULL for ROLE_NONE and beyond. */
const char *role_name(enum role r);
/* ROLE_NONE when it is none. */
enum role role_from_name(const char *name);

#endif
