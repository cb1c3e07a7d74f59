#include "perf/loadgen/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/loadgen/flight.h"

const char options_usage[] =
	"usage: anser-load [OPTION...] -- EAL-ARGUMENT...\n"
	"\n"
	"what to ask\n"
	"  --queries FILE        lines \"name type\"\n"
	"  --pattern 'NAME TYPE' with one %u or %07u in the name; numbers below\n"
	"  --range N               this (1000000)\n"
	"  --zipf S                the k-th with weight 1/k^S (all alike)\n"
	"  --random-subdomain    a random label in front of every name\n"
	"  --table N             queries made before the start (lines of the file; 200000)\n"
	"  --edns, --do, --ipv6 PERCENT    shares (100, 0, 0); --do is of those with EDNS\n"
	"  --seed N              of everything random (1)\n"
	"how fast\n"
	"  --rate R[/N],...      packets a second, one step for each; \"max\", 300k, 1.5M (max);\n"
	"                        with N as --in-flight of that step\n"
	"  --curve F,...         then steps at multiples of the most answers a second so far\n"
	"  --seconds S, --warm-up S        of each step (3, 0.5)\n"
	"  --in-flight N         at most so many unanswered (no limit)\n"
	"  --timeout S           a query without reply is lost (0.25)\n"
	"  --burst N             most packets handed over at once (32)\n"
	"where\n"
	"  --dst, --dst6 ADDRESS, --port N  the server (10.0.0.2, fd00::2, 53)\n"
	"  --src, --src6 ADDRESS, --sources N    ours, so many counting up (10.0.0.1, fd00::1, 1)\n"
	"  --dst-mac, --src-mac MAC        (02:00:00:00:00:02, 02:00:00:00:00:01)\n"
	"  --first-port N, --ports N       our ports, a power of two of them (16384, 64)\n"
	"  --vlan ID\n"
	"what comes back\n"
	"  --echo all|mac|none   the peer swaps MAC, addresses and ports, only MAC, or nothing\n"
	"  --sample N            check one of N in full, and how long it took (16)\n"
	"  --json FILE           also write the results there; - is standard output\n"
	"the port\n"
	"  --descriptors N, --mbufs N      (1024, 16383)\n"
	"  --link-wait S         for the link to come up (10)\n";

enum { IN_FLIGHT_MAX = 1 << 24, STEPS_SAID_MAX = OPTIONS_STEPS_MAX / 2 };

enum word {
	WORD_QUERIES = 1,
	WORD_PATTERN,
	WORD_RANGE,
	WORD_ZIPF,
	WORD_RANDOM_SUBDOMAIN,
	WORD_TABLE,
	WORD_EDNS,
	WORD_DO,
	WORD_IPV6,
	WORD_SEED,
	WORD_RATE,
	WORD_CURVE,
	WORD_SECONDS,
	WORD_WARM_UP,
	WORD_IN_FLIGHT,
	WORD_TIMEOUT,
	WORD_BURST,
	WORD_DST,
	WORD_DST6,
	WORD_PORT,
	WORD_SRC,
	WORD_SRC6,
	WORD_SOURCES,
	WORD_DST_MAC,
	WORD_SRC_MAC,
	WORD_FIRST_PORT,
	WORD_PORTS,
	WORD_VLAN,
	WORD_ECHO,
	WORD_SAMPLE,
	WORD_JSON,
	WORD_DESCRIPTORS,
	WORD_MBUFS,
	WORD_LINK_WAIT,
	WORD_HELP,
	WORDS_END
};

