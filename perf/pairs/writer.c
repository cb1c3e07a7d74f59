#include "perf/pairs/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/cli/client.h"
#include "perf/pairs/record.h"
#include "shared/clock.h"

enum { PATIENCE_MS = 60000 };

static void sleep_until(uint64_t ns)
{
	struct timespec then = {.tv_sec = (time_t)(ns / 1000000000),
	                        .tv_nsec = (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) != 0)
		;
}

static bool make_change(struct pairs_writer *w, struct client *c, uint32_t version)
{
	char command[PAIRS_EDITS_MAX], text[256] = "";
	json_t *result = NULL;

	(void)pairs_write_change(command, w->number, version);
	/* Relaxed would do between these two and the network; the pair is asker.c:judge(). */
	atomic_store_explicit(&w->begun, version, memory_order_release);
	enum engine_outcome outcome = client_exchange(
		c, command, client_now() + PATIENCE_MS, &result, text, sizeof text);
	if (outcome != ENGINE_OK) {
		(void)fprintf(stderr, "pairs: a change is not made: %s\n",
		              result ? json_string_value(json_object_get(result, "error"))
		                     : text);
		json_decref(result);
		return false;
	}
	json_decref(result);
	/* The pair is asker.c:ask(). */
	atomic_store_explicit(&w->shown, version, memory_order_release);
	return true;
}

static void work(struct pairs_writer *w, struct client *c)
{
	uint64_t interval = (uint64_t)(w->interval * 1e9);
	uint64_t due = clock_now_ns() + interval * w->number / PAIRS_WRITERS_MAX;

	for (uint32_t version = PAIRS_SLOTS;
	     version <= w->last && !w->failed &&
	     !atomic_load_explicit(w->stop, memory_order_relaxed);
	     version++) {
		sleep_until(due);
		due += interval;
		w->failed = !make_change(w, c, version);
	}
}

static void *run(void *arg)
{
	struct pairs_writer *w = arg;
	struct client *c;
	char text[256];

	w->failed = client_open(&(struct client_target){.socket = w->path},
	                        client_now() + PATIENCE_MS, &c, text,
	                        sizeof text) != ENGINE_OK;
	if (w->failed) {
		(void)fprintf(stderr, "pairs: %s\n", text);
	} else {
		work(w, c);
		client_close(&c);
	}
	atomic_store_explicit(&w->ended, true, memory_order_release);
	return NULL;
}

void pairs_writer_start(struct pairs_writer *w)
{
	atomic_init(&w->begun, PAIRS_SLOTS - 1);
	atomic_init(&w->shown, PAIRS_SLOTS - 1);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		abort();
}

void pairs_writer_join(struct pairs_writer *w)
{
	(void)pthread_join(w->thread, NULL);
}
