#include "control/config/config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/options.h"
#include "control/config/override.h"
#include "control/config/value.h"
#include "shared/err.h"
#include "shared/log.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static struct config *parse_ok(const char *text)
{
	struct config *c = NULL;
	struct diag d;

	diag_init(&d);
	int err = config_parse(text, strlen(text), "/etc/anser/anser.yaml", NULL, &c, &d);
	diag_print(&d, stderr);
	assert_int_equal(err, 0);
	assert_int_equal(d.errors, 0);
	diag_fini(&d);
	return c;
}

static char *shown(const struct config *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	config_show(c, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void assert_address(const struct sockaddr_storage *address, int family,
                           const char *host, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	assert_int_equal(address->ss_family, family);
	memcpy(&ipv4, address, sizeof ipv4);
	memcpy(&ipv6, address, sizeof ipv6);
	assert_non_null(family == AF_INET
	                        ? inet_ntop(family, &ipv4.sin_addr, text, sizeof text)
	                        : inet_ntop(family, &ipv6.sin6_addr, text, sizeof text));
	assert_string_equal(text, host);
	assert_int_equal(ntohs(family == AF_INET ? ipv4.sin_port : ipv6.sin6_port), port);
}

static void assert_listens(const struct config *c, size_t i, int family, const char *host,
                           uint16_t port)
{
	assert_true(i < c->listen_count);
	assert_address(&c->listen[i], family, host, port);
}

static void one_zone_is_enough(void **state)
{
	char host[64] = "";
	struct config *c = parse_ok("zones:\n"
	                            "  - name: Example.COM\n"
	                            "    file: example.com.zone\n");

	(void)state;
	assert_int_equal(c->zone_count, 1);
	assert_memory_equal(c->zones[0].name, "\7example\3com", 13);
	assert_string_equal(c->zones[0].file, "/etc/anser/example.com.zone");
	assert_int_equal(c->zones[0].at.line, 2);
	assert_int_equal(c->listen_count, 1);
	assert_listens(c, 0, AF_INET, "127.0.0.1", 5300);
	assert_int_equal(c->workers, 1);
	assert_int_equal(c->cpu_count, 0);
	assert_int_equal(c->io, IO_AUTO);
	assert_string_equal(c->dpdk_eal, "");
	assert_string_equal(c->dpdk_ports, "");
	assert_int_equal(c->dpdk_descriptors, 512);
	assert_int_equal(c->dpdk_idle, IO_IDLE_POLL);
	assert_int_equal(c->dpdk_exception, IO_EXCEPTION_AUTO);
	assert_string_equal(c->xdp_interfaces, "");
	assert_int_equal(c->xdp_mode, IO_XDP_MODE_AUTO);
	assert_int_equal(c->xdp_zero_copy, IO_ZERO_COPY_AUTO);
	assert_false(c->xdp_busy_poll);
	assert_true(c->cookies);
	assert_int_equal(c->udp_max_ipv4, 1232);
	assert_int_equal(c->udp_max_ipv6, 1232);
	assert_string_equal(c->nsid, "");
	assert_string_equal(c->version, "");
	(void)gethostname(host, sizeof host - 1);
	assert_string_equal(c->id, host);
	assert_int_equal(c->tcp_max_pending, 256 * 1024);
	assert_int_equal(c->tcp_idle_timeout_ms, 10000);
	assert_int_equal(c->table_limit_mb, 16384);
	assert_int_equal(c->log_form, LOG_FORM_TEXT);
	assert_int_equal(c->history_days, 400);
	assert_int_equal(c->history_changes, 10000000);
	assert_int_equal(c->catalog_max_members, 100000);
	assert_int_equal(c->catalog_max_removed, 50);
	assert_int_equal(c->query_log_sample, 0);
	assert_string_equal(c->dnstap_socket, "");
	assert_string_equal(c->dnstap_file, "");
	assert_string_equal(c->count_zones, "");
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_string_equal(c->store, "/var/lib/anser");
	assert_non_null(strstr(c->supervise, "/anser-dataplane"));
	assert_string_equal(c->api_socket, "/run/anser/api.sock");
	assert_int_equal(c->api_listen.count, 0);
	assert_int_equal(c->api_tls_listen.count, 0);
	assert_string_equal(c->api_key_file, "");
	config_release(c);
}

static const char every_option[] =
	"server:\n"
	"  listen: [192.0.2.1, \"2001:db8::1@5353\", 127.0.0.1@1]\n"
	"  workers: 4\n"
	"  cpus: [3, 0]\n"
	"  io: udp\n"
	"  nsid: \"a\\\"b\\\\\\tc\\u00e9\"\n"
	"  id: \"\"\n"
	"  version: Anser\n"
	"  cookies: off\n"
	"  tsig-md5: yes\n"
	"  udp-max-ipv4: 512\n"
	"  udp-max-ipv6: 4096\n"
	"  tls-listen: [192.0.2.1, \"::1@8530\"]\n"
	"  tls-certificate: dot.pem\n"
	"  tls-key: dot.key\n"
	"dpdk:\n"
	"  eal: \"--no-huge -m 512\"\n"
	"  ports: [0000:01:00.0, net_memif0]\n"
	"  descriptors: 256\n"
	"  idle: sleep\n"
	"  exception: virtio-user\n"
	"xdp:\n"
	"  interfaces: eth0\n"
	"  mode: generic\n"
	"  zero-copy: no\n"
	"  busy-poll: yes\n"
	"tcp:\n"
	"  max-connections: 7\n"
	"  max-tls: 8\n"
	"  max-per-client: 3\n"
	"  idle-timeout: 90s\n"
	"  read-timeout: 1500ms\n"
	"  write-timeout: 2m\n"
	"  max-pending: 131072\n"
	"control:\n"
	"  store: ../store\n"
	"  control-socket: c.sock\n"
	"  dataplane-socket: /run/d.sock\n"
	"  supervise: no\n"
	"  sandbox: no\n"
	"  table-limit: 1G\n"
	"  retired-limit: 8M\n"
	"  stopped-after: 1h\n"
	"api:\n"
	"  socket: a.sock\n"
	"  listen: [127.0.0.1, \"::1@8000\"]\n"
	"  tls-listen: [192.0.2.1@8443]\n"
	"  tls-certificate: cert.pem\n"
	"  tls-key: key.pem\n"
	"  key-file: secret\n"
	"  max-connections: 9\n"
	"  max-per-client: 5\n"
	"  timeout: 2s\n"
	"  max-body: 64K\n"
	"  max-rate: 50\n"
	"  max-burst: 500\n"
	"  powerdns-version: 4.9.0\n"
	"history:\n"
	"  keep-days: 30\n"
	"  keep-changes: 5000\n"
	"  keep-bytes: 64M\n"
	"transfer:\n"
	"  max-out: 200\n"
	"  max-out-per-client: 20\n"
	"catalog:\n"
	"  max-members: 500\n"
	"  max-removed: 5\n"
	"log:\n"
	"  format: json\n"
	"  level: warning\n"
	"query-log:\n"
	"  sample: 100\n"
	"  file: q.json\n"
	"  dnstap-socket: tap.sock\n"
	"  dnstap-file: /tap\n"
	"  count-zones: [example., a.example]\n"
	"zones:\n"
	"  - name: .\n"
	"    file: /zones/root\n"
	"    template: other\n"
	"    kind: primary\n"
	"    primaries: [r]\n"
	"    notify: [\"192.0.2.5\", r]\n"
	"    acls: a\n"
	"    dnssec: all\n"
	"  - {name: 'a\\.b.example.', file: x, kind: native}\n"
	"  - name: secondary.example\n"
	"zone-dirs:\n"
	"  - path: zones/\n"
	"  - path: /var/zones\n"
	"remotes:\n"
	"  - {name: r, addresses: [192.0.2.1, \"2001:db8::1@5300\"], source: 192.0.2.9,\n"
	"     key: Key.Example, tls: t}\n"
	"acls:\n"
	"  - {name: a, addresses: [192.0.2.0/24, \"2001:db8::/32\"], keys: [k1, k2.example.],\n"
	"     tls: t, actions: [transfer, notify, update], deny: yes,\n"
	"     update-names: [self, \"*.dyn\"], update-types: [A, aaaa, TYPE65280]}\n"
	"tls-profiles:\n"
	"  - {name: t, ca: ca.pem, host: ns.example,\n"
	"     pins: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=], certificate: c, key: k}\n"
	"keys:\n"
	"  - {name: key.example, algorithm: hmac-sha512, secret-file: key}\n"
	"  - {name: other.example, secret: \"\"}\n"
	"templates:\n"
	"  - {name: default, kind: secondary, primaries: [r, 192.0.2.7], notify: [r],\n"
	"     acls: [a], notify-ns: hosted, provide-ixfr: no, request-ixfr: no,\n"
	"     forward-updates: yes, zonemd: check, dnssec: default, catalog: cat.example, groups: [g=other],\n"
	"     refresh-min: 1m, refresh-max: 2h, retry-min: 3s, expire-min: 4h,\n"
	"     max-records: 5, max-size: 6M, timeout: 7s}\n"
	"  - {name: other, kind: producer, timeout: 8s}\n"
	"dnssec:\n"
	"  master-secret: m/secret\n"
	"  tokens: [pkcs11:token=Anser?module-path=/x.so&pin-source=file:/pin,\n"
	"    'pkcs11:token=b%20c?module-path=/y.so']\n"
	"dnssec-policies:\n"
	"  - {name: default, algorithm: ED25519}\n"
	"  - {name: all, algorithm: rsasha512, rsa-bits: 3072, csk: no, ksk-roll: double-ds,\n"
	"     zsk-roll: double-signature,\n"
	"     ksk-lifetime: 52w, zsk-lifetime: 30d, purge-after: 10d, keys: manual,\n"
	"     ksk: automatic, nsec3: yes, nsec3-opt-out: yes, nsec3-iterations: 1,\n"
	"     nsec3-salt-length: 8, dnskey-ttl: 2h, propagation: 90s, parent-ds-ttl: 2d,\n"
	"     parent-propagation: 3h, safety: 0s, signatures-validity: 4w,\n"
	"     signatures-validity-dnskey: 3w, signatures-refresh: 1w, signatures-jitter: 36h,\n"
	"     signatures-skew: 5m, parental-agents: [192.0.2.8, 192.0.2.9],\n"
	"     bootstrap: yes, token: 'pkcs11:token=b%20c'}\n";

static void assert_lists(const struct config *c)
{
	static const uint8_t name[] = "\11secondary\7example";
	const struct config_zone *z = config_zone_find(c, (const uint8_t *)"");

	assert_non_null(z);
	assert_string_equal(z->template_name, "other");
	assert_int_equal(z->kind, CONFIG_KIND_PRIMARY);
	assert_string_equal(z->primaries, "r");
	assert_string_equal(z->notify, "192.0.2.5 r");
	assert_string_equal(z->acls, "a");
	z = config_zone_find(c, name);
	assert_non_null(z);
	assert_string_equal(z->file, "");
	assert_int_equal(z->kind, CONFIG_KIND_UNSAID);
	assert_null(config_zone_find(c, (const uint8_t *)"\7example"));
	const struct config_remote *r = config_remote_find(c, "r");
	assert_non_null(r);
	assert_int_equal(r->addresses.count, 2);
	assert_string_equal(r->key, "Key.Example");
	assert_string_equal(r->source, "192.0.2.9");
	const struct config_acl *a = config_acl_find(c, "a");
	assert_non_null(a);
	assert_true(a->deny);
	assert_string_equal(a->actions, "transfer notify update");
	assert_string_equal(a->update_names, "self *.dyn");
	assert_string_equal(config_tls_find(c, "t")->host, "ns.example");
}

/* Option by option: between them there may be anything. */
static void assert_policy(const struct config_dnssec_policy *p,
                          const struct sign_policy *want)
{
	struct config_dnssec_policy other = *p;
	const struct option *o = option_first(SECTION_DNSSEC_POLICIES);

	other.policy = *want;
	for (; o; o = option_next(o))
		if (!value_equal(o, p, &other))
			fail_msg("%s is another one", o->key);
}

static void assert_policies(const struct config *c)
{
	enum { HOUR = 3600, DAY = 24 * HOUR };
	const struct sign_policy want = {
		.double_ds = true,
		.double_signature = true,
		.nsec3 = true,
		.opt_out = true,
		.algorithm = SIGN_RSASHA512,
		.salt_length = 8,
		.iterations = 1,
		.rsa_bits = 3072,
		.ksk_lifetime = 364 * DAY,
		.zsk_lifetime = 30 * DAY,
		.purge_after = 10 * DAY,
		.dnskey_ttl = 2 * HOUR,
		.propagation = 90,
		.parent_ds_ttl = 2 * DAY,
		.parent_propagation = 3 * HOUR,
		.signatures = {.validity = 28 * DAY,
	                       .jitter = 36 * HOUR,
	                       .refresh = 7 * DAY,
	                       .skew = 300},
		.dnskey_validity = 21 * DAY,
	};
	const struct config_dnssec_policy *p = config_dnssec_policy_find(c, "all");

	assert_non_null(p);
	assert_policy(p, &want);
	assert_true(p->manual);
	assert_false(p->offline_ksk);
	assert_true(p->bootstrap);
	assert_string_equal(p->parental_agents, "192.0.2.8 192.0.2.9");
	assert_string_equal(p->token, "pkcs11:token=b%20c");
	assert_string_equal(c->dnssec_tokens,
	                    "pkcs11:token=Anser?module-path=/x.so&pin-source=file:/pin "
	                    "pkcs11:token=b%20c?module-path=/y.so");
	assert_int_equal(c->dnssec_policy_count, 2);
	p = config_dnssec_policy_find(c, "default");
	assert_int_equal(p->policy.algorithm, SIGN_ED25519);
	assert_string_equal(config_template_find(c, "other")->dnssec, "default");
	assert_string_equal(config_zone_find(c, (const uint8_t *)"")->dnssec, "all");
}

static void policy_named_default_is_there_always(void **state)
{
	const struct sign_policy want = sign_policy_default();
	struct config *c =
		parse_ok("dnssec-policies:\n  - {name: other, zsk-lifetime: 0s}\n");
	const struct config_dnssec_policy *p = config_dnssec_policy_find(c, "default");

	(void)state;
	assert_non_null(p);
	assert_policy(p, &want);
	assert_int_equal(p->at.line, 0);
	assert_false(p->manual || p->offline_ksk || p->bootstrap);
	assert_string_equal(p->parental_agents, "");
	assert_int_equal(c->dnssec_policy_count, 2);
	assert_null(config_dnssec_policy_find(c, "third"));
	config_release(c);
}

static void templates_say_what_the_default_says_unless_they_say_it(void **state)
{
	struct config *c = parse_ok(every_option);
	const struct config_template *t = config_template_find(c, "other");

	(void)state;
	assert_non_null(t);
	assert_int_equal(t->kind, CONFIG_KIND_PRODUCER);
	assert_int_equal(t->timeout_ms, 8000);
	assert_string_equal(t->primaries, "r 192.0.2.7");
	assert_int_equal(t->notify_ns, CONFIG_NOTIFY_HOSTED);
	assert_false(t->provide_ixfr);
	assert_true(t->forward_updates);
	assert_int_equal(t->zonemd, CONFIG_ZONEMD_CHECK);
	assert_int_equal(t->refresh_max_ms, 7200000);
	assert_int_equal(t->max_size_mb, 6);
	assert_null(config_template_find(c, "third"));
	config_release(c);
	c = parse_ok("templates:\n  - name: t\n");
	t = config_template_find(c, "t");
	assert_int_equal(t->kind, CONFIG_KIND_UNSAID);
	assert_true(t->provide_ixfr);
	assert_int_equal(t->notify_ns, CONFIG_NOTIFY_RESOLVE);
	assert_string_equal(t->primaries, "");
	config_release(c);
}

static void options_of_a_section_stand_together(void **state)
{
	size_t count = 0;

	(void)state;
	for (unsigned s = 0; s < SECTION_COUNT; s++)
		for (const struct option *o = option_first((enum section_id)s); o;
		     o = option_next(o)) {
			assert_int_equal(o->section, s);
			count++;
		}
	assert_int_equal(count, config_option_count);
}

static void every_option_is_read(void **state)
{
	struct config *c = parse_ok(every_option);

	(void)state;
	for (size_t i = 0; i < config_option_count; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "%s: ", config_options[i].key);
		if (!strstr(every_option, key))
			fail_msg("%sis not in the example of every option", key);
	}
	assert_int_equal(c->listen_count, 3);
	assert_listens(c, 0, AF_INET, "192.0.2.1", 53);
	assert_listens(c, 1, AF_INET6, "2001:db8::1", 5353);
	assert_listens(c, 2, AF_INET, "127.0.0.1", 1);
	assert_int_equal(c->workers, 4);
	assert_int_equal(c->cpu_count, 2);
	assert_int_equal(c->cpus[0], 3);
	assert_int_equal(c->cpus[1], 0);
	assert_int_equal(c->io, IO_UDP);
	assert_string_equal(c->dpdk_eal, "--no-huge -m 512");
	assert_string_equal(c->dpdk_ports, "0000:01:00.0 net_memif0");
	assert_int_equal(c->dpdk_descriptors, 256);
	assert_int_equal(c->dpdk_idle, IO_IDLE_SLEEP);
	assert_int_equal(c->dpdk_exception, IO_EXCEPTION_VIRTIO_USER);
	assert_string_equal(c->xdp_interfaces, "eth0");
	assert_int_equal(c->xdp_mode, IO_XDP_MODE_GENERIC);
	assert_int_equal(c->xdp_zero_copy, IO_ZERO_COPY_NO);
	assert_true(c->xdp_busy_poll);
	assert_string_equal(c->nsid, "a\"b\\\tc\xc3\xa9");
	assert_string_equal(c->id, "");
	assert_string_equal(c->version, "Anser");
	assert_false(c->cookies);
	assert_int_equal(c->udp_max_ipv4, 512);
	assert_int_equal(c->udp_max_ipv6, 4096);
	assert_int_equal(c->tls_listen.count, 2);
	assert_address(&c->tls_listen.at[0], AF_INET, "192.0.2.1", 853);
	assert_address(&c->tls_listen.at[1], AF_INET6, "::1", 8530);
	assert_string_equal(c->tls_certificate, "/etc/anser/dot.pem");
	assert_string_equal(c->tls_key, "/etc/anser/dot.key");
	assert_int_equal(c->tcp_max_connections, 7);
	assert_int_equal(c->tcp_max_tls, 8);
	assert_int_equal(c->tcp_max_per_client, 3);
	assert_int_equal(c->tcp_idle_timeout_ms, 90000);
	assert_int_equal(c->tcp_read_timeout_ms, 1500);
	assert_int_equal(c->tcp_write_timeout_ms, 120000);
	assert_int_equal(c->tcp_max_pending, 131072);
	assert_string_equal(c->store, "/etc/anser/../store");
	assert_string_equal(c->control_socket, "/etc/anser/c.sock");
	assert_string_equal(c->dataplane_socket, "/run/d.sock");
	assert_string_equal(c->supervise, "");
	assert_false(c->sandbox);
	assert_int_equal(c->table_limit_mb, 1024);
	assert_int_equal(c->retired_limit_mb, 8);
	assert_int_equal(c->stopped_after_ms, 3600000);
	assert_string_equal(c->api_socket, "/etc/anser/a.sock");
	assert_int_equal(c->api_listen.count, 2);
	assert_address(&c->api_listen.at[0], AF_INET, "127.0.0.1", 8081);
	assert_address(&c->api_listen.at[1], AF_INET6, "::1", 8000);
	assert_int_equal(c->api_tls_listen.count, 1);
	assert_address(&c->api_tls_listen.at[0], AF_INET, "192.0.2.1", 8443);
	assert_string_equal(c->api_tls_certificate, "/etc/anser/cert.pem");
	assert_string_equal(c->api_tls_key, "/etc/anser/key.pem");
	assert_string_equal(c->api_key_file, "/etc/anser/secret");
	assert_int_equal(c->api_max_connections, 9);
	assert_int_equal(c->api_max_per_client, 5);
	assert_int_equal(c->api_timeout_ms, 2000);
	assert_int_equal(c->api_max_body, 65536);
	assert_int_equal(c->api_max_rate, 50);
	assert_int_equal(c->api_max_burst, 500);
	assert_string_equal(c->api_powerdns_version, "4.9.0");
	assert_int_equal(c->log_form, LOG_FORM_JSON);
	assert_int_equal(c->history_days, 30);
	assert_int_equal(c->history_changes, 5000);
	assert_int_equal(c->catalog_max_members, 500);
	assert_int_equal(c->catalog_max_removed, 5);
	assert_int_equal(c->query_log_sample, 100);
	assert_string_equal(c->query_log_file, "/etc/anser/q.json");
	assert_string_equal(c->dnstap_socket, "/etc/anser/tap.sock");
	assert_string_equal(c->dnstap_file, "/tap");
	assert_string_equal(c->count_zones, "example. a.example");
	assert_int_equal(c->log_level, LOG_LEVEL_WARNING);
	assert_lists(c);
	assert_policies(c);
	assert_string_equal(c->dnssec_master_secret, "/etc/anser/m/secret");
	assert_int_equal(c->zone_count, 3);
	assert_memory_equal(c->zones[0].name, "", 1);
	assert_memory_equal(c->zones[1].name, "\3a.b\7example", 13);
	assert_string_equal(c->zones[1].file, "/etc/anser/x");
	assert_int_equal(c->zone_dir_count, 2);
	assert_string_equal(c->zone_dirs[0].path, "/etc/anser/zones/");
	config_release(c);
}

static void assert_same_list(const struct list_section *l, const struct config *a,
                             const struct config *b)
{
	size_t count = list_count(l, a);

	assert_int_equal(count, list_count(l, b));
	assert_true(count > 0 || a->zone_count == 0);
	for (size_t i = 0; i < count; i++)
		for (const struct option *o = option_first(l->section); o;
		     o = option_next(o))
			assert_true(
				value_equal(o, list_item(l, a, i), list_item(l, b, i)));
}

/* Compares every option, not what is shown of it: what is left out in showing would be equal. */
static void assert_same(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		const char *x = (const char *)a + o->offset;
		const char *y = (const char *)b + o->offset;

		if (config_sections[o->section].list)
			continue;
		switch (o->kind) {
		case KIND_LISTEN:
			assert_int_equal(a->listen_count, b->listen_count);
			assert_memory_equal(x, y, sizeof a->listen);
			break;
		case KIND_ADDRESSES:
		case KIND_TLS_ADDRESSES:
		case KIND_SERVERS:
			assert_memory_equal(x, y, sizeof(struct config_addresses));
			break;
		case KIND_CPUS:
			assert_int_equal(a->cpu_count, b->cpu_count);
			assert_memory_equal(x, y, sizeof a->cpus);
			break;
		case KIND_UINT:
		case KIND_MS:
		case KIND_BYTES:
		case KIND_SECONDS:
		case KIND_MB: assert_memory_equal(x, y, sizeof(unsigned)); break;
		case KIND_UINT16: assert_memory_equal(x, y, sizeof(uint16_t)); break;
		case KIND_UINT8:
		case KIND_IO:
		case KIND_IDLE:
		case KIND_EXCEPTION:
		case KIND_XDP_MODE:
		case KIND_LOG_FORM:
		case KIND_LOG_LEVEL:
		case KIND_ZERO_COPY:
		case KIND_ZONE_KIND:
		case KIND_NOTIFY_NS:
		case KIND_TSIG_ALGORITHM:
		case KIND_ZONEMD:
		case KIND_KSK_ROLL:
		case KIND_ZSK_ROLL:
		case KIND_KEYS:
		case KIND_KSK:
		case KIND_DNSSEC_ALGORITHM:
		case KIND_BOOL: assert_int_equal(*x, *y); break;
		case KIND_NAMES:
		case KIND_PREFIXES:
		case KIND_HOSTS:
		case KIND_DOMAINS:
		case KIND_TYPES:
		case KIND_TOKENS:
		case KIND_ACTIONS:
		case KIND_DOMAIN:
		case KIND_WORD:
		case KIND_SECRET:
		case KIND_TEXT:
		case KIND_HOST_TEXT:
		case KIND_FILE:
		case KIND_PATH:
		case KIND_SOCKET:
		case KIND_API_SOCKET:
		case KIND_SUPERVISE:
		case KIND_MASTER_SECRET:
			assert_string_equal(*(char *const *)(const void *)x,
			                    *(char *const *)(const void *)y);
			break;
		case KIND_ZONE_NAME: fail_msg("%s is in no list", o->key);
		}
	}
	for (size_t i = 0; i < config_list_count; i++)
		assert_same_list(&config_lists[i], a, b);
}

