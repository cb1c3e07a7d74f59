#include "control/transfer/resolver.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/address.h"
#include "shared/compiler.h"

static const uint8_t local[] = "\11localhost";
static const uint8_t nobody[] = "\6nobody\7invalid";

struct heard {
	uv_loop_t *loop;
	unsigned calls, addresses, loopback, wanted;
};

static void hear(void *arg, const struct sockaddr_storage *addresses, unsigned count)
{
	struct heard *h = arg;

	h->calls++;
	for (unsigned i = 0; i < count; i++) {
		h->addresses++;
		h->loopback += address_is_loopback(&addresses[i]);
		/* where sin6_port is as well */
		assert_int_equal(
			ntohs(((const struct sockaddr_in *)&addresses[i])->sin_port), 53);
	}
	if (h->calls == h->wanted)
		uv_stop(h->loop);
}

static void addresses_come_once_and_are_kept(UNUSED void **state)
{
	uv_loop_t loop;
	struct heard h = {.loop = &loop, .wanted = 3};

	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r = resolver_open(&loop);
	for (unsigned i = 0; i < 3; i++)
		resolver_ask(r, local, hear, &h);
	assert_int_equal(h.calls, 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(h.calls, 3);
	assert_true(h.addresses >= 3);
	assert_int_equal(h.loopback, h.addresses);
	/* Known, without the loop. */
	resolver_ask(r, local, hear, &h);
	assert_int_equal(h.calls, 4);
	resolver_ask(r, (const uint8_t *)"", hear, &h);
	assert_int_equal(h.calls, 5);
	resolver_close(&r);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void who_has_closed_waits_for_nobody(UNUSED void **state)
{
	uv_loop_t loop;
	struct heard h = {.loop = &loop};

	assert_int_equal(uv_loop_init(&loop), 0);
	struct resolver *r = resolver_open(&loop);
	resolver_ask(r, nobody, hear, &h);
	resolver_ask(r, local, hear, &h);
	resolver_close(&r);
	assert_null(r);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(h.calls, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_once_and_are_kept),
		cmocka_unit_test(who_has_closed_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
