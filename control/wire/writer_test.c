// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/wire/writer.h"

#include <stdlib.h>

#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

static struct message_writer writer;
static struct message_walk walk;
static uint64_t random_state = 0x9e3779b97f4a7c15;

static unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

/* Names of few letters and labels: much of them comes again. */
static uint8_t random_name(uint8_t *out)
{
	unsigned labels = random_below(6);
	uint8_t at = 0;

	while (labels-- > 0) {
		uint8_t n = (uint8_t)(1 + random_below(3));
		out[at++] = n;
		while (n-- > 0)
			out[at++] = (uint8_t) "abAB"[random_below(4)];
	}
	out[at++] = 0;
	return at;
}

static const uint16_t types[] = {RRTYPE_A,     RRTYPE_NS,   RRTYPE_MX, RRTYPE_SOA,
                                 RRTYPE_SRV,   RRTYPE_TXT,  17,        RRTYPE_RRSIG,
                                 RRTYPE_DNAME, RRTYPE_NSEC, 65280};

static void random_record(struct message_record *r, uint8_t *rdata, uint8_t section)
{
	struct wire_writer to = wire_writer_on(rdata, 1024);

	*r = (struct message_record){.section = section,
	                             .type = types[random_below(ARRAY_LEN(types))],
	                             .rrclass = CLASS_IN,
	                             .ttl = random_below(100000),
	                             .rdata = rdata};
	r->owner_len = random_name(r->owner);
	const struct rrtype *t = rrtype_by_number(r->type);
	for (const char *field = t ? t->layout : "*"; *field; field++) {
		uint8_t bytes[NAME_MAX_LEN] = {0};
		unsigned n = *field == '*' ? random_below(40) : (unsigned)(*field - '0');
		if (*field == 'N' || *field == 'n')
			n = random_name(bytes);
		wire_write_bytes(&to, bytes, n);
	}
	assert_true(to.ok);
	r->rdata_len = (uint16_t)wire_written(&to);
}

enum { RECORDS = 200 };

static void what_is_written_is_read_again(void **state)
{
	static struct message_record records[RECORDS];
	static uint8_t rdata[RECORDS][1024];
	uint8_t room[1200];

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		uint8_t question[NAME_MAX_LEN];
		uint8_t section = SECTION_ANSWER;
		unsigned count = 0;

		random_name(question);
		message_begin(&writer, room, 12 + 260 + random_below(900), 77,
		              MESSAGE_QR);
		assert_true(
			message_put_question(&writer, question, RRTYPE_AXFR, CLASS_IN));
		while (count < RECORDS && section < MESSAGE_SECTIONS) {
			random_record(&records[count], rdata[count], section);
			if (message_put(&writer, &records[count]))
				count++;
			section = (uint8_t)(section + (random_below(12) == 0));
		}

		struct message m;
		uint16_t len = message_end(&writer);
		assert_int_equal(message_open(room, len, &m), 0);
		assert_memory_equal(m.qname, question, m.qname_len);
		message_walk_begin(&walk, &m);
		for (unsigned i = 0; i < count; i++) {
			struct message_record r;
			assert_int_equal(message_next(&walk, &r), 0);
			assert_int_equal(r.section, records[i].section);
			assert_int_equal(r.type, records[i].type);
			assert_int_equal(r.ttl, records[i].ttl);
			assert_int_equal(r.owner_len, records[i].owner_len);
			assert_memory_equal(r.owner, records[i].owner, r.owner_len);
			assert_int_equal(r.rdata_len, records[i].rdata_len);
			if (r.rdata_len)
				assert_memory_equal(r.rdata, records[i].rdata,
				                    r.rdata_len);
		}
		struct message_record r;
		assert_int_equal(message_next(&walk, &r), ERR_NOTFOUND);
	}
}

