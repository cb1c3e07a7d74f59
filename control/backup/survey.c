/* What is in a backup, and how far back it goes. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/backup/restore.h"
#include "control/change/record.h"
#include "shared/err.h"
#include "shared/wire.h"

/* ---- where to stop ---- */

static int read_fraction(const char *text, uint64_t *us)
{
	uint64_t unit = 100000;

	if (*text == '.' && isdigit((unsigned char)text[1]))
		for (text++; isdigit((unsigned char)*text); text++, unit /= 10)
			*us += (uint64_t)(*text - '0') * unit;
	if (*text == 'Z')
		text++;
	return *text == '\0' ? 0 : ERR_SYNTAX;
}

int restore_until_read(const char *text, struct restore_until *out)
{
	struct tm tm = {0};
	uint64_t us = 0;

	if (text[0] && text[strspn(text, "0123456789")] == '\0') {
		errno = 0;
		out->seq = strtoull(text, NULL, 10);
		out->kind = UNTIL_CHANGE;
		return errno ? ERR_SYNTAX : 0;
	}
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return ERR_SYNTAX;
	time_t seconds = timegm(&tm);
	TRY(read_fraction(rest, &us));
	if (seconds < 0)
		return ERR_SYNTAX;
	out->kind = UNTIL_TIME;
	out->time_us = (uint64_t)seconds * 1000000 + us;
	return 0;
}

/* ---- the walk ---- */

struct walk {
	struct backup_survey *s;
	const struct restore_until *until;
	uint64_t change; /* whose rows come */
	bool passed;     /* a change after the time to stop at was seen */
};

static int keep_manifest(const struct backup_manifest *m, void *arg)
{
	struct walk *w = arg;

	w->s->manifest = *m;
	return 0;
}

static int look_at_header(struct walk *w, const struct store_raw *raw)
{
	struct record_header h;

	TRY(record_decode_header(raw->value, raw->size, &h));
	if (h.seq != w->change || h.seq > w->s->manifest.seq)
		return ERR_CORRUPT;
	if (w->s->first == 0) {
		w->s->first = h.seq;
		w->s->first_us = h.time_us;
		w->s->oldest = h.seq - 1;
	}
	w->s->last = h.seq;
	w->s->last_us = h.time_us;
	w->passed |= w->until->kind == UNTIL_TIME && h.time_us > w->until->time_us;
	if ((w->until->kind == UNTIL_TIME && !w->passed) ||
	    (w->until->kind == UNTIL_CHANGE && h.seq == w->until->seq)) {
		w->s->stop = h.seq;
		w->s->stop_known = true;
	}
	return 0;
}

/* What is not in the log cannot be put back. What was not there before need not be. */
static int look_at_row(const struct record_row *row, void *arg)
{
	struct walk *w = arg;
	static const uint8_t nameless[] = {0};
	struct store_zone before = {0};

	if (row->kind != ROW_ZONE || row->type != ROW_ZONE_ALONE || !row->before)
		return 0;
	TRY(store_zone_decode(nameless, row->before, row->before_size, &before));
	if (before.rrsets > 0)
		w->s->oldest = w->change;
	return 0;
}

static int look_at_log(struct walk *w, const struct store_raw *raw)
{
	struct wire_reader r = wire_reader_on(raw->key, raw->key_len);

	w->change = wire_read64(&r);
	if (r.ok && wire_left(&r) == 0)
		return look_at_header(w, raw);
	if (raw->key_len != 16)
		return ERR_CORRUPT;
	/* The rest of a change whose beginning has been trimmed. */
	if (w->change != w->s->last)
		return w->s->first ? ERR_CORRUPT : 0;
	return record_each_row(raw->value, raw->size, look_at_row, w);
}

static int look(const struct backup_entry *e, void *arg)
{
	if (e->kind == STORE_LOG)
		return look_at_log(arg, &e->raw);
	if (e->kind == BACKUP_AUDIT &&
	    (e->raw.key_len != sizeof(uint64_t) || e->raw.size <= CHAIN_HASH_SIZE))
		return ERR_CORRUPT;
	return 0;
}

/* ---- what came of it ---- */

/* The store as it was before the first change in the log. */
static void stop_before_first(struct walk *w)
{
	struct backup_survey *s = w->s;
	bool earlier = w->until->kind == UNTIL_CHANGE
	                       ? s->first > 0 && w->until->seq == s->first - 1
	                       : s->first == 1 && w->passed;

	if (!s->stop_known && earlier) {
		s->stop = s->first - 1;
		s->stop_known = true;
	}
}

static int find_stop(struct walk *w, const char *name, char *text)
{
	struct backup_survey *s = w->s;

	if (w->until->kind == UNTIL_END) {
		s->stop = s->last;
		s->stop_known = true;
	}
	stop_before_first(w);
	if (w->until->kind == UNTIL_TIME && w->until->time_us > s->manifest.time_us)
		(void)snprintf(text, RESTORE_TEXT_SIZE,
		               "%s: was made before that time, with change %" PRIu64
		               " as its last",
		               name, s->last);
	else if (!s->stop_known)
		(void)snprintf(text, RESTORE_TEXT_SIZE,
		               "%s: its log has the changes %" PRIu64 " to %" PRIu64
		               " only",
		               name, s->first, s->last);
	else if (s->stop < s->oldest)
		(void)snprintf(text, RESTORE_TEXT_SIZE,
		               "%s: goes back to change %" PRIu64
		               " only, which was too large for the log",
		               name, s->oldest);
	else
		return 0;
	return ERR_RANGE;
}

int backup_check(FILE *from, const char *name, const struct restore_until *until,
                 struct backup_survey *out, char text[static RESTORE_TEXT_SIZE])
{
	struct backup_survey s = {0};
	struct walk w = {.s = &s, .until = until};
	const struct backup_visitor v = {
		.manifest = keep_manifest, .entry = look, .arg = &w};
	struct backup_damage damage = {0};
	int err = backup_read(from, &v, &damage);

	if (err == 0 && s.last != s.manifest.seq) {
		(void)snprintf(damage.text, sizeof damage.text,
		               "the log ends with change %" PRIu64
		               ", but the manifest says %" PRIu64,
		               s.last, s.manifest.seq);
		err = ERR_CORRUPT;
	}
	if (err < 0) {
		(void)snprintf(text, RESTORE_TEXT_SIZE, "%s: offset %" PRIu64 ": %s",
		               name, damage.offset,
		               damage.text[0] ? damage.text : err_text(err));
		return err;
	}
	*out = s;
	err = find_stop(&w, name, text);
	*out = s;
	return err;
}
