/* What the keeper's files share. Loop thread, but for what an errand does on the pool. */
#ifndef CONTROL_KEEPER_INTERNAL_H
#define CONTROL_KEEPER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "control/engine.h"
#include "control/keeper/keeper.h"
#include "control/keeper/parent.h"
#include "control/keeper/step.h"
#include "control/transfer/agenda.h"

enum {
	ERRANDS_MAX = 2, /* but for those that only wait */
	ASKING_MAX = 64,
};

struct errand;

/* A zone that is kept. There may be a million of them. */
struct kept {
	struct agenda_entry at; /* due in seconds since 1970 */
	uint8_t *name;          /* folded; owned */
	char *trouble;          /* of the last look, owned; NULL: none */
	struct errand *errand;  /* under way; NULL: none */
	struct step_seen *seen; /* what the parent has said, not acted upon yet; owned */
	uint64_t ask_at; /* when to ask the parent; UINT64_MAX: it is not to be asked */
	uint64_t ends;   /* when the first signature ends; UINT64_MAX: there is none */
	uint8_t keys[KEEPER_RECORDS][KEEPER_STATES];
	size_t signed_count; /* RRsets */
	size_t due_count;
	unsigned in_a_row; /* changes without a pause */
	bool again;        /* asked for during an errand */
	bool is_signed;
};

struct candidate {
	uint32_t id;
	uint8_t *name;
};

struct keeper {
	struct transfer_parts parts;
	struct agenda *agenda;
	uv_timer_t timer;
	unsigned errands;
	unsigned asking;       /* of them: they wait for a parent's servers */
	uint64_t whole;        /* RRsets signed with all of their zone, since the start */
	uint64_t wall, steady; /* at the last turn of the timer, s */
	/* Zones that are perhaps to be kept. */
	struct candidate *candidates;
	size_t candidate_count, candidate_room;
	bool sift_all; /* all that there are are to be looked through */
	bool sifting;
	bool closed, timer_closed;
};

static inline struct kept *kept_of(struct agenda_entry *e)
{
	return (struct kept *)(void *)e;
}

/* Gives the zone, which is kept from now on. */
struct kept *keeper_keep(struct keeper *k, uint32_t id, const uint8_t *name);
void keeper_forget(struct keeper *k, struct kept *one);
/* Sets when it is looked at. */
void keeper_at(struct keeper *k, struct kept *one, uint64_t due);
void keeper_free_if_over(struct keeper *k);
/* There is room for a look: begins one at what should have been looked at before. */
void keeper_go_on(struct keeper *k);

/* errand.c: begins a look at a zone that has none under way, which ends with another time of its next. */
void errand_begin(struct keeper *k, struct kept *one);
/* Makes it end soon. */
void errand_stop(struct errand *e);
/* How far a zone's signing is, lent; NULL: it is not being signed as a whole. */
const struct bulk_progress *errand_progress(const struct errand *e);

/* figures.c: see struct engine_keeper; arg is the keeper. */
json_t *keeper_list(void *arg, uint32_t zone, size_t most);
void keeper_count(void *arg, struct keeper_figures *to);

uint64_t keeper_now(void);

#endif
