// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/tsig/tsig.h"

#include <stdlib.h>
#include <string.h>

#include "control/tsig/vectors.h"
#include "control/wire/reader.h"
#include "shared/err.h"
#include "shared/wire.h"

static const uint8_t key_name[] = "\1K\7Example";
static const uint8_t folded_key_name[] = "\1k\7example";

enum { ROOM = 2048 };

/* A message that is read out of hexadecimal. */
struct bytes {
	uint8_t at[ROOM];
	uint16_t len;
};

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct bytes from_hex(const char *hex)
{
	struct bytes b = {.len = (uint16_t)(strlen(hex) / 2)};

	assert_true(b.len <= ROOM);
	for (size_t i = 0; i < b.len; i++)
		b.at[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return b;
}

static struct tsig_key *new_key(const uint8_t *name, enum tsig_algorithm a)
{
	struct tsig_key *k;
	const struct tsig_key_parts parts = {.name = name,
	                                     .algorithm = a,
	                                     .secret = (const uint8_t *)vector_secret,
	                                     .secret_len = sizeof vector_secret - 1};

	assert_int_equal(tsig_key_new(&parts, &k), 0);
	return k;
}

static struct keyring *ring_with(enum tsig_algorithm a)
{
	struct keyring *ring = keyring_new();
	struct tsig_keys *keys = tsig_keys_new();
	struct tsig_key *k = new_key(key_name, a);

	assert_true(tsig_keys_add(keys, &k));
	keyring_swap(ring, &keys);
	return ring;
}

static void assert_bytes(const struct bytes *b, const char *hex)
{
	struct bytes want = from_hex(hex);

	assert_int_equal(b->len, want.len);
	assert_memory_equal(b->at, want.at, want.len);
}

/* The client's side of an exchange that has asked what the vectors ask. */
static void ask(struct tsig_exchange *x, enum tsig_algorithm a, uint64_t now,
                const char *want)
{
	struct tsig_key *k = new_key(key_name, a);
	struct bytes b = from_hex(hex_question);

	*x = (struct tsig_exchange){0};
	assert_int_equal(tsig_ask(x, k, b.at, &b.len, ROOM, now), 0);
	if (want)
		assert_bytes(&b, want);
	tsig_key_release(&k);
}

static const char *const asked[TSIG_ALGORITHMS] = {
	[TSIG_MD5] = hex_asked_md5,       [TSIG_SHA1] = hex_asked_sha1,
	[TSIG_SHA224] = hex_asked_sha224, [TSIG_SHA256] = hex_asked_sha256,
	[TSIG_SHA384] = hex_asked_sha384, [TSIG_SHA512] = hex_asked_sha512,
};

static void asks_as_others_do_with_every_algorithm(void **state)
{
	(void)state;
	for (unsigned a = 0; a < TSIG_ALGORITHMS; a++) {
		struct tsig_exchange x;
		ask(&x, (enum tsig_algorithm)a, vector_time, asked[a]);
		tsig_end(&x);
	}
}

static int take(struct tsig_exchange *x, struct keyring *ring, struct bytes *b,
                uint64_t now)
{
	*x = (struct tsig_exchange){0};
	return tsig_take_request(x, ring, b->at, &b->len, now);
}

static void takes_requests_with_every_algorithm(void **state)
{
	(void)state;
	for (unsigned a = 0; a < TSIG_ALGORITHMS; a++) {
		struct keyring *ring = ring_with((enum tsig_algorithm)a);
		struct tsig_exchange x;
		struct bytes b = from_hex(asked[a]);
		assert_int_equal(take(&x, ring, &b, vector_time + 300), 0);
		assert_memory_equal(tsig_signer(&x)->name, folded_key_name,
		                    sizeof folded_key_name);
		assert_bytes(&b, hex_question);
		tsig_end(&x);
		keyring_free(&ring);
	}
}

/* A reply of its own to a request, which the other side then takes. */
static void both_sides_agree(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA512);
	struct tsig_exchange client;
	struct tsig_exchange server;
	struct bytes b = from_hex(hex_asked_sha512);
	struct bytes plain = from_hex(hex_question);

	(void)state;
	ask(&client, TSIG_SHA512, vector_time, hex_asked_sha512);
	assert_int_equal(take(&server, ring, &b, vector_time), 0);
	plain.at[2] |= 0x80;
	for (unsigned i = 0; i < 150; i++) {
		struct bytes reply = plain;
		wire_store16(reply.at + 8, 0);
		reply.len = tsig_sign_reply(&server, reply.at, reply.len, ROOM,
		                            vector_time + i);
		assert_true(reply.len > plain.len);
		assert_int_equal(
			tsig_take_reply(&client, reply.at, &reply.len, vector_time + i),
			0);
		assert_true(tsig_is_settled(&client));
		assert_int_equal(reply.len, plain.len);
		assert_memory_equal(reply.at, plain.at, plain.len);
	}
	tsig_end(&client);
	tsig_end(&server);
	keyring_free(&ring);
}

