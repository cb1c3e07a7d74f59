/*
 * What the tests of signing share: octets out of hexadecimal, RDATA and zones out of text, and the keys of
 * the RFCs' examples.
 */
#ifndef CONTROL_SIGN_TESTING_H
#define CONTROL_SIGN_TESTING_H

#include <openssl/err.h>

#include "control/sign/key.h"
#include "control/sign/vectors.h"
#include "control/zone/rdata_text.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"

struct test_bytes {
	size_t len;
	uint8_t at[1024];
};

UNUSED static struct test_bytes test_hex(const char *hex)
{
	struct test_bytes b = {.len = strlen(hex) / 2};

	assert_true(b.len <= sizeof b.at);
	for (size_t i = 0; i < b.len; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		char *end;
		b.at[i] = (uint8_t)strtoul(digits, &end, 16);
		assert_true(*end == '\0');
	}
	return b;
}

UNUSED static struct test_bytes test_rdata(uint16_t type, const char *text)
{
	struct rdata_text *x = rdata_text_new();
	struct entry entry = test_entry(text);
	struct test_bytes b = {0};

	if (rdata_from_text(x, type, entry.tokens, entry.count, test_apex) < 0)
		fail_msg("%s: %s", text, x->reason);
	b.len = x->len;
	assert_true(b.len <= sizeof b.at);
	memcpy(b.at, x->bytes, x->len);
	rdata_text_free(x);
	entry_fini(&entry);
	return b;
}

UNUSED static struct rdata rdata_of(const struct test_bytes *b)
{
	return (struct rdata){.bytes = b->at, .len = (uint16_t)b->len};
}

UNUSED static struct sign_key *key_of(const struct example *e)
{
	struct test_bytes pkcs8 = test_hex(e->pkcs8);
	struct sign_key *k = NULL;

	assert_int_equal(sign_key_open(e->algorithm, e->flags, pkcs8.at, pkcs8.len, &k),
	                 0);
	return k;
}

UNUSED static const uint8_t test_algorithms[] = {
#define SIGN_ALGORITHM(number, name, text, type, group, digest, public, signature) number,
#include "control/sign/algorithms.def"
#undef SIGN_ALGORITHM
};

enum { TEST_RSA_BITS = 1024 };

UNUSED static struct sign_key *new_key(uint8_t algorithm)
{
	struct sign_key *k = NULL;

	assert_int_equal(sign_key_generate(algorithm, TEST_RSA_BITS, SIGN_FLAGS_ZSK, &k),
	                 0);
	return k;
}

UNUSED static bool is_rsa(uint8_t algorithm)
{
	return algorithm == SIGN_RSASHA256 || algorithm == SIGN_RSASHA512;
}

UNUSED static void assert_nothing_noted(void)
{
	assert_int_equal(ERR_peek_error(), 0);
}

UNUSED static void zone_of(const struct example *e, struct test_zone *z)
{
	uint8_t apex[NAME_MAX_LEN];

	assert_true(name_read(e->apex, apex) > 0);
	diag_init(&z->diag);
	z->contents = NULL;
	z->err = zonefile_parse(e->zone, strlen(e->zone), e->from, apex, &z->contents,
	                        &z->diag);
	assert_int_equal(z->err, 0);
}

/* Gives the RRset of an owner as the example names it: "@" or a label. */
UNUSED static struct rrset set_at(const struct test_zone *z, const char *owner,
                                  uint16_t type)
{
	for (size_t i = 0; i < z->contents->count; i++) {
		const struct contents_rrset *r = &z->contents->rrsets[i];
		struct rrset set;

		if (r->type != type || (r->key_len == 0) != (strcmp(owner, "@") == 0))
			continue;
		assert_int_equal(rrset_open(type, r->blob, r->size, &set), 0);
		return set;
	}
	static const uint8_t nothing[RRSET_HEADER + 2];
	fail_msg("%s has no RRset of type %u", owner, type);
	return (struct rrset){.bytes = nothing, .size = sizeof nothing};
}

#endif
