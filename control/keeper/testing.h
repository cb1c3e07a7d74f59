/*
 * What the tests of the keeper share: answers of a parent's servers, made record by record, and keys that are
 * told from each other by a number.
 */
#ifndef CONTROL_KEEPER_TESTING_H
#define CONTROL_KEEPER_TESTING_H

#include "control/sign/ds.h"
#include "control/wire/writer.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { TEST_KEYS = 4, TEST_KEY_LEN = 4 + 64, TEST_ANSWER = MESSAGE_QR | MESSAGE_AA };

/* KSKs of algorithm 13. */
UNUSED static struct rdata test_key(unsigned n)
{
	static uint8_t keys[TEST_KEYS][TEST_KEY_LEN];
	static const uint8_t start[] = {1, 1, 3, 13};

	assert_true(n < TEST_KEYS);
	memset(keys[n], (int)n, TEST_KEY_LEN);
	memcpy(keys[n], start, sizeof start);
	return (struct rdata){keys[n], TEST_KEY_LEN};
}

struct test_answer {
	struct message_writer w;
	uint8_t bytes[MESSAGE_MAX];
	uint16_t len;
};

UNUSED static void test_begin(struct test_answer *a, uint16_t id, uint16_t flags)
{
	message_begin(&a->w, a->bytes, sizeof a->bytes, id, flags);
	assert_true(message_put_question(&a->w, test_apex, RRTYPE_DS, CLASS_IN));
}

struct test_record {
	enum message_section section;
	const char *owner; /* absolute, or below test_apex */
	uint16_t type;
	uint16_t rrclass; /* 0: IN */
	uint32_t ttl;
	struct rdata rdata;
};

UNUSED static void test_put(struct test_answer *a, const struct test_record *t)
{
	const struct test_name owner = test_name(t->owner);
	struct message_record r = {
		.section = (uint8_t)t->section,
		.owner_len = (uint8_t)name_len(owner.wire, NAME_MAX_LEN),
		.type = t->type,
		.rrclass = t->rrclass ? t->rrclass : CLASS_IN,
		.ttl = t->ttl,
		.rdata = t->rdata.bytes,
		.rdata_len = t->rdata.len,
	};

	memcpy(r.owner, owner.wire, r.owner_len);
	assert_true(message_put(&a->w, &r));
}

/* A DS of a key. */
UNUSED static void test_put_ds(struct test_answer *a, unsigned key, uint8_t digest,
                               uint32_t ttl)
{
	uint8_t ds[DS_MAX];
	int len = ds_make(test_apex, test_key(key), digest, ds);

	assert_true(len > 0);
	test_put(a, &(struct test_record){.section = SECTION_ANSWER,
	                                  .owner = "example.",
	                                  .type = RRTYPE_DS,
	                                  .ttl = ttl,
	                                  .rdata = {ds, (uint16_t)len}});
}

UNUSED static struct test_record test_soa(const char *owner)
{
	static const uint8_t soa[22]; /* names of the root, and numbers */

	return (struct test_record){.section = SECTION_AUTHORITY,
	                            .owner = owner,
	                            .type = RRTYPE_SOA,
	                            .rdata = {soa, sizeof soa}};
}

UNUSED static void test_put_soa(struct test_answer *a, const char *owner)
{
	const struct test_record r = test_soa(owner);

	test_put(a, &r);
}

UNUSED static void test_end(struct test_answer *a)
{
	a->len = message_end(&a->w);
}

#endif
