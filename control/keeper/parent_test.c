/*
 * Parents are asked over the loopback interface, of little servers that live on the same loop and behave as
 * each test has them.
 */
#include "control/keeper/parent.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "control/keeper/parent_testing.h"
#include "control/tsig/tsig.h"

enum { QUERY_MAX = 512, PREFIX = 2 };

struct server;

/* What a server does with a question, which it finds in the server. */
typedef void behaviour(struct server *s);

struct server {
	struct asking *f;
	behaviour *behave;
	uv_poll_t udp_poll, listener_poll, connection_poll;
	int udp, listener, connection; /* -1: none */
	unsigned asked;                /* over UDP and TCP together */
	struct sockaddr_in at;
	/* The question at hand. */
	struct sockaddr_in from;
	uint16_t id, len;
	bool tcp;
	uint8_t query[QUERY_MAX];
};

static struct server servers[SERVERS_MAX];
static struct test_answer answer;

/* ---- servers ---- */

static void reply_octets(struct server *s, const uint8_t *bytes, uint16_t len)
{
	uint8_t prefix[PREFIX];

	if (s->tcp) {
		wire_store16(prefix, len);
		assert_int_equal(send(s->connection, prefix, PREFIX, MSG_NOSIGNAL),
		                 PREFIX);
		assert_int_equal(send(s->connection, bytes, len, MSG_NOSIGNAL), len);
	} else {
		assert_int_equal(sendto(s->udp, bytes, len, 0,
		                        (const struct sockaddr *)&s->from,
		                        sizeof s->from),
		                 len);
	}
}

static void begin(const struct server *s, uint16_t flags)
{
	test_begin(&answer, s->id, flags);
}

static void reply(struct server *s)
{
	test_end(&answer);
	reply_octets(s, answer.bytes, answer.len);
}

/* Whatever else a test is about. */
static void check_question(const struct server *s)
{
	struct message m;
	struct message_scan scan;
	struct message_record r;
	struct message_opt opt;

	assert_int_equal(message_open(s->query, s->len, &m), 0);
	assert_int_equal(m.flags, MESSAGE_RD);
	assert_true(m.asked && name_equal(m.qname, test_apex));
	assert_int_equal(m.qtype, RRTYPE_DS);
	assert_int_equal(m.qclass, CLASS_IN);
	message_scan_begin(&scan, &m);
	assert_int_equal(message_scan_next(&scan, &r), 0);
	assert_int_equal(r.type, RRTYPE_OPT);
	assert_int_equal(opt_read(&r, &opt), 0);
	assert_int_equal(opt.udp_size, 1232);
	assert_false(opt.expire_asked);
}

static void take(struct server *s, bool tcp, uint16_t len)
{
	s->tcp = tcp;
	s->len = len;
	s->id = wire_load16(s->query);
	s->asked++;
	check_question(s);
	s->behave(s);
}

static void on_udp(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;
	socklen_t size = sizeof s->from;

	(void)events;
	assert_int_equal(status, 0);
	ssize_t n = recvfrom(s->udp, s->query, sizeof s->query, 0,
	                     (struct sockaddr *)&s->from, &size);
	assert_true(n > 0);
	take(s, false, (uint16_t)n);
}

static void end_watching(uv_poll_t *poll, int *fd)
{
	uv_close((uv_handle_t *)poll, NULL);
	close(*fd);
	*fd = -1;
}

static void leave(struct server *s)
{
	end_watching(&s->connection_poll, &s->connection);
}

/* The question comes in one piece, over this interface. */
static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;
	uint8_t prefix[PREFIX];

	(void)events;
	if (status < 0 || recv(s->connection, prefix, PREFIX, MSG_PEEK) != PREFIX) {
		leave(s);
		return;
	}
	uint16_t len = wire_load16(prefix);
	assert_int_equal(recv(s->connection, prefix, PREFIX, 0), PREFIX);
	assert_int_equal(recv(s->connection, s->query, sizeof s->query, 0), len);
	take(s, true, len);
}

