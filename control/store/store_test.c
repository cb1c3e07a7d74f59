#include "control/store/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "control/store/crc32c.h"
#include "control/store/internal.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { BLOB_MAX = 70000 };

static uint8_t blob[BLOB_MAX];

/* Builds the blob of an RRset with one record of len octets, each of them fill. */
static size_t make_blob(uint32_t ttl, uint16_t len, uint8_t fill)
{
	uint32_t sig_ttl = 0;
	uint16_t count = 1;
	uint16_t sig_count = 0;

	memcpy(blob, &ttl, sizeof ttl);
	memcpy(blob + 4, &sig_ttl, sizeof sig_ttl);
	memcpy(blob + 8, &count, sizeof count);
	memcpy(blob + 10, &sig_count, sizeof sig_count);
	memcpy(blob + RRSET_HEADER, &len, sizeof len);
	memset(blob + RRSET_HEADER + 2, fill, len);
	return RRSET_HEADER + 2 + (size_t)len;
}

struct owner {
	uint8_t key[NAME_KEY_MAX];
	size_t len;
};

/* text: labels below the apex, "" for the apex itself. */
static struct owner owner_of(const char *text)
{
	static const uint8_t root[1] = {0};
	uint8_t name[NAME_MAX_LEN] = {0};
	struct owner o;

	if (*text)
		assert_true(name_from_text(text, strlen(text), root, name) > 0);
	o.len = name_to_key(name, sizeof root, o.key);
	return o;
}

static void name_of(const char *text, uint8_t out[static NAME_MAX_LEN])
{
	assert_true(name_from_text(text, strlen(text), NULL, out) > 0);
}

static uint32_t add_zone(struct store_txn *t, const char *text)
{
	struct store_zone z = {.added = true};

	name_of(text, z.name);
	assert_int_equal(store_zone_put(t, &z), 0);
	assert_int_not_equal(z.id, 0);
	return z.id;
}

static struct rrset set_of(uint16_t type, const uint8_t *bytes, size_t size)
{
	return (struct rrset){.type = type, .bytes = bytes, .size = size};
}

MUST_CHECK static int put_blob(struct store_txn *t, uint32_t zone, const uint8_t *key,
                               size_t key_len, struct rrset set)
{
	return store_rrset_put(t, zone, key, key_len, &set);
}

static int put(struct store_txn *t, uint32_t zone, const char *text, uint16_t type,
               uint32_t ttl)
{
	struct owner o = owner_of(text);
	return put_blob(t, zone, o.key, o.len, set_of(type, blob, make_blob(ttl, 4, 1)));
}

/* Gives the TTL of the RRset, or the error. */
static int get(struct store_txn *t, uint32_t zone, const char *text, uint16_t type)
{
	struct owner o = owner_of(text);
	struct rrset set;

	int err = store_rrset_get(t, zone, o.key, o.len, type, &set);
	if (err < 0)
		return err;
	assert_int_equal(set.type, type);
	return (int)set.ttl;
}

static unsigned count_rrsets(struct store_txn *t, uint32_t zone)
{
	struct store_cursor *c;
	struct store_entry e;
	unsigned n = 0;
	int err;

	assert_int_equal(store_cursor_open(t, zone, &c), 0);
	while ((err = store_cursor_next(c, &e)) == 0)
		n++;
	assert_int_equal(err, ERR_NOTFOUND);
	store_cursor_close(&c);
	return n;
}

/* ---- opening ---- */

static void each_crc32c_matches_the_values_of_rfc_3720(void **state)
{
	static uint32_t (*const sums[])(uint32_t, const void *,
	                                size_t) = {crc32c, crc32c_portable};
	uint8_t bytes[32];

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(sums); n++) {
		memset(bytes, 0, sizeof bytes);
		assert_int_equal(sums[n](0, "123456789", 9), 0xe3069283);
		assert_int_equal(sums[n](0, bytes, sizeof bytes), 0x8a9136aa);
		memset(bytes, 0xff, sizeof bytes);
		assert_int_equal(sums[n](0, bytes, sizeof bytes), 0x62a8ab43);
		for (uint8_t i = 0; i < sizeof bytes; i++)
			bytes[i] = i;
		assert_int_equal(sums[n](0, bytes, sizeof bytes), 0x46dd794e);
		for (size_t cut = 0; cut <= sizeof bytes; cut++)
			assert_int_equal(sums[n](sums[n](0, bytes, cut), bytes + cut,
			                         sizeof bytes - cut),
			                 0x46dd794e);
	}
}

