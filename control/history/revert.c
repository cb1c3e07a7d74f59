#include "control/history/revert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/history/bare.h"
#include "control/history/difference.h"
#include "control/history/told.h"
#include "control/sign/state.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	RRSETS_MAX = 200000,
	LINES_TOLD = 1000,
	PROBLEMS_MAX = 100,
	NAMED_MAX = 3, /* problems in the text */
	TTL_DEFAULT = 3600,
};

/* A revert on its way. What the difference has as "before" is what will be. */
struct reverting {
	struct history *history;
	struct change *change;
	struct zone_change *zone;
	json_t *result;
	json_t *problems;
	size_t problem_count;
	bool force;
	bool soa;         /* has an edit */
	bool signed_here; /* only data goes back */
	struct difference d;
};

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

/* ---- what is the signer's ---- */

static int look_for_signer(struct reverting *r)
{
	const struct history *h = r->history;
	struct sign_state state;
	int err = sign_state_get(h->txn, h->zone->id, &state);

	r->signed_here = err == 0;
	return err == ERR_NOTFOUND ? 0 : err;
}

static int difference(struct reverting *r, uint64_t after, uint64_t to,
                      struct difference *out)
{
	TRY(difference_between(r->history, after, to, out));
	return r->signed_here ? bare_difference(out, r->change->arena) : 0;
}

static int set_now(const struct reverting *r, const struct history_set *s,
                   const void **value, size_t *size)
{
	TRY(history_set_now(r->history, s, value, size));
	if (!r->signed_here || s->kind != ROW_RRSET)
		return 0;
	return bare_value(r->change->arena, s->type, value, size);
}

/* ---- problems ---- */

static void owner_of(const struct reverting *r, const struct history_set *s,
                     uint8_t owner[static NAME_MAX_LEN])
{
	if (name_from_key(s->key, s->key_len, r->history->zone->name, owner) < 0)
		owner[0] = 0;
}

/* by: the change that is in the way; 0: none is known. */
static void add_problem(struct reverting *r, const struct history_set *s,
                        const char *rule, const char *text, uint64_t by)
{
	uint8_t owner[NAME_MAX_LEN];
	char name[NAME_TEXT_MAX];
	char zone[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	char number[48] = "";

	if (r->problem_count++ >= PROBLEMS_MAX)
		return;
	owner_of(r, s, owner);
	if (by)
		(void)snprintf(number, sizeof number, " by change %" PRIu64, by);
	(void)name_to_text(owner, name);
	(void)rrtype_to_text(s->type, type);
	json_t *p = json_object();
	set(p, "rule", json_string(rule));
	set(p, "text", json_sprintf("%s %s %s%s", name, type, text, number));
	set(p, "zone", json_string(name_to_text(r->history->zone->name, zone)));
	set(p, "name", json_string(name));
	set(p, "type", json_string(type));
	if (by)
		set(p, "change", json_integer((json_int_t)by));
	(void)json_array_append_new(r->problems, p);
}

static int refuse_problems(struct reverting *r)
{
	char text[HISTORY_TEXT_SIZE] = "";
	size_t len = 0;
	size_t named = r->problem_count < NAMED_MAX ? r->problem_count : NAMED_MAX;

	if (r->problem_count == 0)
		return 0;
	for (size_t i = 0; i < named && len < sizeof text; i++) {
		const json_t *p = json_array_get(r->problems, i);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
		                        i ? "; " : "",
		                        json_string_value(json_object_get(p, "text")));
	}
	if (r->problem_count > named && len < sizeof text)
		(void)snprintf(text + len, sizeof text - len, "; and %zu more",
		               r->problem_count - named);
	if (json_object_set(r->result, "problems", r->problems) < 0)
		abort();
	return history_refuse(r->history, "%s", text);
}

/* ---- what others did since ---- */

/* Both go upwards. */
static uint64_t last_change_of(const struct difference *since, size_t *at,
                               const struct history_set *s)
{
	for (size_t i = *at; i < since->count; i++) {
		if (history_set_order(&since->sets[i], s) == 0) {
			*at = i + 1;
			return since->sets[i].last;
		}
	}
	return 0;
}

/* What a change left must still be there, but for the serial, to be undone. */
static int find_conflicts(struct reverting *r, const struct difference *since)
{
	size_t at = 0;

	for (size_t i = 0; i < r->d.count; i++) {
		struct history_set left = r->d.sets[i];
		const void *now;
		size_t size;

		TRY(set_now(r, &left, &now, &size));
		if (history_same_value(left.after, left.after_size, now, size))
			continue;
		left.before = now;
		left.before_size = size;
		if (!history_only_serial(&left))
			add_problem(r, &left, "changed-since", "was changed again",
			            last_change_of(since, &at, &left));
	}
	return refuse_problems(r);
}

