/* What the responder hands over instead of answering it, and what becomes of it where nobody takes it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>

#include "shared/rrtype.h"
#include "shared/wire.h"
#include "tests/harness.h"

enum { QUERY = 0, STATUS = 2, NOTIFY = 4, UPDATE = 5 };
enum { NOERROR = 0, FORMERR = 1, NOTIMP = 4, REFUSED = 5, NOTAUTH = 9, SILENCE = 255 };
enum { IN = 1, CH = 3 };
enum { EXPIRE = 9, SOME_OPTION = 12345 };

static const char zone_text[] =
	"$TTL 1h\n@ SOA ns h 1 2h 30m 2w 1h\n@ NS ns\nns A 192.0.2.1\n";

/* A message for example., what is answered without a hand and when the hand has no room. */
struct kind {
	const char *what;
	unsigned opcode;
	uint16_t type;
	uint16_t class;
	uint16_t option; /* of an OPT record; 0: none */
	bool tsig;
	bool tcp;
	bool trailing; /* a byte too many */
	bool unasked;  /* no question */
	bool twice;    /* two of them */
	unsigned alone;
	unsigned no_room;
};

static const struct kind handed[] = {
	{"NOTIFY", .opcode = NOTIFY, RRTYPE_SOA, IN, .alone = NOTIMP, .no_room = SILENCE},
	{"UPDATE", .opcode = UPDATE, RRTYPE_SOA, IN, .alone = NOTIMP, .no_room = SILENCE},
	{"NOTIFY over TCP", .opcode = NOTIFY, RRTYPE_SOA, IN, .tcp = true,
         .alone = NOTIMP, .no_room = SILENCE},
	{"signed question", QUERY, RRTYPE_A, IN, .tsig = true, .alone = NOTAUTH,
         .no_room = SILENCE},
	{"signed, with EXPIRE", QUERY, RRTYPE_SOA, IN, .option = EXPIRE, .tsig = true,
         .alone = NOTAUTH, .no_room = SILENCE},
	{"signed AXFR over UDP", QUERY, RRTYPE_AXFR, IN, .tsig = true, .alone = NOTAUTH,
         .no_room = SILENCE},
	{"signed CHAOS", QUERY, RRTYPE_TXT, CH, .tsig = true, .alone = NOTAUTH,
         .no_room = SILENCE},
	{"AXFR over TCP", QUERY, RRTYPE_AXFR, IN, .tcp = true, .alone = REFUSED,
         .no_room = SILENCE},
	{"IXFR", QUERY, RRTYPE_IXFR, IN, .alone = NOERROR, .no_room = NOERROR},
	{"IXFR over TCP", QUERY, RRTYPE_IXFR, IN, .tcp = true, .alone = REFUSED,
         .no_room = REFUSED},
	{"SOA with EXPIRE", QUERY, RRTYPE_SOA, IN, .option = EXPIRE, .alone = NOERROR,
         .no_room = NOERROR},
};

static const struct kind kept[] = {
	{"SOA", QUERY, RRTYPE_SOA, IN, .alone = NOERROR},
	{"SOA with another option", QUERY, RRTYPE_SOA, IN, .option = SOME_OPTION,
         .alone = NOERROR},
	{"A with EXPIRE", QUERY, RRTYPE_A, IN, .option = EXPIRE, .alone = NOERROR},
	{"CHAOS SOA with EXPIRE", QUERY, RRTYPE_SOA, CH, .option = EXPIRE,
         .alone = REFUSED},
	{"SOA with EXPIRE and more", QUERY, RRTYPE_SOA, IN, .option = EXPIRE,
         .trailing = true, .alone = FORMERR},
	{"AXFR over UDP", QUERY, RRTYPE_AXFR, IN, .alone = REFUSED},
	{"AXFR in CHAOS", QUERY, RRTYPE_AXFR, CH, .tcp = true, .alone = REFUSED},
	{"STATUS", .opcode = STATUS, RRTYPE_SOA, IN, .alone = NOTIMP},
	{"STATUS without a question", .opcode = STATUS, .unasked = true, .alone = NOTIMP},
	{"NOTIFY without a question", .opcode = NOTIFY, .unasked = true,
         .alone = FORMERR},
	{"NOTIFY of two zones", .opcode = NOTIFY, RRTYPE_SOA, IN, .twice = true,
         .alone = FORMERR},
	{"UPDATE without a zone", .opcode = UPDATE, .unasked = true, .alone = FORMERR},
	{"UPDATE of two zones", .opcode = UPDATE, RRTYPE_SOA, IN, .twice = true,
         .alone = FORMERR},
	{"TSIG and more", QUERY, RRTYPE_A, IN, .tsig = true, .trailing = true,
         .alone = FORMERR},
};

static size_t message_of(const struct kind *k, uint8_t message[static 512])
{
	struct wire_writer w = wire_writer_on(message, 512);

	wire_write16(&w, 0x1234);
	wire_write16(&w, (uint16_t)(k->opcode << 11));
	wire_write16(&w, k->unasked ? 0 : 1 + k->twice);
	wire_write32(&w, 0);
	wire_write16(&w, (uint16_t)((k->option != 0) + k->tsig));
	for (int i = k->unasked; i <= k->twice; i++) {
		wire_write_bytes(&w, "\7example", 9);
		wire_write16(&w, k->type);
		wire_write16(&w, k->class);
	}
	if (k->option != 0) {
		wire_write8(&w, 0);
		wire_write16(&w, RRTYPE_OPT);
		wire_write16(&w, 1232);
		wire_write32(&w, 0);
		wire_write16(&w, 4);
		wire_write16(&w, k->option);
		wire_write16(&w, 0);
	}
	if (k->tsig) {
		wire_write_bytes(&w, "\3key", 5);
		wire_write16(&w, RRTYPE_TSIG);
		wire_write16(&w, 255);
		wire_write32(&w, 0);
		wire_write16(&w, 0);
	}
	if (k->trailing)
		wire_write8(&w, 0);
	return wire_written(&w);
}

