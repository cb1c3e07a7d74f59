/*
 * What is written reads back to the same RRsets; the real root zone among others.
 */
#include "control/zone/rrset.h"
#include "control/zone/testing.h"
#include "control/zone/zonefile.h"
#include "shared/rrtype.h"

static const uint8_t root[1];

struct text {
	char *bytes;
	size_t len;
};

static void write_all(const struct contents *c, struct text *out)
{
	FILE *to = open_memstream(&out->bytes, &out->len);

	assert_non_null(to);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;

		assert_true(name_from_key(r->key, r->key_len, c->apex, owner) > 0);
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		assert_int_equal(zonefile_write_rrset(to, owner, &set), 0);
	}
	assert_int_equal(fclose(to), 0);
}

static void expect_same(const struct contents *a, const struct contents *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->records, b->records);
	for (size_t i = 0; i < a->count; i++) {
		const struct contents_rrset *x = &a->rrsets[i];
		const struct contents_rrset *y = &b->rrsets[i];

		assert_int_equal(x->key_len, y->key_len);
		assert_memory_equal(x->key, y->key, x->key_len);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->size, y->size);
		assert_memory_equal(x->blob, y->blob, x->size);
	}
}

/* Reads what was written of c and compares. */
static void expect_round_trip(const struct contents *c)
{
	struct contents *again = NULL;
	struct text text = {0};
	struct diag diag;

	diag_init(&diag);
	write_all(c, &text);
	int err = zonefile_parse(text.bytes, text.len, "again", c->apex, &again, &diag);
	test_expect(&diag, NULL, "reading what was written");
	assert_int_equal(err, 0);
	expect_same(c, again);
	contents_free(again);
	diag_fini(&diag);
	free(text.bytes);
}

static void lines_are_whole_and_fully_qualified(void **state)
{
	(void)state;
	static const char zone[] =
		"$TTL 60\n"
		"@ SOA ns hostmaster 1 2h 30m 2w 1h\n"
		"b 30 TXT \"x y\" z\n"
		"b 10 RRSIG TXT 8 2 30 20380101000000 20200101000000 1 @ AAEC\n"
		"b TYPE65280 \\# 2 00ff\n"
		"b TYPE65280 \\# 0\n"
		"a\\.b MX 10 mail\n";
	static const char written[] =
		"example.\t60\tIN\tSOA\tns.example. hostmaster.example. 1 7200 1800 1209600 3600\n"
		"a\\.b.example.\t60\tIN\tMX\t10 mail.example.\n"
		"b.example.\t30\tIN\tTXT\t\"x y\" \"z\"\n"
		"b.example.\t10\tIN\tRRSIG\tTXT 8 2 30 20380101000000 20200101000000 1 example. AAEC\n"
		"b.example.\t60\tIN\tTYPE65280\t\\# 0\n"
		"b.example.\t60\tIN\tTYPE65280\t\\# 2 00ff\n";
	struct text text = {0};
	struct test_zone z;

	test_zone_of(&z, zone, strlen(zone));
	assert_int_equal(z.err, 0);
	write_all(z.contents, &text);
	assert_string_equal(text.bytes, written);
	free(text.bytes);
	test_zone_fini(&z);
}

static void owners_of_any_octets_read_back(void **state)
{
	(void)state;
	struct contents_builder *b = contents_builder_new(test_apex);
	struct contents *c = NULL;
	struct diag diag;

	diag_init(&diag);
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second += first % 3 ? 85 : 1) {
			uint8_t owner[] = "\2xx\7example";
			owner[1] = (uint8_t)first;
			owner[2] = (uint8_t)second;
			name_fold(owner, sizeof owner);
			assert_int_equal(contents_builder_add(b, owner, RRTYPE_CNAME, 1,
			                                      owner, sizeof owner, 0, 1,
			                                      &diag),
			                 0);
		}
	}
	assert_int_equal(contents_builder_finish(&b, &c, &diag), 0);
	assert_true(c->count > 20000);
	expect_round_trip(c);
	contents_free(c);
	diag_fini(&diag);
}

/* The root zone of 2017-08-21 as published. */
static void the_root_zone_reads_clean_and_reads_back(void **state)
{
	(void)state;
	enum { ROOM = 4 << 20, RECORDS = 22772 };
	FILE *from = popen("gzip -dc " ANSER_SOURCE_DIR "/tests/data/root.zone.gz", "r");
	char *text = malloc(ROOM);
	struct contents *c = NULL;
	struct diag diag;

	assert_non_null(from);
	assert_non_null(text);
	size_t len = fread(text, 1, ROOM, from);
	assert_int_equal(pclose(from), 0);
	diag_init(&diag);
	assert_int_equal(zonefile_parse(text, len, "root.zone", root, &c, &diag), 0);
	assert_int_equal(c->records, RECORDS);
	assert_int_equal(contents_check(c, &diag), 0);
	test_expect(&diag, NULL, "the root zone");

	const struct contents_rrset *ns = contents_find(c, (const uint8_t *)"", 0);
	assert_int_equal(ns->type, RRTYPE_NS);
	struct rrset set;
	assert_int_equal(rrset_open(ns->type, ns->blob, ns->size, &set), 0);
	assert_int_equal(set.count, 13);
	assert_int_equal(set.sig_count, 1);
	expect_round_trip(c);
	contents_free(c);
	diag_fini(&diag);
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	struct test_zone z;
	FILE *to = fopen("/dev/full", "w");

	assert_non_null(to);
	assert_int_equal(setvbuf(to, NULL, _IONBF, 0), 0);
	test_zone_of(&z, "a 60 A 192.0.2.1\n", 17);
	struct rrset set = test_rrset(z.contents, "a", RRTYPE_A);
	assert_int_equal(zonefile_write_rrset(to, test_name("a").wire, &set), ERR_IO);
	assert_int_equal(fclose(to), 0);
	test_zone_fini(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole_and_fully_qualified),
		cmocka_unit_test(owners_of_any_octets_read_back),
		cmocka_unit_test(the_root_zone_reads_clean_and_reads_back),
		cmocka_unit_test(a_full_disk_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