static void missing_directory_is_made_private(void **state)
{
	char sub[PATH_SIZE + 8];
	struct store *s;
	struct stat st;

	(void)state;
	(void)snprintf(sub, sizeof sub, "%s/sub", dir);
	assert_int_equal(store_open(sub, &s, NULL, 0), 0);
	assert_int_equal(stat(sub, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	store_close(s);
	remove_dir(sub);
}

static void directory_that_cannot_be_made_is_named(void **state)
{
	char text[256] = "";
	struct store *s = NULL;

	(void)state;
	assert_int_equal(store_open("/proc/no/store", &s, text, sizeof text), ERR_SYSTEM);
	assert_non_null(strstr(text, "/proc/no/store"));
	assert_non_null(strstr(text, "No such file or directory"));
	assert_int_equal(store_open("/proc/version", &s, text, sizeof text), ERR_SYSTEM);
	assert_non_null(strstr(text, "Not a directory"));
	assert_null(s);
}

static int open_as_nobody(const char *path, char *text, size_t size)
{
	struct store *s;

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 0;
	return store_open(path, &s, text, size);
}

static void unwritable_directory_is_named(void **state)
{
	char text[256] = "";
	char sub[PATH_SIZE + 8];
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(sub, sizeof sub, "%s/sub", dir);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(mkdir(sub, 0555), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int err = open_as_nobody(sub, text, sizeof text);
		_exit(err == ERR_SYSTEM && strstr(text, sub) &&
		                      strstr(text, "Permission denied")
		              ? 0
		              : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	remove_dir(sub);
}

static void second_opener_is_refused(void **state)
{
	char text[256] = "";
	struct store *s;

	(void)state;
	assert_int_equal(store_open(dir, &s, text, sizeof text), ERR_BUSY);
	assert_non_null(strstr(text, "in use"));
}

/* Writes a value under a key of the meta database behind the store's back. */
static void overwrite_meta(const char *name, MDB_val value)
{
	MDB_val key = {.mv_size = strlen(name), .mv_data = (void *)(uintptr_t)name};
	struct store_txn *t = begin_write();

	assert_int_equal(store_sealed_put(t, store->meta, NULL, key, value, 0), 0);
	commit(t);
}

static void unknown_format_is_refused(void **state)
{
	char text[256] = "";
	uint32_t format = STORE_FORMAT + 1;

	(void)state;
	overwrite_meta("format", (MDB_val){.mv_size = sizeof format, .mv_data = &format});
	store_close(store);
	store = NULL;
	assert_int_equal(store_open(dir, &store, text, sizeof text), ERR_VERSION);
	assert_non_null(strstr(text, dir));
	assert_non_null(strstr(text, "has format 3"));
	assert_non_null(strstr(text, "reads formats 1 to 2 only"));
}

/* What the code of format 1 wrote: two zones, three RRsets and three named values. */
static const struct {
	const char *database;
	const char *key;
	const char *value; /* with its seal */
} format_1[] = {
	{"meta", "636f6f6b69652d736563726574",
         "7369787465656e206f6374657473212110407295"},
	{"meta", "666f726d6174", "010000003308890b"},
	{"meta", "67656e65726174696f6e", "0700000000000000df6908e3"},
	{"meta", "6e6578742d7a6f6e652d6964", "0300000007027f7f"},
	{"zone", "6578616d706c650000",
         "01010000000178a3f1db00000000000000030000000000000003000000006553"
         "f100000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
         "1e1f00172f6574632f616e7365722f6578616d706c652e7a6f6e656ed92e4a"},
	{"zone", "7465737400656d7074790000",
         "0102000000020000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000"
         "00000000c5818e57"},
	{"rrset", "00000001000002",
         "100e000000000000010000000c00026e73076578616d706c65002e4767bf"},
	{"rrset", "00000001000006",
         "100e000000000000010000002e00026e73076578616d706c650004686f737407"
         "6578616d706c650078a4c81b00000e1000000258000151800000012c0247e5c7"},
	{"rrset", "000000016e7300000001", "2c01000000000000010000000400c0000201a95e4fc0"},
};

static MDB_val from_hex(const char *hex, uint8_t *to)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
		to[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return (MDB_val){.mv_size = len, .mv_data = to};
}

/* Makes a store of format 1 in an empty directory. */
static void make_format_1(const char *path)
{
	uint8_t key[256];
	uint8_t value[256];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
	assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	for (size_t i = 0; i < ARRAY_LEN(format_1); i++) {
		MDB_val k = from_hex(format_1[i].key, key);
		MDB_val v = from_hex(format_1[i].value, value);

		assert_int_equal(
			mdb_dbi_open(txn, format_1[i].database, MDB_CREATE, &dbi), 0);
		assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	}
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void expect_zones_of_format_1(struct store_txn *t)
{
	struct store_zone wanted = {
		.id = 1,
		.name = "\7example",
		.loaded = true,
		.serial = 2024010203,
		.rrsets = 3,
		.records = 3,
		.changed_at = 1700000000,
		.source = "/etc/anser/example.zone",
	};
	struct store_zone other = {.id = 2, .name = "\5empty\4test", .added = true};
	struct store_zone z;

	for (uint8_t i = 0; i < sizeof wanted.source_mark; i++)
		wanted.source_mark[i] = i;
	assert_int_equal(store_zone_get(t, wanted.name, &z), 0);
	assert_memory_equal(&z, &wanted, sizeof z);
	assert_int_equal(store_zone_get(t, other.name, &z), 0);
	assert_memory_equal(&z, &other, sizeof z);
}

static void store_of_format_1_is_brought_to_todays(void **state)
{
	struct store_rows rows = {0};
	struct owner ns = owner_of("ns");
	struct rrset set;
	const void *value;
	size_t size;

	(void)state;
	store_close(store);
	remove_dir(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	make_format_1(dir);

	/* Once to bring it there, once to find it there. */
	for (unsigned opened = 0; opened < 2; opened++) {
		store = NULL;
		assert_int_equal(store_open(dir, &store, NULL, 0), 0);
		struct store_txn *t = begin_write();
		expect_zones_of_format_1(t);
		assert_int_equal(count_rrsets(t, 1), 3);
		assert_int_equal(store_rrset_get(t, 1, ns.key, ns.len, RRTYPE_A, &set),
		                 0);
		assert_int_equal(set.ttl, 300);
		assert_int_equal(store_meta_get(t, "cookie-secret", &value, &size), 0);
		assert_memory_equal(value, "sixteen octets!!", size);
		assert_int_equal(store_log_next(t, &rows.seq), 0);
		assert_int_equal(rows.seq, opened + 1);
		assert_int_equal(store_log_put(t, rows.seq, "header", 6), 0);
		assert_int_equal(store_item_put(t, STORE_CONFIG, "k", 1, "v", 1), 0);
		assert_int_equal(add_zone(t, opened ? "third." : "fourth."), opened + 3);
		commit(t);
		store_close(store);
	}
	store = NULL;
	assert_int_equal(store_open(dir, &store, NULL, 0), 0);
}

static void store_of_format_0_is_refused(void **state)
{
	char text[256] = "";
	uint32_t format = 0;

	(void)state;
	overwrite_meta("format", (MDB_val){.mv_size = sizeof format, .mv_data = &format});
	store_close(store);
	store = NULL;
	assert_int_equal(store_open(dir, &store, text, sizeof text), ERR_VERSION);
	assert_non_null(strstr(text, "has format 0"));
}

static void format_mark_of_another_size_is_refused(void **state)
{
	char text[256] = "";
	uint8_t format = STORE_FORMAT;

	(void)state;
	overwrite_meta("format", (MDB_val){.mv_size = sizeof format, .mv_data = &format});
	store_close(store);
	store = NULL;
	assert_int_equal(store_open(dir, &store, text, sizeof text), ERR_CORRUPT);
	assert_non_null(strstr(text, "format mark"));
}

static void environment_of_another_program_is_refused(void **state)
{
	char text[256] = "";
	char sub[PATH_SIZE + 8];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val v = {.mv_size = 1, .mv_data = blob};
	struct store *s;

	(void)state;
	(void)snprintf(sub, sizeof sub, "%s/sub", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, sub, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &v, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);

	assert_int_equal(store_open(sub, &s, text, sizeof text), ERR_VERSION);
	assert_non_null(strstr(text, "not a store"));
	remove_dir(sub);
}

static void file_that_is_no_database_is_refused(void **state)
{
	char text[256] = "";
	char path[PATH_SIZE + 16];
	char garbage[8192];
	struct store *s;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/sub/data.mdb", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	memset(garbage, 'x', sizeof garbage);
	assert_int_equal(fwrite(garbage, 1, sizeof garbage, f), sizeof garbage);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(path, sizeof path, "%s/sub", dir);
	assert_int_equal(store_open(path, &s, text, sizeof text), ERR_CORRUPT);
	assert_non_null(strstr(text, path));
	remove_dir(path);
}

/* ---- zones ---- */

static void zone_survives_reopening_field_by_field(void **state)
{
	struct store_zone z = {
		.loaded = true,
		.serial = 0xfffffffe,
		.rrsets = UINT64_C(1) << 40,
		.records = 12345678901,
		.changed_at = 1700000000,
		.source = "/etc/zones/example.com.zone",
		.source_mark = {1, 2, 3},
		.version = UINT64_C(1) << 41,
		.attrs = {.kind = ZONE_KIND_PRIMARY,
	                  .tenant = "someone",
	                  .nsec3narrow = true},
	};
	struct store_zone back;

	(void)state;
	name_of("example.com.", z.name);
	z.source_mark[31] = 9;
	struct store_txn *t = begin_write();
	assert_int_equal(store_zone_put(t, &z), 0);
	commit(t);
	reopen();
	t = begin_read();
	assert_int_equal(store_zone_get(t, z.name, &back), 0);
	assert_memory_equal(&back, &z, sizeof z);
	store_abort(&t);
}

static void zone_flags_are_independent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct store_zone z = {.loaded = i & 1, .added = i & 2, .edited = i & 4};
		struct store_zone back;
		struct store_txn *t = begin_write();

		name_of("example.", z.name);
		assert_int_equal(store_zone_put(t, &z), 0);
		assert_int_equal(store_zone_get(t, z.name, &back), 0);
		assert_int_equal(back.loaded, z.loaded);
		assert_int_equal(back.added, z.added);
		assert_int_equal(back.edited, z.edited);
		store_abort(&t);
	}
}

static void zone_put_adds_once_and_replaces_by_id(void **state)
{
	struct store_zone z = {0};
	struct store_txn *t = begin_write();

	(void)state;
	name_of("example.", z.name);
	assert_int_equal(store_zone_put(t, &z), 0);
	struct store_zone again = {0};
	name_of("example.", again.name);
	assert_int_equal(store_zone_put(t, &again), ERR_EXISTS);
	again.id = z.id + 1;
	assert_int_equal(store_zone_put(t, &again), ERR_INVALID);
	again.id = z.id;
	again.serial = 7;
	assert_int_equal(store_zone_put(t, &again), 0);
	assert_int_equal(store_zone_get(t, z.name, &z), 0);
	assert_int_equal(z.serial, 7);
	name_of("other.", again.name);
	assert_int_equal(store_zone_put(t, &again), ERR_INVALID);
	memset(again.source, 'x', sizeof again.source);
	again.id = 0;
	assert_int_equal(store_zone_put(t, &again), ERR_INVALID);
	store_abort(&t);
}

static void zone_id_is_never_given_again(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_txn *t = begin_write();

	(void)state;
	name_of("example.", name);
	uint32_t first = add_zone(t, "example.");
	assert_int_equal(store_zone_delete(t, name), 0);
	commit(t);
	reopen();
	t = begin_write();
	assert_true(add_zone(t, "example.") > first);
	store_abort(&t);
}

static void zone_that_is_not_there_is_not_found(void **state)
{
	struct store_zone z;
	uint8_t name[NAME_MAX_LEN];
	struct store_txn *t = begin_write();

	(void)state;
	add_zone(t, "example.com.");
	static const char *const absent[] = {".", "com.", "www.example.com.",
	                                     "example.org."};
	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		name_of(absent[i], name);
		assert_int_equal(store_zone_get(t, name, &z), ERR_NOTFOUND);
		assert_int_equal(store_zone_delete(t, name), ERR_NOTFOUND);
	}
	store_abort(&t);
}

struct seen {
	char names[512];
	unsigned stop_after;
};

static int see(const struct store_zone *z, void *arg)
{
	struct seen *s = arg;
	char text[NAME_TEXT_MAX];
	size_t used = strlen(s->names);

	(void)snprintf(s->names + used, sizeof s->names - used, "%s ",
	               name_to_text(z->name, text));
	return --s->stop_after == 0 ? 42 : 0;
}

static void zones_behind(struct store_txn *t, const char *name, const char *names)
{
	struct seen s = {.stop_after = 100};
	uint8_t after[NAME_MAX_LEN];

	name_of(name, after);
	assert_int_equal(store_zone_each(t, after, see, &s), 0);
	assert_string_equal(s.names, names);
}

static void zones_are_walked_in_canonical_order(void **state)
{
	static const char *const names[] = {
		"zABC.a.example.",  "z.a.example.", "\\001.z.example.",    "*.z.example.",
		"\\200.z.example.", "example.",     "yljkjljk.a.example.", ".",
		"a.example.",       "z.example."};
	char long_name[1024] = "";
	struct seen s = {.stop_after = 100};
	struct store_txn *t = begin_write();

	(void)state;
	/* Longer than any key. */
	for (unsigned i = 0; i < 121; i++)
		(void)strcat(long_name, "\\000.");
	(void)strcat(long_name, "\\100.z.example.");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct store_zone z = {0};
		name_of(names[i], z.name);
		name_fold(z.name, name_len(z.name, sizeof z.name));
		assert_int_equal(store_zone_put(t, &z), 0);
	}
	assert_int_equal(store_zone_each(t, NULL, see, &s), 0);
	/* RFC 4034 §6.1, with the root before it. */
	assert_string_equal(s.names,
	                    ". example. a.example. yljkjljk.a.example. z.a.example. "
	                    "zabc.a.example. z.example. \\001.z.example. *.z.example. "
	                    "\\200.z.example. ");
	s = (struct seen){.stop_after = 2};
	assert_int_equal(store_zone_each(t, NULL, see, &s), 42);
	assert_string_equal(s.names, ". example. ");
	zones_behind(t, "z.a.example.",
	             "zabc.a.example. z.example. \\001.z.example. *.z.example. "
	             "\\200.z.example. ");
	/* It need not be there. */
	zones_behind(t, "y.z.example.", "\\200.z.example. ");
	zones_behind(t, "\\200.z.example.", "");
	zones_behind(t, "net.", "");
	zones_behind(t, long_name, "\\200.z.example. ");
	store_abort(&t);
}

static void zone_value_of_a_later_version_is_refused(void **state)
{
	struct store_zone z = {0};
	uint8_t bytes[64] = {99};
	struct owner o = owner_of("example");
	MDB_val key = {.mv_size = o.len + 1, .mv_data = o.key};
	struct store_txn *t = begin_write();

	(void)state;
	name_of("example.", z.name);
	o.key[o.len] = 0;
	MDB_val value = {.mv_size = sizeof bytes, .mv_data = bytes};
	assert_int_equal(store_sealed_put(t, store->zone, NULL, key, value, 0), 0);
	assert_int_equal(store_zone_get(t, z.name, &z), ERR_VERSION);
	bytes[0] = 1;
	assert_int_equal(store_sealed_put(t, store->zone, NULL, key, value, 0), 0);
	assert_int_equal(store_zone_get(t, z.name, &z), ERR_CORRUPT);
	store_abort(&t);
}

/* ---- RRsets ---- */

static void rrsets_come_in_canonical_order(void **state)
{
	/* Types from 256 on have no zero in their first octet, but still sort before children. */
	static const struct {
		const char *owner;
		uint16_t type;
	} sorted[] = {
		{"", RRTYPE_NS},
		{"", RRTYPE_SOA},
		{"", 65535},
		{"\\000", RRTYPE_A},
		{"\\000\\000", RRTYPE_A},
		{"\\001", RRTYPE_A},
		{"*", RRTYPE_TXT},
		{"a", RRTYPE_A},
		{"a", RRTYPE_AAAA},
		{"a", 255},
		{"a", 256},
		{"a", 257},
		{"a", 0x6161},
		{"\\000.a", RRTYPE_A},
		{"\\001.a", RRTYPE_A},
		{"a.a", RRTYPE_A},
		{"a.a", 257},
		{"a.a.a", RRTYPE_A},
		{"b.a", RRTYPE_A},
		{"a\\000", RRTYPE_A},
		{"a\\000.", 257},
		{"b.a\\000", RRTYPE_A},
		{"a\\001", RRTYPE_A},
		{"aa", RRTYPE_A},
		{"ab", RRTYPE_A},
		{"b", RRTYPE_A},
		{"\\255", RRTYPE_A},
	};
	struct store_txn *t = begin_write();
	uint32_t before = add_zone(t, "before.");
	uint32_t zone = add_zone(t, "example.");
	uint32_t after = add_zone(t, "after.");
	struct store_cursor *c;
	struct store_entry e;

	(void)state;
	assert_int_equal(put(t, before, "\\255", 65535, 1), 0);
	assert_int_equal(put(t, after, "", 1, 1), 0);
	for (size_t i = ARRAY_LEN(sorted); i-- > 0;)
		assert_int_equal(
			put(t, zone, sorted[i].owner, sorted[i].type, (uint32_t)i), 0);
	assert_int_equal(store_cursor_open(t, zone, &c), 0);
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		struct owner o = owner_of(sorted[i].owner);
		assert_int_equal(store_cursor_next(c, &e), 0);
		assert_int_equal(e.set.ttl, i);
		assert_int_equal(e.set.type, sorted[i].type);
		assert_int_equal(e.key_len, o.len);
		assert_memory_equal(e.key, o.key, o.len);
	}
	assert_int_equal(store_cursor_next(c, &e), ERR_NOTFOUND);
	store_cursor_close(&c);
	store_abort(&t);
}

static void seek_finds_the_owner_or_what_follows(void **state)
{
	static const struct {
		const char *sought;
		int ttl;
	} cases[] = {{"", 10},           {"a", 10},   {"b", 20},
	             {"a.b", 22},        {"b.b", 22}, {"c.b", ERR_NOTFOUND},
	             {"z", ERR_NOTFOUND}};
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");
	struct store_cursor *c;
	struct store_entry e;

	(void)state;
	assert_int_equal(put(t, zone, "a", 1, 10), 0);
	assert_int_equal(put(t, zone, "b", 1, 20), 0);
	assert_int_equal(put(t, zone, "b", 257, 21), 0);
	assert_int_equal(put(t, zone, "b.b", 1, 22), 0);
	assert_int_equal(put(t, add_zone(t, "next."), "zz", 1, 99), 0);
	assert_int_equal(store_cursor_open(t, zone, &c), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct owner o = owner_of(cases[i].sought);
		int err = store_cursor_seek(c, o.key, o.len, &e);
		assert_int_equal(err < 0 ? err : (int)e.set.ttl, cases[i].ttl);
	}
	struct owner b = owner_of("b");
	assert_int_equal(store_cursor_seek(c, b.key, b.len, &e), 0);
	assert_int_equal(store_cursor_next(c, &e), 0);
	assert_int_equal(e.set.ttl, 21);
	store_cursor_close(&c);
	store_abort(&t);
}

static void what_is_before_an_owner_is_found(void **state)
{
	static const struct {
		const char *sought;
		int ttl;
	} cases[] = {{"", ERR_NOTFOUND}, {"a", 10},     {"b", 11},
	             {"a.b", 21},        {"b.b", 21},   {"\\255.b", 22},
	             {"c", 22},          {"\\255", 22}, {"z.\\255", 30}};
	struct store_txn *t = begin_write();
	uint32_t before = add_zone(t, "before.");
	uint32_t zone = add_zone(t, "example.");
	struct store_cursor *c;
	struct store_entry e;

	(void)state;
	assert_int_equal(put(t, before, "a", 1, 98), 0);
	assert_int_equal(store_cursor_open(t, zone, &c), 0);
	assert_int_equal(put(t, zone, "", 6, 10), 0);
	assert_int_equal(put(t, zone, "a", 1, 11), 0);
	assert_int_equal(put(t, zone, "b", 1, 20), 0);
	assert_int_equal(put(t, zone, "b", 257, 21), 0);
	assert_int_equal(put(t, zone, "b.b", 1, 22), 0);
	assert_int_equal(put(t, zone, "\\255", 1, 30), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			struct owner o = owner_of(cases[i].sought);
			int err = store_cursor_before(c, o.key, o.len, &e);
			assert_int_equal(err < 0 ? err : (int)e.set.ttl, cases[i].ttl);
		}
		/* The second time something follows. */
		assert_int_equal(put(t, zone + 1, "a", 1, 99), 0);
	}
	struct owner b = owner_of("b");
	assert_int_equal(store_cursor_before(c, b.key, b.len, &e), 0);
	assert_int_equal(store_cursor_next(c, &e), 0);
	assert_int_equal(e.set.ttl, 20);
	store_cursor_close(&c);
	store_abort(&t);
}

