#include "control/cli/differences.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"
#include "control/zone/arena.h"
#include "control/zone/rdata.h"
#include "control/zone/rdata_text.h"
#include "control/zone/soa.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* ---- finding them ---- */

static struct rrset open_set(const struct contents_rrset *r)
{
	struct rrset set;
	int err = rrset_open(r->type, r->blob, r->size, &set);

	assert(err == 0); /* contents hold nothing else */
	(void)err;
	return set;
}

enum { SERIAL_LEN = SOA_SERIAL - SOA_REFRESH };

/* Says whether two SOA RRsets are one but for the serial, and so for the signatures. */
static bool same_but_serial(const struct contents_rrset *a,
                            const struct contents_rrset *b)
{
	struct rrset x = open_set(a);
	struct rrset y = open_set(b);

	if (x.count != 1 || y.count != 1 || x.ttl != y.ttl)
		return false;
	const uint8_t *at_x = rrset_first(&x);
	const uint8_t *at_y = rrset_first(&y);
	struct rdata one = rrset_next(&at_x);
	struct rdata two = rrset_next(&at_y);
	if (one.len != two.len || one.len < SOA_SERIAL)
		return false;
	size_t serial = one.len - (size_t)SOA_SERIAL;
	return memcmp(one.bytes, two.bytes, serial) == 0 &&
	       memcmp(one.bytes + serial + SERIAL_LEN, two.bytes + serial + SERIAL_LEN,
	              SOA_REFRESH) == 0;
}

/* Says whether two RRsets are the same to DNS, to which the case of names in some types is nothing. */
static bool same_value(const struct contents_rrset *a, const struct contents_rrset *b)
{
	struct rrset x = open_set(a);
	struct rrset y = open_set(b);
	const uint8_t *at_x = rrset_first(&x);
	const uint8_t *at_y = rrset_first(&y);
	unsigned records = (unsigned)x.count + x.sig_count;

	if (x.count != y.count || x.sig_count != y.sig_count || x.ttl != y.ttl ||
	    x.sig_ttl != y.sig_ttl)
		return false;
	for (unsigned i = 0; i < records; i++) {
		struct rdata one = rrset_next(&at_x);
		struct rdata two = rrset_next(&at_y);
		if (rdata_compare(i < x.count ? a->type : RRTYPE_RRSIG, one.bytes,
		                  one.len, two.bytes, two.len) != 0)
			return false;
	}
	return true;
}

static bool is_same(const struct contents_rrset *a, const struct contents_rrset *b,
                    enum differences_mode mode)
{
	if (a->size == b->size && memcmp(a->blob, b->blob, a->size) == 0)
		return true;
	if (mode == DIFFERENCES_BUT_SERIAL && a->type == RRTYPE_SOA &&
	    same_but_serial(a, b))
		return true;
	return mode != DIFFERENCES_ALL && same_value(a, b);
}

/* None at all comes last. */
static int compare(const struct contents_rrset *a, const struct contents_rrset *b)
{
	if (!a || !b)
		return a ? -1 : 1;
	int order = name_key_compare(a->key, a->key_len, b->key, b->key_len);

	return order ? order : (a->type > b->type) - (a->type < b->type);
}

static void add(struct differences *d, const struct contents_rrset *before,
                const struct contents_rrset *after)
{
	d->list = array_room(d->list, d->count, &d->room, sizeof *d->list);
	d->list[d->count++] = (struct difference){before, after};
}

/* Gives the RRset with this index, or NULL behind the last one. */
static const struct contents_rrset *rrset_at(const struct contents *c, size_t i)
{
	return c && i < c->count ? &c->rrsets[i] : NULL;
}

void differences_find(struct differences *d, const struct contents *before,
                      const struct contents *after, enum differences_mode mode)
{
	const struct contents_rrset *was = rrset_at(before, 0);
	const struct contents_rrset *is = rrset_at(after, 0);
	size_t i = 0;
	size_t k = 0;

	*d = (struct differences){.apex = before ? before->apex : after->apex};
	while (was || is) {
		int order = compare(was, is);
		if (order != 0)
			add(d, order < 0 ? was : NULL, order > 0 ? is : NULL);
		else if (!is_same(was, is, mode))
			add(d, was, is);
		if (order <= 0)
			was = rrset_at(before, ++i);
		if (order >= 0)
			is = rrset_at(after, ++k);
	}
}

void differences_free(struct differences *d)
{
	free(d->list);
	*d = (struct differences){0};
}

static const struct contents_rrset *either(const struct difference *x)
{
	return x->after ? x->after : x->before;
}

static const char *owner_text(const struct differences *d, const struct contents_rrset *r,
                              char text[static NAME_TEXT_MAX])
{
	uint8_t owner[NAME_MAX_LEN];

	if (name_from_key(r->key, r->key_len, d->apex, owner) < 0)
		return "?";
	return name_to_text(owner, text);
}

