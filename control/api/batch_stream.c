/*
 * A line's way: collected on the loop (lines.c); read into a change on the pool, so many lines at a
 * time and not before those before them have gone on; handed to the engine as long as not too much
 * is under way; answered when all before it have been.
 *
 * What is under way is bounded at each step, and the client is not read from while the steps are
 * full: lines are read only when all lines before them are with the engine, which has
 * RECORDS_UNDER_WAY at most: others' changes wait behind these.
 *
 * When the client goes, what is with the engine is done, and what is not is dropped: a line whose
 * answer never came has been done as a whole or not at all.
 */
#include "control/api/batch_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/api/lines.h"
#include "control/api/transaction.h"
#include "control/api/zone_json.h"
#include "control/http/json.h"
#include "control/http/stream.h"
#include "control/must.h"
#include "control/zone/arena.h"
#include "shared/clock.h"
#include "shared/err.h"

enum {
	STREAMS_MAX = 8,
	RECORDS_UNDER_WAY = 20000,
	LINES_UNDER_WAY = 2000,
	INPUT_MAX = 128 << 10,
};

enum item_state { ITEM_READ, ITEM_UNDER_WAY, ITEM_DONE };

/* A line. */
struct item {
	struct item *next;
	struct batch *batch;
	uint64_t line;
	size_t records;
	struct change *change; /* until the engine has it; NULL when there is a fault */
	enum item_state state;
	bool refused;
	bool dropped; /* not done, since one before it was refused: it gets no answer */
	char *answer; /* when it is done */
	size_t size;
};

struct items {
	struct item *first;
	struct item **last;
};

struct batch {
	struct api *api;
	struct http_request *request;
	struct actor *actor;
	bool trial, waits, stops; /* as the query says */
	struct change_chain chain;
	uint64_t links;

	struct lines lines; /* collected */
	uint64_t line;      /* of the block's first */
	/* The pool's while it reads. */
	char *block;
	size_t block_size;
	const char *at; /* what of the block has not been read */
	struct items read;

	struct items items; /* in order, from the first that is not answered */
	struct item *next;  /* the first that is not with the engine, or NULL */
	size_t under_way;   /* lines with the engine */
	size_t records;     /* of these */
	bool reading;       /* the pool is */
	bool ended;         /* the body has */
	bool gone;          /* the client has */
	bool stopped;       /* nothing more is begun */
	bool silent;        /* a line was refused, and those after it get no answer */
	bool turning;       /* in turn() */
	bool concluding; /* all is done but the wait for visibility and the last line */

	uint64_t began; /* ns, as the next */
	uint64_t committed;
	uint64_t done, refused, changed; /* lines */
	uint64_t last_change;
	uint64_t generation, grace; /* of the last one that was done */
	int failed;                 /* what ended it, or 0 */
	double visible_ms;          /* < 0: nobody knows */
};

/* ---- lists of lines ---- */

static void items_init(struct items *l)
{
	*l = (struct items){.last = &l->first};
}

static struct item *items_add(struct items *l)
{
	struct item *i = memory_get(sizeof *i);

	*i = (struct item){0};
	*l->last = i;
	l->last = &i->next;
	return i;
}

static void items_move(struct items *to, struct items *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	items_init(from);
}

static void items_drop_first(struct items *l)
{
	struct item *i = l->first;

	l->first = i->next;
	if (!l->first)
		l->last = &l->first;
	change_free(&i->change);
	free(i->answer);
	free(i);
}

/* ---- reading, on the pool ---- */

static void write_error(FILE *to, const struct api_fault *f)
{
	(void)fputs("\"error\": ", to);
	zone_json_text(to, f->text ? f->text : http_status_text(f->status));
}

static void answer_fault(struct item *i, struct api_fault *f)
{
	FILE *to = must_open_text(&i->answer, &i->size);

	(void)putc('{', to);
	write_error(to, f);
	if (f->field) {
		(void)fputs(", \"field\": ", to);
		zone_json_text(to, f->field);
	}
	(void)fprintf(to, ", \"line\": %" PRIu64 ", \"status\": %u", i->line, f->status);
	if (f->zone) {
		(void)fputs(", \"zone\": ", to);
		zone_json_text(to, f->zone);
	}
	(void)fputs("}\n", to);
	must_close_text(to);
	i->refused = true;
	i->state = ITEM_DONE;
	api_fault_fini(f);
}

static struct change *change_for(const struct batch *b)
{
	struct change *c = change_new(b->actor);

	c->why = change_text(c, TRANSACTION_WHY);
	c->dry_run = b->trial;
	return c;
}

