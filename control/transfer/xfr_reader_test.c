/*
 * Transfers as they may come, each as one line: records by a letter and a number, "|" where the next
 * message begins.
 *
 *   S3  the zone's SOA with serial 3       T3  the same serial, but another SOA
 *   s3  an SOA below the apex              N   the apex's NS
 *   A1  www A 192.0.2.1                    G1  the same with a signature's type
 *   X   a record of another zone           C   one of class CH
 *   B   an A of three octets               M   one of type ANY
 */
#include "control/transfer/xfr_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/wire/reader.h"
#include "control/wire/writer.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t zone[] = "\7example";

enum { MESSAGES = 8, ROOM = 4096, ID = 0x1234 };

static struct message_writer writer;
static uint8_t room[MESSAGES][ROOM];
static uint16_t lengths[MESSAGES];
static size_t messages;
static uint32_t ttl = 300;

/* ---- making messages ---- */

static void put(const char *owner, uint16_t type, const void *rdata, uint16_t len)
{
	struct message_record r = {.section = SECTION_ANSWER,
	                           .type = type,
	                           .rrclass = CLASS_IN,
	                           .ttl = ttl,
	                           .rdata_len = len,
	                           .rdata = rdata};
	int owner_len = name_from_text(owner, strlen(owner), zone, r.owner);

	assert_true(owner_len > 0);
	r.owner_len = (uint8_t)owner_len;
	if (owner[0] == 'c')
		r.rrclass = 3;
	assert_true(message_put(&writer, &r));
}

static void put_soa(const char *owner, uint8_t serial, uint8_t other)
{
	uint8_t rdata[22] = {0};

	rdata[5] = serial;
	rdata[21] = other;
	put(owner, RRTYPE_SOA, rdata, sizeof rdata);
}

static void put_signature(uint8_t key)
{
	uint8_t rdata[28] = {0, RRTYPE_A, 13, 2};

	rdata[17] = key;
	memcpy(rdata + 18, "\7example", 9);
	put("www", RRTYPE_RRSIG, rdata, sizeof rdata);
}

static void put_record(const char *token)
{
	uint8_t n = (uint8_t)strtoul(token + 1, NULL, 10);
	const uint8_t address[] = {192, 0, 2, n};

	switch (token[0]) {
	case 'S': put_soa("example.", n, 0); break;
	case 'T': put_soa("EXAMPLE.", n, 1); break;
	case 's': put_soa("www", n, 0); break;
	case 'N': put("example.", RRTYPE_NS, "\2ns\7example", 12); break;
	case 'A': put("www", RRTYPE_A, address, sizeof address); break;
	case 'G': put_signature(n); break;
	case 'X': put("www.example.net.", RRTYPE_A, address, sizeof address); break;
	case 'C': put("ch", RRTYPE_A, address, sizeof address); break;
	case 'B': put("www", RRTYPE_A, address, 3); break;
	case 'M': put("www", 255, address, sizeof address); break;
	default: fail_msg("no such record: %s", token);
	}
}

static void begin_message(uint16_t type)
{
	message_begin(&writer, room[messages], ROOM, ID, MESSAGE_QR | MESSAGE_AA);
	if (messages == 0)
		assert_true(message_put_question(&writer, zone, type, CLASS_IN));
}

static void make(uint16_t type, const char *line)
{
	char text[256];
	char *rest = text;
	const char *token;

	assert_true(strlen(line) < sizeof text);
	strcpy(text, line);
	messages = 0;
	begin_message(type);
	while ((token = strtok_r(rest, " ", &rest))) {
		if (token[0] != '|') {
			put_record(token);
			continue;
		}
		lengths[messages++] = message_end(&writer);
		begin_message(type);
	}
	lengths[messages++] = message_end(&writer);
}

/* ---- reading them ---- */

static struct transfer_reader *reader(uint16_t type, uint32_t have)
{
	const struct transfer_asked asked = {
		.zone = zone, .id = ID, .type = type, .have_serial = have};

	return transfer_reader_new(&asked);
}

