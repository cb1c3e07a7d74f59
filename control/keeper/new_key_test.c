/* Keys that are made for a zone: what they are, where their private half is, and when there are none. */
#include "control/keeper/new_key.h"

#include "control/store/testing.h"
#include "shared/err.h"

enum { NOW = 1800000000, SECRET_SIZE = PATH_SIZE + 16 };

static struct sign_secrets *secrets;
static char secret_path[SECRET_SIZE];
static char why[ZONE_KEYS_WHY_SIZE];
static struct zone_key kept[2];
static struct zone_keys zone;
static char no_token[] = "";

/* ---- keys whose tags are what a test says ---- */

static struct sign_key *given[4]; /* instead of new ones, in their order */
static size_t given_count, taken;

/* NOLINTBEGIN(readability-identifier-naming): they are called so */
int __wrap_sign_key_generate(uint8_t algorithm, unsigned rsa_bits, uint16_t flags,
                             struct sign_key **out);
int __real_sign_key_generate(uint8_t algorithm, unsigned rsa_bits, uint16_t flags,
                             struct sign_key **out);

int __wrap_sign_key_generate(uint8_t algorithm, unsigned rsa_bits, uint16_t flags,
                             struct sign_key **out)
{
	taken++;
	if (given_count < taken)
		return __real_sign_key_generate(algorithm, rsa_bits, flags, out);
	*out = given[taken - 1];
	given[taken - 1] = NULL;
	return 0;
}

/* NOLINTEND(readability-identifier-naming) */

static int begin(void **state)
{
	if (setup(state) != 0)
		return -1;
	(void)snprintf(secret_path, sizeof secret_path, "%s/secret", dir);
	secrets = sign_secrets_new(secret_path);
	zone = (struct zone_keys){.zone = "\7example", .keys = kept};
	memset(kept, 0, sizeof kept);
	given_count = taken = 0;
	why[0] = '\0';
	return 0;
}

static int end(void **state)
{
	sign_secrets_free(&secrets);
	(void)unlink(secret_path);
	return teardown(state);
}

/* ---- making them ---- */

static int make_with(const struct config_dnssec_policy *p, uint16_t flags,
                     struct sign_stored *out)
{
	const struct new_key n = {.txn = begin_read(),
	                          .secrets = secrets,
	                          .policy = p,
	                          .keys = &zone,
	                          .number = 5,
	                          .flags = flags,
	                          .now = NOW};
	struct store_txn *t = n.txn;
	int err = new_key_make(&n, out, why);

	store_abort(&t);
	return err;
}

static int make(uint8_t algorithm, uint16_t flags, struct sign_stored *out)
{
	const struct config_dnssec_policy p = {
		.policy = {.algorithm = algorithm, .rsa_bits = 2048}, .token = no_token};

	return make_with(&p, flags, out);
}

static int open_as(uint32_t number, const struct sign_stored *s, struct sign_key **out)
{
	const struct sign_stored_name name = {.zone = zone.zone, .number = number};

	return sign_stored_open(sign_secrets_vault(secrets, false, why), &name, s, out,
	                        why);
}

static void key_is_sealed_for_its_zone_and_number(void **state)
{
	static struct sign_stored s;
	struct sign_key *key = NULL;

	(void)state;
	assert_int_equal(make(SIGN_ED25519, SIGN_FLAGS_KSK, &s), 0);
	assert_int_equal(sign_stored_algorithm(&s), SIGN_ED25519);
	assert_int_equal(sign_stored_flags(&s), SIGN_FLAGS_KSK);
	assert_int_equal(s.created_at, NOW);
	assert_int_equal(s.life_len, 0);
	assert_string_equal(s.uri, "");
	assert_int_equal(open_as(5, &s, &key), 0);
	sign_key_free(&key);
	assert_int_equal(open_as(6, &s, &key), ERR_CORRUPT);
	assert_null(key);
}