static void watch(struct server *s, uv_poll_t *poll, int fd, uv_poll_cb on)
{
	assert_int_equal(uv_poll_init(&s->f->loop, poll, fd), 0);
	poll->data = s;
	assert_int_equal(uv_poll_start(poll, UV_READABLE, on), 0);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;

	(void)events;
	assert_int_equal(status, 0);
	assert_int_equal(s->connection, -1);
	s->connection = accept(s->listener, NULL, NULL);
	assert_true(s->connection >= 0);
	watch(s, &s->connection_poll, s->connection, on_connection);
}

/* UDP and TCP on one port, which is free for both at the second attempt if not at the first. */
static bool bind_both(struct server *s)
{
	socklen_t size = sizeof s->at;

	s->at = (struct sockaddr_in){.sin_family = AF_INET,
	                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	s->udp = socket(AF_INET, SOCK_DGRAM, 0);
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(s->udp >= 0 && s->listener >= 0);
	assert_int_equal(bind(s->udp, (struct sockaddr *)&s->at, size), 0);
	assert_int_equal(getsockname(s->udp, (struct sockaddr *)&s->at, &size), 0);
	if (bind(s->listener, (struct sockaddr *)&s->at, size) == 0 &&
	    listen(s->listener, 4) == 0)
		return true;
	close(s->udp);
	close(s->listener);
	return false;
}

/* Adds a server, which is a remote with one address. */
static struct server *add(struct asking *f, behaviour *behave)
{
	unsigned n = f->count++;
	struct server *s = &servers[n];

	assert_true(n < SERVERS_MAX);
	*s = (struct server){.f = f, .behave = behave, .connection = -1};
	for (unsigned tries = 0; !bind_both(s); tries++)
		assert_true(tries < 100);
	watch(s, &s->udp_poll, s->udp, on_udp);
	watch(s, &s->listener_poll, s->listener, on_listener);
	f->remotes[n] = (struct remote){.name = "parent", .count = 1};
	memcpy(&f->remotes[n].at[0], &s->at, sizeof s->at);
	return s;
}

static void end_server(struct server *s)
{
	if (s->connection >= 0)
		leave(s);
	if (s->listener >= 0)
		end_watching(&s->listener_poll, &s->listener);
	if (s->udp >= 0)
		end_watching(&s->udp_poll, &s->udp);
}

static int end(void **state)
{
	struct asking *f = *state;

	for (unsigned i = 0; i < f->count; i++)
		end_server(&servers[i]);
	return asking_end(state);
}

/* ---- behaviour ---- */

static void says_first(struct server *s)
{
	begin(s, TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 100);
	reply(s);
}

static void says_first_and_second(struct server *s)
{
	begin(s, TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA384, 7200);
	test_put_ds(&answer, 1, DS_SHA256, 7200);
	reply(s);
}

static void says_foreign(struct server *s)
{
	begin(s, TEST_ANSWER);
	test_put_ds(&answer, KEYS, DS_SHA256, 50);
	reply(s);
}

static void denies(struct server *s)
{
	begin(s, TEST_ANSWER);
	test_put_soa(&answer, ".");
	reply(s);
}

static void denies_as_the_child(struct server *s)
{
	begin(s, TEST_ANSWER);
	test_put_soa(&answer, "example.");
	reply(s);
}

static void refuses(struct server *s)
{
	begin(s, MESSAGE_QR | RCODE_REFUSED);
	reply(s);
}

/* A DS of ours, and one that is none. */
static void spoils_what_it_says(struct server *s)
{
	static const uint8_t octets[DS_HEADER - 1];

	begin(s, TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 100);
	test_put(&answer, &(struct test_record){.section = SECTION_ANSWER,
	                                        .owner = "example.",
	                                        .type = RRTYPE_DS,
	                                        .rdata = {octets, sizeof octets}});
	reply(s);
}

static void is_silent(struct server *s)
{
	(void)s;
}

static void hears_the_second_time(struct server *s)
{
	if (s->asked > 1)
		says_first(s);
}

static void truncates(struct server *s)
{
	begin(s, TEST_ANSWER | MESSAGE_TC);
	test_put_soa(&answer, "."); /* which is not to be believed */
	reply(s);
}

static void answers_over_tcp(struct server *s)
{
	if (s->tcp)
		says_first_and_second(s);
	else
		truncates(s);
}

static void is_silent_over_tcp(struct server *s)
{
	if (!s->tcp)
		truncates(s);
}

static void leaves_over_tcp(struct server *s)
{
	if (s->tcp)
		leave(s);
	else
		truncates(s);
}

/* A denial that is almost to the question: one octet at that place is another. */
static void lie(struct server *s, uint16_t at, uint8_t flip)
{
	begin(s, TEST_ANSWER);
	test_put_soa(&answer, ".");
	test_end(&answer);
	answer.bytes[at] ^= flip;
	reply_octets(s, answer.bytes, answer.len);
}

/* Somebody who sees the port, and answers from another one. */
static void lie_from_elsewhere(const struct server *s)
{
	int other = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(other >= 0);
	begin(s, TEST_ANSWER);
	test_put_soa(&answer, ".");
	test_end(&answer);
	assert_int_equal(sendto(other, answer.bytes, answer.len, 0,
	                        (const struct sockaddr *)&s->from, sizeof s->from),
	                 answer.len);
	close(other);
}

static void is_lied_about(struct server *s)
{
	const uint16_t type_at = MESSAGE_HEADER + 9;

	if (!s->tcp)
		lie_from_elsewhere(s);
	lie(s, 0, 0x80);        /* the ID */
	lie(s, 1, 1);           /* likewise */
	lie(s, 2, 0x80);        /* a question */
	lie(s, 2, 0x08);        /* of another opcode */
	lie(s, 14, 1);          /* about another name */
	lie(s, type_at + 1, 1); /* another type */
	lie(s, type_at + 3, 2); /* another class */
	lie(s, 5, 1);           /* without a question, which is then a record */
	reply_octets(s, s->query, s->len); /* an echo */
	if (!s->tcp)
		reply_octets(s, s->query, 1);
	says_first(s);
}

static void is_lied_about_over_tcp(struct server *s)
{
	if (s->tcp)
		is_lied_about(s);
	else
		truncates(s);
}

static struct tsig_key *key_of(const char *secret)
{
	const struct tsig_key_parts parts = {
		.name = (const uint8_t *)"\3key",
		.algorithm = (enum tsig_algorithm)tsig_algorithm_from_text("hmac-sha256"),
		.secret = (const uint8_t *)secret,
		.secret_len = strlen(secret),
		.tenant = ""};
	struct tsig_key *key;

	assert_int_equal(tsig_key_new(&parts, &key), 0);
	return key;
}

/* The server is to be asked with a key, which is known. */
static void use_key(struct asking *f, unsigned nth)
{
	struct tsig_keys *keys = tsig_keys_new();
	struct tsig_key *key = key_of("secret");

	assert_true(tsig_keys_add(keys, &key));
	keyring_swap(f->keyring, &keys);
	f->remotes[nth].key = (const uint8_t *)"\3key";
}

/* secret: NULL: the right one. */
static void reply_signed(struct server *s, uint16_t flags, const char *secret)
{
	struct tsig_exchange x = {0};
	uint64_t now = (uint64_t)time(NULL);

	assert_int_equal(tsig_take_request(&x, s->f->keyring, s->query, &s->len, now), 0);
	begin(s, flags);
	test_put_ds(&answer, 0, DS_SHA256, 100);
	test_end(&answer);
	/* What the exchange has running is of the key that it began with. */
	struct tsig_exchange other = x;
	other.running = NULL;
	other.key = secret ? key_of(secret) : tsig_key_hold(x.key);
	answer.len = tsig_sign_reply(&other, answer.bytes, answer.len,
	                             sizeof answer.bytes, now);
	reply_octets(s, answer.bytes, answer.len);
	tsig_end(&other);
	tsig_end(&x);
}

static void signs(struct server *s)
{
	reply_signed(s, TEST_ANSWER, NULL);
}

static void signs_as_somebody_else(struct server *s)
{
	reply_signed(s, TEST_ANSWER, "another");
}

/* A new exchange comes with the new question. */
static void signs_over_tcp(struct server *s)
{
	reply_signed(s, s->tcp ? TEST_ANSWER : TEST_ANSWER | MESSAGE_TC, NULL);
}

/* ---- what is seen ---- */

static void all_have_what_all_say(void **state)
{
	struct asking *f = *state;

	add(f, says_first);
	add(f, says_first);
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_int_equal(f->server_count, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_ABSENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 100);
	assert_false(f->foreign);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(f->said[i].err, 0);
		assert_int_equal(f->said[i].ds_count, 1);
		assert_int_equal(f->said[i].ttl, 100);
		assert_int_equal(servers[i].asked, 1);
	}
	assert_string_not_equal(f->said[0].text, f->said[1].text);
}

