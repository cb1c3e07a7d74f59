#include "control/audit/audit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "control/access/keys.h"
#include "control/audit/row.h"
#include "control/change/record.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

enum { TEXT_SIZE = 512, ZONE_ID = 7, WAIT_MS = 5000, CRASHES = 5 };

static const uint8_t zone[] = "\7example\3org";
static struct audit *audit;

/* ---- fixture ---- */

static void open_audit(void)
{
	char text[TEXT_SIZE] = "";

	if (audit_open(dir, store, &audit, text, sizeof text) < 0)
		fail_msg("%s", text);
}

static int setup_both(void **state)
{
	int err = setup(state);

	if (err == 0)
		open_audit();
	return err;
}

static int teardown_both(void **state)
{
	char path[PATH_SIZE + 16];

	audit_close(&audit);
	store_close(store);
	(void)snprintf(path, sizeof path, "%s/audit", dir);
	remove_dir(path);
	remove_dir(dir);
	(void)state;
	return 0;
}

static struct actor *alice(void)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_WRITER, "alice");

	memcpy(a->key_id, "0123456789abcdef", KEY_ID_SIZE);
	memcpy(a->tenant, "blue", 5);
	memcpy(a->address, (uint8_t[]){[10] = 0xff, 0xff, 192, 0, 2, 1}, 16);
	a->port = 4711;
	return a;
}

/* Writes a change into the log as the commit thread does: header and rows in one transaction. */
static uint64_t log_change(const struct record_row *rows, size_t count)
{
	struct store_txn *t = begin_write();
	struct actor *a = alice();
	struct change *c = change_new(a);
	struct zone_result zr = {.id = ZONE_ID,
	                         .old_serial = 1,
	                         .new_serial = 2,
	                         .changed = true,
	                         .parts = 1};
	struct change_result r = {.zones = &zr, .zone_count = 1};
	struct record_part part = {0};
	uint8_t *header;

	(void)change_zone(c, ZONE_EDIT, zone);
	memcpy(zr.name, zone, sizeof zone);
	c->why = "a test";
	assert_int_equal(store_log_next(t, &r.seq), 0);
	for (size_t i = 0; i < count; i++)
		record_part_add(&part, &rows[i]);
	if (part.size)
		assert_int_equal(
			store_log_put_rows(t, rows[0].kind == ROW_ITEM ? 0 : ZONE_ID,
		                           r.seq, 0, part.bytes, part.size),
			0);
	size_t size = record_encode_header(c, &r, 1700000000123456, &header);
	assert_int_equal(store_log_put(t, r.seq, header, size), 0);
	commit(t);
	free(header);
	record_part_fini(&part);
	change_free(&c);
	actor_release(&a);
	return r.seq;
}

static void wait_for(uint64_t followed)
{
	struct audit_state s;

	audit_wake(audit);
	for (unsigned i = 0; i < WAIT_MS; i++) {
		audit_look(audit, &s);
		if (s.book.followed >= followed)
			return;
		(void)usleep(1000);
	}
	fail_msg("%llu of %llu followed: %s", (unsigned long long)s.book.followed,
	         (unsigned long long)followed, s.problem);
}

static int keep(const struct book_event *e, void *arg)
{
	json_t *event = json_loadb(e->text, e->len, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(event);
	*(json_t **)arg = event;
	return 1;
}

/* The last event, which the caller has to json_decref(). */
static json_t *last_event(void)
{
	json_t *event = NULL;

	assert_int_equal(book_each(audit_book(audit), UINT64_MAX, true, keep, &event), 1);
	return event;
}

static void assert_verifies(uint64_t events)
{
	struct book_state s;
	uint64_t damaged;
	char text[TEXT_SIZE] = "";

	if (book_verify(audit_book(audit), &s, &damaged, text, sizeof text) < 0)
		fail_msg("%s", text);
	assert_int_equal(s.head.seq, events);
}

static void assert_json(const json_t *value, const char *expected)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
	free(text);
}

