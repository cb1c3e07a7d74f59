#include "control/transfer/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/change.h"
#include "control/change/delta.h"
#include "control/change/digest.h"
#include "control/change/serial.h"
#include "control/engine.h"
#include "control/transfer/connect.h"
#include "control/transfer/fetch.h"
#include "control/transfer/soa_query.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rrtype.h"

enum {
	RESTARTS_MAX = 2,
	WHY_SIZE = 512,
	DIGESTED_FIRST =
		20000, /* RRsets; of more the digest takes longer than a change may */
};

/* How the digest of differences is verified. */
struct digesting {
	struct delta *delta; /* before they are committed; NULL: afterwards */
	uint64_t version;    /* what is looked at */
	struct diag diag;
};

struct check {
	const struct transfer_parts *parts;
	struct check_asked asked;
	uint8_t name[NAME_MAX_LEN];
	check_done *done; /* NULL: dropped */
	void *arg;
	bool pending; /* the engine is still to call back */
	struct secondary_view *view;
	unsigned at, tried; /* sources: the present one, and how many so far */
	unsigned restarts;
	bool whole; /* AXFR is what is left to ask for */
	uint16_t type;
	struct soa_query *query;
	struct fetch *fetch;
	struct digesting digesting;
	uint64_t fetch_began_ms; /* by clock_now_ms() */
	struct check_result result;
	bool is_committed, changed;
	char source[POLICY_ADDRESS_MAX]; /* that had the last word */
	char why[WHY_SIZE];
	char ixfr_error[WHY_SIZE];
	uint64_t
		unfit_version; /* to which differences did not fit, if it is still there; or 0 */
};

static void next_source(struct check *c);
static int begin_fetch(struct check *c);
static void look(struct check *c);
static void digest_committed(struct check *c, uint64_t version);

/* ---- ending ---- */

static void check_free(struct check *c)
{
	soa_query_drop(&c->query);
	fetch_drop(&c->fetch);
	secondary_view_free(c->view);
	free(c);
}

void check_drop(struct check **check)
{
	struct check *c = *check;

	if (!c)
		return;
	*check = NULL;
	c->done = NULL;
	soa_query_drop(&c->query);
	fetch_drop(&c->fetch);
	if (!c->pending)
		check_free(c);
}

static void count(const struct check *c, enum transfer_figure which, uint64_t n)
{
	figure_add(&engine_table(c->parts->engine)->transfers, which, n);
}

static const struct transfer_source *source_of(const struct check *c)
{
	return &c->view->sources[c->at];
}

static void finish(struct check *c, enum check_outcome outcome)
{
	struct check_result *r = &c->result;

	r->outcome = outcome;
	r->why = c->why;
	r->source = c->source;
	r->ixfr_error = c->ixfr_error;
	if (c->done)
		c->done(c->arg, r);
	check_free(c);
}

/* Goes on behind a source that has failed; the last one's reason is what people get to see. That a primary
 * is silent is said once, by whoever knows which are, and not for each of its zones; unless somebody has asked for
 * this one. */
static void leave_source(struct check *c, const char *why, bool is_silent)
{
	char zone[NAME_TEXT_MAX];

	snprintf(c->why, sizeof c->why, "%s: %s", source_of(c)->text, why);
	(void)name_to_text(c->name, zone);
	if (is_silent && c->asked.is_down)
		log_debug("zone %s: primary %s", zone, c->why);
	else
		log_info("zone %s: primary %s", zone, c->why);
	c->at = (c->at + 1) % c->view->source_count;
	c->tried++;
}

