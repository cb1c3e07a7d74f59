// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "perf/loadgen/options.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

enum { WORDS_MAX = 32, LINE_MAX_LEN = 600 };

struct line {
	char text[LINE_MAX_LEN];
	char *argv[WORDS_MAX];
	int argc;
};

/* Takes a line apart at its blanks; '~' stands for a blank inside a word. */
static void split(struct line *l, const char *text)
{
	char *rest = NULL;

	assert_true(strlen(text) < LINE_MAX_LEN);
	strcpy(l->text, text);
	l->argv[0] = (char[]){"anser-load"};
	l->argc = 1;
	for (char *w = strtok_r(l->text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		for (char *c = w; *c; c++)
			if (*c == '~')
				*c = ' ';
		l->argv[l->argc++] = w;
	}
	l->argv[l->argc] = NULL;
}

#define EAL " -- -l 0 --no-pci --vdev=net_ring0"

static void everything_can_be_said(void **state)
{
	static struct line l;
	struct options o;
	char why[WHY_MAX];

	(void)state;
	split(&l,
	      "--pattern n%07u.example.~A --range 5000 --zipf 1.1 --random-subdomain --table 777"
	      " --edns 80 --do 50 --ipv6 25 --seed 9 --rate 300k,1.5M,max/64,17 --seconds 2"
	      " --warm-up=0 --in-flight 512" EAL);
	assert_true(options_parse(&o, l.argc, l.argv, why));
	assert_string_equal(o.queries.questions.pattern, "n%07u.example. A");
	assert_int_equal(o.queries.questions.range, 5000);
	assert_true(o.queries.questions.random_subdomain);
	assert_int_equal(o.queries.count, 777);
	assert_true(o.queries.edns == 0.8 && o.queries.dnssec_ok == 0.5 &&
	            o.queries.ipv6 == 0.25);
	assert_int_equal(o.queries.seed, 9);
	assert_int_equal(o.step_count, 4);
	assert_true(o.steps[0].rate == 300e3 && o.steps[1].rate == 1.5e6);
	assert_true(isinf(o.steps[2].rate) && o.steps[2].in_flight == 64);
	assert_true(o.steps[3].rate == 17 && o.steps[3].in_flight == 0);
	assert_int_equal(o.curve_count, 0);
	assert_true(o.seconds == 2 && o.warm_up == 0 && o.in_flight == 512);
	assert_int_equal(o.eal_argc, 5);
	assert_string_equal(o.eal_argv[0], l.argv[0]);
	assert_string_equal(o.eal_argv[4], "--vdev=net_ring0");

	split(&l,
	      "--queries file --curve 0.1,1,3 --dst 192.0.2.1 --dst6 2001:db8::1 --port 5300"
	      " --src-mac 0a:1B:2c:3d:4e:5f --vlan 12 --ports 8 --echo mac --sample 1" EAL);
	assert_true(options_parse(&o, l.argc, l.argv, why));
	assert_true(o.step_count == 1 && isinf(o.steps[0].rate));
	assert_true(o.curve_count == 3 && o.curve[0] == 0.1 && o.curve[2] == 3);
	assert_int_equal(o.queries.count, 0);
	assert_int_equal(o.queries.ends.dest.s_addr, htonl(0xc0000201));
	assert_int_equal(o.queries.ends.dest6.s6_addr[15], 1);
	assert_int_equal(o.queries.ends.dest_port, 5300);
	assert_memory_equal(o.queries.ends.source_mac, "\x0a\x1b\x2c\x3d\x4e\x5f",
	                    FRAME_MAC);
	assert_int_equal(o.queries.ends.vlan, 12);
	assert_int_equal(o.queries.ends.ports, 8);
	assert_int_equal(o.peer, FRAME_PEER_SWAPS_MAC);
	assert_int_equal(o.sample_every, 1);
}

static void help_needs_nothing_else(void **state)
{
	static struct line l;
	struct options o;
	char why[WHY_MAX];

	(void)state;
	split(&l, "--help");
	assert_true(options_parse(&o, l.argc, l.argv, why));
	assert_true(o.help);
}

static void bad_options_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"--bogus" EAL, "--bogus is no option"},
		{"stray" EAL, "stray is no option"},
		{"--queries", "--queries needs a value"},
		{EAL, "either --queries or --pattern"},
		{"--queries f --pattern p" EAL, "either --queries or --pattern"},
		{"--queries f", "no EAL arguments"},
		{"--queries f --", "no EAL arguments"},
		{"--queries f --zipf 1" EAL, "--zipf is for --pattern"},
		{"--zipf 0" EAL, "--zipf 0: not a number from 0.01 to 10"},
		{"--zipf nan" EAL, "--zipf nan: not a number"},
		{"--range 0" EAL, "--range 0: not a whole number from 1 to"},
		{"--range -1" EAL, "--range -1: not a whole number"},
		{"--range 1x" EAL, "--range 1x: not a whole number"},
		{"--table 9999999" EAL,
	         "--table 9999999: not a whole number from 1 to 1048576"},
		{"--do 101" EAL, "--do 101: not a number from 0 to 100"},
		{"--edns ten" EAL, "--edns ten: not a number"},
		{"--rate 0" EAL, "--rate 0: not rates"},
		{"--rate 1M,,2M" EAL, "not rates with commas"},
		{"--rate 1G" EAL, "not rates with commas"},
		{"--rate maximum" EAL, "not rates with commas"},
		{"--rate max/0" EAL, "not rates with commas"},
		{"--rate max/x" EAL, "not rates with commas"},
		{"--curve max" EAL, "not multiples up to 100"},
		{"--curve 1k" EAL, "not multiples up to 100"},
		{"--seconds 0" EAL, "--seconds 0: not a number"},
		{"--burst 257" EAL, "--burst 257: not a whole number from 1 to 256"},
		{"--sample 3" EAL, "--sample 3: not a power of two"},
		{"--sample 128" EAL, "--sample 128: not a whole number from 1 to 64"},
		{"--ports 48" EAL, "--ports 48: not a power of two"},
		{"--ports 2048" EAL, "--ports 2048: not a whole number"},
		{"--queries f --ports 1024 --first-port 65000" EAL, "reach beyond 65535"},
		{"--queries f --first-port 50 --ports 4" EAL,
	         "--port is among our own ports"},
		{"--queries f --src 255.255.255.250 --sources 9" EAL, "reach beyond 255"},
		{"--dst 10.0.0" EAL, "--dst 10.0.0: not an IPv4 address"},
		{"--src6 10.0.0.1" EAL, "--src6 10.0.0.1: not an IPv6 address"},
		{"--dst-mac 02:00:00:00:00" EAL,
	         "--dst-mac 02:00:00:00:00: not a MAC address"},
		{"--dst-mac 02:00:00:00:00:010" EAL, "not a MAC address"},
		{"--vlan 4095" EAL, "--vlan 4095: not a whole number from 0 to 4094"},
		{"--echo yes" EAL, "--echo yes: not all, mac or none"},
	};
	static struct line l;
	struct options o;
	char why[WHY_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		split(&l, cases[i].line);
		why[0] = '\0';
		assert_false(options_parse(&o, l.argc, l.argv, why));
		if (!strstr(why, cases[i].why))
			fail_msg("\"%s\": \"%s\"", cases[i].line, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_can_be_said),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(bad_options_are_refused_with_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