static size_t blob_of_address(uint8_t *blob, const char *last)
{
	struct rrset s = {.type = RRTYPE_A, .count = 1, .ttl = 300, .sig_ttl = 300};
	uint8_t rdata[4] = {192, 0, 2, (uint8_t)atoi(last)};

	rrset_write_header(blob, &s);
	return (size_t)(rrset_write_rdata(blob + RRSET_HEADER, rdata, sizeof rdata) -
	                blob);
}

/* ---- tests ---- */

static void a_change_becomes_an_event(void **state)
{
	uint8_t before[64];
	uint8_t after[64];
	struct record_row row = {
		.kind = ROW_RRSET,
		.key = (const uint8_t *)"www",
		.key_len = 4,
		.type = RRTYPE_A,
		.before = before,
		.before_size = blob_of_address(before, "1"),
		.after = after,
		.after_size = blob_of_address(after, "2"),
	};

	(void)state;
	wait_for(log_change(&row, 1));
	json_t *event = last_event();
	assert_json(json_object_get(event, "change"), "1");
	assert_json(json_object_get(event, "time"), "\"2023-11-14T22:13:20.123456Z\"");
	assert_json(json_object_get(event, "why"), "\"a test\"");
	assert_json(
		json_object_get(event, "actor"),
		"{\"address\":\"192.0.2.1\",\"key\":\"0123456789abcdef\",\"kind\":\"key\","
		"\"name\":\"alice\",\"port\":4711,\"role\":\"writer\",\"tenant\":\"blue\"}");
	assert_json(json_object_get(event, "zones"),
	            "[{\"kind\":\"edit\",\"serial\":2,\"serial_before\":1,\"zone\":"
	            "\"example.org.\"}]");
	assert_json(
		json_object_get(event, "rows"),
		"[{\"after\":{\"records\":[\"192.0.2.2\"],\"ttl\":300},\"before\":{"
		"\"records\":[\"192.0.2.1\"],\"ttl\":300},\"name\":\"www.example.org.\","
		"\"of\":\"rrset\",\"type\":\"A\",\"zone\":\"example.org.\"}]");
	json_decref(event);
	assert_verifies(1);
}

static void no_secret_is_shown(void **state)
{
	static const char value[] = "s3cret";
	uint8_t key_item[17] = {STORE_APIKEY};
	struct key k = {.id = "0123456789abcdef", .role = ROLE_ADMIN, .label = "x"};
	uint8_t *bytes;

	(void)state;
	memset(k.hash, 'h', sizeof k.hash);
	memcpy(key_item + 1, k.id, 16);
	size_t size = key_encode(&k, &bytes);
	const struct record_row rows[] = {
		{.kind = ROW_ITEM,
	         .key = (const uint8_t *)"\4tsig.",
	         .key_len = 6,
	         .before = value,
	         .before_size = 6,
	         .after = value,
	         .after_size = 6,
	         .secret = true},
		{.kind = ROW_ITEM,
	         .key = key_item,
	         .key_len = sizeof key_item,
	         .after = bytes,
	         .after_size = size,
	         .secret = true},
		{.kind = ROW_ITEM,
	         .key = (const uint8_t *)"\0a.b",
	         .key_len = 4,
	         .after = "c\n",
	         .after_size = 2},
	};
	wait_for(log_change(rows, ARRAY_LEN(rows)));
	json_t *event = last_event();
	assert_json(
		json_object_get(event, "rows"),
		"[{\"after\":\"(secret)\",\"before\":\"(secret)\",\"key\":\"tsig.\",\"of\":"
		"\"tsig\"},{\"after\":{\"created_at\":null,\"disabled\":false,\"expires_at\":null,\"grants\":["
		"],\"id\":\"0123456789abcdef\",\"label\":\"x\",\"revoked_at\":null,\"role\":"
		"\"admin\",\"tenant\":\"\"},\"before\":null,\"key\":\"0123456789abcdef\","
		"\"of\":\"key\"},{\"after\":\"c\\\\010\",\"before\":null,\"key\":\"a.b\","
		"\"of\":\"config\"}]");
	json_decref(event);
	free(bytes);
}