static void some_have_what_one_does_not_say(void **state)
{
	struct asking *f = *state;

	add(f, says_first);
	add(f, says_first_and_second);
	add(f, says_first);
	ask(f);
	assert_int_equal(f->answered, 3);
	assert_seen(f, LIFE_PRESENT, LIFE_SOME, LIFE_ABSENT);
	assert_int_equal(f->ttl, 7200);
}

static void none_has_what_all_deny(void **state)
{
	struct asking *f = *state;

	add(f, denies);
	add(f, denies);
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_seen(f, LIFE_ABSENT, LIFE_ABSENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 0);
	assert_false(f->foreign);
}

static void a_denial_among_others_makes_it_some(void **state)
{
	struct asking *f = *state;

	add(f, denies);
	add(f, says_first);
	ask(f);
	assert_seen(f, LIFE_SOME, LIFE_ABSENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 100);
}

static void a_ds_of_nobodys_is_told(void **state)
{
	struct asking *f = *state;

	add(f, says_first);
	add(f, says_foreign);
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_seen(f, LIFE_SOME, LIFE_ABSENT, LIFE_ABSENT);
	assert_true(f->foreign);
}

static void every_address_of_a_remote_is_a_server(void **state)
{
	struct asking *f = *state;

	add(f, says_first);
	add(f, says_first_and_second);
	f->remotes[0].at[1] = f->remotes[1].at[0];
	f->remotes[0].count = 2;
	f->count = 1;
	ask(f);
	f->count = 2;
	assert_int_equal(f->server_count, 2);
	assert_int_equal(f->answered, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_SOME, LIFE_ABSENT);
}

