#include "control/qlog/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/log.h"

enum { ROUND_MS = 20, FILE_MODE = 0640 };

struct qlog_reader {
	const struct config *config;
	struct publisher *publisher;
	struct qlog_ring *own;
	pthread_t thread;
	atomic_bool stop;
	FILE *to;     /* of the present round; NULL: nothing to write yet */
	bool refused; /* the file could not be opened or written: it was said */
};

static FILE *open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
	              FILE_MODE);

	if (fd < 0)
		return NULL;
	FILE *f = fdopen(fd, "a");
	if (!f)
		abort();
	return f;
}

static void complain(struct qlog_reader *r)
{
	if (!r->refused)
		log_error("query log %s: %s", r->config->query_log_file, strerror(errno));
	r->refused = true;
}

/* What cannot be written is lost, as with a full ring: workers wait for nothing. */
static void write_record(struct qlog_reader *r, const struct qlog_record *record,
                         const char *source)
{
	if (!r->to && !(r->to = open_file(r->config->query_log_file))) {
		complain(r);
		return;
	}
	(void)qlog_write(record, source, r->to);
}

/* One round takes no more from a ring than it holds, or a fast worker would keep it for ever. */
static void drain(struct qlog_reader *r, struct qlog_ring *ring, const char *source)
{
	struct qlog_record record;

	atomic_store_explicit(&ring->every, r->config->query_log_sample,
	                      memory_order_relaxed);
	for (unsigned i = 0; i < QLOG_RECORDS && qlog_take(ring, &record); i++)
		write_record(r, &record, source);
}

static void end_round(struct qlog_reader *r)
{
	if (!r->to)
		return;
	if (fclose(r->to) != 0)
		complain(r);
	else
		r->refused = false;
	r->to = NULL;
}

static void run_round(struct qlog_reader *r)
{
	struct publisher_rings rings;
	char source[32];

	drain(r, r->own, "control");
	publisher_rings(r->publisher, &rings);
	for (unsigned slot = 0; slot < ATTACHMENTS_MAX; slot++)
		for (unsigned w = 0; w < rings.workers; w++) {
			(void)snprintf(source, sizeof source, "%u/%u", slot, w);
			drain(r, &rings.of[slot][w], source);
		}
	end_round(r);
}

static void *reader_thread(void *arg)
{
	const struct timespec pause = {.tv_nsec = ROUND_MS * 1000000L};
	struct qlog_reader *r = arg;

	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		run_round(r);
		(void)nanosleep(&pause, NULL);
	}
	run_round(r);
	return NULL;
}

int qlog_reader_open(const struct config *config, struct publisher *p,
                     struct qlog_ring *own, struct qlog_reader **out, char *text,
                     size_t text_size)
{
	*out = NULL;
	if (config->query_log_sample == 0)
		return 0;
	struct qlog_reader *r = calloc(1, sizeof *r);
	FILE *f = open_file(config->query_log_file);
	if (!r || !f) {
		(void)snprintf(text, text_size, "query log %s: %s",
		               config->query_log_file, strerror(errno));
		free(r);
		return ERR_SYSTEM;
	}
	(void)fclose(f);
	r->config = config;
	r->publisher = p;
	r->own = own;
	if (pthread_create(&r->thread, NULL, reader_thread, r) != 0)
		abort();
	*out = r;
	return 0;
}

void qlog_reader_close(struct qlog_reader **rp)
{
	struct qlog_reader *r = *rp;

	if (!r)
		return;
	atomic_store_explicit(&r->stop, true, memory_order_relaxed);
	pthread_join(r->thread, NULL);
	free(r);
	*rp = NULL;
}
