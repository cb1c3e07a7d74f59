#include "control/service/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/service/notify.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	POLL_MS = 50,             /* until ready */
	EXTEND_EVERY = 100,       /* polls */
	EXTENSION_US = 30000000,  /* what is asked for each time */
	WATCHDOG_MAX_MS = 600000, /* a manager may allow days */
	NS_PER_US = 1000,
	US_PER_MS = 1000,
};

struct service {
	struct engine *engine;
	struct publisher *publisher;
	uv_timer_t poll;
	uv_timer_t watchdog;
	unsigned handles;
	unsigned polls;
	bool runs_data_plane;
	unsigned loading; /* loads of zones that have not ended */
	bool complained;
	uint64_t polled_pulse;
	uint64_t watched_pulse;
};

/* What cannot be sent is not lost for good: the manager acts on what it misses. */
static bool say(struct service *s, const char *lines)
{
	int err = notify_send(lines);

	if (err < 0 && err != ERR_NOTFOUND && !s->complained) {
		log_warning("the service manager cannot be told: %s", err_text(err));
		s->complained = true;
	}
	return err == 0;
}

/* Whether the commit thread has done anything since the last look. */
static bool lives(struct service *s, uint64_t *pulse)
{
	uint64_t before = *pulse;

	*pulse = engine_pulse(s->engine);
	return *pulse != before;
}

static bool is_ready(const struct service *s)
{
	return s->loading == 0 &&
	       (!s->runs_data_plane || publisher_serving(s->publisher) > 0);
}

static void ask_for_time(struct service *s)
{
	char lines[64];

	if (++s->polls % EXTEND_EVERY != 0 || !lives(s, &s->polled_pulse))
		return;
	(void)snprintf(lines, sizeof lines, "EXTEND_TIMEOUT_USEC=%d", EXTENSION_US);
	(void)say(s, lines);
}

static void on_poll(uv_timer_t *timer)
{
	struct service *s = timer->data;

	if (is_ready(s) && say(s, "READY=1"))
		uv_timer_stop(timer);
	else
		ask_for_time(s);
}

static void on_watchdog(uv_timer_t *timer)
{
	struct service *s = timer->data;

	if (lives(s, &s->watched_pulse))
		(void)say(s, "WATCHDOG=1");
}

static uint64_t watchdog_ms(void)
{
	uint64_t ms = notify_watchdog_us() / 2 / US_PER_MS;

	return ms < WATCHDOG_MAX_MS ? ms : WATCHDOG_MAX_MS;
}

static void start_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t ms)
{
	if (ms > 0 && notify_is_wanted())
		(void)uv_timer_start(timer, callback, ms, ms);
}

void service_open(uv_loop_t *loop, struct engine *e, struct publisher *p,
                  bool runs_data_plane, struct service **out)
{
	struct service *s = calloc(1, sizeof *s);

	if (!s || uv_timer_init(loop, &s->poll) < 0 ||
	    uv_timer_init(loop, &s->watchdog) < 0)
		abort();
	s->engine = e;
	s->publisher = p;
	s->runs_data_plane = runs_data_plane;
	s->handles = 2;
	s->loading = 1;
	s->poll.data = s->watchdog.data = s;
	start_timer(&s->poll, on_poll, POLL_MS);
	start_timer(&s->watchdog, on_watchdog, watchdog_ms());
	*out = s;
}

void service_reloading(struct service *s)
{
	char lines[64];

	/* Which of two reloads a READY belongs to is told by this time. */
	(void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	               clock_now_ns() / NS_PER_US);
	(void)say(s, lines);
	s->loading++;
	start_timer(&s->poll, on_poll, POLL_MS);
}

void service_loaded(struct service *s)
{
	s->loading--;
}

static void on_closed(uv_handle_t *handle)
{
	struct service *s = handle->data;

	if (--s->handles == 0)
		free(s);
}

void service_close(struct service **sp)
{
	struct service *s = *sp;

	(void)say(s, "STOPPING=1");
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->watchdog, on_closed);
	*sp = NULL;
}
