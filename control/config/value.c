#include "control/config/value.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/must.h"
#include "control/sign/algorithm.h"
#include "control/sign/tokens.h"
#include "shared/address.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rrtype.h"
#include "shared/table.h"

/* ---- numbers with units ---- */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {{"G", UINT64_C(1) << 30},
                                         {"M", UINT64_C(1) << 20},
                                         {"K", UINT64_C(1) << 10},
                                         {"", 1}};
static const struct unit time_units[] = {
	{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit long_units[] = {
	{"w", 604800}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
static const struct unit plain_units[] = {{"", 1}};

struct unit_list {
	const struct unit *units; /* largest first */
	size_t count;
	const char *expected;
};

static struct unit_list units_of(enum option_kind kind)
{
	if (kind == KIND_MS)
		return (struct unit_list){time_units, ARRAY_LEN(time_units),
		                          "a time such as 500ms, 10s or 2m"};
	if (kind == KIND_SECONDS)
		return (struct unit_list){long_units, ARRAY_LEN(long_units),
		                          "a time such as 300s, 12h or 14d"};
	if (kind == KIND_BYTES || kind == KIND_MB)
		return (struct unit_list){size_units, ARRAY_LEN(size_units),
		                          "a size such as 65536, 64K, 16M or 2G"};
	return (struct unit_list){plain_units, ARRAY_LEN(plain_units), "a whole number"};
}

static int refuse(struct value_problem *p, const char *rule, const char *format, ...)
	PRINTF_LIKE(3, 4);

static int refuse(struct value_problem *p, const char *rule, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	p->rule = rule;
	(void)vsnprintf(p->text, sizeof p->text, format, args);
	va_end(args);
	return ERR_REFUSED;
}

void value_show_number(const struct option *o, uint64_t number, FILE *to)
{
	struct unit_list list = units_of(o->kind);
	size_t i = 0;

	while (i + 1 < list.count && (number == 0 || number % list.units[i].factor != 0))
		i++;
	(void)fprintf(to, "%ju%s", (uintmax_t)(number / list.units[i].factor),
	              list.units[i].name);
}

/* Reads digits; gives what follows them, or NULL when there are none or far too many. */
static const char *read_digits(const char *text, uint64_t *number)
{
	const char *at = text;
	uint64_t n = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (n > UINT64_MAX / 10 - 1)
			return NULL;
		n = n * 10 + (uint64_t)(*at - '0');
	}
	*number = n;
	return at == text ? NULL : at;
}

static int refuse_range(const struct option *o, const char *text, struct value_problem *p)
{
	char range[128];
	FILE *to = fmemopen(range, sizeof range, "w");

	if (!to)
		abort();
	value_show_number(o, o->min, to);
	(void)fputs(" to ", to);
	value_show_number(o, o->max, to);
	(void)fclose(to);
	range[sizeof range - 1] = 0;
	return refuse(p, "out-of-range", "%s: \"%.60s\" is outside of the range %s",
	              o->key, text, range);
}

static int parse_number(const struct option *o, const char *text, uint64_t *out,
                        struct value_problem *p)
{
	struct unit_list list = units_of(o->kind);
	uint64_t number = 0;
	const char *unit = read_digits(text, &number);

	for (size_t i = 0; unit && i < list.count; i++) {
		if (strcmp(unit, list.units[i].name) != 0)
			continue;
		if (number > UINT64_MAX / list.units[i].factor)
			return refuse_range(o, text, p);
		number *= list.units[i].factor;
		if (number < o->min || number > o->max)
			return refuse_range(o, text, p);
		*out = number;
		return 0;
	}
	return refuse(p, "bad-value", "%s: expected %s, found \"%.60s\"", o->key,
	              list.expected, text);
}

static int set_number(const struct option *o, void *field, const char *text,
                      struct value_problem *p)
{
	enum { MIB = 1 << 20 };
	uint64_t number = 0;

	TRY(parse_number(o, text, &number, p));
	if (o->kind == KIND_UINT8) {
		*(uint8_t *)field = (uint8_t)number;
		return 0;
	}
	if (o->kind == KIND_UINT16) {
		*(uint16_t *)field = (uint16_t)number;
		return 0;
	}
	if (o->kind == KIND_MB) {
		if (number % MIB != 0)
			return refuse(p, "bad-value",
			              "%s: \"%.60s\" is not a multiple of 1M", o->key,
			              text);
		number /= MIB;
	}
	*(unsigned *)field = (unsigned)number;
	return 0;
}

/* ---- texts and paths ---- */

static int set_limited_text(const struct option *o, char **field, const char *text,
                            struct value_problem *p)
{
	if (strlen(text) > o->max)
		return refuse(p, "out-of-range", "%s: longer than %ju octets", o->key,
		              (uintmax_t)o->max);
	must_set_text(field, text);
	return 0;
}

/* What is wrong with it is said without any of it. */
static int set_secret(const struct option *o, char **field, const char *text,
                      struct value_problem *p)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                          "0123456789+/=");

	if (text[len] || len % 4 != 0)
		return refuse(p, "bad-value", "%s: expected base64", o->key);
	return set_limited_text(o, field, text, p);
}