static void times_before_and_far_beyond_32_bits_count(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA256);
	struct tsig_exchange x;
	struct bytes b = from_hex(hex_asked_late);

	(void)state;
	assert_int_equal(take(&x, ring, &b, UINT64_C(0x123456789a) - 300), 0);
	tsig_end(&x);
	b = from_hex(hex_asked_at_0);
	assert_int_equal(take(&x, ring, &b, 300), 0);
	tsig_end(&x);
	b = from_hex(hex_asked_at_0);
	assert_int_equal(take(&x, ring, &b, 301), ERR_DENIED);
	assert_int_equal(x.error, TSIG_BADTIME);
	tsig_end(&x);
	keyring_free(&ring);
}

static void an_answer_of_many_messages_hangs_together(void **state)
{
	static const char *const answer[] = {hex_answer_0, hex_answer_1, hex_answer_2,
	                                     hex_answer_3};
	struct tsig_key *k = new_key(key_name, TSIG_SHA256);
	struct tsig_exchange x = {0};
	struct bytes b = from_hex(hex_question);

	(void)state;
	b.at[b.len - 3] = 252;
	assert_int_equal(tsig_ask(&x, k, b.at, &b.len, ROOM, vector_time), 0);
	assert_bytes(&b, hex_asked_axfr);
	for (unsigned i = 0; i < 4; i++) {
		b = from_hex(answer[i]);
		assert_int_equal(tsig_take_reply(&x, b.at, &b.len, vector_time), 0);
		assert_int_equal(tsig_is_settled(&x), i != 1);
	}
	tsig_end(&x);

	/* Without the second the third is not what was signed; nor is it twice. */
	b = from_hex(hex_question);
	b.at[b.len - 3] = 252;
	assert_int_equal(tsig_ask(&x, k, b.at, &b.len, ROOM, vector_time), 0);
	b = from_hex(answer[0]);
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, vector_time), 0);
	b = from_hex(answer[2]);
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, vector_time), ERR_DENIED);
	assert_int_equal(x.error, TSIG_BADSIG);
	tsig_end(&x);
	tsig_key_release(&k);
}

static void signs_answers_as_others_do(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA256);
	struct tsig_exchange x;
	struct bytes b = from_hex(hex_asked_axfr);
	struct bytes whole = from_hex(hex_answer_0);
	uint16_t len = whole.len;

	(void)state;
	assert_int_equal(take(&x, ring, &b, vector_time), 0);
	/* Takes the TSIG off what dnspython has signed, to put it on again: its record is as
	 * long as the request's. */
	b = from_hex(hex_asked_axfr);
	b.len = (uint16_t)(b.len - from_hex(hex_question).len);
	len = (uint16_t)(len - b.len);
	whole.at[11] = 0;
	whole.len = tsig_sign_reply(&x, whole.at, len, ROOM, vector_time + 1);
	assert_bytes(&whole, hex_answer_0);
	tsig_end(&x);
	keyring_free(&ring);
}

