#include "control/access/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "control/access/grants.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

enum { TEXT_SIZE = 256, TRIES = 200 };

/* ---- secrets ---- */

static void a_new_secret_has_its_form_and_is_never_the_same(void **state)
{
	char seen[TRIES][SECRET_TEXT_SIZE];
	char id[KEY_ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < TRIES; i++) {
		assert_int_equal(secret_new(seen[i]), 0);
		assert_int_equal(strlen(seen[i]), SECRET_TEXT_SIZE - 1);
		assert_true(secret_key_id(seen[i], id));
		assert_int_equal(strlen(id), KEY_ID_SIZE - 1);
		assert_memory_equal(seen[i] + SECRET_PREFIX, id, KEY_ID_SIZE - 1);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(seen[i], seen[k]);
	}
}

static void every_octet_of_a_secret_counts(void **state)
{
	char text[SECRET_TEXT_SIZE];
	uint8_t right[SECRET_HASH_SIZE];
	uint8_t wrong[SECRET_HASH_SIZE];

	(void)state;
	assert_int_equal(secret_new(text), 0);
	secret_hash(text, right);
	for (unsigned i = 0; i < SECRET_TEXT_SIZE - 1; i++) {
		text[i] ^= 1;
		secret_hash(text, wrong);
		assert_false(secret_hash_equal(right, wrong));
		text[i] ^= 1;
	}
	secret_hash(text, wrong);
	assert_true(secret_hash_equal(right, wrong));
}

static void a_hash_is_sha256_of_the_text(void **state)
{
	static const uint8_t known[SECRET_HASH_SIZE] = {
		0x07, 0x19, 0x8f, 0xc6, 0x4a, 0xae, 0xcd, 0x3c, 0x39, 0x96, 0x98,
		0xa3, 0x6e, 0xfd, 0x06, 0xe2, 0xce, 0x18, 0xf3, 0xfd, 0xe1, 0x0b,
		0x87, 0xda, 0x3a, 0x4c, 0x4b, 0x67, 0x17, 0xdd, 0x74, 0x66};
	uint8_t hash[SECRET_HASH_SIZE];

	(void)state;
	secret_hash("ans_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	            hash);
	assert_memory_equal(hash, known, sizeof known);
}

static void what_has_not_the_form_of_a_secret_names_no_key(void **state)
{
	static const char *const texts[] = {
		"",
		"ans",
		"ans_",
		"ans_0123456789abcdef",
		"ans_0123456789abcdef_",
		"ans_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ans_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ans_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"ans_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAA",
		"ans_0123456789ABCDEF_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ans_0123456789abcde_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ans_0123456789abcdef0_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ANS_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		" ans_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	char id[KEY_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (secret_key_id(texts[i], id))
			fail_msg("taken: %s", texts[i]);
}

/* ---- grants ---- */

static int read_grants(const char *json, struct grant **out, size_t *count)
{
	char text[TEXT_SIZE] = "";
	json_t *list = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(list);
	int err = grants_from_json(list, out, count, text, sizeof text);
	json_decref(list);
	if (err < 0)
		assert_true(strlen(text) > 0);
	return err;
}

static void a_grant_reads_back_as_it_was_written(void **state)
{
	static const char given[] =
		"[{\"below\":true,\"names\":[\"_acme-challenge\",\"*.dyn\",\"@\",\"a\\\\."
		"b\"],\"types\":[\"TXT\",\"A\"],\"write\":false,\"zone\":\"Example.ORG\"},"
		"{\"zone\":\".\"}]";
	static const char shown[] =
		"[{\"below\":true,\"names\":[\"_acme-challenge\",\"*.dyn\",\"@\",\"a\\\\."
		"b\"],\"types\":[\"TXT\",\"A\"],\"write\":false,\"zone\":\"example.org.\"},"
		"{\"below\":false,\"names\":[],\"types\":[],\"write\":true,\"zone\":\".\"}]";
	struct grant *grants = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(read_grants(given, &grants, &count), 0);
	assert_int_equal(count, 2);
	assert_true(grants[0].below && !grants[0].write);
	assert_string_equal(grants[0].names, "_acme-challenge *.dyn @ a\\.b");
	assert_int_equal(grants[0].types[0], RRTYPE_TXT);
	assert_true(!grants[1].below && grants[1].write && grants[1].type_count == 0);
	json_t *list = grants_json(grants, count);
	char *text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, shown);
	free(text);
	json_decref(list);
	free(grants);
}

static void a_grant_with_a_mistake_is_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"\"example.org\"",
		"[\"example.org\"]",
		"[{}]",
		"[{\"zone\":\"\"}]",
		"[{\"zone\":1}]",
		"[{\"zone\":\"a..b\"}]",
		"[{\"zone\":\"a\",\"below\":\"yes\"}]",
		"[{\"zone\":\"a\",\"write\":1}]",
		"[{\"zone\":\"a\",\"wirte\":true}]",
		"[{\"zone\":\"a\",\"names\":\"x\"}]",
		"[{\"zone\":\"a\",\"names\":[\"\"]}]",
		"[{\"zone\":\"a\",\"names\":[\"x y\"]}]",
		"[{\"zone\":\"a\",\"names\":[\"x.\"]}]",
		"[{\"zone\":\"a\",\"names\":[\".x\"]}]",
		"[{\"zone\":\"a\",\"names\":[\"x\\\\\"]}]",
		"[{\"zone\":\"a\",\"names\":[\"x\\\\12\"]}]",
		"[{\"zone\":\"a\",\"names\":[\"x\\\\256\"]}]",
		"[{\"zone\":\"a\",\"names\":[1]}]",
		"[{\"zone\":\"a\",\"types\":[\"FOO\"]}]",
		"[{\"zone\":\"a\",\"types\":[16]}]",
		("[{\"zone\":\"a\",\"types\":[\"A\",\"A\",\"A\",\"A\",\"A\",\"A\",\"A\",\"A\",\"A\","
	         "\"A\",\"A\",\"A\",\"A\",\"A\",\"A\",\"A\",\"A\"]}]"),
	};
	struct grant *grants = NULL;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (read_grants(texts[i], &grants, &count) >= 0)
			fail_msg("taken: %s", texts[i]);
}

