#include "control/sign/life_stored.h"

#include <string.h>

#include "control/sign/bundle.h"
#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static const struct life_key key = {
	.role = LIFE_CSK,
	.algorithm = 13,
	.roll = true,
	.bits = 4096,
	.born = 1,
	.active = 0x0102030405060708,
	.retired = 3,
	.gone = 4,
	.records = {{5, LIFE_NEVER, 7}, {8, 9, 10}, {11, 12, 13}},
};

static void assert_same(const struct life_key *a, const struct life_key *b)
{
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->algorithm, b->algorithm);
	assert_int_equal(a->roll, b->roll);
	assert_int_equal(a->waiting, b->waiting);
	assert_int_equal(a->bits, b->bits);
	assert_true(a->born == b->born && a->active == b->active);
	assert_true(a->retired == b->retired && a->gone == b->gone);
	for (size_t i = 0; i < LIFE_KINDS; i++) {
		assert_true(a->records[i].from == b->records[i].from);
		assert_true(a->records[i].until == b->records[i].until);
		assert_true(a->records[i].done == b->records[i].done);
	}
}

static void life_of_a_key_comes_back(void **state)
{
	struct sign_stored s = {0};
	struct life_key out = {0};

	(void)state;
	life_key_put(&key, &s);
	assert_int_equal(s.life_len, LIFE_KEY_SIZE);
	assert_int_equal(life_key_get(&s, &out), 0);
	assert_same(&out, &key);
	/* Network order, whatever the machine's is. */
	assert_memory_equal(s.life, "\1\3\15\1\20\0\0\0\0\0\0\0\0\1\1\2\3\4\5\6\7\10",
	                    22);
}

static void flags_of_a_key_come_back_each_by_itself(void **state)
{
	struct sign_stored s = {0};
	struct life_key out = {0};

	(void)state;
	for (unsigned flags = 0; flags < 4; flags++) {
		struct life_key k = key;
		k.roll = flags & 1;
		k.waiting = flags & 2;
		life_key_put(&k, &s);
		assert_int_equal(s.life[3], flags);
		assert_int_equal(life_key_get(&s, &out), 0);
		assert_same(&out, &k);
	}
}

static void life_of_any_other_form_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t octet;
		int err;
	} cases[] = {{0, 0, ERR_VERSION}, {0, 3, ERR_VERSION}, {1, 0, ERR_CORRUPT},
	             {1, 4, ERR_CORRUPT}, {3, 4, ERR_CORRUPT}, {3, 255, ERR_CORRUPT}};
	struct sign_stored s = {0};
	struct life_key out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		life_key_put(&key, &s);
		s.life[cases[i].at] = cases[i].octet;
		assert_int_equal(life_key_get(&s, &out), cases[i].err);
	}
	life_key_put(&key, &s);
	for (s.life_len = 0; s.life_len <= LIFE_KEY_SIZE + 1; s.life_len++)
		if (s.life_len != LIFE_KEY_SIZE)
			assert_int_equal(life_key_get(&s, &out),
			                 s.life_len ? ERR_CORRUPT : ERR_VERSION);
}

static void turn_comes_back_beside_the_life(void **state)
{
	const struct bundle_turn turn = {1, 0x0102030405060708, BUNDLE_FOREVER};
	struct sign_stored s = {0};
	struct life_key out = {0};

	(void)state;
	life_key_put(&key, &s);
	assert_int_equal(life_turn_get(&s).from, 0);
	life_turn_put(&key, &turn, &s);
	assert_int_equal(s.life_len, LIFE_KEY_SIZE + LIFE_TURN_SIZE);
	assert_int_equal(life_key_get(&s, &out), 0);
	assert_same(&out, &key);
	struct bundle_turn got = life_turn_get(&s);
	assert_true(got.from == turn.from && got.active == turn.active &&
	            got.until == turn.until);
	for (s.life_len = 1; s.life_len <= LIFE_KEY_SIZE + LIFE_TURN_SIZE + 1;
	     s.life_len++)
		if (s.life_len != LIFE_KEY_SIZE + LIFE_TURN_SIZE) {
			assert_int_equal(life_key_get(&s, &out), ERR_CORRUPT);
			assert_int_equal(life_turn_get(&s).from, 0);
		}
	/* Written without one, it has none. */
	life_key_put(&key, &s);
	assert_int_equal(life_turn_get(&s).from, 0);
	assert_int_equal(life_key_get(&s, &out), 0);
}

static void ttls_of_a_zone_come_back_and_nothing_else_does(void **state)
{
	static const struct life_ttl ttl[LIFE_KINDS] = {
		{1, 2, LIFE_NEVER}, {0x01020304, 0, 5}, {6, 7, 8}};
	uint8_t bytes[LIFE_TTLS_SIZE + 1] = {0};
	struct life_ttl out[LIFE_KINDS] = {0};

	(void)state;
	life_ttls_encode(ttl, bytes);
	for (size_t size = 0; size <= sizeof bytes; size++)
		if (size != LIFE_TTLS_SIZE)
			assert_int_equal(life_ttls_decode(bytes, size, out), ERR_CORRUPT);
	assert_int_equal(out[0].ttl, 0);
	assert_int_equal(life_ttls_decode(bytes, LIFE_TTLS_SIZE, out), 0);
	for (size_t i = 0; i < LIFE_KINDS; i++)
		assert_true(out[i].ttl == ttl[i].ttl && out[i].older == ttl[i].older &&
		            out[i].until == ttl[i].until);
	bytes[0]++;
	assert_int_equal(life_ttls_decode(bytes, LIFE_TTLS_SIZE, out), ERR_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_of_a_key_comes_back),
		cmocka_unit_test(flags_of_a_key_come_back_each_by_itself),
		cmocka_unit_test(life_of_any_other_form_is_refused),
		cmocka_unit_test(turn_comes_back_beside_the_life),
		cmocka_unit_test(ttls_of_a_zone_come_back_and_nothing_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
