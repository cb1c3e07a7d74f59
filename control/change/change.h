/*
 * A change: what somebody wants done to the zones, as one transaction. The control socket, the
 * API, zone files, reverts and restores all make one of these; there is no other way to the store.
 *
 * It is made on any thread by the functions below, and then handed over whole. Everything that it
 * points to lies in its arena, or is freed with it.
 */
#ifndef CONTROL_CHANGE_CHANGE_H
#define CONTROL_CHANGE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "control/change/extra.h"
#include "control/store/store.h"
#include "control/zone/arena.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct delta;
struct update;

enum edit_kind {
	EDIT_REPLACE, /* the RRset's records, its comments, or both become these */
	EDIT_DELETE,  /* records, disabled records and comments go */
	EDIT_EXTEND,  /* these records come to those that are there */
	EDIT_PRUNE,   /* these records go from those that are there */
};

/* What happens to one RRset. */
struct edit {
	enum edit_kind kind;
	bool set_records, set_comments; /* REPLACE: of what; an empty set removes it */
	bool keep_ttl;       /* take the TTL of the RRset that is there, else ttl */
	bool even_unchanged; /* counts as a change though nothing differs */
	uint8_t owner[NAME_MAX_LEN]; /* folded */
	uint16_t type;
	uint32_t ttl;
	uint8_t *blob; /* served records, see control/zone/rrset.h; NULL: none */
	size_t blob_size, blob_room;
	uint8_t *hidden; /* disabled records in the same form; NULL: none */
	size_t hidden_size, hidden_room;
	struct comment *comments;
	size_t comment_count, comment_room;
	unsigned where; /* the caller's index of it, for whoever reports a problem */
};

enum zone_change_kind {
	ZONE_EDIT,     /* the edits */
	ZONE_CREATE,   /* a new zone with these contents, and then the edits */
	ZONE_REMOVE,   /* with all that is in it */
	ZONE_CONTENTS, /* everything in it anew */
	ZONE_DELTA,    /* what the delta says; ERR_STALE when that does not fit */
	ZONE_UPDATE,   /* what the update says (RFC 2136) */
};

/* Says whether a change is of single RRsets, which lie over those of the zone. The log has all of this
 * kind as ZONE_EDIT: it keeps what they came to, and not how. */
static inline bool zone_change_is_partial(enum zone_change_kind k)
{
	return k == ZONE_EDIT || k == ZONE_DELTA || k == ZONE_UPDATE;
}

/* Whether a secondary's contents are served. They are again with each change of them. */
enum change_expiry {
	EXPIRY_AS_IS,
	EXPIRY_NOW,  /* no primary has answered for too long */
	EXPIRY_OVER, /* one has */
};

enum change_serial {
	SERIAL_BY_POLICY, /* raised by the zone's attrs.serial, when anything differs */
	SERIAL_AS_GIVEN,  /* the SOA is what the edits or the contents say */
};

/* An RRset that is to be signed anew, although its data stays. */
struct again_set {
	const uint8_t *key;
	uint16_t key_len, type;
};

/* Sorted by key and type; in the change's arena. */
struct change_again {
	struct again_set *sets;
	size_t count, room;
};

struct zone_change {
	enum zone_change_kind kind;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	struct edit *edits;         /* done in order */
	size_t edit_count, edit_room;
	struct contents
		*contents; /* taken; CREATE (NULL: SERVFAIL until loaded), CONTENTS */
	uint64_t
		signed_by; /* version of the zone's signing (control/sign/state.h) by which the contents
	                     * are signed already; 0: they are not */
	struct delta *delta;   /* taken; DELTA: see control/change/delta.h */
	struct update *update; /* in the change's arena; UPDATE */

	struct zone_attrs attrs;
	uint32_t attrs_set; /* which of attrs count: bits of enum zone_attr */
	char *source;       /* path of the zone file that contents came from, or NULL */
	uint8_t source_mark[32];   /* as in struct store_zone */
	struct change_again again; /* EDIT of a zone that is signed here */
	bool signed_anew; /* EDIT: likewise, and it is a change even if no data differs */
	bool digested; /* EDIT: it brings the ZONEMD that is right for what it makes of the zone */
	bool configured; /* CREATE: the configuration names it, and takes it away again */
	enum change_serial serial;
	enum change_expiry expiry; /* of EDIT */
	bool catches_up; /* CONTENTS that are signed: with another version, which is one with little else in it,
	                  * they become those of the zone as it is */
	uint64_t if_version; /* 0: any; else ERR_STALE unless it is the zone's version */
};

