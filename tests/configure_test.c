/*
 * What answers say of the configuration changes with the commit that makes a configuration count,
 * and does not where that commit fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/table/internal.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

static bool answers_version(struct harness *h, const char *version)
{
	const struct question q = {
		.name = "version.bind.", .type = RRTYPE_TXT, .class = 3};
	uint8_t message[512];

	size_t len = harness_query(&q, message);
	len = harness_ask(h, message, len, false);
	return memmem(h->reply, len, version, strlen(version)) != NULL;
}

static int configure(struct committer *c, const struct config *next, const char *override,
                     struct change_result *result)
{
	struct change *change = change_new(actor_self());

	if (override)
		(void)change_item(change, STORE_CONFIG, "server.version", 14, override,
		                  strlen(override));
	int err = commit_configure(c, next, change, result);
	change_free(&change);
	return err;
}

/* Says whether the store has this override, or with NULL none. */
static bool is_stored(struct committer *c, const char *override)
{
	struct store_txn *t;
	const void *value;
	size_t size;

	assert_int_equal(store_begin_read(c->store, &t), 0);
	int err = store_item_get(t, STORE_CONFIG, "server.version", 14, &value, &size);
	bool same = err == 0 && override && size == strlen(override) &&
	            !memcmp(value, override, size);
	store_abort(&t);
	return override ? same : err == ERR_NOTFOUND;
}

static void answers_say_what_is_configured(void **state)
{
	static char version[] = "another version";
	struct harness *h = harness_open();
	struct committer *c = &h->committer;
	struct config next = {
		.version = version, .nsid = h->config.nsid, .id = h->config.id};
	struct change_result result;

	(void)state;
	assert_true(answers_version(h, "test"));
	assert_int_equal(configure(c, &next, version, &result), 0);
	assert_int_equal(result.seq, 1);
	assert_ptr_equal(c->config, &next);
	assert_true(answers_version(h, version));
	assert_true(is_stored(c, version));
	uint64_t commits = c->commits;
	assert_int_equal(configure(c, &next, NULL, &result), 0);
	assert_int_equal(result.seq, 0);
	assert_int_equal(c->commits, commits); /* there was nothing to it */
	harness_close(h);
}

/* Until there is room for the settings. */
static void what_cannot_be_committed_changes_nothing(void **state)
{
	static char version[] = "another version";
	struct harness *h = harness_open();
	struct committer *c = &h->committer;
	struct room *room = &c->writer->room;
	struct room before = *room;
	struct config next = {
		.version = version, .nsid = h->config.nsid, .id = h->config.id};
	struct change_result result;

	(void)state;
	memset(room->lists, 0, sizeof room->lists);
	room->free = 0;
	room->end = room->at;
	assert_int_equal(configure(c, &next, version, &result), ERR_TABLE_FULL);
	assert_ptr_equal(c->config, &h->config);
	assert_true(answers_version(h, "test"));
	assert_false(answers_version(h, version));
	assert_true(is_stored(c, NULL));
	room->end = before.end;
	room->free = before.free;
	memcpy(room->lists, before.lists, sizeof room->lists);
	assert_int_equal(configure(c, &next, version, &result), 0);
	assert_true(answers_version(h, version));
	assert_true(is_stored(c, version));
	harness_close(h);
}

/* Between restarts the cookies of clients stay good, so the secret is that of the store. */
static void cookie_secret_stays_over_configurations(void **state)
{
	static char version[] = "another version";
	struct harness *h = harness_open();
	struct committer *c = &h->committer;
	struct config next = {
		.version = version, .nsid = h->config.nsid, .id = h->config.id};
	struct change_result result;
	uint8_t secret[COOKIE_SECRET_LEN];

	(void)state;
	memcpy(secret, c->cookie_secret, sizeof secret);
	assert_int_equal(configure(c, &next, NULL, &result), 0);
	const struct table_header *header = c->writer->header;
	const struct table_settings *s =
		table_at(c->writer->segment.base,
	                 atomic_load_explicit(&header->settings, memory_order_relaxed));
	assert_memory_equal(s->cookie_secret, secret, sizeof secret);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_say_what_is_configured),
		cmocka_unit_test(what_cannot_be_committed_changes_nothing),
		cmocka_unit_test(cookie_secret_stays_over_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
