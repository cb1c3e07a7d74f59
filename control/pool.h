/*
 * Work beside the commit thread: on a thread of the loop's pool, with a snapshot of the store where
 * one is wanted. What is running when the engine closes is waited for, what is not is not begun.
 */
#ifndef CONTROL_POOL_H
#define CONTROL_POOL_H

#include <stdbool.h>

struct engine;

/* Loop thread. Calls run on a thread of the pool, then done on the loop; ran is false when the
 * engine closed first. */
void pool_run(struct engine *e, void (*run)(void *arg), void (*done)(void *arg, bool ran),
              void *arg);

/* Loop thread, when the engine closes: begins nothing more and waits for what runs. */
void pool_stop(struct engine *e);

#endif