/* A named item that comes or goes in the same transaction: keys, configuration, metadata. */
struct item_change {
	enum store_list list;
	const uint8_t *key;
	size_t key_len;
	const void *value; /* NULL: the item goes */
	size_t size;
	bool secret; /* never shown, neither before nor after */
	size_t of_zone; /* 1 + which of the change's zones it belongs to, whose id, big endian, takes the
	                 * place of the key's first four octets when it is written; 0: of none */
};

/* Changes of which none is done after one that failed. The commit thread's while any of them is
 * under way. */
struct change_chain {
	uint64_t failed; /* link of the one that did; 0: none has */
};

struct change {
	struct contents_arena *arena;
	struct actor *actor; /* held */
	const char *why;     /* "zone reload", "revert of 1234"; see change_text() */
	struct zone_change *zones;
	size_t zone_count, zone_room;
	struct item_change *items;
	size_t item_count, item_room;
	bool unlogged; /* items alone, written without an entry in the log */
	bool dry_run;  /* check, give results, write nothing */
	bool wait_visible;
	unsigned timeout_ms;
	struct change_chain *chain; /* lent; NULL: of none */
	uint64_t link;              /* its number in the chain, from 1 on */
};

/* actor: held until change_free(), which frees all that belongs to the change. Both never fail. */
struct change *change_new(struct actor *actor);
void change_free(struct change **c);

/* Appends. What it gives is lent until the next one is appended. name, owner: in any case. */
struct zone_change *change_zone(struct change *c, enum zone_change_kind kind,
                                const uint8_t *name);
struct edit *change_edit(struct change *c, struct zone_change *z, enum edit_kind kind,
                         const uint8_t *owner, uint16_t type);

/* Has an RRset signed anew, copied; they come in their order. */
void change_sign_again(struct change *c, struct zone_change *z,
                       const struct again_set *s);

/* Adds a record, copied, to the served or the disabled ones of an edit, whose TTL is edit.ttl
 * whatever the blobs say. ERR_CORRUPT: not the RDATA
 * of this type. ERR_EXISTS: there twice, counting both kinds. ERR_TOOBIG: beyond what an RRset
 * holds. */
MUST_CHECK int change_edit_record(struct change *c, struct edit *e, const uint8_t *rdata,
                                  size_t len, bool disabled);
void change_edit_comment(struct change *c, struct edit *e, const char *account,
                         const char *content, uint64_t modified_at);

/* Appends an item, copied. value NULL: it goes. Gives it, lent as above. */
struct item_change *change_item(struct change *c, enum store_list list, const void *key,
                                size_t key_len, const void *value, size_t size);

/* Gives a copy that lives as long as the change. */
char *change_text(struct change *c, const char *text);

/* ---- what came of it ---- */

/* What one zone's change came to. */
struct commit_report {
	size_t names; /* compiled */
	size_t added; /* RRsets */
	size_t removed;
	size_t changed;
};

/* Why a change is refused. Texts are lent from an arena, rule is static. */
struct change_problem {
	int zone;         /* index into the change's zones; -1: none of them */
	int edit;         /* index into the zone's edits; -1: the zone as such */
	const char *rule; /* see control/change/check.h */
	char *member;     /* what of the edit, as "records[2].content"; NULL: all of it */
	char *text;
};

struct zone_result {
	uint8_t name[NAME_MAX_LEN];
	uint32_t id, old_serial, new_serial;
	uint32_t parts; /* of rows in the log */
	bool changed;
	bool loaded;
	bool undigested; /* it is too large for its ZONEMD to be renewed with the change; that has gone */
	bool chain_lags; /* it is too large for its chain of denial to get its other TTL with the change */
	uint64_t version;
	struct commit_report report;
};

struct change_result {
	int err; /* 0, ERR_NOTFOUND, ERR_EXISTS, ERR_REFUSED (see problems), ERR_DENIED, ERR_STALE,
	          * ERR_TOOBIG, ERR_FULL, ERR_TABLE_FULL, ERR_SKIPPED (see change_chain); ERR_TIMEOUT:
	          * durable, but not seen everywhere */
	uint8_t rcode; /* of an UPDATE that is refused: an enum update_rcode; 0: by check.h's rules */
	uint64_t seq; /* of the change in the log; 0: nothing was written, or no entry */
	bool noted;   /* written without an entry: change->unlogged */
	uint64_t commit, generation, grace;
	double waited_ms, store_ms, visible_ms; /* visible_ms < 0: not waited for */
	uint32_t item_parts;                    /* parts of rows of items in the log */
	struct zone_result *zones;
	size_t zone_count;
	struct change_problem *problems;
	size_t problem_count;
};

#endif
