#include "dataplane/io/xdp/umem.h"

#include <sys/mman.h>

#include "dataplane/io/frame.h"
#include "shared/err.h"

enum {
	HUGE_PAGE = 2 << 20,
	BEHIND = 4096, /* a vector load that begins in the last chunk may end here */
};

uint32_t umem_mtu_max(void)
{
	return UMEM_CHUNK_LARGE - UMEM_HEADROOM - FRAME_LINK_MAX;
}

uint32_t umem_chunk_for(uint32_t mtu)
{
	if (mtu > umem_mtu_max())
		return 0;
	if (mtu + UMEM_HEADROOM + FRAME_LINK_MAX <= UMEM_CHUNK_SMALL)
		return UMEM_CHUNK_SMALL;
	return UMEM_CHUNK_LARGE;
}

int umem_init(struct umem *u, uint32_t chunk, uint32_t count)
{
	size_t bytes = (size_t)chunk * count;
	size_t mapped = bytes + BEHIND + HUGE_PAGE;
	uint8_t *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return ERR_SYSTEM;
	/* From a huge page's border on, and the rest given back. */
	size_t before = (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
	if (before > 0)
		(void)munmap(map, before);
	(void)munmap(map + before + bytes + BEHIND, HUGE_PAGE - before);
	(void)madvise(map + before, bytes, MADV_HUGEPAGE); /* speed, not service */
	*u = (struct umem){.base = map + before,
	                   .chunk = chunk,
	                   .count = count,
	                   .mapped = bytes + BEHIND};
	return 0;
}

void umem_fini(struct umem *u)
{
	if (u->base != NULL)
		(void)munmap(u->base, u->mapped);
	*u = (struct umem){0};
}
