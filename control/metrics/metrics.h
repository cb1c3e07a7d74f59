/*
 * What monitoring is told, in the text format of Prometheus (version 0.0.4): every figure that there
 * is, as totals since the start and as present values; rates are for who asks.
 *
 * Counters that are kept by type, by rcode or by protocol are not kept by two of these at once, so
 * each has a metric of its own; the sum over its labels is the total. Knows nothing of where figures
 * come from: the caller fills struct metrics, and names in it may be anything.
 */
#ifndef CONTROL_METRICS_METRICS_H
#define CONTROL_METRICS_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/catalog_figures.h"
#include "control/keeper_figures.h"
#include "control/transfer_figures.h"
#include "shared/counters.h"
#include "shared/histogram.h"
#include "shared/ipc.h"
#include "shared/name.h"

/* One attached data plane. */
struct metrics_plane {
	uint32_t pid;
	unsigned workers;
	bool stopped;
	uint64_t silent_ms;
	uint64_t generation;
	char io[IPC_NAME_SIZE];            /* the back end that it runs */
	struct ipc_ports ports;            /* no two of one name */
	uint64_t (*counts)[COUNTER_COUNT]; /* of each worker */
};

/* Where the query log goes as dnstap. */
struct metrics_tap {
	const char *output;
	uint64_t sent; /* frames */
	uint64_t lost;
	bool connected;
};

/* TLS of one direction. */
enum { METRICS_TLS_FAILURES = 4 };

struct metrics_tls {
	const char *direction;
	uint64_t full; /* handshakes */
	uint64_t resumed;
	struct {
		const char *reason;
		uint64_t count;
	} failed[METRICS_TLS_FAILURES];
	uint64_t connections;
};

/* Estimates of a zone's queries. */
struct metrics_zone {
	char name[NAME_TEXT_MAX];
	uint64_t noerror;
	uint64_t nxdomain;
	uint64_t other;
};

enum {
	METRICS_TAPS = 2,
	METRICS_DIRECTIONS = 2,
	METRICS_CERTIFICATES = 2,
	METRICS_ZONES_MAX = 32
};

struct metrics {
	const char *version;
	uint64_t started_at; /* s since 1970 */
	uint32_t pid;        /* of the control plane */
	bool loaded;         /* the configuration's zones have been tried once */
	uint64_t counters[COUNTER_COUNT]; /* in all, ended data planes included */
	uint64_t own[COUNTER_COUNT];      /* answered by the control plane itself */
	struct metrics_plane *planes;     /* no two of one pid */
	unsigned plane_count;
	struct {
		uint64_t total;
		uint64_t served;
		uint64_t failed;
		uint64_t records;
		uint64_t rrsets;
	} zones;
	struct {
		uint64_t generation;
		uint64_t commits;
		uint64_t changed_at; /* s since 1970 */
		uint64_t names;
		uint64_t buckets;
		uint64_t used; /* bytes, as all that follow */
		uint64_t free;
		uint64_t retired;
		uint64_t resident;
		uint64_t limit;
	} table;
	struct {
		uint64_t used; /* bytes */
		uint64_t reserved;
		struct durations commits;
	} store;
	struct durations grace; /* of single data planes */
	uint64_t tcp_connections;
	uint64_t udp_sockets; /* of the control plane */
	struct {
		uint64_t let_in;
		uint64_t no_key;
		uint64_t foreign;
		uint64_t locked_out;
		uint64_t too_many;
		uint64_t unknown;
	} requests; /* to the API */
	uint64_t transfers[TRANSFER_FIGURES];
	struct catalog_figures catalogs;
	struct keeper_figures signing;
	uint64_t signed_with_changes; /* RRsets, since the start */
	struct metrics_tls tls[METRICS_DIRECTIONS];
	struct {
		const char *use;
		uint64_t ends; /* s since 1970; 0: there is none */
	} certificates[METRICS_CERTIFICATES];
	struct metrics_tap taps[METRICS_TAPS];
	struct metrics_zone counted[METRICS_ZONES_MAX]; /* no two of one name */
	unsigned counted_count;
};

/* Writes all of them. Errors are left to the stream. */
void metrics_write(const struct metrics *m, FILE *to);

#endif
