// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/wire/reader.h"

#include <stdlib.h>

#include "control/wire/opt.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static struct message_walk walk;

/* example. IN SOA?, answered with a whole SOA in shortened form and with an OPT. */
static const uint8_t soa_reply[] = {
	0x12, 0x34, 0x84, 0x00, 0,    1,   0,   1,    0,    0,    0,    1,     /* */
	7,    'E',  'x',  'a',  'm',  'p', 'l', 'e',  0,    0,    6,    0,  1, /* 12 */
	0xc0, 12,   0,    6,    0,    1,   0,   0,    0x0e, 0x10, 0,    32,    /* 25 */
	2,    'n',  's',  0xc0, 12,   4,   'h', 'o',  's',  't',  0xc0, 12,    /* 37 */
	0,    0,    0,    1,    0,    0,   0,   2,    0,    0,    0,    3,  0,
	0,    0,    4,    0,    0,    0,   5, /* 49 */
	0,    0,    41,   0x04, 0xd0, 0,   0,   0x80, 0,    0,    14,   0,  9,
	0,    4,    0,    0,    1,    0, /* */
	0,    15,   0,    2,    0,    22,
};

static struct message opened(const void *bytes, size_t len)
{
	struct message m;

	assert_int_equal(message_open(bytes, len, &m), 0);
	return m;
}

static void reads_a_reply_with_shortened_names(void **state)
{
	static const uint8_t rdata[] = "\2ns\7Example\0\4host\7Example\0"
				       "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
	struct message m = opened(soa_reply, sizeof soa_reply);
	struct message_record r;
	struct message_opt o;

	(void)state;
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.opcode, OPCODE_QUERY);
	assert_true(m.asked);
	assert_int_equal(m.qname_len, 9);
	assert_memory_equal(m.qname, "\7Example", 9);
	assert_int_equal(m.qtype, RRTYPE_SOA);
	message_walk_begin(&walk, &m);
	assert_int_equal(message_next(&walk, &r), 0);
	assert_int_equal(r.section, SECTION_ANSWER);
	assert_int_equal(r.at, 25);
	assert_int_equal(r.ttl, 3600);
	assert_int_equal(r.owner_len, 9);
	assert_memory_equal(r.owner, "\7Example", 9);
	assert_int_equal(r.rdata_len, sizeof rdata - 1);
	assert_memory_equal(r.rdata, rdata, sizeof rdata - 1);
	assert_int_equal(message_next(&walk, &r), 0);
	assert_int_equal(r.section, SECTION_ADDITIONAL);
	assert_int_equal(opt_read(&r, &o), 0);
	assert_true(o.dnssec_ok && o.has_expire && o.has_ede && !o.expire_asked);
	assert_int_equal(o.udp_size, 1232);
	assert_int_equal(o.expire, 256);
	assert_int_equal(o.ede, 22);
	assert_int_equal(message_next(&walk, &r), ERR_NOTFOUND);
}

/* Reads to the end. Gives what ended it. */
static int read_all(const uint8_t *bytes, size_t len)
{
	struct message m;
	struct message_record r;
	struct message_opt o;
	int err = message_open(bytes, len, &m);

	if (err < 0)
		return err;
	message_walk_begin(&walk, &m);
	while ((err = message_next(&walk, &r)) == 0)
		if (r.type == RRTYPE_OPT && opt_read(&r, &o) < 0)
			return ERR_CORRUPT;
	return err;
}

static void refuses_what_is_cut_or_too_long(void **state)
{
	uint8_t longer[sizeof soa_reply + 1] = {0};

	(void)state;
	for (size_t len = 0; len < sizeof soa_reply; len++) {
		uint8_t *cut = malloc(len + 1);
		memcpy(cut, soa_reply, len);
		assert_int_equal(read_all(cut, len), ERR_CORRUPT);
		free(cut);
	}
	assert_int_equal(read_all(soa_reply, sizeof soa_reply), ERR_NOTFOUND);
	memcpy(longer, soa_reply, sizeof soa_reply);
	assert_int_equal(read_all(longer, sizeof longer), ERR_CORRUPT);
}

