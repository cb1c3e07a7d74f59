#include "control/net/framing.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

enum { STREAM_MAX = 400 * 1024 };

struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t len;
};

/* A message of len bytes, each of which depends on which message it is in. */
static void add_message(struct stream *s, unsigned which, uint16_t len)
{
	assert_true(s->len + FRAMING_PREFIX + len <= STREAM_MAX);
	wire_store16(s->bytes + s->len, len);
	memset(s->bytes + s->len + FRAMING_PREFIX, (int)(which * 37 + 11) & 0xff, len);
	s->len += (size_t)FRAMING_PREFIX + len;
}

static const uint16_t lens[] = {12, 40,   13, 512, 1200, 12, FRAMING_MESSAGE_MAX,
                                77, 30000};

static struct stream *make_stream(void)
{
	struct stream *s = calloc(1, sizeof *s);

	assert_non_null(s);
	for (unsigned i = 0; i < ARRAY_LEN(lens); i++)
		add_message(s, i, lens[i]);
	return s;
}

static void assert_is_message(const struct framing_message *m, unsigned which)
{
	assert_true(which < ARRAY_LEN(lens));
	assert_int_equal(m->len, lens[which]);
	for (size_t i = 0; i < m->len; i++)
		assert_int_equal(m->bytes[i], (which * 37 + 11) & 0xff);
}

/* Takes all that is whole. Gives the next message's number. */
static unsigned take_all(struct framing *f, struct wire_reader *in, unsigned next)
{
	struct framing_message m;
	enum framing_verdict verdict;

	while ((verdict = framing_next(f, in, &m)) == FRAMING_MESSAGE)
		assert_is_message(&m, next++);
	assert_int_equal(verdict, FRAMING_MORE);
	assert_int_equal(wire_left(in), 0);
	return next;
}

static void messages_are_found_however_the_stream_is_cut(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 13, 14, 100, 1460, 16384, STREAM_MAX};
	struct stream *s = make_stream();

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
		struct framing f = {0};
		unsigned next = 0;

		for (size_t at = 0; at < s->len; at += pieces[p]) {
			size_t left = s->len - at;
			struct wire_reader in = wire_reader_on(
				s->bytes + at, left < pieces[p] ? left : pieces[p]);
			next = take_all(&f, &in, next);
		}
		assert_int_equal(next, ARRAY_LEN(lens));
		assert_false(framing_begun(&f));
		assert_null(f.kept.bytes);
		framing_fini(&f);
	}
	free(s);
}

static void kept_messages_are_given_before_new_ones(void **state)
{
	struct stream *s = make_stream();

	(void)state;
	for (size_t cut = 1; cut < s->len; cut += 997) {
		struct framing f = {0};
		struct framing_message m;
		struct wire_reader first = wire_reader_on(s->bytes, cut);
		struct wire_reader rest = wire_reader_on(s->bytes + cut, s->len - cut);
		unsigned next = 0;

		if (cut >= 14) {
			assert_int_equal(framing_next(&f, &first, &m), FRAMING_MESSAGE);
			assert_is_message(&m, next++);
		}
		assert_int_equal(framing_keep(&f, &first), 0);
		assert_int_equal(framing_begun(&f), cut != 14);
		assert_int_equal(take_all(&f, &rest, next), ARRAY_LEN(lens));
		framing_fini(&f);
	}
	free(s);
}

static void keeping_ends_the_loan_of_a_kept_message(void **state)
{
	struct stream *s = make_stream();
	struct framing f = {0};
	struct framing_message m;
	struct wire_reader in = wire_reader_on(s->bytes, s->len);

	(void)state;
	assert_int_equal(framing_keep(&f, &in), 0);
	for (unsigned i = 0; i < ARRAY_LEN(lens); i++) {
		assert_int_equal(framing_next(&f, &in, &m), FRAMING_MESSAGE);
		assert_is_message(&m, i);
		assert_int_equal(framing_keep(&f, &in), 0);
	}
	assert_int_equal(framing_next(&f, &in, &m), FRAMING_MORE);
	assert_null(f.kept.bytes);
	free(s);
}

static void whole_messages_are_not_copied(void **state)
{
	struct stream *s = make_stream();
	struct framing f = {0};
	struct framing_message m;
	struct wire_reader in = wire_reader_on(s->bytes, s->len);

	(void)state;
	assert_int_equal(framing_next(&f, &in, &m), FRAMING_MESSAGE);
	assert_ptr_equal(m.bytes, s->bytes + FRAMING_PREFIX);
	assert_null(f.kept.bytes);
	free(s);
}

static void announced_length_takes_no_memory(void **state)
{
	static const uint8_t start[] = {0xff, 0xff, 1, 2, 3};
	struct framing f = {0};
	struct framing_message m;
	struct wire_reader in = wire_reader_on(start, sizeof start);

	(void)state;
	assert_int_equal(framing_next(&f, &in, &m), FRAMING_MORE);
	assert_true(framing_begun(&f));
	assert_true(f.kept.room <= BYTE_QUEUE_LEAST);
	framing_fini(&f);
}

static void length_below_a_header_is_refused_at_once(void **state)
{
	(void)state;
	for (uint8_t len = 0; len < FRAMING_MESSAGE_MIN; len++) {
		const uint8_t prefix[] = {0, len};
		struct framing f = {0};
		struct framing_message m;

		struct wire_reader in = wire_reader_on(prefix, 2);
		assert_int_equal(framing_next(&f, &in, &m), FRAMING_BAD);

		in = wire_reader_on(prefix, 1);
		assert_int_equal(framing_next(&f, &in, &m), FRAMING_MORE);
		in = wire_reader_on(prefix + 1, 1);
		assert_int_equal(framing_next(&f, &in, &m), FRAMING_BAD);
		framing_fini(&f);
	}
}

static void messages_before_a_bad_length_are_given(void **state)
{
	struct stream *s = calloc(1, sizeof *s);
	struct framing f = {0};
	struct framing_message m;

	(void)state;
	assert_non_null(s);
	add_message(s, 0, lens[0]);
	s->len += FRAMING_PREFIX; /* a length of zero */
	struct wire_reader in = wire_reader_on(s->bytes, s->len);
	assert_int_equal(framing_next(&f, &in, &m), FRAMING_MESSAGE);
	assert_is_message(&m, 0);
	assert_int_equal(framing_next(&f, &in, &m), FRAMING_BAD);
	assert_int_equal(framing_next(&f, &in, &m), FRAMING_BAD);
	framing_fini(&f);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_found_however_the_stream_is_cut),
		cmocka_unit_test(kept_messages_are_given_before_new_ones),
		cmocka_unit_test(keeping_ends_the_loan_of_a_kept_message),
		cmocka_unit_test(whole_messages_are_not_copied),
		cmocka_unit_test(announced_length_takes_no_memory),
		cmocka_unit_test(length_below_a_header_is_refused_at_once),
		cmocka_unit_test(messages_before_a_bad_length_are_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