static int take_all(struct transfer_reader *r, bool *ended)
{
	*ended = false;
	for (size_t i = 0; i < messages; i++)
		TRY(transfer_take(r, room[i], lengths[i], ended));
	return 0;
}

struct accepted {
	uint16_t type;
	uint32_t have;
	const char *line;
	enum transfer_kind kind;
	uint32_t serial;
	size_t records; /* of contents, or of the delta */
};

static const struct accepted accepted[] = {
	{RRTYPE_AXFR, 0, "S3 N A1 A2 S3", TRANSFER_WHOLE, 3, 4},
	{RRTYPE_AXFR, 0, "S3 | N | A1 | G1 | S3", TRANSFER_WHOLE, 3, 4},
	{RRTYPE_AXFR, 0, "S3 N A1 A1 S3", TRANSFER_WHOLE, 3, 3},
	{RRTYPE_IXFR, 3, "S3", TRANSFER_CURRENT, 3, 0},
	{RRTYPE_IXFR, 4, "S3", TRANSFER_CURRENT, 3, 0},
	{RRTYPE_IXFR, 2, "S3 N A1 S3", TRANSFER_WHOLE, 3, 3},
	{RRTYPE_IXFR, 2, "S3 | N A1 S3", TRANSFER_WHOLE, 3, 3},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S3 A2 S3", TRANSFER_DELTA, 3, 4},
	{RRTYPE_IXFR, 1, "S3 S1 A1 S2 A2 S2 A2 S3 A3 S3", TRANSFER_DELTA, 3, 8},
	{RRTYPE_IXFR, 1, "S3 | S1 A1 | S2 | A2 G1 S2 A2 | S3 A3 | S3", TRANSFER_DELTA, 3,
         9},
	{RRTYPE_IXFR, 2, "S3 S2 S3 S3", TRANSFER_DELTA, 3, 2},
};

static void check_accepted(const struct accepted *a)
{
	struct transfer_reader *r = reader(a->type, a->have);
	struct contents *whole;
	struct delta *delta;
	uint32_t serial;
	bool ended;

	make(a->type, a->line);
	if (take_all(r, &ended) < 0 || !ended || transfer_end(r) < 0)
		fail_msg("%s: %s", a->line,
		         transfer_problem(r).rule ? transfer_problem(r).text : "no end");
	assert_int_equal(transfer_result(r, &whole, &delta, &serial), a->kind);
	assert_int_equal(serial, a->serial);
	assert_int_equal(whole != NULL, a->kind == TRANSFER_WHOLE);
	assert_int_equal(delta != NULL, a->kind == TRANSFER_DELTA);
	if (whole)
		assert_int_equal(whole->records, a->records);
	if (delta)
		assert_int_equal(delta->count, a->records);
	contents_free(whole);
	delta_free(delta);
	transfer_reader_free(r);
}

static void transfers_are_read_however_they_are_cut_into_messages(UNUSED void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++)
		check_accepted(&accepted[i]);
}

struct refused {
	uint16_t type;
	uint32_t have;
	const char *line;
	const char *rule;
};