/* Joins relative paths to dir. */
static int set_path(const struct option *o, char **field, const char *dir,
                    const char *text, struct value_problem *p)
{
	char path[PATH_MAX];
	size_t limit = o->kind == KIND_SOCKET || o->kind == KIND_API_SOCKET
	                       ? sizeof((struct sockaddr_un *)NULL)->sun_path
	                       : sizeof path;

	if (!text[0])
		return refuse(p, "bad-value", "%s: expected a path, found nothing",
		              o->key);
	int len = text[0] == '/'
	                  ? snprintf(path, sizeof path, "%s", text)
	                  : snprintf(path, sizeof path, "%s/%s", dir[1] ? dir : "", text);
	if (len < 0 || (size_t)len >= limit)
		return refuse(
			p, "out-of-range",
			"%s: the path is longer than the system allows (%zu octets)",
			o->key, limit - 1);
	must_set_text(field, path);
	return 0;
}

/* ---- words ---- */

static int parse_bool(const char *text)
{
	static const char *const yes[] = {"yes", "true", "on"};
	static const char *const no[] = {"no", "false", "off"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!strcmp(text, yes[i]))
			return 1;
		if (!strcmp(text, no[i]))
			return 0;
	}
	return -1;
}

static int set_bool(const struct option *o, bool *field, const char *text,
                    struct value_problem *p)
{
	int value = parse_bool(text);

	if (value < 0)
		return refuse(p, "bad-value", "%s: expected yes or no, found \"%.60s\"",
		              o->key, text);
	*field = value;
	return 0;
}

/* ---- one word of a few ---- */

enum { WORDS_MAX = 6 };

static const char *const words[][WORDS_MAX] = {
	[KIND_IO] = {[IO_AUTO] = "auto",
                     [IO_DPDK] = "dpdk",
                     [IO_XDP] = "xdp",
                     [IO_UDP] = "udp"},
	[KIND_IDLE] = {[IO_IDLE_POLL] = "poll", [IO_IDLE_SLEEP] = "sleep"},
	[KIND_EXCEPTION] = {[IO_EXCEPTION_AUTO] = "auto",
                            [IO_EXCEPTION_TAP] = "tap",
                            [IO_EXCEPTION_VIRTIO_USER] = "virtio-user",
                            [IO_EXCEPTION_NONE] = "none"},
	[KIND_XDP_MODE] = {[IO_XDP_MODE_AUTO] = "auto",
                           [IO_XDP_MODE_NATIVE] = "native",
                           [IO_XDP_MODE_GENERIC] = "generic"},
	[KIND_LOG_FORM] = {[LOG_FORM_TEXT] = "text", [LOG_FORM_JSON] = "json"},
	[KIND_LOG_LEVEL] = {[LOG_LEVEL_ERROR] = "error",
                            [LOG_LEVEL_WARNING] = "warning",
                            [LOG_LEVEL_INFO] = "info",
                            [LOG_LEVEL_DEBUG] = "debug"},
	[KIND_ZERO_COPY] = {[IO_ZERO_COPY_AUTO] = "auto",
                            [IO_ZERO_COPY_YES] = "yes",
                            [IO_ZERO_COPY_NO] = "no"},
	[KIND_ZONE_KIND] = {[CONFIG_KIND_UNSAID] = "inherit",
                            [CONFIG_KIND_NATIVE] = "native",
                            [CONFIG_KIND_PRIMARY] = "primary",
                            [CONFIG_KIND_SECONDARY] = "secondary",
                            [CONFIG_KIND_PRODUCER] = "producer",
                            [CONFIG_KIND_CONSUMER] = "consumer"},
	[KIND_NOTIFY_NS] = {[CONFIG_NOTIFY_RESOLVE] = "resolve",
                            [CONFIG_NOTIFY_HOSTED] = "hosted",
                            [CONFIG_NOTIFY_NO] = "no"},
	[KIND_TSIG_ALGORITHM] = {[CONFIG_TSIG_MD5] = "hmac-md5",
                                 [CONFIG_TSIG_SHA1] = "hmac-sha1",
                                 [CONFIG_TSIG_SHA224] = "hmac-sha224",
                                 [CONFIG_TSIG_SHA256] = "hmac-sha256",
                                 [CONFIG_TSIG_SHA384] = "hmac-sha384",
                                 [CONFIG_TSIG_SHA512] = "hmac-sha512"},
	[KIND_ZONEMD] = {[CONFIG_ZONEMD_NO] = "no",
                         [CONFIG_ZONEMD_CHECK] = "check",
                         [CONFIG_ZONEMD_MAKE] = "make"},
	[KIND_KSK_ROLL] = {[false] = "double-ksk", [true] = "double-ds"},
	[KIND_ZSK_ROLL] = {[false] = "pre-publication", [true] = "double-signature"},
	[KIND_KEYS] = {[false] = "automatic", [true] = "manual"},
	[KIND_KSK] = {[false] = "automatic", [true] = "offline"},
};