static void too_many_grants_and_names_are_refused(void **state)
{
	json_t *list = json_array();
	json_t *names = json_array();
	struct grant *grants = NULL;
	size_t count = 0;
	char text[TEXT_SIZE];

	(void)state;
	for (unsigned i = 0; i < GRANTS_MAX; i++)
		json_array_append_new(list, json_pack("{s:s}", "zone", "a"));
	assert_int_equal(grants_from_json(list, &grants, &count, text, sizeof text), 0);
	assert_int_equal(count, GRANTS_MAX);
	free(grants);
	json_array_append_new(list, json_pack("{s:s}", "zone", "a"));
	assert_int_equal(grants_from_json(list, &grants, &count, text, sizeof text),
	                 ERR_TOOBIG);
	json_array_clear(list);
	/* 127 of two octets with a blank between them are 254. */
	for (unsigned i = 0; i < GRANT_NAMES_SIZE / 2; i++)
		json_array_append_new(names, json_string("x"));
	json_array_append_new(list, json_pack("{s:s,s:O}", "zone", "a", "names", names));
	assert_int_equal(grants_from_json(list, &grants, &count, text, sizeof text), 0);
	assert_int_equal(strlen(grants[0].names), GRANT_NAMES_SIZE - 1);
	free(grants);
	json_array_append_new(names, json_string("x"));
	assert_int_equal(grants_from_json(list, &grants, &count, text, sizeof text),
	                 ERR_TOOBIG);
	json_decref(names);
	json_decref(list);
}

/* ---- keys ---- */

static struct key sample_key(void)
{
	struct key k = {.id = "0123456789abcdef",
	                .role = ROLE_WRITER,
	                .label = "acme client",
	                .tenant = "blue",
	                .created_at = 1700000000,
	                .expires_at = 1800000000};

	memset(k.hash, 0xa5, sizeof k.hash);
	assert_int_equal(
		read_grants(
			"[{\"zone\":\"example.org\",\"names\":[\"_acme-challenge\"],"
			"\"types\":[\"TXT\"]},{\"zone\":\"example.net\",\"below\":true}]",
			&k.grants, &k.grant_count),
		0);
	return k;
}

static void a_key_reads_back_as_it_was_kept(void **state)
{
	struct key k = sample_key();
	struct key back;
	uint8_t *bytes = NULL;

	(void)state;
	size_t size = key_encode(&k, &bytes);
	assert_int_equal(key_decode(k.id, KEY_ID_SIZE - 1, bytes, size, &back), 0);
	assert_string_equal(back.id, k.id);
	assert_memory_equal(back.hash, k.hash, sizeof k.hash);
	assert_string_equal(back.label, k.label);
	assert_string_equal(back.tenant, k.tenant);
	assert_int_equal(back.role, k.role);
	assert_int_equal(back.expires_at, k.expires_at);
	assert_int_equal(back.grant_count, 2);
	assert_memory_equal(back.grants, k.grants, 2 * sizeof *k.grants);
	key_fini(&back);
	free(bytes);
	key_fini(&k);
}

