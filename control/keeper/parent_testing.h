/*
 * What the tests that ask parents share: a loop, whom to ask, and what was told.
 */
#ifndef CONTROL_KEEPER_PARENT_TESTING_H
#define CONTROL_KEEPER_PARENT_TESTING_H

#include <uv.h>

#include "control/keeper/parent.h"
#include "control/keeper/testing.h"
#include "control/net/stream.h"
#include "control/tsig/keyring.h"

enum {
	KEYS = 3, /* of which it is asked, by test_key() */
	SERVERS_MAX = 6,
	PATIENCE_MS = 30000, /* after which a test has failed */
};

struct asking {
	uv_loop_t loop;
	struct streams *streams;
	struct keyring *keyring;
	struct config *config;
	struct transfer_parts parts;
	const uint8_t *zone;
	struct remote remotes[SERVERS_MAX];
	unsigned count;
	struct parent *parent;
	bool drop_in_done;
	/* What was told. */
	unsigned calls;
	unsigned answered;
	unsigned server_count;
	enum life_seen seen[KEYS];
	uint32_t ttl;
	bool foreign;
	struct parent_server said[SERVERS_MAX];
	char why[SERVERS_MAX][128];
};

UNUSED static int asking_begin(void **state)
{
	static const char text[] = "control:\n  supervise: no\n";
	const struct stream_limits limits = {
		.connect_ms = 5000,
		.write_ms = 5000,
		.pending_max = 2 * (size_t)(STREAM_PREFIX + STREAM_MESSAGE_MAX)};
	struct asking *f = calloc(1, sizeof *f);
	struct diag diag;

	assert_non_null(f);
	diag_init(&diag);
	assert_int_equal(config_parse(text, sizeof text - 1, "/test.yaml", NULL,
	                              &f->config, &diag),
	                 0);
	diag_fini(&diag);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->streams = streams_new(&f->loop, &limits);
	f->keyring = keyring_new();
	f->parts = (struct transfer_parts){
		.loop = &f->loop, .streams = f->streams, .keyring = f->keyring};
	f->zone = (const uint8_t *)"\7eXample";
	*state = f;
	return 0;
}

/* After all other handles of the loop are closed or closing. */
UNUSED static int asking_end(void **state)
{
	struct asking *f = *state;

	parent_drop(&f->parent);
	streams_close(&f->streams);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	keyring_free(&f->keyring);
	config_release(f->config);
	free(f);
	return 0;
}

static void asking_done(void *arg, const struct parent_result *r)
{
	struct asking *f = arg;

	f->calls++;
	f->answered = r->answered;
	f->ttl = r->ttl;
	f->foreign = r->foreign;
	f->server_count = r->server_count;
	memcpy(f->seen, r->seen, sizeof f->seen);
	for (unsigned i = 0; i < r->server_count; i++) {
		f->said[i] = r->servers[i];
		snprintf(f->why[i], sizeof f->why[i], "%s",
		         r->servers[i].why ? r->servers[i].why : "");
	}
	if (f->drop_in_done)
		parent_drop(&f->parent);
}

/* Everything that is lent for the call is gone after it. */
UNUSED static void begin_asking(struct asking *f)
{
	struct rdata keys[KEYS];
	uint8_t octets[KEYS][TEST_KEY_LEN];
	uint8_t zone[NAME_MAX_LEN];
	struct remote remotes[SERVERS_MAX];

	memcpy(zone, f->zone, name_len(f->zone, NAME_MAX_LEN));
	memcpy(remotes, f->remotes, sizeof remotes);
	for (unsigned i = 0; i < KEYS; i++) {
		memcpy(octets[i], test_key(i).bytes, TEST_KEY_LEN);
		keys[i] = (struct rdata){octets[i], TEST_KEY_LEN};
	}
	const struct parent_asked asked = {.zone = zone,
	                                   .config = f->config,
	                                   .servers = remotes,
	                                   .server_count = f->count,
	                                   .dnskeys = keys,
	                                   .dnskey_count = KEYS};
	f->calls = 0;
	f->parent = parent_ask(&f->parts, &asked, asking_done, f);
	assert_int_equal(f->calls, 0);
	memset(zone, 0xff, sizeof zone);
	memset(keys, 0xff, sizeof keys);
	memset(octets, 0xff, sizeof octets);
	memset(remotes, 0xff, sizeof remotes);
}

UNUSED static void ask(struct asking *f)
{
	uint64_t end = uv_hrtime() + UINT64_C(1000000) * PATIENCE_MS;

	begin_asking(f);
	while (f->calls == 0) {
		assert_true(uv_hrtime() < end);
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	}
	assert_int_equal(f->calls, 1);
	parent_drop(&f->parent);
}

UNUSED static void assert_seen(const struct asking *f, enum life_seen first,
                               enum life_seen second, enum life_seen third)
{
	assert_int_equal(f->seen[0], first);
	assert_int_equal(f->seen[1], second);
	assert_int_equal(f->seen[2], third);
}

UNUSED static void assert_failed(const struct asking *f, unsigned nth, int err,
                                 const char *why)
{
	assert_int_equal(f->said[nth].err, err);
	assert_string_equal(f->why[nth], why);
	assert_int_equal(f->said[nth].ds_count, 0);
	assert_int_equal(f->said[nth].ttl, 0);
}

#endif
