/*
 * RDATA text through ldns. ldns 1.8 reads numbers with strtol() and lets them wrap, takes an
 * unknown type in a bitmap for type 0, and has its own idea of quotes; so every field that can be
 * checked is checked here first and handed over in one normal form: plain numbers, absolute names,
 * TYPEnnn, strings in quotes with everything unusual as \DDD.
 */
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

#include "control/zone/arena.h"
#include "control/zone/literal.h"
#include "control/zone/rdata_text.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	LDNS_TEXT_MAX = 65000, /* ldns reads into buffers of 65535 octets */
	TEXT_PER_OCTET = 5,    /* of SVCB at most: "key65535," for two */
	STRING_MAX = 255,
	RRTYPE_IPSECKEY = 45,
	RRTYPE_HIP = 55,
};

/* The types ldns has a line for, but no text form that it could read. */
static const ldns_rr_descriptor *describe(uint16_t type)
{
	const ldns_rr_descriptor *d = ldns_rr_descript(type);

	return d && d->_name && d->_type == (ldns_rr_type)type ? d : NULL;
}

/* ---- the normal form ---- */

static void put(struct rdata_text *x, const char *bytes, size_t len)
{
	if (x->line_room < x->line_len + len + 1) {
		x->line_room = (x->line_len + len + 1) * 2;
		x->line = memory_resize(x->line, x->line_room);
	}
	memcpy(x->line + x->line_len, bytes, len);
	x->line_len += len;
	x->line[x->line_len] = '\0';
}

static void put_format(struct rdata_text *x, const char *format, ...) PRINTF_LIKE(2, 3);

static void put_format(struct rdata_text *x, const char *format, ...)
{
	char text[NAME_TEXT_MAX + 16];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	assert(len >= 0 && (size_t)len < sizeof text);
	put(x, text, (size_t)len);
}

/* As it stands; whatever might not be one printable word to ldns becomes \DDD. "\#" would turn what
 * follows into the data of a field. */
static int put_raw(struct rdata_text *x, const struct entry_token *t)
{
	if (t->len >= 2 && memcmp(t->text, "\\#", 2) == 0)
		return rdata_refuse(x, "rdata-generic", t,
		                    "\\# stands for all of the data or for nothing "
		                    "(RFC 3597 section 5)");
	put(x, " ", 1);
	for (uint32_t i = 0; i < t->len; i++) {
		uint8_t c = (uint8_t)t->text[i];
		if (c < 0x20 || c > 0x7e)
			put_format(x, "\\%03u", c);
		else
			put(x, &t->text[i], 1);
	}
	return 0;
}

static int put_string(struct rdata_text *x, const struct entry_token *t, size_t max)
{
	uint8_t *bytes = memory_get((size_t)t->len + 1);
	int len = literal_string(t, bytes);

	if (len < 0 || (size_t)len > max) {
		free(bytes);
		if (len < 0)
			return rdata_refuse(
				x, "escape-syntax", t,
				"a backslash needs one character or three digits up "
				"to 255 behind it (RFC 1035 section 5.1)");
		return rdata_refuse(x, "string-too-long", t,
		                    "a string of %d octets; the limit is %zu", len, max);
	}
	put(x, " \"", 2);
	for (int i = 0; i < len; i++) {
		char c = (char)bytes[i];
		if (bytes[i] < 0x20 || bytes[i] > 0x7e || c == '"' || c == '\\' ||
		    c == ';')
			put_format(x, "\\%03u", bytes[i]);
		else
			put(x, &c, 1);
	}
	put(x, "\"", 1);
	free(bytes);
	return 0;
}

static int put_name(struct rdata_text *x, const struct entry_token *t,
                    const uint8_t *origin)
{
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	int err = rdata_read_name(t, origin, name);

	if (err < 0)
		return rdata_refuse_name(x, t, err);
	put_format(x, " %s", name_to_text(name, text));
	return 0;
}

static int put_number(struct rdata_text *x, const struct entry_token *t, uint32_t max)
{
	uint32_t n;
	int err = literal_number(t, max, &n);

	if (err == ERR_RANGE)
		return rdata_refuse(x, "number-range", t, "%.*s is above %u",
		                    t->len > 80 ? 80 : (int)t->len, t->text, max);
	if (err < 0)
		return rdata_refuse(x, "number-syntax", t, "\"%.*s\" is not a number",
		                    t->len > 80 ? 80 : (int)t->len, t->text);
	put_format(x, " %u", n);
	return 0;
}

