/*
 * The dispatcher with a way back that ends in the test's memory, and an empty table, from which every
 * question is refused.
 */
#include "control/net/dispatch.h"

#include <stdlib.h>
#include <time.h>

#include "control/net/testing.h"
#include "shared/cacheline.h"
#include "shared/err.h"
#include "shared/rcu.h"
#include "shared/rrtype.h"

enum { ANSWERS_MAX = 16, ROOM = 4096, UDP_MOST = 1232, VERSION_1 = 0x10000 };

struct fixture {
	uv_loop_t loop;
	struct config *config;
	struct counters *counters;
	struct table_writer *writer;
	struct table_source source;
	struct keyring *keyring;
	struct dispatch *dispatch;
	struct request_line line;
	bool full;
	unsigned answers;
	uint8_t answer[ANSWERS_MAX][ROOM];
	uint16_t answer_len[ANSWERS_MAX];
	unsigned done;
	struct request *taken[DISPATCH_KINDS]; /* by the handler of this kind */
	unsigned told;
	struct tsig_exchange asked; /* by the client */
};

/* ---- the way back, and those who deal with requests ---- */

static int line_send(struct request_line *l, const struct request *r,
                     const uint8_t *message, uint16_t len)
{
	struct fixture *f = l->arg;

	assert_ptr_equal(r->line, l);
	assert_true(f->answers < ANSWERS_MAX);
	assert_true(len <= ROOM);
	memcpy(f->answer[f->answers], message, len);
	f->answer_len[f->answers++] = len;
	return 0;
}

static bool line_has_room(struct request_line *l)
{
	const struct fixture *f = l->arg;

	return !f->full;
}

static void line_done(struct request_line *l)
{
	struct fixture *f = l->arg;

	f->done++;
}

static void take(struct fixture *f, enum dispatch_kind kind, struct request **r,
                 const struct message *m)
{
	assert_ptr_equal(m->bytes, (*r)->bytes);
	assert_null(f->taken[kind]);
	f->taken[kind] = *r;
	*r = NULL;
}

static void take_transfer(void *arg, struct request **r, const struct message *m)
{
	take(arg, DISPATCH_TRANSFER, r, m);
}

static void take_notify(void *arg, struct request **r, const struct message *m)
{
	take(arg, DISPATCH_NOTIFY, r, m);
}

static void take_update(void *arg, struct request **r, const struct message *m)
{
	struct message own = *m;

	if (dispatch_verify(r, &own))
		take(arg, DISPATCH_UPDATE, r, &own);
}

static void take_update_as_it_came(void *arg, struct request **r, const struct message *m)
{
	take(arg, DISPATCH_UPDATE, r, m);
}

static void take_expire(void *arg, struct request **r, const struct message *m)
{
	take(arg, DISPATCH_EXPIRE, r, m);
}

static void on_told(void *arg)
{
	struct fixture *f = arg;

	f->told++;
}

static const uint8_t key_name[] = {1, 'k', 0};
static const uint8_t stranger_name[] = {1, 's', 0};

static struct tsig_key *new_key(const uint8_t *name)
{
	static const uint8_t secret[32] = "a secret of thirty-two octets..";
	const struct tsig_key_parts parts = {.name = name,
	                                     .algorithm = TSIG_SHA256,
	                                     .secret = secret,
	                                     .secret_len = sizeof secret,
	                                     .tenant = ""};
	struct tsig_key *k = NULL;

	assert_int_equal(tsig_key_new(&parts, &k), 0);
	return k;
}

/* The key k is known, the key s is not. */
static void fill_keyring(struct fixture *f)
{
	struct tsig_keys *keys = tsig_keys_new();
	struct tsig_key *k = new_key(key_name);

	f->keyring = keyring_new();
	assert_true(tsig_keys_add(keys, &k));
	keyring_swap(f->keyring, &keys);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->config = calloc(1, sizeof *f->config);
	f->counters = cacheline_new(sizeof *f->counters);
	assert_non_null(f->config);
	assert_non_null(f->counters);
	f->config->udp_max_ipv4 = f->config->udp_max_ipv6 = UDP_MOST;
	f->source.counters = f->counters;
	f->source.current = test_empty_table(0, &f->writer);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	fill_keyring(f);
	assert_int_equal(
		dispatch_open(&f->loop, f->config, &f->source, f->keyring, &f->dispatch),
		0);
	f->line = (struct request_line){.all = dispatch_requests(f->dispatch),
	                                .way = REQUEST_TCP,
	                                .send = line_send,
	                                .has_room = line_has_room,
	                                .done = line_done,
	                                .arg = f};
	rcu_reader_begin();
	rcu_reader_offline();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tsig_end(&f->asked);
	for (unsigned kind = 0; kind < DISPATCH_KINDS; kind++)
		request_done(&f->taken[kind]);
	request_line_end(&f->line);
	dispatch_close(&f->dispatch);
	keyring_free(&f->keyring);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	rcu_reader_end();
	writer_close(&f->writer);
	free(f->counters);
	free(f->config);
	free(f);
	return 0;
}

