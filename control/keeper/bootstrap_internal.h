/* What the files of bootstrap_plan.h share. Pool. */
#ifndef CONTROL_KEEPER_BOOTSTRAP_INTERNAL_H
#define CONTROL_KEEPER_BOOTSTRAP_INTERNAL_H

#include "control/keeper/bootstrap_plan.h"
#include "control/zone/arena.h"
#include "control/zone/rrset.h"

/* A zone with signalling records, or that may have some. */
struct boot_host {
	uint32_t id;
	const uint8_t *name; /* lent from the arena, or from who asks */
	const char *tenant;  /* likewise */
	bool here;           /* false: the names are in no zone here */
	bool coming;         /* it is to be signed, and is not yet */
	bool usable;         /* it is signed here, and has contents of its own */
};

/* A signalling RRset. */
struct boot_set {
	uint32_t host;
	const uint8_t *host_name; /* lent from the arena */
	const uint8_t *key;       /* likewise */
	size_t key_len;
	uint16_t type;
	struct rrset data; /* of what should be there; lent from the snapshot */
};

struct boot_sets {
	struct boot_set *list;
	size_t count, room;
};

enum { BOOT_HOSTS_KEPT = 64 };

struct boot {
	struct store_txn *t;
	const struct config *config;
	uint64_t now;
	struct contents_arena *arena;
	struct bootstrap_plan *plan;
	struct boot_sets wanted, there;
	/* Where the names of servers were found to be, those of late. */
	struct boot_found {
		const uint8_t *ns; /* NULL: none yet */
		struct boot_host host;
	} found[BOOT_HOSTS_KEPT];
	size_t found_next;
};

void boot_watch(struct boot *b, uint32_t zone);

/* Adds to wanted what is to be said of a zone. Errors of the store. */
MUST_CHECK int boot_want(struct boot *b, const struct store_zone *z);

/* Appends, copying all but the data. */
void boot_add(struct boot *b, struct boot_sets *to, const struct boot_set *s);

#endif
