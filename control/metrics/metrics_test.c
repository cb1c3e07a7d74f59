#include "control/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

enum { WORKERS = 2 };

struct fixture {
	struct metrics m;
	struct metrics_plane plane;
	uint64_t counts[WORKERS][COUNTER_COUNT];
	char *text;
	size_t size;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->m.version = "1.2.3";
	f->m.pid = 7;
	f->m.planes = &f->plane;
	f->m.plane_count = 1;
	f->plane.pid = 4712;
	f->plane.workers = WORKERS;
	f->plane.counts = f->counts;
	strcpy(f->plane.io, "xdp");
	for (unsigned i = 0; i < METRICS_DIRECTIONS; i++) {
		static const char *const reasons[METRICS_TLS_FAILURES] = {"a", "b", "c",
		                                                          "d"};
		f->m.tls[i].direction = i ? "out" : "in";
		for (unsigned r = 0; r < METRICS_TLS_FAILURES; r++)
			f->m.tls[i].failed[r].reason = reasons[r];
	}
	f->m.taps[0].output = "socket";
	f->m.taps[1].output = "file";
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->text);
	free(f);
	return 0;
}

static void write_text(struct fixture *f)
{
	free(f->text);
	FILE *to = open_memstream(&f->text, &f->size);
	assert_non_null(to);
	metrics_write(&f->m, to);
	assert_int_equal(fclose(to), 0);
}

/* There is one such line, and it stands alone. */
static bool has_line(const struct fixture *f, const char *line)
{
	size_t len = strlen(line);
	unsigned found = 0;

	for (const char *at = f->text; (at = strstr(at, line)); at += len)
		found += (at == f->text || at[-1] == '\n') && at[len] == '\n';
	return found == 1;
}

static void counters_have_their_labels(void **state)
{
	struct fixture *f = *state;

	f->m.counters[COUNTER_queries] = 10;
	f->m.counters[COUNTER_tcp] = 3;
	f->m.counters[COUNTER_ipv6] = 4;
	f->m.counters[COUNTER_rcode_nxdomain] = 2;
	f->m.counters[COUNTER_dropped_runt] = 1;
	f->m.counters[COUNTER_TYPE + COUNTED_CAA] = 6;
	f->m.counters[COUNTER_TYPE + COUNTED_OTHER] = UINT64_MAX;
	write_text(f);
	assert_true(has_line(f, "# TYPE anser_queries_total counter"));
	assert_true(has_line(f, "anser_queries_total 10"));
	assert_true(has_line(f, "anser_queries_by_protocol_total{protocol=\"udp\"} 7"));
	assert_true(has_line(f, "anser_queries_by_protocol_total{protocol=\"tcp\"} 3"));
	assert_true(has_line(f, "anser_queries_by_family_total{family=\"ipv6\"} 4"));
	assert_true(has_line(f, "anser_queries_by_type_total{type=\"CAA\"} 6"));
	assert_true(has_line(f, "anser_queries_by_type_total{type=\"other\"} "
	                        "18446744073709551615"));
	assert_true(has_line(f, "anser_responses_by_rcode_total{rcode=\"NXDOMAIN\"} 2"));
	assert_true(has_line(f, "anser_dropped_total{reason=\"runt\"} 1"));
}

static void tls_is_told_by_direction(void **state)
{
	struct fixture *f = *state;

	f->m.certificates[1].use = "https";
	f->m.certificates[1].ends = 1795248000;
	f->m.tls[0].full = 5;
	f->m.tls[0].connections = 2;
	f->m.tls[1].resumed = 3;
	f->m.tls[1].failed[3].count = 4;
	write_text(f);
	assert_true(has_line(
		f, "anser_tls_handshakes_total{direction=\"in\",kind=\"full\"} 5"));
	assert_true(has_line(
		f, "anser_tls_handshakes_total{direction=\"out\",kind=\"resumed\"} 3"));
	assert_true(has_line(
		f,
		"anser_tls_handshakes_failed_total{direction=\"out\",reason=\"d\"} 4"));
	assert_true(has_line(f, "anser_tls_connections{direction=\"in\"} 2"));
	assert_true(has_line(
		f,
		"anser_certificate_expiry_timestamp_seconds{use=\"https\"} 1795248000"));
	assert_null(strstr(f->text, "use=\"dns\""));
}

static void buckets_are_cumulative(void **state)
{
	struct fixture *f = *state;

	f->m.counters[COUNTER_queries] = 71;
	f->m.counters[COUNTER_BURST_SIZE] = 5;
	f->m.counters[COUNTER_BURST_SIZE + 1] = 1;
	f->m.counters[COUNTER_BURST_SIZE + BURST_SIZES - 1] = 1;
	f->m.grace.count[0] = 2;
	f->m.grace.count[DURATIONS - 1] = 1;
	f->m.grace.sum = 9000000000;
	write_text(f);
	assert_true(has_line(f, "# TYPE anser_burst_queries histogram"));
	assert_true(has_line(f, "anser_burst_queries_bucket{le=\"1\"} 5"));
	assert_true(has_line(f, "anser_burst_queries_bucket{le=\"32\"} 6"));
	assert_true(has_line(f, "anser_burst_queries_bucket{le=\"64\"} 7"));
	assert_true(has_line(f, "anser_burst_queries_bucket{le=\"+Inf\"} 7"));
	assert_true(has_line(f, "anser_burst_queries_sum 71.000000000"));
	assert_true(has_line(f, "anser_burst_queries_count 7"));
	assert_true(has_line(f, "anser_grace_period_seconds_bucket{le=\"8.192e-06\"} 2"));
	assert_true(has_line(f, "anser_grace_period_seconds_bucket{le=\"+Inf\"} 3"));
	assert_true(has_line(f, "anser_grace_period_seconds_sum 9.000000000"));
}