static void set_all(struct fixture *f)
{
	dispatch_set(f->dispatch, DISPATCH_TRANSFER, take_transfer, f);
	dispatch_set(f->dispatch, DISPATCH_NOTIFY, take_notify, f);
	dispatch_set(f->dispatch, DISPATCH_UPDATE, take_update, f);
	dispatch_set(f->dispatch, DISPATCH_EXPIRE, take_expire, f);
}

/* ---- messages ---- */

struct asked {
	enum opcode opcode;
	uint16_t type;
	enum transport transport;
	unsigned opts; /* OPT records */
	uint16_t udp_size;
	uint32_t opt_ttl;
	bool expire;
	unsigned cut;       /* octets that are missing at the end */
	const uint8_t *key; /* name of the one that it is signed with; NULL: not signed */
};

static size_t put_opt(uint8_t *to, const struct asked *a)
{
	to[0] = 0;
	wire_store16(to + 1, RRTYPE_OPT);
	wire_store16(to + 3, a->udp_size);
	wire_store32(to + 5, a->opt_ttl);
	wire_store16(to + 9, a->expire ? 4 : 0);
	if (!a->expire)
		return 11;
	wire_store16(to + 11, 9);
	wire_store16(to + 13, 0);
	return 15;
}

static void sign(struct fixture *f, const uint8_t *name, uint8_t *bytes, uint16_t *len)
{
	struct tsig_key *key = new_key(name);

	assert_int_equal(tsig_ask(&f->asked, key, bytes, len, ROOM, (uint64_t)time(NULL)),
	                 0);
	tsig_key_release(&key);
}

/* Puts a message, and turns the loop until the dispatcher has nothing to do. */
static bool ask(struct fixture *f, const struct asked *a)
{
	uint8_t bytes[ROOM];
	size_t len = TEST_QUERY_LEN;

	test_put_query(bytes, 0x1234);
	bytes[2] = (uint8_t)(a->opcode << 3);
	wire_store16(bytes + 10, (uint16_t)a->opts);
	wire_store16(bytes + TEST_QUERY_LEN - 4, a->type);
	for (unsigned i = 0; i < a->opts; i++)
		len += put_opt(bytes + len, a);
	uint16_t whole = (uint16_t)(len - a->cut);
	if (a->key)
		sign(f, a->key, bytes, &whole);
	const struct pkt p = {
		.dns = bytes,
		.len = whole,
		.room = ROOM,
		.client = {.is_ipv4 = 1, .transport = (uint8_t)a->transport}};
	struct request *r = request_new(&f->line, &p);
	if (!r)
		return false;
	dispatch_put(f->dispatch, &r);
	assert_null(r);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	return true;
}

static void assert_rcode(const struct fixture *f, unsigned rcode)
{
	struct message m;

	assert_int_equal(f->answers, 1);
	assert_int_equal(f->done, 1);
	assert_int_equal(message_open(f->answer[0], f->answer_len[0], &m), 0);
	assert_int_equal(m.id, 0x1234);
	assert_true(m.flags & MESSAGE_QR);
	assert_int_equal(m.rcode, rcode);
}

/* ---- tests ---- */