static void rrset_is_replaced_and_deleted(void **state)
{
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");
	struct owner o = owner_of("www");

	(void)state;
	assert_int_equal(get(t, zone, "www", 1), ERR_NOTFOUND);
	assert_int_equal(put(t, zone, "www", 1, 60), 0);
	assert_int_equal(put(t, zone, "www", 1, 61), 0);
	assert_int_equal(get(t, zone, "www", 1), 61);
	assert_int_equal(get(t, zone, "www", 28), ERR_NOTFOUND);
	assert_int_equal(get(t, zone + 1, "www", 1), ERR_NOTFOUND);
	assert_int_equal(store_rrset_delete(t, zone, o.key, o.len, 28), ERR_NOTFOUND);
	assert_int_equal(store_rrset_delete(t, zone, o.key, o.len, 1), 0);
	assert_int_equal(get(t, zone, "www", 1), ERR_NOTFOUND);
	store_abort(&t);
}

static void key_beyond_what_lmdb_takes_is_refused(void **state)
{
	uint8_t key[NAME_KEY_MAX];
	struct rrset set;
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");
	size_t size = make_blob(1, 4, 1);

	(void)state;
	memset(key, 1, sizeof key);
	assert_int_equal(put_blob(t, zone, key, 504, set_of(1, blob, size)), 0);
	assert_int_equal(store_rrset_get(t, zone, key, 504, 1, &set), 0);
	assert_int_equal(put_blob(t, zone, key, 505, set_of(1, blob, size)), ERR_TOOBIG);
	assert_int_equal(put_blob(t, zone, key, 512, set_of(1, blob, size)), ERR_TOOBIG);
	assert_int_equal(store_rrset_get(t, zone, key, 505, 1, &set), ERR_NOTFOUND);
	assert_int_equal(store_rrset_delete(t, zone, key, 505, 1), ERR_NOTFOUND);
	/* The refusals leave the transaction whole. */
	commit(t);
	t = begin_read();
	assert_int_equal(count_rrsets(t, zone), 1);
	store_abort(&t);
}

