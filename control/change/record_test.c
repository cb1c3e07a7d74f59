#include "control/change/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"

/* ---- headers ---- */

static struct actor *make_actor(void)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_WRITER, "the label of a key");

	(void)snprintf(a->key_id, sizeof a->key_id, "0123456789abcdef");
	memset(a->tenant, 't', sizeof a->tenant - 1);
	for (uint8_t i = 0; i < sizeof a->address; i++)
		a->address[i] = i;
	a->port = 0xfedc;
	a->uid = 0x89abcdef;
	a->pid = 0x76543210;
	(void)snprintf(a->request_id, sizeof a->request_id,
	               "00112233-4455-6677-8899-aabbccddeeff");
	return a;
}

/* Three zones, of which the second did not change. */
static size_t make_header(uint8_t **bytes)
{
	struct actor *a = make_actor();
	struct change *c = change_new(a);
	struct zone_result zones[] = {
		{.name = "\3one\7example",
	         .id = 1,
	         .old_serial = 7,
	         .new_serial = 8,
	         .parts = 3,
	         .changed = true},
		{.name = "\3two\7example", .id = 2},
		{.name = "", .id = UINT32_MAX, .new_serial = UINT32_MAX, .changed = true},
	};
	struct change_result r = {.seq = UINT64_C(1) << 50,
	                          .item_parts = 2,
	                          .zones = zones,
	                          .zone_count = 3};

	actor_release(&a);
	c->why = "zone reload";
	change_zone(c, ZONE_CONTENTS, zones[0].name);
	change_zone(c, ZONE_EDIT, zones[1].name);
	change_zone(c, ZONE_REMOVE, zones[2].name);
	size_t size = record_encode_header(c, &r, UINT64_C(1700000000123456), bytes);
	change_free(&c);
	return size;
}

static void header_comes_back_without_what_did_not_change(void **state)
{
	struct actor *a = make_actor();
	struct record_header h;
	uint8_t *bytes;

	(void)state;
	size_t size = make_header(&bytes);
	assert_int_equal(record_decode_header(bytes, size, &h), 0);
	assert_true(h.seq == UINT64_C(1) << 50);
	assert_true(h.time_us == UINT64_C(1700000000123456));
	assert_int_equal(h.actor.kind, a->kind);
	assert_int_equal(h.actor.role, a->role);
	assert_string_equal(h.actor.name, a->name);
	assert_string_equal(h.actor.key_id, a->key_id);
	assert_string_equal(h.actor.tenant, a->tenant);
	assert_memory_equal(h.actor.address, a->address, sizeof a->address);
	assert_int_equal(h.actor.port, a->port);
	assert_int_equal(h.actor.uid, a->uid);
	assert_int_equal(h.actor.pid, a->pid);
	assert_string_equal(h.actor.request_id, a->request_id);
	assert_null(h.actor.grants);
	assert_string_equal(h.why, "zone reload");
	assert_int_equal(h.item_parts, 2);
	assert_int_equal(h.zone_count, 2);

	struct wire_reader at = record_zones(&h);
	struct record_zone z = record_next_zone(&at);
	assert_int_equal(z.kind, ZONE_CONTENTS);
	assert_int_equal(z.id, 1);
	assert_memory_equal(z.name, "\3one\7example", 13);
	assert_int_equal(z.old_serial, 7);
	assert_int_equal(z.new_serial, 8);
	assert_int_equal(z.parts, 3);
	z = record_next_zone(&at);
	assert_int_equal(z.kind, ZONE_REMOVE);
	assert_int_equal(z.id, UINT32_MAX);
	assert_int_equal(z.name[0], 0);
	assert_int_equal(wire_left(&at), 0);
	assert_true(at.ok);
	free(bytes);
	actor_release(&a);
}

/* As many bytes as there are, so that AddressSanitizer sees a step beyond. */
static int decode_first(const uint8_t *bytes, size_t size)
{
	struct record_header h;
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	int err = record_decode_header(copy, size, &h);
	free(copy);
	return err;
}

static void header_cut_at_any_octet_is_corrupt(void **state)
{
	uint8_t *bytes;

	(void)state;
	size_t size = make_header(&bytes);
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(decode_first(bytes, cut), ERR_CORRUPT);
	bytes = realloc(bytes, size + 1);
	bytes[size] = 0;
	assert_int_equal(decode_first(bytes, size + 1), ERR_CORRUPT);
	bytes[0] = 2;
	assert_int_equal(decode_first(bytes, size), ERR_VERSION);
	free(bytes);
}

/* Whatever one octet becomes, it is read as something or refused. */
static void header_with_any_octet_changed_is_read_or_refused(void **state)
{
	struct record_header h;
	uint8_t *bytes;

	(void)state;
	size_t size = make_header(&bytes);
	for (size_t at = 1; at < size; at++)
		for (unsigned flip = 1; flip < 256; flip++) {
			bytes[at] ^= (uint8_t)flip;
			int err = record_decode_header(bytes, size, &h);
			assert_true(err == 0 || err == ERR_CORRUPT);
			if (err == 0) {
				assert_true(h.actor.role <= ROLE_ADMIN);
				assert_true(strlen(h.actor.name) < sizeof h.actor.name);
			}
			bytes[at] ^= (uint8_t)flip;
		}
	free(bytes);
}

