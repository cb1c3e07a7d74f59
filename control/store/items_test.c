/*
 * Items, and what RRsets have besides their records.
 */
#include <string.h>

#include "control/store/internal.h"
#include "control/store/testing.h"
#include "shared/err.h"

struct seen {
	char text[256];
	size_t len;
	unsigned stop_after; /* 0: never */
};

static int stop(struct seen *s)
{
	return s->stop_after && --s->stop_after == 0 ? 42 : 0;
}

static int see_item(const struct store_item *i, void *arg)
{
	struct seen *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len,
	                           "%.*s=%.*s ", (int)i->key_len, (const char *)i->key,
	                           (int)i->size, (const char *)i->value);
	return stop(s);
}

static int see_extra(const struct store_extra *x, void *arg)
{
	struct seen *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len,
	                           "%.*s/%u=%.*s ", (int)x->key_len, (const char *)x->key,
	                           x->type, (int)x->size, (const char *)x->value);
	return stop(s);
}

static void put_item(struct store_txn *t, enum store_list l, const char *key,
                     const char *value)
{
	assert_int_equal(store_item_put(t, l, key, strlen(key), value, strlen(value)), 0);
}

static void lists_are_kept_apart(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {0};
	const void *value;
	size_t size;

	(void)state;
	put_item(t, STORE_APIKEY, "b", "1");
	put_item(t, STORE_APIKEY, "a", "2");
	put_item(t, STORE_TENANT, "a", "3");
	put_item(t, STORE_CONFIG, "zz", "4");
	put_item(t, STORE_APIKEY, "a", "5");
	commit(t);
	reopen();
	t = begin_write();
	assert_int_equal(store_item_each(t, STORE_APIKEY, NULL, 0, see_item, &s), 0);
	assert_string_equal(s.text, "a=5 b=1 ");
	assert_int_equal(store_item_delete(t, STORE_APIKEY, "a", 1), 0);
	assert_int_equal(store_item_delete(t, STORE_APIKEY, "a", 1), ERR_NOTFOUND);
	assert_int_equal(store_item_get(t, STORE_APIKEY, "a", 1, &value, &size),
	                 ERR_NOTFOUND);
	assert_int_equal(store_item_get(t, STORE_TENANT, "a", 1, &value, &size), 0);
	assert_int_equal(size, 1);
	assert_memory_equal(value, "3", 1);
	store_abort(&t);
}

static void items_are_found_by_prefix(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {0};

	(void)state;
	put_item(t, STORE_ZONEMETA, "a", "1");
	put_item(t, STORE_ZONEMETA, "a/x", "2");
	put_item(t, STORE_ZONEMETA, "a/y", "3");
	put_item(t, STORE_ZONEMETA, "b", "4");
	put_item(t, STORE_TSIG, "a/z", "5");
	assert_int_equal(store_item_each(t, STORE_ZONEMETA, "a/", 2, see_item, &s), 0);
	assert_string_equal(s.text, "a/x=2 a/y=3 ");
	s = (struct seen){.stop_after = 2};
	assert_int_equal(store_item_each(t, STORE_ZONEMETA, "a", 1, see_item, &s), 42);
	assert_string_equal(s.text, "a=1 a/x=2 ");
	s = (struct seen){0};
	assert_int_equal(store_item_each(t, STORE_ZONEMETA, "c", 1, see_item, &s), 0);
	assert_string_equal(s.text, "");
	store_abort(&t);
}

static void item_keys_have_bounds(void **state)
{
	struct store_txn *t = begin_write();
	uint8_t key[STORE_ITEM_KEY_MAX + 1];
	struct seen s = {0};
	const void *value;
	size_t size;

	(void)state;
	memset(key, 'k', sizeof key);
	assert_int_equal(store_item_put(t, STORE_TSIG, key, 0, "v", 1), ERR_TOOBIG);
	assert_int_equal(store_item_put(t, STORE_TSIG, key, sizeof key, "v", 1),
	                 ERR_TOOBIG);
	assert_int_equal(store_item_get(t, STORE_TSIG, key, sizeof key, &value, &size),
	                 ERR_NOTFOUND);
	assert_int_equal(store_item_delete(t, STORE_TSIG, key, 0), ERR_NOTFOUND);
	assert_int_equal(store_item_each(t, STORE_TSIG, key, sizeof key, see_item, &s),
	                 0);
	assert_int_equal(store_item_put(t, STORE_TSIG, key, STORE_ITEM_KEY_MAX, NULL, 0),
	                 0);
	assert_int_equal(
		store_item_get(t, STORE_TSIG, key, STORE_ITEM_KEY_MAX, &value, &size), 0);
	assert_int_equal(size, 0);
	store_abort(&t);
}

