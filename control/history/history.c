#include "control/history/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/change/serial.h"
#include "shared/err.h"

enum { SINCE_MAX = 100000 }; /* changes looked at for a serial */

int history_refuse(struct history *h, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(h->text, sizeof h->text, format, args);
	va_end(args);
	return ERR_REFUSED;
}

/* ---- changes ---- */

struct finding {
	const struct history *history;
	struct history_change *out;
	bool found;
};

static int take_header(uint64_t seq, const void *bytes, size_t size, void *arg)
{
	struct finding *f = arg;
	struct history_change c = {.seq = seq};

	TRY(record_decode_header(bytes, size, &c.header));
	c.header.seq = seq;
	struct wire_reader at = record_zones(&c.header);
	for (uint32_t i = 0; i < c.header.zone_count && !f->found; i++) {
		c.zone = record_next_zone(&at);
		f->found = c.zone.id == f->history->zone->id;
	}
	*f->out = c;
	return 0;
}

int history_find(const struct history *h, uint64_t seq, struct history_change *out)
{
	struct finding f = {.history = h, .out = out};

	TRY(store_log_each(h->txn, seq, seq, take_header, &f));
	return f.found ? 0 : ERR_NOTFOUND;
}

/* A walk over the changes that have rows of the zone, each of them once. */
struct walking {
	const struct history *history;
	uint64_t seq; /* the last one seen */
	bool ended;   /* at what is being trimmed, of which there is no header any more */
	history_change_fn *fn;
	void *arg;
};

static int walk_part(const struct store_rows *part, void *arg)
{
	struct walking *w = arg;
	struct history_change c;

	if (part->seq == w->seq)
		return 0;
	w->seq = part->seq;
	w->ended = part->seq < w->history->first;
	if (w->ended)
		return 1;
	TRY(history_find(w->history, part->seq, &c));
	return w->fn(&c, w->arg);
}

int history_each(const struct history *h, uint64_t from, history_change_fn *fn, void *arg)
{
	struct walking w = {.history = h, .fn = fn, .arg = arg};

	int err = store_history_each(h->txn, h->zone->id, from, true, walk_part, &w);
	return w.ended ? 0 : err;
}

/* ---- where it begins and ends ---- */

static int take_seq(uint64_t seq, const void *bytes, size_t size, void *arg)
{
	(void)bytes;
	(void)size;
	*(uint64_t *)arg = seq;
	return 1;
}

static int take_part_seq(const struct store_rows *part, void *arg)
{
	*(uint64_t *)arg = part->seq;
	return 1;
}

/* Gives the zone's change nearest to a number, on this side of it or on that; 0: there is none. */
static int nearest(const struct history *h, uint64_t seq, bool backwards, uint64_t *out)
{
	*out = 0;
	int err = store_history_each(h->txn, h->zone->id, seq, backwards, take_part_seq,
	                             out);
	if (*out < h->first)
		*out = 0;
	return err < 0 ? err : 0;
}

int history_open(struct store_txn *txn, const struct store_zone *zone,
                 struct history *out)
{
	struct history h = {.txn = txn, .zone = zone};
	struct history_change oldest;

	int err = store_log_each(txn, 0, UINT64_MAX, take_seq, &h.first);
	if (err < 0)
		return err;
	h.begin = h.first ? h.first - 1 : 0;
	TRY(nearest(&h, h.first, false, &h.oldest));
	TRY(nearest(&h, UINT64_MAX, true, &h.newest));
	if (h.oldest) {
		TRY(history_find(&h, h.oldest, &oldest));
		h.made = oldest.zone.kind == ZONE_CREATE;
		h.begin = h.made ? h.oldest : h.begin;
	}
	*out = h;
	return 0;
}

/* ---- states ---- */

static int state_of(const struct history *h, uint64_t seq, struct history_state *out)
{
	struct history_change c;

	TRY(history_find(h, seq, &c));
	*out = (struct history_state){
		.seq = seq,
		.after = seq,
		.serial = c.zone.new_serial,
		.time_us = c.header.time_us,
	};
	return 0;
}

/* The state that lasted when the log began. */
static int state_at_begin(const struct history *h, struct history_state *out)
{
	struct history_change oldest;

	*out = (struct history_state){.after = h->begin, .serial = h->zone->serial};
	if (!h->oldest)
		return 0;
	TRY(history_find(h, h->oldest, &oldest));
	out->serial = oldest.zone.old_serial;
	return 0;
}

static int refuse_beginning(struct history *h, uint64_t seq)
{
	char name[NAME_TEXT_MAX];

	(void)name_to_text(h->zone->name, name);
	if (h->made)
		return history_refuse(h, "zone %s was made by change %" PRIu64, name,
		                      h->oldest);
	return history_refuse(h,
	                      "zone %s after change %" PRIu64
	                      " is not known any more: the log begins with change "
	                      "%" PRIu64,
	                      name, seq, h->first);
}

