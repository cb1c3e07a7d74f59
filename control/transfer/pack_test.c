#include "control/transfer/pack.h"

#include <string.h>

#include "control/store/testing.h"
#include "control/wire/reader.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"

enum { NAMES = 2000, LINES_MAX = 20000 };

/* ---- zones ---- */

static const char head[] = "@ 3600 SOA ns host %u 3600 600 86400 300\n"
			   "@ 3600 NS ns\n"
			   "ns 300 A 192.0.2.53\n"
			   "@ 3600 RRSIG SOA 8 1 3600 20300101000000 20200101000000 1 "
			   "example. c2lnbmF0dXJl\n"
			   "@ 300 NSEC3PARAM 1 0 0 -\n"
			   "sub 60 NS ns.sub\n"
			   "ns.sub 60 AAAA 2001:db8::1\n";

static struct contents *contents_of(const char *text)
{
	struct test_zone z;

	test_zone_of(&z, text, strlen(text));
	assert_non_null(z.contents);
	diag_fini(&z.diag);
	return z.contents;
}

/* A zone of many names, of which each step'th has another address and the last ones are missing. */
static struct contents *make_contents(uint32_t serial, unsigned names, unsigned step)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	(void)fprintf(to, head, serial);
	for (unsigned i = 0; i < names; i++) {
		(void)fprintf(to, "host%u 300 A 192.0.2.%u\n", i,
		              step && i % step == 0 ? 1U : 0U);
		(void)fprintf(to, "host%u 300 MX 10 host%u\n", i, i / 2);
		(void)fprintf(to,
		              "host%u %u RRSIG A 8 2 300 20300101000000 "
		              "20200101000000 1 example. c2lnbmF0dXJl\n",
		              i, step && i % step == 0 ? 60U : 300U);
	}
	assert_int_equal(fclose(to), 0);
	struct contents *c = contents_of(text);
	free(text);
	return c;
}

static struct store_zone put_contents(struct store_txn *t, const struct contents *c)
{
	struct store_zone z = {.loaded = true};
	struct store_loader *l;

	memcpy(z.name, c->apex, c->apex_len);
	assert_int_equal(store_zone_put(t, &z), 0);
	assert_int_equal(store_load_begin(t, z.id, &l), 0);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		assert_int_equal(
			store_load_put(l, r->key, r->key_len, r->type, r->blob, r->size),
			0);
	}
	store_load_end(&l);
	return z;
}

/* ---- what comes out ---- */

/* All records of all messages, one after the other. */
struct taken {
	struct message_record *records;
	uint8_t *rdata; /* of all of them */
	size_t rdata_used;
	size_t count;
	size_t messages;
	size_t longest;
	int give; /* what the next put gives */
};

enum { RDATA_ROOM = 4 << 20 };

static struct taken *taken_new(void)
{
	struct taken *k = calloc(1, sizeof *k);

	assert_non_null(k);
	k->records = calloc(LINES_MAX, sizeof *k->records);
	k->rdata = malloc(RDATA_ROOM);
	assert_non_null(k->records);
	assert_non_null(k->rdata);
	return k;
}

static void taken_free(struct taken *k)
{
	free(k->records);
	free(k->rdata);
	free(k);
}

static int take(void *arg, const uint8_t *bytes, uint16_t len)
{
	static struct message_walk walk;
	struct taken *k = arg;
	struct message m;
	int err;

	if (k->give)
		return k->give;
	assert_int_equal(message_open(bytes, len, &m), 0);
	assert_true(m.asked);
	assert_true(name_equal(m.qname, test_apex));
	assert_int_equal(m.flags, MESSAGE_QR | MESSAGE_AA);
	assert_int_equal(m.id, 0);
	k->messages++;
	if (len > k->longest)
		k->longest = len;
	message_walk_begin(&walk, &m);
	struct message_record *r = &k->records[k->count];
	while ((err = message_next(&walk, r)) == 0) {
		assert_int_equal(r->section, SECTION_ANSWER);
		assert_int_equal(r->rrclass, CLASS_IN);
		assert_true(k->rdata_used + r->rdata_len <= RDATA_ROOM);
		memcpy(k->rdata + k->rdata_used, r->rdata, r->rdata_len);
		r->rdata = k->rdata + k->rdata_used;
		k->rdata_used += r->rdata_len;
		assert_true(++k->count < LINES_MAX);
		r++;
	}
	assert_int_equal(err, ERR_NOTFOUND);
	return 0;
}

