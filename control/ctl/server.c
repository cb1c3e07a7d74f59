#include "control/ctl/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/json_depth.h"
#include "control/net/accepting.h"
#include "control/net/unix_socket.h"
#include "shared/err.h"

enum {
	CLIENTS_MAX = 64,
	LINE_MAX_BYTES = 16 << 20,
	WRITE_TIMEOUT_MS = 30000,
	READ_STEP = 4096, /* least room offered to a read */
	BACKLOG = 64,
};

struct ctl_server {
	struct accepting accepting;
	uv_loop_t *loop;
	struct engine *engine;
	struct ctl_limits limits;
	struct client *clients;
	unsigned client_count;
	unsigned
		references; /* two handles, and each client: the last one to end frees the server */
	struct unix_socket file;
};

struct client {
	uv_pipe_t pipe;
	uv_timer_t timer; /* runs while a response waits to be taken */
	uv_write_t write;
	struct ctl_server *server;
	struct actor *actor; /* the process at the other end, as the kernel knows it */
	struct client *next;
	struct client **link; /* what points to this client */
	char *buffer; /* received: [start, len), of which [start, scanned) has no newline */
	size_t start;
	size_t scanned;
	size_t len;
	size_t room;
	char *result; /* of the response being written */
	char head[32];
	unsigned handles; /* still open */
	bool running;     /* the engine has a command of this client */
	bool writing;
	bool closing;
	bool ends; /* after the response being written */
};

/* ---- life and death ---- */

static void server_release(struct ctl_server *s)
{
	if (--s->references == 0)
		free(s);
}

static void client_free_when_done(struct client *c)
{
	if (c->handles || c->running)
		return;
	struct ctl_server *s = c->server;
	free(c->buffer);
	free(c->result);
	actor_release(&c->actor);
	free(c);
	server_release(s);
}

static void on_client_handle_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	c->handles--;
	client_free_when_done(c);
}

static void client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->server->client_count--;
	uv_close((uv_handle_t *)&c->pipe, on_client_handle_closed);
	uv_close((uv_handle_t *)&c->timer, on_client_handle_closed);
}

/* ---- responses ---- */

static void client_go_on(struct client *c);

static void on_written(uv_write_t *write, int status)
{
	struct client *c = write->data;

	c->writing = false;
	free(c->result);
	c->result = NULL;
	if (c->closing)
		return;
	(void)uv_timer_stop(&c->timer);
	if (status < 0 || c->ends)
		client_close(c);
	else
		client_go_on(c);
}

static void on_write_timeout(uv_timer_t *timer)
{
	client_close(timer->data);
}

/* Takes result, JSON text. */
static void client_respond(struct client *c, enum engine_outcome outcome, char *result)
{
	static char tail[] = "}\n";
	int head = snprintf(c->head, sizeof c->head,
	                    "{\"outcome\":%d,\"result\":", (int)outcome);
	const uv_buf_t parts[] = {
		{.base = c->head, .len = (size_t)head},
		{.base = result, .len = strlen(result)},
		{.base = tail, .len = sizeof tail - 1},
	};

	c->result = result;
	c->write.data = c;
	c->writing = true;
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, parts, ARRAY_LEN(parts),
	             on_written)) {
		c->writing = false;
		client_close(c);
		return;
	}
	(void)uv_timer_start(&c->timer, on_write_timeout,
	                     c->server->limits.write_timeout_ms, 0);
}

static void client_respond_error(struct client *c, enum engine_outcome outcome,
                                 const char *why)
{
	json_t *result = json_pack("{s:s}", "error", why);
	char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;

	if (!text)
		abort();
	json_decref(result);
	client_respond(c, outcome, text);
}

/* ---- commands ---- */

static void on_command_done(void *arg, enum engine_outcome outcome, const json_t *result)
{
	struct client *c = arg;

	c->running = false;
	if (c->closing) {
		client_free_when_done(c);
		return;
	}
	char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
	if (text)
		client_respond(c, outcome, text);
	else
		client_respond_error(c, ENGINE_REFUSED,
		                     "the result cannot be put in JSON");
}

/* Gives what is wrong with the request, or NULL. */
static const char *check_request(json_t *request)
{
	const char *key;
	json_t *value;

	if (!json_is_object(request))
		return "a command is a JSON object";
	json_object_foreach(request, key, value)
	{
		if (!strcmp(key, "command")) {
			if (!json_is_string(value))
				return "\"command\" must be a string";
		} else if (!strcmp(key, "args")) {
			if (!json_is_object(value))
				return "\"args\" must be an object";
		} else {
			return "unknown member beside \"command\" and \"args\"";
		}
	}
	return json_object_get(request, "command") ? NULL : "\"command\" is missing";
}

