/*
 * Backups: what is restored up to a change is what the store held when that change had been made,
 * to the octet; and no backup that is damaged or cut off is taken for a whole one.
 */
#include "control/backup/backup.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/backup/restore.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum { CHANGES = 150, LABELS = 12, ZONES = 4, STATES_MAX = CHANGES + 1, PATH_SIZE = 256 };

static const char *const zone_names[ZONES] = {"a.example", "b.example", "c.example",
                                              "x.b.example"};

/* All of a store but the log and the small values: what a change is about. */
struct state {
	char *text;
	size_t size;
};

struct world {
	struct harness *harness;
	struct book *book;
	char dir[64]; /* for backups, and stores made from them */
	struct state states[STATES_MAX];
	uint64_t times[STATES_MAX];
	uint64_t last;
	uint32_t random;
};

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random = w->random * 1664525 + 1013904223;
	return (w->random >> 8) % below;
}

/* ---- states ---- */

static int write_raw(const struct store_raw *raw, void *arg)
{
	FILE *out = arg;

	(void)fprintf(out, "%zu %zu ", raw->key_len, raw->size);
	(void)fwrite(raw->key, 1, raw->key_len, out);
	(void)fwrite(raw->value, 1, raw->size, out);
	return 0;
}

static struct state state_of(struct store *s)
{
	static const enum store_database all[] = {STORE_ZONE, STORE_RRSET, STORE_EXTRA,
	                                          STORE_ITEM};
	struct state state = {0};
	FILE *out = open_memstream(&state.text, &state.size);
	struct store_txn *t;

	assert_non_null(out);
	assert_int_equal(store_begin_read(s, &t), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		(void)fprintf(out, "\ndatabase %zu\n", i);
		assert_int_equal(store_raw_each(t, all[i], write_raw, out), 0);
	}
	store_abort(&t);
	assert_int_equal(fclose(out), 0);
	return state;
}

static void assert_same(const struct state *a, const struct state *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->text, b->text, a->size);
}

/* The same but for what is said of the zones themselves. */
static void assert_same_content(const struct state *a, const struct state *b)
{
	static const char mark[] = "\ndatabase 1\n";
	const char *x = memmem(a->text, a->size, mark, strlen(mark));
	const char *y = memmem(b->text, b->size, mark, strlen(mark));

	assert_non_null(x);
	assert_non_null(y);
	size_t left = a->size - (size_t)(x - a->text);
	assert_int_equal(left, b->size - (size_t)(y - b->text));
	assert_memory_equal(x, y, left);
}

/* ---- changes ---- */

static void random_owner(struct world *w, unsigned zone, uint8_t name[NAME_MAX_LEN])
{
	char text[64];
	unsigned label = draw(w, LABELS);

	(void)snprintf(text, sizeof text, label ? "l%u.%s" : "*.l%u.%s", label,
	               zone_names[zone]);
	harness_name(text, name);
}

static void random_edit(struct world *w, struct change *c, struct zone_change *z,
                        unsigned zone)
{
	const uint8_t address[] = {192, 0, 2, (uint8_t)draw(w, 4)};
	uint8_t name[NAME_MAX_LEN];

	random_owner(w, zone, name);
	struct edit *e = change_edit(c, z, draw(w, 4) ? EDIT_REPLACE : EDIT_DELETE, name,
	                             RRTYPE_A);
	if (e->kind == EDIT_DELETE)
		return;
	e->set_records = draw(w, 4) > 0;
	e->set_comments = !e->set_records || draw(w, 3) == 0;
	e->ttl = 60 + draw(w, 3);
	if (e->set_records)
		assert_int_equal(change_edit_record(c, e, address, sizeof address,
		                                    draw(w, 5) == 0),
		                 0);
	if (e->set_comments && draw(w, 3))
		change_edit_comment(c, e, "me", draw(w, 2) ? "one" : "another", 77);
}

static const struct zone *zone_of(struct world *w, unsigned zone)
{
	uint8_t name[NAME_MAX_LEN];

	harness_name(zone_names[zone], name);
	return registry_find(w->harness->committer.registry, name);
}

static void random_contents(struct world *w, struct zone_change *z, unsigned zone)
{
	char text[1024];
	int len = snprintf(text, sizeof text,
	                   "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n"
	                   "ns 60 A 192.0.2.1\n",
	                   draw(w, 9) + 1);

	for (unsigned i = draw(w, 6); i > 0; i--)
		len += snprintf(text + len, sizeof text - (size_t)len,
		                "l%u 60 A 192.0.2.%u\n", i + draw(w, 3) * 10, draw(w, 3));
	z->contents = harness_contents(zone_names[zone], text);
}