/* Their words are not here, and their numbers are others'. */
static const char *algorithm_words(char text[static VALUE_WORDS_SIZE])
{
	char *end = text;

	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		const struct sign_algorithm_facts *facts = sign_algorithm((uint8_t)i);
		if (!facts)
			continue;
		end = stpcpy(end, end == text ? "" : ", ");
		end = stpcpy(end, facts->name);
	}
	return text;
}

const char *value_words(enum option_kind kind, char text[static VALUE_WORDS_SIZE])
{
	char *end = text;

	if (kind == KIND_DNSSEC_ALGORITHM)
		return algorithm_words(text);
	text[0] = '\0';
	for (unsigned i = 0; i < WORDS_MAX && words[kind][i] != NULL; i++) {
		bool last = i + 1 == WORDS_MAX || words[kind][i + 1] == NULL;
		end = stpcpy(end, i == 0 ? "" : last ? " or " : ", ");
		end = stpcpy(end, words[kind][i]);
	}
	return text;
}

const char *value_word(enum option_kind kind, uint8_t value)
{
	return words[kind][value];
}

static int set_word(const struct option *o, uint8_t *field, const char *text,
                    struct value_problem *p)
{
	char expected[VALUE_WORDS_SIZE];

	for (uint8_t i = 0; i < WORDS_MAX && words[o->kind][i] != NULL; i++) {
		if (!strcmp(text, words[o->kind][i])) {
			*field = i;
			return 0;
		}
	}
	return refuse(p, "bad-value", "%s: expected %s, found \"%.60s\"", o->key,
	              value_words(o->kind, expected), text);
}

static int set_algorithm(const struct option *o, uint8_t *field, const char *text,
                         struct value_problem *p)
{
	char expected[VALUE_WORDS_SIZE];
	int number = sign_algorithm_from_text(text);

	if (number < 0)
		return refuse(p, "bad-value", "%s: expected one of %s, found \"%.60s\"",
		              o->key, value_words(o->kind, expected), text);
	*field = (uint8_t)number;
	return 0;
}

/* "yes" means the program that was installed together with the running one. */
static void set_beside_running_program(char **field)
{
	char path[PATH_MAX];
	ssize_t len =
		readlink("/proc/self/exe", path, sizeof path - sizeof "anser-dataplane");

	if (len < 0)
		len = 0;
	path[len] = 0;
	char *slash = strrchr(path, '/');
	(void)stpcpy(slash ? slash + 1 : path, "anser-dataplane");
	must_set_text(field, path);
}

static int set_supervise(const struct option *o, char **field, const char *dir,
                         const char *text, struct value_problem *p)
{
	int value = parse_bool(text);

	if (value < 0)
		return set_path(o, field, dir, text, p);
	if (value)
		set_beside_running_program(field);
	else
		must_set_text(field, "");
	return 0;
}

static int set_api_socket(const struct option *o, char **field, const char *dir,
                          const char *text, struct value_problem *p)
{
	int value = parse_bool(text);

	if (value < 0)
		return set_path(o, field, dir, text, p);
	must_set_text(field, value ? "yes" : "");
	return 0;
}