/* A number, or a word for it that ldns knows. */
static int put_code(struct rdata_text *x, const struct entry_token *t, uint32_t max)
{
	if (t->len && t->text[0] >= '0' && t->text[0] <= '9')
		return put_number(x, t, max);
	if (t->len && (t->text[0] == '-' || t->text[0] == '+'))
		return put_number(x, t, max);
	return put_raw(x, t);
}

static int put_period(struct rdata_text *x, const struct entry_token *t)
{
	uint32_t n;

	if (literal_period(t, &n) < 0)
		return rdata_refuse(x, "ttl-syntax", t,
		                    "\"%.*s\" is not a time in seconds or like 1h30m",
		                    t->len > 80 ? 80 : (int)t->len, t->text);
	put_format(x, " %u", n);
	return 0;
}

/* RFC 4034 §3.2: a date, or seconds since 1970. */
static int put_time(struct rdata_text *x, const struct entry_token *t)
{
	uint32_t n;

	if (literal_time(t, &n) < 0 && literal_number(t, UINT32_MAX, &n) < 0)
		return rdata_refuse(x, "time-syntax", t,
		                    "\"%.*s\" is not a time like 20260131235959 "
		                    "(RFC 4034 section 3.2)",
		                    t->len > 80 ? 80 : (int)t->len, t->text);
	return put_raw(x, t);
}

static int put_type(struct rdata_text *x, const struct entry_token *t)
{
	int type = rrtype_from_text(t->text, t->len);

	if (type < 0)
		return rdata_refuse(
			x, "type-unknown", t,
			"\"%.*s\" is no RR type known here; TYPEnumber always works "
			"(RFC 3597 section 5)",
			t->len > 80 ? 80 : (int)t->len, t->text);
	put_format(x, " TYPE%d", type);
	return 0;
}

/* ---- fields ---- */

/* What is left to hand over. */
struct tokens {
	const struct entry_token *at;
	size_t count;
	const uint8_t *origin;
};

static const struct entry_token *next(struct tokens *from)
{
	from->count--;
	return from->at++;
}

static int put_rest_raw(struct rdata_text *x, struct tokens *from)
{
	while (from->count)
		TRY(put_raw(x, next(from)));
	return 0;
}

static int put_types(struct rdata_text *x, struct tokens *from)
{
	while (from->count)
		TRY(put_type(x, next(from)));
	return 0;
}

/* The rest in hexadecimal or base64. ldns lets an odd digit pass. */
static int put_octets(struct rdata_text *x, ldns_rdf_type kind, struct tokens *from)
{
	struct wire_writer to = wire_writer_on(x->bytes, RDATA_MAX);

	if (kind == LDNS_RDF_TYPE_HEX) {
		if (literal_hex(from->at, from->count, &to) < 0 || wire_written(&to) == 0)
			return rdata_refuse(x, "hexadecimal", from->at,
			                    "this must be pairs of hexadecimal digits");
	} else if (literal_base64(from->at, from->count, &to) < 0 ||
	           wire_written(&to) == 0) {
		return rdata_refuse(x, "base64", from->at,
		                    "this must be base64 (RFC 4648 section 4)");
	}
	return put_rest_raw(x, from);
}

/* Gives what a SvcParam has behind its key, without quotes. */
static struct entry_token svc_value(const struct entry_token *t, size_t key_len)
{
	struct entry_token value = *t;
	uint32_t quote = t->len > key_len + 1 && t->text[key_len] == '"';

	value.text += key_len + quote;
	value.len -= (uint32_t)key_len + 2 * quote;
	return value;
}

/* The one number in a SvcParam, which ldns would let wrap. */
static int put_svcparam(struct rdata_text *x, const struct entry_token *t)
{
	static const char port[] = "port=";
	struct entry_token value;
	uint32_t n;

	if (t->len >= sizeof port - 1 &&
	    strncasecmp(t->text, port, sizeof port - 1) == 0) {
		value = svc_value(t, sizeof port - 1);
		if (literal_number(&value, UINT16_MAX, &n) < 0)
			return rdata_refuse(x, "number-range", t, "a port is 0 to 65535");
	}
	return put_raw(x, t);
}