/* Four labels of 250 zero octets, each of which takes two bytes in the key. */
static void longest_key_of_any_name_fits(void **state)
{
	static const uint8_t labels[] = {63, 63, 63, 61};
	struct store_zone z = {0};
	struct store_zone back;
	uint8_t key[NAME_KEY_MAX];
	struct rrset set;
	size_t at = 0;
	struct store_txn *t = begin_write();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		z.name[at] = labels[i];
		at += labels[i] + 1U;
	}
	assert_int_equal(name_len(z.name, sizeof z.name), NAME_MAX_LEN);
	assert_int_equal(store_zone_put(t, &z), 0);
	assert_int_equal(store_zone_get(t, z.name, &back), 0);
	assert_memory_equal(&back, &z, sizeof z);
	size_t len = name_to_key(z.name, 1, key);
	assert_int_equal(len, 504);
	assert_int_equal(
		put_blob(t, z.id, key, len, set_of(65535, blob, make_blob(5, 4, 1))), 0);
	assert_int_equal(store_rrset_get(t, z.id, key, len, 65535, &set), 0);
	assert_int_equal(set.ttl, 5);
	store_abort(&t);
}

static void values_of_every_size_come_back(void **state)
{
	/* Around the size from which LMDB gives a value pages of its own, and the largest. */
	static const uint16_t sizes[] = {0,    1,    1900, 1980, 1990,  1995, 2000,
	                                 2005, 2010, 2015, 2020, 2025,  2030, 2035,
	                                 2040, 2045, 4060, 4096, 30000, 65535};
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");

	(void)state;
	for (uint16_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t size = make_blob(i, sizes[i], (uint8_t)i);
		assert_int_equal(
			put_blob(t, zone, NULL, 0, set_of((uint16_t)(i + 1), blob, size)),
			0);
	}
	commit(t);
	reopen();
	t = begin_read();
	for (uint16_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rrset set;
		size_t size = make_blob(i, sizes[i], (uint8_t)i);
		assert_int_equal(
			store_rrset_get(t, zone, NULL, 0, (uint16_t)(i + 1), &set), 0);
		assert_int_equal(set.size, size);
		assert_memory_equal(set.bytes, blob, size);
	}
	store_abort(&t);
}

