/* Keys as values, and as items of the store. What is in their seals is no matter here. */
#include <string.h>

#include "control/access/actor.h"
#include "control/sign/stored.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/wire.h"

static const uint8_t zone_a[] = "\1a";

static struct sign_stored some_stored(void)
{
	struct sign_stored s = {.created_at = 1767323045,
	                        .dnskey_len = 36,
	                        .sealed_len = VAULT_OVERHEAD + 40,
	                        .dnskey = {1, 1, 3, SIGN_ED25519}};

	for (uint8_t i = 0; i < 40; i++)
		s.sealed[i + 30] = i;
	return s;
}

/* ---- values ---- */

static void value_comes_back_and_no_other_form_does(void **state)
{
	uint8_t value[SIGN_STORED_MAX + 1] = {0};
	uint8_t again[SIGN_STORED_MAX];
	struct sign_stored s;
	struct sign_stored out;

	(void)state;
	s = some_stored();
	s.life_len = 3;
	memcpy(s.life, "abc", 3);
	size_t size = sign_stored_encode(&s, value);
	assert_int_equal(sign_stored_decode(value, size, &out), 0);
	assert_int_equal(out.created_at, 1767323045);
	assert_memory_equal(out.life, "abc", 3);
	assert_int_equal(sign_stored_encode(&out, again), size);
	assert_memory_equal(again, value, size);
	for (size_t len = 0; len < size; len++)
		assert_int_equal(sign_stored_decode(value, len, &out), ERR_CORRUPT);
	assert_int_equal(sign_stored_decode(value, size + 1, &out), ERR_CORRUPT);
	value[0]++;
	assert_int_equal(sign_stored_decode(value, size, &out), ERR_VERSION);
}

static void uri_of_a_key_in_a_token_comes_back(void **state)
{
	uint8_t value[SIGN_STORED_MAX];
	uint8_t copy[SIGN_STORED_MAX];
	struct sign_stored s = some_stored();
	struct sign_stored out;

	(void)state;
	s.sealed_len = 0;
	memset(s.uri, 'x', sizeof s.uri - 1);
	size_t size = sign_stored_encode(&s, value);
	assert_int_equal(sign_stored_decode(value, size, &out), 0);
	assert_string_equal(out.uri, s.uri);
	assert_int_equal(out.sealed_len, 0);
	for (size_t len = 0; len < size; len++)
		assert_int_equal(sign_stored_decode(value, len, &out), ERR_CORRUPT);
	/* It is no secret: who has the token can go on with a copy. */
	assert_int_equal(sign_stored_without_secret(value, size, copy), size);
	assert_memory_equal(copy, value, size);

	s.uri[3] = '\0';
	size = sign_stored_encode(&s, value);
	assert_int_equal(sign_stored_decode(value, size, &out), 0);
	value[size - 2] = '\0';
	assert_int_equal(sign_stored_decode(value, size, &out), ERR_CORRUPT);
}

static void uri_that_is_too_long_is_refused(void **state)
{
	uint8_t value[SIGN_STORED_MAX];
	struct sign_stored s = some_stored();
	struct sign_stored out;

	(void)state;
	s.uri[0] = 'x';
	size_t size = sign_stored_encode(&s, value);
	memset(value + size, 'x', TOKEN_KEY_URI_SIZE);
	wire_store16(value + size - 3, TOKEN_KEY_URI_SIZE - 1);
	assert_int_equal(sign_stored_decode(value, size + TOKEN_KEY_URI_SIZE - 2, &out),
	                 0);
	wire_store16(value + size - 3, TOKEN_KEY_URI_SIZE);
	assert_int_equal(sign_stored_decode(value, size + TOKEN_KEY_URI_SIZE - 1, &out),
	                 ERR_CORRUPT);
}

static void lengths_of_a_value_are_bounded(void **state)
{
	static const struct {
		uint16_t dnskey, life, sealed;
		uint8_t form;
		int err;
	} cases[] = {
		{36, 0, 0, 1, 0},
		{DNSKEY_MAX, SIGN_LIFE_MAX, SIGN_SEALED_MAX, 1, 0},
		{36, 0, VAULT_OVERHEAD, 1, 0},
		{DNSKEY_HEADER, 0, 0, 1, ERR_CORRUPT},
		{0, 0, 0, 1, ERR_CORRUPT},
		{DNSKEY_MAX + 1, 0, 0, 1, ERR_CORRUPT},
		{36, SIGN_LIFE_MAX + 1, 0, 1, ERR_CORRUPT},
		{36, 0, SIGN_SEALED_MAX + 1, 1, ERR_CORRUPT},
		{36, 0, VAULT_OVERHEAD - 1, 1, ERR_CORRUPT},
		{36, 0, 40, 0, ERR_VERSION},
		{36, 0, 40, 3, ERR_VERSION},
		{36, 0, 0, 2, ERR_CORRUPT},
		{36, 0, 40, 2, ERR_CORRUPT}, /* of zeros */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static uint8_t value[SIGN_STORED_MAX + 16];
		struct sign_stored s;
		struct wire_writer w = wire_writer_on(value, sizeof value);
		wire_write8(&w, 1);
		wire_write64(&w, 1);
		wire_write16(&w, cases[i].dnskey);
		(void)wire_write_room(&w, cases[i].dnskey);
		wire_write16(&w, cases[i].life);
		(void)wire_write_room(&w, cases[i].life);
		wire_write8(&w, cases[i].form);
		wire_write16(&w, cases[i].sealed);
		(void)wire_write_room(&w, cases[i].sealed);
		assert_true(w.ok);
		assert_int_equal(sign_stored_decode(value, wire_written(&w), &s),
		                 cases[i].err);
	}
}