static void a_damaged_key_is_noticed(void **state)
{
	struct key k = sample_key();
	struct key back;
	uint8_t *bytes = NULL;

	(void)state;
	size_t size = key_encode(&k, &bytes);
	for (size_t len = 0; len < size; len++) {
		/* Behind the end there must be nothing to read. */
		uint8_t *cut = malloc(len + !len);
		assert_non_null(cut);
		memcpy(cut, bytes, len);
		assert_true(key_decode(k.id, KEY_ID_SIZE - 1, cut, len, &back) < 0);
		free(cut);
	}
	assert_int_equal(key_decode(k.id, KEY_ID_SIZE - 2, bytes, size, &back),
	                 ERR_CORRUPT);
	bytes[0] += 2;
	assert_int_equal(key_decode(k.id, KEY_ID_SIZE - 1, bytes, size, &back),
	                 ERR_VERSION);
	bytes[0] -= 2;
	bytes[1 + SECRET_HASH_SIZE] = ROLE_ADMIN + 1;
	assert_int_equal(key_decode(k.id, KEY_ID_SIZE - 1, bytes, size, &back),
	                 ERR_CORRUPT);
	free(bytes);
	key_fini(&k);
}

static void a_disabled_key_is_kept_as_one(void **state)
{
	struct key k = sample_key();
	struct key back;
	uint8_t *bytes = NULL;

	(void)state;
	k.disabled = true;
	size_t size = key_encode(&k, &bytes);
	assert_int_equal(key_decode(k.id, KEY_ID_SIZE - 1, bytes, size, &back), 0);
	assert_true(back.disabled);
	assert_string_equal(back.label, k.label);
	free(bytes);
	key_fini(&back);
	key_fini(&k);
}

static void a_key_ends_when_it_expires_and_when_it_is_revoked(void **state)
{
	struct key k = {.expires_at = 1000};

	(void)state;
	assert_true(key_works(&k, 999));
	assert_false(key_works(&k, 1000));
	assert_string_equal(key_state(&k, 1000), "expired");
	k.expires_at = 0;
	assert_true(key_works(&k, UINT64_MAX));
	assert_string_equal(key_state(&k, 1), "active");
	k.disabled = true;
	assert_false(key_works(&k, 1));
	assert_string_equal(key_state(&k, 1), "disabled");
	k.disabled = false;
	k.revoked_at = 5;
	assert_false(key_works(&k, 1));
	assert_string_equal(key_state(&k, 1), "revoked");
}

static void what_is_shown_of_a_key_has_no_hash(void **state)
{
	struct key k = sample_key();

	(void)state;
	json_t *o = key_json(&k, 1700000001);
	char *text = json_dumps(o, JSON_COMPACT);
	assert_non_null(text);
	assert_null(strstr(text, "hash"));
	assert_null(strstr(text, "a5a5"));
	assert_string_equal(json_string_value(json_object_get(o, "state")), "active");
	assert_true(json_is_null(json_object_get(o, "used_at")));
	free(text);
	json_decref(o);
	key_fini(&k);
}

static void the_last_use_is_an_item_beside_the_key(void **state)
{
	char id[KEY_USE_ID_SIZE + 1];
	uint8_t bytes[KEY_USE_SIZE];

	(void)state;
	key_use_id("0123456789abcdef", id);
	assert_true(key_is_use(id, strlen(id)));
	assert_false(key_is_use(id, strlen(id) - 1));
	key_use_encode(0x123456789a, bytes);
	assert_int_equal(key_use_decode(bytes, sizeof bytes), 0x123456789a);
	assert_int_equal(key_use_decode(bytes, sizeof bytes - 1), 0);
}

static void labels_and_tenants_are_checked(void **state)
{
	char longest[ACTOR_NAME_SIZE + 1] = "";

	(void)state;
	memset(longest, 'x', ACTOR_NAME_SIZE);
	assert_false(key_label_is_valid(longest));
	assert_false(tenant_is_valid(longest));
	longest[ACTOR_NAME_SIZE - 1] = '\0';
	assert_true(key_label_is_valid(longest));
	assert_true(tenant_is_valid(longest));
	assert_false(key_label_is_valid(""));
	assert_false(key_label_is_valid("a\nb"));
	assert_true(key_label_is_valid("r\xc3\xa9gion 1"));
	assert_false(tenant_is_valid(""));
	assert_false(tenant_is_valid("a b"));
	assert_false(tenant_is_valid("a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_secret_has_its_form_and_is_never_the_same),
		cmocka_unit_test(every_octet_of_a_secret_counts),
		cmocka_unit_test(a_hash_is_sha256_of_the_text),
		cmocka_unit_test(what_has_not_the_form_of_a_secret_names_no_key),
		cmocka_unit_test(a_grant_reads_back_as_it_was_written),
		cmocka_unit_test(a_grant_with_a_mistake_is_refused),
		cmocka_unit_test(too_many_grants_and_names_are_refused),
		cmocka_unit_test(a_key_reads_back_as_it_was_kept),
		cmocka_unit_test(a_damaged_key_is_noticed),
		cmocka_unit_test(a_disabled_key_is_kept_as_one),
		cmocka_unit_test(a_key_ends_when_it_expires_and_when_it_is_revoked),
		cmocka_unit_test(what_is_shown_of_a_key_has_no_hash),
		cmocka_unit_test(the_last_use_is_an_item_beside_the_key),
		cmocka_unit_test(labels_and_tenants_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