static int set_file(const struct option *o, char **field, const char *dir,
                    const char *text, struct value_problem *p)
{
	if (text[0])
		return set_path(o, field, dir, text, p);
	must_set_text(field, "");
	return 0;
}

static int set_zone_name(uint8_t *field, const char *text, struct value_problem *p)
{
	int len = text[0] ? name_read(text, field) : ERR_SYNTAX;

	if (len < 0)
		return refuse(p, "bad-name", "\"%.200s\" is not a domain name%s", text,
		              len == ERR_TOOBIG ? ": too long" : "");
	return 0;
}

/* ---- lists ---- */

enum {
	DNS_PORT = 53,
	TLS_PORT = 853,
	API_PORT = 8081,
	PORT_MAX = 65535,
	PORT_TEXT_MAX = 5
};

static bool parse_port(const char *text, uint16_t *out)
{
	uint64_t port = 0;
	const char *end = strlen(text) <= PORT_TEXT_MAX ? read_digits(text, &port) : NULL;

	if (!end || *end || port < 1 || port > PORT_MAX)
		return false;
	*out = (uint16_t)port;
	return true;
}

static int parse_address(const struct option *o, const char *text, uint16_t port,
                         struct sockaddr_storage *out, struct value_problem *p)
{
	char host[ADDRESS_HOST_MAX];
	size_t host_len = strcspn(text, "@");

	if (text[host_len] == '@' && !parse_port(text + host_len + 1, &port))
		return refuse(p, "bad-address", "%s: \"%.60s\" is no port (1 to %d)",
		              o->key, text + host_len + 1, PORT_MAX);
	(void)snprintf(host, sizeof host, "%.*s",
	               (int)(host_len < sizeof host ? host_len : 0), text);
	if (!address_read(host, port, out))
		return refuse(
			p, "bad-address",
			"%s: \"%.60s\" is no IP address; expected ADDRESS or ADDRESS@PORT",
			o->key, text);
	return 0;
}

/* Adds to list, which has count of o->max addresses. */
static int add_address(const struct option *o, struct sockaddr_storage *list,
                       size_t *count, const char *text, struct value_problem *p)
{
	uint16_t port = o->kind == KIND_ADDRESSES       ? API_PORT
	                : o->kind == KIND_TLS_ADDRESSES ? TLS_PORT
	                                                : DNS_PORT;
	struct sockaddr_storage address;

	if (*count == o->max)
		return refuse(p, "out-of-range", "%s: more than %ju addresses", o->key,
		              (uintmax_t)o->max);
	TRY(parse_address(o, text, port, &address, p));
	for (size_t i = 0; i < *count; i++)
		if (!memcmp(&list[i], &address, sizeof address))
			return refuse(p, "duplicate-value",
			              "%s: \"%.60s\" is there twice", o->key, text);
	list[(*count)++] = address;
	return 0;
}

static int add_cpu(const struct option *o, struct config *c, const char *text,
                   struct value_problem *p)
{
	enum { CPU_HIGHEST = 1023 };
	uint64_t cpu = 0;
	const char *end = read_digits(text, &cpu);

	if (!end || *end || cpu > CPU_HIGHEST)
		return refuse(p, "bad-value",
		              "%s: expected the number of a processor (0 to %d), "
		              "found \"%.60s\"",
		              o->key, CPU_HIGHEST, text);
	if (c->cpu_count == CONFIG_CPUS_MAX)
		return refuse(p, "out-of-range", "%s: more than %d processors", o->key,
		              CONFIG_CPUS_MAX);
	for (size_t i = 0; i < c->cpu_count; i++)
		if (c->cpus[i] == (int)cpu)
			return refuse(p, "duplicate-value",
			              "%s: processor %d is there twice", o->key,
			              (int)cpu);
	c->cpus[c->cpu_count++] = (int)cpu;
	return 0;
}

static int add_name(const struct option *o, char **field, const char *text,
                    struct value_problem *p)
{
	char *joined = NULL;

