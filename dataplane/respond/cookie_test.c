// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/respond/cookie.h"

#include <arpa/inet.h>
#include <string.h>

static void from_hex(const char *text, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text; text += 2)
		*out++ = (uint8_t)((strchr(digits, text[0]) - digits) << 4 |
		                   (strchr(digits, text[1]) - digits));
}

static size_t from_address(const char *text, uint8_t *out)
{
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	assert_int_equal(inet_pton(AF_INET6, text, out), 1);
	return 16;
}

/* One side of an example in RFC 9018 Appendix A. */
struct example {
	const char *secret;
	const char *addr;
	const char *client;
	const char *server;
	uint32_t now; /* its time stamp */
};

#define SECRET_A  "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define SECRET_B  "dd3bdf9344b678b185a6f5cb60fca715"
#define SECRET_B2 "445536bcd2513298075a5d379663c962"
#define CLIENT_A6 "2001:db8:220:1:59de:d0f4:8769:82b8"

static const struct example given_out[] = {
	{SECRET_A, "198.51.100.100", "2464c4abcf10c957",
         "010000005cf79f111f8130c3eee29480", 1559731985},
	{SECRET_A, "198.51.100.100", "2464c4abcf10c957",
         "010000005cf7a871d4a564a1442aca77", 1559734385},
	{SECRET_A, "203.0.113.203", "fc93fc62807ddb86",
         "010000005cf7a9acf73a7810aca2381e", 1559734700},
	{SECRET_B, CLIENT_A6, "22681ab97d52c298", "010000005cf7c57926556bd0934c72f8",
         1559741817},
	{SECRET_B2, CLIENT_A6, "22681ab97d52c298", "010000005cf7c609a6bb79d16625507a",
         1559741961},
};

/* A.3: another server set the reserved octets. */
static const struct example reserved_set = {
	SECRET_A,           "203.0.113.203",
	"fc93fc62807ddb86", "01abcdef5cf78f71a314227b6679ebf5",
	1559727985,
};

struct request {
	uint8_t secret[COOKIE_SECRET_LEN];
	uint8_t client[COOKIE_CLIENT_LEN];
	uint8_t addr[16];
	size_t addr_len;
	uint8_t server[COOKIE_SERVER_MAX];
	uint32_t made;
};

static struct request request_of(const struct example *e)
{
	struct request r = {.made = e->now};

	from_hex(e->secret, r.secret);
	from_hex(e->client, r.client);
	from_hex(e->server, r.server);
	r.addr_len = from_address(e->addr, r.addr);
	return r;
}

static bool check(const struct request *r, uint32_t now)
{
	return cookie_check(r->secret, r->client, now, r->addr, r->addr_len, r->server);
}

static void cookies_are_those_of_rfc_9018(void **state)
{
	uint8_t out[COOKIE_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(given_out); i++) {
		struct request r = request_of(&given_out[i]);
		cookie_make(r.secret, r.client, r.made, r.addr, r.addr_len, out);
		assert_memory_equal(out, r.server, COOKIE_LEN);
		assert_true(check(&r, r.made));
	}
}

static void a_cookie_is_good_for_an_hour_and_five_minutes_early(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(given_out); i++) {
		struct request r = request_of(&given_out[i]);
		assert_true(check(&r, r.made + 3600));
		assert_false(check(&r, r.made + 3601));
		assert_true(check(&r, r.made - 300));
		assert_false(check(&r, r.made - 301));
		assert_false(check(&r, r.made + (UINT32_C(1) << 31)));
		assert_false(check(&r, r.made - (UINT32_C(1) << 31) + 1));
	}
}

static void time_may_wrap(void **state)
{
	struct request r = request_of(&given_out[0]);
	static const struct {
		uint32_t made;
		uint32_t now;
		bool good;
	} cases[] = {
		{UINT32_MAX - 10, 3589, true},
		{UINT32_MAX - 10, 3590, false},
		{100, UINT32_MAX - 199, true},
		{100, UINT32_MAX - 200, false},
		{INT32_MAX, (uint32_t)INT32_MAX + 3600, true},
		{INT32_MAX, (uint32_t)INT32_MAX + 3601, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cookie_make(r.secret, r.client, cases[i].made, r.addr, r.addr_len,
		            r.server);
		assert_int_equal(check(&r, cases[i].now), cases[i].good);
	}
}

static void reserved_octets_are_hashed_as_received(void **state)
{
	struct request r = request_of(&reserved_set);

	(void)state;
	assert_true(check(&r, r.made));
	r.server[1] = r.server[2] = r.server[3] = 0;
	assert_false(check(&r, r.made));
}

static void any_changed_bit_is_noticed(void **state)
{
	struct request good = request_of(&given_out[3]);

	(void)state;
	for (unsigned bit = 0; bit < COOKIE_LEN * 8; bit++) {
		struct request r = good;
		r.server[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(check(&r, r.made));
		r = good;
		r.addr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(check(&r, r.made));
		r = good;
		r.secret[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(check(&r, r.made));
		r = good;
		r.client[bit / 16] ^= (uint8_t)(1 << bit % 8);
		assert_false(check(&r, r.made));
	}
}

static void other_versions_are_refused(void **state)
{
	struct request r = request_of(&given_out[0]);

	(void)state;
	assert_true(check(&r, r.made));
	r.server[0] = 2;
	assert_false(check(&r, r.made));
}

static void an_address_of_the_other_kind_is_another_client(void **state)
{
	struct request r = request_of(&given_out[0]);

	(void)state;
	r.addr_len = 16;
	assert_false(check(&r, r.made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_those_of_rfc_9018),
		cmocka_unit_test(a_cookie_is_good_for_an_hour_and_five_minutes_early),
		cmocka_unit_test(time_may_wrap),
		cmocka_unit_test(reserved_octets_are_hashed_as_received),
		cmocka_unit_test(any_changed_bit_is_noticed),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(an_address_of_the_other_kind_is_another_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
