/*
 * One entry to one record: [owner] [ttl] [class] type rdata, ttl and class in either order
 * (RFC 1035 §5.1).
 */
#include "control/zone/literal.h"
#include "control/zone/soa.h"
#include "control/zone/zonefile_reader.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* What precedes the RDATA. */
struct front {
	struct maybe_ttl ttl;
	uint16_t type;
	size_t rdata_at; /* index of the first token of RDATA */
};

static int shown(const struct entry_token *t)
{
	return t->len > 80 ? 80 : (int)t->len;
}

int reader_ttl(struct zone_reader *r, const struct entry_token *t, uint32_t *out)
{
	uint32_t seconds;
	int err = literal_period(t, &seconds);

	if (err == ERR_RANGE || (err == 0 && seconds > TTL_MAX))
		return reader_refuse(
			r, t, "ttl-range",
			"the TTL %.*s is above 2147483647 (RFC 2181 section 8)", shown(t),
			t->text);
	if (err < 0)
		return reader_refuse(r, t, "ttl-syntax", "\"%.*s\" is not a TTL",
		                     shown(t), t->text);
	*out = seconds;
	return 0;
}

int reader_name(struct zone_reader *r, const struct entry_token *t, uint8_t *out)
{
	int err = rdata_read_name(t, r->origin, out);

	if (err >= 0)
		return 0;
	(void)rdata_refuse_name(r->rdata, t, err);
	return reader_refuse(r, t, r->rdata->rule, "%s", r->rdata->reason);
}

static int read_owner(struct zone_reader *r, const struct entry *e, size_t *at)
{
	uint8_t name[NAME_MAX_LEN];

	if (e->blank) {
		if (r->has_owner)
			return 0;
		return reader_refuse(
			r, &e->tokens[0], "owner-missing",
			"no owner, and no record before this one to take it from");
	}
	TRY(reader_name(r, &e->tokens[0], name));
	memcpy(r->owner, name, name_len(name, sizeof name));
	r->has_owner = true;
	*at = 1;
	return 0;
}

/* Gives the class that a word names, or -1. ANY and NONE are left: no record is of them. */
static int class_of(const struct entry_token *t)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"IN", 1}, {"CS", 2}, {"CH", 3}, {"HS", 4}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (entry_token_is(t, names[i].name))
			return names[i].number;

	struct entry_token word = *t;
	struct entry_token digits = *t;
	uint32_t number;
	word.len = 5;
	if (t->len <= word.len || !entry_token_is(&word, "CLASS"))
		return -1;
	digits.text += word.len;
	digits.len -= word.len;
	return literal_number(&digits, UINT16_MAX, &number) < 0 ? -1 : (int)number;
}

/* Reads TTL and class, if there, in either order. */
/* NOLINTNEXTLINE(readability-function-size): TRY counts as two levels */
static int read_options(struct zone_reader *r, const struct entry *e, struct front *front)
{
	bool class_seen = false;
	size_t at = front->rdata_at;

	for (; at < e->count; at++) {
		const struct entry_token *t = &e->tokens[at];
		bool number =
			!t->quoted && t->len && t->text[0] >= '0' && t->text[0] <= '9';

		if (number && !front->ttl.known) {
			TRY(reader_ttl(r, t, &front->ttl.seconds));
			front->ttl.known = true;
			continue;
		}
		int class = class_seen ? -1 : class_of(t);
		if (class < 0)
			break;
		if (class != 1)
			return reader_refuse(r, t, "class-not-in",
			                     "class %.*s; zones here are of class IN",
			                     shown(t), t->text);
		class_seen = true;
	}
	front->rdata_at = at;
	return 0;
}

static int read_type(struct zone_reader *r, const struct entry *e, struct front *front)
{
	if (front->rdata_at == e->count)
		return reader_refuse(r, NULL, "type-missing",
		                     "the record ends before its type");

	const struct entry_token *t = &e->tokens[front->rdata_at];
	int type = t->quoted ? ERR_NOTFOUND : rrtype_from_text(t->text, t->len);
	if (type < 0)
		return reader_refuse(
			r, t, "type-unknown",
			"\"%.*s\" is no RR type known here; the form of RFC 3597 "
			"always works: TYPEnumber \\# length hexadecimal-digits",
			shown(t), t->text);
	if (type == 0 || rrtype_is_meta((uint16_t)type))
		return reader_refuse(r, t, "meta-type",
		                     "%.*s is no type that a zone can hold", shown(t),
		                     t->text);
	front->type = (uint16_t)type;
	front->rdata_at++;
	return 0;
}

static int read_rdata(struct zone_reader *r, const struct entry *e,
                      const struct front *front)
{
	struct rdata_text *x = r->rdata;
	int err = rdata_from_text(x, front->type, e->tokens + front->rdata_at,
	                          e->count - front->rdata_at, r->origin);

	return err < 0 ? reader_refuse(r, x->at, x->rule, "%s", x->reason) : 0;
}

/* RFC 2308 §4. */
static void note_soa(struct zone_reader *r)
{
	uint32_t minimum = soa_number(r->rdata->bytes, r->rdata->len, SOA_MINIMUM);

	r->ttl_soa = (struct maybe_ttl){
		.known = true,
		.seconds = minimum < TTL_MAX ? minimum : TTL_MAX,
	};
}

/* Gives the TTL of a record that does not state one. */
static int default_ttl(struct zone_reader *r, uint32_t *ttl)
{
	if (r->ttl_directive.known) {
		*ttl = r->ttl_directive.seconds;
		return 0;
	}
	if (r->ttl_last.known) {
		*ttl = r->ttl_last.seconds;
		return 0;
	}
	if (!r->ttl_soa.known)
		return reader_refuse(
			r, NULL, "ttl-missing",
			"no TTL, and neither $TTL nor a record before this one that "
			"states one (RFC 2308 section 4)");
	if (!r->ttl_warned)
		diag_add(r->diag, DIAG_WARNING, "ttl-missing", reader_text(r)->path,
		         r->entry.line, 0,
		         "no TTL; the minimum of the SOA, %u, is used from here on",
		         r->ttl_soa.seconds);
	r->ttl_warned = true;
	*ttl = r->ttl_soa.seconds;
	return 0;
}

static int add_record(struct zone_reader *r, const struct entry *e)
{
	struct front front = {0};

	TRY(read_owner(r, e, &front.rdata_at));
	TRY(read_options(r, e, &front));
	TRY(read_type(r, e, &front));
	TRY(read_rdata(r, e, &front));
	if (front.type == RRTYPE_SOA && !r->ttl_soa.known)
		note_soa(r);
	if (front.ttl.known)
		r->ttl_last = front.ttl;
	else
		TRY(default_ttl(r, &front.ttl.seconds));
	return contents_builder_add(r->builder, r->owner, front.type, front.ttl.seconds,
	                            r->rdata->bytes, r->rdata->len, reader_text(r)->index,
	                            e->line, r->diag);
}

void reader_record_of(struct zone_reader *r, const struct entry *entry)
{
	/* Reported already; the next line is tried whatever happened to this one. */
	(void)!add_record(r, entry);
}

void reader_record(struct zone_reader *r)
{
	reader_record_of(r, &r->entry);
}