	if (!text[0] || text[strcspn(text, " \t\n")] || strlen(text) >= IO_NAMES_SIZE)
		return refuse(p, "bad-value", "%s: \"%.60s\" is no name: %s", o->key,
		              text,
		              !text[0]                        ? "it is empty"
		              : strlen(text) >= IO_NAMES_SIZE ? "it is too long"
		                                              : "it has blanks");
	if (*field && io_names_have(*field, text))
		return refuse(p, "duplicate-value", "%s: \"%.60s\" is there twice",
		              o->key, text);
	if (asprintf(&joined, "%s%s%s", *field ? *field : "",
	             *field && **field ? " " : "", text) < 0)
		abort();
	bool fits = strlen(joined) <= o->max;
	if (fits)
		must_set_text(field, joined);
	free(joined);
	return fits ? 0
	            : refuse(p, "out-of-range", "%s: all names take more than %ju octets",
	                     o->key, (uintmax_t)o->max);
}

/* What one of the words has to be, or NULL: it is. */
static const char *unfit_word(enum option_kind kind, const char *text)
{
	struct address_prefix prefix;
	struct sockaddr_storage address;
	uint8_t name[NAME_MAX_LEN];

	switch ((int)kind) {
	case KIND_PREFIXES:
		return address_prefix_read(text, &prefix)
		               ? NULL
		               : "an address, or a prefix such as 192.0.2.0/24";
	case KIND_HOSTS: return address_read(text, 0, &address) ? NULL : "an IP address";
	case KIND_DOMAINS: return name_read(text, name) > 0 ? NULL : "a domain name";
	case KIND_TYPES:
		return rrtype_from_text(text, strlen(text)) >= 0 ? NULL : "an RR type";
	case KIND_ACTIONS:
		return !strcmp(text, "transfer") || !strcmp(text, "notify") ||
		                       !strcmp(text, "update")
		               ? NULL
		               : "transfer, notify or update";
	default: return NULL;
	}
}

static int add_word(const struct option *o, char **field, const char *text,
                    struct value_problem *p)
{
	const char *expected = unfit_word(o->kind, text);

	if (expected)
		return refuse(p, "bad-value", "%s: expected %s, found \"%.60s\"", o->key,
		              expected, text);
	return add_name(o, field, text, p);
}

static int add_token(const struct option *o, char **field, const char *text,
                     struct value_problem *p)
{
	char name[IO_NAMES_SIZE];
	char why[TOKEN_WHY_SIZE];
	size_t count = 0;

	if (token_check(text, why) < 0)
		return refuse(p, "bad-value", "%s: \"%.100s\": %.200s", o->key, text,
		              why);
	for (const char *at = *field ? *field : ""; io_names_next(&at, name);)
		count++;
	if (count == TOKENS_MAX)
		return refuse(p, "out-of-range", "%s: there are more than %d", o->key,
		              TOKENS_MAX);
	return add_name(o, field, text, p);
}

static int set_one_word(const struct option *o, char **field, const char *text,
                        struct value_problem *p)
{
	if (o->kind == KIND_DOMAIN && text[0] && unfit_word(KIND_DOMAINS, text))
		return refuse(p, "bad-name", "%s: \"%.200s\" is not a domain name",
		              o->key, text);
	if (text[strcspn(text, " \t\n")] || (!text[0] && !o->fallback))
		return refuse(p, "bad-value",
		              "%s: expected a name without blanks, found \"%.60s\"",
		              o->key, text);
	return set_limited_text(o, field, text, p);
}

/* Each in quotes: a list of names is a list of texts to any YAML reader. */
static void show_names(const char *names, FILE *to)
{
	char name[IO_NAMES_SIZE];

	(void)fputc('[', to);
	for (const char *at = names; io_names_next(&at, name);) {
		value_show_quoted(name, to);
		(void)fputs(*at ? ", " : "", to);
	}
	(void)fputc(']', to);
}

static void show_address(const struct sockaddr_storage *address, FILE *to)
{
	char text[ADDRESS_TEXT_MAX];

	address_text(address, text, sizeof text);
	(void)fprintf(to, "\"%s\"", text);
}

static void show_addresses(const struct sockaddr_storage *list, size_t count, FILE *to)
{
	(void)fputc('[', to);
	for (size_t i = 0; i < count; i++) {
		(void)fputs(i ? ", " : "", to);
		show_address(&list[i], to);
	}
	(void)fputc(']', to);
}

static void show_cpus(const struct config *c, FILE *to)
{
	(void)fputc('[', to);
	for (size_t i = 0; i < c->cpu_count; i++)
		(void)fprintf(to, i ? ", %d" : "%d", c->cpus[i]);
	(void)fputc(']', to);
}