static void without_servers_nothing_is_known(void **state)
{
	struct asking *f = *state;

	ask(f);
	assert_int_equal(f->answered, 0);
	assert_int_equal(f->server_count, 0);
}

/* ---- who does not count ---- */

static void who_refuses_does_not_count(void **state)
{
	struct asking *f = *state;

	add(f, refuses);
	add(f, says_first);
	add(f, denies_as_the_child);
	ask(f);
	assert_int_equal(f->answered, 1);
	assert_seen(f, LIFE_PRESENT, LIFE_ABSENT, LIFE_ABSENT);
	assert_failed(f, 0, ERR_REFUSED, "it answers REFUSED");
	assert_failed(f, 2, ERR_REFUSED,
	              "it answers for the zone itself, not for its parent");
}

static void nothing_of_a_malformed_answer_counts(void **state)
{
	struct asking *f = *state;

	add(f, spoils_what_it_says);
	add(f, denies);
	ask(f);
	assert_int_equal(f->answered, 1);
	assert_seen(f, LIFE_ABSENT, LIFE_ABSENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 0);
	assert_failed(f, 0, ERR_CORRUPT, "it has a DS record that is malformed");
}

static void when_all_refuse_nothing_is_known(void **state)
{
	struct asking *f = *state;

	add(f, refuses);
	add(f, denies_as_the_child);
	ask(f);
	assert_int_equal(f->answered, 0);
	assert_int_equal(f->ttl, 0);
	assert_false(f->foreign);
}

