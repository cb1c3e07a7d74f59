/* Any bytes as a query, over UDP and TCP, against zones with everything in them. */
#include <stdlib.h>
#include <string.h>

#include "shared/wire.h"
#include "tests/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UDP_MAX = 1232, QUERY_MAX = 4096 };

static struct harness *loaded(void)
{
	static struct harness *h;

	if (h)
		return h;
	h = harness_open();
	if (harness_load_file(h, "example.com",
	                      ANSER_SOURCE_DIR "/tests/fixtures/basic.zone", NULL,
	                      NULL) < 0 ||
	    harness_load_file(h, "sub2.example.com",
	                      ANSER_SOURCE_DIR "/tests/fixtures/child.zone", NULL,
	                      NULL) < 0 ||
	    harness_load_file(h, "example", ANSER_SOURCE_DIR "/tests/rfc/rfc5155.zone",
	                      NULL, NULL) < 0)
		abort();
	return h;
}

static void require(bool what)
{
	if (!what)
		abort();
}

static void ask(struct harness *h, const uint8_t *data, size_t size, bool tcp)
{
	size_t len = harness_ask(h, data, size, tcp);

	if (size < 12 || (data[2] & 0x80)) {
		require(len == 0);
		return;
	}
	require(len >= 12 && (tcp || len <= UDP_MAX));
	require(h->reply[2] & 0x80);
	require(memcmp(h->reply, data, 2) == 0);
	require(wire_load16(h->reply + 4) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > QUERY_MAX)
		return 0;
	ask(loaded(), data, size, false);
	ask(loaded(), data, size, true);
	return 0;
}
