#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/io/frame.h"
#include "dataplane/io/xdp/umem.h"

enum { OVERREAD = 63 };

static void chunk_holds_the_longest_frame(void **state)
{
	static const struct {
		uint32_t mtu;
		uint32_t chunk;
	} cases[] = {
		{576, 2048},  {1500, 2048}, {1770, 2048}, {1771, 4096}, {3498, 4096},
		{3818, 4096}, {3819, 0},    {9000, 0},    {65536, 0},   {UINT32_MAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t chunk = umem_chunk_for(cases[i].mtu);
		assert_int_equal(chunk, cases[i].chunk);
		if (chunk != 0)
			assert_true(UMEM_HEADROOM + FRAME_LINK_MAX + cases[i].mtu <=
			            chunk);
	}
	assert_int_equal(umem_mtu_max(), 3818);
}

static void memory_may_be_read_past_its_end(void **state)
{
	struct umem u;

	(void)state;
	for (uint32_t chunk = UMEM_CHUNK_SMALL; chunk <= UMEM_CHUNK_LARGE; chunk *= 2) {
		assert_int_equal(umem_init(&u, chunk, 64), 0);
		assert_int_equal((uintptr_t)u.base % UMEM_CHUNK_LARGE, 0);
		memset(u.base, 0xaa, umem_bytes(&u));
		assert_int_equal(u.base[umem_bytes(&u) + OVERREAD], 0);
		umem_fini(&u);
		assert_null(u.base);
		umem_fini(&u);
	}
}

static void chunk_is_found_by_any_offset_in_it(void **state)
{
	const struct umem u = {.chunk = 2048, .count = 4};

	(void)state;
	assert_int_equal(umem_chunk_of(&u, 0), 0);
	assert_int_equal(umem_chunk_of(&u, 256), 0);
	assert_int_equal(umem_chunk_of(&u, 2047), 0);
	assert_int_equal(umem_chunk_of(&u, 2048), 2048);
	assert_int_equal(umem_chunk_of(&u, 8191), 6144);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunk_holds_the_longest_frame),
		cmocka_unit_test(memory_may_be_read_past_its_end),
		cmocka_unit_test(chunk_is_found_by_any_offset_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
