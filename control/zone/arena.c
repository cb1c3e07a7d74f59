#include "control/zone/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/log.h"

/* Chunks grow with use, so that a zone of three records takes a page and one of ten million does
 * not take ten thousand chunks. */
enum { CHUNK_FIRST = 4096, CHUNK_LAST = 4 << 20 };

struct chunk {
	struct chunk *next;
	uint8_t bytes[];
};

struct contents_arena {
	struct chunk *chunks;
	uint8_t *at;
	size_t left;
	size_t chunk_size;
};

void *memory_resize(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p) {
		log_error("out of memory (%zu bytes)", size);
		abort();
	}
	return p;
}

void *memory_get(size_t size)
{
	return memory_resize(NULL, size);
}

struct contents_arena *arena_new(void)
{
	struct contents_arena *a = memory_get(sizeof *a);

	*a = (struct contents_arena){.chunk_size = CHUNK_FIRST};
	return a;
}

void arena_free(struct contents_arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct chunk *next = a->chunks->next;
		free(a->chunks);
		a->chunks = next;
	}
	free(a);
}

static struct chunk *add_chunk(struct contents_arena *a, size_t size)
{
	struct chunk *c = memory_get(sizeof *c + size);

	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *arena_alloc(struct contents_arena *a, size_t size)
{
	/* No bytes have an address too: it goes to memcpy(). */
	size += size == 0;
	/* Something large gets its own chunk and leaves the rest of the current one in use. */
	if (size > a->left && size >= a->chunk_size / 4)
		return add_chunk(a, size)->bytes;
	if (size > a->left) {
		a->at = add_chunk(a, a->chunk_size)->bytes;
		a->left = a->chunk_size;
		if (a->chunk_size < CHUNK_LAST)
			a->chunk_size *= 2;
	}
	void *p = a->at;
	a->at += size;
	a->left -= size;
	return p;
}

void *arena_aligned(struct contents_arena *a, size_t size)
{
	size_t mask = alignof(max_align_t) - 1;
	uint8_t *p = arena_alloc(a, size + mask);

	return p + (-(uintptr_t)p & mask);
}

void *arena_copy(struct contents_arena *a, const void *bytes, size_t size)
{
	void *to = arena_alloc(a, size);

	return size ? memcpy(to, bytes, size) : to;
}

void *arena_room(struct contents_arena *a, void *array, size_t count, size_t *room,
                 size_t item_size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 4;
	void *larger = arena_aligned(a, *room * item_size);
	return count ? memcpy(larger, array, count * item_size) : larger;
}

void *array_room(void *array, size_t count, size_t *room, size_t item_size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	return memory_resize(array, *room * item_size);
}