static void what_is_shown_reads_back_as_the_same(void **state)
{
	static const char *const files[] = {every_option,
	                                    "server: {cpus: []}\ndpdk: {ports: []}\n",
	                                    "control:\n  supervise: bin/dp\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct config *first = parse_ok(files[i]);
		char *text = shown(first);
		struct config *second = parse_ok(text);
		char *again = shown(second);
		assert_string_equal(text, again);
		assert_same(first, second);
		config_release(first);
		config_release(second);
		free(text);
		free(again);
	}
}

static void secrets_are_read_but_not_shown(void **state)
{
	struct config *c = parse_ok("keys:\n  - {name: k, secret: c2VjcmV0}\n");
	char *text = shown(c);

	(void)state;
	assert_string_equal(c->keys[0].secret, "c2VjcmV0");
	assert_int_equal(c->keys[0].algorithm, CONFIG_TSIG_SHA256);
	assert_null(strstr(text, "c2VjcmV0"));
	assert_non_null(strstr(text, "secret: \"\" # not shown"));
	config_release(c);
	free(text);
}

static void
api_socket_is_beside_the_control_socket_or_elsewhere_or_not_there(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{"control:\n  control-socket: run/c\n", "/etc/anser/run/api.sock"},
		{"api:\n  socket: yes\ncontrol:\n  control-socket: /c\n", "/api.sock"},
		{"api:\n  socket: no\n", ""},
		{"api:\n  socket: other\n", "/etc/anser/other"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config *c = parse_ok(cases[i].text);
		assert_string_equal(c->api_socket, cases[i].want);
		config_release(c);
	}
}

