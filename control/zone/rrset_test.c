#include "control/zone/rrset.h"

#include "control/zone/testing.h"

struct blob {
	uint8_t bytes[64];
	size_t size;
};

static struct blob two_and_one(void)
{
	struct blob b;
	struct rrset head = {.ttl = 3600, .sig_ttl = 60, .count = 2, .sig_count = 1};
	uint8_t *at = b.bytes + RRSET_HEADER;

	rrset_write_header(b.bytes, &head);
	at = rrset_write_rdata(at, (const uint8_t *)"\1\2\3\4", 4);
	at = rrset_write_rdata(at, (const uint8_t *)"", 0);
	at = rrset_write_rdata(at, (const uint8_t *)"signature", 9);
	b.size = (size_t)(at - b.bytes);
	return b;
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	struct blob b = two_and_one();
	struct rrset s;

	assert_int_equal(rrset_open(1, b.bytes, b.size, &s), 0);
	assert_int_equal(s.type, 1);
	assert_int_equal(s.ttl, 3600);
	assert_int_equal(s.sig_ttl, 60);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.sig_count, 1);

	const uint8_t *at = rrset_first(&s);
	struct rdata d = rrset_next(&at);
	assert_int_equal(d.len, 4);
	assert_memory_equal(d.bytes, "\1\2\3\4", 4);
	assert_int_equal(rrset_next(&at).len, 0);
	d = rrset_next(&at);
	assert_memory_equal(d.bytes, "signature", 9);
	assert_ptr_equal(at, b.bytes + b.size);
}

static bool has(const struct rrset *s, const char *record, uint16_t len)
{
	return rrset_has(s, (struct rdata){(const uint8_t *)record, len});
}

static void a_record_is_found_octet_by_octet(void **state)
{
	(void)state;
	struct blob b = two_and_one();
	const struct rrset none = {.type = 1};
	struct rrset s;

	assert_int_equal(rrset_open(1, b.bytes, b.size, &s), 0);
	assert_true(has(&s, "\1\2\3\4", 4));
	assert_true(has(&s, "", 0));
	assert_false(has(&s, "\1\2\3\5", 4));
	assert_false(has(&s, "\1\2\3", 3));
	assert_false(has(&s, "\1\2\3\4\5", 5));
	assert_false(has(&s, "signature", 9)); /* is no record of it */
	assert_false(has(&none, "", 0));
}

static void a_blob_cut_or_prolonged_is_corrupt(void **state)
{
	(void)state;
	struct blob b = two_and_one();
	struct rrset s;

	for (size_t size = 0; size < b.size; size++)
		assert_int_equal(rrset_open(1, b.bytes, size, &s), ERR_CORRUPT);
	assert_int_equal(rrset_open(1, b.bytes, b.size + 1, &s), ERR_CORRUPT);
}

static void a_blob_without_records_is_corrupt(void **state)
{
	(void)state;
	struct rrset head = {.ttl = 1};
	struct rrset s;
	uint8_t bytes[RRSET_HEADER];

	rrset_write_header(bytes, &head);
	assert_int_equal(rrset_open(1, bytes, sizeof bytes, &s), ERR_CORRUPT);
}

static void a_count_beyond_the_records_is_corrupt(void **state)
{
	(void)state;
	struct blob b = two_and_one();
	struct rrset s;

	b.bytes[8] = 3;
	assert_int_equal(rrset_open(1, b.bytes, b.size, &s), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_record_is_found_octet_by_octet),
		cmocka_unit_test(a_blob_cut_or_prolonged_is_corrupt),
		cmocka_unit_test(a_blob_without_records_is_corrupt),
		cmocka_unit_test(a_count_beyond_the_records_is_corrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