/* It waits for the slowest, and no longer: seconds over UDP, and then over TCP. */
static void who_is_silent_does_not_count(void **state)
{
	struct asking *f = *state;

	add(f, is_silent);
	add(f, says_first);
	add(f, is_silent_over_tcp);
	ask(f);
	assert_int_equal(f->answered, 1);
	assert_seen(f, LIFE_PRESENT, LIFE_ABSENT, LIFE_ABSENT);
	assert_failed(f, 0, ERR_TIMEOUT, "no answer");
	assert_failed(f, 2, ERR_TIMEOUT, "no answer");
	assert_int_equal(servers[0].asked, 3);
	assert_int_equal(servers[2].asked, 2);
}

static void who_is_not_there_does_not_count(void **state)
{
	struct asking *f = *state;

	end_server(add(f, says_first));
	add(f, denies);
	ask(f);
	assert_int_equal(f->answered, 1);
	assert_int_equal(f->said[0].err, ERR_SYSTEM);
	assert_string_not_equal(f->why[0], "");
	assert_seen(f, LIFE_ABSENT, LIFE_ABSENT, LIFE_ABSENT);
}

static void what_is_lost_is_asked_again(void **state)
{
	struct asking *f = *state;

	add(f, hears_the_second_time);
	ask(f);
	assert_int_equal(f->answered, 1);
	assert_int_equal(servers[0].asked, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_ABSENT, LIFE_ABSENT);
}

static void lies_of_others_are_passed_over(void **state)
{
	struct asking *f = *state;

	add(f, is_lied_about);
	add(f, is_lied_about_over_tcp);
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_ABSENT, LIFE_ABSENT);
}

static void ids_are_not_to_be_guessed(void **state)
{
	struct asking *f = *state;
	uint16_t ids[8];
	bool same = true;
	bool step = true;

	add(f, denies);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		ask(f);
		ids[i] = servers[0].id;
	}
	for (size_t i = 1; i < ARRAY_LEN(ids); i++) {
		same &= ids[i] == ids[0];
		step &= (uint16_t)(ids[i] - ids[i - 1]) == (uint16_t)(ids[1] - ids[0]);
	}
	assert_false(same);
	assert_false(step);
}

/* ---- over TCP ---- */

static void what_does_not_fit_comes_over_tcp(void **state)
{
	struct asking *f = *state;

	add(f, answers_over_tcp);
	ask(f);
	assert_int_equal(f->answered, 1);
	assert_int_equal(servers[0].asked, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_PRESENT, LIFE_ABSENT);
	assert_int_equal(f->ttl, 7200);
}

static void what_does_not_fit_even_there_does_not_count(void **state)
{
	struct asking *f = *state;

	add(f, truncates);
	ask(f);
	assert_int_equal(f->answered, 0);
	assert_int_equal(servers[0].asked, 2);
	assert_failed(f, 0, ERR_CORRUPT, "its answer is cut short");
}

static void who_leaves_does_not_count(void **state)
{
	struct asking *f = *state;

	add(f, leaves_over_tcp);
	ask(f);
	assert_int_equal(f->answered, 0);
	assert_int_equal(f->said[0].err, ERR_GONE);
}