static void copy_without_secret_has_the_rest(void **state)
{
	uint8_t value[SIGN_STORED_MAX];
	uint8_t copy[SIGN_STORED_MAX];
	struct sign_stored s;
	struct sign_stored out;

	(void)state;
	s = some_stored();
	s.life_len = 1;
	size_t size = sign_stored_encode(&s, value);
	size_t copy_size = sign_stored_without_secret(value, size, copy);
	assert_int_equal(copy_size, size - s.sealed_len);
	assert_null(memmem(copy, copy_size, s.sealed + 30, 8));
	assert_int_equal(sign_stored_decode(copy, copy_size, &out), 0);
	assert_int_equal(out.sealed_len, 0);
	assert_int_equal(sign_stored_tag(&out), sign_stored_tag(&s));
	assert_int_equal(out.life_len, 1);
	assert_int_equal(sign_stored_without_secret(value, size - 1, copy), 0);
}

/* ---- in the store ---- */

static void put_key(struct store_txn *t, uint32_t zone, uint32_t number,
                    const struct sign_stored *s)
{
	uint8_t key[SIGN_STORED_KEY_SIZE];
	uint8_t value[SIGN_STORED_MAX];

	wire_store32(key, zone);
	wire_store32(key + 4, number);
	assert_int_equal(store_item_put(t, STORE_CRYPTOKEY, key, sizeof key, value,
	                                sign_stored_encode(s, value)),
	                 0);
}

static int note_key(const struct sign_stored_item *i, void *arg)
{
	char *to = arg;

	(void)snprintf(to + strlen(to), 32, "%u/%u ", i->zone, i->number);
	return i->number == 77 ? 42 : 0;
}

static void keys_of_a_zone_are_found_in_order(void **state)
{
	struct store_txn *t = begin_write();
	struct sign_stored s;
	char seen[256] = "";

	(void)state;
	s = some_stored();
	put_key(t, 256, 1, &s);
	put_key(t, 1, 256, &s);
	put_key(t, 1, 2, &s);
	put_key(t, 2, 1, &s);
	assert_int_equal(sign_stored_each(t, 1, note_key, seen), 0);
	assert_string_equal(seen, "1/2 1/256 ");
	seen[0] = '\0';
	assert_int_equal(sign_stored_each(t, 0, note_key, seen), 0);
	assert_string_equal(seen, "1/2 1/256 2/1 256/1 ");
	assert_int_equal(sign_stored_get(t, 1, 256, &s), 0);
	assert_int_equal(sign_stored_get(t, 1, 3, &s), ERR_NOTFOUND);
	put_key(t, 1, 77, &s);
	assert_int_equal(sign_stored_each(t, 1, note_key, seen), 42);
	store_abort(&t);
}

static void damaged_item_is_reported(void **state)
{
	struct store_txn *t = begin_write();
	struct sign_stored s;
	char seen[64] = "";

	(void)state;
	assert_int_equal(
		store_item_put(t, STORE_CRYPTOKEY, "\0\0\0\1\0\0\0\1", 8, "x", 1), 0);
	assert_int_equal(sign_stored_get(t, 1, 1, &s), ERR_VERSION);
	assert_int_equal(sign_stored_each(t, 1, note_key, seen), ERR_VERSION);
	assert_int_equal(store_item_put(t, STORE_CRYPTOKEY, "\0\0\0\2\0", 5, "x", 1), 0);
	assert_int_equal(sign_stored_each(t, 2, note_key, seen), ERR_CORRUPT);
	assert_string_equal(seen, "");
	store_abort(&t);
}

static void change_keeps_keys_out_of_sight(void **state)
{
	struct change *c = change_new(actor_self());
	struct store_txn *t = begin_write();
	struct sign_stored s;

	(void)state;
	s = some_stored();
	put_key(t, 9, 1, &s);
	put_key(t, 9, 2, &s);
	put_key(t, 10, 1, &s);
	sign_stored_change(c, 9, 3, &s);
	(void)change_zone(c, ZONE_CREATE, zone_a);
	sign_stored_change(c, 0, 1, &s);
	sign_stored_change(c, 9, 3, NULL);
	assert_int_equal(sign_stored_forget(c, t, 9), 0);
	assert_int_equal(c->item_count, 5);
	for (size_t i = 0; i < c->item_count; i++) {
		assert_true(c->items[i].secret);
		assert_int_equal(c->items[i].list, STORE_CRYPTOKEY);
		assert_int_equal(c->items[i].of_zone, i == 1);
		assert_true((c->items[i].value != NULL) == (i < 2));
	}
	assert_memory_equal(c->items[0].key, "\0\0\0\11\0\0\0\3", 8);
	assert_memory_equal(c->items[4].key, "\0\0\0\11\0\0\0\2", 8);
	store_abort(&t);
	change_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_comes_back_and_no_other_form_does),
		cmocka_unit_test(uri_of_a_key_in_a_token_comes_back),
		cmocka_unit_test(uri_that_is_too_long_is_refused),
		cmocka_unit_test(lengths_of_a_value_are_bounded),
		cmocka_unit_test(copy_without_secret_has_the_rest),
		cmocka_unit_test(keys_of_a_zone_are_found_in_order),
		cmocka_unit_test(damaged_item_is_reported),
		cmocka_unit_test(change_keeps_keys_out_of_sight),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
