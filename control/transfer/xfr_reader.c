/*
 * What is expected depends on what came before it:
 *
 *   FIRST   the SOA that says which serial the primary has
 *   SECOND  of an IXFR: the SOA of the serial asked from, which makes it differences, or anything
 *           else, which makes it a whole zone. Nothing in the first message: there is nothing newer.
 *   WHOLE   records, until the first SOA comes again
 *   GOES    records that go, until the SOA of the next serial
 *   COMES   records that come, until the SOA of that serial, where more goes, or, when it is the
 *           primary's, where all ends
 *   ENDED
 */
#include "control/transfer/xfr_reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/diag.h"
#include "control/wire/opt.h"
#include "control/wire/reader.h"
#include "control/zone/rdata.h"
#include "control/zone/soa.h"
#include "control/zone/zonemd.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum state { FIRST, SECOND, WHOLE, GOES, COMES, ENDED };

struct transfer_reader {
	uint8_t zone[NAME_MAX_LEN]; /* folded */
	struct transfer_asked asked;
	enum state state;
	enum transfer_kind kind;
	uint64_t octets, records;
	uint32_t serial; /* the primary's */
	uint32_t at;     /* GOES, COMES: the serial that the differences have led to */
	uint8_t *soa;    /* the first one's RDATA */
	uint16_t soa_len;
	uint32_t soa_ttl;
	bool has_expire;
	uint32_t expire;
	struct contents_builder *builder;
	struct contents *whole;
	struct delta *delta;
	struct diag diag;
	struct message message;
	struct message_walk walk;
};

struct transfer_reader *transfer_reader_new(const struct transfer_asked *asked)
{
	struct transfer_reader *r = memory_get(sizeof *r);
	size_t len = name_len(asked->zone, NAME_MAX_LEN);

	assert(len > 0);
	memset(r, 0, offsetof(struct transfer_reader, walk));
	memcpy(r->zone, asked->zone, len);
	name_fold(r->zone, len);
	r->asked = *asked;
	r->asked.zone = r->zone;
	r->at = asked->have_serial;
	diag_init(&r->diag);
	return r;
}

void transfer_reader_free(struct transfer_reader *r)
{
	if (!r)
		return;
	contents_builder_free(r->builder);
	contents_free(r->whole);
	delta_free(r->delta);
	diag_fini(&r->diag);
	free(r->soa);
	free(r);
}

/* ---- refusing ---- */

static int PRINTF_LIKE(3, 4)
	refuse(struct transfer_reader *r, const char *rule, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	diag_add(&r->diag, DIAG_ERROR, rule, "", 0, 0, "%s", text);
	return ERR_REFUSED;
}

static int refuse_soa(struct transfer_reader *r, const char *text)
{
	return refuse(r, "transfer-soa", "%s", text);
}

struct transfer_problem transfer_problem(const struct transfer_reader *r)
{
	const struct diag_entry *first = diag_first_error(&r->diag);

	return first ? (struct transfer_problem){.rule = first->rule, .text = first->text}
	             : (struct transfer_problem){0};
}

/* ---- records ---- */

static int take_record(struct transfer_reader *r, const struct message_record *m)
{
	const struct rdata rdata = {.bytes = m->rdata, .len = m->rdata_len};

	if (r->state == WHOLE)
		return contents_builder_add(r->builder, m->owner, m->type, m->ttl,
		                            m->rdata, m->rdata_len, 0, 0, &r->diag);
	TRY(contents_check_record(r->zone, m->owner, m->type, rdata, &r->diag));
	return delta_add(r->delta, r->state == GOES ? DELTA_GOES : DELTA_COMES, m->owner,
	                 m->type, m->ttl, rdata);
}

/* Its form has been checked. */
static uint32_t soa_serial(const struct message_record *m)
{
	return soa_number(m->rdata, m->rdata_len, SOA_SERIAL);
}

static bool is_first_soa(const struct transfer_reader *r, const struct message_record *m)
{
	return m->rdata_len == r->soa_len &&
	       rdata_compare(RRTYPE_SOA, m->rdata, m->rdata_len, r->soa, r->soa_len) == 0;
}

static void begin_whole(struct transfer_reader *r)
{
	r->state = WHOLE;
	r->kind = TRANSFER_WHOLE;
	r->builder = contents_builder_new(r->zone);
}