static void damaged_value_is_found_on_reading(void **state)
{
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");
	struct owner o = owner_of("www");
	struct store_cursor *c;
	struct store_entry e;
	MDB_val key;
	MDB_val value;
	MDB_cursor *raw;

	(void)state;
	assert_int_equal(put(t, zone, "www", 1, 60), 0);
	assert_int_equal(mdb_cursor_open(t->txn, store->rrset, &raw), 0);
	assert_int_equal(mdb_cursor_get(raw, &key, &value, MDB_FIRST), 0);
	((uint8_t *)value.mv_data)[RRSET_HEADER + 3] ^= 0x10;
	assert_int_equal(get(t, zone, "www", 1), ERR_CORRUPT);
	char damage[STORE_DAMAGE_SIZE];
	store_damage(store, damage);
	assert_non_null(strstr(damage, "database rrset, key "));
	assert_non_null(strstr(damage, "www"));
	assert_non_null(strstr(damage, dir));
	assert_int_equal(store_cursor_open(t, zone, &c), 0);
	assert_int_equal(store_cursor_seek(c, o.key, o.len, &e), ERR_CORRUPT);
	store_cursor_close(&c);
	((uint8_t *)value.mv_data)[RRSET_HEADER + 3] ^= 0x10;
	assert_int_equal(get(t, zone, "www", 1), 60);
	mdb_cursor_close(raw);
	/* Sealed, but no RRset: lengths that do not add up. */
	size_t size = make_blob(1, 4, 1);
	assert_int_equal(put_blob(t, zone, o.key, o.len, set_of(1, blob, size - 1)), 0);
	assert_int_equal(get(t, zone, "www", 1), ERR_CORRUPT);
	store_abort(&t);
}

static int count_extra(const struct store_extra *x, void *arg)
{
	size_t *count = arg;

	(void)x;
	(*count)++;
	return 0;
}

static size_t count_extras(struct store_txn *t, uint32_t zone)
{
	size_t count = 0;

	assert_int_equal(store_extra_each(t, zone, NULL, 0, count_extra, &count), 0);
	return count;
}