static int check_conflicts(struct reverting *r, uint64_t seq)
{
	struct difference since = {0};

	if (r->force)
		return 0;
	/* Whose change is in the way may not be in the log: that it is shows all the same. */
	int err = difference(r, seq, UINT64_MAX, &since);
	if (err < 0 && err != ERR_REFUSED)
		return err;
	err = find_conflicts(r, &since);
	difference_fini(&since);
	return err;
}

/* ---- what will be ---- */

static bool is_soa(const struct history_set *s)
{
	return s->kind == ROW_RRSET && s->type == RRTYPE_SOA && s->key_len == 0;
}

/* The commit raises a serial that is the zone's own, unless the zone's policy leaves that to its
 * editors, of whom this is one. */
static uint32_t serial_for(const struct reverting *r)
{
	const struct store_zone *z = r->history->zone;

	return z->attrs.serial == SERIAL_KEEP
	               ? serial_next(SERIAL_INCREMENT, z->serial, 0)
	               : z->serial;
}

static int with_serial(struct reverting *r, const void **blob, size_t size)
{
	uint8_t *copy = arena_copy(r->change->arena, *blob, size);

	TRY(serial_write(copy, size, serial_for(r)));
	*blob = copy;
	return 0;
}

static int refuse_empty(struct reverting *r)
{
	char name[NAME_TEXT_MAX];

	return history_refuse(r->history, "zone %s had no contents then",
	                      name_to_text(r->history->zone->name, name));
}

/* Compares with what is there now. Leaves out what is so already. */
static int settle(struct reverting *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->d.count; i++) {
		struct history_set s = r->d.sets[i];

		TRY(set_now(r, &s, &s.after, &s.after_size));
		if (is_soa(&s) && !s.before)
			return refuse_empty(r);
		if (is_soa(&s) && history_only_serial(&s))
			continue;
		if (is_soa(&s))
			TRY(with_serial(r, &s.before, s.before_size));
		if (!history_same_value(s.before, s.before_size, s.after, s.after_size))
			r->d.sets[kept++] = s;
	}
	r->d.count = kept;
	return 0;
}

static bool is_signed(const struct history_set *s)
{
	struct rrset set;

	return s->kind == ROW_RRSET && s->before &&
	       rrset_open(s->type, s->before, s->before_size, &set) == 0 && set.sig_count;
}

static int check_sets(struct reverting *r)
{
	uint8_t owner[NAME_MAX_LEN];

	if (r->d.count > RRSETS_MAX)
		return history_refuse(
			r->history,
			"%zu RRsets would change, and %d may: load the zone "
			"from a file",
			r->d.count, RRSETS_MAX);
	for (size_t i = 0; i < r->d.count; i++) {
		const struct history_set *s = &r->d.sets[i];

		owner_of(r, s, owner);
		if (is_signed(s))
			add_problem(r, s, "presigned",
			            "was signed: its signature fits no other serial", 0);
		else if (!actor_may_edit(r->change->actor, r->history->zone->name, owner,
		                         s->type))
			add_problem(r, s, "not-yours", "is not yours to change", 0);
	}
	return refuse_problems(r);
}

/* ---- edits ---- */

static void put_served(struct change *c, struct edit *e, const void *blob, size_t size)
{
	struct rrset s;

	if (!blob || rrset_open(e->type, blob, size, &s) < 0)
		return;
	e->blob = arena_copy(c->arena, blob, size);
	e->blob_size = e->blob_room = size;
	e->ttl = s.ttl;
}

static int put_extra(struct change *c, struct edit *e, const void *value, size_t size)
{
	uint8_t *copy = arena_alloc(c->arena, size + 1);
	struct rrset hidden;
	struct extra x;

	if (value)
		memcpy(copy, value, size);
	TRY(extra_decode(copy, value ? size : 0, c->arena, &x));
	e->hidden = x.hidden ? copy + (x.hidden - copy) : NULL;
	e->hidden_size = e->hidden_room = x.hidden_size;
	if (x.hidden && !e->blob &&
	    rrset_open(e->type, x.hidden, x.hidden_size, &hidden) == 0)
		e->ttl = hidden.ttl;
	e->comments = x.comments;
	e->comment_count = e->comment_room = x.comment_count;
	return 0;
}

/* One edit gives an RRset its records and all that it has besides. Gives how many sets it is of: two
 * when both differ. */
static int add_edit(struct reverting *r, const struct history_set *s, size_t left)
{
	struct history_set other = *s;
	uint8_t owner[NAME_MAX_LEN];

	other.kind = s->kind == ROW_RRSET ? ROW_EXTRA : ROW_RRSET;
	bool both = left > 1 && history_set_order(&s[1], &other) == 0;
	if (both)
		other = s[1];
	else
		TRY(set_now(r, &other, &other.before, &other.before_size));
	owner_of(r, s, owner);
	struct edit *e = change_edit(r->change, r->zone, EDIT_REPLACE, owner, s->type);
	const struct history_set *served = s->kind == ROW_RRSET ? s : &other;
	const struct history_set *extra = s->kind == ROW_RRSET ? &other : s;
	e->set_records = e->set_comments = true;
	e->ttl = TTL_DEFAULT;
	put_served(r->change, e, served->before, served->before_size);
	TRY(put_extra(r->change, e, extra->before, extra->before_size));
	r->soa |= is_soa(s);
	return both ? 2 : 1;
}