static int take_first(struct transfer_reader *r, const struct message_record *m)
{
	r->serial = soa_serial(m);
	r->soa = memory_get(m->rdata_len);
	memcpy(r->soa, m->rdata, m->rdata_len);
	r->soa_len = m->rdata_len;
	r->soa_ttl = m->ttl;
	if (r->asked.type == RRTYPE_IXFR) {
		r->state = SECOND;
		return 0;
	}
	begin_whole(r);
	return take_record(r, m);
}

static int begin_delta(struct transfer_reader *r, const struct message_record *m)
{
	if (!serial_newer(r->serial, r->asked.have_serial))
		return refuse(r, "transfer-sequence",
		              "differences to the serial %" PRIu32
		              ", which is not newer than %" PRIu32,
		              r->serial, r->asked.have_serial);
	r->kind = TRANSFER_DELTA;
	r->state = GOES;
	r->delta = delta_new(r->zone);
	r->delta->from = r->asked.have_serial;
	r->delta->to = r->serial;
	return take_record(r, m);
}

/* The second record decides what an IXFR is answered with. */
static int take_second(struct transfer_reader *r, const struct message_record *m)
{
	struct message_record first = {
		.type = RRTYPE_SOA,
		.rdata_len = r->soa_len,
		.ttl = r->soa_ttl,
		.rdata = r->soa,
	};

	if (m->type == RRTYPE_SOA && !is_first_soa(r, m)) {
		if (soa_serial(m) == r->asked.have_serial)
			return begin_delta(r, m);
		return refuse(r, "transfer-sequence",
		              "differences from the serial %" PRIu32
		              " instead of %" PRIu32,
		              soa_serial(m), r->asked.have_serial);
	}
	memcpy(first.owner, r->zone, name_len(r->zone, NAME_MAX_LEN));
	begin_whole(r);
	TRY(take_record(r, &first));
	if (m->type != RRTYPE_SOA)
		return take_record(r, m);
	r->state = ENDED;
	return 0;
}

/* Behind what goes: what comes. */
static int take_next_serial(struct transfer_reader *r, const struct message_record *m)
{
	uint32_t serial = soa_serial(m);

	if (!serial_newer(serial, r->at))
		return refuse(r, "transfer-sequence",
		              "differences from the serial %" PRIu32 " to %" PRIu32
		              ", which is not newer",
		              r->at, serial);
	r->at = serial;
	r->state = COMES;
	return take_record(r, m);
}

/* Behind what comes: the end, or what goes next. */
static int take_same_serial(struct transfer_reader *r, const struct message_record *m)
{
	if (soa_serial(m) != r->at)
		return refuse(r, "transfer-sequence",
		              "differences from the serial %" PRIu32
		              " behind those to %" PRIu32,
		              soa_serial(m), r->at);
	if (r->at != r->serial) {
		r->state = GOES;
		return take_record(r, m);
	}
	if (!is_first_soa(r, m))
		return refuse_soa(r, "the last SOA is not the first one");
	r->state = ENDED;
	return 0;
}

static int take_soa(struct transfer_reader *r, const struct message_record *m)
{
	if (rdata_check(RRTYPE_SOA, m->rdata, m->rdata_len) < 0)
		return refuse(r, "rdata-format", "an SOA's data does not have its form");
	if (!name_equal(m->owner, r->zone))
		return refuse_soa(r, "an SOA that is not the zone's");
	switch (r->state) {
	case FIRST: return take_first(r, m);
	case SECOND: return take_second(r, m);
	case GOES: return take_next_serial(r, m);
	case COMES: return take_same_serial(r, m);
	case WHOLE:
	case ENDED: break;
	}
	if (!is_first_soa(r, m))
		return refuse_soa(r, "the last SOA is not the first one");
	r->state = ENDED;
	return 0;
}

static int take_answer(struct transfer_reader *r, const struct message_record *m)
{
	if (++r->records > r->asked.limits.max_records && r->asked.limits.max_records) {
		(void)refuse(r, "transfer-limit", "more than %" PRIu64 " records",
		             r->asked.limits.max_records);
		return ERR_TOOBIG;
	}
	if (r->state == ENDED)
		return refuse(r, "transfer-behind-end", "records behind the last SOA");
	if (m->rrclass != CLASS_IN)
		return refuse(r, "transfer-class", "a record of class %u", m->rrclass);
	if (m->type == RRTYPE_SOA)
		return take_soa(r, m);
	if (r->state == FIRST)
		return refuse_soa(r, "the first record is no SOA");
	return r->state == SECOND ? take_second(r, m) : take_record(r, m);
}