static const struct option words[] = {
	{"queries", required_argument, NULL, WORD_QUERIES},
	{"pattern", required_argument, NULL, WORD_PATTERN},
	{"range", required_argument, NULL, WORD_RANGE},
	{"zipf", required_argument, NULL, WORD_ZIPF},
	{"random-subdomain", no_argument, NULL, WORD_RANDOM_SUBDOMAIN},
	{"table", required_argument, NULL, WORD_TABLE},
	{"edns", required_argument, NULL, WORD_EDNS},
	{"do", required_argument, NULL, WORD_DO},
	{"ipv6", required_argument, NULL, WORD_IPV6},
	{"seed", required_argument, NULL, WORD_SEED},
	{"rate", required_argument, NULL, WORD_RATE},
	{"curve", required_argument, NULL, WORD_CURVE},
	{"seconds", required_argument, NULL, WORD_SECONDS},
	{"warm-up", required_argument, NULL, WORD_WARM_UP},
	{"in-flight", required_argument, NULL, WORD_IN_FLIGHT},
	{"timeout", required_argument, NULL, WORD_TIMEOUT},
	{"burst", required_argument, NULL, WORD_BURST},
	{"dst", required_argument, NULL, WORD_DST},
	{"dst6", required_argument, NULL, WORD_DST6},
	{"port", required_argument, NULL, WORD_PORT},
	{"src", required_argument, NULL, WORD_SRC},
	{"src6", required_argument, NULL, WORD_SRC6},
	{"sources", required_argument, NULL, WORD_SOURCES},
	{"dst-mac", required_argument, NULL, WORD_DST_MAC},
	{"src-mac", required_argument, NULL, WORD_SRC_MAC},
	{"first-port", required_argument, NULL, WORD_FIRST_PORT},
	{"ports", required_argument, NULL, WORD_PORTS},
	{"vlan", required_argument, NULL, WORD_VLAN},
	{"echo", required_argument, NULL, WORD_ECHO},
	{"sample", required_argument, NULL, WORD_SAMPLE},
	{"json", required_argument, NULL, WORD_JSON},
	{"descriptors", required_argument, NULL, WORD_DESCRIPTORS},
	{"mbufs", required_argument, NULL, WORD_MBUFS},
	{"link-wait", required_argument, NULL, WORD_LINK_WAIT},
	{"help", no_argument, NULL, WORD_HELP},
	{NULL, 0, NULL, 0},
};

/* While one option is read: what its errors speak of. */
struct reading {
	const char *option;
	const char *text;
	char *why; /* WHY_MAX */
};

static bool refuse(const struct reading *r, const char *wanted)
{
	(void)snprintf(r->why, WHY_MAX, "--%s %.100s: not %s", r->option, r->text,
	               wanted);
	return false;
}

static bool real(const struct reading *r, double least, double most, double *out)
{
	char wanted[80];
	char *end;
	double v = strtod(r->text, &end);

	if (end == r->text || *end != '\0' || !(v >= least && v <= most)) {
		(void)snprintf(wanted, sizeof wanted, "a number from %g to %g", least,
		               most);
		return refuse(r, wanted);
	}
	*out = v;
	return true;
}

static bool whole(const struct reading *r, unsigned long least, unsigned long most,
                  unsigned long *out)
{
	char wanted[80];
	char *end;

	errno = 0;
	unsigned long v = strtoul(r->text, &end, 10);
	if (*r->text < '0' || *r->text > '9' || *end != '\0' || errno || v < least ||
	    v > most) {
		(void)snprintf(wanted, sizeof wanted, "a whole number from %lu to %lu",
		               least, most);
		return refuse(r, wanted);
	}
	*out = v;
	return true;
}