/* Contents of a run of records. */
static struct contents *gather(const struct message_record *records, size_t count)
{
	struct contents_builder *b = contents_builder_new(test_apex);
	uint16_t file = contents_builder_file(b, "transfer");
	struct contents *c;
	struct diag diag;

	diag_init(&diag);
	for (size_t i = 0; i < count; i++) {
		const struct message_record *r = &records[i];
		assert_int_equal(contents_builder_add(b, r->owner, r->type, r->ttl,
		                                      r->rdata, r->rdata_len, file, 1,
		                                      &diag),
		                 0);
	}
	assert_int_equal(contents_builder_finish(&b, &c, &diag), 0);
	assert_int_equal(diag.kept, 0);
	diag_fini(&diag);
	return c;
}

static void expect_same(const struct contents *a, const struct contents *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct contents_rrset *x = &a->rrsets[i];
		const struct contents_rrset *y = &b->rrsets[i];
		assert_int_equal(name_key_compare(x->key, x->key_len, y->key, y->key_len),
		                 0);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->size, y->size);
		assert_memory_equal(x->blob, y->blob, x->size);
	}
}

static uint32_t serial_of(const struct message_record *r)
{
	assert_int_equal(r->type, RRTYPE_SOA);
	const uint8_t *at = r->rdata + r->rdata_len - 20;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	       at[3];
}

/* ---- tests ---- */

static void a_zone_comes_out_as_it_went_in(void **state)
{
	struct contents *c = make_contents(7, NAMES, 0);
	struct store_txn *t = begin_write();
	struct store_zone z = put_contents(t, c);
	struct taken *k = taken_new();

	(void)state;
	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, k), 0);
	assert_int_equal(k->count, c->records + 1);
	assert_int_equal(serial_of(&k->records[0]), 7);
	assert_int_equal(serial_of(&k->records[k->count - 1]), 7);
	assert_true(k->messages > 1);
	assert_in_range(k->longest, PACK_MESSAGE - 100, PACK_MESSAGE);
	struct contents *got = gather(k->records, k->count - 1);
	expect_same(got, c);
	contents_free(got);
	taken_free(k);
	store_abort(&t);
	contents_free(c);
}

static void names_are_shortened(void **state)
{
	struct contents *c = make_contents(7, NAMES, 0);
	struct store_txn *t = begin_write();
	struct store_zone z = put_contents(t, c);
	struct taken *k = taken_new();

	(void)state;
	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, k), 0);
	/* host1234 and a pointer, A, MX with a pointer, RRSIG with its signer whole: */
	assert_true(k->messages * PACK_MESSAGE <
	            (size_t)NAMES * (11 + 14 + 2 + 10 + 4 + 2 + 10 + 18 + 9 + 9 + 20));
	taken_free(k);
	store_abort(&t);
	contents_free(c);
}

static struct store_zone zone_with_text(struct store_txn *t, const char *soa, size_t size)
{
	static uint8_t blob[RRSET_HEADER + 2 + 65535];
	struct contents *c = contents_of(soa);
	struct store_zone z = put_contents(t, c);
	struct rrset set = {.type = 65400, .count = 1, .ttl = 60, .bytes = blob};

	memset(blob, 'x', sizeof blob);
	rrset_write_header(blob, &set);
	(void)rrset_write_rdata(blob + RRSET_HEADER, memset(blob + 14, 'x', size),
	                        (uint16_t)size);
	set.size = RRSET_HEADER + 2 + size;
	assert_int_equal(store_rrset_put(t, z.id, (const uint8_t *)"a", 2, &set), 0);
	contents_free(c);
	return z;
}

