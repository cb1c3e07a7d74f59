#include "control/sign/stored.h"

#include <string.h>
#include <sys/stat.h>

#include "control/access/actor.h"
#include "control/sign/testing.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/wire.h"

static const uint8_t zone_a[] = "\1a";
static const uint8_t zone_b[] = "\1b";
static const struct sign_stored_name name = {zone_a, 3};
static char why[VAULT_WHY_SIZE];

#define COUNTING "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER    "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* The file is read, and gone. */
static struct vault *vault_of(const char *text)
{
	char path[PATH_SIZE + 8];
	struct vault *v = NULL;

	(void)snprintf(path, sizeof path, "%s/master", dir);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(vault_open(path, &v, why), 0);
	assert_int_equal(unlink(path), 0);
	return v;
}

static struct sign_key *some_key(uint8_t algorithm)
{
	struct sign_key *k = NULL;

	assert_int_equal(
		sign_key_generate(algorithm, SIGN_RSA_BITS_MIN, SIGN_FLAGS_KSK, &k), 0);
	return k;
}

static void seal_one(const struct vault *v, struct sign_stored *out)
{
	struct sign_key *k = some_key(SIGN_ED25519);

	assert_int_equal(sign_stored_seal(v, &name, k, 1767323045, out), 0);
	sign_key_free(&k);
}

/* ---- sealing ---- */

static void key_of_each_algorithm_is_sealed_and_opened(void **state)
{
	static const uint8_t algorithms[] = {8, 10, 13, 14, 15, 16};
	struct vault *v = vault_of(COUNTING);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = some_key(algorithms[i]);
		struct sign_key *again = NULL;
		struct sign_stored s;
		assert_int_equal(sign_stored_seal(v, &name, k, 1, &s), 0);
		assert_int_equal(sign_stored_algorithm(&s), algorithms[i]);
		assert_int_equal(sign_stored_flags(&s), SIGN_FLAGS_KSK);
		assert_int_equal(sign_stored_tag(&s), sign_key_tag(k));
		assert_int_equal(sign_stored_open(v, &name, &s, &again, why), 0);
		assert_int_equal(sign_key_tag(again), sign_key_tag(k));
		sign_key_free(&again);
		sign_key_free(&k);
	}
	vault_free(&v);
}

static void largest_key_has_room(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_key *k = NULL;
	struct sign_stored s;

	(void)state;
	assert_int_equal(
		sign_key_generate(SIGN_RSASHA256, SIGN_RSA_BITS_MAX, SIGN_FLAGS_ZSK, &k),
		0);
	assert_int_equal(sign_stored_seal(v, &name, k, 1, &s), 0);
	sign_key_free(&k);
	vault_free(&v);
}

static void nothing_of_the_private_half_is_in_the_value(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_key *k = some_key(SIGN_ED25519);
	uint8_t value[SIGN_STORED_MAX];
	struct sign_stored s;
	uint8_t *pkcs8;
	size_t len;

	(void)state;
	assert_int_equal(sign_stored_seal(v, &name, k, 1, &s), 0);
	assert_int_equal(sign_key_encode(k, &pkcs8, &len), 0);
	size_t size = sign_stored_encode(&s, value);
	assert_true(len > 8);
	for (size_t at = 0; at + 8 <= len; at++)
		assert_null(memmem(value, size, pkcs8 + at, 8));
	free(pkcs8);
	sign_key_free(&k);
	vault_free(&v);
}

/* Why a key is refused, which begins with which it is. */
static void assert_refused(const struct vault *v, const struct sign_stored_name *n,
                           const struct sign_stored *s, int err, const char *what)
{
	struct sign_key *k = NULL;
	char want[VAULT_WHY_SIZE];

	assert_int_equal(sign_stored_open(v, n, s, &k, why), err);
	(void)snprintf(want, sizeof want, "key %u (tag %u) of %s: %s", n->number,
	               sign_stored_tag(s), n->zone == zone_a ? "a." : "b.", what);
	assert_string_equal(why, want);
	assert_null(k);
}

