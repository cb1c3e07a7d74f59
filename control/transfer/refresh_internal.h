/*
 * What the files of refresh share, and nobody else includes.
 *
 *      refresh.c          opens and closes, and hears of commits, commands and notifications
 *      refresh_look.c     finds out which zones are secondaries
 *      refresh_checks.c   has those checked that are due
 *      refresh_outcome.c  what becomes of a secondary when a check of it is over
 *      refresh_notes.c    what is written down of each, for the next run
 *      refresh_list.c     shows them
 *      refresh_one.c      what several of these do to one secondary
 *
 * Loop thread, but for what says otherwise.
 */
#ifndef CONTROL_TRANSFER_REFRESH_INTERNAL_H
#define CONTROL_TRANSFER_REFRESH_INTERNAL_H

#include <jansson.h>
#include <uv.h>

#include "control/engine.h"
#include "control/transfer/check.h"
#include "control/transfer/notify_in.h"
#include "control/transfer/primaries.h"
#include "control/transfer/refresh.h"
#include "control/transfer/schedule.h"

struct refresh {
	struct transfer_parts parts;
	struct schedule *schedule;
	struct primaries *primaries;
	struct notify_in *notify_in;
	uv_timer_t due;
	uv_timer_t note;
	unsigned handles; /* open */
	unsigned pending; /* calls that the engine is still to make */
	unsigned checks;  /* under way */
	bool closed;
	bool looking;
	bool look_at_all;  /* after that, */
	struct look *next; /* and then at these, which have changed meanwhile; or NULL */
	bool any_dirty;
	bool started; /* the first look is over */
};

/* ---- refresh.c ---- */

/* A call that the engine was still to make has been made; after refresh_close() the last one frees it all. */
void refresh_returned(struct refresh *r);

/* ---- refresh_look.c ---- */

/* Has all zones looked at, as soon as no look is under way. */
void refresh_look_at_all(struct refresh *r);

/* Notes a zone that has changed, for refresh_look_on() to look at. */
void refresh_look_at(struct refresh *r, uint32_t id, const uint8_t *name);

/* Begins what is to be looked at next, if anything, unless a look is under way, whose end comes here again. */
void refresh_look_on(struct refresh *r);

/* NULL is fine. */
void refresh_look_free(struct look *l);

/* ---- refresh_checks.c ---- */

/* Sets the timer for the one that is due first. */
void refresh_wind(struct refresh *r);

/* Looks soon at all that have failed. once_more: checks under way may have begun too early to profit. */
void refresh_wake_failed(struct refresh *r, bool once_more);

/* ---- refresh_outcome.c ---- */

/* A check is over, and the zone is a secondary still: what it counts as, and when it is due again. */
void refresh_take_outcome(struct refresh *r, struct secondary *one,
                          const struct check_result *result);

/* ---- refresh_notes.c ---- */

struct refresh_note {
	bool there;
	uint64_t good_at; /* when a primary has last answered, seconds since 1970 */
	uint32_t their_serial, expire;
};

/* Pool. Reads what is written down of a zone. Errors of the store. */
MUST_CHECK int refresh_note_read(struct store_txn *t, uint32_t zone,
                                 struct refresh_note *out);

/* Writes down what is not yet, up to so many that others need not wait long for the store. r->any_dirty: some are left. */
void refresh_write_notes(struct refresh *r);

void refresh_note_erase(struct refresh *r, uint32_t zone);

/* ---- refresh_list.c ---- */

/* Gives what "secondary" shows of one zone, or of all when it is 0, up to so many. arg: the struct refresh. */
json_t *refresh_list(void *arg, uint32_t zone, size_t most);

/* ---- refresh_one.c ---- */

/* Seconds since 1970. */
uint64_t refresh_wall(void);

/* Gives a number from 0 to n - 1, and 0 when n is. Nobody is to know when a server asks. */
uint64_t refresh_any_below(uint64_t n);

struct transfer_figures *refresh_figures(const struct refresh *r);

/* refresh_wind() is to follow. */
void refresh_set_due(struct refresh *r, struct secondary *one, uint64_t in_ms);

/* Its state may be another: counts it among those of the one it is in. */
void refresh_count(struct refresh *r, struct secondary *one);

/* And whether it is among those where IXFR brings nothing that fits. */
void refresh_count_ixfr(struct refresh *r, struct secondary *one, bool no_ixfr);

/* It is no secondary any more: frees it, with what is written down of it. It has no check. */
void refresh_forget(struct refresh *r, struct secondary *one);

#endif
