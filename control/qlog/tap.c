#include "control/qlog/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <fstrm.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/must.h"
#include "control/write_all.h"
#include "shared/log.h"

enum { PATIENCE_S = 2, FILE_MODE = 0640 };

/* Frames that wait; the writer is woken when half of that room is taken, or after a second. A try to
 * connect can take all the patience, and what has come meanwhile is thrown away between two. */
enum { QUEUE_LEN = 8192, REOPEN_S = 2 * PATIENCE_S };

static const char content_type[] = "protobuf:dnstap.Dnstap";

struct tap {
	enum tap_kind kind;
	char *path;
	struct tap_figures *figures;
	struct fstrm_iothr *iothr;
	struct fstrm_iothr_queue *queue;
	/* The thread's that writes. */
	int fd;            /* -1: none */
	unsigned greeting; /* writes until the other side takes frames */
	bool complained;
	bool ended; /* of a file: it could not be written */
};

static void complain(struct tap *t)
{
	if (!t->complained)
		log_error("dnstap %s: %s", t->path, strerror(errno));
	t->complained = true;
}

static void set_connected(struct tap *t, bool connected)
{
	atomic_store_explicit(&t->figures->connected, connected, memory_order_relaxed);
}

/* ---- a transport for libfstrm: its own waits for ever on who does not read ---- */

static void hang_up(struct tap *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
	set_connected(t, false);
}

static int connect_socket(const char *path)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int open_file(const char *path)
{
	char *aside = NULL;

	if (asprintf(&aside, "%s.old", path) < 0)
		abort();
	int err = rename(path, aside);
	free(aside);
	if (err < 0 && errno != ENOENT)
		return -1;
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, FILE_MODE);
}

static fstrm_res do_open(void *arg)
{
	struct tap *t = arg;

	hang_up(t);
	if (t->ended)
		return fstrm_res_failure;
	t->fd = t->kind == TAP_SOCKET ? connect_socket(t->path) : open_file(t->path);
	t->ended = t->kind == TAP_FILE;
	t->greeting = t->kind == TAP_SOCKET ? 2 : 1; /* READY and START, or START */
	if (t->fd >= 0)
		return fstrm_res_success;
	complain(t);
	return fstrm_res_failure;
}

static fstrm_res do_close(void *arg)
{
	hang_up(arg);
	return fstrm_res_success;
}

static fstrm_res do_read(void *arg, void *data, size_t count)
{
	struct tap *t = arg;
	uint8_t *at = data;

	while (count > 0) {
		ssize_t n = t->fd < 0 ? -1 : read(t->fd, at, count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = ECONNRESET;
			complain(t);
			hang_up(t);
			return fstrm_res_failure;
		}
		at += n;
		count -= (size_t)n;
	}
	return fstrm_res_success;
}

static bool write_pieces(int fd, const struct iovec *iov, int count)
{
	while (count > 0) {
		ssize_t n = writev(fd, iov, count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		size_t done = (size_t)n;
		for (; count > 0 && done >= iov->iov_len; iov++, count--)
			done -= iov->iov_len;
		if (done == 0)
			continue;
		if (write_all(fd, (const uint8_t *)iov->iov_base + done,
		              iov->iov_len - done) < 0)
			return false;
		iov++;
		count--;
	}
	return true;
}

static fstrm_res do_write(void *arg, const struct iovec *iov, int count)
{
	struct tap *t = arg;

	if (t->fd < 0)
		return fstrm_res_failure;
	if (!write_pieces(t->fd, iov, count)) {
		complain(t);
		hang_up(t);
		return fstrm_res_failure;
	}
	if (t->greeting > 0 && --t->greeting == 0) {
		log_info("dnstap %s: begins", t->path);
		t->complained = false;
		set_connected(t, true);
	}
	return fstrm_res_success;
}

static struct fstrm_writer *make_writer(struct tap *t)
{
	struct fstrm_writer_options *options = must(fstrm_writer_options_init());
	struct fstrm_rdwr *transport = must(fstrm_rdwr_init(t));

	fstrm_rdwr_set_open(transport, do_open);
	fstrm_rdwr_set_close(transport, do_close);
	fstrm_rdwr_set_write(transport, do_write);
	if (t->kind == TAP_SOCKET) /* a file does not answer */
		fstrm_rdwr_set_read(transport, do_read);
	if (fstrm_writer_options_add_content_type(
		    options, content_type, sizeof content_type - 1) != fstrm_res_success)
		abort();
	struct fstrm_writer *writer = must(fstrm_writer_init(options, &transport));
	fstrm_writer_options_destroy(&options);
	return writer;
}

/* ---- the queue ---- */

static void start(struct tap *t)
{
	struct fstrm_iothr_options *options = must(fstrm_iothr_options_init());
	struct fstrm_writer *writer = make_writer(t);

	if (fstrm_iothr_options_set_input_queue_size(options, QUEUE_LEN) !=
	            fstrm_res_success ||
	    fstrm_iothr_options_set_queue_notify_threshold(options, QUEUE_LEN / 2) !=
	            fstrm_res_success ||
	    fstrm_iothr_options_set_reopen_interval(options, REOPEN_S) !=
	            fstrm_res_success)
		abort();
	t->iothr = must(fstrm_iothr_init(options, &writer));
	t->queue = must(fstrm_iothr_get_input_queue(t->iothr));
	fstrm_iothr_options_destroy(&options);
}

struct tap *tap_open(enum tap_kind kind, const char *path, struct tap_figures *figures)
{
	struct tap *t = must(calloc(1, sizeof *t));

	t->kind = kind;
	t->figures = figures;
	t->fd = -1;
	must_set_text(&t->path, path);
	start(t);
	return t;
}

/* libfstrm frees what it has written and what it throws away alike: after a failed write, or without
 * a connection, there is none any more. */
static void frame_done(void *frame, void *arg)
{
	struct tap_figures *f = arg;
	bool sent = atomic_load_explicit(&f->connected, memory_order_relaxed);

	atomic_fetch_add_explicit(sent ? &f->sent : &f->lost, 1, memory_order_relaxed);
	free(frame);
}

void tap_send(struct tap *t, const uint8_t *frame, size_t len)
{
	void *copy = must(malloc(len));

	memcpy(copy, frame, len);
	if (fstrm_iothr_submit(t->iothr, t->queue, copy, len, frame_done, t->figures) ==
	    fstrm_res_success)
		return;
	atomic_fetch_add_explicit(&t->figures->lost, 1, memory_order_relaxed);
	free(copy);
}

void tap_close(struct tap **tp)
{
	struct tap *t = *tp;

	if (!t)
		return;
	fstrm_iothr_destroy(&t->iothr);
	free(t->path);
	free(t);
	*tp = NULL;
}