static void client_run_line(struct client *c, const char *line, size_t len)
{
	json_error_t error;
	char why[JSON_ERROR_TEXT_LENGTH + 64];

	if (json_is_too_deep(line, len)) {
		client_respond_error(c, ENGINE_USAGE, "nested too deeply");
		return;
	}
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!request) {
		(void)snprintf(why, sizeof why, "not JSON: column %d: %s", error.column,
		               error.text);
		client_respond_error(c, ENGINE_USAGE, why);
		return;
	}
	const char *wrong = check_request(request);
	if (wrong) {
		client_respond_error(c, ENGINE_USAGE, wrong);
	} else {
		c->running = true;
		engine_run(c->server->engine, c->actor,
		           json_string_value(json_object_get(request, "command")),
		           json_incref(json_object_get(request, "args")), on_command_done,
		           c);
	}
	json_decref(request);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* ---- input ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct client *c = handle->data;

	(void)suggested;
	if (c->start) {
		memmove(c->buffer, c->buffer + c->start, c->len - c->start);
		c->len -= c->start;
		c->scanned -= c->start;
		c->start = 0;
	}
	if (c->room - c->len < READ_STEP) {
		c->room = c->room * 2 + READ_STEP;
		c->buffer = realloc(c->buffer, c->room);
		if (!c->buffer)
			abort();
	}
	*out = uv_buf_init(c->buffer + c->len, (unsigned)(c->room - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (got < 0) {
		client_close(c);
		return;
	}
	c->len += (size_t)got;
	client_go_on(c);
}

static void drop_empty_buffer(struct client *c)
{
	if (c->start < c->len)
		return;
	free(c->buffer);
	c->buffer = NULL;
	c->start = c->scanned = c->len = c->room = 0;
}

/* Takes the next whole line. Gives NULL when there is none. */
static const char *client_next_line(struct client *c, size_t *len)
{
	const char *end = c->len > c->scanned ? memchr(c->buffer + c->scanned, '\n',
	                                               c->len - c->scanned)
	                                      : NULL;

	if (!end) {
		c->scanned = c->len;
		return NULL;
	}
	const char *line = c->buffer + c->start;
	*len = (size_t)(end - line);
	c->start += *len + 1;
	c->scanned = c->start;
	return line;
}

/* Runs the next command, or waits for it to arrive. */
static void client_go_on(struct client *c)
{
	size_t len = 0;
	const char *line = NULL;

	do
		line = client_next_line(c, &len);
	while (line && is_blank(line, len));

	if (line ? len > c->server->limits.line
	         : c->len - c->start > c->server->limits.line) {
		(void)uv_read_stop((uv_stream_t *)&c->pipe);
		c->ends = true;
		client_respond_error(c, ENGINE_USAGE, "the command is too long");
		return;
	}
	if (line) {
		(void)uv_read_stop((uv_stream_t *)&c->pipe);
		client_run_line(c, line, len);
		return;
	}
	drop_empty_buffer(c);
	int err = uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	if (err < 0 && err != UV_EALREADY)
		client_close(c);
}

/* Who may open the socket may everything: its mode and its directory say who. The kernel says under
 * which name that one's changes are logged. */
static struct actor *actor_of_peer(int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof peer;
	char name[ACTOR_NAME_SIZE];

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	(void)snprintf(name, sizeof name, peer.uid == 0 ? "uid %u (root)" : "uid %u",
	               (unsigned)peer.uid);
	struct actor *a = actor_new(ACTOR_SOCKET, ROLE_ADMIN, name);
	a->uid = peer.uid;
	a->pid = (uint32_t)peer.pid;
	return a;
}

static void admit(void *server, int fd, const struct sockaddr_storage *address,
                  socklen_t len)
{
	struct ctl_server *s = server;
	struct client *c = calloc(1, sizeof *c);

	(void)address;
	(void)len;
	if (!c)
		abort();
	c->server = s;
	s->references++;
	s->client_count++;
	c->link = &s->clients;
	c->next = s->clients;
	if (c->next)
		c->next->link = &c->next;
	s->clients = c;
	c->handles = 2;
	(void)uv_pipe_init(s->loop, &c->pipe, 0);
	(void)uv_timer_init(s->loop, &c->timer);
	c->pipe.data = c;
	c->timer.data = c;
	c->actor = actor_of_peer(fd);
	if (uv_pipe_open(&c->pipe, fd) < 0) {
		(void)close(fd);
		client_close(c);
	} else if (s->client_count > s->limits.clients) {
		c->ends = true;
		client_respond_error(c, ENGINE_REFUSED, "too many clients");
	} else {
		client_go_on(c);
	}
}

/* ---- the server ---- */

static void on_accepting_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

void ctl_server_close(struct ctl_server **server)
{
	struct ctl_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	unix_socket_remove(&s->file);
	while (s->clients)
		client_close(s->clients);
	accepting_stop(&s->accepting, on_accepting_closed, s);
}

void ctl_server_limit(struct ctl_server *s, const struct ctl_limits *limits)
{
	s->limits = *limits;
}

int ctl_server_open(uv_loop_t *loop, const char *path, struct engine *engine,
                    struct ctl_server **out, char *text, size_t text_size)
{
	struct unix_socket file;
	int fd = -1;

	TRY(unix_socket_bind(path, &file, &fd, text, text_size));
	/* libuv writes to pipes with writev(): a client that hangs up must not end the process. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (listen(fd, BACKLOG) < 0) {
		(void)snprintf(text, text_size, "%s: %s", path, strerror(errno));
		unix_socket_remove(&file);
		(void)close(fd);
		return ERR_SYSTEM;
	}
	struct ctl_server *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	*s = (struct ctl_server){
		.loop = loop,
		.engine = engine,
		.limits = {CLIENTS_MAX, LINE_MAX_BYTES, WRITE_TIMEOUT_MS},
		.references = 2,
		.file = file,
	};
	s->accepting = (struct accepting){.fd = fd, .take = admit, .arg = s};
	if (accepting_open(&s->accepting, loop) < 0)
		abort();
	accepting_start(&s->accepting);
	*out = s;
	return 0;
}