static const struct {
	struct asked asked;
	enum dispatch_kind kind; /* DISPATCH_KINDS: answered like any question */
	unsigned alone;          /* rcode when nobody deals with it */
} kinds[] = {
	// clang-format off
	{{.opcode = OPCODE_QUERY, RRTYPE_AXFR, TRANSPORT_TCP}, DISPATCH_TRANSFER, RCODE_REFUSED},
	{{.opcode = OPCODE_QUERY, RRTYPE_AXFR, TRANSPORT_UDP}, DISPATCH_KINDS, RCODE_REFUSED},
	{{.opcode = OPCODE_QUERY, RRTYPE_IXFR, TRANSPORT_TCP}, DISPATCH_TRANSFER, RCODE_REFUSED},
	{{.opcode = OPCODE_QUERY, RRTYPE_IXFR, TRANSPORT_UDP}, DISPATCH_TRANSFER, RCODE_REFUSED},
	{{.opcode = OPCODE_NOTIFY, RRTYPE_SOA, TRANSPORT_UDP}, DISPATCH_NOTIFY, RCODE_NOTIMP},
	{{.opcode = OPCODE_UPDATE, RRTYPE_SOA, TRANSPORT_TCP}, DISPATCH_UPDATE, RCODE_NOTIMP},
	{{.opcode = OPCODE_QUERY, RRTYPE_SOA, TRANSPORT_UDP, 1, 1232, 0, true}, DISPATCH_EXPIRE, RCODE_REFUSED},
	{{.opcode = OPCODE_QUERY, RRTYPE_SOA, TRANSPORT_UDP, 1, 1232}, DISPATCH_KINDS, RCODE_REFUSED},
	{{.opcode = OPCODE_QUERY, RRTYPE_A, TRANSPORT_TCP}, DISPATCH_KINDS, RCODE_REFUSED},
	// clang-format on
};

static void each_kind_goes_to_who_deals_with_it(void **state)
{
	struct fixture *f = *state;

	set_all(f);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		f->answers = f->done = 0;
		assert_true(ask(f, &kinds[i].asked));
		if (kinds[i].kind == DISPATCH_KINDS) {
			assert_rcode(f, kinds[i].alone);
			continue;
		}
		assert_int_equal(f->answers, 0);
		assert_non_null(f->taken[kinds[i].kind]);
		request_done(&f->taken[kinds[i].kind]);
		assert_int_equal(f->done, 1);
	}
	assert_int_equal(f->line.count, 0);
	assert_int_equal(dispatch_requests(f->dispatch)->octets, 0);
}

static void without_anybody_the_responder_answers(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		f->answers = f->done = 0;
		assert_true(ask(f, &kinds[i].asked));
		assert_rcode(f, kinds[i].alone);
	}
}

static void malformed_message_is_answered_here(void **state)
{
	static const struct asked bad[] = {
		{.opcode = OPCODE_UPDATE, RRTYPE_SOA, TRANSPORT_TCP, 1, 1232, .cut = 1},
		{.opcode = OPCODE_UPDATE, RRTYPE_SOA, TRANSPORT_TCP, 1, 1232, .cut = 11},
		{.opcode = OPCODE_NOTIFY, RRTYPE_SOA, TRANSPORT_TCP, 2, 1232},
	};
	struct fixture *f = *state;

	set_all(f);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		f->answers = f->done = 0;
		assert_true(ask(f, &bad[i]));
		assert_rcode(f, RCODE_FORMERR);
	}
}

static void version_of_edns_that_is_not_known_is_said(void **state)
{
	const struct asked a = {
		.opcode = OPCODE_UPDATE, RRTYPE_SOA, TRANSPORT_TCP, 1, 1232, VERSION_1};
	struct fixture *f = *state;

	set_all(f);
	assert_true(ask(f, &a));
	assert_rcode(f, RCODE_BADVERS & 15);
	/* The upper bits of the code, in the OPT record behind the question. */
	assert_int_equal(f->answer_len[0], TEST_QUERY_LEN + 11);
	assert_int_equal(f->answer[0][TEST_QUERY_LEN + 5], RCODE_BADVERS >> 4);
}

static void room_over_udp_is_what_both_sides_take(void **state)
{
	static const struct {
		enum transport transport;
		unsigned opts;
		uint16_t udp_size;
		uint16_t room;
	} cases[] = {
		{TRANSPORT_UDP, 0, 0, 512},     {TRANSPORT_UDP, 1, 100, 512},
		{TRANSPORT_UDP, 1, 1000, 1000}, {TRANSPORT_UDP, 1, 4096, UDP_MOST},
		{TRANSPORT_TCP, 0, 0, ROOM},    {TRANSPORT_TCP, 1, 600, ROOM},
	};
	struct fixture *f = *state;

	set_all(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct asked a = {.opcode = OPCODE_NOTIFY,
		                        RRTYPE_SOA,
		                        cases[i].transport,
		                        cases[i].opts,
		                        cases[i].udp_size};

		assert_true(ask(f, &a));
		assert_int_equal(f->taken[DISPATCH_NOTIFY]->room, cases[i].room);
		request_done(&f->taken[DISPATCH_NOTIFY]);
	}
}

