#include "control/watch.h"

#include <assert.h>

#include "control/engine_internal.h"

void engine_watch(struct engine *e, watch_fn *fn, void *arg)
{
	assert(e->watch_count < WATCHES_MAX);
	e->watches[e->watch_count++] = (struct watch){fn, arg};
}

void engine_unwatch(struct engine *e, watch_fn *fn, const void *arg)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < e->watch_count; i++)
		if (e->watches[i].fn != fn || e->watches[i].arg != arg)
			e->watches[kept++] = e->watches[i];
	e->watch_count = kept;
}

void watch_post(struct engine *e)
{
	struct change_note *notes = committer_take_notes(&e->committer);

	if (!notes)
		return;
	pthread_mutex_lock(&e->lock);
	struct change_note **last = &e->notes;
	while (*last)
		last = &(*last)->next;
	*last = notes;
	pthread_mutex_unlock(&e->lock);
	uv_async_send(&e->async);
}

void watch_tell(struct engine *e, struct change_note *notes)
{
	/* Who is told may stop watching, but nobody else's place changes before the next one. */
	for (const struct change_note *n = notes; n; n = n->next)
		for (unsigned i = e->watch_count; i-- > 0;)
			if (i < e->watch_count)
				e->watches[i].fn(e->watches[i].arg, n);
	change_note_free(notes);
}