/* ---- by kind ---- */

int value_set(const struct option *o, void *object, const char *dir, const char *text,
              struct value_problem *problem)
{
	void *field = (char *)object + o->offset;
	struct config *config = object; /* where the kind is of no list item */
	struct config_addresses *addresses = field;

	switch (o->kind) {
	case KIND_LISTEN:
		return add_address(o, config->listen, &config->listen_count, text,
		                   problem);
	case KIND_ADDRESSES:
	case KIND_TLS_ADDRESSES:
	case KIND_SERVERS:
		return add_address(o, addresses->at, &addresses->count, text, problem);
	case KIND_CPUS: return add_cpu(o, object, text, problem);
	case KIND_UINT:
	case KIND_UINT8:
	case KIND_UINT16:
	case KIND_MS:
	case KIND_SECONDS:
	case KIND_BYTES:
	case KIND_MB: return set_number(o, field, text, problem);
	case KIND_NAMES:
	case KIND_PREFIXES:
	case KIND_HOSTS:
	case KIND_DOMAINS:
	case KIND_TYPES:
	case KIND_ACTIONS: return add_word(o, field, text, problem);
	case KIND_TOKENS: return add_token(o, field, text, problem);
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
	case KIND_KSK: return set_word(o, field, text, problem);
	case KIND_DNSSEC_ALGORITHM: return set_algorithm(o, field, text, problem);
	case KIND_SECRET: return set_secret(o, field, text, problem);
	case KIND_TEXT:
	case KIND_HOST_TEXT: return set_limited_text(o, field, text, problem);
	case KIND_BOOL: return set_bool(o, field, text, problem);
	case KIND_PATH:
	case KIND_SOCKET:
	case KIND_MASTER_SECRET: return set_path(o, field, dir, text, problem);
	case KIND_FILE: return set_file(o, field, dir, text, problem);
	case KIND_API_SOCKET: return set_api_socket(o, field, dir, text, problem);
	case KIND_SUPERVISE: return set_supervise(o, field, dir, text, problem);
	case KIND_ZONE_NAME: return set_zone_name(field, text, problem);
	case KIND_DOMAIN:
	case KIND_WORD: return set_one_word(o, field, text, problem);
	}
	abort();
}

int value_set_default(const struct option *o, void *object, const char *dir,
                      struct value_problem *problem)
{
	if (o->kind == KIND_CPUS || o->kind == KIND_ADDRESSES ||
	    o->kind == KIND_TLS_ADDRESSES || o->kind == KIND_SERVERS)
		return 0;
	if (o->kind == KIND_MASTER_SECRET) { /* until the store's path is known */
		must_set_text((char **)(void *)((char *)object + o->offset), "");
		return 0;
	}
	if (option_is_words(o)) {
		must_set_text((char **)(void *)((char *)object + o->offset), "");
		return o->fallback[0] ? value_set(o, object, dir, o->fallback, problem)
		                      : 0;
	}
	if (o->kind == KIND_HOST_TEXT) {
		char host[SETTINGS_TEXT_MAX + 1] = "";

		/* A longer name is cut: it only tells servers apart. */
		(void)gethostname(host, sizeof host - 1);
		return value_set(o, object, dir, host, problem);
	}
	return value_set(o, object, dir, o->fallback, problem);
}

/* Gives the length of the UTF-8 sequence at s and its code point, or 0 when it is none. */
static unsigned decode_utf8(const unsigned char *s, uint32_t *point)
{
	unsigned len = s[0] >= 0xf0 && s[0] < 0xf8   ? 4
	               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
	                                             : 2;
	uint32_t value = s[0] & (0x7fU >> len);

	if (s[0] < 0xc2 || s[0] >= 0xf8)
		return 0;
	for (unsigned i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3f);
	}
	*point = value;
	return len;
}

void value_show_quoted(const char *text, FILE *to)
{
	const unsigned char *s = (const unsigned char *)text;

	(void)fputc('"', to);
	while (*s) {
		uint32_t point = *s;
		unsigned len = *s < 0x80 ? 1 : decode_utf8(s, &point);

		if (*s == '"' || *s == '\\')
			(void)fprintf(to, "\\%c", *s);
		else if (*s >= 0x20 && *s < 0x7f)
			(void)fputc(*s, to);
		else if (len <= 1)
			(void)fprintf(to, "\\x%02x", (unsigned)*s);
		else
			(void)fprintf(to, "\\U%08x", point);
		s += len ? len : 1;
	}
	(void)fputc('"', to);
}