static void answers_of_bind_and_knot_are_understood(void **state)
{
	static const struct {
		const char *hex;
		int err;
		enum tsig_error error;
		uint64_t signed_at;
	} cases[] = {
		{hex_bind_good, 0, TSIG_OK, 0},
		{hex_bind_badkey, ERR_DENIED, TSIG_BADKEY, 0},
		{hex_bind_badsig, ERR_DENIED, TSIG_BADSIG, 0},
		{hex_bind_badtime, ERR_DENIED, TSIG_BADTIME, 1000},
		{hex_knot_good, 0, TSIG_OK, 0},
		{hex_knot_badkey, ERR_DENIED, TSIG_BADKEY, 0},
		{hex_knot_badsig, ERR_DENIED, TSIG_BADSIG, 0},
		{hex_knot_badtime, ERR_DENIED, TSIG_BADTIME, 1000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tsig_exchange x;
		struct bytes b = from_hex(cases[i].hex);
		ask(&x, TSIG_SHA256, live_time - cases[i].signed_at, NULL);
		assert_int_equal(tsig_take_reply(&x, b.at, &b.len, live_time),
		                 cases[i].err);
		assert_int_equal(x.error, cases[i].error);
		tsig_end(&x);
	}
}

/* What a refusing server says, byte for byte but for the times, is what BIND and Knot say. */
static void refusals_are_told_as_rfc_8945_has_it(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA256);
	struct keyring *other = ring_with(TSIG_SHA1);
	struct keyring *none = keyring_new();
	const struct {
		struct keyring *ring;
		uint64_t late;
		uint8_t flip;
		enum tsig_error error;
		bool is_signed;
	} cases[] = {
		{none, 0, 0, TSIG_BADKEY, false},   {NULL, 0, 0, TSIG_BADKEY, false},
		{other, 0, 0, TSIG_BADKEY, false},  {ring, 0, 1, TSIG_BADSIG, false},
		{ring, 301, 0, TSIG_BADTIME, true}, {ring, 0, 0, TSIG_OK, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tsig_exchange client;
		struct tsig_exchange server;
		struct bytes b = from_hex(hex_asked_sha256);
		uint64_t now = vector_time + cases[i].late;
		ask(&client, TSIG_SHA256, vector_time, hex_asked_sha256);
		b.at[1] ^=
			cases[i].flip; /* the ID is not what is signed: the original one is */
		b.at[15] ^= cases[i].flip; /* this is */
		int err = take(&server, cases[i].ring, &b, now);
		assert_int_equal(err, cases[i].error ? ERR_DENIED : 0);
		assert_int_equal(server.error, cases[i].error);
		assert_int_equal(tsig_signer(&server) != NULL, !cases[i].error);
		b = from_hex(hex_question);
		b.at[2] |= 0x80;
		b.len = tsig_sign_reply(&server, b.at, b.len, ROOM, now);
		assert_int_equal(b.at[3] & 15, cases[i].error ? RCODE_NOTAUTH : 0);
		assert_int_equal(server.later, cases[i].is_signed);
		err = tsig_take_reply(&client, b.at, &b.len, vector_time);
		assert_int_equal(err, cases[i].error ? ERR_DENIED : 0);
		assert_int_equal(client.error, cases[i].error);
		tsig_end(&client);
		tsig_end(&server);
	}
	keyring_free(&ring);
	keyring_free(&other);
	keyring_free(&none);
}

/* Where the MAC of a request to us begins: name 11, fixed part 10, algorithm 13, time, fudge, length. */
enum { MAC_LEN_AT = 25 + 11 + 10 + 13 + 8, RDLEN_AT = 25 + 11 + 8 };

static void shortened_macs_pass_from_half_their_length_on(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA256);

	(void)state;
	for (uint16_t len = 0; len <= 32; len++) {
		struct bytes b = from_hex(hex_asked_sha256);
		struct tsig_exchange x;
		uint8_t *mac = b.at + MAC_LEN_AT + 2;
		memmove(mac + len, mac + 32, 6);
		wire_store16(b.at + MAC_LEN_AT, len);
		wire_store16(b.at + RDLEN_AT, (uint16_t)(13 + 16 + len));
		b.len = (uint16_t)(b.len - 32 + len);
		assert_int_equal(take(&x, ring, &b, vector_time),
		                 len >= 16 ? 0 : ERR_CORRUPT);
		assert_int_equal(x.name_len > 0, len >= 16);
		tsig_end(&x);
	}
	keyring_free(&ring);
}

