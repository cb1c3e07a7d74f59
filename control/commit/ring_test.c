#include "control/commit/ring.h"

#include "control/access/actor.h"
#include "control/store/testing.h"
#include "shared/err.h"

enum { NOW = 1767225600, SLOTS = 256 };

static struct key_ring *ring;
static struct sign_secrets *secrets;
static char secret_path[PATH_SIZE + 16];
static struct store_zone zones[2]; /* of the same place in the ring */
static char why[ZONE_KEYS_WHY_SIZE];

/* ---- zones and keys ---- */

/* Writes what a change says. */
static void apply(struct change *c)
{
	struct store_txn *t = begin_write();

	for (size_t i = 0; i < c->item_count; i++) {
		const struct item_change *x = &c->items[i];
		int err = x->value ? store_item_put(t, x->list, x->key, x->key_len,
		                                    x->value, x->size)
		                   : store_item_delete(t, x->list, x->key, x->key_len);
		assert_int_equal(err, 0);
	}
	commit(t);
	change_free(&c);
}

static void add_key(const struct store_zone *zone, struct change *c, uint32_t number)
{
	const struct sign_stored_name name = {.zone = zone->name, .number = number};
	struct life_key life = life_key_known(LIFE_CSK, SIGN_ED25519, 0, NOW);
	const struct vault *v = sign_secrets_vault(secrets, true, why);
	struct sign_stored stored;
	struct sign_key *key = NULL;

	assert_non_null(v);
	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &key), 0);
	assert_int_equal(sign_stored_seal(v, &name, key, NOW, &stored), 0);
	sign_key_free(&key);
	life_key_put(&life, &stored);
	sign_stored_change(c, zone->id, number, &stored);
}

static struct change *no_change(void)
{
	return change_new(actor_self());
}

/* Has a zone be signed by a key. */
static void sign_zone(const struct store_zone *zone)
{
	struct change *c = no_change();
	const struct sign_state s = {.version = 1,
	                             .chain.kind = CHAIN_NSEC,
	                             .periods = {.validity = 3, .refresh = 1},
	                             .dnskey_validity = 3};

	sign_state_change(c, zone->id, &s);
	add_key(zone, c, 1);
	apply(c);
}

static int begin(void **state)
{
	if (setup(state) != 0)
		return -1;
	(void)snprintf(secret_path, sizeof secret_path, "%s/secret", dir);
	secrets = sign_secrets_new(secret_path);
	ring = key_ring_new(secrets);
	struct store_txn *t = begin_write();
	zones[0] = (struct store_zone){.name = "\1a"};
	zones[1] = (struct store_zone){.name = "\1b"};
	assert_int_equal(store_zone_put(t, &zones[0]), 0);
	zones[1].id = zones[0].id + SLOTS;
	assert_int_equal(store_zone_restore(t, &zones[1]), 0);
	commit(t);
	return 0;
}

static int end(void **state)
{
	key_ring_free(&ring);
	sign_secrets_free(&secrets);
	(void)unlink(secret_path);
	return teardown(state);
}

static int get(const struct store_zone *zone, const struct change *with,
               struct zone_keys **out)
{
	struct store_txn *t = begin_read();
	int err = key_ring_get(ring, t, zone, with, out, why);

	store_abort(&t);
	return err;
}

static struct zone_keys *keys_of(const struct store_zone *zone, const struct change *with)
{
	struct zone_keys *k = NULL;

	if (get(zone, with, &k) < 0)
		fail_msg("%s", why);
	assert_int_equal(k->id, zone->id);
	assert_true(name_equal(k->zone, zone->name));
	return k;
}

/* ---- what it gives ---- */

static void zone_without_keys_has_none(void **state)
{
	struct change *c = no_change();
	struct zone_keys *k;

	(void)state;
	assert_int_equal(get(&zones[0], c, &k), ERR_NOTFOUND);
	sign_zone(&zones[0]);
	assert_int_equal(get(&zones[1], c, &k), ERR_NOTFOUND);
	assert_int_equal(keys_of(&zones[0], c)->count, 1);
	change_free(&c);
}

/* Without a look at the file of secrets: they are open. */
static void keys_stay_open(void **state)
{
	struct change *c = no_change();

	(void)state;
	sign_zone(&zones[0]);
	struct zone_keys *first = keys_of(&zones[0], c);
	assert_int_equal(unlink(secret_path), 0);
	assert_ptr_equal(keys_of(&zones[0], c), first);
	struct zone_keys *k;
	key_ring_free(&ring);
	sign_secrets_free(&secrets);
	secrets = sign_secrets_new(secret_path);
	ring = key_ring_new(secrets);
	assert_int_equal(get(&zones[0], c, &k), ERR_REFUSED);
	assert_true(why[0] != '\0');
	change_free(&c);
}

