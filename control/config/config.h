/*
 * The configuration file (YAML): one table of options drives reading, checking, showing and the
 * manual page. Unknown keys are errors with a suggestion; every error names file, line, column.
 */
#ifndef CONTROL_CONFIG_CONFIG_H
#define CONTROL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "control/diag.h"
#include "shared/compiler.h"
#include "shared/io_settings.h"
#include "shared/name.h"

enum { CONFIG_LISTEN_MAX = 64, CONFIG_CPUS_MAX = 256, CONFIG_API_LISTEN_MAX = 8 };

struct config_addresses {
	struct sockaddr_storage at[CONFIG_API_LISTEN_MAX];
	size_t count;
};

struct config_zone {
	uint8_t name[NAME_MAX_LEN]; /* folded */
	char *file;
	unsigned line;
};

struct config_zone_dir {
	char *path;
	unsigned line;
};

struct config {
	char *path; /* of the file itself */

	/* server: */
	struct sockaddr_storage listen[CONFIG_LISTEN_MAX]; /* "ADDR", "ADDR@PORT" */
	size_t listen_count;
	unsigned workers;
	int cpus[CONFIG_CPUS_MAX]; /* worker i is pinned to cpus[i % cpu_count]; none: no pinning */
	size_t cpu_count;
	uint8_t io;    /* enum io_kind */
	char *nsid;    /* as sent; empty: none */
	char *id;      /* id.server., hostname.bind.; default: host name */
	char *version; /* version.bind.; empty: REFUSED */
	bool cookies;
	unsigned udp_max_ipv4; /* default 1232 */
	unsigned udp_max_ipv6;

	/* dpdk: and xdp: as struct io_settings has them; lists are words with one space between */
	char *dpdk_eal;
	char *dpdk_ports;
	unsigned dpdk_descriptors;
	uint8_t dpdk_idle;
	uint8_t dpdk_exception;
	char *xdp_interfaces;
	uint8_t xdp_mode;
	uint8_t xdp_zero_copy;
	bool xdp_busy_poll;

	/* tcp: */
	unsigned tcp_max_connections;
	unsigned tcp_max_per_client;
	unsigned tcp_idle_timeout_ms;  /* no query under way */
	unsigned tcp_read_timeout_ms;  /* a message begun but not complete */
	unsigned tcp_write_timeout_ms; /* nothing taken by the client */
	unsigned tcp_max_pending;      /* bytes of responses queued on one connection */

	/* control: */
	char *store;            /* directory */
	char *control_socket;   /* for anserctl */
	char *dataplane_socket; /* for anser-dataplane */
	char *supervise; /* path of anser-dataplane to run as a child; empty: do not */
	unsigned table_limit_mb; /* largest table segment */
	unsigned
		retired_limit_mb; /* memory waiting for a stopped data plane before it is left behind */
	unsigned
		stopped_after_ms; /* silence after which a data plane counts as stopped */
	bool sandbox;             /* data planes confine themselves */

	/* query-log: */
	char *query_log_file;
	unsigned query_log_sample; /* 0: none */

	/* log: */
	uint8_t log_form;  /* enum log_form */
	uint8_t log_level; /* enum log_level */

	/* api: */
	char *api_socket; /* empty: none */
	struct config_addresses api_listen;
	struct config_addresses api_tls_listen;
	char *api_tls_certificate; /* empty: one of its own */
	char *api_tls_key;
	char *api_key_file; /* empty: none */
	unsigned api_max_connections;
	unsigned api_max_per_client;
	unsigned api_timeout_ms;
	unsigned api_max_body; /* bytes */
	char *api_powerdns_version;

	struct config_zone *zones;
	size_t zone_count;
	struct config_zone_dir
		*zone_dirs; /* every <origin>.zone in it; the root is ".zone" */
	size_t zone_dir_count;
};

/* Reads and checks. Relative paths in the file are relative to the file's directory. */
MUST_CHECK int config_read(const char *path, struct config **out, struct diag *diag);

/* The same from memory; name stands for the path, in diagnostics and for relative paths. */
MUST_CHECK int config_parse(const char *text, size_t len, const char *name,
                            struct config **out, struct diag *diag);

void config_free(struct config *c);

/* Says whether data planes may take packets past the kernel, which then may not have the addresses
 * to listen on, or not yet. */
bool config_past_kernel(const struct config *c);

/* Prints the effective configuration, defaults included, as YAML that config_read() accepts. */
void config_show(const struct config *c, FILE *to);

/* Prints every option with type, range, default and help (manual page source). */
void config_describe(FILE *to);

#endif