static void a_large_record_has_a_message_of_its_own(void **state)
{
	static const char text[] = "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n"
				   "ns 60 A 192.0.2.1\nz 60 A 192.0.2.1\n";
	struct store_txn *t = begin_write();
	struct store_zone z = zone_with_text(t, text, 40000);
	struct taken *k = taken_new();

	(void)state;
	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, k), 0);
	assert_int_equal(k->count, 6);
	assert_int_equal(k->messages, 3);
	assert_in_range(k->longest, 40000, 40100);
	taken_free(k);
	store_abort(&t);
}

static void what_fits_no_message_is_refused(void **state)
{
	static const char text[] =
		"@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n";
	struct store_txn *t = begin_write();
	struct store_zone z = zone_with_text(t, text, 65000);
	struct taken *k = taken_new();

	(void)state;
	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, k), ERR_TOOBIG);
	taken_free(k);
	store_abort(&t);
}

static void who_takes_no_more_ends_it(void **state)
{
	struct contents *c = make_contents(7, NAMES, 0);
	struct store_txn *t = begin_write();
	struct store_zone z = put_contents(t, c);
	struct taken *k = taken_new();

	(void)state;
	k->give = ERR_GONE;
	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, k), ERR_GONE);
	assert_int_equal(k->messages, 0);
	taken_free(k);
	store_abort(&t);
	contents_free(c);
}

static void without_an_soa_there_is_nothing(void **state)
{
	struct store_txn *t = begin_write();
	struct store_zone z = {0};
	struct taken *k = taken_new();

	(void)state;
	memcpy(z.name, test_apex, sizeof test_apex);
	assert_int_equal(store_zone_put(t, &z), 0);
	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, k), ERR_NOTFOUND);
	assert_int_equal(pack_soa(t, &z, RRTYPE_IXFR, take, k), ERR_NOTFOUND);
	assert_int_equal(k->messages, 0);
	taken_free(k);
	store_abort(&t);
}

static void the_soa_may_stand_alone(void **state)
{
	struct contents *c = make_contents(7, 1, 0);
	struct store_txn *t = begin_write();
	struct store_zone z = put_contents(t, c);
	struct taken *k = taken_new();

	(void)state;
	assert_int_equal(pack_soa(t, &z, RRTYPE_IXFR, take, k), 0);
	assert_int_equal(k->count, 1);
	assert_int_equal(serial_of(&k->records[0]), 7);
	taken_free(k);
	store_abort(&t);
	contents_free(c);
}

/* ---- differences ---- */

static struct history_set set_of(const struct contents_rrset *r)
{
	return (struct history_set){
		.kind = ROW_RRSET, .key = r->key, .key_len = r->key_len, .type = r->type};
}

static void add_set(struct difference *d, const struct contents_rrset *before,
                    const struct contents_rrset *after)
{
	struct history_set s = set_of(before ? before : after);

	if (before) {
		s.before = before->blob;
		s.before_size = before->size;
	}
	if (after) {
		s.after = after->blob;
		s.after_size = after->size;
	}
	if (!history_same_value(s.before, s.before_size, s.after, s.after_size))
		d->sets[d->count++] = s;
}

static struct difference difference_of(const struct contents *a, const struct contents *b)
{
	struct difference d = {.sets = calloc(a->count + b->count, sizeof *d.sets)};
	size_t i = 0;
	size_t j = 0;