#define CHANGED "the sealed value was changed, or is that of another record"
#define UNLIKE  "its private half is not that of the DNSKEY stored with it"

static void key_under_another_name_is_refused(void **state)
{
	struct vault *v = vault_of(COUNTING);
	const struct sign_stored_name other_number = {zone_a, 4};
	const struct sign_stored_name other_zone = {zone_b, 3};
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
	assert_refused(v, &other_number, &s, ERR_CORRUPT, CHANGED);
	assert_refused(v, &other_zone, &s, ERR_CORRUPT, CHANGED);
	vault_free(&v);
}

static void key_under_another_master_secret_is_refused(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct vault *other = vault_of(OTHER);
	struct sign_stored s;
	char what[VAULT_WHY_SIZE];
	char id[VAULT_ID_TEXT_SIZE];

	(void)state;
	seal_one(v, &s);
	(void)snprintf(what, sizeof what,
	               "the value is sealed under master secret %s, which is not in "
	               "%s/master",
	               vault_id(v, 0, id), dir);
	assert_refused(other, &name, &s, ERR_NOTFOUND, what);
	assert_int_equal(sign_stored_reseal(other, &name, &s, why), ERR_NOTFOUND);
	vault_free(&other);
	vault_free(&v);
}

static void key_that_was_tampered_with_is_refused(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_stored other;
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
	seal_one(v, &other);
	s.sealed[s.sealed_len - 20] ^= 1;
	assert_refused(v, &name, &s, ERR_CORRUPT, CHANGED);
	s.sealed[s.sealed_len - 20] ^= 1;
	s.dnskey[10] ^= 1;
	assert_refused(v, &name, &s, ERR_CORRUPT, UNLIKE);
	s.dnskey[10] ^= 1;
	s.dnskey[3] = SIGN_ED448;
	assert_refused(v, &name, &s, ERR_CORRUPT, UNLIKE);
	s.dnskey[3] = SIGN_ED25519;
	s.sealed_len--;
	assert_refused(v, &name, &s, ERR_CORRUPT, CHANGED);
	s.sealed_len++;
	/* What was sealed for the same name once, of a key that is gone. */
	memcpy(s.sealed, other.sealed, s.sealed_len);
	assert_refused(v, &name, &s, ERR_CORRUPT, UNLIKE);
	vault_free(&v);
}

static void key_that_was_left_out_says_so(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
	s.sealed_len = 0;
	assert_refused(v, &name, &s, ERR_NOTFOUND,
	               "its private half was left out of the backup that this store "
	               "comes from; it has to be imported again");
	assert_int_equal(sign_stored_reseal(v, &name, &s, why), 0);
	vault_free(&v);
}

static void key_is_sealed_anew_under_a_new_master_secret(void **state)
{
	struct vault *old = vault_of(COUNTING);
	struct vault *both = vault_of(OTHER "\n" COUNTING);
	struct vault *now = vault_of(OTHER);
	const struct sign_stored_name other_zone = {zone_b, 3};
	struct sign_key *k = NULL;
	struct sign_stored s;

	(void)state;
	seal_one(old, &s);
	assert_int_equal(sign_stored_reseal(old, &name, &s, why), 0);
	assert_int_equal(sign_stored_reseal(both, &other_zone, &s, why), ERR_CORRUPT);
	assert_int_equal(sign_stored_reseal(both, &name, &s, why), 1);
	assert_int_equal(sign_stored_reseal(both, &name, &s, why), 0);
	assert_int_equal(sign_stored_open(now, &name, &s, &k, why), 0);
	assert_int_equal(sign_key_tag(k), sign_stored_tag(&s));
	sign_key_free(&k);
	assert_int_equal(sign_stored_open(old, &name, &s, &k, why), ERR_NOTFOUND);
	vault_free(&now);
	vault_free(&both);
	vault_free(&old);
}

/* ---- values ---- */