static void show_zone_name(const uint8_t *name, FILE *to)
{
	char text[NAME_TEXT_MAX];

	value_show_quoted(name_to_text(name, text), to);
}

void value_show(const struct option *o, const void *object, FILE *to)
{
	const void *field = (const char *)object + o->offset;
	const struct config *config = object;
	const struct config_addresses *addresses = field;
	const char *text;
	unsigned number;
	uint16_t small;

	switch (o->kind) {
	case KIND_LISTEN:
		show_addresses(config->listen, config->listen_count, to);
		return;
	case KIND_ADDRESSES:
	case KIND_TLS_ADDRESSES:
	case KIND_SERVERS: show_addresses(addresses->at, addresses->count, to); return;
	case KIND_CPUS: show_cpus(config, to); return;
	case KIND_UINT8: value_show_number(o, *(const uint8_t *)field, to); return;
	case KIND_UINT16:
		memcpy(&small, field, sizeof small);
		value_show_number(o, small, to);
		return;
	case KIND_UINT:
	case KIND_MS:
	case KIND_SECONDS:
	case KIND_BYTES:
	case KIND_MB:
		memcpy(&number, field, sizeof number);
		value_show_number(o, o->kind == KIND_MB ? (uint64_t)number << 20 : number,
		                  to);
		return;
	case KIND_NAMES:
	case KIND_PREFIXES:
	case KIND_HOSTS:
	case KIND_DOMAINS:
	case KIND_TYPES:
	case KIND_TOKENS:
	case KIND_ACTIONS: show_names(*(char *const *)field, to); return;
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
		(void)fputs(value_word(o->kind, *(const uint8_t *)field), to);
		return;
	case KIND_DNSSEC_ALGORITHM:
		(void)fputs(sign_algorithm(*(const uint8_t *)field)->name, to);
		return;
	case KIND_BOOL: (void)fputs(*(const bool *)field ? "yes" : "no", to); return;
	case KIND_SECRET:
		text = *(char *const *)field;
		(void)fputs(text[0] ? "\"\" # not shown" : "\"\"", to);
		return;
	case KIND_TEXT:
	case KIND_HOST_TEXT:
	case KIND_PATH:
	case KIND_FILE:
	case KIND_MASTER_SECRET:
	case KIND_SOCKET: value_show_quoted(*(char *const *)field, to); return;
	case KIND_API_SOCKET:
	case KIND_SUPERVISE:
		text = *(char *const *)field;
		value_show_quoted(text[0] ? text : "no", to);
		return;
	case KIND_ZONE_NAME: show_zone_name(field, to); return;
	case KIND_DOMAIN:
	case KIND_WORD: value_show_quoted(*(char *const *)field, to); return;
	}
	abort();
}

/* ---- by what is in memory ---- */

enum form {
	FORM_TEXT,
	FORM_NUMBER,
	FORM_SHORT,
	FORM_WORD,
	FORM_BOOL,
	FORM_NAME,
	FORM_LISTEN,
	FORM_CPUS,
	FORM_ADDRESSES
};

static enum form form_of(const struct option *o)
{
	if (option_is_words(o))
		return FORM_TEXT;
	if (option_is_one_of_words(o))
		return FORM_WORD;
	switch ((int)o->kind) {
	case KIND_LISTEN: return FORM_LISTEN;
	case KIND_CPUS: return FORM_CPUS;
	case KIND_ADDRESSES:
	case KIND_TLS_ADDRESSES:
	case KIND_SERVERS: return FORM_ADDRESSES;
	case KIND_UINT:
	case KIND_MS:
	case KIND_SECONDS:
	case KIND_BYTES:
	case KIND_MB: return FORM_NUMBER;
	case KIND_UINT8:
	case KIND_DNSSEC_ALGORITHM: return FORM_WORD;
	case KIND_UINT16: return FORM_SHORT;
	case KIND_BOOL: return FORM_BOOL;
	case KIND_ZONE_NAME: return FORM_NAME;
	default: return FORM_TEXT;
	}
}

/* Of what takes the same room whatever its value is. */
static size_t form_size(enum form form)
{
	return form == FORM_NUMBER      ? sizeof(unsigned)
	       : form == FORM_SHORT     ? sizeof(uint16_t)
	       : form == FORM_WORD      ? sizeof(uint8_t)
	       : form == FORM_BOOL      ? sizeof(bool)
	       : form == FORM_ADDRESSES ? sizeof(struct config_addresses)
	                                : 0;
}

