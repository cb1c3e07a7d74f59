#include "control/backup/redact.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"
#include "shared/wire.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

/* What must not be found in a copy. */
static const char secret[] = "this is known to nobody else";

struct value {
	size_t size;
	uint8_t bytes[REDACTED_MAX];
};

static void zone_key(struct value *out)
{
	struct sign_stored s = {.created_at = 1, .dnskey_len = 36, .life_len = 4};

	memcpy(s.life, "life", 4);
	s.sealed_len = VAULT_OVERHEAD + sizeof secret;
	memcpy(s.sealed + VAULT_OVERHEAD, secret, sizeof secret);
	out->size = sign_stored_encode(&s, out->bytes);
}

static void tsig_key(struct value *out)
{
	struct tsig_stored s = {.name = {1, 'k', 0}, .created_at = 1};

	s.secret_len = sizeof secret;
	memcpy(s.secret, secret, sizeof secret);
	out->size = tsig_stored_encode(&s, out->bytes);
}

static bool has_secret(const void *bytes, size_t size)
{
	return memmem(bytes, size, secret, sizeof secret) != NULL;
}

static struct store_raw raw_of(const uint8_t *key, size_t key_len, const struct value *v)
{
	return (struct store_raw){
		.key = key, .key_len = key_len, .value = v->bytes, .size = v->size};
}

static void keys_stay_without_what_is_secret(void **state)
{
	uint8_t zone[] = {STORE_CRYPTOKEY, 0, 0, 0, 1, 0, 0, 0, 1};
	uint8_t tsig[] = {STORE_TSIG, 'k', '.'};
	struct redaction r = {0};
	struct sign_stored s;
	struct tsig_stored k;
	struct store_raw out;
	struct value v;

	(void)state;
	zone_key(&v);
	assert_true(has_secret(v.bytes, v.size));
	struct store_raw raw = raw_of(zone, sizeof zone, &v);
	assert_int_equal(redact(&r, STORE_ITEM, &raw, &out), 0);
	assert_false(has_secret(out.value, out.size));
	assert_int_equal(sign_stored_decode(out.value, out.size, &s), 0);
	assert_int_equal(s.sealed_len, 0);
	assert_int_equal(s.dnskey_len, 36);
	assert_memory_equal(s.life, "life", 4);

	tsig_key(&v);
	assert_true(has_secret(v.bytes, v.size));
	raw = raw_of(tsig, sizeof tsig, &v);
	assert_int_equal(redact(&r, STORE_ITEM, &raw, &out), 0);
	assert_false(has_secret(out.value, out.size));
	assert_int_equal(tsig_stored_decode("k.", 2, out.value, out.size, &k), 0);
	assert_int_equal(k.secret_len, 0);
	redaction_fini(&r);
}

static void other_entries_are_as_they_were(void **state)
{
	static const uint8_t lists[] = {STORE_CONFIG, STORE_APIKEY, STORE_TENANT,
	                                STORE_ZONEMETA, STORE_REFRESH};
	struct redaction r = {0};
	struct store_raw out;
	struct value v;

	(void)state;
	zone_key(&v);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		uint8_t key[] = {lists[i], 'k'};
		const struct store_raw raw = raw_of(key, sizeof key, &v);
		assert_int_equal(redact(&r, STORE_ITEM, &raw, &out), 0);
		assert_ptr_equal(out.value, v.bytes);
		assert_int_equal(out.size, v.size);
	}
	/* What begins so elsewhere is no list. */
	uint8_t key[] = {STORE_CRYPTOKEY, 'k'};
	const struct store_raw raw = raw_of(key, sizeof key, &v);
	assert_int_equal(redact(&r, STORE_RRSET, &raw, &out), 0);
	assert_ptr_equal(out.value, v.bytes);
	redaction_fini(&r);
}

static void value_that_is_no_key_is_not_copied(void **state)
{
	static const uint8_t lists[] = {STORE_TSIG, STORE_CRYPTOKEY};
	struct value v = {.size = sizeof secret};
	struct redaction r = {0};
	struct store_raw out;

	(void)state;
	memcpy(v.bytes, secret, sizeof secret);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		uint8_t key[] = {lists[i], 'k'};
		const struct store_raw raw = raw_of(key, sizeof key, &v);
		assert_int_equal(redact(&r, STORE_ITEM, &raw, &out), ERR_CORRUPT);
	}
	redaction_fini(&r);
}

/* ---- the log ---- */

static void add_row(struct record_part *p, uint8_t list, const struct value *before,
                    const struct value *after)
{
	const uint8_t key[] = {list, 'k', '.'};
	const struct record_row row = {
		.kind = ROW_ITEM,
		.key = key,
		.key_len = sizeof key,
		.secret = true,
		.before = before ? before->bytes : NULL,
		.before_size = before ? before->size : 0,
		.after = after ? after->bytes : NULL,
		.after_size = after ? after->size : 0,
	};

	record_part_add(p, &row);
}

static int note_row(const struct record_row *row, void *arg)
{
	char *to = arg;

	(void)snprintf(to + strlen(to), 64, "%u:%d,%d ", row->key[0],
	               row->before ? (int)row->before_size : -1,
	               row->after ? (int)row->after_size : -1);
	return 0;
}

static void log_has_no_secret_of_any_key_either(void **state)
{
	uint8_t key[8 + 4 + 4] = {0};
	struct record_part rows = {0};
	struct redaction r = {0};
	struct store_raw out;
	struct value zone;
	struct value tsig;
	struct value odd = {.size = sizeof secret};
	char seen[256] = "";
	char want[256];

	(void)state;
	memcpy(odd.bytes, secret, sizeof secret);
	zone_key(&zone);
	tsig_key(&tsig);
	add_row(&rows, STORE_CRYPTOKEY, NULL, &zone);
	add_row(&rows, STORE_CRYPTOKEY, &zone, NULL);
	add_row(&rows, STORE_TSIG, &tsig, &tsig);
	add_row(&rows, STORE_CRYPTOKEY, &odd, &zone);
	const struct store_raw raw = {.key = key,
	                              .key_len = sizeof key,
	                              .value = rows.bytes,
	                              .size = rows.size};
	assert_true(has_secret(raw.value, raw.size));
	assert_int_equal(redact(&r, STORE_LOG, &raw, &out), 0);
	assert_false(has_secret(out.value, out.size));
	assert_int_equal(record_each_row(out.value, out.size, note_row, seen), 0);
	int zone_left = (int)(zone.size - VAULT_OVERHEAD - sizeof secret);
	int tsig_left = (int)(tsig.size - sizeof secret);
	(void)snprintf(want, sizeof want, "%d:-1,%d %d:%d,-1 %d:%d,%d %d:0,%d ",
	               STORE_CRYPTOKEY, zone_left, STORE_CRYPTOKEY, zone_left, STORE_TSIG,
	               tsig_left, tsig_left, STORE_CRYPTOKEY, zone_left);
	assert_string_equal(seen, want);

	/* Rows of zones are none of keys. */
	wire_store32(key + 8, 7);
	assert_int_equal(redact(&r, STORE_LOG, &raw, &out), 0);
	assert_ptr_equal(out.value, rows.bytes);
	record_part_fini(&rows);
	redaction_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stay_without_what_is_secret),
		cmocka_unit_test(other_entries_are_as_they_were),
		cmocka_unit_test(value_that_is_no_key_is_not_copied),
		cmocka_unit_test(log_has_no_secret_of_any_key_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