static void refuses_pointers_that_do_not_fall(void **state)
{
	static const struct {
		uint8_t name[8];
		size_t len;
	} cases[] = {
		{{0xc0, 12}, 2},         /* to itself */
		{{0xc0, 14, 0}, 3},      /* forward */
		{{0xc0, 4}, 2},          /* into the header */
		{{1, 'a', 0xc0, 12}, 4}, /* round in a circle */
		{{1, 'a', 0xc0, 14}, 4}, /* to itself, behind a label */
		{{0x40, 'a', 0}, 3},     /* the other kinds of labels */
		{{0x80, 'a', 0}, 3},
		{{1, 'a'}, 2}, /* no end */
		{{0xc0}, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t bytes[MESSAGE_HEADER + 8] = {0};
		struct message m = {.bytes = bytes,
		                    .len = (uint16_t)(MESSAGE_HEADER + cases[i].len)};
		uint8_t name[NAME_MAX_LEN];
		uint16_t at = MESSAGE_HEADER;
		memcpy(bytes + MESSAGE_HEADER, cases[i].name, cases[i].len);
		assert_int_equal(message_name(&m, &at, name), ERR_CORRUPT);
		assert_int_equal(at, MESSAGE_HEADER);
	}
}

/* Labels of 63, four of them with one that makes the name 255 octets long, or 256. */
static void names_end_at_255_octets(void **state)
{
	(void)state;
	for (unsigned last = 61; last <= 62; last++) {
		uint8_t bytes[MESSAGE_HEADER + 300] = {0};
		struct message m = {.bytes = bytes, .len = sizeof bytes};
		uint8_t name[NAME_MAX_LEN];
		uint16_t at = MESSAGE_HEADER;
		uint8_t *p = bytes + MESSAGE_HEADER;
		for (unsigned i = 0; i < 3; i++, p += 64)
			*p = 63;
		*p = (uint8_t)last;
		int len = message_name(&m, &at, name);
		assert_int_equal(len, last == 61 ? 255 : ERR_CORRUPT);
	}
}

/* The name of an SRV is whole where it came shortened; the signer of an RRSIG stays as it is. */
static void only_old_types_are_made_whole(void **state)
{
	uint8_t bytes[] = {
		0,    0,   0x80, 0,  0, 1, 0,    1,  0, 0, 0, 0, /* */
		1,    'a', 0,    0,  1, 0, 1,                    /* */
		0xc0, 12,  0,    33, 0, 1, 0,    0,  0, 0, 0, 8, /* */
		0,    1,   0,    2,  0, 3, 0xc0, 12,
	};
	struct message m = opened(bytes, sizeof bytes);
	struct message_record r;

	(void)state;
	message_walk_begin(&walk, &m);
	assert_int_equal(message_next(&walk, &r), 0);
	assert_int_equal(r.rdata_len, 9);
	assert_memory_equal(r.rdata, "\0\1\0\2\0\3\1a", 9);
	bytes[22] = 64; /* SVCB: its target is never shortened */
	m = opened(bytes, sizeof bytes);
	message_walk_begin(&walk, &m);
	assert_int_equal(message_next(&walk, &r), 0);
	assert_int_equal(r.rdata_len, 8);
	assert_int_equal(r.rdata[6], 0xc0);
}

/* An update deletes by records without RDATA. */
static void rdata_may_be_missing(void **state)
{
	static const uint8_t bytes[] = {
		0, 0, 0x28, 0,    0,  1, 0, 0, 0,   1, 0, 0, 1, 'a', 0, 0,
		6, 0, 1,    0xc0, 12, 0, 6, 0, 255, 0, 0, 0, 0, 0,   0,
	};
	struct message m = opened(bytes, sizeof bytes);
	struct message_record r;

	(void)state;
	assert_int_equal(m.opcode, OPCODE_UPDATE);
	message_walk_begin(&walk, &m);
	assert_int_equal(message_next(&walk, &r), 0);
	assert_int_equal(r.section, SECTION_AUTHORITY);
	assert_int_equal(r.rrclass, CLASS_ANY);
	assert_int_equal(r.rdata_len, 0);
}

static void one_question_at_most(void **state)
{
	static const uint8_t two[] = {0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0,
	                              0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1};
	static const uint8_t none[MESSAGE_HEADER] = {0};
	struct message m;

	(void)state;
	assert_int_equal(message_open(two, sizeof two, &m), ERR_CORRUPT);
	assert_int_equal(message_open(none, sizeof none, &m), 0);
	assert_false(m.asked);
	assert_int_equal(m.records_at, MESSAGE_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_reply_with_shortened_names),
		cmocka_unit_test(refuses_what_is_cut_or_too_long),
		cmocka_unit_test(refuses_pointers_that_do_not_fall),
		cmocka_unit_test(names_end_at_255_octets),
		cmocka_unit_test(only_old_types_are_made_whole),
		cmocka_unit_test(rdata_may_be_missing),
		cmocka_unit_test(one_question_at_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