static void every_attribute_of_a_zone_is_told(void **state)
{
	static const struct zone_attrs attrs = {
		.kind = ZONE_KIND_PRIMARY,
		.serial = SERIAL_DATE,
		.tenant = "t",
		.account = "a",
		.catalog = "c.",
		.soa_edit = "EPOCH",
		.soa_edit_api = "DEFAULT",
		.masters = "192.0.2.1",
		.api_rectify = true,
		.nsec3param = "1 0 0 -",
		.nsec3narrow = true,
		.template_name = "other",
		.group = "g",
		.member = "m",
		.zonemd = ZONEMD_MAKE,
		.catalog_to = "d.",
		.dnssec = "careful",
	};
	uint8_t bytes[STORE_ATTRS_SIZE];
	const struct record_row row = {.kind = ROW_ATTRS,
	                               .after = bytes,
	                               .after_size = store_attrs_encode(&attrs, bytes)};

	(void)state;
	wait_for(log_change(&row, 1));
	json_t *event = last_event();
	const json_t *after = json_object_get(
		json_array_get(json_object_get(event, "rows"), 0), "after");
	assert_int_equal(json_object_size(after), ZONE_ATTRS);
	assert_json(json_object_get(after, "catalog_to"), "\"d.\"");
	assert_json(json_object_get(after, "dnssec"), "\"careful\"");
	json_decref(event);
}

static void many_rows_are_counted_and_sealed(void **state)
{
	static uint8_t blob[64];
	static struct record_row rows[ROWS_TOLD_MAX + 5];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct record_row){.kind = ROW_RRSET,
		                              .key = (const uint8_t *)"www",
		                              .key_len = 4,
		                              .type = RRTYPE_A,
		                              .after = blob,
		                              .after_size = blob_of_address(blob, "1")};
	wait_for(log_change(rows, ARRAY_LEN(rows)));
	json_t *first = last_event();
	assert_int_equal(json_array_size(json_object_get(first, "rows")), ROWS_TOLD_MAX);
	assert_json(json_object_get(first, "rows_omitted"), "5");
	/* One that is not told makes another sum. */
	rows[ROWS_TOLD_MAX + 4].type = RRTYPE_AAAA;
	wait_for(log_change(rows, ARRAY_LEN(rows)));
	json_t *second = last_event();
	assert_string_not_equal(
		json_string_value(json_object_get(first, "rows_sha256")),
		json_string_value(json_object_get(second, "rows_sha256")));
	json_decref(first);
	json_decref(second);
	assert_verifies(2);
}

static void what_happened_while_it_was_away_is_followed(void **state)
{
	uint64_t last = 0;

	(void)state;
	wait_for(log_change(NULL, 0));
	audit_close(&audit);
	for (unsigned i = 0; i < 600; i++)
		last = log_change(NULL, 0);
	open_audit();
	wait_for(last);
	assert_verifies(601);
}

static void an_older_store_is_noticed(void **state)
{
	char path[PATH_SIZE + 16];
	char other[PATH_SIZE + 24];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		wait_for(log_change(NULL, 0));
	audit_close(&audit);
	store_close(store);
	(void)snprintf(path, sizeof path, "%s/data.mdb", dir);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(other, sizeof other, "%s/lock.mdb", dir);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(store_open(dir, &store, NULL, 0), 0);
	open_audit();
	for (unsigned i = 0; i < WAIT_MS; i++) {
		struct audit_state s;
		audit_look(audit, &s);
		if (s.book.head.seq == 4)
			break;
		(void)usleep(1000);
	}
	json_t *event = last_event();
	assert_json(json_object_get(event, "what"), "\"store replaced\"");
	assert_json(json_object_get(event, "followed"), "3");
	json_decref(event);
	/* Its first change is an event again. */
	assert_int_equal(log_change(NULL, 0), 1);
	wait_for(1);
	audit_close(&audit);
	open_audit();
	event = last_event();
	assert_json(json_object_get(event, "change"), "1");
	json_decref(event);
	assert_verifies(5);
}