static void each_worker_has_a_line(void **state)
{
	struct fixture *f = *state;

	f->counts[0][COUNTER_queries] = 11;
	f->counts[1][COUNTER_queries] = 12;
	f->m.own[COUNTER_queries] = 13;
	write_text(f);
	assert_true(has_line(f, "anser_worker_queries_total{pid=\"4712\",backend=\"xdp\","
	                        "worker=\"0\"} 11"));
	assert_true(has_line(f, "anser_worker_queries_total{pid=\"4712\",backend=\"xdp\","
	                        "worker=\"1\"} 12"));
	assert_true(has_line(f,
	                     "anser_worker_queries_total{pid=\"7\",backend=\"control\","
	                     "worker=\"0\"} 13"));
}

static void names_cannot_break_out_of_their_quotes(void **state)
{
	struct fixture *f = *state;

	strcpy(f->plane.io, "a\"} 1\n\\\xc3");
	f->plane.ports.count = 1;
	f->plane.ports.port[0].rx_missed = 5;
	strcpy(f->plane.ports.port[0].name, "eth0\n\"");
	write_text(f);
	assert_true(has_line(f, "anser_data_plane_stopped{pid=\"4712\","
	                        "backend=\"a?} 1???\"} 0"));
	assert_true(has_line(
		f, "anser_port_missed_packets_total{pid=\"4712\",port=\"eth0??\"} 5"));
}

