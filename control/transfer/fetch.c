#include "control/transfer/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/net/stream.h"
#include "control/transfer/connect.h"
#include "control/zone/arena.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	BLOCK = 1 << 20,  /* octets of messages that are read at once */
	LOOK_MS = 1000,   /* how often the clock is looked at */
	QUIET_MS = 30000, /* the primary may be silent for so long */
};

/* Messages, each behind two octets of its length in the host's order. */
struct block {
	uint8_t *bytes;
	size_t size, room;
};

struct fetch {
	fetch_done *done; /* NULL: dropped */
	void *arg;
	struct stream *stream; /* NULL: it has ended */
	uv_timer_t timer;
	uv_work_t work;
	bool working, timer_closed;
	uint64_t began_ms, heard_ms;
	unsigned timeout_ms;
	struct question question;
	struct block filling;
	int end_err; /* how the stream has ended */
	char end_why[128];
	/* The pool's while it is working. */
	struct block reading;
	struct transfer_reader *reader;
	int err;
	bool ended; /* the answer has */
};

/* ---- ending ---- */

static void free_if_over(struct fetch *f)
{
	if (f->done || f->working || !f->timer_closed)
		return;
	tsig_end(&f->question.tsig);
	transfer_reader_free(f->reader);
	free(f->filling.bytes);
	free(f->reading.bytes);
	free(f);
}

static void timer_closed(uv_handle_t *h)
{
	struct fetch *f = h->data;

	f->timer_closed = true;
	free_if_over(f);
}

void fetch_drop(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	*fetch = NULL;
	f->done = NULL;
	stream_drop(&f->stream);
	if (!uv_is_closing((uv_handle_t *)&f->timer))
		uv_close((uv_handle_t *)&f->timer, timer_closed);
}

static void tell(struct fetch *f, const struct fetch_result *r)
{
	fetch_done *done = f->done;

	uv_timer_stop(&f->timer);
	stream_drop(&f->stream);
	if (done)
		done(f->arg, r);
}

static void fail(struct fetch *f, int err, const char *why)
{
	tell(f, &(struct fetch_result){.err = err, .why = why});
}

/* ---- on the pool ---- */

static int read_message(struct fetch *f, uint8_t *bytes, uint16_t len)
{
	struct tsig_exchange *x = &f->question.tsig;

	TRY(tsig_take_reply(x, bytes, &len, (uint64_t)time(NULL)));
	TRY(transfer_take(f->reader, bytes, len, &f->ended));
	if (!f->ended)
		return 0;
	if (!tsig_is_settled(x))
		return ERR_DENIED;
	return transfer_end(f->reader);
}

static void read_block(uv_work_t *work)
{
	struct fetch *f = work->data;
	uint16_t len;

	for (size_t at = 0; at < f->reading.size && f->err == 0; at += len) {
		memcpy(&len, f->reading.bytes + at, sizeof len);
		at += sizeof len;
		if (f->ended) /* the reader says what is wrong with that */
			f->err = transfer_take(f->reader, f->reading.bytes + at, len,
			                       &f->ended);
		else
			f->err = read_message(f, f->reading.bytes + at, len);
	}
}

/* ---- on the loop ---- */

static void tell_end(struct fetch *f)
{
	const struct transfer_problem problem = transfer_problem(f->reader);
	struct fetch_result r = {.err = f->err, .reader = f->reader};

	if (f->err == ERR_DENIED) {
		r.why = f->question.tsig.error
		                ? tsig_error_text(f->question.tsig.error)
		                : "the answer is not signed as it should be";
	} else if (f->err < 0) {
		r.rule = problem.rule;
		r.why = problem.text ? problem.text : err_text(f->err);
	}
	tell(f, &r);
}

static void begin_reading(struct fetch *f);

static void block_read(uv_work_t *work, int status)
{
	struct fetch *f = work->data;

	(void)status;
	f->working = false;
	if (!f->done)
		free_if_over(f);
	else if (f->err < 0 || f->ended)
		tell_end(f);
	else if (f->filling.size)
		begin_reading(f);
	else if (!f->stream)
		fail(f, f->end_err ? f->end_err : ERR_GONE, f->end_why);
}