static void notify_is_acknowledged_with_its_question(void **state)
{
	const struct asked a = {.opcode = OPCODE_NOTIFY, RRTYPE_SOA, TRANSPORT_UDP};
	struct fixture *f = *state;
	uint8_t want[TEST_QUERY_LEN];

	set_all(f);
	assert_true(ask(f, &a));
	request_reply(&f->taken[DISPATCH_NOTIFY], RCODE_NOERROR, REQUEST_NO_EDE);
	assert_null(f->taken[DISPATCH_NOTIFY]);
	test_put_query(want, 0x1234);
	wire_store16(want + 2, MESSAGE_QR | MESSAGE_AA | OPCODE_NOTIFY << 11);
	wire_store16(want + TEST_QUERY_LEN - 4, RRTYPE_SOA);
	assert_int_equal(f->answer_len[0], sizeof want);
	assert_memory_equal(f->answer[0], want, sizeof want);
}

/* Verifies the answer as the client does. */
static int take_answer(struct fixture *f, unsigned i)
{
	assert_non_null(f->asked.key);
	return tsig_take_reply(&f->asked, f->answer[i], &f->answer_len[i],
	                       (uint64_t)time(NULL));
}

static void signed_question_has_a_signed_answer(void **state)
{
	const struct asked a = {
		.opcode = OPCODE_QUERY, RRTYPE_A, TRANSPORT_UDP, .key = key_name};
	struct fixture *f = *state;

	assert_true(ask(f, &a));
	assert_rcode(f, RCODE_REFUSED);
	assert_int_equal(take_answer(f, 0), 0);
	assert_int_equal(f->answer_len[0], TEST_QUERY_LEN);
}

static void all_answers_to_what_is_signed_are_signed(void **state)
{
	const struct asked a = {
		.opcode = OPCODE_QUERY, RRTYPE_AXFR, TRANSPORT_TCP, .key = key_name};
	struct fixture *f = *state;
	struct request *r;

	set_all(f);
	assert_true(ask(f, &a));
	r = f->taken[DISPATCH_TRANSFER];
	assert_int_equal(r->len, TEST_QUERY_LEN);
	assert_memory_equal(r->tsig.key->name, key_name, sizeof key_name);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t message[TEST_QUERY_LEN + TSIG_ROOM_MAX];

		test_put_query(message, 0x1234);
		message[2] = 0x80;
		assert_int_equal(request_answer(r, message, TEST_QUERY_LEN), 0);
		assert_int_equal(take_answer(f, i), 0);
		assert_int_equal(f->answer_len[i], TEST_QUERY_LEN);
	}
}

static void signature_that_is_wrong_is_told_nothing_else(void **state)
{
	const struct asked a = {
		.opcode = OPCODE_UPDATE, RRTYPE_SOA, TRANSPORT_UDP, .key = stranger_name};
	struct fixture *f = *state;

	set_all(f);
	assert_true(ask(f, &a));
	assert_rcode(f, RCODE_NOTAUTH);
	assert_int_equal(take_answer(f, 0), ERR_DENIED);
	assert_int_equal(f->asked.error, TSIG_BADKEY);
}

static void update_is_shown_as_it_came(void **state)
{
	const struct asked a = {
		.opcode = OPCODE_UPDATE, RRTYPE_SOA, TRANSPORT_TCP, .key = key_name};
	struct fixture *f = *state;
	struct request *r;
	struct message m;

	dispatch_set(f->dispatch, DISPATCH_UPDATE, take_update_as_it_came, f);
	assert_true(ask(f, &a));
	r = f->taken[DISPATCH_UPDATE];
	assert_true(r->len > TEST_QUERY_LEN);
	assert_null(tsig_signer(&r->tsig));
	assert_int_equal(message_open(r->bytes, r->len, &m), 0);
	assert_true(dispatch_verify(&r, &m));
	assert_int_equal(r->len, TEST_QUERY_LEN);
	assert_non_null(tsig_signer(&r->tsig));
	assert_int_equal(f->answers, 0);
}

