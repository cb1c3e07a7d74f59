/*
 * What the tests of the servers share: an empty table, from which every query is refused.
 */
#ifndef CONTROL_NET_TESTING_H
#define CONTROL_NET_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/table/writer.h"
#include "shared/table.h"

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