static void reason_of_any_length_fits(void **state)
{
	static char why[70000];
	struct change *c = change_new(actor_self());
	struct change_result r = {.seq = 1};
	struct record_header h;
	uint8_t *bytes;

	(void)state;
	memset(why, 'w', sizeof why - 1);
	c->why = why;
	size_t size = record_encode_header(c, &r, 0, &bytes);
	assert_int_equal(record_decode_header(bytes, size, &h), 0);
	assert_int_equal(strlen(h.why), UINT16_MAX - 1);
	free(bytes);
	change_free(&c);
}

/* ---- rows ---- */

struct seen {
	struct record_row rows[8];
	unsigned count;
	unsigned stop_after; /* 0: never */
};

static int see(const struct record_row *row, void *arg)
{
	struct seen *s = arg;

	s->rows[s->count++] = *row;
	return s->count == s->stop_after ? 42 : 0;
}

static const struct record_row some_rows[] = {
	{.kind = ROW_RRSET,
         .key = (const uint8_t *)"www",
         .key_len = 4,
         .type = 1,
         .before = "before",
         .before_size = 6,
         .after = "after",
         .after_size = 5},
	{
		.kind = ROW_EXTRA,
		.key = (const uint8_t *)"",
		.type = 65535,
		.after = "",
	},
	{.kind = ROW_ZONE, .before = "gone", .before_size = 4},
	{.kind = ROW_ITEM,
         .key = (const uint8_t *)"\1key",
         .key_len = 4,
         .after = "hush",
         .after_size = 4,
         .secret = true},
	{.kind = ROW_ATTRS},
};

static void make_part(struct record_part *p)
{
	for (size_t i = 0; i < ARRAY_LEN(some_rows); i++)
		record_part_add(p, &some_rows[i]);
}

static void expect_bytes(const void *value, size_t size, const void *wanted,
                         size_t wanted_size)
{
	assert_int_equal(value == NULL, wanted == NULL);
	assert_int_equal(size, wanted_size);
	if (size)
		assert_memory_equal(value, wanted, size);
}

static void rows_come_back(void **state)
{
	struct record_part p = {0};
	struct seen s = {0};

	(void)state;
	make_part(&p);
	assert_int_equal(record_each_row(p.bytes, p.size, see, &s), 0);
	assert_int_equal(s.count, ARRAY_LEN(some_rows));
	for (unsigned i = 0; i < s.count; i++) {
		const struct record_row *a = &s.rows[i];
		const struct record_row *b = &some_rows[i];

		assert_int_equal(a->kind, b->kind);
		assert_int_equal(a->type, b->type);
		assert_int_equal(a->secret, b->secret);
		assert_int_equal(a->key_len, b->key_len);
		if (a->key_len)
			assert_memory_equal(a->key, b->key, a->key_len);
		expect_bytes(a->before, a->before_size, b->before, b->before_size);
		expect_bytes(a->after, a->after_size, b->after, b->after_size);
	}
	record_part_fini(&p);
}

static void part_is_used_again(void **state)
{
	static const char value[1000];
	struct record_row row = {
		.kind = ROW_RRSET, .after = value, .after_size = sizeof value};
	struct record_part p = {0};
	struct seen s = {0};

	(void)state;
	for (unsigned i = 0; p.size < RECORD_PART_FULL; i++)
		record_part_add(&p, &row);
	record_part_empty(&p);
	assert_int_equal(p.size, 0);
	record_part_add(&p, &some_rows[0]);
	assert_int_equal(record_each_row(p.bytes, p.size, see, &s), 0);
	assert_int_equal(s.count, 1);
	record_part_fini(&p);
	assert_null(p.bytes);
}

static void rows_stop_when_told_to(void **state)
{
	struct record_part p = {0};
	struct seen s = {.stop_after = 2};

	(void)state;
	make_part(&p);
	assert_int_equal(record_each_row(p.bytes, p.size, see, &s), 42);
	assert_int_equal(s.count, 2);
	record_part_fini(&p);
}

static void part_cut_at_any_octet_gives_whole_rows_only(void **state)
{
	struct record_part p = {0};
	unsigned whole = 0;

	(void)state;
	make_part(&p);
	for (size_t cut = 0; cut < p.size; cut++) {
		struct seen s = {0};
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, p.bytes, cut);
		int err = record_each_row(copy, cut, see, &s);
		assert_true(err == 0 || err == ERR_CORRUPT);
		/* Between two rows nothing tells that there was more: the store's seal does. */
		whole += err == 0;
		free(copy);
	}
	assert_int_equal(whole, ARRAY_LEN(some_rows));
	record_part_fini(&p);
}

static void rows_that_none_can_have_are_corrupt(void **state)
{
	static const char *const cases[] = {
		"\1\5\0\0\0\0\0",  /* an unknown kind */
		"\1\0\x8\0\0\0\0", /* an unknown flag */
		"\1\0\1\0\0\0\0",  /* before without any */
	};
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(record_each_row(cases[i], 7, see, &s), ERR_CORRUPT);
	assert_int_equal(record_each_row("\2\0\0\0\0\0\0", 7, see, &s), ERR_VERSION);
	assert_int_equal(record_each_row("", 0, see, &s), ERR_CORRUPT);
	assert_int_equal(s.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_comes_back_without_what_did_not_change),
		cmocka_unit_test(header_cut_at_any_octet_is_corrupt),
		cmocka_unit_test(header_with_any_octet_changed_is_read_or_refused),
		cmocka_unit_test(reason_of_any_length_fits),
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(part_is_used_again),
		cmocka_unit_test(rows_stop_when_told_to),
		cmocka_unit_test(part_cut_at_any_octet_gives_whole_rows_only),
		cmocka_unit_test(rows_that_none_can_have_are_corrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