static int put_svcparams(struct rdata_text *x, struct tokens *from)
{
	while (from->count)
		TRY(put_svcparam(x, next(from)));
	return 0;
}

/* HIP: algorithm, HIT and key, in one field of ldns's. */
static int put_hip(struct rdata_text *x, struct tokens *from)
{
	TRY(put_number(x, next(from), 255));
	for (int i = 1; i < 3 && from->count; i++)
		TRY(put_raw(x, next(from)));
	return 0;
}

/* precedence, gateway type, algorithm, gateway, key: ldns would take a relative gateway name for
 * an absolute one. */
static int put_ipseckey(struct rdata_text *x, struct tokens *from)
{
	if (from->count < 4)
		return rdata_refuse(x, "rdata-format", NULL,
		                    "IPSECKEY has at least four fields");

	const struct entry_token *gateway = &from->at[1];
	for (int i = 0; i < 3; i++)
		TRY(put_number(x, next(from), 255));
	if (gateway->len == 1 && gateway->text[0] == '3')
		TRY(put_name(x, next(from), from->origin));
	return put_rest_raw(x, from);
}

/* Hands over one field, which may be all that is left. */
static int put_field(struct rdata_text *x, ldns_rdf_type kind, struct tokens *from)
{
	switch ((int)kind) {
	case LDNS_RDF_TYPE_INT8: return put_number(x, next(from), 255);
	case LDNS_RDF_TYPE_INT16: return put_number(x, next(from), 65535);
	case LDNS_RDF_TYPE_INT32: return put_number(x, next(from), UINT32_MAX);
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE: return put_code(x, next(from), 255);
	case LDNS_RDF_TYPE_CERT_ALG: return put_code(x, next(from), 65535);
	case LDNS_RDF_TYPE_PERIOD: return put_period(x, next(from));
	case LDNS_RDF_TYPE_TIME: return put_time(x, next(from));
	case LDNS_RDF_TYPE_TYPE: return put_type(x, next(from));
	case LDNS_RDF_TYPE_DNAME: return put_name(x, next(from), from->origin);
	case LDNS_RDF_TYPE_STR: return put_string(x, next(from), STRING_MAX);
	case LDNS_RDF_TYPE_LONG_STR: return put_string(x, next(from), RDATA_MAX);
	case LDNS_RDF_TYPE_NSEC: return put_types(x, from);
	case LDNS_RDF_TYPE_HEX:
	case LDNS_RDF_TYPE_B64: return put_octets(x, kind, from);
	case LDNS_RDF_TYPE_SVCPARAMS: return put_svcparams(x, from);
	case LDNS_RDF_TYPE_HIP: return put_hip(x, from);
	case LDNS_RDF_TYPE_IPSECKEY: return put_ipseckey(x, from);
	case LDNS_RDF_TYPE_A:
	case LDNS_RDF_TYPE_AAAA:
	case LDNS_RDF_TYPE_TAG:
	case LDNS_RDF_TYPE_NSEC3_SALT:
	case LDNS_RDF_TYPE_NSEC3_NEXT_OWNER: return put_raw(x, next(from));
	default: return put_rest_raw(x, from);
	}
}

/* ldns names the fields up to a minimum; what may follow is a bitmap (NSEC, NSEC3), SvcParams, or
 * more of its variable kind. */
static ldns_rdf_type field_kind(const ldns_rr_descriptor *d, size_t field)
{
	if (field < ldns_rr_descriptor_minimum(d))
		return ldns_rr_descriptor_field_type(d, field);
	if (d->_type == LDNS_RR_TYPE_NSEC || d->_type == LDNS_RR_TYPE_NSEC3)
		return LDNS_RDF_TYPE_NSEC;
	if (d->_type == LDNS_RR_TYPE_SVCB || d->_type == LDNS_RR_TYPE_HTTPS)
		return LDNS_RDF_TYPE_SVCPARAMS;
	return d->_variable;
}

