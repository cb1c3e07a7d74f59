/* EDNS where no common client asks for it: extended errors, a cookie without a question. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>

#include "shared/rrtype.h"
#include "shared/wire.h"
#include "tests/harness.h"

enum { RCODE_AT = 3, NOERROR = 0, FORMERR = 1, SERVFAIL = 2, REFUSED = 5 };

static const char zone_text[] =
	"$TTL 1h\n@ SOA ns h 1 2h 30m 2w 1h\n@ NS ns\nns A 192.0.2.1\n";

static int setup(void **state)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "example.", zone_text, NULL, NULL), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_close(*state);
	return 0;
}

/* Asks with EDNS and expects rcode with one option, the extended error. */
static void expect_error(struct harness *h, const char *name, uint16_t type, bool tcp,
                         unsigned rcode, unsigned error)
{
	const struct question q = {.name = name, .type = type, .udp_size = 1232};
	uint8_t message[512];

	size_t len = harness_ask(h, message, harness_query(&q, message), tcp);
	assert_true(len > 6);
	assert_int_equal(h->reply[RCODE_AT] & 15, rcode);
	const uint8_t *option = h->reply + len - 6;
	assert_int_equal(wire_load16(option - 2), 6); /* of all options */
	assert_int_equal(wire_load16(option), 15);    /* RFC 8914 §2 */
	assert_int_equal(wire_load16(option + 2), 2);
	assert_int_equal(wire_load16(option + 4), error);
}

static void refusals_say_why(void **state)
{
	struct harness *h = *state;

	expect_error(h, "other.", RRTYPE_A, false, REFUSED, 20); /* Not Authoritative */
	expect_error(h, "example.", RRTYPE_IXFR, true, REFUSED, 18); /* Prohibited */
}

static void zone_without_contents_says_so(void **state)
{
	struct harness *h = *state;
	uint8_t apex[NAME_MAX_LEN];
	struct zone *z;

	harness_name("empty.", apex);
	assert_int_equal(commit_begin(&h->committer), 0);
	assert_int_equal(commit_zone_add(&h->committer, apex, true, &z), 0);
	assert_int_equal(commit_finish(&h->committer), 0);
	expect_error(h, "www.empty.", RRTYPE_A, false, SERVFAIL, 24); /* Invalid Data */
}

/* RFC 7873 §5.4. Gives the rcode. */
static unsigned ask_without_question(struct harness *h, bool cookie)
{
	uint8_t message[64];
	struct wire_writer w = wire_writer_on(message, sizeof message);

	wire_write32(&w, 0x12340000);
	wire_write32(&w, 0);
	wire_write32(&w, 1);
	wire_write8(&w, 0);
	wire_write16(&w, RRTYPE_OPT);
	wire_write16(&w, 1232);
	wire_write32(&w, 0);
	wire_write16(&w, cookie ? 12 : 0);
	if (cookie) {
		wire_write16(&w, 10);
		wire_write16(&w, 8);
		wire_write_bytes(&w, "\1\2\3\4\5\6\7\10", 8);
	}
	size_t len = harness_ask(h, message, wire_written(&w), false);
	assert_true(len >= 12);
	assert_int_equal(wire_load16(h->reply + 4), 0);
	assert_int_equal(wire_load16(h->reply + 10), 1);
	return h->reply[RCODE_AT] & 15;
}

static void cookie_without_a_question_is_answered(void **state)
{
	assert_int_equal(ask_without_question(*state, true), NOERROR);
	assert_int_equal(ask_without_question(*state, false), FORMERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(zone_without_contents_says_so),
		cmocka_unit_test(cookie_without_a_question_is_answered),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