static void nothing_attached_is_no_error(void **state)
{
	struct fixture *f = *state;

	f->m.plane_count = 0;
	f->m.planes = NULL;
	write_text(f);
	assert_true(has_line(f, "anser_data_planes 0"));
	assert_true(has_line(f, "anser_build_info{version=\"1.2.3\"} 1"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void query_log_goes_where_it_goes(void **state)
{
	struct fixture *f = *state;

	f->m.taps[0].sent = 5;
	f->m.taps[0].connected = true;
	f->m.taps[1].lost = 6;
	f->m.counted_count = 2;
	strcpy(f->m.counted[0].name, "example.");
	f->m.counted[0].nxdomain = 300;
	strcpy(f->m.counted[1].name, "a\\\"b.");
	f->m.counted[1].other = 7;
	write_text(f);
	assert_true(has_line(f, "anser_dnstap_frames_total{output=\"socket\"} 5"));
	assert_true(has_line(f, "anser_dnstap_frames_total{output=\"file\"} 0"));
	assert_true(has_line(f, "anser_dnstap_lost_total{output=\"file\"} 6"));
	assert_true(has_line(f, "anser_dnstap_connected{output=\"socket\"} 1"));
	assert_true(has_line(f, "anser_zone_queries_estimated_total{zone=\"example.\","
	                        "rcode=\"NXDOMAIN\"} 300"));
	assert_true(has_line(f, "anser_zone_queries_estimated_total{zone=\"a\\\\\\\"b.\","
	                        "rcode=\"other\"} 7"));
}

static void transfers_are_told_by_what_came_of_them(void **state)
{
	struct fixture *f = *state;

	f->m.transfers[FIGURE_OUT_BUSY] = 3;
	f->m.transfers[FIGURE_OUT_MS] = 1234;
	f->m.transfers[FIGURE_IN_OCTETS] = 5;
	f->m.transfers[FIGURE_TSIG_ANSWERS] = 6;
	f->m.transfers[FIGURE_UPDATES + 10] = 7;
	f->m.transfers[FIGURE_UPDATES_FORWARDED] = 8;
	f->m.transfers[FIGURE_ZONES_EXPIRED] = 9;
	write_text(f);
	assert_true(has_line(f, "anser_transfers_out_total{result=\"busy\"} 3"));
	assert_true(has_line(f, "anser_transfer_out_seconds_total 1.234"));
	assert_true(has_line(f, "anser_transfer_in_bytes_total 5"));
	assert_true(has_line(f, "anser_tsig_errors_total{error=\"answer\"} 6"));
	assert_true(has_line(f, "anser_updates_total{rcode=\"NOTZONE\"} 7"));
	assert_true(has_line(f, "anser_updates_forwarded_total{result=\"answered\"} 8"));
	assert_true(has_line(f, "# TYPE anser_secondary_zones gauge"));
	assert_true(has_line(f, "anser_secondary_zones{state=\"expired\"} 9"));
	assert_true(has_line(f, "anser_secondary_zones{state=\"empty\"} 0"));
}

static void catalogs_are_told_by_state_and_the_first_by_name(void **state)
{
	struct fixture *f = *state;
	struct catalog_figures *c = &f->m.catalogs;

	c->states[CATALOG_HELD] = 40;
	c->count = 2;
	strcpy(c->one[0].name, "cat.example.");
	c->one[0].state = CATALOG_HELD;
	c->one[0].serial = UINT32_MAX;
	c->one[0].gone = 12;
	c->one[0].refused = 3;
	strcpy(c->one[1].name, "a\\\"b.");
	c->one[1].is_made = true;
	c->one[1].members = 100;
	c->one[1].followed_at = 1795248000;
	write_text(f);
	assert_true(has_line(f, "anser_catalogs{state=\"held\"} 40"));
	assert_true(has_line(f, "anser_catalogs{state=\"unread\"} 0"));
	assert_true(has_line(f, "anser_catalog_state{catalog=\"cat.example.\","
	                        "kind=\"consumer\",state=\"held\"} 1"));
	assert_true(has_line(f, "anser_catalog_state{catalog=\"cat.example.\","
	                        "kind=\"consumer\",state=\"ok\"} 0"));
	assert_true(has_line(f, "anser_catalog_serial{catalog=\"cat.example.\","
	                        "kind=\"consumer\"} 4294967295"));
	assert_true(has_line(f, "anser_catalog_kept_zones{catalog=\"cat.example.\","
	                        "kind=\"consumer\"} 12"));
	assert_true(has_line(f, "# TYPE anser_catalog_refused_versions_total counter"));
	assert_true(has_line(f, "anser_catalog_refused_versions_total{catalog="
	                        "\"cat.example.\",kind=\"consumer\"} 3"));
	assert_true(has_line(f, "anser_catalog_members{catalog=\"a\\\\\\\"b.\","
	                        "kind=\"producer\"} 100"));
	assert_true(has_line(f, "anser_catalog_followed_timestamp_seconds{catalog="
	                        "\"a\\\\\\\"b.\",kind=\"producer\"} 1795248000"));
	assert_null(strstr(f->text, "anser_catalog_followed_timestamp_seconds{catalog="
	                            "\"cat.example.\""));
}

static void without_catalogs_there_are_none_in_any_state(void **state)
{
	struct fixture *f = *state;

	write_text(f);
	assert_true(has_line(f, "anser_catalogs{state=\"ok\"} 0"));
	assert_null(strstr(f->text, "{catalog="));
}

static void signing_is_told_in_sums(void **state)
{
	struct fixture *f = *state;
	struct keeper_figures *s = &f->m.signing;

	s->zones = 5;
	s->signed_zones = 4;
	s->troubled = 3;
	s->asking = 2;
	s->rrsets = UINT64_MAX;
	s->due = 7;
	s->whole = 8;
	s->first_expiry = 1795248000;
	s->keys[0][1] = 9;
	s->keys[2][3] = 10;
	f->m.signed_with_changes = 11;
	write_text(f);
	assert_true(has_line(f, "anser_signing_zones 5"));
	assert_true(has_line(f, "anser_signing_zones_signed 4"));
	assert_true(has_line(f, "anser_signing_zones_troubled 3"));
	assert_true(has_line(f, "anser_signing_zones_asking_parent 2"));
	assert_true(has_line(f, "anser_signing_rrsets 18446744073709551615"));
	assert_true(has_line(f, "anser_signing_rrsets_due 7"));
	assert_true(has_line(f, "# TYPE anser_signing_rrsets_signed_total counter"));
	assert_true(has_line(f, "anser_signing_rrsets_signed_total{with=\"zone\"} 8"));
	assert_true(has_line(f, "anser_signing_rrsets_signed_total{with=\"change\"} 11"));
	assert_true(
		has_line(f, "anser_signing_first_expiry_timestamp_seconds 1795248000"));
	assert_true(has_line(f, "anser_signing_key_records{record=\"dnskey\","
	                        "state=\"rumoured\"} 9"));
	assert_true(has_line(f, "anser_signing_key_records{record=\"ds\","
	                        "state=\"unretentive\"} 10"));
	assert_true(has_line(f, "anser_signing_key_records{record=\"rrsig\","
	                        "state=\"hidden\"} 0"));
}

static void without_signatures_none_ends(void **state)
{
	struct fixture *f = *state;

	f->m.signing.first_expiry = UINT64_MAX;
	write_text(f);
	assert_true(
		has_line(f, "# TYPE anser_signing_first_expiry_timestamp_seconds gauge"));
	assert_null(strstr(f->text, "\nanser_signing_first_expiry"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(counters_have_their_labels),
		T(tls_is_told_by_direction),
		T(buckets_are_cumulative),
		T(each_worker_has_a_line),
		T(names_cannot_break_out_of_their_quotes),
		T(nothing_attached_is_no_error),
		T(query_log_goes_where_it_goes),
		T(transfers_are_told_by_what_came_of_them),
		T(catalogs_are_told_by_state_and_the_first_by_name),
		T(without_catalogs_there_are_none_in_any_state),
		T(signing_is_told_in_sums),
		T(without_signatures_none_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