static void answers_wait_for_room(void **state)
{
	const struct asked a = {.opcode = OPCODE_QUERY, RRTYPE_AXFR, TRANSPORT_TCP};
	struct fixture *f = *state;
	struct request *r;
	uint8_t message[512] = {0};

	set_all(f);
	assert_true(ask(f, &a));
	r = f->taken[DISPATCH_TRANSFER];
	assert_int_equal(request_answer(r, message, 12), 0);
	request_when_room(r, on_told, f);
	assert_int_equal(f->told, 0); /* not from inside */
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->told, 1);
	f->full = true;
	assert_int_equal(request_answer(r, message, 12), ERR_FULL);
	request_when_room(r, on_told, f);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->told, 1);
	f->full = false;
	request_line_has_room(&f->line);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->told, 2);
	assert_int_equal(f->answers, 1);
}

static void plain_answer_waits_for_room_as_well(void **state)
{
	const struct asked a = {.opcode = OPCODE_QUERY, RRTYPE_A, TRANSPORT_TCP};
	struct fixture *f = *state;

	f->full = true;
	assert_true(ask(f, &a));
	assert_int_equal(f->answers, 0);
	f->full = false;
	request_line_has_room(&f->line);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_rcode(f, RCODE_REFUSED);
}

static void request_outlives_its_way_back(void **state)
{
	const struct asked a = {.opcode = OPCODE_QUERY, RRTYPE_AXFR, TRANSPORT_TCP};
	struct fixture *f = *state;
	struct request *r;
	uint8_t message[512] = {0};

	set_all(f);
	assert_true(ask(f, &a));
	r = f->taken[DISPATCH_TRANSFER];
	f->full = true;
	request_when_room(r, on_told, f);
	assert_false(request_is_gone(r));
	request_line_end(&f->line);
	assert_true(request_is_gone(r));
	assert_int_equal(f->told, 0);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->told, 1);
	assert_int_equal(request_answer(r, message, 12), ERR_GONE);
	assert_int_equal(f->line.count, 0);
}

/* One that is not told, and one that nobody has looked at. */
static void nothing_is_left_at_the_end(void **state)
{
	const struct asked a = {.opcode = OPCODE_QUERY, RRTYPE_A, TRANSPORT_TCP};
	struct fixture *f = *state;

	f->full = true;
	assert_true(ask(f, &a));
	assert_int_equal(f->line.count, 1);
}

/* One that a thread of the pool has, when all is closed. */
static void request_outlives_the_dispatcher(void **state)
{
	const struct asked a = {.opcode = OPCODE_NOTIFY, RRTYPE_SOA, TRANSPORT_UDP};
	struct fixture *f = *state;

	set_all(f);
	assert_true(ask(f, &a));
	request_line_end(&f->line);
	dispatch_close(&f->dispatch);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	request_when_room(f->taken[DISPATCH_NOTIFY], on_told, f);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	request_reply(&f->taken[DISPATCH_NOTIFY], RCODE_NOERROR, REQUEST_NO_EDE);
	assert_int_equal(f->answers, 0);
	assert_int_equal(f->told, 0);
}

static void there_is_a_limit_to_what_is_under_way(void **state)
{
	static uint8_t message[UINT16_MAX];
	const struct pkt p = {.dns = message, .len = UINT16_MAX, .room = ROOM};
	struct fixture *f = *state;
	unsigned n = 0;
	struct request *r;

	while (request_new(&f->line, &p))
		n++;
	assert_in_range(n, REQUESTS_OCTETS_MAX / 67000, REQUESTS_OCTETS_MAX / UINT16_MAX);
	r = f->line.first;
	request_done(&r);
	assert_non_null(request_new(&f->line, &p));
	while ((r = f->line.first))
		request_done(&r);
	assert_int_equal(dispatch_requests(f->dispatch)->octets, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_goes_to_who_deals_with_it),
		TEST(without_anybody_the_responder_answers),
		TEST(malformed_message_is_answered_here),
		TEST(version_of_edns_that_is_not_known_is_said),
		TEST(room_over_udp_is_what_both_sides_take),
		TEST(notify_is_acknowledged_with_its_question),
		TEST(signed_question_has_a_signed_answer),
		TEST(all_answers_to_what_is_signed_are_signed),
		TEST(signature_that_is_wrong_is_told_nothing_else),
		TEST(update_is_shown_as_it_came),
		TEST(answers_wait_for_room),
		TEST(plain_answer_waits_for_room_as_well),
		TEST(request_outlives_its_way_back),
		TEST(nothing_is_left_at_the_end),
		TEST(request_outlives_the_dispatcher),
		TEST(there_is_a_limit_to_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
