/*
 * The configuration file (YAML): one table of options drives reading, checking, showing and the
 * manual page. Unknown keys are errors with a suggestion; every error names file, line, column.
 * Over the file lie overrides, options that were set while the server ran (override.h).
 *
 * A configuration never changes once it has been read. What runs is changed by reading another
 * one and handing that out; whoever still looks at the old one holds it.
 */
#ifndef CONTROL_CONFIG_CONFIG_H
#define CONTROL_CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "control/diag.h"
#include "control/sign/policy.h"
#include "shared/compiler.h"
#include "shared/io_settings.h"
#include "shared/name.h"

/* What it takes for an option's new value to count. */
enum config_class {
	CONFIG_LIVE,    /* nothing */
	CONFIG_PLANE,   /* a data plane that starts anew */
	CONFIG_RESTART, /* a new control plane */
	CONFIG_CLASSES
};

extern const char *const config_class_names[CONFIG_CLASSES];

enum { CONFIG_LISTEN_MAX = 64, CONFIG_CPUS_MAX = 256, CONFIG_API_LISTEN_MAX = 8 };
enum { CONFIG_WORDS_SIZE = 4000 };    /* of a list of words */
enum { CONFIG_DNSSEC_NAME_MAX = 63 }; /* of a policy: what attributes of zones hold */
enum { CONFIG_TOKEN_MAX = 255 };      /* of the URI of a PKCS#11 token */
enum { CONFIG_COUNTED_ZONES_MAX = 32, CONFIG_COUNTED_ZONES_SIZE = 4096 };

struct config_addresses {
	struct sockaddr_storage at[CONFIG_API_LISTEN_MAX];
	size_t count;
};

/* Where an entry of a list stands in the file: the first member of each. */
struct config_entry {
	unsigned line, column;
};

struct config_zone {
	struct config_entry at;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	char *file;                 /* empty: none */
	char *template_name;        /* empty: "default" */
	uint8_t kind;               /* enum config_kind */
	char *primaries; /* words: names of remotes, or addresses; likewise below */
	char *notify;
	char *acls;   /* words: names of them */
	char *dnssec; /* name of a policy, or "no"; empty: as the template says */
};

struct config_zone_dir {
	struct config_entry at;
	char *path;
};

/* 1 + enum zone_kind (control/store/store.h), but for the first. */
enum config_kind {
	CONFIG_KIND_UNSAID,
	CONFIG_KIND_NATIVE,
	CONFIG_KIND_PRIMARY,
	CONFIG_KIND_SECONDARY,
	CONFIG_KIND_PRODUCER,
	CONFIG_KIND_CONSUMER,
};
enum config_notify_ns { CONFIG_NOTIFY_RESOLVE, CONFIG_NOTIFY_HOSTED, CONFIG_NOTIFY_NO };
enum config_zonemd { CONFIG_ZONEMD_NO, CONFIG_ZONEMD_CHECK, CONFIG_ZONEMD_MAKE };

/* Texts are empty where nothing is said; lists are words with one space between. */
struct config_remote {
	struct config_entry at;
	char *name;
	struct config_addresses addresses;
	char *source; /* addresses to send from */
	char *key;    /* name of a TSIG key */
	char *tls;    /* name of a TLS profile */
};

struct config_acl {
	struct config_entry at;
	char *name;
	char *addresses; /* prefixes */
	char *keys;      /* names of TSIG keys */
	char *tls;
	char *actions;
	bool deny;
	char *update_names; /* patterns as in struct grant, or "self" */
	char *update_types;
};

struct config_tls {
	struct config_entry at;
	char *name;
	char *ca;   /* file of certificates */
	char *host; /* name in the other side's certificate */
	char *pins; /* SHA-256 of public keys, base64 */
	char *certificate, *key;
};

