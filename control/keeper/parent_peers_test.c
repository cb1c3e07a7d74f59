/*
 * Parents as others are: BIND and Knot, one that has the parent, one that has the zone as well, and one that
 * has the zone alone.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/keeper/parent_testing.h"
#include "control/sign/peers_testing.h"

enum {
	MANY = 40, /* DS records, which do not fit into a datagram */
	PAUSE_NS = 50000000,
	ROUNDS_MAX = 400, /* of pauses and questions, until all have started */
};

enum { BIND_PARENT, KNOT_BOTH, BIND_CHILD, PEERS };
static struct {
	pid_t pid;
	uint16_t port;
} peers[PEERS];

/* ---- what they serve ---- */

static FILE *create(const char *name)
{
	FILE *to = fopen(name, "w");

	assert_non_null(to);
	return to;
}

static void put_ds(FILE *to, const uint8_t *zone, const char *text, unsigned key,
                   uint8_t digest)
{
	uint8_t ds[DS_MAX];
	int len = ds_make(zone, test_key(key), digest, ds);

	assert_true(len > DS_HEADER);
	fprintf(to, "%s 1234 DS %u %u %u ", text, wire_load16(ds), ds[2], ds[3]);
	for (int i = DS_HEADER; i < len; i++)
		fprintf(to, "%02x", ds[i]);
	fputc('\n', to);
}

static void write_zones(void)
{
	FILE *to = create("root.zone");

	fputs(". 3600 SOA a. h. 1 3600 600 86400 300\n. 3600 NS a.\n"
	      "a. 3600 A 127.0.0.1\nexample. 3600 NS a.\nbare. 3600 NS a.\n"
	      "many. 3600 NS a.\n",
	      to);
	put_ds(to, (const uint8_t *)"\7example", "example.", 0, DS_SHA256);
	put_ds(to, (const uint8_t *)"\7example", "example.", 1, DS_SHA384);
	put_ds(to, (const uint8_t *)"\4many", "many.", 2, DS_SHA256);
	for (unsigned i = 1; i < MANY; i++)
		fprintf(to, "many. 1234 DS %u 13 2 %064x\n", i, i);
	assert_int_equal(fclose(to), 0);
	to = create("example.zone");
	fputs("example. 3600 SOA a. h. 1 3600 600 86400 300\nexample. 3600 NS a.\n", to);
	assert_int_equal(fclose(to), 0);
}

static void configure_bind(const char *name, uint16_t port, const char *zone,
                           const char *file)
{
	FILE *to = create(name);

	fprintf(to,
	        "options { directory \"%s\"; listen-on port %u { 127.0.0.1; };\n"
	        "listen-on-v6 { none; }; pid-file none; session-keyfile none;\n"
	        "recursion no; dnssec-validation no; empty-zones-enable no;\n"
	        "check-integrity no; notify no; };\ncontrols { };\n"
	        "key \"key.\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n"
	        "zone \"%s\" { type primary; file \"%s\"; };\n",
	        directory, port, zone, file);
	assert_int_equal(fclose(to), 0);
}

static void configure_knot(uint16_t port)
{
	FILE *to = create("knot.conf");

	fprintf(to,
	        "server:\n  listen: 127.0.0.1@%u\n  rundir: %s\n  udp-workers: 1\n"
	        "  tcp-workers: 1\n  background-workers: 1\n"
	        "control:\n  listen: %s/knot.sock\ndatabase:\n  storage: %s\n"
	        "log:\n  - target: stderr\n    any: info\n"
	        "zone:\n  - domain: .\n    file: %s/root.zone\n"
	        "  - domain: example.\n    file: %s/example.zone\n",
	        port, directory, directory, directory, directory, directory);
	assert_int_equal(fclose(to), 0);
}

/* ---- starting and ending them ---- */

/* Gives each a port that is free for now, and another one than the others. */
static void choose_ports(void)
{
	int fds[PEERS];

	for (unsigned i = 0; i < PEERS; i++) {
		struct sockaddr_in at = {.sin_family = AF_INET,
		                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t size = sizeof at;

		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_true(fds[i] >= 0);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&at, size), 0);
		assert_int_equal(getsockname(fds[i], (struct sockaddr *)&at, &size), 0);
		peers[i].port = ntohs(at.sin_port);
	}
	for (unsigned i = 0; i < PEERS; i++)
		close(fds[i]);
}

/* It ends with this process, however that ends. */
static pid_t start(const char *program, const char *const *words, const char *log)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || !freopen(log, "w", stdout) ||
	    dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(126);
	(void)execv(program, (char *const *)(uintptr_t)words);
	_exit(127);
}

static int start_all(void **state)
{
	static const char named[] = "/usr/sbin/named";
	static const char knotd[] = "/usr/sbin/knotd";
	static const char *const parent[] = {named, "-g",          "-n", "1",
	                                     "-c",  "parent.conf", NULL};
	static const char *const child[] = {named, "-g",         "-n", "1",
	                                    "-c",  "child.conf", NULL};
	static const char *const both[] = {knotd, "-c", "knot.conf", NULL};

	if (make_directory(state) != 0)
		return -1;
	choose_ports();
	write_zones();
	configure_bind("parent.conf", peers[BIND_PARENT].port, ".", "root.zone");
	configure_bind("child.conf", peers[BIND_CHILD].port, "example.", "example.zone");
	configure_knot(peers[KNOT_BOTH].port);
	peers[BIND_PARENT].pid = start(named, parent, "parent.log");
	peers[BIND_CHILD].pid = start(named, child, "child.log");
	peers[KNOT_BOTH].pid = start(knotd, both, "knot.log");
	return 0;
}