static void sections_without_content_are_as_good_as_absent(void **state)
{
	struct config *c =
		parse_ok("server:\ntcp: # all defaults\nzones:\nzone-dirs: []\n");

	(void)state;
	assert_int_equal(c->zone_count, 0);
	assert_int_equal(c->workers, 1);
	config_release(c);
}

static void single_value_stands_for_a_list_of_one(void **state)
{
	struct config *c = parse_ok("server:\n  listen: \"::1@5300\"\n  cpus: 2\n");

	(void)state;
	assert_int_equal(c->listen_count, 1);
	assert_listens(c, 0, AF_INET6, "::1", 5300);
	assert_int_equal(c->cpu_count, 1);
	config_release(c);
}

static void packets_past_the_kernel_have_to_be_configured(void **state)
{
	static const struct {
		const char *text;
		bool past_kernel;
	} cases[] = {
		{"server:\n  io: auto\n", false},
		{"server:\n  io: udp\nxdp:\n  interfaces: eth0\n", false},
		{"server:\n  io: auto\nxdp:\n  mode: generic\ndpdk:\n  idle: sleep\n",
	         false},
		{"server:\n  io: xdp\n  listen: 192.0.2.1\n", true},
		{"server:\n  io: dpdk\n  listen: \"2001:db8::1\"\n", true},
		{"xdp:\n  interfaces: eth0\n", true},
		{"dpdk:\n  ports: net_null0\n", true},
		{"dpdk:\n  eal: --no-huge\n", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config *c = parse_ok(cases[i].text);
		assert_int_equal(config_past_kernel(c), cases[i].past_kernel);
		config_release(c);
	}
}

struct refusal {
	const char *text;
	const char *want; /* the first diagnostic */
};

static const struct refusal refusals[] = {
	/* what entries say of each other */
	{"zones:\n  - name: a\n    file: f\n    template: t\n",
         "f:2:5: error: template: \"t\" is not one of templates [unknown-name]"},
	{"zones:\n  - {name: a, kind: secondary, primaries: [there]}\n",
         "f:2:5: error: primaries: \"there\" is neither an address nor one of remotes "
         "[unknown-name]"},
	{"zones:\n  - {name: a, kind: secondary, primaries: [\"192.0.2.1:65536\"]}\n",
         "f:2:5: error: primaries: \"192.0.2.1:65536\" is neither an address nor one of remotes "
         "[unknown-name]"},
	{"zones:\n  - {name: a, kind: secondary, primaries: [\"[192.0.2.1]\"]}\n",
         "f:2:5: error: primaries: \"[192.0.2.1]\" is neither an address nor one of remotes "
         "[unknown-name]"},
	{"zones:\n  - {name: a, kind: secondary, primaries: [192.0.2.1], file: f}\n",
         "f:2:5: error: file: the contents of a zone of kind secondary come from its "
         "primaries [file-of-secondary]"},
	{"templates:\n  - {name: default, kind: consumer, primaries: [\"::1\"]}\nzones:\n"
         "  - {name: a, file: f}\n",
         "f:4:5: error: file: the contents of a zone of kind consumer come from its primaries "
         "[file-of-secondary]"},
	{"zones:\n  - {name: a, kind: primary}\n",
         "f:2:5: error: \"file\" is missing in this entry [missing-key]"},
	{"templates:\n  - {name: t, kind: secondary}\nzones:\n  - {name: a}\n",
         "f:4:5: error: \"file\" is missing in this entry [missing-key]"},
	{"templates:\n  - name: t\n    notify: [x]\n",
         "f:2:5: error: notify: \"x\" is neither an address nor one of remotes [unknown-name]"},
	{"templates:\n  - name: t\n    acls: [x]\n",
         "f:2:5: error: acls: \"x\" is not one of acls [unknown-name]"},
	{"templates:\n  - name: t\n    groups: [x]\n",
         "f:2:5: error: groups: expected GROUP=TEMPLATE, found \"x\" [bad-value]"},
	{"templates:\n  - name: t\n    groups: [x=y]\n",
         "f:2:5: error: groups: \"y\" is not one of templates [unknown-name]"},
	{"templates:\n  - name: t\n  - name: t\n",
         "f:3:5: error: template \"t\" is there twice; the other is on line 2 [duplicate-value]"},
	{"templates:\n  - name: t\n    kind: slave\n",
         "f:3:11: error: kind: expected inherit, native, primary, secondary, producer or "
         "consumer, found \"slave\" [bad-value]"},
	{"templates:\n  - name: t\n    refresh-min: 1\n",
         "f:3:18: error: refresh-min: expected a time such as 500ms, 10s or 2m, found \"1\" "
         "[bad-value]"},
	{"remotes:\n  - name: r\n",
         "f:2:5: error: \"addresses\" is missing in this entry [missing-key]"},
	{"remotes:\n  - {name: r, addresses: []}\n",
         "f:2:26: error: addresses: the list is empty [out-of-range]"},
	{"remotes:\n  - {name: r, addresses: [host]}\n",
         "f:2:27: error: addresses: \"host\" is no IP address; expected ADDRESS or ADDRESS@PORT "
         "[bad-address]"},
	{"remotes:\n  - {name: \"192.0.2.1\", addresses: [192.0.2.1]}\n",
         "f:2:5: error: name: \"192.0.2.1\" would be taken for an address [bad-name]"},
	{"remotes:\n  - {name: a b, addresses: [192.0.2.1]}\n",
         "f:2:12: error: name: expected a name without blanks, found \"a b\" [bad-value]"},
	{"remotes:\n  - {name: r, addresses: [192.0.2.1], key: a..b}\n",
         "f:2:44: error: key: \"a..b\" is not a domain name [bad-name]"},
	{"remotes:\n  - {name: r, addresses: [192.0.2.1], tls: t}\n",
         "f:2:5: error: tls: \"t\" is not one of tls-profiles [unknown-name]"},
	{"remotes:\n  - {name: r, addresses: [192.0.2.1], source: [192.0.2.2, 192.0.2.3]}\n",
         "f:2:5: error: source: \"192.0.2.3\" is the second address of its family "
         "[duplicate-value]"},
	{"acls:\n  - {name: a, addresses: [192.0.2.1/24]}\n",
         "f:2:27: error: addresses: expected an address, or a prefix such as 192.0.2.0/24, found "
         "\"192.0.2.1/24\" [bad-value]"},
	{"acls:\n  - {name: a, actions: [query]}\n",
         "f:2:25: error: actions: expected transfer, notify or update, found \"query\" "
         "[bad-value]"},
	{"acls:\n  - {name: a, actions: []}\n",
         "f:2:24: error: actions: the list is empty [out-of-range]"},
	{"acls:\n  - {name: a, update-types: [ADDRESS]}\n",
         "f:2:30: error: update-types: expected an RR type, found \"ADDRESS\" [bad-value]"},
	{"acls:\n  - {name: a, keys: [a..b]}\n",
         "f:2:22: error: keys: expected a domain name, found \"a..b\" [bad-value]"},
	{"dnssec-policies:\n  - {name: p, algorithm: DSA}\n",
         "f:2:26: error: algorithm: expected one of RSASHA256, RSASHA512, ECDSAP256SHA256, "
         "ECDSAP384SHA384, ED25519, ED448, found \"DSA\" [bad-value]"},
	{"dnssec-policies:\n  - {name: p, rsa-bits: 1024}\n",
         "f:2:25: error: rsa-bits: \"1024\" is outside of the range 2048 to 4096 [out-of-range]"},
	{"dnssec-policies:\n  - {name: p, nsec3-salt-length: 256}\n",
         "f:2:34: error: nsec3-salt-length: \"256\" is outside of the range 0 to 255 "
         "[out-of-range]"},
	{"dnssec-policies:\n  - {name: p, safety: 3600}\n",
         "f:2:23: error: safety: expected a time such as 300s, 12h or 14d, found \"3600\" "
         "[bad-value]"},
	{"dnssec-policies:\n  - {name: p, safety: 500ms}\n",
         "f:2:23: error: safety: expected a time such as 300s, 12h or 14d, found \"500ms\" "
         "[bad-value]"},
	{"dnssec-policies:\n  - {name: p, purge-after: 523w}\n",
         "f:2:28: error: purge-after: \"523w\" is outside of the range 0s to 3660d "
         "[out-of-range]"},
	{"dnssec-policies:\n  - {name: p, keys: offline}\n",
         "f:2:21: error: keys: expected automatic or manual, found \"offline\" [bad-value]"},
	{"dnssec-policies:\n  - {name: p, zsk-lifetime: 30d}\n",
         "f:2:5: error: zsk-lifetime: there is no ZSK beside a CSK [bad-policy]"},
	{"dnssec-policies:\n  - name: p\n  - {name: q, signatures-validity: 5d}\n",
         "f:3:5: error: signatures-refresh: together with the jitter it reaches "
         "signatures-validity [bad-policy]"},
	{"dnssec-policies:\n  - {name: p}\n  - {name: p}\n",
         "f:3:5: error: policy \"p\" is there twice; the other is on line 2 [duplicate-value]"},
	{"tls-profiles:\n  - {name: t, key: k}\n",
         "f:2:5: error: certificate: certificate and key go together [missing-key]"},
	{"tls-profiles:\n  - {name: t, ca: ca.pem}\n",
         "f:2:5: error: ca: it says nothing without the host that the certificate is for "
         "[missing-key]"},
	{"tls-profiles:\n  - {name: t, host: ns.example.}\n",
         "f:2:5: error: host: \"ns.example.\" is no name that a certificate can have: "
         "expected one without a final dot, or an address [bad-value]"},
	{"tls-profiles:\n  - {name: t, host: \"*.example\"}\n",
         "f:2:5: error: host: \"*.example\" is no name that a certificate can have: "
         "expected one without a final dot, or an address [bad-value]"},
	{"tls-profiles:\n  - {name: t, pins: [abc=]}\n",
         "f:2:5: error: pins: \"abc=\" is no pin: expected the SHA-256 of a public key in "
         "base64 [bad-value]"},
	{"tls-profiles:\n  - {name: t, pins: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}\n",
         "f:2:5: error: pins: \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\" is no pin: "
         "expected the SHA-256 of a public key in base64 [bad-value]"},
	{"acls: [a]\n",
         "f:1:8: error: expected a mapping such as \"- name: secondaries\" [wrong-type]"},
	/* keys */
	{"sever:\n  workers: 1\n",
         "f:1:1: error: unknown key \"sever\"; did you mean \"server\"? [unknown-key]"},
	{"server:\n  worker: 1\n",
         "f:2:3: error: unknown key \"worker\"; did you mean \"workers\"? [unknown-key]"},
	{"server:\n  udp_max_ipv4: 1232\n",
         "f:2:3: error: unknown key \"udp_max_ipv4\"; did you mean \"udp-max-ipv4\"? "
         "[unknown-key]"},
	{"server:\n  idle-timeout: 1s\n",
         "f:2:3: error: unknown key \"idle-timeout\"; it belongs under \"tcp\" [unknown-key]"},
	{"workers: 1\n",
         "f:1:1: error: unknown key \"workers\"; it belongs under \"server\" [unknown-key]"},
	{"server:\n  frobnicate: {a: [1, 2]}\n",
         "f:2:3: error: unknown key \"frobnicate\" [unknown-key]"},
	{"zones:\n  - name: a\n    file: b\n    fiel: c\n",
         "f:4:5: error: unknown key \"fiel\"; did you mean \"file\"? [unknown-key]"},
	{"server:\n  workers: 1\n  workers: 2\n",
         "f:3:3: error: \"workers\" is there twice; first on line 2 [duplicate-key]"},
	{"server:\n  workers: 1\n\nserver:\n  cpus: []\n",
         "f:4:1: error: \"server\" is there twice; first on line 1 [duplicate-key]"},
	{"zones:\n  - name: a\n    name: b\n    file: c\n",
         "f:3:5: error: \"name\" is there twice; first on line 2 [duplicate-key]"},
	{"zones:\n  - name: a\n",
         "f:2:5: error: \"file\" is missing in this entry [missing-key]"},
	{"zones:\n  - file: a\n",
         "f:2:5: error: \"name\" is missing in this entry [missing-key]"},
	{"zone-dirs:\n  - {}\n",
         "f:2:5: error: \"path\" is missing in this entry [missing-key]"},
	{"? [a]\n: b\n",
         "f:1:3: error: expected the name of a section here [wrong-type]"},
	{"server:\n  {a: b}: 1\n",
         "f:2:3: error: expected the name of an option here [wrong-type]"},
	/* types */
	{"server: 1\n",
         "f:1:9: error: server: expected a mapping of options [wrong-type]"},
	{"server: [1]\n",
         "f:1:9: error: server: expected a mapping of options [wrong-type]"},
	{"zones: {name: a}\n",
         "f:1:8: error: zones: expected a list, each entry begun by \"- \" [wrong-type]"},
	{"zones:\n  - a\n",
         "f:2:5: error: expected a mapping such as \"- name: example.com\" [wrong-type]"},
	{"server:\n  workers: [1]\n",
         "f:2:12: error: workers: expected one value, found a list [wrong-type]"},
	{"server:\n  workers: {a: 1}\n",
         "f:2:12: error: workers: expected one value, found a mapping [wrong-type]"},
	{"server:\n  listen: {a: 1}\n",
         "f:2:11: error: listen: expected a list of values, found a mapping [wrong-type]"},
	{"server:\n  listen:\n    - [127.0.0.1]\n",
         "f:3:7: error: expected one value here [wrong-type]"},
	{"server:\n  workers:\n",
         "f:2:11: error: workers: the value is missing [wrong-type]"},
	{"server:\n  listen: []\n",
         "f:2:11: error: listen: the list is empty [out-of-range]"},
	{"- a\n", "f:1:1: error: expected sections such as \"server:\" [wrong-type]"},
	{"just words\n",
         "f:1:1: error: expected sections such as \"server:\" [wrong-type]"},
	/* values */
	{"server:\n  workers: four\n",
         "f:2:12: error: workers: expected a whole number, found \"four\" [bad-value]"},
	{"server:\n  workers: 0\n",
         "f:2:12: error: workers: \"0\" is outside of the range 1 to 256 [out-of-range]"},
	{"server:\n  workers: 257\n",
         "f:2:12: error: workers: \"257\" is outside of the range 1 to 256 [out-of-range]"},
	{"server:\n  workers: -1\n",
         "f:2:12: error: workers: expected a whole number, found \"-1\" [bad-value]"},
	{"server:\n  workers: 18446744073709551617\n",
         "f:2:12: error: workers: expected a whole number, found \"18446744073709551617\" "
         "[bad-value]"},
	{"server:\n  cpus: [0, 1024]\n",
         "f:2:13: error: cpus: expected the number of a processor (0 to 1023), found "
         "\"1024\" [bad-value]"},
	{"server:\n  cpus: [1, 2, 1]\n",
         "f:2:16: error: cpus: processor 1 is there twice [duplicate-value]"},
	{"server:\n  io: afxdp\n",
         "f:2:7: error: io: expected auto, dpdk, xdp or udp, found \"afxdp\" [bad-value]"},
	{"xdp:\n  interfaces: [a, b, a]\n",
         "f:2:22: error: interfaces: \"a\" is there twice [duplicate-value]"},
	{"dpdk:\n  ports: [\"a b\"]\n",
         "f:2:11: error: ports: \"a b\" is no name: it has blanks [bad-value]"},
	{"dpdk:\n  ports: [\"\"]\n",
         "f:2:11: error: ports: \"\" is no name: it is empty [bad-value]"},
	{"dpdk:\n  descriptors: 32\n",
         "f:2:16: error: descriptors: \"32\" is outside of the range 64 to 4096 [out-of-range]"},
	{"keys:\n  - {name: k, secret: \"AQID=*\"}\n",
         "f:2:23: error: secret: expected base64 [bad-value]"},
	{"keys:\n  - {name: k, secret: AQID, secret-file: k}\n",
         "f:2:5: error: secret: secret and secret-file exclude each other [duplicate-value]"},
	{"keys:\n  - {name: k, algorithm: hmac-sha3, secret: AQID}\n",
         "f:2:26: error: algorithm: expected hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, "
         "hmac-sha384 or hmac-sha512, found \"hmac-sha3\" [bad-value]"},
	{"server:\n  cookies: maybe\n",
         "f:2:12: error: cookies: expected yes or no, found \"maybe\" [bad-value]"},
	{"server:\n  nsid: "
         "0123456789012345678901234567890123456789012345678901234567890123\n",
         "f:2:9: error: nsid: longer than 63 octets [out-of-range]"},
	{"server:\n  nsid: \"a\\0b\"\n",
         "f:2:9: error: a NUL character is not allowed [bad-value]"},
	{"tcp:\n  idle-timeout: 10\n",
         "f:2:17: error: idle-timeout: expected a time such as 500ms, 10s or 2m, found "
         "\"10\" [bad-value]"},
	{"tcp:\n  idle-timeout: 2h\n",
         "f:2:17: error: idle-timeout: \"2h\" is outside of the range 10ms to 1h "
         "[out-of-range]"},
	{"tcp:\n  max-pending: 1K\n",
         "f:2:16: error: max-pending: \"1K\" is outside of the range 128K to 64M "
         "[out-of-range]"},
	{"tcp:\n  max-pending: 1T\n",
         "f:2:16: error: max-pending: expected a size such as 65536, 64K, 16M or 2G, found "
         "\"1T\" [bad-value]"},
	{"control:\n  table-limit: 1844674407370955161G\n",
         "f:2:16: error: table-limit: \"1844674407370955161G\" is outside of the range 16M "
         "to 64G [out-of-range]"},
	{"control:\n  table-limit: 33554433\n",
         "f:2:16: error: table-limit: \"33554433\" is not a multiple of 1M [bad-value]"},
	{"control:\n  store: \"\"\n",
         "f:2:10: error: store: expected a path, found nothing [bad-value]"},
	{"control:\n  control-socket: /"
         "0123456789012345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567\n",
         "f:2:19: error: control-socket: the path is longer than the system allows (107 "
         "octets) [out-of-range]"},
	{"query-log:\n  sample: 1\n  count-zones: [a, b..c]\n",
         "f:3:3: error: count-zones: \"b..c\" is not a domain name [bad-name]"},
	{"query-log:\n  count-zones: [a, a]\n",
         "f:2:20: error: count-zones: \"a\" is there twice [duplicate-value]"},
	{"query-log:\n  sample: 1\n"
         "  count-zones: [0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w]\n",
         "f:3:3: error: count-zones: more than 32 zones [out-of-range]"},
	{"control:\n  control-socket: /a\n  dataplane-socket: /a\n",
         "f:3:3: error: dataplane-socket: the path is that of control-socket "
         "[duplicate-value]"},
	{"api:\n  socket: /a\ncontrol:\n  control-socket: /a\n",
         "f:2:3: error: socket: the path is that of another socket [duplicate-value]"},
	{"api:\n  tls-key: /a\n",
         "f:2:3: error: tls-certificate and tls-key go together [missing-key]"},
	{"api:\n  listen: [127.0.0.1, \"127.0.0.1@8081\"]\n",
         "f:2:23: error: listen: \"127.0.0.1@8081\" is there twice [duplicate-value]"},
	{"api:\n  tls-listen: example.com\n",
         "f:2:15: error: tls-listen: \"example.com\" is no IP address; expected ADDRESS or "
         "ADDRESS@PORT [bad-address]"},
	/* addresses */
	{"server:\n  listen: [localhost]\n",
         "f:2:12: error: listen: \"localhost\" is no IP address; expected ADDRESS or "
         "ADDRESS@PORT [bad-address]"},
	{"server:\n  listen:\n    - 127.0.0.1\n    - 300.1.1.1@53\n",
         "f:4:7: error: listen: \"300.1.1.1@53\" is no IP address; expected ADDRESS or "
         "ADDRESS@PORT [bad-address]"},
	{"server:\n  listen: [127.0.0.1:53]\n",
         "f:2:12: error: listen: \"127.0.0.1:53\" is no IP address; expected ADDRESS or "
         "ADDRESS@PORT [bad-address]"},
	{"server:\n  listen: [127.0.0.1@0]\n",
         "f:2:12: error: listen: \"0\" is no port (1 to 65535) [bad-address]"},
	{"server:\n  listen: [127.0.0.1@65536]\n",
         "f:2:12: error: listen: \"65536\" is no port (1 to 65535) [bad-address]"},
	{"server:\n  listen: [127.0.0.1@]\n",
         "f:2:12: error: listen: \"\" is no port (1 to 65535) [bad-address]"},
	{"server:\n  listen: [127.0.0.1@5x]\n",
         "f:2:12: error: listen: \"5x\" is no port (1 to 65535) [bad-address]"},
	{"server:\n  listen: [127.0.0.1, 127.0.0.1@53]\n",
         "f:2:23: error: listen: \"127.0.0.1@53\" is there twice [duplicate-value]"},
	{"server:\n  io: dpdk\n",
         "f:2:3: error: listen: 127.0.0.1@5300 is a loopback address; io: dpdk answers on "
         "addresses that are listed one by one [bad-address]"},
	{"server:\n  listen: [192.0.2.1, 0.0.0.0]\n  io: xdp\n",
         "f:2:23: error: listen: 0.0.0.0@53 is a wildcard; io: xdp answers on addresses that "
         "are listed one by one [bad-address]"},
	{"server:\n  io: xdp\n  listen: \"fe80::1@5353\"\n",
         "f:3:11: error: listen: fe80::1@5353 is a link-local address; io: xdp answers on "
         "addresses that are listed one by one [bad-address]"},
	/* zones */
	{"zones:\n  - {name: Example.com, file: a}\n  - {name: b, file: b}\n"
         "  - {name: example.COM., file: c}\n",
         "f:4:5: error: zone example.com. is there twice; the other is on line 2 "
         "[duplicate-zone]"},
	{"zones:\n  - {name: a..b, file: a}\n",
         "f:2:12: error: \"a..b\" is not a domain name [bad-name]"},
	{"zones:\n  - {name: \"\", file: a}\n",
         "f:2:12: error: \"\" is not a domain name [bad-name]"},
	{"zones:\n  - {name: "
         "0123456789012345678901234567890123456789012345678901234567890123, file: a}\n",
         "f:2:12: error: "
         "\"0123456789012345678901234567890123456789012345678901234567890123\" is not a "
         "domain name: too long [bad-name]"},
	{"zone-dirs:\n  - path: a\n  - path: a\n",
         "f:3:5: error: directory \"/d/a\" is there twice; the other is on line 2 "
         "[duplicate-value]"},
	/* YAML */
	{"", "f: error: the file holds no settings [empty]"},
	{"# only a comment\n", "f: error: the file holds no settings [empty]"},
	{"---\n", "f: error: the file holds no settings [empty]"},
	{"server: &a\n  workers: 1\n",
         "f:1:9: error: anchors and aliases are not allowed here [yaml-feature]"},
	{"server:\n  nsid: *a\n",
         "f:2:9: error: anchors and aliases are not allowed here [yaml-feature]"},
	{"server:\n  workers: !!int 3\n",
         "f:2:12: error: tags are not allowed here [yaml-feature]"},
	{"server:\n---\ntcp:\n",
         "f:2:1: error: a second document is not allowed here [yaml-feature]"},
	{"server:\n\tworkers: 1\n",
         "f:2:1: error: while scanning for the next token: found character that cannot "
         "start any token [yaml]"},
	{"server: {\n",
         "f:2:1: error: while parsing a flow node: did not find expected node content "
         "[yaml]"},
	{"server:\n  nsid: a\x01\n",
         "f:2:10: error: control characters are not allowed [yaml]"},
	{"server:\n  nsid: \xff\n", "f:2:9: error: invalid leading UTF-8 octet [yaml]"},
};

static void every_error_says_where_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		char name[] = "/d/f";
		char line[1024];
		struct config *c = NULL;
		struct diag d;

		diag_init(&d);
		int err = config_parse(refusals[i].text, strlen(refusals[i].text), name,
		                       NULL, &c, &d);
		if (err != ERR_REFUSED || d.kept == 0)
			fail_msg("accepted: %s", refusals[i].text);
		assert_null(c);
		diag_format(&d.entries[0], line, sizeof line);
		assert_memory_equal(line, "/d/", 3);
		assert_string_equal(line + 3, refusals[i].want);
		diag_fini(&d);
	}
}

