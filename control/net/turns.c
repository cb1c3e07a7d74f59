#include "control/net/turns.h"

#include <stddef.h>

static void on_idle(uv_idle_t *idle)
{
	struct turns *t = idle->data;

	for (unsigned n = 0; n < TURNS_AT_ONCE && t->first; n++) {
		struct turn *what = t->first;
		turns_drop(t, what);
		what->fn(what->arg);
	}
	if (!t->first)
		(void)uv_idle_stop(idle);
}

void turns_open(struct turns *t, uv_loop_t *loop)
{
	*t = (struct turns){0};
	(void)uv_idle_init(loop, &t->idle);
	t->idle.data = t;
}

void turns_put(struct turns *t, struct turn *what, void (*fn)(void *arg), void *arg)
{
	if (what->waits || t->closed)
		return;
	*what = (struct turn){.prev = t->last, .waits = true, .fn = fn, .arg = arg};
	if (t->last)
		t->last->next = what;
	else
		t->first = what;
	t->last = what;
	(void)uv_idle_start(&t->idle, on_idle);
}

void turns_drop(struct turns *t, struct turn *what)
{
	if (!what->waits)
		return;
	if (what->prev)
		what->prev->next = what->next;
	else
		t->first = what->next;
	if (what->next)
		what->next->prev = what->prev;
	else
		t->last = what->prev;
	what->waits = false;
}

void turns_close(struct turns *t, uv_close_cb closed, void *arg)
{
	while (t->first)
		turns_drop(t, t->first);
	t->closed = true;
	t->idle.data = arg;
	uv_close((uv_handle_t *)&t->idle, closed);
}