static int raise_kept_serial(struct reverting *r)
{
	const struct store_zone *z = r->history->zone;
	struct history_set soa = {
		.kind = ROW_RRSET, .key = (const uint8_t *)"", .type = RRTYPE_SOA};

	if (r->soa || z->attrs.serial != SERIAL_KEEP ||
	    !actor_may_edit(r->change->actor, z->name, z->name, RRTYPE_SOA))
		return 0;
	TRY(set_now(r, &soa, &soa.before, &soa.before_size));
	if (!soa.before)
		return 0;
	TRY(with_serial(r, &soa.before, soa.before_size));
	int added = add_edit(r, &soa, 1);
	return added < 0 ? added : 0;
}

static int make_edits(struct reverting *r)
{
	for (size_t i = 0; i < r->d.count;) {
		int done = add_edit(r, &r->d.sets[i], r->d.count - i);
		TRY(done);
		i += (size_t)done;
	}
	return r->d.count ? raise_kept_serial(r) : 0;
}

/* ---- what is asked for ---- */

static void say_why(struct reverting *r, const char *format, ...) PRINTF_LIKE(2, 3);

static void say_why(struct reverting *r, const char *format, ...)
{
	char text[96];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	r->change->why = change_text(r->change, text);
}

static int prepare_one(struct reverting *r, uint64_t seq)
{
	struct history *h = r->history;
	struct history_change c;
	char name[NAME_TEXT_MAX];

	(void)name_to_text(h->zone->name, name);
	int err = history_find(h, seq, &c);
	if (err == ERR_NOTFOUND && seq < h->first)
		return history_refuse(h,
		                      "change %" PRIu64 " is not in the log any more, "
		                      "which begins with change %" PRIu64,
		                      seq, h->first);
	if (err == ERR_NOTFOUND)
		return history_refuse(h, "change %" PRIu64 " is none of zone %s", seq,
		                      name);
	TRY(err);
	if (c.zone.kind == ZONE_CREATE)
		return history_refuse(
			h, "change %" PRIu64 " made zone %s: to undo it, remove the zone",
			seq, name);
	TRY(difference(r, seq - 1, seq, &r->d));
	say_why(r, "revert of change %" PRIu64, seq);
	set(r->result, "reverted", json_pack("{s:I}", "change", (json_int_t)seq));
	return check_conflicts(r, seq);
}

static int prepare_state(struct reverting *r, const json_t *args)
{
	struct history_state to;

	TRY(history_read_state(r->history, args, "to", "now", &to));
	TRY(difference(r, to.after, UINT64_MAX, &r->d));
	if (to.seq)
		say_why(r, "revert to change %" PRIu64 ", serial %" PRIu32, to.seq,
		        to.serial);
	else
		say_why(r, "revert to serial %" PRIu32, to.serial);
	set(r->result, "reverted", json_pack("{s:o}", "to", history_tell_state(&to)));
	return 0;
}

static int prepare(struct reverting *r, const json_t *args)
{
	uint64_t seq = 0;
	bool to = json_object_get(args, "to");

	TRY(history_read_number(r->history, args, "change", INT64_MAX, &seq));
	if (to == (seq != 0)) {
		(void)history_refuse(r->history, "either \"to\" or \"change\" must say "
		                                 "what to revert");
		return ERR_SYNTAX;
	}
	if (!r->history->zone->loaded)
		return history_refuse(r->history, "the zone has no contents");
	return to ? prepare_state(r, args) : prepare_one(r, seq);
}

static int make(struct reverting *r, const json_t *args)
{
	const struct line_page page = {.limit = r->change->dry_run ? LINES_TOLD : 0,
	                               .backwards = true};

	TRY(look_for_signer(r));
	TRY(prepare(r, args));
	if (r->d.attrs)
		set(r->result, "attributes_kept", json_true());
	TRY(settle(r));
	TRY(check_sets(r));
	history_tell_lines(r->history, &r->d, &page, r->result);
	if (!r->change->dry_run) {
		(void)json_object_del(r->result, "lines");
		(void)json_object_del(r->result, "next");
	}
	return make_edits(r);
}

int revert_make(struct history *h, const json_t *args, struct change *c, json_t *result)
{
	struct reverting r = {
		.history = h,
		.change = c,
		.result = result,
		.problems = json_array(),
		.force = json_is_true(json_object_get(args, "force")),
	};

	r.zone = c->zone_count ? &c->zones[0] : change_zone(c, ZONE_EDIT, h->zone->name);
	if (!r.zone->if_version)
		r.zone->if_version = h->zone->version;
	int err = make(&r, args);
	difference_fini(&r.d);
	json_decref(r.problems);
	return err;
}