static void put_extra(struct store_txn *t, uint32_t zone, const char *label,
                      uint16_t type, const char *value)
{
	/* A label without octets 0 and 1 is its own sort key, with the zero behind. */
	size_t len = *label ? strlen(label) + 1 : 0;

	struct store_extra x = {.key = (const uint8_t *)label,
	                        .key_len = len,
	                        .type = type,
	                        .value = value,
	                        .size = strlen(value)};

	assert_int_equal(store_extra_put(t, zone, &x), 0);
}

static void extras_come_in_canonical_order_from_an_owner_on(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {0};

	(void)state;
	put_extra(t, 7, "b", 16, "three");
	put_extra(t, 7, "b", 1, "two");
	put_extra(t, 7, "", 1, "one");
	put_extra(t, 6, "zz", 1, "before");
	put_extra(t, 8, "", 1, "behind");
	commit(t);
	reopen();
	t = begin_write();
	assert_int_equal(store_extra_each(t, 7, NULL, 0, see_extra, &s), 0);
	assert_memory_equal(s.text, "/1=one b", 8);
	s = (struct seen){0};
	assert_int_equal(store_extra_each(t, 7, (const uint8_t *)"b", 2, see_extra, &s),
	                 0);
	assert_non_null(strstr(s.text, "b"));
	assert_null(strstr(s.text, "one"));
	s = (struct seen){.stop_after = 1};
	assert_int_equal(store_extra_each(t, 7, NULL, 0, see_extra, &s), 42);
	assert_string_equal(s.text, "/1=one ");
	store_abort(&t);
}

static void extra_is_replaced_and_deleted(void **state)
{
	struct store_extra x = {.key = (const uint8_t *)"a", .key_len = 2, .type = 1};
	struct store_txn *t = begin_write();

	(void)state;
	put_extra(t, 1, "a", 1, "old");
	put_extra(t, 1, "a", 1, "newer");
	assert_int_equal(store_extra_get(t, 1, &x), 0);
	assert_int_equal(x.size, 5);
	assert_memory_equal(x.value, "newer", 5);
	x.type = 2;
	assert_int_equal(store_extra_get(t, 1, &x), ERR_NOTFOUND);
	assert_int_equal(store_extra_delete(t, 1, (const uint8_t *)"a", 2, 1), 0);
	assert_int_equal(store_extra_delete(t, 1, (const uint8_t *)"a", 2, 1),
	                 ERR_NOTFOUND);
	store_abort(&t);
}

static void damaged_item_is_found_on_reading(void **state)
{
	struct store_txn *t = begin_write();
	uint8_t key[] = {STORE_CONFIG, 'k'};
	MDB_val k = store_val(key, sizeof key);
	MDB_val v = store_val("value????", 9);
	struct seen s = {0};
	const void *value;
	size_t size;

	(void)state;
	put_item(t, STORE_CONFIG, "k", "value");
	assert_int_equal(mdb_put(t->txn, store->item, &k, &v, 0), 0);
	assert_int_equal(store_item_get(t, STORE_CONFIG, "k", 1, &value, &size),
	                 ERR_CORRUPT);
	assert_int_equal(store_item_each(t, STORE_CONFIG, NULL, 0, see_item, &s),
	                 ERR_CORRUPT);
	store_abort(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_are_kept_apart),
		TEST(items_are_found_by_prefix),
		TEST(item_keys_have_bounds),
		TEST(extras_come_in_canonical_order_from_an_owner_on),
		TEST(extra_is_replaced_and_deleted),
		TEST(damaged_item_is_found_on_reading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
