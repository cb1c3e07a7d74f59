#include "control/config/config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/options.h"
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
	int err = config_parse(text, strlen(text), "/etc/anser/anser.yaml", &c, &d);
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
	assert_int_equal(c->zones[0].line, 2);
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
	assert_int_equal(c->query_log_sample, 0);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_string_equal(c->store, "/var/lib/anser");
	assert_non_null(strstr(c->supervise, "/anser-dataplane"));
	assert_string_equal(c->api_socket, "/run/anser/api.sock");
	assert_int_equal(c->api_listen.count, 0);
	assert_int_equal(c->api_tls_listen.count, 0);
	assert_string_equal(c->api_key_file, "");
	config_free(c);
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
	"  udp-max-ipv4: 512\n"
	"  udp-max-ipv6: 4096\n"
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
	"  powerdns-version: 4.9.0\n"
	"log:\n"
	"  format: json\n"
	"  level: warning\n"
	"query-log:\n"
	"  sample: 100\n"
	"  file: q.json\n"
	"zones:\n"
	"  - name: .\n"
	"    file: /zones/root\n"
	"  - {name: 'a\\.b.example.', file: x}\n"
	"zone-dirs:\n"
	"  - path: zones/\n"
	"  - path: /var/zones\n";

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
	assert_int_equal(c->tcp_max_connections, 7);
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
	assert_string_equal(c->api_powerdns_version, "4.9.0");
	assert_int_equal(c->log_form, LOG_FORM_JSON);
	assert_int_equal(c->query_log_sample, 100);
	assert_string_equal(c->query_log_file, "/etc/anser/q.json");
	assert_int_equal(c->log_level, LOG_LEVEL_WARNING);
	assert_int_equal(c->zone_count, 2);
	assert_memory_equal(c->zones[0].name, "", 1);
	assert_memory_equal(c->zones[1].name, "\3a.b\7example", 13);
	assert_string_equal(c->zones[1].file, "/etc/anser/x");
	assert_int_equal(c->zone_dir_count, 2);
	assert_string_equal(c->zone_dirs[0].path, "/etc/anser/zones/");
	config_free(c);
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
			assert_memory_equal(x, y, sizeof(struct config_addresses));
			break;
		case KIND_CPUS:
			assert_int_equal(a->cpu_count, b->cpu_count);
			assert_memory_equal(x, y, sizeof a->cpus);
			break;
		case KIND_UINT:
		case KIND_MS:
		case KIND_BYTES:
		case KIND_MB: assert_memory_equal(x, y, sizeof(unsigned)); break;
		case KIND_IO:
		case KIND_IDLE:
		case KIND_EXCEPTION:
		case KIND_XDP_MODE:
		case KIND_LOG_FORM:
		case KIND_LOG_LEVEL:
		case KIND_ZERO_COPY:
		case KIND_BOOL: assert_int_equal(*x, *y); break;
		case KIND_NAMES:
		case KIND_TEXT:
		case KIND_HOST_TEXT:
		case KIND_FILE:
		case KIND_PATH:
		case KIND_SOCKET:
		case KIND_API_SOCKET:
		case KIND_SUPERVISE:
			assert_string_equal(*(char *const *)(const void *)x,
			                    *(char *const *)(const void *)y);
			break;
		case KIND_ZONE_NAME: fail_msg("%s is in no list", o->key);
		}
	}
	assert_int_equal(a->zone_count, b->zone_count);
	for (size_t i = 0; i < a->zone_count; i++) {
		assert_true(name_equal(a->zones[i].name, b->zones[i].name));
		assert_string_equal(a->zones[i].file, b->zones[i].file);
	}
	assert_int_equal(a->zone_dir_count, b->zone_dir_count);
	for (size_t i = 0; i < a->zone_dir_count; i++)
		assert_string_equal(a->zone_dirs[i].path, b->zone_dirs[i].path);
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
		config_free(first);
		config_free(second);
		free(text);
		free(again);
	}
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
		config_free(c);
	}
}

static void sections_without_content_are_as_good_as_absent(void **state)
{
	struct config *c =
		parse_ok("server:\ntcp: # all defaults\nzones:\nzone-dirs: []\n");

	(void)state;
	assert_int_equal(c->zone_count, 0);
	assert_int_equal(c->workers, 1);
	config_free(c);
}

static void single_value_stands_for_a_list_of_one(void **state)
{
	struct config *c = parse_ok("server:\n  listen: \"::1@5300\"\n  cpus: 2\n");

	(void)state;
	assert_int_equal(c->listen_count, 1);
	assert_listens(c, 0, AF_INET6, "::1", 5300);
	assert_int_equal(c->cpu_count, 1);
	config_free(c);
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
		config_free(c);
	}
}

struct refusal {
	const char *text;
	const char *want; /* the first diagnostic */
};

static const struct refusal refusals[] = {
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
		                       &c, &d);
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
	if (config_parse(text, strlen(text), "/d/f", &c, &d) != 0)
		fail_msg("refused: %s", text);
	assert_true(d.kept <= 1);
	if (d.kept)
		diag_format(&d.entries[0], line, size);
	config_free(c);
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
		{"api:\n  listen: [127.0.0.2, \"::1\", 192.0.2.1]\n",
	         "/d/f:2:3: warning: listen: over 192.0.2.1@8081 keys go in clear; "
	         "tls-listen hides them [in-clear]"},
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
	static const unsigned lines[] = {2, 3, 4, 6, 6, 7, 8, 10};
	struct config *c = NULL;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(config_parse(text, strlen(text), "f", &c, &d), ERR_REFUSED);
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
	assert_int_equal(config_parse(text, sizeof start - 1 + DEPTH, "f", &c, &d),
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
	assert_int_equal(config_read("/nonexistent/anser.yaml", &c, &d), ERR_IO);
	assert_int_equal(config_read("/", &c, &d), ERR_IO);
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
	assert_int_equal(config_read(path, &c, &d), ERR_TOOBIG);
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
	assert_int_equal(config_read("a.yaml", &c, &d), 0);
	assert_string_equal(c->store, want);
	assert_string_equal(c->path, "a.yaml");
	config_free(c);
	assert_int_equal(config_read(path, &c, &d), 0);
	assert_string_equal(c->store, want);
	config_free(c);
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
	assert_int_equal(config_parse(text, size, "f", &c, &d), ERR_REFUSED);
	assert_int_equal(d.errors, 1);
	assert_string_equal(d.entries[0].rule, "duplicate-zone");
	assert_int_equal(d.entries[0].line, ZONES + 2);
	diag_fini(&d);
	free(text);
}

/* The page is generated (anserctl conf describe); this finds it out of date. */
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
		cmocka_unit_test(every_option_is_read),
		cmocka_unit_test(what_is_shown_reads_back_as_the_same),
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
		cmocka_unit_test(manual_page_is_that_of_the_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