static void read_transaction(struct batch *b, struct store_txn *t, const json_t *object,
                             struct item *i, struct api_fault *f)
{
	i->change = change_for(b);
	int err = transaction_read(t, object, i->change, f);
	if (err < 0) {
		(void)api_refuse_for(f, err);
		change_free(&i->change);
		return;
	}
	for (size_t z = 0; z < i->change->zone_count; z++)
		i->records += i->change->zones[z].edit_count;
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static void read_line(struct batch *b, struct store_txn *t, const char *line, size_t len)
{
	struct api_fault f = {0};
	char text[256];
	json_t *object = NULL;

	if (is_blank(line, len))
		return;
	struct item *i = items_add(&b->read);
	i->batch = b;
	i->line = b->line;
	if (len > b->lines.most)
		(void)api_refuse(&f, 413, "the line has more than %zu octets",
		                 b->lines.most);
	else if (!(object = http_json_read_line(line, len, text, sizeof text)))
		(void)api_refuse(&f, 400, "%s", text);
	else
		read_transaction(b, t, object, i, &f);
	json_decref(object);
	if (f.status)
		answer_fault(i, &f);
}

static int read_block(struct store_txn *t, void *arg)
{
	struct batch *b = arg;
	const char *end = b->block + b->block_size;

	for (unsigned i = 0; b->at < end && i < LINES_UNDER_WAY; i++) {
		const char *line = b->at;
		size_t len = lines_next(&b->at, end);
		b->line++;
		read_line(b, t, line, len);
	}
	return 0;
}

/* ---- turns ---- */

static void turn(struct batch *b);

static void on_read(void *arg, int err)
{
	struct batch *b = arg;

	if (b->at == b->block + b->block_size) {
		free(b->block);
		b->block = NULL;
	}
	b->reading = false;
	if (err < 0) {
		b->failed = err;
		b->stopped = true;
	}
	b->next = b->read.first;
	items_move(&b->items, &b->read);
	turn(b);
}

static void start_reading(struct batch *b)
{
	if (b->reading || b->next || b->stopped || b->gone)
		return;
	if (!b->block)
		b->at = b->block = lines_take(&b->lines, &b->block_size);
	if (!b->block)
		return;
	b->reading = true;
	engine_read(b->api->engine, read_block, on_read, b);
}

static void answer_done(struct item *i, const struct change_result *r)
{
	FILE *to = must_open_text(&i->answer, &i->size);

	if (r->seq)
		(void)fprintf(to, "{\"change\": %" PRIu64 ", ", r->seq);
	else
		(void)fputs("{\"change\": null, ", to);
	if (i->batch->trial)
		(void)fputs("\"dry_run\": true, ", to);
	(void)fprintf(to, "\"line\": %" PRIu64 ", \"status\": 200, \"zones\": ", i->line);
	transaction_write_zones(to, r);
	(void)fputs("}\n", to);
	must_close_text(to);
	i->state = ITEM_DONE;
}

static void note(struct batch *b, const struct change_result *r)
{
	b->done++;
	b->generation = r->generation;
	b->grace = r->grace;
	b->committed = clock_now_ns();
	if (!r->seq)
		return;
	b->changed++;
	b->last_change = r->seq;
}

static void on_changed(void *arg, const struct change *change,
                       const struct change_result *r)
{
	struct item *i = arg;
	struct batch *b = i->batch;
	struct api_fault f = {0};

	b->under_way--;
	b->records -= i->records;
	if (r->err == 0) {
		note(b, r);
		answer_done(i, r);
	} else if (r->err == ERR_SKIPPED) {
		i->dropped = true;
		i->state = ITEM_DONE;
	} else {
		transaction_refuse(change, r, &f);
		answer_fault(i, &f);
		b->stopped |= b->stops;
	}
	turn(b);
}

static void submit(struct batch *b)
{
	while (b->next && !b->gone && !b->stopped) {
		struct item *i = b->next;
		if (b->under_way && (b->records + i->records > RECORDS_UNDER_WAY ||
		                     b->under_way == LINES_UNDER_WAY))
			return;
		b->next = i->next;
		b->links++;
		if (i->state == ITEM_DONE) {
			b->stopped = b->stops; /* for those after it */
			continue;
		}
		i->state = ITEM_UNDER_WAY;
		i->change->chain = b->stops ? &b->chain : NULL;
		i->change->link = b->links;
		b->under_way++;
		b->records += i->records;
		engine_change(b->api->engine, &i->change, on_changed, i);
	}
}

/* Counts an answer and says whether it is to be written. */
static bool count_answer(struct batch *b, const struct item *i)
{
	if (b->silent || i->dropped)
		return false;
	b->refused += i->refused;
	b->silent = i->refused && b->stops;
	return true;
}

static void write_answers(struct batch *b)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = must_open_text(&text, &size);

	while (b->items.first && b->items.first != b->next &&
	       b->items.first->state == ITEM_DONE) {
		const struct item *i = b->items.first;
		if (count_answer(b, i))
			(void)fwrite(i->answer, 1, i->size, to);
		items_drop_first(&b->items);
	}
	must_close_text(to);
	http_stream_write(b->request, text, size);
	free(text);
}

/* ---- the end ---- */