static int end_all(void **state)
{
	for (unsigned i = 0; i < PEERS; i++) {
		if (peers[i].pid <= 0)
			continue;
		(void)kill(peers[i].pid, SIGTERM);
		(void)waitpid(peers[i].pid, NULL, 0);
	}
	return remove_directory(state);
}

/* ---- asking them ---- */

static void add_all(struct asking *f)
{
	for (unsigned i = 0; i < PEERS; i++) {
		const struct sockaddr_in at = {.sin_family = AF_INET,
		                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		                               .sin_port = htons(peers[i].port)};

		f->remotes[i] = (struct remote){.name = "peer", .count = 1};
		memcpy(&f->remotes[i].at[0], &at, sizeof at);
	}
	f->count = PEERS;
}

/* They take a while before they answer, and may refuse in the meantime. */
static void wait_for_all(struct asking *f)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (unsigned rounds = 0; rounds < ROUNDS_MAX; rounds++) {
		ask(f);
		if (f->answered == 2 && strstr(f->why[BIND_CHILD], "for the zone itself"))
			return;
		(void)nanosleep(&pause, NULL);
	}
	fail_msg("%s: %s, %s: %s, %s: %s", f->said[0].text, f->why[0], f->said[1].text,
	         f->why[1], f->said[2].text, f->why[2]);
}

static int begin(void **state)
{
	if (asking_begin(state) < 0)
		return -1;
	add_all(*state);
	wait_for_all(*state);
	return 0;
}

static void who_has_the_parent_says_it_and_who_has_the_zone_alone_does_not(void **state)
{
	struct asking *f = *state;

	ask(f);
	assert_int_equal(f->answered, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_PRESENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 1234);
	assert_false(f->foreign);
	assert_int_equal(f->said[BIND_PARENT].ds_count, 2);
	assert_int_equal(f->said[KNOT_BOTH].ds_count, 2);
	assert_failed(f, BIND_CHILD, ERR_REFUSED,
	              "it answers for the zone itself, not for its parent");
}

static void a_delegation_without_ds_has_none(void **state)
{
	struct asking *f = *state;

	f->zone = (const uint8_t *)"\4bare";
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_seen(f, LIFE_ABSENT, LIFE_ABSENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 0);
	assert_failed(f, BIND_CHILD, ERR_REFUSED, "it answers REFUSED");
}

static void many_come_over_tcp(void **state)
{
	struct asking *f = *state;

	f->zone = (const uint8_t *)"\4many";
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_int_equal(f->said[BIND_PARENT].ds_count, MANY);
	assert_int_equal(f->said[KNOT_BOTH].ds_count, MANY);
	assert_seen(f, LIFE_ABSENT, LIFE_ABSENT, LIFE_PRESENT);
	assert_true(f->foreign);
}

static void what_is_not_delegated_is_not_known(void **state)
{
	struct asking *f = *state;

	f->zone = (const uint8_t *)"\7nothing";
	ask(f);
	assert_int_equal(f->answered, 0);
	assert_failed(f, BIND_PARENT, ERR_REFUSED,
	              "it answers NXDOMAIN: it knows of no delegation");
	assert_failed(f, KNOT_BOTH, ERR_REFUSED,
	              "it answers NXDOMAIN: it knows of no delegation");
}

/* The same word as in its configuration, and another one, which it does not know. */
static void what_it_signs_is_taken_and_what_it_does_not_know_is_refused(void **state)
{
	static const char *const secrets[] = {"secret", "another"};
	struct asking *f = *state;

	f->count = 1;
	f->remotes[BIND_PARENT].key = (const uint8_t *)"\3key";
	for (unsigned i = 0; i < ARRAY_LEN(secrets); i++) {
		const struct tsig_key_parts parts = {
			.name = (const uint8_t *)"\3key",
			.algorithm = (enum tsig_algorithm)tsig_algorithm_from_text(
				"hmac-sha256"),
			.secret = (const uint8_t *)secrets[i],
			.secret_len = strlen(secrets[i]),
			.tenant = ""};
		struct tsig_keys *keys = tsig_keys_new();
		struct tsig_key *key;

		assert_int_equal(tsig_key_new(&parts, &key), 0);
		assert_true(tsig_keys_add(keys, &key));
		keyring_swap(f->keyring, &keys);
		ask(f);
		assert_int_equal(f->answered, i == 0);
		assert_int_equal(f->said[0].err, i == 0 ? 0 : ERR_DENIED);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, asking_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_the_parent_says_it_and_who_has_the_zone_alone_does_not),
		TEST(a_delegation_without_ds_has_none),
		TEST(many_come_over_tcp),
		TEST(what_is_not_delegated_is_not_known),
		TEST(what_it_signs_is_taken_and_what_it_does_not_know_is_refused),
	};

	return cmocka_run_group_tests(tests, start_all, end_all);
}
