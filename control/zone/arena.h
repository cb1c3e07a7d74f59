/*
 * Memory that lives as long as a load: bytes are handed out from large chunks and freed all at
 * once. Out of memory ends the process.
 */
#ifndef CONTROL_ZONE_ARENA_H
#define CONTROL_ZONE_ARENA_H

#include <stddef.h>

struct contents_arena;

struct contents_arena *arena_new(void);
void arena_free(struct contents_arena *a);

/* Gives size bytes without any alignment, lent until arena_free(). */
void *arena_alloc(struct contents_arena *a, size_t size);

/* The same, aligned for anything. */
void *arena_aligned(struct contents_arena *a, size_t size);

/* Gives a copy of bytes, which may be NULL for none. */
void *arena_copy(struct contents_arena *a, const void *bytes, size_t size);

/* As array_room(), of an array in an arena: what it has outgrown stays behind. */
void *arena_room(struct contents_arena *a, void *array, size_t count, size_t *room,
                 size_t item_size);

/* Makes room for at least one more item behind count items, by doubling. Gives the array, which
 * may have moved. */
void *array_room(void *array, size_t count, size_t *room, size_t item_size);

/* malloc() and realloc() that end the process instead of failing. */
void *memory_get(size_t size);
void *memory_resize(void *old, size_t size);

#endif