static void begin_reading(struct fetch *f)
{
	struct block b = f->reading;

	f->reading = f->filling;
	f->filling = b;
	f->filling.size = 0;
	f->work.data = f;
	f->working = true;
	if (f->stream)
		stream_read(f->stream, true);
	if (uv_queue_work(f->timer.loop, &f->work, read_block, block_read) == 0)
		return;
	f->working = false;
	fail(f, ERR_SYSTEM, "no thread to read with");
}

static void took(void *arg, struct stream *s, const uint8_t *message, uint16_t len)
{
	struct fetch *f = arg;
	struct block *b = &f->filling;
	size_t wanted = b->size + sizeof len + len;

	f->heard_ms = clock_now_ms();
	if (b->room < wanted) {
		b->room = wanted < BLOCK / 16 ? BLOCK / 16 : wanted * 2;
		b->bytes = memory_resize(b->bytes, b->room);
	}
	memcpy(b->bytes + b->size, &len, sizeof len);
	memcpy(b->bytes + b->size + sizeof len, message, len);
	b->size = wanted;
	if (b->size >= BLOCK)
		stream_read(s, false);
}

static void gathered(void *arg, struct stream *s)
{
	struct fetch *f = arg;

	(void)s;
	if (!f->working && f->filling.size)
		begin_reading(f);
}

static void ended(void *arg, struct stream *s, int err, const char *why)
{
	struct fetch *f = arg;

	(void)s;
	f->stream = NULL;
	f->end_err = err;
	snprintf(f->end_why, sizeof f->end_why, "%s",
	         why && why[0] ? why : "the primary has closed the connection");
	if (!f->working && f->filling.size)
		begin_reading(f);
	else if (!f->working)
		fail(f, err ? err : ERR_GONE, f->end_why);
}

static void up(void *arg, struct stream *s)
{
	struct fetch *f = arg;
	const char *trouble = transfer_stream_trouble(s);

	f->heard_ms = clock_now_ms();
	if (trouble)
		fail(f, ERR_REFUSED, trouble);
	else if (stream_send(s, f->question.bytes, f->question.len) < 0)
		fail(f, ERR_GONE, "the question was not taken");
}

static void look_at_clock(uv_timer_t *timer)
{
	struct fetch *f = timer->data;
	uint64_t now = clock_now_ms();

	if (f->timeout_ms && now - f->began_ms > f->timeout_ms)
		fail(f, ERR_TIMEOUT, "the transfer takes too long");
	else if (now - f->heard_ms > QUIET_MS && !f->working)
		fail(f, ERR_TIMEOUT, "the primary is silent");
}

static struct transfer_reader *new_reader(const struct fetch_wanted *w,
                                          const struct question *q)
{
	const struct transfer_asked asked = {
		.zone = w->view->name,
		.id = q->id,
		.type = w->type,
		.have_serial = w->view->serial,
		.limits = w->view->limits,
		.zonemd_check = w->view->zonemd_check,
	};

	return transfer_reader_new(&asked);
}

static int ask(struct fetch *f, const struct transfer_parts *p,
               const struct fetch_wanted *w)
{
	const struct stream_owner owner = {
		.took = took, .gathered = gathered, .up = up, .ended = ended, .arg = f};

	struct question_wanted question = {
		.name = w->view->name, .type = w->type, .expire = true};

	if (w->type == RRTYPE_IXFR) {
		question.soa = w->view->soa;
		question.soa_len = w->view->soa_len;
	}
	TRY(question_make(&question, w->source, p->keyring, &f->question));
	return transfer_connect(p, w->source, &owner, &f->stream);
}

int fetch_begin(const struct transfer_parts *p, const struct fetch_wanted *wanted,
                fetch_done *done, void *arg, struct fetch **out)
{
	struct fetch *f = memory_get(sizeof *f);

	memset(f, 0, sizeof *f);
	int err = ask(f, p, wanted);
	if (err < 0) {
		tsig_end(&f->question.tsig);
		free(f);
		return err;
	}
	f->done = done;
	f->arg = arg;
	f->timeout_ms = wanted->view->timeout_ms;
	f->reader = new_reader(wanted, &f->question);
	f->began_ms = f->heard_ms = clock_now_ms();
	(void)uv_timer_init(p->loop, &f->timer);
	f->timer.data = f;
	(void)uv_timer_start(&f->timer, look_at_clock, LOOK_MS, LOOK_MS);
	*out = f;
	return 0;
}
