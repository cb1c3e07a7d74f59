/*
 * What a server answers anserctl over HTTP. Whatever comes, it is the same response in whatever parts
 * it comes, and one that ends leaves what is behind it alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/http_reply.h"

enum { MOST = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static size_t feed(struct http_reply *r, const char *octets, size_t size, size_t step)
{
	size_t used = 0;

	http_reply_init(r, MOST);
	while (used < size && r->state != REPLY_DONE && r->state != REPLY_BROKEN) {
		size_t part = size - used < step ? size - used : step;
		used += http_reply_feed(r, octets + used, part);
	}
	http_reply_end(r);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_reply whole;
	static struct http_reply parts;

	if (size == 0)
		return 0;
	size_t step = 1 + data[0] % 32;
	size_t used = feed(&whole, (const char *)data + 1, size - 1, size);
	size_t used_in_parts = feed(&parts, (const char *)data + 1, size - 1, step);
	check(whole.state == parts.state);
	check(whole.size <= MOST);
	if (whole.state == REPLY_DONE) {
		check(used == used_in_parts && whole.status == parts.status);
		check(whole.size == parts.size && whole.closes == parts.closes);
		check(!whole.size || memcmp(whole.body, parts.body, whole.size) == 0);
	}
	http_reply_fini(&whole);
	http_reply_fini(&parts);
	return 0;
}