/* Gives the one diagnostic of a file that is taken, or an empty line. */
static void parse_mild(const char *text, char *line, size_t size)
{
	struct config *c = NULL;
	struct diag d;

	diag_init(&d);
	line[0] = 0;
	if (config_parse(text, strlen(text), "/d/f", NULL, &c, &d) != 0)
		fail_msg("refused: %s", text);
	assert_true(d.kept <= 1);
	if (d.kept)
		diag_format(&d.entries[0], line, size);
	config_release(c);
	diag_fini(&d);
}

static void what_may_still_work_is_a_warning(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{"server:\n  listen: [192.0.2.1, \"::\"]\nxdp:\n  interfaces: eth0\n",
	         "/d/f:2:23: warning: listen: ::@53 is a wildcard, on which neither dpdk nor "
	         "xdp answers: io: auto comes down to udp [bad-address]"},
		{"server:\n  io: auto\ndpdk:\n  ports: net_null0\n",
	         "/d/f:2:3: warning: listen: 127.0.0.1@5300 is a loopback address, on which "
	         "neither dpdk nor xdp answers: io: auto comes down to udp [bad-address]"},
		{"server:\n  listen: 192.0.2.1\n  io: dpdk\n",
	         "/d/f:3:3: warning: io: dpdk takes every card that is bound to a driver of "
	         "DPDK's; name yours in dpdk.eal (-a PCI-ADDRESS) [no-port]"},
		{"server:\n  listen: 192.0.2.1\n  io: dpdk\ndpdk:\n  ports: net_null0\n",
	         ""},
		{"server:\n  listen: 192.0.2.1\n  io: dpdk\ndpdk:\n  eal: --no-huge\n",
	         ""},
		{"server:\n  listen: 192.0.2.1\n  io: xdp\n", ""},
		{"query-log:\n  count-zones: [a]\n",
	         "/d/f:2:3: warning: count-zones: nothing is counted while sample is 0 "
	         "[no-sample]"},
		{"api:\n  listen: [127.0.0.2, \"::1\", 192.0.2.1]\n",
	         "/d/f:2:3: warning: listen: over 192.0.2.1@8081 keys go in clear; "
	         "tls-listen hides them [in-clear]"},
		{"acls:\n  - {name: a, tls: t}\ntls-profiles:\n  - {name: t}\n",
	         "/d/f:2:5: warning: tls: it fits nobody: without server.tls-listen nobody "
	         "comes over TLS [no-tls]"},
		{"server:\n  tls-listen: 192.0.2.1\nacls:\n  - {name: a, tls: t}\n"
	         "tls-profiles:\n"
	         "  - {name: t, host: ns.example}\n  - {name: u, host: 192.0.2.1}\n",
	         ""},
		{"server:\n  listen: [0.0.0.0, \"::\"]\n", ""},
		{"server:\n  listen: 0.0.0.0\n  io: udp\nxdp:\n  interfaces: eth0\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[512];

		parse_mild(cases[i].text, line, sizeof line);
		assert_string_equal(line, cases[i].want);
	}
}