/* As enum tsig_algorithm (control/tsig/key.h). */
enum config_tsig_algorithm {
	CONFIG_TSIG_MD5,
	CONFIG_TSIG_SHA1,
	CONFIG_TSIG_SHA224,
	CONFIG_TSIG_SHA256,
	CONFIG_TSIG_SHA384,
	CONFIG_TSIG_SHA512,
};

struct config_key {
	struct config_entry at;
	char *name;
	uint8_t algorithm; /* enum config_tsig_algorithm */
	char *secret;      /* one of these is empty */
	char *secret_file;
};

/* The policy's own numbers have no fault (sign_policy_check()). */
struct config_dnssec_policy {
	struct config_entry at; /* line 0: of the built-in one */
	char *name;
	struct sign_policy policy;
	char *parental_agents; /* words: names of remotes, or addresses */
	char *token;      /* URI of one of dnssec_tokens; empty: keys are in the store */
	bool manual;      /* no rollover is begun because of the time */
	bool offline_ksk; /* the private halves of KSKs are never here */
	bool bootstrap;   /* the zones are in control/keeper/bootstrap.h's care */
};

struct config_template {
	struct config_entry at;
	char *name;
	uint32_t given; /* bits 1 << number in the section of those that the file says */
	uint8_t kind;   /* enum config_kind */
	char *primaries;
	char *notify;
	char *acls;
	uint8_t notify_ns; /* enum config_notify_ns */
	bool provide_ixfr, request_ixfr, forward_updates;
	uint8_t zonemd; /* enum config_zonemd */
	char *dnssec;
	char *catalog; /* name of a catalog zone */
	char *groups;  /* GROUP=TEMPLATE */
	unsigned refresh_min_ms, refresh_max_ms, retry_min_ms, expire_min_ms;
	unsigned max_records, max_size_mb, timeout_ms; /* 0: no limit */
};

struct config {
	atomic_size_t references;
	char *path; /* of the file itself */
	char *text; /* what stood in it */
	size_t text_len;

	/* server: */
	struct sockaddr_storage listen[CONFIG_LISTEN_MAX]; /* "ADDR", "ADDR@PORT" */
	size_t listen_count;
	unsigned workers;
	int cpus[CONFIG_CPUS_MAX]; /* worker i is pinned to cpus[i % cpu_count]; none: no pinning */
	size_t cpu_count;
	char *nsid;    /* as sent; empty: none */
	char *id;      /* id.server., hostname.bind.; default: host name */
	char *version; /* version.bind.; empty: REFUSED */
	uint8_t io;    /* enum io_kind */
	struct config_addresses tls_listen;
	char *tls_certificate; /* empty: one of its own */
	char *tls_key;
	bool cookies;
	bool tsig_md5;
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
	unsigned tcp_max_tls;
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
	char *dnstap_socket;       /* empty: none */
	char *dnstap_file;         /* empty: none */
	char *count_zones;         /* as the lists of struct io_settings */
	unsigned query_log_sample; /* 0: none */

	/* log: */
	uint8_t log_form;  /* enum log_form */
	uint8_t log_level; /* enum log_level */

	/* history: */
	unsigned history_days;    /* 0: no limit */
	unsigned history_changes; /* 0: no limit */
	unsigned history_mb;      /* 0: no limit */

	/* transfer: */
	unsigned transfer_max_out;
	unsigned transfer_max_per_client;

	/* dnssec: */
	char *dnssec_master_secret; /* absolute path of the file (control/sign/vault.h) */
	char *dnssec_tokens;        /* words: URIs (control/sign/tokens.h) */

	/* catalog: */
	unsigned catalog_max_members;
	unsigned catalog_max_removed; /* percent */

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
	unsigned api_max_rate; /* requests a second of a key; 0: any number */
	unsigned api_max_burst;
	char *api_powerdns_version;

	struct config_zone *zones;
	size_t zone_count;
	struct config_zone_dir
		*zone_dirs; /* every <origin>.zone in it; the root is ".zone" */
	size_t zone_dir_count;
	size_t *zone_order; /* indexes of zones, by name */

