/*
 * The compiler: from the records of a zone, where they lie in the store, to nodes, fragments and
 * denial records in the table.
 *
 * The unit of work is one name: a node depends on the records at its own name, on whether it has
 * descendants, on the cut above it and on the wildcard below it, and on nothing else. What a
 * record points at is looked up when a query comes, so a change costs what it changes.
 */
#ifndef CONTROL_COMPILE_COMPILE_H
#define CONTROL_COMPILE_COMPILE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/store/store.h"
#include "control/table/writer.h"
#include "shared/compiler.h"
#include "shared/name.h"
#include "shared/table.h"

/* What the compiler remembers of a zone between commits; all zero but the name at first. */
struct compile_zone {
	uint8_t apex[NAME_MAX_LEN + 1 + NAME_PAD]; /* folded */
	uint8_t apex_len;
	uint8_t apex_labels;
	uint32_t id;    /* the store's */
	table_ref stub; /* struct table_zone; 0: not in the table */
	table_ref denial_root;
	uint8_t denial; /* ZONE_NSEC, ZONE_NSEC3 or 0 */
	uint16_t iterations;
	uint8_t salt_len;
	uint8_t salt[255];
	bool hosts_children; /* another hosted zone lies below */
};

struct compiler;

/* hosts_below: tells whether any hosted zone lies strictly below a folded name. */
struct compiler *compiler_new(struct table_writer *w,
                              bool (*hosts_below)(void *arg, const uint8_t *name),
                              void *arg);
void compiler_free(struct compiler *c);

/* Prepares all of a zone from the store. Gives in *rrsets how many RRsets it came across.
 * ERR_FULL: the segment has no room. */
MUST_CHECK int compile_zone(struct compiler *c, struct compile_zone *z,
                            struct store_txn *t, uint64_t *rrsets);

/* A zone that is configured but has no contents: its names get SERVFAIL. */
MUST_CHECK int compile_unloaded(struct compiler *c, struct compile_zone *z);

/* One changed owner: which sort key, and what happened there. Saying too little of the last two
 * is wrong, saying too much only slow. */
struct compile_change {
	const uint8_t *key;
	uint16_t key_len;
	bool cut_changed; /* NS or DNAME came or went: all names below are affected */
	bool stays; /* no RRset came or went: the name and those above it are known to be there */
};

/* Prepares what a set of changes (sorted by key, unique) makes different. Gives in *names how
 * many names were compiled. */
MUST_CHECK int compile_changes(struct compiler *c, struct compile_zone *z,
                               struct store_txn *t, const struct compile_change *changes,
                               size_t count, size_t *names);

/* Prepares every name at or below key anew, for a parent whose hosted child came or went. */
MUST_CHECK int compile_subtree(struct compiler *c, struct compile_zone *z,
                               struct store_txn *t, const uint8_t *key, size_t key_len,
                               size_t *names);

/* Takes the nodes of a zone at and below key out of the table, to make room for a hosted child. */
MUST_CHECK int compile_hide(struct compiler *c, struct compile_zone *z,
                            struct store_txn *t, const uint8_t *key, size_t key_len);

/* Takes a zone's names out of the table; its records are still in the store. */
MUST_CHECK int compile_remove(struct compiler *c, struct compile_zone *z,
                              struct store_txn *t);

/* Every ancestor of a hosted zone has a node, void if need be. */
MUST_CHECK int compile_path(struct compiler *c, const uint8_t *apex);

/* Takes away void nodes above a removed zone that lead nowhere any more. */
void compile_unpath(struct compiler *c, const uint8_t *apex);

#endif