static void zone_delete_takes_all_that_is_its_own(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_txn *t = begin_write();
	uint32_t a = add_zone(t, "a.");
	uint32_t b = add_zone(t, "b.");
	uint32_t c = add_zone(t, "c.");

	(void)state;
	name_of("b.", name);
	for (unsigned i = 0; i < 2000; i++) {
		char owner[16];
		(void)snprintf(owner, sizeof owner, "h%u", i);
		struct owner o = owner_of(owner);
		struct store_extra x = {.key = o.key, .key_len = o.len, .type = 1};
		assert_int_equal(store_extra_put(t, a, &x), 0);
		assert_int_equal(store_extra_put(t, b, &x), 0);
		assert_int_equal(put(t, a, owner, 1, 1), 0);
		assert_int_equal(put(t, b, owner, 1, 1), 0);
		assert_int_equal(put(t, c, owner, 1, 1), 0);
	}
	assert_int_equal(store_zone_delete(t, name), 0);
	assert_int_equal(count_rrsets(t, a), 2000);
	assert_int_equal(count_rrsets(t, b), 0);
	assert_int_equal(count_rrsets(t, c), 2000);
	assert_int_equal(count_extras(t, a), 2000);
	assert_int_equal(count_extras(t, b), 0);
	store_abort(&t);
}

static uint64_t rrsets_in_all(void)
{
	struct store_usage u;

	assert_int_equal(store_usage(store, &u), 0);
	return u.rrsets;
}

static void add_large_zone(const char *text, unsigned rrsets)
{
	struct store_txn *t = begin_write();
	struct store_zone z = {.added = true, .rrsets = rrsets};

	name_of(text, z.name);
	assert_int_equal(store_zone_put(t, &z), 0);
	for (unsigned i = 0; i < rrsets; i++) {
		char owner[16];
		(void)snprintf(owner, sizeof owner, "h%u", i);
		assert_int_equal(put(t, z.id, owner, 1, 1), 0);
	}
	commit(t);
}

static void delete_zone(const char *text, bool keep)
{
	struct store_txn *t = begin_write();
	uint8_t name[NAME_MAX_LEN];

	name_of(text, name);
	assert_int_equal(store_zone_delete(t, name), 0);
	assert_int_equal(store_zone_delete(t, name), ERR_NOTFOUND);
	if (keep)
		commit(t);
	else
		store_abort(&t);
}

/* Its removal costs the same as a small zone's; the records go in steps, over a restart as well. */
static void large_zone_is_purged_by_and_by(void **state)
{
	enum { LARGE = 5000, STEP_MAX = 2000, SMALL = 100 };
	unsigned steps = 0;

	(void)state;
	add_large_zone("a.", LARGE);
	add_large_zone("b.", LARGE);
	add_large_zone("c.", SMALL);
	assert_int_equal(store_purge(store), 0);
	delete_zone("a.", false);
	assert_int_equal(store_purge(store), 0);
	delete_zone("b.", true);
	delete_zone("c.", true);
	assert_int_equal(rrsets_in_all(), 2 * LARGE);
	delete_zone("a.", true);
	add_large_zone("a.", SMALL);
	for (uint64_t left = rrsets_in_all(); store_purge(store) == 1; steps++) {
		assert_in_range(left - rrsets_in_all(), 0, STEP_MAX);
		left = rrsets_in_all();
		if (steps % 2 == 0)
			reopen();
	}
	assert_in_range(steps, 2 * LARGE / STEP_MAX, 2 * (LARGE / STEP_MAX + 2));
	assert_int_equal(rrsets_in_all(), SMALL);
	assert_int_equal(store_purge(store), 0);
}

/* ---- loader ---- */

static int load(struct store_txn *t, uint32_t zone, unsigned n)
{
	struct store_loader *l;
	size_t size = make_blob(3600, 4, 1);

	TRY(store_load_begin(t, zone, &l));
	for (unsigned i = 0; i < n; i++) {
		char label[16];
		int len = snprintf(label, sizeof label, "h%07u", i);
		/* A label without octets 0 and 1 is its own sort key, with the zero behind. */
		int err = store_load_put(l, (const uint8_t *)label, (size_t)len + 1, 1,
		                         blob, size);
		if (err < 0) {
			store_load_end(&l);
			return err;
		}
	}
	store_load_end(&l);
	return 0;
}

static void loader_loads_behind_and_between_others(void **state)
{
	struct store_txn *t = begin_write();
	uint32_t a = add_zone(t, "a.");
	uint32_t b = add_zone(t, "b.");

	(void)state;
	assert_int_equal(load(t, b, 3000), 0);
	assert_int_equal(load(t, a, 3000), 0);
	assert_int_equal(load(t, add_zone(t, "c."), 3000), 0);
	assert_int_equal(load(t, a, 1), ERR_EXISTS);
	assert_int_equal(count_rrsets(t, a), 3000);
	assert_int_equal(count_rrsets(t, b), 3000);
	assert_int_equal(get(t, a, "h0002999", 1), 3600);
	store_abort(&t);
}

static void loader_refuses_keys_that_do_not_rise(void **state)
{
	struct store_txn *t = begin_write();
	uint32_t first = add_zone(t, "a.");
	uint32_t last = add_zone(t, "b.");
	size_t size = make_blob(1, 4, 1);

	(void)state;
	for (uint32_t zone = last; zone >= first; zone--) {
		struct store_loader *l;
		assert_int_equal(store_load_begin(t, zone, &l), 0);
		assert_int_equal(
			store_load_put(l, (const uint8_t *)"b", 2, 2, blob, size), 0);
		assert_int_equal(
			store_load_put(l, (const uint8_t *)"b", 2, 2, blob, size),
			ERR_INVALID);
		assert_int_equal(
			store_load_put(l, (const uint8_t *)"b", 2, 1, blob, size),
			ERR_INVALID);
		assert_int_equal(
			store_load_put(l, (const uint8_t *)"a", 2, 3, blob, size),
			ERR_INVALID);
		assert_int_equal(
			store_load_put(l, (const uint8_t *)"c", 2, 1, blob, size), 0);
		store_load_end(&l);
		assert_null(l);
		assert_int_equal(count_rrsets(t, zone), 2);
	}
	store_abort(&t);
}