static bool whole32(const struct reading *r, uint32_t least, uint32_t most, uint32_t *out)
{
	unsigned long v;

	if (!whole(r, least, most, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool whole16(const struct reading *r, uint16_t least, uint16_t most, uint16_t *out)
{
	unsigned long v;

	if (!whole(r, least, most, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool power_of_two(const struct reading *r, uint32_t most, uint32_t *out)
{
	uint32_t v;

	if (!whole32(r, 1, most, &v))
		return false;
	if (v & (v - 1))
		return refuse(r, "a power of two");
	*out = v;
	return true;
}

static bool percent(const struct reading *r, double *out)
{
	double v;

	if (!real(r, 0, 100, &v))
		return false;
	*out = v / 100;
	return true;
}

static bool mac(const struct reading *r, uint8_t out[static FRAME_MAC])
{
	unsigned v[FRAME_MAC];
	int end = 0;

	/* cert-err34-c: two hexadecimal digits always fit. */
	int n = sscanf(r->text, "%2x:%2x:%2x:%2x:%2x:%2x%n", // NOLINT(cert-err34-c)
	               &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end);
	if (n != FRAME_MAC || r->text[end] != '\0')
		return refuse(r, "a MAC address");
	for (unsigned i = 0; i < FRAME_MAC; i++)
		out[i] = (uint8_t)v[i];
	return true;
}

static bool address(const struct reading *r, int family, void *out)
{
	if (inet_pton(family, r->text, out) != 1)
		return refuse(r,
		              family == AF_INET ? "an IPv4 address" : "an IPv6 address");
	return true;
}

/* "max", or a number with k or M behind it, and perhaps "/N". Gives what follows, or NULL. */
static const char *one_rate(const char *text, struct options_step *out)
{
	char *end;

	out->in_flight = 0;
	if (strncmp(text, "max", 3) == 0) {
		out->rate = HUGE_VAL;
		text += 3;
	} else {
		out->rate = strtod(text, &end);
		if (end == text || !(out->rate > 0 && out->rate < 1e12))
			return NULL;
		if (*end == 'k' || *end == 'M')
			out->rate *= *end++ == 'k' ? 1e3 : 1e6;
		text = end;
	}
	if (*text != '/')
		return text;
	unsigned long n = strtoul(text + 1, &end, 10);
	if (end == text + 1 || n == 0 || n > IN_FLIGHT_MAX)
		return NULL;
	out->in_flight = (unsigned)n;
	return end;
}

static bool rates(const struct reading *r, struct options *o)
{
	const char *at = r->text;

	for (o->step_count = 0; o->step_count < STEPS_SAID_MAX; at++) {
		at = one_rate(at, &o->steps[o->step_count++]);
		if (!at || (*at != ',' && *at != '\0'))
			return refuse(r, "rates with commas between");
		if (*at == '\0')
			return true;
	}
	return refuse(r, "32 steps or less");
}

static bool curve(const struct reading *r, struct options *o)
{
	char *at;

	o->curve_count = 0;
	for (const char *text = r->text; o->curve_count < STEPS_SAID_MAX; text = at + 1) {
		double factor = strtod(text, &at);
		if (at == text || !(factor > 0 && factor <= 100) ||
		    (*at != ',' && *at != '\0'))
			return refuse(r, "multiples up to 100 with commas between");
		o->curve[o->curve_count++] = factor;
		if (*at == '\0')
			return true;
	}
	return refuse(r, "32 multiples or less");
}

static bool peer(const struct reading *r, enum frame_peer *out)
{
	static const char *const kinds[] = {
		[FRAME_PEER_SWAPS_ALL] = "all",
		[FRAME_PEER_SWAPS_MAC] = "mac",
		[FRAME_PEER_LOOPS] = "none",
	};

	for (unsigned i = FRAME_PEER_SWAPS_ALL; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(r->text, kinds[i]) == 0) {
			*out = (enum frame_peer)i;
			return true;
		}
	}
	return refuse(r, "all, mac or none");
}

/* What to ask. */
static bool read_queries(struct queryset_options *q, enum word word,
                         const struct reading *r)
{
	struct question_options *ask = &q->questions;
	uint32_t n;
	unsigned long seed;

	switch ((unsigned)word) {
	case WORD_QUERIES: ask->file = r->text; return true;
	case WORD_PATTERN: ask->pattern = r->text; return true;
	case WORD_RANGE: return whole32(r, 1, UINT32_MAX, &ask->range);
	case WORD_ZIPF: return real(r, 0.01, 10, &ask->zipf);
	case WORD_RANDOM_SUBDOMAIN: ask->random_subdomain = true; return true;
	case WORD_TABLE:
		if (!whole32(r, 1, QUERYSET_MAX, &n))
			return false;
		q->count = n;
		return true;
	case WORD_EDNS: return percent(r, &q->edns);
	case WORD_DO: return percent(r, &q->dnssec_ok);
	case WORD_IPV6: return percent(r, &q->ipv6);
	default: /* WORD_SEED */
		if (!whole(r, 1, UINT32_MAX, &seed))
			return false;
		q->seed = seed;
		return true;
	}
}

/* How fast, what comes back, and the port. */
static bool read_run(struct options *o, enum word word, const struct reading *r)
{
	switch ((unsigned)word) {
	case WORD_RATE: return rates(r, o);
	case WORD_CURVE: return curve(r, o);
	case WORD_SECONDS: return real(r, 0.01, 86400, &o->seconds);
	case WORD_WARM_UP: return real(r, 0, 3600, &o->warm_up);
	case WORD_IN_FLIGHT: return whole32(r, 1, IN_FLIGHT_MAX, &o->in_flight);
	case WORD_TIMEOUT: return real(r, 0.001, 60, &o->timeout);
	case WORD_BURST: return whole32(r, 1, OPTIONS_BURST_MAX, &o->burst);
	case WORD_ECHO: return peer(r, &o->peer);
	case WORD_SAMPLE: return power_of_two(r, FLIGHT_BLOCK, &o->sample_every);
	case WORD_JSON: o->json = r->text; return true;
	case WORD_DESCRIPTORS: return whole32(r, 32, 32768, &o->descriptors);
	case WORD_MBUFS: return whole32(r, 1024, 1 << 22, &o->mbufs);
	case WORD_LINK_WAIT: return real(r, 0, 3600, &o->link_wait);
	default: /* WORD_HELP */ o->help = true; return true;
	}
}

/* Where. */
static bool read_ends(struct frame_ends *e, enum word word, const struct reading *r)
{
	uint32_t n;

	switch ((unsigned)word) {
	case WORD_DST: return address(r, AF_INET, &e->dest);
	case WORD_DST6: return address(r, AF_INET6, &e->dest6);
	case WORD_PORT: return whole16(r, 1, UINT16_MAX, &e->dest_port);
	case WORD_SRC: return address(r, AF_INET, &e->source);
	case WORD_SRC6: return address(r, AF_INET6, &e->source6);
	case WORD_SOURCES: return whole32(r, 1, 1 << 24, &e->sources);
	case WORD_DST_MAC: return mac(r, e->dest_mac);
	case WORD_SRC_MAC: return mac(r, e->source_mac);
	case WORD_FIRST_PORT: return whole16(r, 1, UINT16_MAX, &e->first_port);
	case WORD_PORTS:
		if (!power_of_two(r, 1 << FLIGHT_PORT_BITS_MAX, &n))
			return false;
		e->ports = (uint16_t)n;
		return true;
	default: /* WORD_VLAN */
		if (!whole32(r, 0, 4094, &n))
			return false;
		e->vlan = (int)n;
		return true;
	}
}

/* What only shows when all options are known. */
static bool agree(struct options *o, char why[static WHY_MAX])
{
	const struct question_options *ask = &o->queries.questions;
	const struct frame_ends *e = &o->queries.ends;
	const char *reason = NULL;

	if (!ask->file == !ask->pattern)
		reason = "either --queries or --pattern is needed";
	else if (ask->file && ask->zipf > 0)
		reason = "--zipf is for --pattern";
	else if (e->first_port + e->ports > UINT16_MAX + 1)
		reason = "--first-port and --ports reach beyond 65535";
	else if (e->dest_port >= e->first_port && e->dest_port < e->first_port + e->ports)
		reason = "--port is among our own ports";
	else if (ntohl(e->source.s_addr) > UINT32_MAX - e->sources)
		reason = "--src and --sources reach beyond 255.255.255.255";
	else if (o->eal_argc == 0)
		reason =
			"no EAL arguments behind \"--\"; such as -l 0 --no-pci --vdev=net_ring0";
	if (reason)
		(void)snprintf(why, WHY_MAX, "%s", reason);
	else if (ask->pattern && o->queries.count == 0)
		o->queries.count = 200000;
	return !reason;
}

static void set_defaults(struct options *o)
{
	*o = (struct options){
		.queries =
			{
				.questions = {.range = 1000000},
				.ends =
					{
						.source_mac = {2, 0, 0, 0, 0, 1},
						.dest_mac = {2, 0, 0, 0, 0, 2},
						.source = {.s_addr = htonl(0x0a000001)},
						.dest = {.s_addr = htonl(0x0a000002)},
						.source6 = {.s6_addr = {0xfd, [15] = 1}},
						.dest6 = {.s6_addr = {0xfd, [15] = 2}},
						.sources = 1,
						.vlan = -1,
						.dest_port = 53,
						.first_port = 16384,
						.ports = 64,
					},
				.edns = 1,
				.seed = 1,
			},
		.steps = {{.rate = HUGE_VAL}},
		.step_count = 1,
		.seconds = 3,
		.warm_up = 0.5,
		.timeout = 0.25,
		.link_wait = 10,
		.burst = 32,
		.sample_every = 16,
		.descriptors = 1024,
		.mbufs = 16383,
	};
}

static bool read_one(struct options *o, enum word word, const struct reading *r)
{
	if (word <= WORD_SEED)
		return read_queries(&o->queries, word, r);
	if (word >= WORD_DST && word <= WORD_VLAN)
		return read_ends(&o->queries.ends, word, r);
	return read_run(o, word, r);
}

static bool read_all(struct options *o, int argc, char **argv, char why[static WHY_MAX])
{
	struct reading r = {.why = why};
	int which = 0;
	int word;

	opterr = 0;
	optind = 0; /* glibc: start over, for this may be called more than once */
	while ((word = getopt_long(argc, argv, "+:", words, &which)) != -1) {
		if (word == '?' || word == ':') {
			(void)snprintf(why, WHY_MAX, "%.100s %s", argv[optind - 1],
			               word == '?' ? "is no option" : "needs a value");
			return false;
		}
		r.option = words[which].name;
		r.text = optarg;
		if (!read_one(o, (enum word)word, &r))
			return false;
	}
	if (optind < argc) {
		(void)snprintf(why, WHY_MAX, "%.100s is no option", argv[optind]);
		return false;
	}
	return true;
}

/* Where "--" is, or argc. */
static int find_eal(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

bool options_parse(struct options *o, int argc, char **argv, char why[static WHY_MAX])
{
	int own = find_eal(argc, argv);

	set_defaults(o);
	if (!read_all(o, own, argv, why))
		return false;
	if (own + 1 < argc) {
		o->eal_argc = argc - own;
		o->eal_argv = argv + own;
		argv[own] = argv[0];
	}
	return o->help || agree(o, why);
}
