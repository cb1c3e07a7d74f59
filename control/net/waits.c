#include "control/net/waits.h"

#include <stddef.h>

void waits_stop(struct waits *waits, struct wait *w)
{
	struct wait_list *list = &waits->of[w->kind];

	if (w->kind == WAIT_NONE)
		return;
	if (w->prev)
		w->prev->next = w->next;
	else
		list->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		list->last = w->prev;
	*w = (struct wait){0};
}

void waits_start(struct waits *waits, struct wait *w, enum wait_kind kind, uint64_t now)
{
	struct wait_list *list = &waits->of[kind];

	waits_stop(waits, w);
	*w = (struct wait){.prev = list->last, .since = now, .kind = kind};
	if (list->last)
		list->last->next = w;
	else
		list->first = w;
	list->last = w;
}

struct wait *waits_over(const struct waits *waits, uint64_t now)
{
	for (size_t i = 0; i < WAIT_KINDS; i++) {
		const struct wait_list *list = &waits->of[i];

		if (list->first && list->first->since + list->timeout <= now)
			return list->first;
	}
	return NULL;
}

uint64_t waits_next_end(const struct waits *waits)
{
	uint64_t end = UINT64_MAX;

	for (size_t i = 0; i < WAIT_KINDS; i++) {
		const struct wait_list *list = &waits->of[i];

		if (list->first && list->first->since + list->timeout < end)
			end = list->first->since + list->timeout;
	}
	return end;
}