	struct config_remote *remotes;
	size_t remote_count;
	struct config_acl *acls;
	size_t acl_count;
	struct config_tls *tls_profiles;
	size_t tls_profile_count;
	struct config_template fallback; /* for what no template says anything of */
	struct config_key *keys;
	size_t key_count;
	struct config_template *templates;
	size_t template_count;
	struct config_dnssec_policy *dnssec_policies; /* there is one named "default" */
	size_t dnssec_policy_count;
};

struct overrides;

/* Reads and checks; overrides, or NULL for none, count instead of what the file says. Relative paths
 * are relative to the file's directory. The caller holds what is given. */
MUST_CHECK int config_read(const char *path, const struct overrides *overrides,
                           struct config **out, struct diag *diag);

/* The same from memory; name stands for the path, in diagnostics and for relative paths. */
MUST_CHECK int config_parse(const char *text, size_t len, const char *name,
                            const struct overrides *overrides, struct config **out,
                            struct diag *diag);

/* Any thread. Give the entry of that name, or NULL. name of a zone: folded; of a key: any case. */
const struct config_zone *config_zone_find(const struct config *c, const uint8_t *name);
const struct config_remote *config_remote_find(const struct config *c, const char *name);
const struct config_acl *config_acl_find(const struct config *c, const char *name);
const struct config_tls *config_tls_find(const struct config *c, const char *name);
const struct config_template *config_template_find(const struct config *c,
                                                   const char *name);
const struct config_dnssec_policy *config_dnssec_policy_find(const struct config *c,
                                                             const char *name);
const struct config_key *config_key_find(const struct config *c, const uint8_t *name);

/* Gives a policy's numbers as keys live by them: none is replaced by its age where that is manual. */
struct sign_policy config_dnssec_policy_numbers(const struct config_dnssec_policy *p);

/* Calls back for each of a policy's settings, by name and as the file may have it. */
void config_dnssec_policy_each(const struct config_dnssec_policy *p,
                               void (*fn)(const char *name, const char *value, void *arg),
                               void *arg);

/* Any thread. The last release frees; NULL is fine there. */
const struct config *config_hold(const struct config *c);
void config_release(const struct config *c);

/* Says whether data planes may take packets past the kernel, which then may not have the addresses
 * to listen on, or not yet. */
bool config_past_kernel(const struct config *c);

/* Prints the effective configuration, defaults included, as YAML that config_read() accepts. */
void config_show(const struct config *c, FILE *to);

/* An option that is there once, or one of the lists, zones and zone-dirs, as a whole. */
enum { CONFIG_NAME_SIZE = 64 };

struct config_setting {
	char name[CONFIG_NAME_SIZE]; /* "log.level", "zones" */
	enum config_class class;
	bool is_list;  /* an option of several values */
	size_t option; /* number in the table, or of the section behind all of them */
};

/* Calls back for every setting, in the order of the table. */
void config_each_setting(void (*fn)(const struct config_setting *, void *), void *arg);

/* Finds an option by its name, "log.level". ERR_NOTFOUND, and *close, unless NULL, is the name of
 * the section or the key that was perhaps meant, lent for ever, or NULL. */
MUST_CHECK int config_setting_find(const char *name, struct config_setting *out,
                                   const char **close);

/* Gives the value as it may stand in the file, of a list of zones how long it is; free() it. */
char *config_setting_text(const struct config_setting *s, const struct config *c);

bool config_setting_equal(const struct config_setting *s, const struct config *a,
                          const struct config *b);

/* Before next is shown to anybody: sets those options of it that need a new control plane to what
 * they are in the running one. */
void config_keep_fixed(struct config *next, const struct config *running);

/* Prints every option with type, range, default and help (manual page source). */
void config_describe(FILE *to);

#endif