	assert_non_null(d.sets);
	while (i < a->count || j < b->count) {
		struct history_set x =
			i < a->count ? set_of(&a->rrsets[i]) : (struct history_set){0};
		struct history_set y =
			j < b->count ? set_of(&b->rrsets[j]) : (struct history_set){0};
		int order = i == a->count   ? 1
		            : j == b->count ? -1
		                            : history_set_order(&x, &y);
		add_set(&d, order <= 0 ? &a->rrsets[i] : NULL,
		        order >= 0 ? &b->rrsets[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	return d;
}

static bool same_record(const struct message_record *a, const struct message_record *b)
{
	return a->type == b->type && a->ttl == b->ttl && name_equal(a->owner, b->owner) &&
	       a->rdata_len == b->rdata_len &&
	       memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

static size_t find_soa(const struct taken *k, size_t from)
{
	while (k->records[from].type != RRTYPE_SOA)
		assert_true(++from < k->count);
	return from;
}

/* Takes the records from one place to another out of whole. */
static void remove_records(struct taken *whole, const struct taken *k, size_t from,
                           size_t to)
{
	for (; from < to; from++) {
		size_t i = 0;
		while (!same_record(&whole->records[i], &k->records[from]))
			assert_true(++i < whole->count);
		whole->records[i] = whole->records[--whole->count];
	}
}

static void check_difference(const struct contents *a, const struct contents *b)
{
	struct store_txn *t = begin_write();
	struct store_zone z = put_contents(t, a);
	struct difference d = difference_of(a, b);
	struct taken *whole = taken_new();
	struct taken *k = taken_new();

	assert_int_equal(pack_zone(t, &z, RRTYPE_AXFR, take, whole), 0);
	whole->count--;
	assert_int_equal(pack_difference(&z, &d, take, k), 0);
	assert_int_equal(serial_of(&k->records[0]), 8);
	assert_int_equal(serial_of(&k->records[1]), 7);
	assert_int_equal(serial_of(&k->records[k->count - 1]), 8);
	size_t middle = find_soa(k, 2);
	assert_int_equal(serial_of(&k->records[middle]), 8);
	assert_int_equal(find_soa(k, middle + 1), k->count - 1);
	remove_records(whole, k, 1, middle);
	for (size_t i = middle; i < k->count - 1; i++)
		whole->records[whole->count++] = k->records[i];
	struct contents *got = gather(whole->records, whole->count);
	expect_same(got, b);
	contents_free(got);
	difference_fini(&d);
	taken_free(k);
	taken_free(whole);
	store_abort(&t);
}

static void what_went_and_came_leads_from_one_to_the_other(void **state)
{
	static const struct {
		unsigned names_before, names_after, step;
	} cases[] = {
		{10, 10, 0}, {10, 10, 3}, {NAMES, NAMES, 2}, {10, 20, 0}, {20, 10, 7}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct contents *a = make_contents(7, cases[i].names_before, 0);
		struct contents *b =
			make_contents(8, cases[i].names_after, cases[i].step);
		check_difference(a, b);
		contents_free(a);
		contents_free(b);
	}
}

static void a_difference_without_another_soa_is_none(void **state)
{
	struct contents *a = make_contents(7, 10, 0);
	struct contents *b = make_contents(7, 10, 2);
	struct store_zone z = {0};
	struct difference d = difference_of(a, b);
	struct taken *k = taken_new();

	(void)state;
	memcpy(z.name, test_apex, sizeof test_apex);
	assert_true(d.count > 0);
	assert_int_equal(pack_difference(&z, &d, take, k), ERR_NOTFOUND);
	assert_int_equal(k->messages, 0);
	difference_fini(&d);
	taken_free(k);
	contents_free(a);
	contents_free(b);
}

#define PACK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACK_TEST(a_zone_comes_out_as_it_went_in),
		PACK_TEST(names_are_shortened),
		PACK_TEST(a_large_record_has_a_message_of_its_own),
		PACK_TEST(what_fits_no_message_is_refused),
		PACK_TEST(who_takes_no_more_ends_it),
		PACK_TEST(without_an_soa_there_is_nothing),
		PACK_TEST(the_soa_may_stand_alone),
		PACK_TEST(what_went_and_came_leads_from_one_to_the_other),
		PACK_TEST(a_difference_without_another_soa_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