static int put_line(struct rdata_text *x, const ldns_rr_descriptor *d, struct tokens from)
{
	x->line_len = 0;
	put_format(x, ". 0 IN %s", d->_name);
	for (size_t field = 0; from.count; field++)
		TRY(put_field(x, field_kind(d, field), &from));
	if (x->line_len > LDNS_TEXT_MAX)
		return rdata_refuse(
			x, "rdata-too-large", NULL,
			"more text than can be converted; write it in the form of "
			"RFC 3597: TYPE%u \\# length hexadecimal-digits",
			(unsigned)d->_type);
	return 0;
}

/* ---- ldns's records to octets and back ---- */

static int take_rdata(struct rdata_text *x, const ldns_rr *rr)
{
	struct wire_writer to = wire_writer_on(x->bytes, RDATA_MAX);

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		if (field)
			wire_write_bytes(&to, ldns_rdf_data(field), ldns_rdf_size(field));
	}
	if (!to.ok)
		return rdata_refuse(x, "rdata-too-large", NULL,
		                    "more than 65535 octets of data");
	x->len = wire_written(&to);
	return 0;
}

int rdata_read_ldns(struct rdata_text *x, uint16_t type, const struct entry_token *tokens,
                    size_t count, const uint8_t *origin)
{
	const ldns_rr_descriptor *d = describe(type);
	ldns_rr *rr = NULL;

	if (!d)
		return ERR_NOTFOUND;
	TRY(put_line(x, d,
	             (struct tokens){.at = tokens, .count = count, .origin = origin}));

	ldns_status status = ldns_rr_new_frm_str(&rr, x->line, 0, NULL, NULL);
	if (status != LDNS_STATUS_OK)
		return rdata_refuse(x, "rdata-syntax", NULL, "the data of type %s: %s",
		                    d->_name, ldns_get_errorstr_by_id(status));
	int err = take_rdata(x, rr);
	ldns_rr_free(rr);
	return err;
}

/* Gives ldns's view of RDATA, or NULL. */
static ldns_rr *rr_from_wire(uint16_t type, const uint8_t *rdata, size_t len)
{
	enum { HEADER = 11 };
	uint8_t *wire = memory_get(HEADER + len);
	struct wire_writer to = wire_writer_on(wire, HEADER + len);
	ldns_rr *rr = NULL;
	size_t at = 0;

	wire_write8(&to, 0);
	wire_write16(&to, type);
	wire_write16(&to, LDNS_RR_CLASS_IN);
	wire_write32(&to, 0);
	wire_write16(&to, (uint16_t)len);
	wire_write_bytes(&to, rdata, len);
	if (ldns_wire2rr(&rr, wire, HEADER + len, &at, LDNS_SECTION_ANSWER) !=
	    LDNS_STATUS_OK)
		rr = NULL;
	free(wire);
	return rr;
}

/* Cuts ". 0 IN TYPE " off the front and the newline off the end. */
static int cut_rdata(struct rdata_text *x)
{
	const char *at = x->line;

	for (int i = 0; i < 4; i++) {
		at = strchr(at, '\t');
		if (!at)
			return ERR_NOTFOUND;
		at++;
	}
	x->line_len -= (size_t)(at - x->line);
	memmove(x->line, at, x->line_len + 1);
	while (x->line_len &&
	       (x->line[x->line_len - 1] == '\n' || x->line[x->line_len - 1] == ' '))
		x->line[--x->line_len] = '\0';
	return 0;
}

int rdata_print_ldns(struct rdata_text *x, uint16_t type, const uint8_t *rdata,
                     size_t len)
{
	if (!describe(type))
		return ERR_NOTFOUND;

	ldns_rr *rr = rr_from_wire(type, rdata, len);
	if (!rr)
		return ERR_NOTFOUND;
	/* It does not make room for all that it writes of SVCB, and stops the process then. */
	ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN + TEXT_PER_OCTET * len);
	if (!buffer)
		abort();

	int err = ERR_NOTFOUND;
	if (ldns_rr2buffer_str_fmt(buffer, ldns_output_format_nocomments, rr) ==
	    LDNS_STATUS_OK) {
		x->line_len = 0;
		put(x, (const char *)ldns_buffer_begin(buffer),
		    ldns_buffer_position(buffer));
		err = cut_rdata(x);
	}
	ldns_buffer_free(buffer);
	ldns_rr_free(rr);
	return err;
}
