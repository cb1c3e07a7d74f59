/*
 * The one writer of a table segment: memory inside it, the hash of names, versions, publication
 * and the reuse of what no reader can see any more.
 *
 * A change is prepared (objects allocated, versions linked; no reader sees them, since they are
 * born in the next commit), then published by one store. What the change replaced is kept until
 * a grace period has passed; the owner of the writer says when. A segment is private until
 * writer_share(): nobody reads it yet, so nothing is versioned and loading is quick.
 *
 * A change that cannot be finished is withdrawn by writer_undo(), at the cost of what it had
 * prepared.
 *
 * Not thread safe: one thread owns a writer.
 */
#ifndef CONTROL_TABLE_WRITER_H
#define CONTROL_TABLE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/segment.h"
#include "shared/table.h"

struct table_writer;

/* size: of the whole segment, most of it sparse. names: how many to expect (sizes the hash). */
MUST_CHECK int writer_open(uint64_t size, uint64_t generation, uint64_t names,
                           struct table_writer **out);
void writer_close(struct table_writer **w);

/* The segment's descriptor, lent, and the table as readers of this process see it. */
int writer_fd(const struct table_writer *w);
uint64_t writer_generation(const struct table_writer *w);
struct table *writer_table(struct table_writer *w);
const struct name_hash_key *writer_hash_key(const struct table_writer *w);

/* From now on there may be readers. Publishes what was prepared. */
void writer_share(struct table_writer *w);

/*
 * Memory. Gives zeroed room for bytes in the arena and its ref, or 0 when the segment is full
 * (then, and until writer_undo(), writer_failed()). Objects are 16-byte aligned; those of up to 64 bytes
 * do not cross a cache line.
 */
table_ref writer_alloc(struct table_writer *w, size_t bytes, void **out);

/* Until the next call, lets allocations have what is kept back for changes that make room, or not. A
 * segment has all while it is private. */
void writer_use_reserve(struct table_writer *w, bool use);

/* Frees after this commit's grace period; at once while the segment is private. */
void writer_retire(struct table_writer *w, table_ref ref, size_t bytes);

static inline void *writer_at(uint8_t *base, table_ref ref)
{
	return base + (uint64_t)ref * TABLE_UNIT;
}

uint8_t *writer_base(struct table_writer *w);

/* True once an allocation did not fit: the prepared change must not be published. */
bool writer_failed(const struct table_writer *w);

/* The number that versions of the change in preparation are born in; 0 while private. */
uint32_t writer_born(const struct table_writer *w);

/*
 * Nodes. A node is allocated and filled (born and prev left alone), then put: it becomes the
 * newest version of its name. Fragments that a node's entries refer to are the node's and are
 * freed with it; denial records are not.
 */
void writer_put_node(struct table_writer *w, uint64_t hash, table_ref node);

/* Says that so many names more are about to come: the hash grows before them, not under them,
 * which keeps them out of overflow buckets. */
void writer_reserve(struct table_writer *w, uint64_t names);

/* Says that allocations of about so many bytes are about to come: memory is put behind the arena meanwhile,
 * when that is worth the while. */
void writer_expect(struct table_writer *w, uint64_t bytes);

/* Asks for the line where a name of this hash is, or is to be, looked up soon. */
void writer_prefetch(const struct table_writer *w, uint64_t hash);

/* The name is gone as of this change; nothing happens when it was not there. */
void writer_delete_node(struct table_writer *w, uint64_t hash, const uint8_t *name,
                        size_t name_len, unsigned parent_side);

/* The newest version of a name, prepared ones included; NULL when missing or deleted. Its flags
 * may be changed in place only if writer_is_own(). */
struct table_node *writer_find(struct table_writer *w, uint64_t hash, const uint8_t *name,
                               size_t name_len, unsigned parent_side);
bool writer_is_own(const struct table_writer *w, const struct table_node *n);

/* A prepared copy of a node that may be changed, which becomes its name's newest version. The
 * node itself when it is own already; NULL when the segment is full. */
struct table_node *writer_modify(struct table_writer *w, uint64_t hash,
                                 struct table_node *n);

/* Versions of a zone hang off a stub that writer_alloc() gave; of the settings, off the header. */
void writer_put_zone(struct table_writer *w, table_ref zone, table_ref version);
void writer_put_settings(struct table_writer *w, table_ref settings);

/* Makes the prepared change visible. Gives its commit number. */
uint64_t writer_publish(struct table_writer *w);

/*
 * Takes the prepared change of a shared segment back: names, zones and settings are what they were
 * at the last publication, and there is room again. Refs that came out of the change are void. Its
 * memory goes after a grace period, since readers may have come across what they could not see:
 * ask for one as after publishing. Buckets that were added stay.
 */
void writer_undo(struct table_writer *w);

/*
 * Reclamation. After publishing, the owner asks for a grace period and says under which number;
 * when it hears that a number has passed, everything that waited for it or a lower one goes.
 * A second grace period may be wanted for what the first one only unlinked: writer_wants_grace().
 */
void writer_wait_for(struct table_writer *w, uint64_t grace);
void writer_passed(struct table_writer *w, uint64_t grace);
bool writer_wants_grace(const struct table_writer *w);

/* Puts a huge page, of 2 MiB, behind what has been filled since last time, when that is worth the
 * while: copies as much, in about a millisecond. Says whether it did; there may be more then. */
bool writer_collapse(struct table_writer *w);

struct writer_usage {
	uint64_t used;    /* bytes of live objects and buckets */
	uint64_t free;    /* bytes freed and not used again yet */
	uint64_t retired; /* bytes waiting for a grace period */
	uint64_t names;   /* nodes */
	uint64_t buckets;
	uint64_t resident; /* memory that the segment occupies */
	uint64_t limit;    /* size of the segment */
};
void writer_usage(const struct table_writer *w, struct writer_usage *out);

#endif