static const struct refused refused[] = {
	{RRTYPE_AXFR, 0, "N S3 A1 S3", "transfer-soa"},
	{RRTYPE_AXFR, 0, "s3 N A1 s3", "transfer-soa"},
	{RRTYPE_AXFR, 0, "S3 N A1 S4", "transfer-soa"},
	{RRTYPE_AXFR, 0, "S3 N A1 T3", "transfer-soa"},
	{RRTYPE_AXFR, 0, "S3 N s3 A1 S3", "transfer-soa"},
	{RRTYPE_AXFR, 0, "S3 N S3 A1 S3", "transfer-behind-end"},
	{RRTYPE_AXFR, 0, "S3 N A1 S3 | A2", "transfer-behind-end"},
	{RRTYPE_AXFR, 0, "S3 N X S3", "out-of-zone"},
	{RRTYPE_AXFR, 0, "S3 N C S3", "transfer-class"},
	{RRTYPE_AXFR, 0, "S3 N B S3", "rdata-format"},
	{RRTYPE_AXFR, 0, "S3 N M S3", "meta-type"},
	{RRTYPE_AXFR, 0, "S3 N | | S3", "transfer-format"},
	{RRTYPE_AXFR, 0, "S3 A1 S3", "ns-missing"},
	{RRTYPE_AXFR, 0, "S3 N A1 A2", "transfer-format"},
	{RRTYPE_AXFR, 0, "S3", "transfer-format"},
	{RRTYPE_IXFR, 1, "S3 S2 A1 S3 A2 S3", "transfer-sequence"},
	{RRTYPE_IXFR, 1, "S3 S1 A1 S2 A2 S1 A1 S3 S3", "transfer-sequence"},
	{RRTYPE_IXFR, 1, "S3 S1 A1 S2 A2 S3", "transfer-sequence"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S1 A2 S3", "transfer-sequence"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S2 A2 S3", "transfer-sequence"},
	{RRTYPE_IXFR, 3, "S2 S3 A1 S2 S2", "transfer-sequence"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S3 A2 T3", "transfer-soa"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S3 A2 S3 A4", "transfer-behind-end"},
	{RRTYPE_IXFR, 2, "S3 S2 X S3 A2 S3", "out-of-zone"},
	{RRTYPE_IXFR, 2, "S3 S2 B S3 A2 S3", "rdata-format"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S3 M S3", "meta-type"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S3 C S3", "transfer-class"},
	{RRTYPE_IXFR, 2, "S3 S2 A1 S3 A2", "transfer-format"},
	{RRTYPE_IXFR, 2, "S3", "transfer-format"},
};

static void what_is_not_a_whole_transfer_is_refused_by_name(UNUSED void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct refused *f = &refused[i];
		struct transfer_reader *r = reader(f->type, f->have);
		bool ended;

		make(f->type, f->line);
		int err = take_all(r, &ended);
		if (err == 0)
			err = transfer_end(r);
		if (err != ERR_REFUSED || strcmp(transfer_problem(r).rule, f->rule) != 0)
			fail_msg("%s: %s instead of %s", f->line,
			         err ? transfer_problem(r).rule : "accepted", f->rule);
		transfer_reader_free(r);
	}
}

/* Nothing of a message that is cut short is believed, wherever it is cut. */
static void cut_at(const struct accepted *a, size_t message, uint16_t len)
{
	struct transfer_reader *r = reader(a->type, a->have);
	bool ended;

	for (size_t i = 0; i < message; i++)
		assert_int_equal(transfer_take(r, room[i], lengths[i], &ended), 0);
	assert_int_equal(transfer_take(r, room[message], len, &ended), ERR_REFUSED);
	transfer_reader_free(r);
}

static void a_message_cut_at_any_octet_is_refused(UNUSED void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		make(accepted[i].type, accepted[i].line);
		for (size_t m = 0; m < messages; m++)
			for (uint16_t len = 0; len < lengths[m]; len++)
				cut_at(&accepted[i], m, len);
	}
}

/* Octets of the header, of which each must be as it was asked. */
static void expect_refused_with(size_t at, uint8_t bits, const char *rule)
{
	struct transfer_reader *r = reader(RRTYPE_AXFR, 0);
	bool ended;

	make(RRTYPE_AXFR, "S3 N A1 S3");
	room[0][at] ^= bits;
	assert_int_equal(take_all(r, &ended), ERR_REFUSED);
	assert_string_equal(transfer_problem(r).rule, rule);
	transfer_reader_free(r);
}

static void answers_to_something_else_are_refused(UNUSED void **state)
{
	expect_refused_with(0, 1, "transfer-answer");    /* ID */
	expect_refused_with(2, 0x80, "transfer-answer"); /* no answer */
	expect_refused_with(2, 0x20, "transfer-answer"); /* NOTIFY */
	expect_refused_with(2, 0x02, "transfer-answer"); /* TC */
	expect_refused_with(3, 5, "transfer-rcode");
	expect_refused_with(13, 1, "transfer-answer");    /* another zone */
	expect_refused_with(22, 0x01, "transfer-answer"); /* another type */
	expect_refused_with(24, 0x01, "transfer-answer"); /* another class */
}