static void PRINTF_LIKE(2, 3) source_failed(struct check *c, const char *format, ...)
{
	char text[WHY_SIZE - POLICY_ADDRESS_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	leave_source(c, text, false);
	next_source(c);
}

static void source_is_silent(struct check *c, const char *why)
{
	c->asked.tried(c->arg, &source_of(c)->to, why);
	leave_source(c, why, true);
	next_source(c);
}

/* wrong: it came, and did not fit. */
static void ixfr_failed(struct check *c, bool wrong, const char *why)
{
	snprintf(c->ixfr_error, sizeof c->ixfr_error, "%s: %.400s", source_of(c)->text,
	         why);
	c->result.ixfr_wrong |= wrong;
}

static void begin_or_go_on(struct check *c)
{
	int err = begin_fetch(c);

	if (err == ERR_BUSY)
		finish(c, CHECK_BUSY);
	else if (err < 0)
		source_failed(c, "%s", transfer_begin_text(err));
}

/* ---- the change ---- */

static void restart_whole(struct check *c)
{
	if (c->restarts++ == RESTARTS_MAX) {
		source_failed(c, "the zone changes all the time");
		return;
	}
	c->whole = true;
	look(c);
}

static const char *problem_of(const struct change_result *r)
{
	return r->problem_count ? r->problems[0].text : err_text(r->err);
}

static void committed(void *arg, const struct change *change,
                      const struct change_result *r)
{
	struct check *c = arg;
	bool was_delta = change->zones[0].kind == ZONE_DELTA;

	c->pending = false;
	if (!c->done) {
		check_free(c);
		return;
	}
	count(c,
	      r->err < 0  ? FIGURE_IN_REFUSED
	      : was_delta ? FIGURE_IN_DIFFERENCES
	                  : FIGURE_IN_WHOLE,
	      1);
	if (r->err == 0) {
		c->result.has_contents = true;
		c->result.serial = r->zones[0].new_serial;
		c->result.whole = !was_delta;
		c->is_committed = true;
		c->changed = r->zones[0].changed;
		snprintf(c->source, sizeof c->source, "%s", source_of(c)->text);
		if (was_delta && c->view->zonemd_check &&
		    c->view->rrsets > DIGESTED_FIRST)
			digest_committed(c, r->zones[0].version);
		else
			look(c); /* at the timers of the new SOA */
	} else if (r->err == ERR_STALE || (was_delta && r->err == ERR_REFUSED)) {
		log_info("zone transfer: %s: %s; the whole zone is fetched instead",
		         source_of(c)->text, problem_of(r));
		if (r->err == ERR_REFUSED)
			ixfr_failed(c, true, problem_of(r));
		c->unfit_version = was_delta ? c->view->version : 0;
		restart_whole(c);
	} else if (r->err == ERR_NOTFOUND) {
		finish(c, CHECK_NONE);
	} else {
		source_failed(c, "%s", problem_of(r));
	}
}

/* Takes both. */
static void commit(struct check *c, struct contents *whole, struct delta *delta)
{
	struct change *change = change_new(actor_self());
	struct zone_change *z =
		change_zone(change, delta ? ZONE_DELTA : ZONE_CONTENTS, c->name);
	char why[POLICY_ADDRESS_MAX + 16];

	snprintf(why, sizeof why, "%s from %s", delta ? "IXFR" : "AXFR",
	         source_of(c)->text);
	change->why = change_text(change, why);
	z->contents = whole;
	z->delta = delta;
	z->serial = SERIAL_AS_GIVEN;
	z->if_version = c->view->version;
	c->pending = true;
	engine_change(c->parts->engine, &change, committed, c);
}

/* ---- the digest of differences ---- */

/* Says nothing of what does not fit: the commit finds that as well. */
static int digest_work(struct store_txn *t, void *arg)
{
	struct check *c = arg;
	struct digesting *d = &c->digesting;
	struct change_view view = {.txn = t};
	struct store_zone z;

	TRY(store_zone_get(t, c->name, &z));
	if (z.id != c->asked.id || z.version != d->version)
		return 0;
	struct contents_arena *arena = arena_new();
	view.zone = &z;
	int err = d->delta ? delta_view(t, &z, d->delta, arena, &view) : 0;
	if (err == 0)
		err = digest_check(&view, &d->diag);
	arena_free(arena);
	return err;
}

static bool is_mismatch(const struct digesting *d, int err)
{
	return err == ERR_REFUSED && d->diag.errors > 0;
}

static void digested_first(void *arg, int err)
{
	struct check *c = arg;
	struct digesting *d = &c->digesting;
	struct delta *delta = d->delta;
	bool mismatch = is_mismatch(d, err);

	c->pending = false;
	d->delta = NULL;
	diag_fini(&d->diag);
	if (c->done && !mismatch) {
		commit(c, NULL, delta);
		return;
	}
	delta_free(delta);
	if (!c->done) {
		check_free(c);
		return;
	}
	count(c, FIGURE_IN_REFUSED, 1);
	log_info(
		"zone transfer: %s: IXFR: the zone's digest would not be what ZONEMD says; "
		"AXFR instead",
		source_of(c)->text);
	ixfr_failed(c, true, "the zone's digest would not be what ZONEMD says");
	c->whole = true;
	begin_or_go_on(c);
}

static void digest(struct check *c, uint64_t version, void (*done)(void *arg, int err))
{
	c->digesting.version = version;
	diag_init(&c->digesting.diag);
	c->pending = true;
	engine_read(c->parts->engine, digest_work, done, c);
}

static void digested_committed(void *arg, int err)
{
	struct check *c = arg;
	char zone[NAME_TEXT_MAX];
	bool mismatch = is_mismatch(&c->digesting, err);

	c->pending = false;
	diag_fini(&c->digesting.diag);
	if (!c->done) {
		check_free(c);
	} else if (!mismatch) {
		look(c);
	} else {
		log_error(
			"zone %s: what came by IXFR from %s has not the digest that its "
			"ZONEMD says [zonemd-mismatch]; the whole zone is fetched",
			name_to_text(c->name, zone), source_of(c)->text);
		ixfr_failed(c, true, "the zone's digest is not what ZONEMD says");
		/* Whatever its serial. */
		c->asked.transfer = c->result.transfer = true;
		c->is_committed = false;
		restart_whole(c);
	}
}

static void digest_committed(struct check *c, uint64_t version)
{
	digest(c, version, digested_committed);
}

/* Takes the delta. */
static void commit_delta(struct check *c, struct delta *delta)
{
	if (!c->view->zonemd_check || c->view->rrsets > DIGESTED_FIRST) {
		commit(c, NULL, delta);
		return;
	}
	c->digesting.delta = delta;
	digest(c, c->view->version, digested_first);
}

/* ---- the transfer ---- */

/* Says whether contents of this serial are wanted. An equal one is what is there already. */
static bool is_wanted(const struct check *c, uint32_t serial)
{
	const struct secondary_view *v = c->view;

	return !v->has_contents || serial_newer(serial, v->serial) ||
	       (c->asked.transfer && (serial == v->serial || c->asked.may_fall));
}

static void take_result(struct check *c, struct transfer_reader *reader)
{
	struct contents *whole;
	struct delta *delta;
	uint32_t serial;
	enum transfer_kind kind = transfer_result(reader, &whole, &delta, &serial);

	c->result.their_serial = serial;
	c->result.has_expire = transfer_expire(reader, &c->result.expire);
	c->result.octets = transfer_octets(reader);
	c->result.records = transfer_records(reader);
	fetch_drop(&c->fetch);
	if (kind == TRANSFER_DELTA) {
		commit_delta(c, delta);
		return;
	}
	if (kind == TRANSFER_WHOLE && is_wanted(c, serial)) {
		commit(c, whole, NULL);
		return;
	}
	contents_free(whole);
	count(c, FIGURE_IN_CURRENT, 1);
	if (kind == TRANSFER_CURRENT || serial == c->view->serial)
		finish(c, CHECK_CURRENT);
	else
		source_failed(c,
		              "has the serial %" PRIu32 ", which is older than %" PRIu32,
		              serial, c->view->serial);
}

static void source_answers(struct check *c)
{
	c->asked.tried(c->arg, &source_of(c)->to, NULL);
}

/* What came of a fetch; which contents it brought counts when they are committed. */
static void count_fetched(const struct check *c, const struct fetch_result *r)
{
	bool refused = r->err == ERR_REFUSED || r->err == ERR_TOOBIG;

	count(c, FIGURE_IN_MS, clock_now_ms() - c->fetch_began_ms);
	if (r->reader)
		count(c, FIGURE_IN_OCTETS, transfer_octets(r->reader));
	if (r->err == ERR_DENIED)
		count(c, FIGURE_TSIG_ANSWERS, 1);
	if (r->err < 0)
		count(c, refused ? FIGURE_IN_REFUSED : FIGURE_IN_FAILED, 1);
}

static void fetched(void *arg, const struct fetch_result *r)
{
	struct check *c = arg;
	char why[WHY_SIZE];
	bool is_answer = r->rule && strcmp(r->rule, "transfer-rcode") == 0;

	c->asked.leave(c->arg, &source_of(c)->to);
	count_fetched(c, r);
	if (r->err == 0) {
		source_answers(c);
		take_result(c, r->reader);
		return;
	}
	bool is_silent = r->err == ERR_TIMEOUT || r->err == ERR_GONE;
	snprintf(why, sizeof why, "%s%s%s%s", r->why, r->rule ? " [" : "",
	         r->rule ? r->rule : "", r->rule ? "]" : "");
	fetch_drop(&c->fetch);
	if (is_silent) {
		source_is_silent(c, why);
		return;
	}
	source_answers(c);
	if (c->type == RRTYPE_IXFR && r->err == ERR_REFUSED) {
		log_info("zone transfer: %s: IXFR: %s; AXFR instead", source_of(c)->text,
		         why);
		ixfr_failed(c, !is_answer, why);
		c->whole = true;
		begin_or_go_on(c);
		return;
	}
	source_failed(c, "%s", why);
}

static int begin_fetch(struct check *c)
{
	const struct secondary_view *v = c->view;

	c->type = c->whole || !v->request_ixfr || !v->has_contents || !v->soa
	                  ? RRTYPE_AXFR
	                  : RRTYPE_IXFR;
	const struct fetch_wanted wanted = {v, source_of(c), c->type};
	if (!c->asked.enter(c->arg, &source_of(c)->to))
		return ERR_BUSY;
	c->fetch_began_ms = clock_now_ms();
	int err = fetch_begin(c->parts, &wanted, fetched, c, &c->fetch);
	if (err < 0)
		c->asked.leave(c->arg, &source_of(c)->to);
	return err;
}

/* ---- the serial ---- */

static void serial_told(void *arg, const struct soa_answer *a)
{
	struct check *c = arg;
	struct secondary_view *v = c->view;

	soa_query_drop(&c->query);
	if (a->err == ERR_TIMEOUT || a->err == ERR_SYSTEM) {
		source_is_silent(c, a->why);
		return;
	}
	source_answers(c);
	if (a->err == ERR_DENIED)
		count(c, FIGURE_TSIG_ANSWERS, 1);
	if (a->err < 0 && a->err != ERR_TOOBIG) {
		source_failed(c, "%s", a->why);
	} else if (a->err < 0 || serial_newer(a->serial, v->serial)) {
		begin_or_go_on(c);
	} else {
		c->result.their_serial = a->serial;
		c->result.has_expire = a->has_expire;
		c->result.expire = a->expire;
		finish(c, CHECK_CURRENT);
	}
}

/* Knot tells a catalog's serial to nobody who asks over UDP; IXFR does for that as well. */
static bool tells_serial(const struct secondary_view *v)
{
	return !v->is_catalog || !v->request_ixfr;
}

static int ask(struct check *c)
{
	c->whole = c->asked.transfer;
	if (!c->view->has_contents || c->asked.transfer || !tells_serial(c->view))
		return begin_fetch(c);
	return soa_query_begin(c->parts, c->view, source_of(c), serial_told, c,
	                       &c->query);
}

/* Asks the present source. An error: it cannot be asked, and it was left, unless it is ERR_BUSY. */
static int try_source(struct check *c)
{
	if (c->asked.is_down && c->asked.is_down(c->arg, &source_of(c)->to)) {
		leave_source(c, "is down", true);
		return ERR_GONE;
	}
	int err = ask(c);
	if (err < 0 && c->asked.is_down)
		c->asked.untried(c->arg, &source_of(c)->to);
	if (err == 0 || err == ERR_BUSY)
		return err;
	c->result.no_key |= err == ERR_NOTFOUND;
	leave_source(c, transfer_begin_text(err), false);
	return err;
}

/* Asks the next one that can be asked. */
static void next_source(struct check *c)
{
	int err = ERR_NOTFOUND;

	if (c->view->source_count == 0)
		snprintf(c->why, sizeof c->why, "the zone has no primaries");
	while (err < 0 && err != ERR_BUSY && c->tried < c->view->source_count)
		err = try_source(c);
	if (err < 0)
		finish(c, err == ERR_BUSY ? CHECK_BUSY : CHECK_FAILED);
}

/* ---- beginning ---- */

static unsigned first_source(const struct check *c)
{
	const struct secondary_view *v = c->view;

	for (unsigned i = 0; c->asked.notified && i < v->source_count; i++)
		if (address_same_host(&v->sources[i].to, &c->asked.by))
			return i;
	return 0;
}

static int read_view(struct store_txn *t, void *arg)
{
	struct check *c = arg;

	return secondary_view_read(c->view, t);
}

static void view_read(void *arg, int err)
{
	struct check *c = arg;
	const struct secondary_view *v = c->view;

	c->pending = false;
	if (!c->done) {
		check_free(c);
		return;
	}
	c->result.has_contents = v->has_contents;
	c->result.serial = v->serial;
	c->result.timers = v->timers;
	if (err < 0) {
		snprintf(c->why, sizeof c->why, "the store: %s", err_text(err));
		finish(c, CHECK_FAILED);
	} else if (c->is_committed) {
		finish(c, c->changed ? CHECK_CHANGED : CHECK_CURRENT);
	} else if (!v->is_secondary) {
		finish(c, CHECK_NONE);
	} else if (c->restarts > 0 && c->at < v->source_count) {
		if (c->unfit_version && c->unfit_version == v->version &&
		    !c->ixfr_error[0])
			ixfr_failed(c, true, "the differences do not fit");
		begin_or_go_on(c);
	} else {
		c->at = first_source(c);
		next_source(c);
	}
}

static void look(struct check *c)
{
	const struct config *config = engine_config(c->parts->engine);

	secondary_view_free(c->view);
	c->view = secondary_view_new(config, c->name, c->asked.id);
	config_release(config);
	c->pending = true;
	engine_read(c->parts->engine, read_view, view_read, c);
}

struct check *check_begin(const struct transfer_parts *parts,
                          const struct check_asked *asked, check_done *done, void *arg)
{
	struct check *c = memory_get(sizeof *c);

	*c = (struct check){.parts = parts, .asked = *asked, .done = done, .arg = arg};
	memcpy(c->name, asked->name, name_len(asked->name, NAME_MAX_LEN));
	c->asked.name = c->name;
	c->result.transfer = asked->transfer;
	c->result.may_fall = asked->may_fall;
	look(c);
	return c;
}
