#include "control/sign/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/sign/testing.h"
#include "control/sign/zone_contents.h"
#include "shared/err.h"

#define ZONE                                                          \
	"@ 3600 SOA ns.example. host.example. 1 3600 600 86400 300\n" \
	"@ 3600 NS ns.example.\n"                                     \
	"a 600 A 192.0.2.1\n"                                         \
	"b 600 A 192.0.2.2\n"                                         \
	"c 600 A 192.0.2.3\n"                                         \
	"ns 600 A 192.0.2.1\n"

enum { RRSETS = 6, NOW = 1700000000, ID = 7, HEAD = 48 };

static const struct sign_periods periods = {
	.validity = 1209600, .jitter = 43200, .refresh = 604800, .skew = 3600};

struct fixture {
	char directory[32], path[64];
	struct test_zone zone;
	struct zone_keys keys;
	struct zone_key key;
	struct sign_with with;
};

static void use_key(struct fixture *f, struct sign_key *key)
{
	sign_key_free(&f->key.key);
	f->key.key = key;
	f->with = (struct sign_with){.key = key, .parts = SIGN_KEYS | SIGN_ZONE};
	memset(f->key.stored.dnskey, (int)sign_key_tag(key) & 0xff, 8);
	f->key.stored.dnskey_len = 8;
}

static void read_zone(struct fixture *f, const char *text)
{
	test_zone_fini(&f->zone);
	test_zone_of(&f->zone, text, strlen(text));
	assert_int_equal(f->zone.err, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	strcpy(f->directory, "/tmp/journal.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof f->path, "%s/journal", f->directory);
	test_zone_of(&f->zone, ZONE, strlen(ZONE));
	assert_int_equal(f->zone.err, 0);
	use_key(f, new_key(SIGN_ED25519));
	memcpy(f->keys.zone, test_apex, name_len(test_apex, NAME_MAX_LEN));
	f->keys.id = ID;
	f->keys.keys = &f->key;
	f->keys.count = 1;
	f->keys.terms = (struct sign_terms){.zone = f->keys.zone,
	                                    .keys = &f->with,
	                                    .key_count = 1,
	                                    .periods = &periods,
	                                    .now = NOW};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	test_zone_fini(&f->zone);
	sign_key_free(&f->key.key);
	free(f);
	return 0;
}

static struct sign_journal *open_journal(struct fixture *f)
{
	struct sign_journal *j = NULL;

	assert_int_equal(sign_journal_open(f->path, &f->keys, &j), 0);
	return j;
}

static void close_journal(struct sign_journal *j)
{
	assert_int_equal(sign_journal_close(&j), 0);
	assert_null(j);
}

static void keep(void *arg, const struct contents_rrset *sets, size_t count)
{
	sign_journal_add(arg, sets, count);
}

/* Signs what lacks signatures, and gives how many those were. */
static size_t sign(struct fixture *f, struct sign_journal *j)
{
	const struct bulk_watcher watcher = {.made = keep, .arg = j};
	struct bulk_progress progress = {0};

	assert_int_equal(zone_contents_sign(f->zone.contents, &f->keys, 1, &progress,
	                                    j ? &watcher : NULL),
	                 0);
	return atomic_load_explicit(&progress.done, memory_order_relaxed);
}

static void sign_and_keep(struct fixture *f)
{
	struct sign_journal *j = open_journal(f);

	assert_int_equal(sign_journal_take(j, f->zone.contents, &f->keys), 0);
	assert_int_equal(sign(f, j), RRSETS);
	close_journal(j);
}

/* Gives how many RRsets of the zone, read anew, get their signatures. */
static size_t take_again(struct fixture *f, const char *text)
{
	struct sign_journal *j = open_journal(f);

	read_zone(f, text);
	size_t taken = sign_journal_take(j, f->zone.contents, &f->keys);
	close_journal(j);
	return taken;
}

static off_t size_of(const struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	return st.st_size;
}

static void what_was_signed_is_not_signed_again(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	size_t records = f->zone.contents->records;
	assert_int_equal(take_again(f, ZONE), RRSETS);
	assert_int_equal(f->zone.contents->records, records);
	assert_int_equal(sign(f, NULL), 0);
}

static void the_file_is_its_owners_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	sign_and_keep(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_link_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct sign_journal *j;

	assert_int_equal(symlink("/dev/null", f->path), 0);
	assert_int_equal(sign_journal_open(f->path, &f->keys, &j), ERR_SYSTEM);
}

static void data_that_became_other_is_signed_again(void **state)
{
	struct fixture *f = *state;
	static const char other[] =
		"@ 3600 SOA ns.example. host.example. 1 3600 600 86400 300\n"
		"@ 3600 NS ns.example.\n"
		"a 600 A 192.0.2.9\n" /* another address */
		"b 60 A 192.0.2.2\n"  /* another TTL */
		"c 600 AAAA ::1\n"    /* another type */
		"ns 600 A 192.0.2.1\n"
		"x 600 A 192.0.2.1\n";

	sign_and_keep(f);
	assert_int_equal(take_again(f, other), 3);
	assert_int_equal(sign(f, NULL), 4);
}

static void signatures_of_another_key_do_not_count(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	use_key(f, new_key(SIGN_ED25519));
	assert_int_equal(take_again(f, ZONE), 0);
	assert_int_equal(size_of(f), HEAD); /* nor do they come back with the key */
}

static void signatures_of_another_zone_do_not_count(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	f->keys.id++;
	assert_int_equal(take_again(f, ZONE), 0);
}

static void signatures_that_are_due_do_not_count(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	f->keys.terms.now = NOW + periods.validity;
	assert_int_equal(take_again(f, ZONE), 0);
}

static void a_file_that_ends_anywhere_is_good_up_to_there(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	size_t before = RRSETS;
	for (off_t size = size_of(f) - 1; size >= 0; size--) {
		assert_int_equal(truncate(f->path, size), 0);
		size_t taken = take_again(f, ZONE);
		assert_true(taken == before || taken + 1 == before);
		before = taken;
		if (size > size_of(f))
			size = size_of(f);
	}
	assert_int_equal(before, 0);
}

static void write_octet(const struct fixture *f, off_t at, uint8_t change)
{
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	uint8_t octet;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &octet, 1, at), 1);
	octet ^= change;
	assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	(void)close(fd);
}