static void notes_are_events_and_those_lost_are_counted(void **state)
{
	struct actor *a = alice();

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		audit_note(audit, a, "login refused", json_pack("{s:i}", "n", (int)i));
	actor_release(&a);
	audit_close(&audit);
	open_audit();
	json_t *event = last_event();
	const char *what = json_string_value(json_object_get(event, "what"));
	struct audit_state s;
	audit_look(audit, &s);
	/* All of them, or as many as there was room for and how many there was none for. */
	if (strcmp(what, "notes lost") == 0)
		assert_true(s.book.head.seq < 20000);
	else
		assert_true(s.book.head.seq >= 20000);
	json_decref(event);
	assert_verifies(s.book.head.seq);
}

static void filters_fit_what_they_say(void **state)
{
	static const struct {
		struct audit_filter filter;
		bool fits;
	} cases[] = {
		{{0}, true},
		{{.tenant = "blue"}, true},
		{{.tenant = "red"}, false},
		{{.tenant = ""}, false},
		{{.actor = "alice"}, true},
		{{.actor = "0123456789abcdef"}, true},
		{{.actor = "bob"}, false},
		{{.zone = "example.org."}, true},
		{{.zone = "example.net."}, false},
		{{.what = "change"}, true},
		{{.what = "login"}, false},
		{{.since = "2023-11-14"}, true},
		{{.since = "2023-11-15"}, false},
		{{.until = "2023-11-14"}, true},
		{{.until = "2023-11-13"}, false},
		{{.tenant = "blue", .actor = "bob"}, false},
	};

	(void)state;
	wait_for(log_change(NULL, 0));
	json_t *event = last_event();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (audit_fits(&cases[i].filter, event) != cases[i].fits)
			fail_msg("case %zu", i);
	json_decref(event);
}

/* ---- death ---- */

static void change_until_killed(int acknowledge)
{
	assert_int_equal(store_open(dir, &store, NULL, 0), 0);
	open_audit();
	for (;;) {
		uint64_t seq = log_change(NULL, 0);
		audit_wake(audit);
		if (write(acknowledge, &seq, sizeof seq) != sizeof seq)
			_exit(1);
	}
}

static uint64_t run_and_kill(unsigned ms)
{
	uint64_t last = 0;
	uint64_t seq;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		change_until_killed(pipes[1]);
	(void)close(pipes[1]);
	/* The first one takes as long as it takes. */
	assert_int_equal(read(pipes[0], &last, sizeof last), sizeof last);
	(void)usleep(ms * 1000);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(pipes[0], &seq, sizeof seq) == sizeof seq)
		last = seq;
	(void)close(pipes[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return last;
}

struct gapless {
	uint64_t change;
};

static int no_gap(const struct book_event *e, void *arg)
{
	struct gapless *g = arg;
	json_t *event = json_loadb(e->text, e->len, 0, NULL);
	json_int_t change = json_integer_value(json_object_get(event, "change"));

	json_decref(event);
	return (uint64_t)change == ++g->change ? 0 : ERR_CORRUPT;
}

static void killed_anywhere_every_change_is_one_event(void **state)
{
	uint64_t last = 0;
	struct gapless g = {0};

	audit_close(&audit);
	store_close(store);
	for (unsigned i = 0; i < CRASHES; i++) {
		uint64_t seq = run_and_kill(20 + i * 37);
		assert_true(seq > last);
		last = seq;
	}
	assert_int_equal(store_open(dir, &store, NULL, 0), 0);
	open_audit();
	wait_for(last);
	assert_int_equal(book_each(audit_book(audit), 0, false, no_gap, &g), 0);
	assert_true(g.change >= last);
	assert_verifies(g.change);
	(void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_both, teardown_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_becomes_an_event),
		TEST(no_secret_is_shown),
		TEST(every_attribute_of_a_zone_is_told),
		TEST(many_rows_are_counted_and_sealed),
		TEST(what_happened_while_it_was_away_is_followed),
		TEST(an_older_store_is_noticed),
		TEST(notes_are_events_and_those_lost_are_counted),
		TEST(filters_fit_what_they_say),
		TEST(killed_anywhere_every_change_is_one_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
