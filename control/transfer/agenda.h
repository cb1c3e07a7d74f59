/*
 * When which of many things is to be looked at: a heap by time, and a table by number. An entry is the first member of
 * whatever it is that is looked at, and whoever has that frees it. One thread at a time.
 */
#ifndef CONTROL_TRANSFER_AGENDA_H
#define CONTROL_TRANSFER_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_entry {
	uint64_t due;              /* in whatever the agenda counts */
	struct agenda_entry *next; /* in its bucket */
	uint32_t id;
	uint32_t place; /* in the heap */
	bool queued;    /* in the heap */
};

struct agenda;

struct agenda *agenda_new(void);
/* Calls back for every entry, which are in it no more. NULL is fine. */
void agenda_free(struct agenda *a, void (*fn)(struct agenda_entry *));

struct agenda_entry *agenda_find(const struct agenda *a, uint32_t id);
/* The entry's number is set, and in the agenda no more than once. It is not due before agenda_at(). */
void agenda_add(struct agenda *a, struct agenda_entry *e);
void agenda_remove(struct agenda *a, struct agenda_entry *e);

void agenda_at(struct agenda *a, struct agenda_entry *e, uint64_t due);
/* Not until agenda_at() says when. */
void agenda_pause(struct agenda *a, struct agenda_entry *e);
/* Gives the one that is due first, or NULL. */
struct agenda_entry *agenda_first(const struct agenda *a);

/* Calls back for all, in no order. fn adds and removes none. */
void agenda_each(struct agenda *a, void (*fn)(struct agenda_entry *e, void *arg),
                 void *arg);

#endif