static void what_is_malformed_is_not_taken(void **state)
{
	static const struct {
		uint16_t at;
		uint8_t octet;
	} changes[] = {
		{25 + 11 + 3, 1},     /* class IN */
		{25 + 11 + 7, 1},     /* a TTL */
		{25 + 11 + 10, 0xc0}, /* a pointer for an algorithm */
		{25 + 11 + 10, 63},
		{MAC_LEN_AT, 1}, /* a MAC that goes on past the end */
		{MAC_LEN_AT + 1, 33},
		{MAC_LEN_AT + 2 + 32 + 5, 1}, /* other data that is not there */
	};
	struct keyring *ring = ring_with(TSIG_SHA256);
	struct bytes whole = from_hex(hex_asked_sha256);
	struct tsig_exchange x;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct bytes b = whole;
		b.at[changes[i].at] = changes[i].octet;
		assert_int_equal(take(&x, ring, &b, vector_time), ERR_CORRUPT);
	}
	for (uint16_t len = 0; len < whole.len; len++) {
		struct bytes b = whole;
		b.len = len;
		assert_int_equal(take(&x, ring, &b, vector_time), ERR_CORRUPT);
	}

	/* Two of them, and one that is not the last. */
	struct bytes twice = whole;
	memcpy(twice.at + whole.len, whole.at + 25, (size_t)(whole.len - 25));
	twice.len = (uint16_t)(2 * whole.len - 25);
	twice.at[11] = 2;
	assert_int_equal(take(&x, ring, &twice, vector_time), ERR_CORRUPT);
	twice = whole;
	memcpy(twice.at + whole.len, "\0\0\51\4\xd0\0\0\0\0\0\0", 11);
	twice.len = (uint16_t)(whole.len + 11);
	twice.at[11] = 2;
	assert_int_equal(take(&x, ring, &twice, vector_time), ERR_CORRUPT);
	keyring_free(&ring);
}

static void each_octet_of_a_request_is_signed(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA256);
	struct bytes whole = from_hex(hex_asked_sha256);

	(void)state;
	for (uint16_t at = 0; at < whole.len; at++) {
		struct tsig_exchange x;
		struct bytes b = whole;
		b.at[at] ^= 1;
		int err = take(&x, ring, &b, vector_time);
		/* The ID may differ from what it was; that is undone. */
		assert_true(at < 2 ? err == 0 : err < 0);
		tsig_end(&x);
	}
	keyring_free(&ring);
}

static void without_tsig_nothing_is_done(void **state)
{
	struct tsig_exchange x;
	struct bytes b = from_hex(hex_question);

	(void)state;
	assert_int_equal(take(&x, NULL, &b, vector_time), ERR_NOTFOUND);
	assert_bytes(&b, hex_question);
	assert_int_equal(tsig_sign_reply(&x, b.at, b.len, ROOM, vector_time), b.len);
	assert_int_equal(tsig_ask(&x, NULL, b.at, &b.len, ROOM, vector_time), 0);
	assert_bytes(&b, hex_question);
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, vector_time), 0);
	b = from_hex(hex_bind_good);
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, live_time), ERR_DENIED);
	tsig_end(&x);
}

static void an_answer_without_tsig_is_refused(void **state)
{
	struct tsig_exchange x;
	struct bytes b = from_hex(hex_answer_1);

	(void)state;
	ask(&x, TSIG_SHA256, vector_time, NULL);
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, vector_time), ERR_DENIED);
	tsig_end(&x);
}

static void no_more_than_99_messages_stay_unsigned(void **state)
{
	struct tsig_exchange x;

	(void)state;
	ask(&x, TSIG_SHA256, live_time, NULL);
	struct bytes b = from_hex(hex_bind_good);
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, live_time), 0);
	for (unsigned i = 0; i < TSIG_UNSIGNED_MAX; i++) {
		b = from_hex(hex_answer_1);
		assert_int_equal(tsig_take_reply(&x, b.at, &b.len, live_time), 0);
	}
	assert_int_equal(tsig_take_reply(&x, b.at, &b.len, live_time), ERR_DENIED);
	tsig_end(&x);
}

static void an_answer_too_long_is_cut(void **state)
{
	struct keyring *ring = ring_with(TSIG_SHA256);
	struct tsig_exchange x;
	struct message m;
	struct bytes b = from_hex(hex_asked_axfr);
	struct bytes reply = from_hex(hex_answer_0);
	uint32_t signature = (uint32_t)(b.len - 25);
	uint16_t len = (uint16_t)(reply.len - signature);

	(void)state;
	assert_int_equal(take(&x, ring, &b, vector_time), 0);
	reply.at[11] = 0;
	assert_int_equal(
		tsig_sign_reply(&x, reply.at, len, 25 + signature - 1, vector_time), 0);
	reply = from_hex(hex_answer_0);
	reply.at[11] = 0;
	len = tsig_sign_reply(&x, reply.at, len, len + signature - 1, vector_time);
	assert_int_equal(len, 25 + signature);
	assert_int_equal(message_open(reply.at, len, &m), 0);
	assert_true(m.flags & MESSAGE_TC);
	assert_int_equal(m.counts[SECTION_ANSWER], 0);
	assert_int_equal(m.counts[SECTION_ADDITIONAL], 1);
	tsig_end(&x);
	keyring_free(&ring);
}