/* ---- messages ---- */

static int check_header(struct transfer_reader *r)
{
	const struct message *m = &r->message;

	if (m->id != r->asked.id || !(m->flags & MESSAGE_QR) || m->opcode != OPCODE_QUERY)
		return refuse(r, "transfer-answer", "not an answer to what was asked");
	if (m->asked && (m->qtype != r->asked.type || m->qclass != CLASS_IN ||
	                 !name_equal(m->qname, r->zone)))
		return refuse(r, "transfer-answer", "the answer to another question");
	if (m->rcode != RCODE_NOERROR)
		return refuse(r, "transfer-rcode", "the primary answers with rcode %u",
		              m->rcode);
	if (m->flags & MESSAGE_TC)
		return refuse(r, "transfer-answer", "the answer is truncated");
	if (m->counts[SECTION_ANSWER] == 0)
		return refuse(r, "transfer-format", "a message without a record");
	return 0;
}

static void take_opt(struct transfer_reader *r, const struct message_record *m)
{
	struct message_opt opt;

	if (opt_read(m, &opt) == 0 && opt.has_expire) {
		r->has_expire = true;
		r->expire = opt.expire;
	}
}

static int take_answers(struct transfer_reader *r)
{
	struct message_record m;
	int err;

	message_walk_begin(&r->walk, &r->message);
	while ((err = message_next(&r->walk, &m)) == 0) {
		if (m.section == SECTION_ANSWER && m.ttl > TTL_MAX)
			m.ttl = 0; /* RFC 2181 §8 */
		if (m.section == SECTION_ANSWER)
			TRY(take_answer(r, &m));
		else if (m.section == SECTION_ADDITIONAL && m.type == RRTYPE_OPT)
			take_opt(r, &m);
	}
	if (err != ERR_NOTFOUND)
		return refuse(r, "transfer-format", "a record that is none");
	return 0;
}

int transfer_take(struct transfer_reader *r, const uint8_t *message, size_t len,
                  bool *ended)
{
	r->octets += len;
	if (r->octets > r->asked.limits.max_octets && r->asked.limits.max_octets) {
		(void)refuse(r, "transfer-limit", "more than %" PRIu64 " octets",
		             r->asked.limits.max_octets);
		return ERR_TOOBIG;
	}
	if (r->state == ENDED)
		return refuse(r, "transfer-behind-end", "a message behind the last SOA");
	if (message_open(message, len, &r->message) < 0)
		return refuse(r, "transfer-format", "no DNS message");
	TRY(check_header(r));
	TRY(take_answers(r));
	/* An SOA alone says that there is nothing newer; a newer one is the begin of a transfer whose
	 * first message has nothing else in it. */
	if (r->state == SECOND && !serial_newer(r->serial, r->asked.have_serial)) {
		r->kind = TRANSFER_CURRENT;
		r->state = ENDED;
	}
	*ended = r->state == ENDED;
	return 0;
}

int transfer_end(struct transfer_reader *r)
{
	if (r->state != ENDED)
		return refuse(r, "transfer-format", "the answer has no end");
	if (r->kind == TRANSFER_DELTA)
		delta_end(r->delta);
	if (r->kind != TRANSFER_WHOLE)
		return 0;
	TRY(contents_builder_finish(&r->builder, &r->whole, &r->diag));
	if (r->asked.unchecked)
		return 0;
	TRY(contents_check(r->whole, &r->diag));
	return r->asked.zonemd_check ? zonemd_check(r->whole, &r->diag) : 0;
}

enum transfer_kind transfer_result(struct transfer_reader *r, struct contents **whole,
                                   struct delta **delta, uint32_t *serial)
{
	*whole = r->whole;
	*delta = r->delta;
	*serial = r->serial;
	r->whole = NULL;
	r->delta = NULL;
	return r->kind;
}

bool transfer_expire(const struct transfer_reader *r, uint32_t *seconds)
{
	if (r->has_expire)
		*seconds = r->expire;
	return r->has_expire;
}

uint64_t transfer_octets(const struct transfer_reader *r)
{
	return r->octets;
}

uint64_t transfer_records(const struct transfer_reader *r)
{
	return r->records;
}
