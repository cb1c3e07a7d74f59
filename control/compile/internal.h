/* What the compiler's files share with each other and with nobody else. */
#ifndef CONTROL_COMPILE_INTERNAL_H
#define CONTROL_COMPILE_INTERNAL_H

#include "control/compile/body.h"
#include "control/compile/compile.h"
#include "control/table/index.h"

enum {
	OWNER_SETS_MAX = RRSET_TYPES_MAX,
	NODE_BYTES_MAX = 1 << 20,
	INLINE_MAX = 200, /* bytes of a body that stays in its node */
};

/* One name of a zone with its records; sets are lent by the store's transaction. */
struct owner {
	uint8_t key[NAME_KEY_MAX];
	size_t key_len;
	uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD]; /* folded */
	uint8_t name_len;
	uint8_t labels;
	uint64_t hash;
	struct rrset sets[OWNER_SETS_MAX];
	unsigned count;
};

/* Where a name stands among the zone's cuts and the other hosted zones. */
struct place {
	uint8_t below_cut; /* labels of the cut above + 1; 0: none */
	bool hidden;       /* strictly below a hosted child's apex */
	bool hosted_apex;  /* is a hosted child's apex */
};

struct compiler {
	struct table_writer *w;
	bool (*hosts_below)(void *arg, const uint8_t *name);
	void *arg;
	struct index_space space;
	struct owner owner;
	struct body body;
	size_t names; /* compiled by the present call */
	alignas(TABLE_UNIT) uint8_t node[NODE_BYTES_MAX];
};

/* owner.c */
MUST_CHECK int owner_named(struct owner *o, const struct compile_zone *z,
                           const struct name_hash_key *hash_key, const uint8_t *key,
                           size_t key_len);
const struct rrset *owner_set(const struct owner *o, uint16_t type);
MUST_CHECK int owner_read(struct owner *o, struct store_cursor *cursor,
                          struct store_entry *entry, int *found);

/* node.c: prepares the node of c->owner, which exists. */
MUST_CHECK int node_compile(struct compiler *c, struct compile_zone *z,
                            struct place place);

/* denials.c: brings the denial index in line with the NSEC or NSEC3 records of c->owner; gives
 * in *ref the owner's NSEC record, 0 when it has none. */
MUST_CHECK int denial_compile(struct compiler *c, struct compile_zone *z, table_ref *ref);
void denial_drop_all(struct compiler *c, struct compile_zone *z);

/* version.c: what the apex says about the zone's denial, and a new version of the zone. */
void version_read_apex(struct compile_zone *z, const struct owner *apex);
MUST_CHECK int version_compile(struct compiler *c, struct compile_zone *z,
                               const struct owner *apex);

#endif
