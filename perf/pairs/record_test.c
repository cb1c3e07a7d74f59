/* What a reply may show, and what it may not. */
#include "perf/pairs/record.h"

#include <string.h>

#include "shared/testing.h"
#include "shared/wire.h"

enum { VERSION = 0x010203 };

struct message {
	uint8_t bytes[512];
	size_t len;
};

static struct message query_for(enum pairs_kind kind)
{
	const struct pairs_record record = {.kind = kind, .writer = 3, .slot = 7};
	struct message m;

	m.len = pairs_write_query(m.bytes, &record);
	return m;
}

static void add_record(struct message *m, uint16_t type, uint32_t ttl,
                       const uint8_t *rdata, size_t len)
{
	struct wire_writer w =
		wire_writer_on(m->bytes + m->len, sizeof m->bytes - m->len);

	wire_write16(&w, 0xc00c);
	wire_write16(&w, type);
	wire_write16(&w, 1);
	wire_write32(&w, ttl);
	wire_write16(&w, (uint16_t)len);
	wire_write_bytes(&w, rdata, len);
	m->len += wire_written(&w);
	m->bytes[7]++;
}

static void add_address(struct message *m, uint32_t ttl, uint32_t version)
{
	uint8_t address[4];

	wire_store32(address, 10U << 24 | version);
	add_record(m, 1, ttl, address, sizeof address);
}

static struct message reply_to(const struct message *query)
{
	struct message m = *query;

	m.bytes[0] = 0x12;
	m.bytes[2] = 0x84;
	return m;
}

static enum pairs_verdict verdict_on(const struct message *reply,
                                     const struct message *query)
{
	uint32_t version = 0;
	enum pairs_verdict verdict = pairs_read_reply(reply->bytes, reply->len,
	                                              query->bytes, query->len, &version);

	if (verdict == PAIRS_WHOLE)
		assert_int_equal(version, VERSION);
	return verdict;
}

static enum pairs_verdict verdict_on_alias(uint32_t alias, uint32_t ttl, uint32_t version)
{
	static const uint8_t target[] = {0xc0, 12};
	struct message query = query_for(PAIRS_ALIAS);
	struct message reply = reply_to(&query);

	add_record(&reply, 5, alias, target, sizeof target);
	add_address(&reply, ttl, version);
	return verdict_on(&reply, &query);
}

static void one_version_is_whole_and_two_are_mixed(void **state)
{
	(void)state;
	assert_int_equal(verdict_on_alias(VERSION, VERSION, VERSION), PAIRS_WHOLE);
	assert_int_equal(verdict_on_alias(VERSION - 256, VERSION, VERSION), PAIRS_MIXED);
	assert_int_equal(verdict_on_alias(VERSION, VERSION - 256, VERSION - 256),
	                 PAIRS_MIXED);
	assert_int_equal(verdict_on_alias(VERSION, VERSION, VERSION - 256), PAIRS_MIXED);
}

static void what_is_no_answer_is_wrong(void **state)
{
	struct message query = query_for(PAIRS_TARGET);
	struct message reply = reply_to(&query);

	(void)state;
	assert_int_equal(verdict_on(&reply, &query), PAIRS_WRONG); /* no record */
	add_address(&reply, VERSION, VERSION);
	assert_int_equal(verdict_on(&reply, &query), PAIRS_WHOLE);
	struct message other = query_for(PAIRS_OTHER);
	assert_int_equal(verdict_on(&reply, &other), PAIRS_WRONG);
	for (size_t len = 0; len < reply.len; len++) {
		struct message cut = reply;
		cut.len = len;
		assert_int_equal(verdict_on(&cut, &query), PAIRS_WRONG);
	}
	reply.bytes[3] = 3; /* NXDOMAIN */
	assert_int_equal(verdict_on(&reply, &query), PAIRS_WRONG);
}

static void a_change_bounds_all_slots(void **state)
{
	(void)state;
	assert_int_equal(pairs_version(PAIRS_SLOTS - 1, 0), 0);
	assert_int_equal(pairs_version(PAIRS_SLOTS - 1, 5), 5);
	assert_int_equal(pairs_version(PAIRS_SLOTS, 0), PAIRS_SLOTS);
	assert_int_equal(pairs_version(PAIRS_SLOTS, 1), 1);
	assert_int_equal(pairs_version(10 * PAIRS_SLOTS + 4, 4), 10 * PAIRS_SLOTS + 4);
	assert_int_equal(pairs_version(10 * PAIRS_SLOTS + 4, 5), 9 * PAIRS_SLOTS + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_version_is_whole_and_two_are_mixed),
		cmocka_unit_test(what_is_no_answer_is_wrong),
		cmocka_unit_test(a_change_bounds_all_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