static void zones_of_one_place_have_each_their_keys(void **state)
{
	struct change *c = no_change();

	(void)state;
	sign_zone(&zones[0]);
	sign_zone(&zones[1]);
	for (unsigned i = 0; i < 4; i++) {
		const struct zone_keys *k = keys_of(&zones[i % 2], c);
		assert_int_equal(k->count, 1);
	}
	change_free(&c);
}

static void change_sees_the_keys_that_it_makes(void **state)
{
	struct change *none = no_change();
	struct change *c = no_change();

	(void)state;
	sign_zone(&zones[0]);
	struct zone_keys *before = keys_of(&zones[0], none);
	add_key(&zones[0], c, 2);
	assert_int_equal(keys_of(&zones[0], c)->count, 2);
	/* It was not made after all. */
	assert_ptr_equal(keys_of(&zones[0], none), before);
	assert_int_equal(before->count, 1);
	change_free(&c);
	change_free(&none);
}

static void change_of_another_zone_sees_those_in_use(void **state)
{
	struct change *none = no_change();
	struct change *c = no_change();

	(void)state;
	sign_zone(&zones[0]);
	struct zone_keys *before = keys_of(&zones[0], none);
	add_key(&zones[1], c, 2);
	assert_ptr_equal(keys_of(&zones[0], c), before);
	change_free(&c);
	change_free(&none);
}

static void keys_are_read_anew_once_they_are_changed(void **state)
{
	struct change *none = no_change();
	struct change *c = no_change();

	(void)state;
	sign_zone(&zones[0]);
	assert_int_equal(keys_of(&zones[0], none)->count, 1);
	add_key(&zones[0], c, 2);
	key_ring_changed(ring, c);
	apply(c);
	assert_int_equal(keys_of(&zones[0], none)->count, 2);
	c = no_change();
	sign_stored_change(c, zones[0].id, 1, NULL);
	key_ring_changed(ring, c);
	apply(c);
	const struct zone_keys *k = keys_of(&zones[0], none);
	assert_int_equal(k->count, 1);
	assert_int_equal(k->keys[0].number, 2);
	c = no_change();
	sign_state_change(c, zones[0].id, NULL);
	key_ring_changed(ring, c);
	apply(c);
	struct zone_keys *gone;
	assert_int_equal(get(&zones[0], none, &gone), ERR_NOTFOUND);
	change_free(&none);
}

static void keys_that_cannot_be_opened_are_not_kept(void **state)
{
	struct change *none = no_change();
	struct change *c = no_change();
	const struct sign_stored_name name = {.zone = zones[0].name, .number = 1};
	struct sign_stored stored;
	struct zone_keys *k;

	(void)state;
	sign_zone(&zones[0]);
	struct store_txn *t = begin_read();
	assert_int_equal(sign_stored_get(t, zones[0].id, name.number, &stored), 0);
	store_abort(&t);
	struct sign_stored spoilt = stored;
	spoilt.sealed[spoilt.sealed_len - 1] ^= 1;
	sign_stored_change(c, zones[0].id, 1, &spoilt);
	assert_int_equal(get(&zones[0], c, &k), ERR_CORRUPT);
	assert_int_equal(keys_of(&zones[0], none)->count, 1);
	key_ring_changed(ring, c);
	apply(c);
	assert_int_equal(get(&zones[0], none, &k), ERR_CORRUPT);
	assert_int_equal(get(&zones[0], none, &k), ERR_CORRUPT);
	c = no_change();
	sign_stored_change(c, zones[0].id, 1, &stored);
	apply(c); /* nothing of it was kept that would have to be forgotten */
	assert_int_equal(keys_of(&zones[0], none)->count, 1);
	change_free(&none);
}

/* Of a zone that the same change makes: its id is not known yet. */
static void keys_of_a_zone_to_come_are_nobody_elses(void **state)
{
	struct change *none = no_change();
	struct change *c = no_change();

	(void)state;
	sign_zone(&zones[0]);
	struct zone_keys *before = keys_of(&zones[0], none);
	(void)change_zone(c, ZONE_CREATE, (const uint8_t *)"\1c");
	add_key(&(struct store_zone){.name = "\1c"}, c, 1);
	assert_ptr_equal(keys_of(&zones[0], c), before);
	key_ring_changed(ring, c);
	assert_ptr_equal(keys_of(&zones[0], none), before);
	change_free(&c);
	change_free(&none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zone_without_keys_has_none),
		TEST(keys_stay_open),
		TEST(zones_of_one_place_have_each_their_keys),
		TEST(change_sees_the_keys_that_it_makes),
		TEST(change_of_another_zone_sees_those_in_use),
		TEST(keys_are_read_anew_once_they_are_changed),
		TEST(keys_that_cannot_be_opened_are_not_kept),
		TEST(keys_of_a_zone_to_come_are_nobody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