static unsigned ask(struct harness *h, const struct kind *k)
{
	uint8_t message[512];
	size_t len = harness_ask(h, message, message_of(k, message), k->tcp);

	return len == 0 ? SILENCE : h->reply[3] & 15;
}

/* Takes messages while it has room, and keeps the last. */
struct taker {
	unsigned room;
	unsigned taken;
	uint8_t last[512];
	size_t len;
};

static bool take(void *arg, const struct pkt *p)
{
	struct taker *t = arg;

	if (t->taken == t->room)
		return false;
	t->taken++;
	memcpy(t->last, p->dns, p->len);
	t->len = p->len;
	return true;
}

static void without_a_hand_everything_is_answered(void **state)
{
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_LEN(handed); i++)
		assert_int_equal(ask(h, &handed[i]), handed[i].alone);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		assert_int_equal(ask(h, &kept[i]), kept[i].alone);
	assert_int_equal(counter_read(&h->counters, COUNTER_handed_over), 0);
	assert_int_equal(counter_read(&h->counters, COUNTER_dropped_hand), 0);
}

static void what_the_table_cannot_answer_is_handed_over_as_it_came(void **state)
{
	struct harness *h = *state;
	struct taker t = {.room = UINT32_MAX};
	uint8_t message[512];

	responder_hand_to(h->responder, take, &t);
	for (size_t i = 0; i < ARRAY_LEN(handed); i++) {
		assert_int_equal(ask(h, &handed[i]), SILENCE);
		assert_int_equal(t.taken, i + 1);
		assert_int_equal(t.len, message_of(&handed[i], message));
		assert_memory_equal(t.last, message, t.len);
	}
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		assert_int_equal(ask(h, &kept[i]), kept[i].alone);
	assert_int_equal(t.taken, ARRAY_LEN(handed));
	assert_int_equal(counter_read(&h->counters, COUNTER_handed_over),
	                 ARRAY_LEN(handed));
	assert_int_equal(counter_read(&h->counters, COUNTER_responses), ARRAY_LEN(kept));
}

static void without_room_only_questions_are_answered(void **state)
{
	struct harness *h = *state;
	struct taker t = {.room = 0};

	responder_hand_to(h->responder, take, &t);
	for (size_t i = 0; i < ARRAY_LEN(handed); i++)
		assert_int_equal(ask(h, &handed[i]), handed[i].no_room);
	assert_int_equal(counter_read(&h->counters, COUNTER_dropped_hand),
	                 ARRAY_LEN(handed));
	assert_int_equal(counter_read(&h->counters, COUNTER_handed_over), 0);
}

/* A question without a name is not taken for the SOA that was asked for before it. */
static void what_has_no_question_is_not_handed_over(void **state)
{
	const struct kind soa = {.what = "", QUERY, .type = RRTYPE_SOA, .class = IN};
	static const uint8_t bare[] = {0,  1, 0,   0, 0, 0, 0, 0, 0, 0, 0,      1, 0, 0,
	                               41, 4, 208, 0, 0, 0, 0, 0, 4, 0, EXPIRE, 0, 0};
	struct harness *h = *state;
	struct taker t = {.room = 1};

	responder_hand_to(h->responder, take, &t);
	assert_int_equal(ask(h, &soa), NOERROR);
	assert_true(harness_ask(h, bare, sizeof bare, false) > 0);
	assert_int_equal(h->reply[3] & 15, FORMERR);
	assert_int_equal(t.taken, 0);
}

/* One burst with both: what is handed over leaves no trace in the answers beside it. */
static void others_of_the_burst_are_answered(void **state)
{
	enum { N = 64, ROOM = 512 };
	static uint8_t memory[N][ROOM];
	struct harness *h = *state;
	struct taker t = {.room = N / 4};
	struct pkt pkts[N];

	for (size_t i = 0; i < N; i++) {
		const struct kind *k = i % 2 ? &kept[0] : &handed[0];
		pkts[i] = (struct pkt){.dns = memory[i], .room = ROOM};
		pkts[i].len = (uint16_t)message_of(k, memory[i]);
	}
	responder_hand_to(h->responder, take, &t);
	respond_burst(h->responder, h->committer.source.current, 1, pkts, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(pkts[i].len > 0, i % 2);
	assert_int_equal(counter_read(&h->counters, COUNTER_handed_over), N / 4);
	assert_int_equal(counter_read(&h->counters, COUNTER_dropped_hand), N / 4);
	assert_int_equal(counter_read(&h->counters, COUNTER_responses), N / 2);
}

static int setup(void **state)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "example.", zone_text, NULL, NULL), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_close(*state);
	return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_hand_everything_is_answered),
		T(what_the_table_cannot_answer_is_handed_over_as_it_came),
		T(without_room_only_questions_are_answered),
		T(what_has_no_question_is_not_handed_over),
		T(others_of_the_burst_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