static int find_by_change(struct history *h, uint64_t seq, struct history_state *out)
{
	uint64_t next;
	uint64_t last;

	TRY(store_log_next(h->txn, &next));
	if (seq >= next)
		return history_refuse(h, "there is no change %" PRIu64 " yet", seq);
	if (seq < h->begin)
		return refuse_beginning(h, seq);
	TRY(nearest(h, seq, true, &last));
	return last ? state_of(h, last, out) : state_at_begin(h, out);
}

struct serial_search {
	uint32_t serial;
	uint64_t seq;
};

static int fits_serial(const struct history_change *c, void *arg)
{
	struct serial_search *s = arg;

	if (c->zone.new_serial != s->serial)
		return 0;
	s->seq = c->seq;
	return 1;
}

/* ERR_NOTFOUND: no state that is known had it. */
static int find_by_serial(const struct history *h, uint64_t serial,
                          struct history_state *out)
{
	struct serial_search s = {.serial = (uint32_t)serial};
	struct history_state begin;

	if (serial > UINT32_MAX)
		return ERR_NOTFOUND;
	int err = history_each(h, UINT64_MAX, fits_serial, &s);
	if (err < 0)
		return err;
	if (s.seq)
		return state_of(h, s.seq, out);
	TRY(state_at_begin(h, &begin));
	if (h->made || begin.serial != s.serial)
		return ERR_NOTFOUND;
	*out = begin;
	return 0;
}

static int refuse_serial(struct history *h, const char *what, uint64_t serial)
{
	char name[NAME_TEXT_MAX];
	char since[64] = "";

	if (!h->made)
		(void)snprintf(since, sizeof since,
		               ", as far back as the log goes (change %" PRIu64 ")",
		               h->first);
	return history_refuse(h, "zone %s has had no %s %" PRIu64 "%s",
	                      name_to_text(h->zone->name, name), what, serial, since);
}

static int find_by_number(struct history *h, uint64_t n, struct history_state *out)
{
	struct history_state by_change = {0};
	struct history_state by_serial = {0};
	int change = n ? state_of(h, n, &by_change) : ERR_NOTFOUND;
	int serial = find_by_serial(h, n, &by_serial);

	if (change < 0 && change != ERR_NOTFOUND)
		return change;
	if (serial < 0 && serial != ERR_NOTFOUND)
		return serial;
	if (change < 0 && serial < 0)
		return refuse_serial(h, "change and no serial", n);
	if (change == 0 && serial == 0 && by_change.seq != by_serial.seq)
		return history_refuse(h,
		                      "%" PRIu64
		                      " is a change of the zone and a serial that it had "
		                      "after change %" PRIu64 ": say change:%" PRIu64
		                      " or serial:%" PRIu64,
		                      n, by_serial.seq, n, n);
	*out = change == 0 ? by_change : by_serial;
	return 0;
}

static bool read_number(const char *text, uint64_t *out)
{
	uint64_t n = 0;

	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9' || n > INT64_MAX / 10 - 1)
			return false;
		n = n * 10 + (uint64_t)(*at - '0');
	}
	*out = n;
	return text[0];
}

/* ---- by time ---- */

/* Reads a moment in UTC: a date; with a time; with a fraction of a second. */
static bool read_time(const char *text, uint64_t *out)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
	                                      "%Y-%m-%d"};
	uint64_t fraction = 0;
	const char *end = NULL;
	struct tm tm;

	for (size_t i = 0; i < ARRAY_LEN(formats) && !end; i++) {
		tm = (struct tm){0};
		end = strptime(text, formats[i], &tm);
	}
	if (!end || tm.tm_year < 70)
		return false;
	if (*end == '.')
		for (uint64_t unit = 100000; *++end >= '0' && *end <= '9'; unit /= 10)
			fraction += (uint64_t)(*end - '0') * unit;
	*out = (uint64_t)timegm(&tm) * 1000000 + fraction;
	return strcmp(end, "") == 0 || strcmp(end, "Z") == 0;
}

struct time_search {
	uint64_t time_us;
	uint64_t seq;
};

static int is_not_later(const struct history_change *c, void *arg)
{
	struct time_search *s = arg;

	if (c->header.time_us > s->time_us)
		return 0;
	s->seq = c->seq;
	return 1;
}

static int take_time(uint64_t seq, const void *bytes, size_t size, void *arg)
{
	struct record_header header;

	(void)seq;
	TRY(record_decode_header(bytes, size, &header));
	*(uint64_t *)arg = header.time_us;
	return 1;
}

