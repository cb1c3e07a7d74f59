#include "control/sign/ds.h"

#include <unistd.h>

#include "control/sign/testing.h"

/* RFC 4034 §5.4, RFC 4509 §2.3 */
static const char old_key[] =
	"256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZ"
	"DRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbt"
	"G9DMBmADjFDc2w/rljwvFw==";
static const char old_sha1[] = "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118";
static const char old_sha256[] = "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99"
				 "B8383F6A1E4469DA50A";

static void assert_ds(const uint8_t *owner, struct rdata dnskey, const char *text)
{
	struct test_bytes want = test_rdata(RRTYPE_DS, text);
	uint8_t ds[DS_MAX];

	int len = ds_make(owner, dnskey, want.at[3], ds);
	assert_int_equal(len, want.len);
	assert_memory_equal(ds, want.at, want.len);
	assert_true(ds_is_of(rdata_of(&want), owner, dnskey));
}

static void the_rfcs_examples_come_out(void **state)
{
	struct test_name owner = test_name("dskey.example.com.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);

	(void)state;
	assert_ds(owner.wire, rdata_of(&key), old_sha256);
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		const struct example *e = &examples[i];
		struct test_name apex = test_name(e->apex);
		struct sign_key *k = key_of(e);

		if (e->ds)
			assert_ds(apex.wire, sign_key_dnskey(k), e->ds);
		sign_key_free(&k);
	}
}

static void the_owners_case_does_not_matter(void **state)
{
	struct test_name owner = test_name("DSkey.EXAMPLE.com.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);

	(void)state;
	assert_ds(owner.wire, rdata_of(&key), old_sha256);
}

static void sha1_is_recognised_but_not_made(void **state)
{
	struct test_name owner = test_name("dskey.example.com.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);
	struct test_bytes ds = test_rdata(RRTYPE_DS, old_sha1);
	uint8_t made[DS_MAX];

	(void)state;
	assert_true(ds_is_of(rdata_of(&ds), owner.wire, rdata_of(&key)));
	assert_int_equal(ds_make(owner.wire, rdata_of(&key), DS_SHA1, made), ERR_INVALID);
}

static void other_digests_are_not_made(void **state)
{
	struct test_name owner = test_name("dskey.example.com.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);

	(void)state;
	for (unsigned digest = 0; digest < 256; digest++) {
		struct test_bytes ds = test_rdata(RRTYPE_DS, old_sha256);
		uint8_t made[DS_MAX];

		if (digest == DS_SHA256 || digest == DS_SHA384)
			continue;
		assert_int_equal(
			ds_make(owner.wire, rdata_of(&key), (uint8_t)digest, made),
			ERR_INVALID);
		ds.at[3] = (uint8_t)digest;
		assert_false(ds_is_of(rdata_of(&ds), owner.wire, rdata_of(&key)));
	}
}

static void what_is_no_dnskey_has_no_ds(void **state)
{
	struct test_name owner = test_name("dskey.example.com.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);
	uint8_t made[DS_MAX];

	(void)state;
	for (key.len = 0; key.len <= 4; key.len++)
		assert_int_equal(ds_make(owner.wire, rdata_of(&key), DS_SHA256, made),
		                 ERR_INVALID);
}

static void a_ds_is_of_one_key_of_one_zone(void **state)
{
	struct test_name owner = test_name("dskey.example.com.");
	struct test_name other = test_name("dskey.example.net.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);
	struct test_bytes ds = test_rdata(RRTYPE_DS, old_sha256);

	(void)state;
	assert_false(ds_is_of(rdata_of(&ds), other.wire, rdata_of(&key)));
	for (size_t bit = 0; bit < key.len * 8; bit++) {
		key.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(ds_is_of(rdata_of(&ds), owner.wire, rdata_of(&key)));
		key.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < ds.len * 8; bit++) {
		ds.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(ds_is_of(rdata_of(&ds), owner.wire, rdata_of(&key)));
		ds.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(ds_is_of(rdata_of(&ds), owner.wire, rdata_of(&key)));
}

static void a_ds_that_is_cut_or_goes_on_is_of_no_key(void **state)
{
	struct test_name owner = test_name("dskey.example.com.");
	struct test_bytes key = test_rdata(RRTYPE_DNSKEY, old_key);
	struct test_bytes ds = test_rdata(RRTYPE_DS, old_sha256);
	size_t whole = ds.len;

	(void)state;
	for (ds.len = 0; ds.len <= whole + 1; ds.len++)
		assert_true(ds_is_of(rdata_of(&ds), owner.wire, rdata_of(&key)) ==
		            (ds.len == whole));
}

/* ---- as others make it ---- */

/* What a command prints is a DS record, and has that RDATA. */
static void assert_prints(const char *command, const uint8_t *ds, size_t len)
{
	char line[512] = "";
	FILE *from = popen(command, "r");

	assert_non_null(from);
	assert_non_null(fgets(line, sizeof line, from));
	assert_int_equal(pclose(from), 0);
	const char *type = strstr(line, "DS");
	assert_non_null(type);
	struct test_bytes printed = test_rdata(RRTYPE_DS, type + 2);
	assert_int_equal(printed.len, len);
	assert_memory_equal(printed.at, ds, len);
}

static void write_dnskey(const char *path, struct rdata dnskey)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	(void)fprintf(to, "ds.example. 3600 IN DNSKEY \\# %u ", dnskey.len);
	for (unsigned i = 0; i < dnskey.len; i++)
		(void)fprintf(to, "%02x", dnskey.bytes[i]);
	(void)fprintf(to, "\n");
	assert_int_equal(fclose(to), 0);
}

static void assert_others_make(struct rdata dnskey, uint8_t digest, const char *path)
{
	struct test_name apex = test_name("DS.example.");
	char command[128];
	uint8_t ds[DS_MAX];
	int len = ds_make(apex.wire, dnskey, digest, ds);

	assert_true(len > 0);
	(void)snprintf(command, sizeof command,
	               "dnssec-dsfromkey -A -a %u -f %s ds.example", digest, path);
	assert_prints(command, ds, (size_t)len);
	(void)snprintf(command, sizeof command, "ldns-key2ds -f -n -%u %s", digest, path);
	assert_prints(command, ds, (size_t)len);
}

static void bind_and_ldns_make_the_same_ds(void **state)
{
	char path[] = "/tmp/anser-ds-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		struct sign_key *k = key_of(&examples[i]);

		write_dnskey(path, sign_key_dnskey(k));
		assert_others_make(sign_key_dnskey(k), DS_SHA256, path);
		assert_others_make(sign_key_dnskey(k), DS_SHA384, path);
		sign_key_free(&k);
	}
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_examples_come_out),
		cmocka_unit_test(the_owners_case_does_not_matter),
		cmocka_unit_test(sha1_is_recognised_but_not_made),
		cmocka_unit_test(other_digests_are_not_made),
		cmocka_unit_test(what_is_no_dnskey_has_no_ds),
		cmocka_unit_test(a_ds_is_of_one_key_of_one_zone),
		cmocka_unit_test(a_ds_that_is_cut_or_goes_on_is_of_no_key),
		cmocka_unit_test(bind_and_ldns_make_the_same_ds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
