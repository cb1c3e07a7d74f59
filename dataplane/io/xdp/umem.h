/*
 * The memory that one AF_XDP socket's frames lie in: chunks of one size, known to the kernel by
 * their offset. A frame begins XDP_PACKET_HEADROOM bytes into its chunk, and the reply is written
 * over the query, so a chunk has room for the longest frame of the link whatever came in.
 */
#ifndef DATAPLANE_IO_XDP_UMEM_H
#define DATAPLANE_IO_XDP_UMEM_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	UMEM_HEADROOM = 256, /* XDP_PACKET_HEADROOM */
	UMEM_CHUNK_SMALL = 2048,
	UMEM_CHUNK_LARGE = 4096, /* a page: the kernel takes none larger */
};

struct umem {
	uint8_t *base;
	uint32_t chunk; /* bytes of each */
	uint32_t count;
	size_t mapped;
};

/* Bytes of a chunk for a link of that MTU, or 0: none is large enough. */
uint32_t umem_chunk_for(uint32_t mtu);

/* The largest MTU that umem_chunk_for() has a chunk for. */
uint32_t umem_mtu_max(void);

/* The bytes behind the last chunk may be read. ERR_SYSTEM (errno). */
MUST_CHECK int umem_init(struct umem *u, uint32_t chunk, uint32_t count);

/* Also for zeros. */
void umem_fini(struct umem *u);

static inline uint32_t umem_bytes(const struct umem *u)
{
	return u->chunk * u->count;
}

/* Where the chunk begins that an offset lies in. */
static inline uint64_t umem_chunk_of(const struct umem *u, uint64_t offset)
{
	return offset & ~(uint64_t)(u->chunk - 1);
}

#endif