static void random_zone_change(struct world *w, struct change *c, unsigned zone)
{
	bool there = zone_of(w, zone) != NULL;
	uint8_t name[NAME_MAX_LEN];
	uint32_t what = draw(w, 12);
	enum zone_change_kind kind = !there      ? ZONE_CREATE
	                             : what == 0 ? ZONE_REMOVE
	                             : what == 1 ? ZONE_CONTENTS
	                                         : ZONE_EDIT;

	harness_name(zone_names[zone], name);
	struct zone_change *z = change_zone(c, kind, name);
	if (kind == ZONE_CONTENTS || (kind == ZONE_CREATE && draw(w, 4)))
		random_contents(w, z, zone);
	if (kind == ZONE_CONTENTS && draw(w, 2))
		z->source = change_text(c, "/nowhere/zone");
	if (kind == ZONE_EDIT && what == 2) {
		(void)snprintf(z->attrs.account, sizeof z->attrs.account, "%u",
		               draw(w, 3));
		z->attrs_set = 1U << ATTR_ACCOUNT;
		return;
	}
	for (unsigned i = kind == ZONE_EDIT ? draw(w, 4) + 1 : 0; i > 0; i--)
		random_edit(w, c, z, zone);
}

static void random_item(struct world *w, struct change *c)
{
	char key[8];
	char value[16];

	(void)snprintf(key, sizeof key, "k%u", draw(w, 4));
	(void)snprintf(value, sizeof value, "value %u", draw(w, 100));
	struct item_change *i =
		change_item(c, draw(w, 2) ? STORE_CONFIG : STORE_ZONEMETA, key,
	                    strlen(key), draw(w, 3) ? value : NULL, strlen(value));
	i->secret = draw(w, 2);
}

/* Gives the change's number, or 0 when it came to nothing. */
static uint64_t change_at_random(struct world *w)
{
	struct change *c = change_new(actor_self());
	struct change_result r;
	struct commit_item item = {c, &r};
	unsigned zone = draw(w, ZONES);

	c->why = "test";
	if (draw(w, 5) == 0) {
		random_item(w, c);
		random_item(w, c);
	}
	random_zone_change(w, c, zone);
	if (draw(w, 4) == 0)
		random_zone_change(w, c, (zone + 1) % ZONES);
	assert_int_equal(commit_group(&w->harness->committer, &item, 1), 1);
	uint64_t seq = r.seq;
	change_free(&c);
	while (store_purge(w->harness->committer.store) > 0)
		;
	return seq;
}

/* ---- worlds ---- */

static void join(char path[PATH_SIZE], const struct world *w, const char *name)
{
	(void)snprintf(path, PATH_SIZE, "%s/%s", w->dir, name);
}

static struct world *world_new(uint32_t seed, unsigned changes)
{
	struct world *w = calloc(1, sizeof *w);
	char path[PATH_SIZE];
	char text[256] = "";

	assert_non_null(w);
	w->harness = harness_open();
	w->random = seed;
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/backup_test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	join(path, w, "book");
	assert_int_equal(book_open(path, &w->book, text, sizeof text), 0);
	w->states[0] = state_of(w->harness->committer.store);
	while (w->last < changes) {
		uint64_t seq = change_at_random(w);
		if (seq == 0)
			continue;
		assert_int_equal(seq, w->last + 1);
		w->last = seq;
		w->states[seq] = state_of(w->harness->committer.store);
	}
	return w;
}

static void world_free(struct world *w)
{
	char command[128];

	for (size_t i = 0; i < STATES_MAX; i++)
		free(w->states[i].text);
	book_close(&w->book);
	harness_close(w->harness);
	(void)snprintf(command, sizeof command, "rm -r %s", w->dir);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	free(w);
}