static void a_million_rrsets_in_one_transaction(void **state)
{
	enum { MANY = 1000000 };
	uint8_t name[NAME_MAX_LEN];
	struct store_usage usage;
	struct store_txn *t = begin_write();

	(void)state;
	uint32_t loaded = add_zone(t, "loaded.");
	uint32_t put_one_by_one = add_zone(t, "put.");
	assert_int_equal(load(t, loaded, MANY), 0);
	size_t size = make_blob(1, 4, 1);
	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t key[8];
		/* Scattered over the key space; odd, so never a zero at the start. */
		wire_store32(key, i * UINT32_C(2654435761) | 0x01010101);
		wire_store32(key + 4, i | 0x01000000);
		assert_int_equal(put_blob(t, put_one_by_one, key, sizeof key,
		                          set_of(1, blob, size)),
		                 0);
	}
	commit(t);
	reopen();
	assert_int_equal(store_usage(store, &usage), 0);
	assert_int_equal(usage.rrsets, 2 * MANY);
	assert_int_equal(usage.zones, 2);
	assert_true(usage.bytes_used >= 2 * MANY * (size + 15));
	assert_true(usage.bytes_reserved >= usage.bytes_used);

	t = begin_write();
	name_of("put.", name);
	assert_int_equal(store_zone_delete(t, name), 0);
	assert_int_equal(count_rrsets(t, loaded), MANY);
	commit(t);
	assert_int_equal(store_usage(store, &usage), 0);
	assert_int_equal(usage.rrsets, MANY);
	name_of("loaded.", name);
	t = begin_write();
	assert_int_equal(store_zone_delete(t, name), 0);
	commit(t);
	assert_int_equal(store_usage(store, &usage), 0);
	assert_int_equal(usage.rrsets, 0);
}

/* LMDB writes pages to the file early once a transaction has dirtied 512 MiB. */
static void transaction_beyond_what_lmdb_keeps_in_memory(void **state)
{
	enum { MANY = 12000, RDATA = 65535 };
	struct rrset set;
	uint8_t key[4];

	(void)state;
	if (!getenv("ANSER_TEST_LARGE"))
		skip();
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");
	for (uint32_t i = 0; i < MANY; i++) {
		size_t size = make_blob(i, RDATA, (uint8_t)i);
		wire_store32(key, i | 0x10000000);
		assert_int_equal(
			put_blob(t, zone, key, sizeof key, set_of(1, blob, size)), 0);
	}
	commit(t);
	reopen();
	t = begin_read();
	for (uint32_t i = 0; i < MANY; i++) {
		size_t size = make_blob(i, RDATA, (uint8_t)i);
		wire_store32(key, i | 0x10000000);
		assert_int_equal(store_rrset_get(t, zone, key, sizeof key, 1, &set), 0);
		assert_int_equal(set.size, size);
		assert_memory_equal(set.bytes, blob, size);
	}
	store_abort(&t);
}

/* ---- map ---- */

/* Makes a zone with n RRsets in a transaction of its own. */
static int load_zone(unsigned number, unsigned n)
{
	struct store_txn *t = begin_write();
	struct store_zone z = {0};
	char name[32];

	(void)snprintf(name, sizeof name, "z%u.", number);
	name_of(name, z.name);
	int err = store_zone_put(t, &z);
	if (err == 0)
		err = load(t, z.id, n);
	if (err == 0)
		return store_commit(&t);
	store_abort(&t);
	return err;
}

static void map_grows_between_transactions(void **state)
{
	struct store_usage usage;
	unsigned loads = 0;
	int err;

	(void)state;
	store_close(store);
	assert_int_equal(store_open_sized(dir, 1 << 20, &store, NULL, 0), 0);
	/* Fills the map, in small transactions, while a reader keeps it from moving. */
	struct store_txn *reader = begin_read();
	while ((err = load_zone(loads, 1000)) == 0 && loads < 1000)
		loads++;
	assert_int_equal(err, ERR_FULL);
	assert_int_equal(load_zone(loads, 1000), ERR_FULL);
	store_abort(&reader);
	/* With nobody in the way the same fits, and more than the whole map was. */
	assert_int_equal(load_zone(loads++, 1000), 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(load_zone(loads++, 20000), 0);
	reopen();
	assert_int_equal(store_usage(store, &usage), 0);
	assert_int_equal(usage.zones, loads);
	assert_int_equal(usage.rrsets, (loads - 10) * 1000 + 200000);
}

static void transaction_that_fills_the_map_fits_when_tried_again(void **state)
{
	struct store_usage usage;
	unsigned tries = 1;

	(void)state;
	store_close(store);
	assert_int_equal(store_open_sized(dir, 1 << 20, &store, NULL, 0), 0);
	/* 200000 RRsets take about 9 MiB: two times of growing. */
	assert_int_equal(load_zone(0, 200000), ERR_FULL);
	while (load_zone(0, 200000) == ERR_FULL)
		tries++;
	assert_int_equal(tries, 2);
	assert_int_equal(store_usage(store, &usage), 0);
	assert_int_equal(usage.rrsets, 200000);
}

/* ---- transactions ---- */

static void abort_undoes_and_commit_keeps(void **state)
{
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");

	(void)state;
	assert_int_equal(put(t, zone, "kept", 1, 1), 0);
	commit(t);
	t = begin_write();
	assert_int_equal(put(t, zone, "undone", 1, 1), 0);
	store_abort(&t);
	assert_null(t);
	store_abort(&t);
	reopen();
	t = begin_read();
	assert_int_equal(get(t, zone, "kept", 1), 1);
	assert_int_equal(get(t, zone, "undone", 1), ERR_NOTFOUND);
	store_abort(&t);
}

static void reader_keeps_its_snapshot(void **state)
{
	struct store_txn *t = begin_write();
	uint32_t zone = add_zone(t, "example.");
	struct store_cursor *c;
	struct store_entry e;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		char owner[16];
		(void)snprintf(owner, sizeof owner, "h%03u", i);
		assert_int_equal(put(t, zone, owner, 1, 1), 0);
	}
	commit(t);
	struct store_txn *reader = begin_read();
	assert_int_equal(store_cursor_open(reader, zone, &c), 0);
	assert_int_equal(store_cursor_next(c, &e), 0);

	/* Three commits, so that LMDB would reuse the pages if the reader did not hold them. */
	for (uint32_t round = 2; round < 5; round++) {
		t = begin_write();
		for (unsigned i = 0; i < 500; i++) {
			char owner[16];
			(void)snprintf(owner, sizeof owner, "h%03u", i);
			assert_int_equal(put(t, zone, owner, 1, round), 0);
		}
		assert_int_equal(put(t, zone, "new", 1, round), 0);
		commit(t);
	}
	for (unsigned i = 1; i < 500; i++) {
		assert_int_equal(store_cursor_next(c, &e), 0);
		assert_int_equal(e.set.ttl, 1);
	}
	assert_int_equal(store_cursor_next(c, &e), ERR_NOTFOUND);
	store_cursor_close(&c);
	assert_int_equal(get(reader, zone, "new", 1), ERR_NOTFOUND);
	store_abort(&reader);
	reader = begin_read();
	assert_int_equal(get(reader, zone, "new", 1), 4);
	assert_int_equal(get(reader, zone, "h000", 1), 4);
	store_abort(&reader);
}

