#include "control/publish/supervise.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/log.h"

enum {
	LOOK_EVERY_MS = 100,
	ATTACH_AGAIN_MS = 1000, /* for a child of an earlier control plane */
	DELAY_MIN_MS = 200,     /* before a child that ended is started again */
	DELAY_MAX_MS = 10000,
	GOOD_RUN_MS = 10000, /* after that long a child's end starts the delays over */
};

struct supervisor {
	const struct config *config;
	struct publisher *publisher;
	uv_loop_t *loop;
	uv_timer_t look;
	uv_process_t child;
	bool child_open; /* the handle is open or being closed */
	bool child_runs;
	bool closing;
	unsigned handles;
	uint64_t started_at;
	uint64_t missing_since; /* 0: there is a data plane */
	uint64_t delay_ms;      /* how long one has to be missing before one is started */
	uint64_t backoff_ms;    /* the last delay after a child of ours ended */
};

static void handle_closed(struct supervisor *s)
{
	if (--s->handles == 0 && s->closing)
		free(s);
}

static void on_look_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void on_child_closed(uv_handle_t *handle)
{
	struct supervisor *s = handle->data;

	s->child_open = false;
	handle_closed(s);
}

static void wait_longer(struct supervisor *s)
{
	uint64_t delay = s->backoff_ms * 2;

	if (delay < DELAY_MIN_MS || uv_now(s->loop) - s->started_at > GOOD_RUN_MS)
		delay = DELAY_MIN_MS;
	if (delay > DELAY_MAX_MS)
		delay = DELAY_MAX_MS;
	s->backoff_ms = delay;
	s->delay_ms = delay;
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
	struct supervisor *s = child->data;

	s->child_runs = false;
	wait_longer(s);
	if (signal != 0)
		log_warning("the data plane ended by signal %d", signal);
	else
		log_warning("the data plane ended with status %" PRId64, status);
	if (!uv_is_closing((uv_handle_t *)child))
		uv_close((uv_handle_t *)child, on_child_closed);
}

static void start_child(struct supervisor *s)
{
	char option_socket[] = "--control-socket";
	char option_supervised[] = "--supervised";
	char form[32];
	char level[32];
	char *arguments[] = {s->config->supervise,
	                     option_socket,
	                     s->config->dataplane_socket,
	                     option_supervised,
	                     form,
	                     level,
	                     NULL};
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 1},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
	};
	uv_process_options_t options = {
		.file = s->config->supervise,
		.args = arguments,
		.exit_cb = on_child_exit,
		.flags = UV_PROCESS_DETACHED, /* a session of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	(void)snprintf(form, sizeof form, "--log-format=%s",
	               log_form_names[s->config->log_form]);
	(void)snprintf(level, sizeof level, "--log-level=%s",
	               log_level_names[s->config->log_level]);
	int err = uv_spawn(s->loop, &s->child, &options);

	s->child.data = s;
	s->child_open = true; /* also a failed uv_spawn() leaves a handle to close */
	s->handles++;
	s->started_at = uv_now(s->loop);
	s->child_runs = err == 0;
	if (err == 0)
		return;
	log_error("%s: %s", s->config->supervise, uv_strerror(err));
	wait_longer(s);
	uv_close((uv_handle_t *)&s->child, on_child_closed);
}

static void on_look(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;
	uint64_t now = uv_now(s->loop);

	bool attached = publisher_supervised(s->publisher) > 0;

	if (attached && !s->child_open)
		s->delay_ms =
			DELAY_MIN_MS; /* the one of an earlier control plane has come */
	if (attached || s->child_open) {
		s->missing_since = 0;
		return;
	}
	if (s->missing_since == 0)
		s->missing_since = now;
	if (now - s->missing_since < s->delay_ms)
		return;
	s->missing_since = 0;
	start_child(s);
}

void supervisor_open(uv_loop_t *loop, const struct config *config, struct publisher *p,
                     struct supervisor **out)
{
	struct supervisor *s = calloc(1, sizeof *s);

	assert(s != NULL);
	s->loop = loop;
	s->config = config;
	s->publisher = p;
	s->delay_ms = ATTACH_AGAIN_MS;
	s->look.data = s;
	s->handles = 1;
	uv_update_time(loop);
	s->missing_since = uv_now(loop);
	int err = uv_timer_init(loop, &s->look);
	err = err ? err : uv_timer_start(&s->look, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
	assert(err == 0);
	(void)err;
	*out = s;
}

void supervisor_configure(struct supervisor *s, const struct config *next)
{
	s->config = next;
}

void supervisor_close(struct supervisor **sp)
{
	struct supervisor *s = *sp;

	*sp = NULL;
	s->closing = true;
	publisher_terminate_supervised(s->publisher);
	/* It may not have attached yet. A second SIGTERM to one that has does no harm. */
	if (s->child_runs)
		uv_process_kill(&s->child, SIGTERM);
	uv_close((uv_handle_t *)&s->look, on_look_closed);
	if (s->child_open && !uv_is_closing((uv_handle_t *)&s->child))
		uv_close((uv_handle_t *)&s->child, on_child_closed);
}