static void batch_free(struct batch *b)
{
	struct api *a = b->api;

	while (b->items.first)
		items_drop_first(&b->items);
	free(b->block);
	lines_fini(&b->lines);
	actor_release(&b->actor);
	free(b);
	a->streams--;
	api_leave(a);
}

static void write_number(FILE *to, const char *before, uint64_t number)
{
	if (number)
		(void)fprintf(to, "%s%" PRIu64, before, number);
	else
		(void)fprintf(to, "%snull", before);
}

static void write_summary(struct batch *b)
{
	struct api_fault f = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *to = must_open_text(&text, &size);

	if (b->failed)
		(void)api_refuse_for(&f, b->failed);
	(void)fprintf(to, "{\"changed\": %" PRIu64 ", \"done\": %" PRIu64, b->changed,
	              b->done);
	if (f.status) {
		(void)fputs(", ", to);
		write_error(to, &f);
	}
	write_number(to, ", \"generation\": ", b->generation);
	write_number(to, ", \"last_change\": ", b->last_change);
	(void)fprintf(to,
	              ", \"lines\": %" PRIu64 ", \"ms\": %.3f, \"refused\": %" PRIu64
	              ", \"status\": %u, \"stopped\": %s, \"summary\": true",
	              b->line, (double)(clock_now_ns() - b->began) / 1e6, b->refused,
	              f.status ? f.status : 200, b->stopped ? "true" : "false");
	if (b->visible_ms >= 0)
		(void)fprintf(to, ", \"visible_ms\": %.3f", b->visible_ms);
	(void)fputs("}\n", to);
	must_close_text(to);
	http_stream_write(b->request, text, size);
	free(text);
	api_fault_fini(&f);
}

static void finish(struct batch *b)
{
	write_summary(b);
	http_stream_end(b->request);
	batch_free(b);
}

static void on_visible(void *arg, int err)
{
	struct batch *b = arg;

	if (err < 0)
		b->failed = err;
	else
		b->visible_ms = (double)(clock_now_ns() - b->committed) / 1e6;
	finish(b);
}

static void conclude(struct batch *b)
{
	b->concluding = true;
	if (b->waits && b->done && !b->gone)
		publisher_when_visible(b->api->publisher, b->grace, CALL_VISIBLE_MS,
		                       on_visible, b);
	else
		finish(b);
}

static bool is_over(const struct batch *b)
{
	if (b->concluding || b->reading || b->under_way)
		return false;
	return b->gone || b->stopped ||
	       (b->ended && !b->next && !b->block && !b->lines.len);
}

/* Does what can be done now. Whatever happens ends here. */
static void turn(struct batch *b)
{
	if (b->turning)
		return;
	b->turning = true;
	submit(b);
	write_answers(b);
	start_reading(b);
	http_stream_pause(b->request, b->lines.whole && b->lines.len >= INPUT_MAX);
	b->turning = false;
	if (is_over(b))
		conclude(b);
}

/* ---- the connection ---- */

static bool on_piece(void *arg, const char *octets, size_t len)
{
	struct batch *b = arg;

	if (b->stopped)
		return false;
	bool whole = lines_add(&b->lines, octets, len);
	turn(b);
	return whole;
}

static void on_end(void *arg)
{
	struct batch *b = arg;

	b->ended = true;
	lines_end(&b->lines);
	turn(b);
}

static void on_gone(void *arg)
{
	struct batch *b = arg;

	b->gone = true;
	turn(b);
}

/* ---- the beginning ---- */

/* "served" is what requests of a single change call it. */
static bool read_wait(const struct http_request *r, bool *waits)
{
	const char *wait = target_parameter(&r->target, "wait");

	*waits = wait && (strcmp(wait, "visible") == 0 || strcmp(wait, "served") == 0);
	return !wait || *waits || strcmp(wait, "stored") == 0;
}

void batch_stream_begin(struct api *a, struct http_request *r)
{
	static const struct http_sink sink = {on_piece, on_end, on_gone};
	struct batch *b;
	bool waits = false;

	if (!read_wait(r, &waits)) {
		http_reply_error(r, 422, "'wait' is stored, visible or served");
		return;
	}
	if (a->streams == STREAMS_MAX) {
		http_set_header(r, "Retry-After", "5");
		http_reply_error(r, 503, "Too many streams at once");
		return;
	}
	b = memory_get(sizeof *b);
	*b = (struct batch){
		.api = a,
		.request = r,
		.actor = actor_hold(r->actor),
		.trial = api_is_trial(r),
		.waits = waits,
		.stops = target_flag(&r->target, "stop-on-error"),
		.lines = {.most = a->config->api_max_body},
		.began = clock_now_ns(),
		.visible_ms = -1,
	};
	items_init(&b->items);
	items_init(&b->read);
	a->streams++;
	api_enter(a);
	http_stream(r, "application/x-ndjson", &sink, b);
}
