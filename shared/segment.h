/*
 * Shared-memory segments: a memfd that its maker writes and everybody else can only read.
 *
 * The file is made at its full, mostly sparse size; pages appear when touched, so a table grows
 * without anybody mapping anything again. After the maker has mapped it, it is sealed against
 * shrinking, growing and every future writable mapping (F_SEAL_FUTURE_WRITE, Linux 5.1): the
 * descriptor can be handed to a process that is not trusted to leave the table alone.
 */
#ifndef SHARED_SEGMENT_H
#define SHARED_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

struct segment {
	uint8_t *base; /* page aligned */
	uint64_t size;
	int fd;
};

/* Makes and maps a segment of size bytes, zeroed. sealed: readers can never write it; otherwise
 * (slots) whoever gets the descriptor can. Transparent huge pages are asked for when size is
 * 2 MiB or more. ERR_SYSTEM. */
MUST_CHECK int segment_create(const char *name, uint64_t size, bool sealed,
                              struct segment *out);

/* Maps a received descriptor, which is taken (closed on failure too). writable maps need a
 * segment that was not sealed. Checks that it is a memfd with the seals that its use needs. */
MUST_CHECK int segment_map(int fd, bool writable, struct segment *out);

/* Unmaps and closes. */
void segment_close(struct segment *s);

/* [offset, offset + len) reads as zero afterwards. Its memory goes back to the kernel, except that
 * of a sealed segment: the seal refuses holes, even the maker's. */
void segment_discard(struct segment *s, uint64_t offset, uint64_t len);

/* Maps every page that has memory behind it, so that a reader does not fault on its first look. */
void segment_prefault(const struct segment *s);

/* Puts memory behind the whole of [offset, offset + len), of a segment that this process may write to. */
void segment_populate(const struct segment *s, uint64_t offset, uint64_t len);

/* Replaces the small pages wholly inside [offset, offset + len) by huge ones, for every process
 * that maps the segment, where the kernel can (Linux 6.1): a look-up in a large table costs as
 * much for the address translation as for the data. Needs no privilege and no setting. Takes
 * about as long as copying the memory. */
void segment_collapse(struct segment *s, uint64_t offset, uint64_t len);

/* Bytes of memory that the segment occupies now. */
uint64_t segment_resident(const struct segment *s);

#endif
