#include "dataplane/io/xdp/ring.h"

#include <sys/mman.h>
#include <sys/types.h>

#include "shared/err.h"

int ring_map(struct ring *r, int fd, const struct xdp_ring_offset *layout,
             uint64_t offset, uint32_t size, size_t entry)
{
	size_t bytes = (size_t)layout->desc + size * entry;
	uint8_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);

	if (map == MAP_FAILED)
		return ERR_SYSTEM;
	*r = (struct ring){
		.producer = (void *)(map + layout->producer),
		.consumer = (void *)(map + layout->consumer),
		.flags = (void *)(map + layout->flags),
		.addrs = (void *)(map + layout->desc),
		.size = size,
		.map = map,
		.map_size = bytes,
	};
	return 0;
}

void ring_unmap(struct ring *r)
{
	if (r->map != NULL)
		(void)munmap(r->map, r->map_size);
	*r = (struct ring){0};
}