/* One commit of the process that is going to be killed: hundred RRsets and a counter. */
static int commit_round(struct store *s, uint32_t zone, uint32_t round)
{
	struct store_txn *t;

	TRY(store_begin_write(s, &t));
	for (unsigned i = 0; i < 100; i++) {
		uint8_t key[3] = {'k', (uint8_t)('0' + i % 10), (uint8_t)('0' + i / 10)};
		TRY(put_blob(
			t, zone, key, sizeof key,
			set_of(1, blob,
		               make_blob(round, (uint16_t)(round % 3000), (uint8_t)i))));
	}
	TRY(store_meta_put(t, "round", &round, sizeof round));
	return store_commit(&t);
}

static NEVER_INLINE void commit_until_killed(int report)
{
	struct store *s;
	struct store_txn *t;

	if (store_open(dir, &s, NULL, 0) < 0 || store_begin_write(s, &t) < 0)
		_exit(1);
	struct store_zone z = {.name = {1, 'k', 0}};
	if (store_zone_get(t, z.name, &z) < 0 && store_zone_put(t, &z) < 0)
		_exit(2);
	const void *value;
	size_t size;
	uint32_t round = 0;
	if (store_meta_get(t, "round", &value, &size) == 0)
		memcpy(&round, value, sizeof round);
	if (store_commit(&t) < 0)
		_exit(3);
	for (;;) {
		round++;
		if (commit_round(s, z.id, round) < 0 ||
		    write(report, &round, sizeof round) != sizeof round)
			_exit(4);
	}
}

/* Reads what the process reported until it was gone; gives the last round. */
static uint32_t kill_while_committing(unsigned microseconds)
{
	int pipe_fds[2];
	int status;
	uint32_t last = 0;
	uint32_t round;

	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pipe_fds[0]);
		commit_until_killed(pipe_fds[1]);
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &last, sizeof last), sizeof last);
	usleep(microseconds);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(pipe_fds[0], &round, sizeof round) == sizeof round)
		last = round;
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return last;
}

static void check_whole_rounds(uint32_t reported)
{
	static const uint8_t name[] = {1, 'k', 0};
	struct store_cursor *c;
	struct store_entry e;
	struct store_zone z;
	const void *value;
	size_t size;
	uint32_t round;
	unsigned n = 0;
	struct store_txn *t = begin_read();

	assert_int_equal(store_meta_get(t, "round", &value, &size), 0);
	assert_int_equal(size, sizeof round);
	memcpy(&round, value, sizeof round);
	/* What was reported is there; at most one more was committed but not reported. */
	assert_true(round == reported || round == reported + 1);
	assert_int_equal(store_zone_get(t, name, &z), 0);
	assert_int_equal(store_cursor_open(t, z.id, &c), 0);
	for (; store_cursor_next(c, &e) == 0; n++)
		assert_int_equal(e.set.ttl, round);
	assert_int_equal(n, 100);
	store_cursor_close(&c);
	store_abort(&t);
}

static void kill_in_the_middle_of_commits_leaves_whole_ones(void **state)
{
	uint32_t before = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		store_close(store);
		store = NULL;
		uint32_t reported = kill_while_committing(1000 + i * 1237 % 20000);
		assert_true(reported > before);
		before = reported;
		assert_int_equal(store_open(dir, &store, NULL, 0), 0);
		check_whole_rounds(reported);
	}
}

static void meta_values_are_kept(void **state)
{
	const void *value;
	size_t size;
	struct store_txn *t = begin_write();

	(void)state;
	assert_int_equal(store_meta_get(t, "secret", &value, &size), ERR_NOTFOUND);
	assert_int_equal(store_meta_put(t, "secret", "sixteen octets!!", 16), 0);
	assert_int_equal(store_meta_put(t, "empty", NULL, 0), 0);
	assert_int_equal(store_meta_put(t, "format", "x", 1), ERR_INVALID);
	commit(t);
	reopen();
	t = begin_read();
	assert_int_equal(store_meta_get(t, "secret", &value, &size), 0);
	assert_int_equal(size, 16);
	assert_memory_equal(value, "sixteen octets!!", 16);
	assert_int_equal(store_meta_get(t, "empty", &value, &size), 0);
	assert_int_equal(size, 0);
	store_abort(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_crc32c_matches_the_values_of_rfc_3720),
		TEST(missing_directory_is_made_private),
		TEST(directory_that_cannot_be_made_is_named),
		TEST(unwritable_directory_is_named),
		TEST(second_opener_is_refused),
		TEST(unknown_format_is_refused),
		TEST(store_of_format_1_is_brought_to_todays),
		TEST(store_of_format_0_is_refused),
		TEST(format_mark_of_another_size_is_refused),
		TEST(environment_of_another_program_is_refused),
		TEST(file_that_is_no_database_is_refused),
		TEST(zone_survives_reopening_field_by_field),
		TEST(zone_flags_are_independent),
		TEST(zone_put_adds_once_and_replaces_by_id),
		TEST(zone_id_is_never_given_again),
		TEST(zone_that_is_not_there_is_not_found),
		TEST(zones_are_walked_in_canonical_order),
		TEST(zone_value_of_a_later_version_is_refused),
		TEST(rrsets_come_in_canonical_order),
		TEST(seek_finds_the_owner_or_what_follows),
		TEST(what_is_before_an_owner_is_found),
		TEST(rrset_is_replaced_and_deleted),
		TEST(key_beyond_what_lmdb_takes_is_refused),
		TEST(longest_key_of_any_name_fits),
		TEST(values_of_every_size_come_back),
		TEST(damaged_value_is_found_on_reading),
		TEST(zone_delete_takes_all_that_is_its_own),
		TEST(large_zone_is_purged_by_and_by),
		TEST(loader_loads_behind_and_between_others),
		TEST(loader_refuses_keys_that_do_not_rise),
		TEST(a_million_rrsets_in_one_transaction),
		TEST(transaction_beyond_what_lmdb_keeps_in_memory),
		TEST(map_grows_between_transactions),
		TEST(transaction_that_fills_the_map_fits_when_tried_again),
		TEST(abort_undoes_and_commit_keeps),
		TEST(reader_keeps_its_snapshot),
		TEST(kill_in_the_middle_of_commits_leaves_whole_ones),
		TEST(meta_values_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
