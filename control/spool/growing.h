/*
 * A spool that is read while it is written: by one thread, for any number of readers on another. In
 * memory while it is short, then in a file without a name, which counts with those of
 * control/spool/spool.h. Readers that are slow keep the octets and nothing else.
 */
#ifndef CONTROL_SPOOL_GROWING_H
#define CONTROL_SPOOL_GROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

struct growing;

/* Gives one that is held twice: by its writer until growing_end(), and by the caller. dir: for the
 * file, lent. grew: called by the writer when there is something to read at last, a good deal more, or the
 * end, and a reader has found all read since the last call; it must not come back here. */
struct growing *growing_new(const char *dir, void (*grew)(void *arg), void *arg);

/* Writer. ERR_FULL: the disk; ERR_LIMITED: too much waits already; ERR_GONE: nobody reads it any
 * more. After an error only growing_end() follows. */
MUST_CHECK int growing_add(struct growing *g, const void *bytes, size_t n);

/* Writer, at last: there will be no more, for err or because it is whole. *g is taken. */
void growing_end(struct growing **g, int err);

/* Any thread. NULL is fine. */
void growing_release(struct growing **g);

/* Any thread. Gives in *n how many octets from an offset on there are, up to room, now; and in *ended
 * that behind them there will never be more. When all is read and the writer gave up: its error. */
MUST_CHECK int growing_read(struct growing *g, uint64_t at, void *to, size_t room,
                            size_t *n, bool *ended);

/* Any thread. Gives how many octets it has when it is whole; 0: there may be more, or it ended for an error. */
uint64_t growing_whole_size(struct growing *g);

#endif