static void who_is_not_there_over_tcp_does_not_count(void **state)
{
	struct asking *f = *state;
	struct server *s = add(f, truncates);

	end_watching(&s->listener_poll, &s->listener);
	ask(f);
	assert_int_equal(f->answered, 0);
	assert_int_equal(f->said[0].err, ERR_GONE);
}

/* ---- with TSIG ---- */

static void answers_that_are_signed_count(void **state)
{
	struct asking *f = *state;

	add(f, signs);
	add(f, signs_over_tcp);
	use_key(f, 0);
	use_key(f, 1);
	ask(f);
	assert_int_equal(f->answered, 2);
	assert_int_equal(servers[1].asked, 2);
	assert_seen(f, LIFE_PRESENT, LIFE_ABSENT, LIFE_ABSENT);
}

static void answers_that_are_not_signed_rightly_do_not_count(void **state)
{
	static const char why[] = "the answer's signature is wrong";
	struct asking *f = *state;

	add(f, says_first);
	add(f, signs_as_somebody_else);
	use_key(f, 0);
	use_key(f, 1);
	ask(f);
	assert_int_equal(f->answered, 0);
	assert_failed(f, 0, ERR_DENIED, why);
	assert_failed(f, 1, ERR_DENIED, why);
}

static void without_the_key_nobody_is_asked(void **state)
{
	struct asking *f = *state;

	add(f, says_first);
	add(f, says_first);
	f->remotes[0].key = (const uint8_t *)"\7unknown";
	ask(f);
	assert_int_equal(servers[0].asked, 0);
	assert_failed(f, 0, ERR_NOTFOUND, "its TSIG key is not known");
	assert_int_equal(f->answered, 1);
	f->remotes[1].key = f->remotes[0].key;
	ask(f);
	assert_int_equal(f->answered, 0);
}

/* ---- dropping ---- */

static void it_may_be_dropped_when_it_is_done(void **state)
{
	struct asking *f = *state;

	f->drop_in_done = true;
	add(f, says_first);
	add(f, answers_over_tcp);
	ask(f);
	assert_null(f->parent);
	assert_int_equal(f->answered, 2);
}

static void who_has_dropped_it_hears_nothing(void **state)
{
	struct asking *f = *state;

	add(f, says_first);
	add(f, is_silent);
	begin_asking(f);
	parent_drop(&f->parent);
	assert_null(f->parent);
	for (unsigned i = 0; i < 10; i++)
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(servers[0].asked, 0);
	begin_asking(f);
	while (servers[0].asked == 0 || servers[1].asked == 0)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	parent_drop(&f->parent);
	for (unsigned i = 0; i < 10; i++)
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->calls, 0);
	parent_drop(&f->parent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, asking_begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_have_what_all_say),
		TEST(some_have_what_one_does_not_say),
		TEST(none_has_what_all_deny),
		TEST(a_denial_among_others_makes_it_some),
		TEST(a_ds_of_nobodys_is_told),
		TEST(every_address_of_a_remote_is_a_server),
		TEST(without_servers_nothing_is_known),
		TEST(who_refuses_does_not_count),
		TEST(nothing_of_a_malformed_answer_counts),
		TEST(when_all_refuse_nothing_is_known),
		TEST(who_is_silent_does_not_count),
		TEST(who_is_not_there_does_not_count),
		TEST(what_is_lost_is_asked_again),
		TEST(lies_of_others_are_passed_over),
		TEST(ids_are_not_to_be_guessed),
		TEST(what_does_not_fit_comes_over_tcp),
		TEST(what_does_not_fit_even_there_does_not_count),
		TEST(who_leaves_does_not_count),
		TEST(who_is_not_there_over_tcp_does_not_count),
		TEST(answers_that_are_signed_count),
		TEST(answers_that_are_not_signed_rightly_do_not_count),
		TEST(without_the_key_nobody_is_asked),
		TEST(it_may_be_dropped_when_it_is_done),
		TEST(who_has_dropped_it_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
