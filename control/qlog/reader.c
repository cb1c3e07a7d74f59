#include "control/qlog/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "control/must.h"
#include "control/qlog/dnstap.h"
#include "control/qlog/figures.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rcu.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

enum { ROUND_MS = 20, FILE_MODE = 0640 };

struct qlog_reader {
	struct publisher *publisher;
	const struct table_source *table;
	struct tap *taps[2]; /* NULL: not wanted */
	struct dnstap_sender sender;
	char *identity; /* the sender's */
	pthread_t thread;
	pthread_mutex_t lock; /* of what is wanted, up to stop */
	pthread_cond_t changed;
	unsigned wanted_sample;
	char *wanted_file;
	bool stop;
	/* The thread's: */
	unsigned sample; /* of the present round; 0: the rings have been told so, too */
	unsigned
		sample_before; /* of the round before: what is in the rings was logged by it */
	char *file;
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
		log_error("query log %s: %s", r->file, strerror(errno));
	r->refused = true;
}

/* What cannot be written is lost, as with a full ring: workers wait for nothing. */
static void write_record(struct qlog_reader *r, const struct qlog_record *record,
                         const char *source)
{
	if (!r->to && !(r->to = open_file(r->file))) {
		complain(r);
		return;
	}
	qlog_write(record, source, r->to);
}

static bool find_zone(const struct qlog_reader *r, const struct qlog_record *record,
                      uint8_t zone[static NAME_MAX_LEN])
{
	rcu_reader_online();
	const struct table *table = rcu_look(r->table->current);
	bool found = table && qlog_zone_of(table, record, zone);
	rcu_reader_offline();
	return found;
}

static void send_record(struct qlog_reader *r, const struct qlog_record *record,
                        const uint8_t *zone)
{
	uint8_t frame[DNSTAP_FRAME_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(r->taps); i++) {
		if (!r->taps[i])
			continue;
		if (len == 0)
			len = dnstap_encode(record, zone, &r->sender, frame);
		tap_send(r->taps[i], frame, len);
	}
}

static void take_record(struct qlog_reader *r, const struct qlog_record *record,
                        const char *source)
{
	uint8_t zone[NAME_MAX_LEN];

	if (!qlog_is_sound(record))
		return;
	write_record(r, record, source);
	bool found = find_zone(r, record, zone);
	if (found)
		zone_counts_add(&r->table->log_figures->zones, zone, record->rcode,
		                r->sample_before);
	send_record(r, record, found ? zone : NULL);
}

/* One round takes no more from a ring than it holds, or a fast worker would keep it for ever. */
static void drain(struct qlog_reader *r, struct qlog_ring *ring, const char *source)
{
	struct qlog_record record;

	atomic_store_explicit(&ring->every, r->sample, memory_order_relaxed);
	for (unsigned i = 0; i < QLOG_RECORDS && qlog_take(ring, &record); i++)
		take_record(r, &record, source);
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

	drain(r, r->table->log, "control");
	publisher_rings(r->publisher, &rings);
	for (unsigned slot = 0; slot < ATTACHMENTS_MAX; slot++)
		for (unsigned w = 0; w < rings.workers; w++) {
			(void)snprintf(source, sizeof source, "%u/%u", slot, w);
			drain(r, &rings.of[slot][w], source);
		}
	end_round(r);
}

/* Waits while there is nothing to be logged; takes over what is wanted. Says whether to go on. */
static bool begin_round(struct qlog_reader *r)
{
	pthread_mutex_lock(&r->lock);
	while (!r->stop && r->wanted_sample == 0 && r->sample == 0)
		pthread_cond_wait(&r->changed, &r->lock);
	r->sample_before = r->sample ? r->sample : r->wanted_sample;
	r->sample = r->wanted_sample;
	if (!r->file || strcmp(r->file, r->wanted_file) != 0) {
		must_set_text(&r->file, r->wanted_file);
		r->refused = false;
	}
	bool go_on = !r->stop;
	pthread_mutex_unlock(&r->lock);
	return go_on;
}

static void *reader_thread(void *arg)
{
	const struct timespec pause = {.tv_nsec = ROUND_MS * 1000000L};
	struct qlog_reader *r = arg;

	rcu_reader_begin();
	rcu_reader_offline();
	while (begin_round(r)) {
		run_round(r);
		(void)nanosleep(&pause, NULL);
	}
	run_round(r);
	rcu_reader_end();
	return NULL;
}

int qlog_reader_prepare(const struct config *next, char *text, size_t text_size)
{
	if (next->query_log_sample == 0)
		return 0;
	FILE *f = open_file(next->query_log_file);
	if (!f) {
		(void)snprintf(text, text_size, "query log %s: %s", next->query_log_file,
		               strerror(errno));
		return ERR_SYSTEM;
	}
	(void)fclose(f);
	return 0;
}

void qlog_reader_configure(struct qlog_reader *r, const struct config *next)
{
	pthread_mutex_lock(&r->lock);
	must_set_text(&r->wanted_file, next->query_log_file);
	r->wanted_sample = next->query_log_sample;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	zone_counts_set(&r->table->log_figures->zones, next->count_zones);
}

static void open_taps(struct qlog_reader *r, const struct config *config)
{
	struct qlog_figures *f = r->table->log_figures;

	must_set_text(&r->identity, config->id);
	r->sender.identity = r->identity;
	r->sender.version = "anser " ANSER_VERSION;
	if (config->dnstap_socket[0])
		r->taps[0] = tap_open(TAP_SOCKET, config->dnstap_socket, &f->socket);
	if (config->dnstap_file[0])
		r->taps[1] = tap_open(TAP_FILE, config->dnstap_file, &f->file);
}

int qlog_reader_open(const struct config *config, struct publisher *p,
                     const struct table_source *table, struct qlog_reader **out,
                     char *text, size_t text_size)
{
	TRY(qlog_reader_prepare(config, text, text_size));
	struct qlog_reader *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->publisher = p;
	r->table = table;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	qlog_reader_configure(r, config);
	open_taps(r, config);
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
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	for (size_t i = 0; i < ARRAY_LEN(r->taps); i++)
		tap_close(&r->taps[i]);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r->wanted_file);
	free(r->file);
	free(r->identity);
	free(r);
	*rp = NULL;
}