static void no_octet_of_it_may_be_another(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	off_t size = size_of(f);
	for (off_t at = 0; at < size; at++) {
		write_octet(f, at, 0x81);
		assert_true(take_again(f, ZONE) < RRSETS);
		(void)unlink(f->path);
		read_zone(f, ZONE);
		sign_and_keep(f);
		assert_int_equal(size_of(f), size);
	}
}

static void what_comes_behind_a_damage_is_found(void **state)
{
	struct fixture *f = *state;

	sign_and_keep(f);
	off_t size = size_of(f);
	write_octet(f, size - 1, 1);
	struct sign_journal *j = open_journal(f);
	read_zone(f, ZONE);
	assert_int_equal(sign_journal_take(j, f->zone.contents, &f->keys), RRSETS - 1);
	assert_int_equal(sign(f, j), 1);
	close_journal(j);
	assert_int_equal(size_of(f), size);
	assert_int_equal(take_again(f, ZONE), RRSETS);
}

static void what_cannot_be_written_is_said_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct rlimit was;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	const struct rlimit small = {.rlim_cur = HEAD + 20, .rlim_max = was.rlim_max};
	(void)signal(SIGXFSZ, SIG_IGN);
	struct sign_journal *j = open_journal(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(sign(f, j), RRSETS);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(sign_journal_close(&j), ERR_SYSTEM);
	assert_int_equal(take_again(f, ZONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_signed_is_not_signed_again,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(the_file_is_its_owners_alone, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(data_that_became_other_is_signed_again,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(signatures_of_another_key_do_not_count,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(signatures_of_another_zone_do_not_count,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(signatures_that_are_due_do_not_count,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_that_ends_anywhere_is_good_up_to_there, setup, teardown),
		cmocka_unit_test_setup_teardown(no_octet_of_it_may_be_another, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_comes_behind_a_damage_is_found,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_said_at_the_end,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