/* ---- printing ---- */

/* The records of an RRset as lines. */
struct lines {
	char *text;
	size_t size;
};

static struct lines lines_of(const struct differences *d, const struct contents_rrset *r)
{
	struct lines l = {0};
	FILE *to = open_memstream(&l.text, &l.size);
	uint8_t owner[NAME_MAX_LEN];

	if (!to)
		abort();
	if (r && name_from_key(r->key, r->key_len, d->apex, owner) >= 0) {
		struct rrset set = open_set(r);
		if (zonefile_write_rrset(to, owner, &set) < 0)
			(void)fputs("?\n", to);
	}
	if (fclose(to) != 0)
		abort();
	return l;
}

static bool has_line(const struct lines *l, const char *line, size_t len)
{
	for (const char *at = l->text; *at; at = strchr(at, '\n') + 1)
		if (strncmp(at, line, len) == 0)
			return true;
	return false;
}

static void print_line(const char *line, size_t len, char sign, bool colour, FILE *to)
{
	char *copy = strndup(line, len);

	if (!copy)
		abort();
	for (char *tab = copy; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	print_difference_begin(sign, colour, to);
	print_text(copy, to);
	print_difference_end(colour, to);
	free(copy);
}

/* The lines of one that the other does not have. */
static void print_only_in(const struct lines *one, const struct lines *other, char sign,
                          bool colour, FILE *to)
{
	for (const char *at = one->text; *at;) {
		size_t len = strcspn(at, "\n");
		if (!has_line(other, at, len + 1))
			print_line(at, len, sign, colour, to);
		at += len + 1;
	}
}

static void print_one(const struct differences *d, const struct difference *x,
                      bool colour, FILE *to)
{
	struct lines before = lines_of(d, x->before);
	struct lines after = lines_of(d, x->after);

	print_only_in(&before, &after, '-', colour, to);
	print_only_in(&after, &before, '+', colour, to);
	free(before.text);
	free(after.text);
}

void differences_print(const struct differences *d, bool colour, FILE *to)
{
	for (size_t i = 0; i < d->count; i++)
		print_one(d, &d->list[i], colour, to);
}

/* ---- as JSON ---- */

static json_t *record_json(struct rdata_text *x, uint16_t type, struct rdata r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	int err = rdata_to_text(x, type, r.bytes, r.len, to);
	if (fclose(to) != 0)
		abort();
	json_t *record = json_string(err < 0 ? "?" : text);
	if (!record)
		abort();
	free(text);
	return record;
}

static json_t *records_json(struct rdata_text *x, const struct rrset *set)
{
	json_t *list = json_array();
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		if (json_array_append_new(list,
		                          record_json(x, set->type, rrset_next(&at))) < 0)
			abort();
	return list;
}

static json_t *rrset_json(struct rdata_text *x, const struct contents_rrset *r)
{
	if (!r)
		return json_null();
	struct rrset set = open_set(r);
	json_t *o = cli_args();
	json_put(o, "ttl", json_integer(set.ttl));
	json_put(o, "records", records_json(x, &set));
	if (set.sig_count)
		json_put(o, "signatures", json_integer(set.sig_count));
	return o;
}

/* {"name", "type"} of a difference. */
static json_t *named(const struct differences *d, const struct difference *x)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	const struct contents_rrset *r = either(x);
	json_t *o = cli_args();

	json_put(o, "name", json_string(owner_text(d, r, name)));
	json_put(o, "type", json_string(rrtype_to_text(r->type, type)));
	return o;
}

json_t *differences_json(const struct differences *d)
{
	struct rdata_text *x = rdata_text_new();
	json_t *list = json_array();

	for (size_t i = 0; i < d->count; i++) {
		json_t *o = named(d, &d->list[i]);
		json_put(o, "before", rrset_json(x, d->list[i].before));
		json_put(o, "after", rrset_json(x, d->list[i].after));
		if (json_array_append_new(list, o) < 0)
			abort();
	}
	rdata_text_free(x);
	return list;
}

static json_t *edit_json(struct rdata_text *x, const struct differences *d,
                         const struct difference *difference, const char *zone)
{
	json_t *o = named(d, difference);

	json_put(o, "zone", json_string(zone));
	json_put(o, "op", json_string(difference->after ? "set" : "del"));
	if (difference->after) {
		struct rrset set = open_set(difference->after);
		json_put(o, "ttl", json_integer(set.ttl));
		json_put(o, "rdata", records_json(x, &set));
	}
	return o;
}

json_t *differences_edits(const struct differences *d)
{
	struct rdata_text *x = rdata_text_new();
	json_t *list = json_array();
	char zone[NAME_TEXT_MAX];

	(void)name_to_text(d->apex, zone);
	for (size_t i = 0; i < d->count; i++)
		if (json_array_append_new(list, edit_json(x, d, &d->list[i], zone)) < 0)
			abort();
	rdata_text_free(x);
	return list;
}
