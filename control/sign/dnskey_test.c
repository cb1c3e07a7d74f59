#include "control/sign/dnskey.h"

#include "control/sign/testing.h"

static void a_tag_is_of_any_algorithm_and_length(void **state)
{
	(void)state;
	/* RFC 4034 §5.4 */
	struct test_bytes dnskey = test_rdata(
		RRTYPE_DNSKEY,
		"256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BM"
		"zNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5"
		"f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==");
	assert_int_equal(dnskey_tag(rdata_of(&dnskey)), 60485);

	/* An odd number of octets, and a sum that carries: 0xffff + 0xffff + 0xff00 = 0x2fefe. */
	struct test_bytes odd = test_hex("ffffffffff");
	assert_int_equal(dnskey_tag(rdata_of(&odd)), 0xff00);
}

#define X32 "0101010101010101010101010101010101010101010101010101010101010101"

static const struct {
	const char *rdata;
	int err;
} bad_keys[] = {
	{"", ERR_CORRUPT},
	{"0100", ERR_CORRUPT},
	{"010003", ERR_CORRUPT},
	{"0100020f" X32, ERR_CORRUPT}, /* protocol 2 */
	{"01000305" X32, ERR_NOTFOUND},
	{"01000300", ERR_NOTFOUND},
	{"0100030f", ERR_CORRUPT},
	{"0100030f" X32 "01", ERR_CORRUPT},
	{"0100030f01" X32, ERR_CORRUPT},
	{"01000310" X32, ERR_CORRUPT},
	{"0100030d" X32, ERR_CORRUPT},
	{"0100030d" X32 X32, ERR_CORRUPT}, /* not on the curve */
	{"0100030d" X32 X32 "01", ERR_CORRUPT},
	{"0100030e" X32 X32 X32, ERR_CORRUPT},
	{"01000308", ERR_CORRUPT},
	{"0100030800", ERR_CORRUPT},
	{"010003080003", ERR_CORRUPT},
	{"0100030803010001", ERR_CORRUPT},       /* no modulus */
	{"01000308000000" X32, ERR_CORRUPT},     /* no exponent */
	{"0100030804000100" X32, ERR_CORRUPT},   /* a zero before it */
	{"010003080301000100" X32, ERR_CORRUPT}, /* likewise */
	{"0100030803010001" X32 X32, ERR_RANGE}, /* 512 bits */
	{"0100030809010101010101010101" X32 X32 X32 X32, ERR_RANGE},
	{"0100030801018"
         "1" X32 X32 X32 X32,
         ERR_RANGE}, /* the exponent is 1 */
	{"0100030801048"
         "1" X32 X32 X32 X32,
         ERR_RANGE}, /* even */
};

static void dnskeys_that_are_not_of_their_algorithm_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++) {
		struct test_bytes rdata = test_hex(bad_keys[i].rdata);
		struct dnskey *k = NULL;

		int err = dnskey_open(rdata_of(&rdata), &k);
		if (err != bad_keys[i].err)
			fail_msg("%s: %d", bad_keys[i].rdata, err);
		assert_null(k);
		assert_nothing_noted();
	}
}

static int open_rsa(size_t modulus_octets)
{
	struct test_bytes rdata = test_hex("0100030803010001");
	struct dnskey *k = NULL;

	memset(rdata.at + rdata.len, 0xff, modulus_octets);
	rdata.len += modulus_octets;
	int err = dnskey_open(rdata_of(&rdata), &k);
	dnskey_free(&k);
	return err;
}

static void dnskeys_of_rsa_are_of_1024_to_4096_bits(void **state)
{
	(void)state;
	assert_int_equal(open_rsa(127), ERR_RANGE);
	assert_int_equal(open_rsa(128), 0);
	assert_int_equal(open_rsa(512), 0);
	assert_int_equal(open_rsa(513), ERR_RANGE);
}

/* RFC 3110 §2: the length of an exponent may stand in three octets. */
static void the_length_of_an_exponent_may_be_written_long(void **state)
{
	(void)state;
	struct test_bytes rdata = test_hex("01000308000003010001");
	struct dnskey *k = NULL;

	memset(rdata.at + rdata.len, 0xff, 128);
	rdata.len += 128;
	assert_int_equal(dnskey_open(rdata_of(&rdata), &k), 0);
	dnskey_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_is_of_any_algorithm_and_length),
		cmocka_unit_test(dnskeys_that_are_not_of_their_algorithm_are_refused),
		cmocka_unit_test(dnskeys_of_rsa_are_of_1024_to_4096_bits),
		cmocka_unit_test(the_length_of_an_exponent_may_be_written_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