static void reading_goes_on_after_an_error(void **state)
{
	static const char text[] = "server:\n"
				   "  workers: [1, {a: b}]\n"
				   "  listne: [1, [2], {c: [d]}]\n"
				   "  io: x\n"
				   "zones:\n"
				   "  - name: a..b\n"
				   "  - file: c\n"
				   "  - 1\n"
				   "tcp:\n"
				   "  max-per-client: 0\n";
	static const unsigned lines[] = {2, 3, 4, 6, 7, 8, 10};
	struct config *c = NULL;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(config_parse(text, strlen(text), "f", NULL, &c, &d),
	                 ERR_REFUSED);
	assert_int_equal(d.errors, ARRAY_LEN(lines));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(d.entries[i].line, lines[i]);
	diag_fini(&d);
}

static void deep_nesting_is_refused_early(void **state)
{
	enum { DEPTH = 200000 };
	static const char start[] = "server:\n  unknown: ";
	char *text = malloc(sizeof start + DEPTH);
	struct config *c = NULL;
	struct diag d;

	(void)state;
	assert_non_null(text);
	memcpy(text, start, sizeof start - 1);
	memset(text + sizeof start - 1, '[', DEPTH);
	diag_init(&d);
	assert_int_equal(config_parse(text, sizeof start - 1 + DEPTH, "f", NULL, &c, &d),
	                 ERR_REFUSED);
	assert_int_equal(d.errors, 2);
	assert_string_equal(d.entries[1].rule, "too-deep");
	assert_int_equal(d.entries[1].line, 2);
	assert_int_equal(d.entries[1].column, 28);
	diag_fini(&d);
	free(text);
}

