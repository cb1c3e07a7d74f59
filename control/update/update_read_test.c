/*
 * Update messages, by section, class, type, TTL and RDATA: what each record stands for, or that it is none.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/update/update_read.h"

#include "control/wire/writer.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t zone[] = "\7example";
static const uint8_t owner[] = "\3WWW\7Example";
static const uint8_t folded[] = "\3www\7example";

static struct message_writer writer;
static struct message_walk walk;
static uint8_t room[2048];

static void begin(void)
{
	message_begin(&writer, room, sizeof room, 7,
	              OPCODE_UPDATE << MESSAGE_OPCODE_SHIFT);
	assert_true(message_put_question(&writer, zone, RRTYPE_SOA, CLASS_IN));
}

static void put(enum message_section section, uint16_t rrclass, uint16_t type,
                uint32_t ttl, const void *rdata, uint16_t len)
{
	struct message_record r = {.section = (uint8_t)section,
	                           .owner_len = sizeof owner,
	                           .type = type,
	                           .rrclass = rrclass,
	                           .ttl = ttl,
	                           .rdata = rdata,
	                           .rdata_len = len};

	memcpy(r.owner, owner, sizeof owner);
	assert_true(message_put(&writer, &r));
}

static int read_message(size_t len, struct change *c, struct update *u)
{
	struct message m;

	TRY(message_open(room, len, &m));
	return update_read(&m, &walk, c, u);
}

enum { WRONG = -1 };

static void records_stand_for_steps(void **state)
{
	static const struct {
		enum message_section section;
		uint16_t rrclass, type;
		uint32_t ttl;
		const char *rdata;
		uint16_t len;
		int verb;
	} cases[] = {
		{SECTION_ANSWER, CLASS_ANY, RRTYPE_ANY, 0, "", 0, PREREQ_NAME},
		{SECTION_ANSWER, CLASS_ANY, RRTYPE_A, 0, "", 0, PREREQ_SET},
		{SECTION_ANSWER, CLASS_NONE, RRTYPE_ANY, 0, "", 0, PREREQ_NO_NAME},
		{SECTION_ANSWER, CLASS_NONE, RRTYPE_A, 0, "", 0, PREREQ_NO_SET},
		{SECTION_ANSWER, CLASS_IN, RRTYPE_A, 0, "\1\1\1\1", 4, PREREQ_SET_IS},
		{SECTION_ANSWER, CLASS_ANY, RRTYPE_A, 1, "", 0, WRONG},
		{SECTION_ANSWER, CLASS_NONE, RRTYPE_A, 1, "", 0, WRONG},
		{SECTION_ANSWER, CLASS_IN, RRTYPE_A, 1, "\1\1\1\1", 4, WRONG},
		{SECTION_ANSWER, CLASS_ANY, RRTYPE_A, 0, "\1\1\1\1", 4, WRONG},
		{SECTION_ANSWER, CLASS_NONE, RRTYPE_ANY, 0, "\1", 1, WRONG},
		{SECTION_ANSWER, CLASS_IN, RRTYPE_A, 0, "", 0, WRONG},
		{SECTION_ANSWER, CLASS_IN, RRTYPE_ANY, 0, "", 0, WRONG},
		{SECTION_ANSWER, CLASS_ANY, RRTYPE_AXFR, 0, "", 0, WRONG},
		{SECTION_ANSWER, 3, RRTYPE_A, 0, "\1\1\1\1", 4, WRONG},
		{SECTION_ANSWER, 0, RRTYPE_A, 0, "\1\1\1\1", 4, WRONG},
		{SECTION_AUTHORITY, CLASS_IN, RRTYPE_A, 0, "\1\1\1\1", 4, UPDATE_ADD},
		{SECTION_AUTHORITY, CLASS_IN, RRTYPE_A, 9, "\1\1\1\1", 4, UPDATE_ADD},
		{SECTION_AUTHORITY, CLASS_ANY, RRTYPE_A, 0, "", 0, UPDATE_DROP_SET},
		{SECTION_AUTHORITY, CLASS_ANY, RRTYPE_ANY, 0, "", 0, UPDATE_DROP_NAME},
		{SECTION_AUTHORITY, CLASS_NONE, RRTYPE_A, 0, "\1\1\1\1", 4, UPDATE_DROP},
		{SECTION_AUTHORITY, CLASS_IN, RRTYPE_ANY, 0, "\1", 1, WRONG},
		{SECTION_AUTHORITY, CLASS_IN, RRTYPE_AXFR, 0, "\1", 1, WRONG},
		{SECTION_AUTHORITY, CLASS_IN, RRTYPE_OPT, 0, "", 0, WRONG},
		{SECTION_AUTHORITY, CLASS_IN, 0, 0, "\1", 1, WRONG},
		{SECTION_AUTHORITY, CLASS_IN, RRTYPE_A, 0, "\1\1\1", 3, WRONG},
		{SECTION_AUTHORITY, CLASS_ANY, RRTYPE_A, 1, "", 0, WRONG},
		{SECTION_AUTHORITY, CLASS_ANY, RRTYPE_A, 0, "\1\1\1\1", 4, WRONG},
		{SECTION_AUTHORITY, CLASS_ANY, RRTYPE_MAILB, 0, "", 0, WRONG},
		{SECTION_AUTHORITY, CLASS_NONE, RRTYPE_A, 1, "\1\1\1\1", 4, WRONG},
		{SECTION_AUTHORITY, CLASS_NONE, RRTYPE_A, 0, "", 0, WRONG},
		{SECTION_AUTHORITY, CLASS_NONE, RRTYPE_ANY, 0, "", 0, WRONG},
		{SECTION_AUTHORITY, 3, RRTYPE_A, 0, "\1\1\1\1", 4, WRONG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct change *c = change_new(actor_self());
		struct update *u = update_new(c);

		begin();
		put(cases[i].section, cases[i].rrclass, cases[i].type, cases[i].ttl,
		    cases[i].rdata, cases[i].len);
		int err = read_message(message_end(&writer), c, u);
		if (cases[i].verb == WRONG) {
			if (err != ERR_CORRUPT)
				fail_msg("case %zu: %d", i, err);
		} else if (err != 0 || u->count != 1 ||
		           u->steps[0].verb != (enum update_verb)cases[i].verb) {
			fail_msg("case %zu: %d", i, err);
		} else {
			assert_memory_equal(u->steps[0].owner, folded, sizeof folded);
			assert_int_equal(u->steps[0].type, cases[i].type);
			assert_int_equal(u->steps[0].ttl, cases[i].ttl);
		}
		change_free(&c);
	}
}

static size_t several(void)
{
	begin();
	put(SECTION_ANSWER, CLASS_IN, RRTYPE_NS, 0, "\2ns\7example", 12);
	put(SECTION_AUTHORITY, CLASS_IN, RRTYPE_MX, 0x80000000, "\0\1\4mail\7example",
	    16);
	put(SECTION_AUTHORITY, CLASS_NONE, RRTYPE_TXT, 0, "\1x", 2);
	put(SECTION_ADDITIONAL, 4096, RRTYPE_OPT, 0, "", 0);
	return message_end(&writer);
}

static void names_are_whole_and_the_message_not_needed_any_more(void **state)
{
	struct change *c = change_new(actor_self());
	struct update *u = update_new(c);
	size_t len = several();

	(void)state;
	assert_int_equal(read_message(len, c, u), 0);
	memset(room, 0, sizeof room);
	memset(&walk, 0, sizeof walk);
	assert_int_equal(u->count, 3);
	assert_int_equal(u->steps[0].verb, PREREQ_SET_IS);
	assert_int_equal(u->steps[0].rdata_len, 12);
	assert_memory_equal(u->steps[0].rdata, "\2ns\7example", 12);
	assert_int_equal(u->steps[1].rdata_len, 16);
	assert_memory_equal(u->steps[1].rdata, "\0\1\4mail\7example", 16);
	assert_int_equal(u->steps[1].ttl, 0);
	assert_int_equal(u->steps[2].verb, UPDATE_DROP);
	change_free(&c);
}

static void no_part_of_a_message_is_one(void **state)
{
	size_t len = several();

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct change *c = change_new(actor_self());

		assert_int_equal(read_message(cut, c, update_new(c)), ERR_CORRUPT);
		change_free(&c);
	}
}

/* What is malformed behind it counts more. */
static void records_of_signers_are_refused(void **state)
{
	struct change *c = change_new(actor_self());

	(void)state;
	begin();
	put(SECTION_AUTHORITY, CLASS_ANY, RRTYPE_NSEC3PARAM, 0, "", 0);
	put(SECTION_AUTHORITY, CLASS_IN, RRTYPE_A, 0, "\1\1\1\1", 4);
	assert_int_equal(read_message(message_end(&writer), c, update_new(c)),
	                 ERR_REFUSED);
	put(SECTION_AUTHORITY, CLASS_IN, RRTYPE_A, 0, "\1", 1);
	assert_int_equal(read_message(message_end(&writer), c, update_new(c)),
	                 ERR_CORRUPT);
	change_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_stand_for_steps),
		cmocka_unit_test(names_are_whole_and_the_message_not_needed_any_more),
		cmocka_unit_test(no_part_of_a_message_is_one),
		cmocka_unit_test(records_of_signers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
