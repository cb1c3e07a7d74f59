/* How those who watch the engine get to know what was committed: engine_watch(). */
#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

#include "control/engine.h"

enum { WATCHES_MAX = 16 };

struct watch {
	watch_fn *fn;
	void *arg;
};

/* Commit thread: hands on what has been committed since the last call. Before the jobs that did it. */
void watch_post(struct engine *e);

/* Loop thread: tells those who watch. */
void watch_tell(struct engine *e, struct change_note *notes);

#endif
