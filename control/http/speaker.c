/*
 * libmicrohttpd in the loop: its epoll descriptor is polled, and it has its turn when something is ready there, when a
 * time that it asks for has come, and when somebody else has something for it to do.
 *
 * It cannot be given another certificate. So another one has another instance, and who is connected stays with the one
 * that he began with, which ends with its last connection: not in the callback that tells of that, but after the
 * turn in which it comes.
 */
#include <stdlib.h>
#include <string.h>

#include "control/http/internal.h"
#include "control/must.h"
#include "shared/err.h"

enum { AT_ONCE_MAX = 1024 };

/* ---- turns ---- */

static void on_speaker_timer(uv_timer_t *timer);

static void on_speaker_again(uv_idle_t *again);

/* A turn at once is no timer of 0 ms: libuv would call that again before anybody else. And there
 * are requests (a chunk's extension larger than the buffer) with which it wants its turn at once for
 * as long as they are there: they shall not have a processor for themselves. */
static void speaker_want(struct speaker *p, uint64_t ms)
{
	if (ms == 0 && p->at_once < AT_ONCE_MAX) {
		p->at_once++;
		(void)uv_timer_stop(&p->timer);
		(void)uv_idle_start(&p->again, on_speaker_again);
		return;
	}
	if (ms > 0)
		p->at_once = 0;
	(void)uv_idle_stop(&p->again);
	(void)uv_timer_start(&p->timer, on_speaker_timer, ms > 0 ? ms : 1, 0);
}

/* Lets it do what is ready, and asks when it wants to be called without being ready. */
static void speaker_turn(struct speaker *p)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	(void)MHD_run(p->mhd);
	if (p->retired && !p->connections) {
		speaker_close(p);
		return;
	}
	if (MHD_get_timeout(p->mhd, &ms) == MHD_YES) {
		speaker_want(p, ms);
		return;
	}
	p->at_once = 0;
	(void)uv_timer_stop(&p->timer);
	(void)uv_idle_stop(&p->again);
}

static void on_speaker_again(uv_idle_t *again)
{
	speaker_turn(again->data);
}

static void on_speaker_timer(uv_timer_t *timer)
{
	speaker_turn(timer->data);
}

static void on_speaker_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	speaker_turn(poll->data);
}

void speaker_wake(struct speaker *p)
{
	(void)uv_timer_start(&p->timer, on_speaker_timer, 0, 0);
}

void speakers_wake(struct http_server *s)
{
	for (struct speaker *p = s->speakers; p; p = p->next)
		speaker_wake(p);
}

void speakers_turn(struct http_server *s)
{
	struct speaker *next;

	for (struct speaker *p = s->speakers; p; p = next) {
		next = p->next;
		speaker_turn(p);
	}
}

/* ---- opening and closing ---- */

static struct MHD_Daemon *start(struct http_server *s,
                                const struct http_settings *settings, bool tls)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
	                 MHD_USE_NO_LISTEN_SOCKET | (tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem secrets[] = {
		{tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
	         (void *)(uintptr_t)settings->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)settings->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0,
	         (void *)(uintptr_t) "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"},
		{MHD_OPTION_END, 0, NULL},
	};

	return MHD_start_daemon(
		flags, 0, NULL, NULL, exchange_take, s, MHD_OPTION_NOTIFY_CONNECTION,
		connection_changed, s, MHD_OPTION_URI_LOG_CALLBACK, exchange_note_target,
		s, MHD_OPTION_NOTIFY_COMPLETED, exchange_ended, s,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX + HTTP_UNIX_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, secrets,
		MHD_OPTION_END);
}

static void add(struct http_server *s, struct speaker *p)
{
	p->next = s->speakers;
	p->link = &s->speakers;
	if (p->next)
		p->next->link = &p->next;
	s->speakers = p;
}

int speaker_open(struct http_server *s, const struct http_settings *settings, bool tls,
                 struct speaker **out)
{
	struct speaker *p = must(calloc(1, sizeof *p));
	const union MHD_DaemonInfo *info;

	p->mhd = start(s, settings, tls);
	if (!p->mhd) {
		free(p);
		return ERR_SYSTEM;
	}
	info = MHD_get_daemon_info(p->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || uv_poll_init(s->loop, &p->poll, info->epoll_fd) < 0 ||
	    uv_timer_init(s->loop, &p->timer) < 0 || uv_idle_init(s->loop, &p->again) < 0)
		abort();
	p->server = s;
	p->certificate = tls ? must(strdup(settings->certificate)) : NULL;
	p->handles = 3;
	s->handles += 3;
	p->poll.data = p;
	p->timer.data = p;
	p->again.data = p;
	add(s, p);
	if (uv_poll_start(&p->poll, UV_READABLE, on_speaker_ready) < 0) {
		speaker_close(p);
		return ERR_SYSTEM;
	}
	*out = p;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct speaker *p = handle->data;
	struct http_server *s = p->server;

	if (--p->handles == 0) {
		free(p->certificate);
		free(p);
	}
	server_release(s);
}

void speaker_close(struct speaker *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	uv_close((uv_handle_t *)&p->poll, on_closed);
	uv_close((uv_handle_t *)&p->timer, on_closed);
	uv_close((uv_handle_t *)&p->again, on_closed);
	MHD_stop_daemon(p->mhd);
}

void speaker_retire(struct speaker *p)
{
	p->retired = true;
	speaker_wake(p);
}

void speakers_close(struct http_server *s)
{
	while (s->speakers)
		speaker_close(s->speakers);
}