static void file_that_cannot_be_read_is_an_error(void **state)
{
	struct config *c = NULL;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(config_read("/nonexistent/anser.yaml", NULL, &c, &d), ERR_IO);
	assert_int_equal(config_read("/", NULL, &c, &d), ERR_IO);
	assert_int_equal(d.errors, 2);
	assert_string_equal(d.entries[0].text, "No such file or directory");
	assert_string_equal(d.entries[1].text, "Is a directory");
	diag_fini(&d);
}

static void file_beyond_the_limit_is_refused(void **state)
{
	char path[] = "/tmp/anser-config-XXXXXX";
	struct config *c = NULL;
	struct diag d;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (64 << 20) + 1), 0);
	diag_init(&d);
	assert_int_equal(config_read(path, NULL, &c, &d), ERR_TOOBIG);
	assert_string_equal(d.entries[0].rule, "too-large");
	diag_fini(&d);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

static void file_is_read_relative_to_its_directory(void **state)
{
	static const char text[] = "control:\n  store: s\n";
	char dir[] = "/tmp/anser-config-XXXXXX";
	char path[64];
	char want[64];
	struct config *c = NULL;
	struct diag d;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/a.yaml", dir);
	(void)snprintf(want, sizeof want, "%s/s", dir);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	diag_init(&d);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(config_read("a.yaml", NULL, &c, &d), 0);
	assert_string_equal(c->store, want);
	assert_string_equal(c->path, "a.yaml");
	config_release(c);
	assert_int_equal(config_read(path, NULL, &c, &d), 0);
	assert_string_equal(c->store, want);
	config_release(c);
	diag_fini(&d);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void many_zones_are_checked_in_good_time(void **state)
{
	enum { ZONES = 100000 };
	char *text = NULL;
	size_t size = 0;
	struct diag d;
	struct config *c = NULL;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_non_null(to);
	(void)fputs("zones:\n", to);
	for (unsigned i = 0; i < ZONES; i++)
		(void)fprintf(to, "- {name: z%u.example, file: f}\n",
		              (i * 7919U) % ZONES);
	(void)fputs("- {name: Z77.example, file: f}\n", to);
	assert_int_equal(fclose(to), 0);
	diag_init(&d);
	assert_int_equal(config_parse(text, size, "f", NULL, &c, &d), ERR_REFUSED);
	assert_int_equal(d.errors, 1);
	assert_string_equal(d.entries[0].rule, "duplicate-zone");
	assert_int_equal(d.entries[0].line, ZONES + 2);
	diag_fini(&d);
	free(text);
}

/* The page is generated (anserctl conf describe); this finds it out of date. */
/* ---- overrides ---- */

static int parse_with(const char *text, const struct overrides *o, struct config **out,
                      char line[static 1024])
{
	struct diag d;

	line[0] = 0;
	diag_init(&d);
	int err = config_parse(text, strlen(text), "/d/f", o, out, &d);
	if (d.kept)
		diag_format(&d.entries[0], line, 1024);
	diag_fini(&d);
	return err;
}

static void overrides_lie_over_the_file(void **state)
{
	static const char file[] =
		"server:\n  listen: [192.0.2.1, \"::1@53\"]\n  cpus: [1]\n"
		"tcp:\n  idle-timeout: 1s\n";
	struct overrides o = {0};
	struct config *c = NULL;
	char line[1024];

	(void)state;
	overrides_set(&o, "server.listen", "198.51.100.1 198.51.100.2@54");
	overrides_set(&o, "server.cpus", "");
	overrides_set(&o, "tcp.idle-timeout", "7s");
	overrides_set(&o, "tcp.read-timeout", "9s");
	overrides_set(&o, "log.level", "error");
	overrides_set(&o, "log.level", NULL);
	overrides_set(&o, "telemetry.interval", "1");
	assert_null(overrides_get(&o, "log.level"));
	assert_string_equal(overrides_get(&o, "tcp.idle-timeout"), "7s");
	assert_int_equal(parse_with(file, &o, &c, line), 0);
	assert_string_equal(
		line, "override: warning: there is no option \"telemetry.interval\" "
		      "[unknown-key]");
	assert_int_equal(c->listen_count, 2);
	assert_listens(c, 0, AF_INET, "198.51.100.1", 53);
	assert_listens(c, 1, AF_INET, "198.51.100.2", 54);
	assert_int_equal(c->cpu_count, 0);
	assert_int_equal(c->tcp_idle_timeout_ms, 7000);
	assert_int_equal(c->tcp_read_timeout_ms, 9000);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	config_release(c);
	overrides_fini(&o);
}

/* Alone each of these is a value of its option, or not; the last two only go with others. */
static void override_that_does_not_go_is_refused(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want;
		bool alone; /* it is wrong whatever the others are */
	} cases[] = {
		{"log.level", "loud",
	         "log.level: expected error, warning, info or debug, found \"loud\"",
	         true},
		{"tcp.idle-timeout", "5",
	         "tcp.idle-timeout: expected a time such as 500ms, 10s or 2m, found \"5\"",
	         true},
		{"tcp.max-connections", "0",
	         "tcp.max-connections: \"0\" is outside of the range 1 to 1000000", true},
		{"server.listen", "", "server.listen: the list is empty", true},
		{"server.cpus", "1 2 1", "server.cpus: processor 1 is there twice", true},
		{"control.store", "/x", "control.store is a matter of the file alone",
	         true},
		{"zones", "x", "zones is a matter of the file alone", true},
		{"log.levle", "info",
	         "there is no option \"log.levle\"; did you mean \"level\"?", true},
		{"lgo.level", "info",
	         "there is no option \"lgo.level\"; did you mean \"log\"?", true},
		{"level", "info", "there is no option \"level\"", true},
		{"api.tls-key", "/k",
	         "/d/f: error: tls-certificate and tls-key go together "
	         "[missing-key]",
	         false},
		{"control.control-socket", "/run/anser/dataplane.sock",
	         "/d/f: error: dataplane-socket: the path is that of control-socket "
	         "[duplicate-value]",
	         false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char reason[OVERRIDE_REASON_SIZE] = "";
		char line[1024];
		struct overrides o = {0};
		struct config *c = NULL;

		int err = override_check(cases[i].name, cases[i].text, "/d", reason);
		assert_int_equal(err < 0, cases[i].alone);
		if (cases[i].alone)
			assert_string_equal(reason, cases[i].want);
		overrides_set(&o, cases[i].name, cases[i].text);
		err = parse_with("server:\n", &o, &c, line);
		/* What there is no option for was one of another version. */
		assert_int_equal(err,
		                 strstr(cases[i].want, "no option") ? 0 : ERR_REFUSED);
		assert_non_null(strstr(line, cases[i].want));
		if (err == 0)
			config_release(c);
		overrides_fini(&o);
	}
}

/* ---- one option at a time ---- */

static void count_setting(const struct config_setting *s, void *arg)
{
	struct config_setting found;
	unsigned *counts = arg;

	assert_int_equal(config_setting_find(s->name, &found, NULL), 0);
	assert_int_equal(found.option, s->option);
	assert_true(s->class < CONFIG_CLASSES);
	counts[s->class]++;
}

static void compare_by_class(const struct config_setting *s, void *arg)
{
	struct config **pair = arg;

	assert_true(config_setting_equal(s, pair[0], pair[0]));
	if (s->class == CONFIG_RESTART)
		assert_true(config_setting_equal(s, pair[0], pair[1]));
}

static void what_needs_a_new_process_is_kept(void **state)
{
	unsigned counts[CONFIG_CLASSES] = {0};
	struct config *pair[2] = {
		parse_ok("zones:\n"),
		parse_ok("control:\n  store: /s\n  table-limit: 1G\n  supervise: no\n"
	                 "  control-socket: /c\n  dataplane-socket: /d\n"
	                 "api:\n  listen: 127.0.0.1\n  tls-listen: 127.0.0.1@4\n"
	                 "  tls-key: /k\n  tls-certificate: /c\n  socket: no\n"
	                 "server:\n  workers: 3\nlog:\n  level: error\n"
	                 "zones:\n  - { name: a, file: b }\n"),
	};
	struct config_setting s;

	(void)state;
	config_each_setting(count_setting, counts);
	for (unsigned i = 0; i < CONFIG_CLASSES; i++)
		assert_true(counts[i] > 0);
	config_keep_fixed(pair[1], pair[0]);
	config_each_setting(compare_by_class, pair);
	assert_int_equal(pair[1]->workers, 3);
	assert_int_equal(pair[1]->log_level, LOG_LEVEL_ERROR);
	assert_int_equal(config_setting_find("zones", &s, NULL), 0);
	assert_false(config_setting_equal(&s, pair[0], pair[1]));
	config_release(pair[0]);
	config_release(pair[1]);
}

static void manual_page_is_that_of_the_options(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	FILE *page = fopen(ANSER_SOURCE_DIR "/docs/man/anser.yaml.5.scd", "r");

	(void)state;
	assert_non_null(to);
	assert_non_null(page);
	config_describe(to);
	assert_int_equal(fclose(to), 0);
	char *found = calloc(1, size + 2);
	assert_non_null(found);
	assert_int_equal(fread(found, 1, size + 1, page), size);
	assert_string_equal(found, text);
	assert_int_equal(fclose(page), 0);
	free(found);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_zone_is_enough),
		cmocka_unit_test(options_of_a_section_stand_together),
		cmocka_unit_test(every_option_is_read),
		cmocka_unit_test(templates_say_what_the_default_says_unless_they_say_it),
		cmocka_unit_test(policy_named_default_is_there_always),
		cmocka_unit_test(what_is_shown_reads_back_as_the_same),
		cmocka_unit_test(secrets_are_read_but_not_shown),
		cmocka_unit_test(
			api_socket_is_beside_the_control_socket_or_elsewhere_or_not_there),
		cmocka_unit_test(sections_without_content_are_as_good_as_absent),
		cmocka_unit_test(single_value_stands_for_a_list_of_one),
		cmocka_unit_test(packets_past_the_kernel_have_to_be_configured),
		cmocka_unit_test(every_error_says_where_and_why),
		cmocka_unit_test(what_may_still_work_is_a_warning),
		cmocka_unit_test(reading_goes_on_after_an_error),
		cmocka_unit_test(deep_nesting_is_refused_early),
		cmocka_unit_test(file_that_cannot_be_read_is_an_error),
		cmocka_unit_test(file_beyond_the_limit_is_refused),
		cmocka_unit_test(file_is_read_relative_to_its_directory),
		cmocka_unit_test(many_zones_are_checked_in_good_time),
		cmocka_unit_test(overrides_lie_over_the_file),
		cmocka_unit_test(override_that_does_not_go_is_refused),
		cmocka_unit_test(what_needs_a_new_process_is_kept),
		cmocka_unit_test(manual_page_is_that_of_the_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