static void the_rcode_is_given(UNUSED void **state)
{
	struct transfer_reader *r = reader(RRTYPE_IXFR, 1);
	bool ended;

	make(RRTYPE_IXFR, "S3");
	room[0][3] |= 4;
	assert_int_equal(take_all(r, &ended), ERR_REFUSED);
	assert_string_equal(transfer_problem(r).text, "the primary answers with rcode 4");
	transfer_reader_free(r);
}

static int take_limited(uint64_t records, uint64_t octets)
{
	const struct transfer_asked asked = {
		.zone = zone,
		.id = ID,
		.type = RRTYPE_AXFR,
		.limits = {.max_records = records, .max_octets = octets}};
	struct transfer_reader *r = transfer_reader_new(&asked);
	bool ended;

	make(RRTYPE_AXFR, "S3 N A1 A2 | A3 S3");
	int err = take_all(r, &ended);
	if (err < 0)
		assert_string_equal(transfer_problem(r).rule, "transfer-limit");
	transfer_reader_free(r);
	return err;
}

static void there_is_no_more_of_it_than_allowed(UNUSED void **state)
{
	assert_int_equal(take_limited(6, 0), 0);
	assert_int_equal(take_limited(5, 0), ERR_TOOBIG);
	uint64_t octets = (uint64_t)lengths[0] + lengths[1];
	assert_int_equal(take_limited(0, octets), 0);
	assert_int_equal(take_limited(0, octets - 1), ERR_TOOBIG);
}

static uint32_t ttl_as_read(uint32_t given)
{
	struct transfer_reader *r = reader(RRTYPE_AXFR, 0);
	struct contents *whole;
	struct delta *delta;
	struct rrset set;
	uint32_t serial;
	bool ended;

	ttl = given;
	make(RRTYPE_AXFR, "S3 N S3");
	ttl = 300;
	assert_int_equal(take_all(r, &ended), 0);
	assert_int_equal(transfer_end(r), 0);
	assert_int_equal(transfer_result(r, &whole, &delta, &serial), TRANSFER_WHOLE);
	const struct contents_rrset *first = &whole->rrsets[0];
	assert_int_equal(rrset_open(first->type, first->blob, first->size, &set), 0);
	contents_free(whole);
	transfer_reader_free(r);
	return set.ttl;
}

static void a_time_to_live_of_more_than_31_bits_is_none(UNUSED void **state)
{
	assert_int_equal(ttl_as_read(0x7fffffff), 0x7fffffff);
	assert_int_equal(ttl_as_read(0x80000000), 0);
	assert_int_equal(ttl_as_read(0xffffffff), 0);
}

static void a_primary_may_say_when_the_zone_expires(UNUSED void **state)
{
	const struct message_opt opt = {
		.there = true, .udp_size = 1232, .has_expire = true, .expire = 86400};
	struct transfer_reader *r = reader(RRTYPE_IXFR, 3);
	uint32_t seconds = 0;
	bool ended;

	messages = 0;
	begin_message(RRTYPE_IXFR);
	put_record("S3");
	assert_true(message_put_opt(&writer, &opt));
	lengths[messages++] = message_end(&writer);
	assert_false(transfer_expire(r, &seconds));
	assert_int_equal(take_all(r, &ended), 0);
	assert_true(transfer_expire(r, &seconds));
	assert_int_equal(seconds, 86400);
	transfer_reader_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfers_are_read_however_they_are_cut_into_messages),
		cmocka_unit_test(what_is_not_a_whole_transfer_is_refused_by_name),
		cmocka_unit_test(a_message_cut_at_any_octet_is_refused),
		cmocka_unit_test(answers_to_something_else_are_refused),
		cmocka_unit_test(the_rcode_is_given),
		cmocka_unit_test(there_is_no_more_of_it_than_allowed),
		cmocka_unit_test(a_time_to_live_of_more_than_31_bits_is_none),
		cmocka_unit_test(a_primary_may_say_when_the_zone_expires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
