#include "control/zone/zonemd.h"

#include "control/zone/testing.h"
#include "shared/rrtype.h"

#define SERIAL       "2018031900"
#define SOA          "@ 86400 SOA ns1 admin " SERIAL " 1800 900 604800 86400\n"
#define NAME_SERVERS "@ 86400 NS ns1\n@ 86400 NS ns2\n"
#define ADDRESSES    "ns1 3600 A 203.0.113.63\nNS2 3600 AAAA 2001:db8::63\n"
#define SIMPLE       SOA NAME_SERVERS ADDRESSES
#define SIMPLE_384                                         \
	"c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3" \
	"a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
#define ZONEMD(serial, scheme, algorithm, digest) \
	"@ 86400 ZONEMD " serial " " scheme " " algorithm " " digest "\n"

/* RFC 8976 appendix A.2, without the record outside the zone, which is refused before. */
#define COMPLEX                                                                  \
	SOA NAME_SERVERS ADDRESSES                                               \
		"occluded.sub 7200 TXT \"I'm occluded but must be digested\"\n"  \
		"sub 7200 NS ns1\n"                                              \
		"duplicate 300 TXT \"I must be digested just once\"\n"           \
		"duplicate 300 TXT \"I must be digested just once\"\n"           \
		"UPPERCASE 3600 TXT \"canonicalize uppercase owner names\"\n"    \
		"* 777 PTR dont-forget-about-wildcards\n"                        \
		"mail 3600 MX 20 MAIL1\n"                                        \
		"mail 3600 MX 10 Mail2.Example.\n"                               \
		"sortme 3600 AAAA 2001:db8::5:61\n"                              \
		"sortme 3600 AAAA 2001:db8::3:62\n"                              \
		"sortme 3600 AAAA 2001:db8::4:63\n"                              \
		"sortme 3600 AAAA 2001:db8::1:65\n"                              \
		"sortme 3600 AAAA 2001:db8::2:64\n"                              \
		"non-apex 900 ZONEMD 2018031900 1 1 "                            \
		"616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275" \
		"742069676e6f7265642e20616c6c6f7765\n"
#define COMPLEX_384                                        \
	"a3b69bad980a3504e1cffcb0fd6397f93848071c93151f55" \
	"2ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe"

/* Appendix A.3. */
#define MULTIPLE \
	SOA NAME_SERVERS ADDRESSES "ns2 86400 TXT \"This example has multiple digests\"\n"
#define MULTIPLE_384                                       \
	"62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637" \
	"493daaf401c92c279dd10f0edb1c56f8080211f8480ee306"
#define MULTIPLE_512                                                       \
	"08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a" \
	"4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27"

static void what_zones_say_of_themselves(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *rule; /* NULL: nothing is said */
		bool refused;
	} cases[] = {
		{SIMPLE, NULL, false},
		{SIMPLE ZONEMD(SERIAL, "1", "1", SIMPLE_384), NULL, false},
		{COMPLEX ZONEMD(SERIAL, "1", "1", COMPLEX_384), NULL, false},
		{MULTIPLE ZONEMD(SERIAL, "1", "1", MULTIPLE_384)
	                 ZONEMD(SERIAL, "1", "2", MULTIPLE_512),
	         NULL, false},
		{MULTIPLE ZONEMD(SERIAL, "1", "2", MULTIPLE_512), NULL, false},
		/* One that is right suffices. */
		{MULTIPLE ZONEMD(SERIAL, "1", "1", SIMPLE_384)
	                 ZONEMD(SERIAL, "1", "2", MULTIPLE_512),
	         NULL, false},
		{COMPLEX ZONEMD(SERIAL, "1", "1", SIMPLE_384), "zonemd-mismatch", true},
		{SIMPLE "more 1 A 192.0.2.1\n" ZONEMD(SERIAL, "1", "1", SIMPLE_384),
	         "zonemd-mismatch", true},
		{SIMPLE ZONEMD("2018031901", "1", "1", SIMPLE_384), "zonemd-mismatch",
	         true},
		/* Cut off; of the other algorithm's length. */
		{SIMPLE ZONEMD(SERIAL, "1", "1", "c68090d90a7aed716bc459f9340e3d7c"),
	         "zonemd-mismatch", true},
		{SIMPLE ZONEMD(SERIAL, "1", "2", SIMPLE_384), "zonemd-mismatch", true},
		/* Two of a kind count for nothing, even if one is right. */
		{SIMPLE ZONEMD(SERIAL, "1", "1", SIMPLE_384)
	                 ZONEMD(SERIAL, "1", "1", COMPLEX_384),
	         "zonemd-unknown", false},
		{SIMPLE ZONEMD(SERIAL, "1", "240", SIMPLE_384), "zonemd-unknown", false},
		{SIMPLE ZONEMD(SERIAL, "241", "1", SIMPLE_384), "zonemd-unknown", false},
		{SIMPLE ZONEMD(SERIAL, "1", "1", "c68090d90a7aed716bc459"),
	         "zonemd-unknown", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct test_zone z;

		test_zone_of(&z, cases[i].text, strlen(cases[i].text));
		assert_int_equal(z.err, 0);
		diag_fini(&z.diag); /* the reader's warnings */
		diag_init(&z.diag);
		int err = zonemd_check(z.contents, &z.diag);
		test_expect(&z.diag, cases[i].rule, cases[i].text);
		assert_int_equal(err, cases[i].refused ? ERR_REFUSED : 0);
		test_zone_fini(&z);
	}
}

static void what_is_put_is_right(void **state)
{
	(void)state;
	static const char *const texts[] = {
		SIMPLE,
		COMPLEX,
		MULTIPLE,
		SIMPLE "@ 1 CAA 0 issue \"ca.example\"\n",
		SIMPLE ZONEMD(SERIAL, "1", "1", COMPLEX_384),
		MULTIPLE ZONEMD(SERIAL, "1", "1", MULTIPLE_384)
			ZONEMD(SERIAL, "1", "2", MULTIPLE_512),
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct test_zone z;
		struct zonemd_zone zone;

		test_zone_of(&z, texts[i], strlen(texts[i]));
		assert_int_equal(z.err, 0);
		diag_fini(&z.diag);
		diag_init(&z.diag);
		zonemd_zone_of(z.contents, &zone);
		size_t records = z.contents->records - zone.zonemd.count + 1;
		/* The second time it takes the place of what is there. */
		for (unsigned turn = 0; turn < 2; turn++) {
			assert_int_equal(zonemd_put(z.contents), 0);
			assert_int_equal(z.contents->records, records);
			assert_int_equal(zonemd_check(z.contents, &z.diag), 0);
			zonemd_zone_of(z.contents, &zone);
			assert_int_equal(zone.zonemd.count, 1);
			assert_int_equal(zone.zonemd.ttl, zone.soa.ttl);
		}
		test_expect(&z.diag, NULL, texts[i]);
		test_zone_fini(&z);
	}
}

static void other_algorithms_are_refused(void **state)
{
	(void)state;
	struct zonemd *z = NULL;

	assert_int_equal(zonemd_begin(&z, test_apex, 0), ERR_INVALID);
	assert_int_equal(zonemd_begin(&z, test_apex, 3), ERR_INVALID);
	assert_null(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_zones_say_of_themselves),
		cmocka_unit_test(what_is_put_is_right),
		cmocka_unit_test(other_algorithms_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