static struct message_record record_of(const char *owner, uint8_t owner_len,
                                       uint16_t type, const char *rdata,
                                       uint16_t rdata_len)
{
	struct message_record r = {.section = SECTION_ANSWER,
	                           .owner_len = owner_len,
	                           .type = type,
	                           .rrclass = CLASS_IN,
	                           .rdata = (const uint8_t *)rdata,
	                           .rdata_len = rdata_len};

	memcpy(r.owner, owner, owner_len);
	return r;
}

static void names_are_shortened_where_they_may(void **state)
{
	uint8_t room[512];
	struct message_record ns =
		record_of("\7example", 9, RRTYPE_NS, "\2ns\7example", 12);
	struct message_record dname =
		record_of("\2ns\7example", 12, RRTYPE_DNAME, "\2ns\7example", 12);
	struct message_record other = record_of("\7Example", 9, RRTYPE_A, "\1\2\3\4", 4);

	(void)state;
	message_begin(&writer, room, sizeof room, 1, MESSAGE_QR);
	assert_true(message_put_question(&writer, ns.owner, RRTYPE_NS, CLASS_IN));
	assert_int_equal(message_end(&writer), 12 + 13);
	assert_true(message_put(&writer, &ns)); /* pointer; label and pointer */
	assert_int_equal(message_end(&writer), 25 + 12 + 5);
	assert_true(message_put(&writer, &dname)); /* pointer; never shortened */
	assert_int_equal(message_end(&writer), 42 + 12 + 12);
	assert_true(message_put(&writer, &other)); /* other letters: another name */
	assert_int_equal(message_end(&writer), 66 + 9 + 10 + 4);
}

static void what_finds_no_room_leaves_nothing(void **state)
{
	uint8_t room[64];
	uint8_t before[64];
	struct message_record ns =
		record_of("\7example", 9, RRTYPE_NS, "\2ns\5other", 10);

	(void)state;
	message_begin(&writer, room, sizeof room, 1, MESSAGE_QR);
	assert_true(message_put(&writer, &ns));
	uint16_t len = message_end(&writer);
	message_begin(&writer, room, len + 5U, 1, MESSAGE_QR);
	assert_true(message_put(&writer, &ns));
	assert_int_equal(message_end(&writer), len);
	memcpy(before, room, len);
	assert_false(message_put(&writer, &ns));
	assert_false(message_put_opt(&writer, &(struct message_opt){.udp_size = 1232}));
	assert_int_equal(message_end(&writer), len);
	assert_memory_equal(room, before, len);
}

static void opt_is_read_as_it_was_written(void **state)
{
	const struct message_opt opts[] = {
		{.there = true, .udp_size = 4096},
		{.there = true, .udp_size = 512, .dnssec_ok = true, .version = 1},
		{.there = true, .expire_asked = true},
		{.there = true, .has_expire = true, .expire = 604800},
		{.there = true, .has_ede = true, .ede = 0, .rcode_high = 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		uint8_t room[64];
		struct message m;
		struct message_record r;
		struct message_opt o;
		message_begin(&writer, room, sizeof room, 1, 0);
		assert_true(message_put_opt(&writer, &opts[i]));
		assert_int_equal(message_open(room, message_end(&writer), &m), 0);
		message_walk_begin(&walk, &m);
		assert_int_equal(message_next(&walk, &r), 0);
		assert_int_equal(opt_read(&r, &o), 0);
		assert_int_equal(o.udp_size, opts[i].udp_size);
		assert_int_equal(o.dnssec_ok, opts[i].dnssec_ok);
		assert_int_equal(o.version, opts[i].version);
		assert_int_equal(o.rcode_high, opts[i].rcode_high);
		assert_int_equal(o.expire_asked, opts[i].expire_asked);
		assert_int_equal(o.has_expire, opts[i].has_expire);
		assert_int_equal(o.expire, opts[i].expire);
		assert_int_equal(o.has_ede, opts[i].has_ede);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(names_are_shortened_where_they_may),
		cmocka_unit_test(what_finds_no_room_leaves_nothing),
		cmocka_unit_test(opt_is_read_as_it_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