void value_clear(const struct option *o, void *object)
{
	void *field = (char *)object + o->offset;
	struct config *config = object; /* where the form is of no list item */
	char **text = field;

	switch (form_of(o)) {
	case FORM_TEXT:
		free(*text);
		*text = NULL;
		return;
	case FORM_LISTEN: config->listen_count = 0; return;
	case FORM_CPUS: config->cpu_count = 0; return;
	case FORM_ADDRESSES: ((struct config_addresses *)field)->count = 0; return;
	case FORM_NUMBER:
	case FORM_SHORT:
	case FORM_WORD:
	case FORM_BOOL:
	case FORM_NAME: return;
	}
}

void value_clear_item(enum section_id section, void *item)
{
	for (const struct option *o = option_first(section); o; o = option_next(o))
		value_clear(o, item);
}

void value_copy(const struct option *o, void *to, const void *from)
{
	void *field = (char *)to + o->offset;
	const void *other = (const char *)from + o->offset;
	struct config *c = to; /* where the form is of no list item */
	const struct config *c_from = from;
	enum form form = form_of(o);

	switch (form) {
	case FORM_TEXT: must_set_text(field, *(char *const *)other); return;
	case FORM_NAME: memcpy(field, other, NAME_MAX_LEN); return;
	case FORM_LISTEN:
		memcpy(c->listen, c_from->listen, sizeof c->listen);
		c->listen_count = c_from->listen_count;
		return;
	case FORM_CPUS:
		memcpy(c->cpus, c_from->cpus, sizeof c->cpus);
		c->cpu_count = c_from->cpu_count;
		return;
	case FORM_NUMBER:
	case FORM_SHORT:
	case FORM_WORD:
	case FORM_BOOL:
	case FORM_ADDRESSES: memcpy(field, other, form_size(form)); return;
	}
}

bool value_equal(const struct option *o, const void *a, const void *b)
{
	const void *x = (const char *)a + o->offset;
	const void *y = (const char *)b + o->offset;
	const struct config *ca = a; /* where the form is of no list item */
	const struct config *cb = b;
	const struct config_addresses *ax = x;
	const struct config_addresses *ay = y;
	enum form form = form_of(o);

	switch (form) {
	case FORM_TEXT: return !strcmp(*(char *const *)x, *(char *const *)y);
	case FORM_NAME: return name_equal(x, y);
	case FORM_LISTEN:
		return ca->listen_count == cb->listen_count &&
		       !memcmp(ca->listen, cb->listen,
		               ca->listen_count * sizeof ca->listen[0]);
	case FORM_CPUS:
		return ca->cpu_count == cb->cpu_count &&
		       !memcmp(ca->cpus, cb->cpus, ca->cpu_count * sizeof ca->cpus[0]);
	case FORM_ADDRESSES:
		return ax->count == ay->count &&
		       !memcmp(ax->at, ay->at, ax->count * sizeof ax->at[0]);
	case FORM_NUMBER:
	case FORM_SHORT:
	case FORM_WORD:
	case FORM_BOOL: return !memcmp(x, y, form_size(form));
	}
	return false;
}

/* ---- the whole value at once ---- */

static int set_words(const struct option *o, void *object, const char *dir,
                     const char *text, struct value_problem *problem)
{
	char *words_left = strdup(text);
	char *rest = NULL;
	size_t count = 0;
	int err = 0;

	if (!words_left)
		abort();
	for (char *word = strtok_r(words_left, " \t\n", &rest); word && err == 0;
	     word = strtok_r(NULL, " \t\n", &rest), count++)
		err = value_set(o, object, dir, word, problem);
	free(words_left);
	if (err == 0 && count < o->min)
		err = refuse(problem, "out-of-range", "%s: the list is empty", o->key);
	return err;
}

int value_replace(const struct option *o, void *object, const char *dir, const char *text,
                  struct value_problem *problem)
{
	value_clear(o, object);
	if (!option_is_list(o))
		return value_set(o, object, dir, text, problem);
	/* Lists that may be empty are so by default. */
	if (o->min == 0)
		TRY(value_set_default(o, object, dir, problem));
	return set_words(o, object, dir, text, problem);
}
