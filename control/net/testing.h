/*
 * What the tests of the servers share: a query, and an empty table, from which every query is
 * refused.
 */
#ifndef CONTROL_NET_TESTING_H
#define CONTROL_NET_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/table/writer.h"
#include "shared/table.h"
#include "shared/wire.h"

enum { TEST_QUERY_LEN = 12 + 9 + 4 };

UNUSED static void test_put_query(uint8_t out[static TEST_QUERY_LEN], uint16_t id)
{
	static const uint8_t rest[] = {0,   0,   0,   1,   0,   0,   0, 0, 0, 0, 7, 'e',
	                               'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1};

	STATIC_ASSERT(sizeof rest == TEST_QUERY_LEN - 2, "length of the query");
	wire_store16(out, id);
	memcpy(out + 2, rest, sizeof rest);
}

/* tcp_keepalive: in units of 100 ms. Lends the table of the writer it gives. */
UNUSED static struct table *test_empty_table(uint16_t tcp_keepalive,
                                             struct table_writer **writer)
{
	struct table_settings *settings;
	void *bytes = NULL;
	table_ref ref;

	assert_int_equal(writer_open(UINT64_C(16) << 20, 1, 1, writer), 0);
	ref = writer_alloc(*writer, sizeof *settings, &bytes);
	assert_int_not_equal(ref, 0);
	settings = bytes;
	settings->udp_max_ipv4 = 1232;
	settings->udp_max_ipv6 = 1232;
	settings->tcp_keepalive = tcp_keepalive;
	writer_put_settings(*writer, ref);
	writer_share(*writer);
	return writer_table(*writer);
}

#endif