static void back_up(struct world *w, const char *path)
{
	struct backup_manifest m;
	char text[RESTORE_TEXT_SIZE];
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	const struct backup_source source = {.store = w->harness->committer.store,
	                                     .book = w->book};
	assert_int_equal(backup_make(&source, to, &m, text, sizeof text), 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(m.seq, w->last);
}

static void remove_store(const char *path)
{
	char command[PATH_SIZE + 16];

	(void)snprintf(command, sizeof command, "rm -r %s", path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

/* ---- tests ---- */

static void every_change_is_restored_to_the_octet(void **unused)
{
	struct world *w = world_new(7, CHANGES);
	char backup[PATH_SIZE];
	char to[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];

	(void)unused;
	join(backup, w, "backup");
	join(to, w, "store");
	back_up(w, backup);
	for (uint64_t stop = 0; stop <= w->last; stop += stop < 20 ? 1 : 5) {
		const struct restore_until until = {.kind = UNTIL_CHANGE, .seq = stop};
		struct backup_survey s;
		struct store *store;
		struct store_txn *t;
		uint64_t next;
		if (restore(backup, to, &until, &s, text) < 0)
			fail_msg("until %" PRIu64 ": %s", stop, text);
		assert_int_equal(store_open(to, &store, text, sizeof text), 0);
		struct state is = state_of(store);
		assert_same(&is, &w->states[stop]);
		free(is.text);
		/* The restore has a number of its own. */
		assert_int_equal(store_begin_read(store, &t), 0);
		assert_int_equal(store_log_next(t, &next), 0);
		assert_int_equal(next, w->last + 2);
		store_abort(&t);
		store_close(store);
		remove_store(to);
	}
	world_free(w);
}

/* A backup of what was restored goes back over the restore. */
static void restores_can_be_backed_up_and_gone_back_over(void **unused)
{
	struct world *w = world_new(8, 60);
	char backup[PATH_SIZE];
	char again[PATH_SIZE];
	char to[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];
	struct restore_until until = {.kind = UNTIL_CHANGE, .seq = 40};
	struct backup_survey s;
	struct store *store;
	struct backup_manifest m;

	(void)unused;
	join(backup, w, "backup");
	join(again, w, "again");
	join(to, w, "store");
	back_up(w, backup);
	assert_int_equal(restore(backup, to, &until, &s, text), 0);
	assert_int_equal(store_open(to, &store, text, sizeof text), 0);
	FILE *file = fopen(again, "w");
	assert_non_null(file);
	const struct backup_source source = {.store = store, .book = w->book};
	assert_int_equal(backup_make(&source, file, &m, text, sizeof text), 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(m.seq, 61);
	store_close(store);
	remove_store(to);
	until.seq = 25;
	assert_int_equal(restore(again, to, &until, &s, text), 0);
	assert_int_equal(store_open(to, &store, text, sizeof text), 0);
	struct state is = state_of(store);
	assert_same(&is, &w->states[25]);
	free(is.text);
	store_close(store);
	remove_store(to);
	/* Numbers that the restore has skipped are of no change. */
	until.seq = 50;
	assert_int_equal(restore(again, to, &until, &s, text), ERR_RANGE);
	until.seq = 62;
	assert_int_equal(restore(again, to, &until, &s, text), ERR_RANGE);
	world_free(w);
}

struct bytes {
	uint8_t *at;
	size_t size;
};

static struct bytes read_all(const char *path)
{
	struct bytes b = {0};
	FILE *from = fopen(path, "r");
	struct stat s;

	assert_non_null(from);
	assert_int_equal(fstat(fileno(from), &s), 0);
	b.size = (size_t)s.st_size;
	b.at = malloc(b.size);
	assert_non_null(b.at);
	assert_int_equal(fread(b.at, 1, b.size, from), b.size);
	(void)fclose(from);
	return b;
}

static int check_bytes(const struct bytes *b, size_t size, char *text)
{
	const struct restore_until until = {.kind = UNTIL_END};
	struct backup_survey s;
	FILE *from = fmemopen(b->at, size, "r");

	assert_non_null(from);
	int err = backup_check(from, "backup", &until, &s, text);
	(void)fclose(from);
	return err;
}

static void no_flipped_bit_goes_unnoticed(void **unused)
{
	struct world *w = world_new(9, 12);
	char backup[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];

	(void)unused;
	join(backup, w, "backup");
	back_up(w, backup);
	struct bytes b = read_all(backup);
	assert_int_equal(check_bytes(&b, b.size, text), 0);
	for (size_t i = 0; i < b.size; i++) {
		b.at[i] ^= (uint8_t)(1 << i % 8);
		assert_true(check_bytes(&b, b.size, text) < 0);
		assert_non_null(strstr(text, "backup: offset "));
		b.at[i] ^= (uint8_t)(1 << i % 8);
	}
	free(b.at);
	world_free(w);
}

static void no_length_but_the_whole_is_taken(void **unused)
{
	struct world *w = world_new(10, 12);
	char backup[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];

	(void)unused;
	join(backup, w, "backup");
	back_up(w, backup);
	struct bytes b = read_all(backup);
	for (size_t size = 1; size < b.size; size++) {
		assert_true(check_bytes(&b, size, text) < 0);
		assert_non_null(strstr(text, "backup: offset "));
	}
	b.at = realloc(b.at, b.size + 1);
	assert_non_null(b.at);
	b.at[b.size] = 0;
	assert_int_equal(check_bytes(&b, b.size + 1, text), ERR_CORRUPT);
	assert_non_null(strstr(text, "follows the end"));
	free(b.at);
	world_free(w);
}

static void what_was_trimmed_is_out_of_reach(void **unused)
{
	struct world *w = world_new(11, 30);
	char backup[PATH_SIZE];
	char to[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];
	struct restore_until until = {.kind = UNTIL_CHANGE};
	struct backup_survey s;
	struct store_txn *t;
	struct store *store;
	size_t done;

	(void)unused;
	assert_int_equal(store_begin_write(w->harness->committer.store, &t), 0);
	assert_int_equal(store_log_trim(t, 11, SIZE_MAX, &done), 0);
	assert_int_equal(store_commit(&t), 0);
	join(backup, w, "backup");
	join(to, w, "store");
	back_up(w, backup);
	until.seq = 9;
	assert_int_equal(restore(backup, to, &until, &s, text), ERR_RANGE);
	assert_non_null(strstr(text, "changes 11 to 30 only"));
	until.seq = 10;
	assert_int_equal(restore(backup, to, &until, &s, text), 0);
	assert_int_equal(s.oldest, 10);
	/* What is in the zones is what it was; which change came before is not known any more. */
	assert_int_equal(store_open(to, &store, text, sizeof text), 0);
	struct state is = state_of(store);
	assert_same_content(&is, &w->states[10]);
	free(is.text);
	store_close(store);
	world_free(w);
}

/* A zone of more RRsets than the log takes. */
static uint64_t change_large(struct world *w, enum zone_change_kind kind)
{
	enum { RECORDS = 100001 };
	struct change *c = change_new(actor_self());
	struct change_result r;
	struct commit_item item = {c, &r};
	uint8_t name[NAME_MAX_LEN];
	char *text = NULL;
	size_t size = 0;

	harness_name("large.example", name);
	c->why = "test";
	struct zone_change *z = change_zone(c, kind, name);
	if (kind != ZONE_REMOVE) {
		FILE *out = open_memstream(&text, &size);
		assert_non_null(out);
		(void)fputs("@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n",
		            out);
		for (unsigned i = 0; i < RECORDS; i++)
			(void)fprintf(out, "h%u 60 A 192.0.2.1\n", i);
		(void)fclose(out);
		z->contents = harness_contents("large.example", text);
		free(text);
	}
	assert_int_equal(commit_group(&w->harness->committer, &item, 1), 1);
	assert_int_equal(r.err, 0);
	uint64_t seq = r.seq;
	change_free(&c);
	return seq;
}

static void what_the_log_has_not_bars_the_way_only_when_it_is_needed(void **unused)
{
	struct world *w = world_new(14, 5);
	char backup[PATH_SIZE];
	char to[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];
	struct restore_until until = {.kind = UNTIL_CHANGE, .seq = 5};
	struct backup_survey s;
	struct store *store;

	(void)unused;
	join(backup, w, "backup");
	join(to, w, "store");
	w->last = change_large(w, ZONE_CREATE);
	back_up(w, backup);
	if (restore(backup, to, &until, &s, text) < 0)
		fail_msg("%s", text);
	assert_int_equal(store_open(to, &store, text, sizeof text), 0);
	struct state is = state_of(store);
	assert_same(&is, &w->states[5]);
	free(is.text);
	store_close(store);
	remove_store(to);
	/* What it had is still being taken away while the backup is made. */
	w->last = change_large(w, ZONE_REMOVE);
	assert_int_equal(w->last, 7);
	back_up(w, backup);
	assert_int_equal(restore(backup, to, &until, &s, text), ERR_RANGE);
	assert_non_null(strstr(text, "goes back to change 7 only"));
	until.seq = 7;
	assert_int_equal(restore(backup, to, &until, &s, text), 0);
	world_free(w);
}

static void only_empty_directories_are_restored_into(void **unused)
{
	struct world *w = world_new(12, 5);
	char backup[PATH_SIZE];
	char to[PATH_SIZE];
	char path[PATH_SIZE + 32];
	char text[RESTORE_TEXT_SIZE];
	const struct restore_until until = {.kind = UNTIL_END};
	struct backup_survey s;
	struct store *store;

	(void)unused;
	join(backup, w, "backup");
	join(to, w, "store");
	back_up(w, backup);
	assert_int_equal(mkdir(to, 0700), 0);
	assert_int_equal(restore(backup, to, &until, &s, text), 0);
	assert_int_equal(restore(backup, to, &until, &s, text), ERR_EXISTS);
	assert_non_null(strstr(text, "is not empty"));
	remove_store(to);
	/* What a restore that was cut short has left is no store, and no obstacle. */
	assert_int_equal(mkdir(to, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/restoring", to);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/restoring/data.mdb", to);
	FILE *half = fopen(path, "w");
	assert_non_null(half);
	(void)fputs("half", half);
	(void)fclose(half);
	assert_int_equal(store_open(to, &store, text, sizeof text), ERR_REFUSED);
	assert_non_null(strstr(text, "was not finished"));
	assert_int_equal(restore(backup, to, &until, &s, text), 0);
	assert_int_equal(store_open(to, &store, text, sizeof text), 0);
	assert_int_equal(restore(backup, to, &until, &s, text), ERR_BUSY);
	store_close(store);
	world_free(w);
}

static void until_is_a_number_or_a_time(void **unused)
{
	struct restore_until u;

	(void)unused;
	assert_int_equal(restore_until_read("17", &u), 0);
	assert_int_equal(u.kind, UNTIL_CHANGE);
	assert_int_equal(u.seq, 17);
	assert_int_equal(restore_until_read("2026-11-21T18:03:04.25Z", &u), 0);
	assert_int_equal(u.kind, UNTIL_TIME);
	assert_int_equal(u.time_us, UINT64_C(1795284184250000));
	assert_int_equal(restore_until_read("2026-11-21T18:03:04", &u), 0);
	assert_int_equal(u.time_us, UINT64_C(1795284184000000));
	static const char *const bad[] = {"",
	                                  "x",
	                                  "-1",
	                                  "1.5",
	                                  "2026-11-21",
	                                  "99999999999999999999",
	                                  "2026-11-21T18:03:04.",
	                                  "2026-11-21T18:03:04+01:00",
	                                  "2026-13-21T18:03:04Z",
	                                  "1950-01-01T00:00:00Z"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(restore_until_read(bad[i], &u), ERR_SYNTAX);
}

static void a_file_is_whole_or_not_there(void **unused)
{
	struct world *w = world_new(13, 1);
	char path[PATH_SIZE];
	char text[RESTORE_TEXT_SIZE];
	struct backup_file f;
	struct stat s;

	(void)unused;
	join(path, w, "file");
	assert_int_equal(backup_file_open(path, false, &f, text, sizeof text), 0);
	(void)fputs("one", f.stream);
	assert_int_equal(access(path, F_OK), -1);
	backup_file_close(&f);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(backup_file_open(path, false, &f, text, sizeof text), 0);
	(void)fputs("two", f.stream);
	assert_int_equal(backup_file_keep(&f, false, text, sizeof text), 0);
	backup_file_close(&f);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(s.st_size, 3);
	assert_int_equal(backup_file_open(path, false, &f, text, sizeof text),
	                 ERR_EXISTS);
	assert_int_equal(backup_file_open(path, true, &f, text, sizeof text), 0);
	(void)fputs("three", f.stream);
	assert_int_equal(backup_file_keep(&f, false, text, sizeof text), ERR_EXISTS);
	assert_int_equal(backup_file_keep(&f, true, text, sizeof text), 0);
	backup_file_close(&f);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_size, 5);
	assert_int_equal(backup_file_open("relative", false, &f, text, sizeof text),
	                 ERR_INVALID);
	assert_int_equal(backup_file_open("/nowhere/x", false, &f, text, sizeof text),
	                 ERR_SYSTEM);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_restored_to_the_octet),
		cmocka_unit_test(restores_can_be_backed_up_and_gone_back_over),
		cmocka_unit_test(no_flipped_bit_goes_unnoticed),
		cmocka_unit_test(no_length_but_the_whole_is_taken),
		cmocka_unit_test(what_was_trimmed_is_out_of_reach),
		cmocka_unit_test(
			what_the_log_has_not_bars_the_way_only_when_it_is_needed),
		cmocka_unit_test(only_empty_directories_are_restored_into),
		cmocka_unit_test(until_is_a_number_or_a_time),
		cmocka_unit_test(a_file_is_whole_or_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