static void key_is_as_the_policy_says(void **state)
{
	static struct sign_stored s;
	struct sign_key *key = NULL;

	(void)state;
	assert_int_equal(make(SIGN_RSASHA256, SIGN_FLAGS_ZSK, &s), 0);
	assert_int_equal(sign_stored_flags(&s), SIGN_FLAGS_ZSK);
	assert_int_equal(open_as(5, &s, &key), 0);
	assert_int_equal(sign_key_bits(key), 2048);
	sign_key_free(&key);
}

/* ---- tags ---- */

static void generate(struct sign_key **out)
{
	assert_int_equal(__real_sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_ZSK, out),
	                 0);
}

/* The zone has this key, and so its tag. */
static void keep(size_t i, const struct sign_key *key)
{
	struct rdata dnskey = sign_key_dnskey(key);

	kept[i].number = (uint32_t)i + 1;
	kept[i].stored.dnskey_len = dnskey.len;
	memcpy(kept[i].stored.dnskey, dnskey.bytes, dnskey.len);
	zone.count = i + 1;
}

static void tag_that_a_key_of_the_zone_has_is_not_given_again(void **state)
{
	static struct sign_stored s;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		generate(&given[i]);
	given_count = 3;
	keep(0, given[0]);
	keep(1, given[1]);
	uint16_t free_tag = sign_key_tag(given[2]);
	assert_int_not_equal(free_tag, sign_stored_tag(&kept[0].stored));
	assert_int_not_equal(free_tag, sign_stored_tag(&kept[1].stored));
	assert_int_equal(make(SIGN_ED25519, SIGN_FLAGS_ZSK, &s), 0);
	assert_int_equal(taken, 3);
	assert_int_equal(sign_stored_tag(&s), free_tag);
}

/* ---- when there are none ---- */

/* What is sealed in the store would be lost for good with another secret in the place of the one that is missing. */
static void secret_is_not_made_where_keys_were_sealed(void **state)
{
	static struct sign_stored s;
	uint8_t key[SIGN_STORED_KEY_SIZE] = {0, 0, 0, 1, 0, 0, 0, 1};
	static uint8_t value[SIGN_STORED_MAX];

	(void)state;
	assert_int_equal(make(SIGN_ED25519, SIGN_FLAGS_ZSK, &s), 0);
	size_t size = sign_stored_encode(&s, value);
	struct store_txn *t = begin_write();
	assert_int_equal(store_item_put(t, STORE_CRYPTOKEY, key, sizeof key, value, size),
	                 0);
	commit(t);
	assert_int_equal(unlink(secret_path), 0);
	sign_secrets_free(&secrets);
	secrets = sign_secrets_new(secret_path);
	taken = 0;
	assert_int_equal(make(SIGN_ED25519, SIGN_FLAGS_ZSK, &s), ERR_REFUSED);
	assert_true(why[0] != '\0');
	assert_int_equal(taken, 0);
	assert_int_not_equal(access(secret_path, F_OK), 0);
}

static void secret_that_cannot_be_made_is_spoken_of(void **state)
{
	static struct sign_stored s;

	(void)state;
	sign_secrets_free(&secrets);
	secrets = sign_secrets_new("/nonexistent/secret");
	assert_int_equal(make(SIGN_ED25519, SIGN_FLAGS_ZSK, &s), ERR_REFUSED);
	assert_true(why[0] != '\0');
}

static void token_that_is_not_there_gives_no_key(void **state)
{
	static struct sign_stored s;
	char token[] = "pkcs11:token=Nowhere";
	const struct config_dnssec_policy p = {.policy = {.algorithm = SIGN_ED25519},
	                                       .token = token};

	(void)state;
	assert_int_equal(make_with(&p, SIGN_FLAGS_ZSK, &s), ERR_REFUSED);
	assert_non_null(strstr(why, "Nowhere"));
	assert_int_equal(taken, 0);
	assert_int_not_equal(access(secret_path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(key_is_sealed_for_its_zone_and_number),
		TEST(key_is_as_the_policy_says),
		TEST(tag_that_a_key_of_the_zone_has_is_not_given_again),
		TEST(secret_is_not_made_where_keys_were_sealed),
		TEST(secret_that_cannot_be_made_is_spoken_of),
		TEST(token_that_is_not_there_gives_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