static void value_comes_back_and_no_other_form_does(void **state)
{
	struct vault *v = vault_of(COUNTING);
	uint8_t value[SIGN_STORED_MAX + 1] = {0};
	uint8_t again[SIGN_STORED_MAX];
	struct sign_stored s;
	struct sign_stored out;

	(void)state;
	seal_one(v, &s);
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
	vault_free(&v);
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
		{36, 0, 40, 2, ERR_VERSION},
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
	struct vault *v = vault_of(COUNTING);
	uint8_t value[SIGN_STORED_MAX];
	uint8_t copy[SIGN_STORED_MAX];
	struct sign_stored s;
	struct sign_stored out;

	(void)state;
	seal_one(v, &s);
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
	vault_free(&v);
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
	struct vault *v = vault_of(COUNTING);
	struct store_txn *t = begin_write();
	struct sign_stored s;
	uint32_t next = 0;
	char seen[256] = "";

	(void)state;
	seal_one(v, &s);
	assert_int_equal(sign_stored_next(t, 1, &next), 0);
	assert_int_equal(next, 1);
	put_key(t, 256, 1, &s);
	put_key(t, 1, 256, &s);
	put_key(t, 1, 2, &s);
	put_key(t, 2, 1, &s);
	assert_int_equal(sign_stored_each(t, 1, note_key, seen), 0);
	assert_string_equal(seen, "1/2 1/256 ");
	seen[0] = '\0';
	assert_int_equal(sign_stored_each(t, 0, note_key, seen), 0);
	assert_string_equal(seen, "1/2 1/256 2/1 256/1 ");
	assert_int_equal(sign_stored_next(t, 1, &next), 0);
	assert_int_equal(next, 257);
	assert_int_equal(sign_stored_get(t, 1, 256, &s), 0);
	assert_int_equal(sign_stored_get(t, 1, 3, &s), ERR_NOTFOUND);
	put_key(t, 1, 77, &s);
	assert_int_equal(sign_stored_each(t, 1, note_key, seen), 42);
	put_key(t, 1, UINT32_MAX, &s);
	assert_int_equal(sign_stored_next(t, 1, &next), ERR_FULL);
	store_abort(&t);
	vault_free(&v);
}

static void damaged_item_is_reported(void **state)
{
	struct store_txn *t = begin_write();
	struct sign_stored s;
	uint32_t next;
	char seen[64] = "";

	(void)state;
	assert_int_equal(
		store_item_put(t, STORE_CRYPTOKEY, "\0\0\0\1\0\0\0\1", 8, "x", 1), 0);
	assert_int_equal(sign_stored_get(t, 1, 1, &s), ERR_VERSION);
	assert_int_equal(sign_stored_each(t, 1, note_key, seen), ERR_VERSION);
	assert_int_equal(store_item_put(t, STORE_CRYPTOKEY, "\0\0\0\2\0", 5, "x", 1), 0);
	assert_int_equal(sign_stored_each(t, 2, note_key, seen), ERR_CORRUPT);
	assert_int_equal(sign_stored_next(t, 2, &next), ERR_CORRUPT);
	assert_string_equal(seen, "");
	store_abort(&t);
}

static void change_keeps_keys_out_of_sight(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct change *c = change_new(actor_self());
	struct store_txn *t = begin_write();
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
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
	vault_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_of_each_algorithm_is_sealed_and_opened),
		cmocka_unit_test(largest_key_has_room),
		cmocka_unit_test(nothing_of_the_private_half_is_in_the_value),
		cmocka_unit_test(key_under_another_name_is_refused),
		cmocka_unit_test(key_under_another_master_secret_is_refused),
		cmocka_unit_test(key_that_was_tampered_with_is_refused),
		cmocka_unit_test(key_that_was_left_out_says_so),
		cmocka_unit_test(key_is_sealed_anew_under_a_new_master_secret),
		cmocka_unit_test(value_comes_back_and_no_other_form_does),
		cmocka_unit_test(lengths_of_a_value_are_bounded),
		cmocka_unit_test(copy_without_secret_has_the_rest),
		cmocka_unit_test(keys_of_a_zone_are_found_in_order),
		cmocka_unit_test(damaged_item_is_reported),
		cmocka_unit_test(change_keeps_keys_out_of_sight),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