static void keys_are_found_by_name_in_any_case(void **state)
{
	struct tsig_keys *keys = tsig_keys_new();
	struct keyring *ring = keyring_new();
	uint8_t name[] = "\3k00\7example";

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		name[1] = (uint8_t)('a' + i % 20);
		name[2] = (uint8_t)('a' + i / 20 % 20);
		name[3] = (uint8_t)('0' + i / 400);
		struct tsig_key *k = new_key(name, TSIG_SHA256);
		assert_true(tsig_keys_add(keys, &k));
		assert_null(k);
		k = new_key(name, TSIG_SHA1);
		assert_false(tsig_keys_add(keys, &k));
	}
	assert_int_equal(tsig_keys_count(keys), 2000);
	keyring_swap(ring, &keys);
	name[1] = 'B';
	struct tsig_key *k = keyring_find(ring, name);
	assert_non_null(k);
	assert_int_equal(k->algorithm, TSIG_SHA256);
	keyring_free(&ring); /* what is held stays */
	assert_int_equal(k->secret_len, sizeof vector_secret - 1);
	tsig_key_release(&k);
}

static void texts_of_keys_are_read(void **state)
{
	uint8_t secret[TSIG_SECRET_MAX];
	char text[TSIG_SECRET_TEXT_SIZE];
	static char long_text[2 * TSIG_SECRET_TEXT_SIZE];
	size_t len = 0;

	(void)state;
	assert_int_equal(tsig_algorithm_from_text("HMAC-sha256."), TSIG_SHA256);
	assert_int_equal(tsig_algorithm_from_text("hmac-md5"), TSIG_MD5);
	assert_int_equal(tsig_algorithm_from_text("HMAC-MD5.SIG-ALG.REG.INT."), TSIG_MD5);
	assert_int_equal(tsig_algorithm_from_text("hmac-sha25"), ERR_NOTFOUND);
	assert_int_equal(tsig_algorithm_from_text(""), ERR_NOTFOUND);
	assert_int_equal(tsig_secret_from_text("AQID\n BA==", 10, secret, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(secret, "\1\2\3\4", 4);
	tsig_secret_to_text(secret, len, text);
	assert_string_equal(text, "AQIDBA==");
	assert_int_equal(tsig_secret_from_text("", 0, secret, &len), ERR_SYNTAX);
	assert_int_equal(tsig_secret_from_text("a*==", 4, secret, &len), ERR_SYNTAX);
	assert_int_equal(tsig_secret_from_text("AQID\0AQID", 9, secret, &len),
	                 ERR_SYNTAX);
	memset(long_text, 'A', sizeof long_text);
	assert_int_equal(tsig_secret_from_text(long_text, sizeof long_text, secret, &len),
	                 ERR_SYNTAX);
	len = 4 * TSIG_SECRET_MAX / 3 + 2;
	assert_int_equal(tsig_secret_from_text(long_text, len & ~(size_t)3, secret, &len),
	                 ERR_SYNTAX);
	assert_int_equal(tsig_secret_new(TSIG_SHA384, secret), 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_as_others_do_with_every_algorithm),
		cmocka_unit_test(takes_requests_with_every_algorithm),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(times_before_and_far_beyond_32_bits_count),
		cmocka_unit_test(an_answer_of_many_messages_hangs_together),
		cmocka_unit_test(signs_answers_as_others_do),
		cmocka_unit_test(answers_of_bind_and_knot_are_understood),
		cmocka_unit_test(refusals_are_told_as_rfc_8945_has_it),
		cmocka_unit_test(shortened_macs_pass_from_half_their_length_on),
		cmocka_unit_test(what_is_malformed_is_not_taken),
		cmocka_unit_test(each_octet_of_a_request_is_signed),
		cmocka_unit_test(without_tsig_nothing_is_done),
		cmocka_unit_test(an_answer_without_tsig_is_refused),
		cmocka_unit_test(no_more_than_99_messages_stay_unsigned),
		cmocka_unit_test(an_answer_too_long_is_cut),
		cmocka_unit_test(keys_are_found_by_name_in_any_case),
		cmocka_unit_test(texts_of_keys_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
