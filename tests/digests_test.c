/*
 * Zones that are too large for their digest to be renewed with each change have it again soon after the
 * last one, whenever that was.
 */
#include "control/transfer/digests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "control/change/digest.h"
#include "control/net/parts.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/harness.h"
#include "tests/live.h"

enum { WAIT_MS = 20000, TEXT_MAX = (DIGEST_AT_ONCE + 16) * 32 };

struct fixture {
	struct live live;
	struct digests *digests;
	unsigned waits; /* for so many changes that are not done */
	bool disturbs;  /* the next digest, by a change behind it */
	unsigned made;
};

static struct fixture *fixture;

void __real_engine_change(struct engine *e, struct change **change, change_done *done,
                          void *arg);
void __wrap_engine_change(struct engine *e, struct change **change, change_done *done,
                          void *arg);

static void changed(void *arg, UNUSED const struct change *change,
                    const struct change_result *result)
{
	struct fixture *f = arg;

	assert_int_equal(result->err, 0);
	f->waits--;
}

static struct change *new_change(enum zone_change_kind kind, struct zone_change **z)
{
	uint8_t name[NAME_MAX_LEN];
	struct change *c = change_new(actor_self());

	harness_name("x.example", name);
	*z = change_zone(c, kind, name);
	return c;
}

static void change_it(struct fixture *f, struct change *c)
{
	f->waits++;
	__real_engine_change(f->live.engine, &c, changed, f);
}

static void add_record(struct fixture *f, const char *owner)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	uint8_t name[NAME_MAX_LEN];
	struct zone_change *z;
	struct change *c = new_change(ZONE_EDIT, &z);

	harness_name(owner, name);
	struct edit *e = change_edit(c, z, EDIT_REPLACE, name, RRTYPE_A);
	e->set_records = true;
	e->ttl = 60;
	assert_int_equal(change_edit_record(c, e, address, sizeof address, false), 0);
	change_it(f, c);
}

static bool has(struct fixture *f, uint16_t type, uint32_t *serial)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_txn *t;
	struct store_zone z;
	struct rrset set;

	harness_name("x.example", name);
	assert_int_equal(store_begin_read(engine_store(f->live.engine), &t), 0);
	assert_int_equal(store_zone_get(t, name, &z), 0);
	int err = store_rrset_get(t, z.id, (const uint8_t *)"", 0, type, &set);
	*serial = z.serial;
	store_abort(&t);
	return err == 0;
}

static void pause_ms(unsigned ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* Has another change committed behind the digest before the loop hears of that. */
void __wrap_engine_change(struct engine *e, struct change **change, change_done *done,
                          void *arg)
{
	struct fixture *f = fixture;
	uint32_t before;
	uint32_t now;

	(void)has(f, RRTYPE_SOA, &before);
	f->made++;
	__real_engine_change(e, change, done, arg);
	if (!f->disturbs)
		return;
	f->disturbs = false;
	add_record(f, "behind.x.example");
	do {
		pause_ms(1);
		(void)has(f, RRTYPE_SOA, &now);
	} while (now < before + 2);
	/* And given back by the commit thread. */
	pause_ms(200);
}

static void run_until(struct fixture *f, bool (*is_so)(struct fixture *f))
{
	uint64_t until_ms = clock_now_ms() + WAIT_MS;

	while (!is_so(f) && clock_now_ms() < until_ms) {
		(void)uv_run(&f->live.loop, UV_RUN_NOWAIT);
		pause_ms(5);
	}
	assert_true(is_so(f));
}

static bool is_done(struct fixture *f)
{
	return f->waits == 0;
}

static bool has_digest(struct fixture *f)
{
	uint32_t serial;

	return f->made > 0 && has(f, RRTYPE_ZONEMD, &serial);
}

static bool was_disturbed(struct fixture *f)
{
	return !f->disturbs && f->waits == 0;
}

static struct contents *many_records(void)
{
	char *text = malloc(TEXT_MAX);
	size_t len = 0;

	assert_non_null(text);
	len += (size_t)snprintf(text, TEXT_MAX,
	                        "@ 60 SOA ns h 1 3600 600 86400 60\n@ 60 NS ns\n");
	for (unsigned i = 0; i <= DIGEST_AT_ONCE; i++)
		len += (size_t)snprintf(text + len, TEXT_MAX - len,
		                        "n%u 60 A 192.0.2.1\n", i);
	struct contents *contents = harness_contents("x.example", text);
	free(text);
	return contents;
}

static struct fixture *fixture_open(void)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct zone_change *z;

	assert_non_null(f);
	fixture = f;
	live_open(&f->live);
	const struct transfer_parts parts = {.loop = &f->live.loop,
	                                     .engine = f->live.engine,
	                                     .config = f->live.config};
	digests_open(&parts, &f->digests);
	struct change *c = new_change(ZONE_CREATE, &z);
	z->contents = many_records();
	z->attrs_set = 1U << ATTR_ZONEMD;
	z->attrs.zonemd = ZONEMD_MAKE;
	change_it(f, c);
	run_until(f, is_done);
	return f;
}

static void fixture_close(struct fixture *f)
{
	digests_close(&f->digests);
	live_close(&f->live);
	free(f);
}

static void a_change_behind_the_digest_is_digested_too(UNUSED void **state)
{
	struct fixture *f = fixture_open();

	f->disturbs = true;
	add_record(f, "first.x.example");
	run_until(f, was_disturbed);
	run_until(f, has_digest);
	assert_int_equal(f->made, 2);
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_behind_the_digest_is_digested_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