static int find_by_time(struct history *h, uint64_t time_us, struct history_state *out)
{
	struct time_search s = {.time_us = time_us};
	uint64_t begun = UINT64_MAX;
	char name[NAME_TEXT_MAX];

	int err = history_each(h, UINT64_MAX, is_not_later, &s);
	if (err >= 0 && !s.seq)
		err = store_log_each(h->txn, h->first, h->first, take_time, &begun);
	if (err < 0)
		return err;
	if (s.seq)
		return state_of(h, s.seq, out);
	if (h->made)
		return refuse_beginning(h, 0);
	if (begun > time_us)
		return history_refuse(
			h,
			"zone %s at that time is not known any more: the log "
			"begins with change %" PRIu64,
			name_to_text(h->zone->name, name), h->first);
	return state_at_begin(h, out);
}

int history_state_find(struct history *h, const char *text, struct history_state *out)
{
	static const char change[] = "change:";
	static const char serial[] = "serial:";
	uint64_t n;

	if (strcmp(text, "now") == 0)
		return h->newest ? state_of(h, h->newest, out) : state_at_begin(h, out);
	if (strncmp(text, change, sizeof change - 1) == 0 &&
	    read_number(text + sizeof change - 1, &n))
		return find_by_change(h, n, out);
	if (strncmp(text, serial, sizeof serial - 1) == 0 &&
	    read_number(text + sizeof serial - 1, &n)) {
		int err = find_by_serial(h, n, out);
		return err == ERR_NOTFOUND ? refuse_serial(h, "serial", n) : err;
	}
	if (read_number(text, &n))
		return find_by_number(h, n, out);
	if (read_time(text, &n))
		return find_by_time(h, n, out);
	(void)history_refuse(
		h, "\"%.64s\" is none of now, change:N, serial:N, N and a time", text);
	return ERR_SYNTAX;
}

int history_state_before(struct history *h, uint64_t seq, struct history_state *out)
{
	uint64_t last;

	if (h->made && seq == h->oldest) {
		*out = (struct history_state){.after = seq - 1};
		return 0;
	}
	if (seq <= h->begin)
		return refuse_beginning(h, seq ? seq - 1 : 0);
	TRY(nearest(h, seq - 1, true, &last));
	return last ? state_of(h, last, out) : state_at_begin(h, out);
}

/* ---- since a serial ---- */

/* A walk back from now to the serial that somebody has, and on to the change that made it. */
struct since {
	const struct history *history;
	uint32_t serial;
	uint32_t later; /* what the next change to be seen must have left */
	uint64_t seq;   /* the change behind the state, once found */
	unsigned looked;
	int err;
};

static int is_served(const struct record_row *row, void *arg)
{
	(void)arg;
	return row->kind == ROW_RRSET || row->kind == ROW_ZONE;
}

static int look_for_served(const struct store_rows *part, void *arg)
{
	const struct since *s = arg;

	return part->zone == s->history->zone->id
	               ? record_each_row(part->rows, part->size, is_served, NULL)
	               : 0;
}

/* A change that left the serial as it was may not have changed what is served. */
static int check_unraised(struct since *s, const struct history_change *c)
{
	int err = store_log_each_rows(s->history->txn, c->seq, look_for_served, s);

	return err > 0 ? ERR_NOTFOUND : err;
}

static int check_step(struct since *s, const struct history_change *c)
{
	uint32_t before = c->zone.old_serial;

	if (c->zone.kind == ZONE_CREATE || c->zone.new_serial != s->later ||
	    s->looked++ == SINCE_MAX)
		return ERR_NOTFOUND;
	if (before == s->later)
		return check_unraised(s, c);
	/* From here on they only fall. */
	if (!s->seq && serial_newer(s->serial, before))
		return ERR_NOTFOUND;
	return serial_newer(s->later, before) &&
	                       serial_newer(s->history->zone->serial, before)
	               ? 0
	               : ERR_NOTFOUND;
}

static int step_back(const struct history_change *c, void *arg)
{
	struct since *s = arg;
	uint32_t before = c->zone.old_serial;

	if (s->seq && before != c->zone.new_serial)
		return 1;
	s->err = check_step(s, c);
	if (s->err < 0)
		return 1;
	s->later = before;
	if (!s->seq && before == s->serial)
		s->seq = c->seq;
	return 0;
}

int history_since_serial(struct history *h, uint32_t serial, struct history_state *out)
{
	struct since s = {.history = h, .serial = serial, .later = h->zone->serial};

	if (serial == h->zone->serial)
		return h->newest ? state_of(h, h->newest, out) : state_at_begin(h, out);
	int err = history_each(h, UINT64_MAX, step_back, &s);
	if (err >= 0)
		err = s.err;
	if (err == 0 && !s.seq)
		err = ERR_NOTFOUND;
	return err < 0 ? err : history_state_before(h, s.seq, out);
}
