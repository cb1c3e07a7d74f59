#include "shared/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"

enum { SIZE = 8 << 20, PAGE = 4096 };

static struct segment make(bool sealed)
{
	struct segment s;

	assert_int_equal(segment_create("test", SIZE, sealed, &s), 0);
	return s;
}

/* Another descriptor of the same memory, as one that came over a socket. */
static int received(const struct segment *s)
{
	int fd = dup(s->fd);

	assert_true(fd >= 0);
	return fd;
}

static void maker_writes_and_reader_sees_it(void **state)
{
	struct segment made = make(true);
	struct segment mapped;

	(void)state;
	assert_int_equal(segment_map(received(&made), false, &mapped), 0);
	assert_int_equal(mapped.size, SIZE);
	assert_int_equal(mapped.base[SIZE - 1], 0);
	made.base[SIZE - 1] = 42;
	assert_int_equal(mapped.base[SIZE - 1], 42);
	segment_close(&mapped);
	segment_close(&made);
	assert_null(made.base);
}

static void sealed_segment_cannot_be_mapped_writable(void **state)
{
	struct segment made = make(true);
	struct segment mapped;

	(void)state;
	assert_int_equal(segment_map(received(&made), true, &mapped), ERR_REFUSED);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, made.fd, 0),
	                 MAP_FAILED);
	assert_int_equal(errno, EPERM);
	segment_close(&made);
}

static void reader_cannot_make_its_mapping_writable(void **state)
{
	struct segment made = make(true);
	struct segment mapped;

	(void)state;
	assert_int_equal(segment_map(received(&made), false, &mapped), 0);
	assert_int_equal(mprotect(mapped.base, PAGE, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(write(mapped.fd, "x", 1), -1);
	segment_close(&mapped);
	segment_close(&made);
}

static void neither_kind_can_change_its_size_or_its_seals(void **state)
{
	(void)state;
	for (int sealed = 0; sealed < 2; sealed++) {
		struct segment made = make(sealed);
		assert_int_equal(ftruncate(made.fd, PAGE), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(ftruncate(made.fd, 2L * SIZE), -1);
		assert_int_equal(fcntl(made.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
		segment_close(&made);
	}
}

static void writable_mapping_of_an_unsealed_segment_is_shared(void **state)
{
	struct segment made = make(false);
	struct segment mapped;

	(void)state;
	assert_int_equal(segment_map(received(&made), true, &mapped), 0);
	mapped.base[PAGE] = 7;
	assert_int_equal(made.base[PAGE], 7);
	segment_close(&mapped);
	assert_int_equal(segment_map(received(&made), false, &mapped), ERR_REFUSED);
	segment_close(&made);
}

static void what_is_no_sealed_memfd_is_refused_and_closed(void **state)
{
	char name[] = "/tmp/segment_test.XXXXXX";
	int bare = memfd_create("bare", MFD_ALLOW_SEALING);
	struct segment mapped;
	int pipes[2];
	int file = mkstemp(name);

	(void)state;
	assert_int_equal(unlink(name), 0);
	assert_int_equal(ftruncate(file, PAGE), 0);
	assert_int_equal(ftruncate(bare, PAGE), 0);
	assert_int_equal(pipe(pipes), 0);
	const int fds[] = {file, bare, pipes[0], pipes[1]};
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		assert_int_equal(segment_map(fds[i], false, &mapped), ERR_REFUSED);
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
	}
}

static void empty_memfd_is_refused(void **state)
{
	struct segment mapped;
	int fd = memfd_create("empty", MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE),
		0);
	assert_int_equal(segment_map(fd, false, &mapped), ERR_CORRUPT);
}

static void impossible_size_is_an_error(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(segment_create("test", 0, true, &s), ERR_SYSTEM);
	assert_int_equal(segment_create("test", UINT64_MAX, true, &s), ERR_SYSTEM);
}

static void only_touched_pages_are_resident(void **state)
{
	struct segment s = make(true);

	(void)state;
	assert_int_equal(segment_resident(&s), 0);
	memset(s.base + PAGE, 1, 3 * PAGE);
	assert_in_range(segment_resident(&s), 3 * PAGE, SIZE);
	segment_prefault(&s);
	assert_in_range(segment_resident(&s), 3 * PAGE, SIZE);
	segment_close(&s);
}

static void discarded_bytes_read_as_zero_and_others_stay(void **state)
{
	(void)state;
	for (int sealed = 0; sealed < 2; sealed++) {
		struct segment s = make(sealed);
		memset(s.base, 1, 16 * PAGE);
		uint64_t before = segment_resident(&s);
		segment_discard(&s, 4 * PAGE, SIZE - 4 * PAGE);
		/* Looking at a hole fills it, so memory is asked for first. */
		assert_true(sealed ? segment_resident(&s) == before
		                   : segment_resident(&s) < before);
		for (size_t i = 0; i < 16 * PAGE; i++)
			assert_int_equal(s.base[i], i < 4 * PAGE ? 1 : 0);
		segment_close(&s);
	}
}

static void discard_of_a_hole_keeps_it_a_hole(void **state)
{
	struct segment s = make(true);

	(void)state;
	segment_discard(&s, 0, SIZE);
	assert_int_equal(segment_resident(&s), 0);
	segment_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maker_writes_and_reader_sees_it),
		cmocka_unit_test(sealed_segment_cannot_be_mapped_writable),
		cmocka_unit_test(reader_cannot_make_its_mapping_writable),
		cmocka_unit_test(neither_kind_can_change_its_size_or_its_seals),
		cmocka_unit_test(writable_mapping_of_an_unsealed_segment_is_shared),
		cmocka_unit_test(what_is_no_sealed_memfd_is_refused_and_closed),
		cmocka_unit_test(empty_memfd_is_refused),
		cmocka_unit_test(impossible_size_is_an_error),
		cmocka_unit_test(only_touched_pages_are_resident),
		cmocka_unit_test(discarded_bytes_read_as_zero_and_others_stay),
		cmocka_unit_test(discard_of_a_hole_keeps_it_a_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
