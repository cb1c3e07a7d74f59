#include "control/sign/orders.h"

#include <string.h>

#include "control/access/actor.h"
#include "control/sign/rrsig.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { NOW = 1767323045, LATER = NOW + 3600, RRSIG_LEN = RRSIG_FIXED + 3 + 64 };

static struct store_zone zone;
static struct sign_secrets *secrets;
static char secret_path[PATH_SIZE + 16];

static int begin(void **state)
{
	if (setup(state) != 0)
		return -1;
	zone = (struct store_zone){.name = "\1a"};
	struct store_txn *t = begin_write();
	if (store_zone_put(t, &zone) < 0 || store_commit(&t) < 0)
		return -1;
	(void)snprintf(secret_path, sizeof secret_path, "%s/secret", dir);
	secrets = sign_secrets_new(secret_path);
	return 0;
}

static int end(void **state)
{
	sign_secrets_free(&secrets);
	(void)unlink(secret_path);
	return teardown(state);
}

/* ---- zones and keys ---- */

static struct sign_key *make_key(uint16_t flags)
{
	struct sign_key *k = NULL;

	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, flags, &k), 0);
	return k;
}

/* A signature that says so much: by which key. */
static void make_signature(const struct sign_key *k, uint8_t out[RRSIG_LEN])
{
	memset(out, 0, RRSIG_LEN);
	out[2] = sign_key_algorithm(k);
	wire_store16(out + 16, sign_key_tag(k));
	memcpy(out + RRSIG_FIXED, zone.name, 3);
}

/* An RRset at the apex with a record, and signatures by a key or none. */
static void put_set(uint16_t type, struct rdata record, const struct sign_key *by)
{
	struct store_txn *t = begin_write();
	struct rrset head = {.count = 1, .sig_count = by != NULL, .ttl = 60};
	uint8_t blob[RRSET_HEADER + 4 + DNSKEY_MAX + RRSIG_LEN];
	uint8_t signature[RRSIG_LEN];

	rrset_write_header(blob, &head);
	uint8_t *at = rrset_write_rdata(blob + RRSET_HEADER, record.bytes, record.len);
	if (by) {
		make_signature(by, signature);
		at = rrset_write_rdata(at, signature, RRSIG_LEN);
	}
	assert_int_equal(rrset_open(type, blob, (size_t)(at - blob), &head), 0);
	assert_int_equal(store_rrset_put(t, zone.id, (const uint8_t *)"", 0, &head), 0);
	commit(t);
}

static void put_soa(const struct sign_key *by)
{
	static const uint8_t soa[22];

	put_set(RRTYPE_SOA, (struct rdata){soa, sizeof soa}, by);
}

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

static struct change *no_change(void)
{
	return change_new(actor_self());
}

struct open {
	struct store_txn *txn;
	struct orders o;
};

static struct open open_at(uint64_t now)
{
	struct open x = {.txn = begin_read()};

	assert_int_equal(orders_open(x.txn, &zone, now, &x.o), 0);
	return x;
}

static void close_orders(struct open *x)
{
	orders_close(&x->o);
	store_abort(&x->txn);
}

static void write_and_close(struct open *x)
{
	struct change *c = no_change();

	orders_write(&x->o, c);
	close_orders(x);
	apply(c);
}

/* Has the zone be signed here. */
static void put_state(bool leaving)
{
	struct change *c = no_change();
	const struct sign_state s = {.version = 7, .leaving = leaving};

	sign_state_change(c, zone.id, &s);
	apply(c);
}

static size_t add(struct orders *o, const struct sign_key *k)
{
	const struct order_key key = {.key = k};
	size_t at = SIZE_MAX;

	if (orders_add(o, secrets, &key, &at) < 0)
		fail_msg("%s", o->why);
	return at;
}

/* A KSK and a ZSK that everybody knows, of a zone that is signed here. */
static void put_known(struct sign_key *keys[2])
{
	struct open x;

	keys[0] = make_key(SIGN_FLAGS_KSK);
	keys[1] = make_key(SIGN_FLAGS_ZSK);
	put_state(false);
	x = open_at(NOW);
	for (size_t i = 0; i < 2; i++) {
		size_t at = add(&x.o, keys[i]);
		x.o.keys->lives[at] =
			life_key_known(i ? LIFE_ZSK : LIFE_KSK, SIGN_ED25519, 0, NOW);
	}
	write_and_close(&x);
}

static void free_keys(struct sign_key *keys[2])
{
	sign_key_free(&keys[0]);
	sign_key_free(&keys[1]);
}

/* ---- which key ---- */

static void key_is_found_by_number_and_by_tag(void **state)
{
	struct sign_key *keys[2];
	size_t at = 9;
	char text[32];

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	assert_int_equal(orders_find(&x.o, "2", &at), 0);
	assert_int_equal(at, 1);
	assert_int_equal(orders_find(&x.o, "id:1", &at), 0);
	assert_int_equal(at, 0);
	(void)snprintf(text, sizeof text, "tag:%u", sign_key_tag(keys[1]));
	assert_int_equal(orders_find(&x.o, text, &at), 0);
	assert_int_equal(at, 1);
	x.o.keys->keys[1].number = sign_key_tag(keys[0]);
	assert_int_equal(orders_find(&x.o, text, &at), 0);
	(void)snprintf(text, sizeof text, "%u", sign_key_tag(keys[0]));
	assert_int_equal(orders_find(&x.o, text, &at), 0);
	assert_int_equal(at, 1); /* a number counts more */
	close_orders(&x);
	free_keys(keys);
}

static void what_is_no_key_is_not_found(void **state)
{
	static const char *const texts[] = {"3",
	                                    "0",
	                                    "",
	                                    "x",
	                                    "id:",
	                                    "tag:",
	                                    "1 ",
	                                    "-1",
	                                    "+1",
	                                    "id:id:1",
	                                    "1x",
	                                    "id:65536",
	                                    "18446744073709551617"};
	struct sign_key *keys[2];
	char text[32];
	size_t at;

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(orders_find(&x.o, texts[i], &at), ERR_NOTFOUND);
	x.o.keys->keys[1].stored = x.o.keys->keys[0].stored;
	(void)snprintf(text, sizeof text, "%u", sign_key_tag(keys[0]));
	assert_int_equal(orders_find(&x.o, text, &at), ERR_REFUSED);
	assert_non_null(strstr(x.o.why, "several"));
	close_orders(&x);
	free_keys(keys);
}

/* ---- successors ---- */

static void asked_for_successor_is_written_with_another_version(void **state)
{
	struct sign_key *keys[2];
	struct sign_state s;

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	uint64_t version = x.o.keys->state.version;
	assert_int_equal(orders_roll_role(&x.o, LIFE_ZSK), 0);
	write_and_close(&x);
	x = open_at(LATER);
	assert_false(x.o.keys->lives[0].roll);
	assert_true(x.o.keys->lives[1].roll);
	assert_int_equal(sign_state_get(x.txn, zone.id, &s), 0);
	assert_int_equal(s.version, version + 1);
	close_orders(&x);
	free_keys(keys);
}

static void who_leaves_gets_no_successor(void **state)
{
	struct sign_key *keys[2];

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	x.o.keys->lives[0].retired = NOW;
	assert_int_equal(orders_roll(&x.o, 0), ERR_REFUSED);
	assert_int_equal(orders_roll_role(&x.o, LIFE_KSK), ERR_NOTFOUND);
	assert_int_equal(orders_roll_role(&x.o, LIFE_CSK), ERR_NOTFOUND);
	assert_false(x.o.keys->lives[0].roll);
	x.o.keys->state.leaving = true;
	assert_int_equal(orders_roll(&x.o, 1), ERR_REFUSED);
	assert_int_equal(orders_roll_role(&x.o, LIFE_ZSK), ERR_REFUSED);
	assert_false(x.o.keys->lives[1].roll);
	close_orders(&x);
	free_keys(keys);
}

static void plans_of_an_offline_ksk_are_not_hurried(void **state)
{
	struct sign_key *keys[2];

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	x.o.keys->state.bundle = NOW;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(orders_roll(&x.o, i), ERR_REFUSED);
		assert_non_null(strstr(x.o.why, "offline"));
		assert_false(x.o.keys->lives[i].roll);
	}
	assert_int_equal(orders_roll_role(&x.o, LIFE_ZSK), ERR_REFUSED);
	const struct sign_policy any = sign_policy_default();
	const struct order_key another = {.key = keys[0]};
	size_t at;
	assert_int_equal(orders_use(&x.o, 1, &any), ERR_REFUSED);
	assert_non_null(strstr(x.o.why, "offline"));
	x.o.why[0] = '\0';
	assert_int_equal(orders_add(&x.o, secrets, &another, &at), ERR_REFUSED);
	assert_non_null(strstr(x.o.why, "offline"));
	assert_int_equal(x.o.keys->count, 2);
	close_orders(&x);
	free_keys(keys);
}

/* ---- the parent ---- */

static void ds_that_was_waited_for_is_seen(void **state)
{
	struct sign_key *keys[2];

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	struct life_record *r = &x.o.keys->lives[0].records[LIFE_DS];
	assert_int_equal(orders_saw_ds_all(&x.o, true), ERR_NOTFOUND);
	*r = (struct life_record){.from = NOW, .until = LIFE_NEVER};
	assert_int_equal(orders_saw_ds_all(&x.o, false), ERR_NOTFOUND);
	assert_int_equal(orders_saw_ds_all(&x.o, true), 0);
	assert_int_equal(r->done, LATER);
	assert_int_equal(orders_saw_ds_all(&x.o, true), ERR_NOTFOUND);
	*r = (struct life_record){.until = NOW};
	assert_int_equal(orders_saw_ds_all(&x.o, true), ERR_NOTFOUND);
	assert_int_equal(orders_saw_ds_all(&x.o, false), 0);
	assert_int_equal(r->done, LATER);
	assert_false(x.o.publishes);
	close_orders(&x);
	free_keys(keys);
}

static void ds_that_nobody_asked_for_is_asked_for_from_then_on(void **state)
{
	struct sign_key *keys[2];
	struct change *c = no_change();

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	x.o.keys->lives[0].records[LIFE_DS] = (struct life_record){0};
	assert_int_equal(orders_saw_ds(&x.o, 0, false), 0);
	assert_false(x.o.publishes);
	assert_int_equal(orders_saw_ds(&x.o, 0, true), 0);
	assert_true(life_wants_ds(&x.o.keys->lives[0]));
	orders_write(&x.o, c);
	assert_true(c->zones[0].signed_anew);
	change_free(&c);
	close_orders(&x);
	free_keys(keys);
}

static void zsk_has_no_ds(void **state)
{
	struct sign_key *keys[2];

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	assert_int_equal(orders_saw_ds(&x.o, 1, true), ERR_REFUSED);
	assert_int_equal(orders_saw_ds(&x.o, 1, false), ERR_REFUSED);
	close_orders(&x);
	free_keys(keys);
}

/* ---- keys that come ---- */

static void keys_of_zone_that_came_signed_are_known(void **state)
{
	struct sign_key *k = make_key(SIGN_FLAGS_KSK);
	struct sign_state s;

	(void)state;
	put_set(RRTYPE_DNSKEY, sign_key_dnskey(k), k);
	put_soa(k);
	struct open x = open_at(LATER);
	assert_false(x.o.is_signed);
	const struct order_key key = {.key = k, .born = NOW};
	size_t at;
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), 0);
	write_and_close(&x);
	x = open_at(LATER);
	const struct life_key *l = &x.o.keys->lives[0];
	assert_int_equal(x.o.keys->count, 1);
	assert_int_equal(l->role, LIFE_CSK);
	assert_int_equal(l->born, NOW);
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		assert_int_equal(life_state(l, kind), LIFE_OMNIPRESENT);
	/* It is not signed here by that. */
	assert_int_equal(sign_state_get(x.txn, zone.id, &s), ERR_NOTFOUND);
	close_orders(&x);
	sign_key_free(&k);
}

/* What the zone has of a key, and what it comes to. */
static void role_and_fame_are_as_the_zone_has_it(void **state)
{
	static const struct {
		bool ksk, publishes, signs_keys, signs_data;
		enum life_role role;
		enum life_state dnskey, others;
	} cases[] = {
		{true, true, true, false, LIFE_KSK, LIFE_OMNIPRESENT, LIFE_OMNIPRESENT},
		{true, true, true, true, LIFE_CSK, LIFE_OMNIPRESENT, LIFE_OMNIPRESENT},
		{true, true, false, false, LIFE_KSK, LIFE_HIDDEN, LIFE_HIDDEN},
		{true, true, false, true, LIFE_CSK, LIFE_HIDDEN, LIFE_HIDDEN},
		{true, false, true, true, LIFE_KSK, LIFE_HIDDEN, LIFE_HIDDEN},
		{false, true, true, true, LIFE_ZSK, LIFE_OMNIPRESENT, LIFE_OMNIPRESENT},
		{false, true, false, true, LIFE_ZSK, LIFE_OMNIPRESENT, LIFE_OMNIPRESENT},
		{false, true, true, false, LIFE_ZSK, LIFE_RUMOURED, LIFE_HIDDEN},
		{false, false, true, true, LIFE_ZSK, LIFE_HIDDEN, LIFE_HIDDEN},
	};
	struct sign_key *other = make_key(SIGN_FLAGS_KSK);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sign_key *k =
			make_key(cases[i].ksk ? SIGN_FLAGS_KSK : SIGN_FLAGS_ZSK);
		put_set(RRTYPE_DNSKEY, sign_key_dnskey(cases[i].publishes ? k : other),
		        cases[i].signs_keys ? k : other);
		put_soa(cases[i].signs_data ? k : other);
		struct open x = open_at(LATER);
		size_t at = add(&x.o, k);
		const struct life_key *l = &x.o.keys->lives[at];
		enum life_kind last = cases[i].ksk ? LIFE_DS : LIFE_RRSIG;
		assert_int_equal(l->role, cases[i].role);
		assert_int_equal(life_state(l, LIFE_DNSKEY), cases[i].dnskey);
		assert_int_equal(life_state(l, last), cases[i].others);
		close_orders(&x);
		sign_key_free(&k);
	}
	sign_key_free(&other);
}

static void key_that_comes_to_signed_zone_takes_over(void **state)
{
	struct sign_policy p = sign_policy_default();
	struct sign_key *keys[2];
	struct sign_key *k = make_key(SIGN_FLAGS_KSK);
	struct life_result r;

	(void)state;
	put_known(keys);
	put_set(RRTYPE_DNSKEY, sign_key_dnskey(k), k);
	p.csk = false;
	p.algorithm = SIGN_ED25519;
	struct open x = open_at(LATER);
	size_t at = add(&x.o, k);
	assert_int_equal(x.o.keys->keys[at].number, 3);
	assert_int_equal(life_state(&x.o.keys->lives[at], LIFE_DNSKEY), LIFE_HIDDEN);
	struct life l = zone_keys_life(x.o.keys);
	const struct life_now now = {.now = LATER, .secure = true, .zone_ttl = 60};
	life_step(&p, &now, &l, &r);
	assert_int_equal(r.generate_count, 0);
	assert_int_equal(l.keys[0].retired, LATER);
	assert_int_equal(l.keys[1].retired, 0);
	assert_true(life_publishes(&l.keys[at]));
	close_orders(&x);
	sign_key_free(&k);
	free_keys(keys);
}

static void spare_key_is_used_when_it_is_told_to(void **state)
{
	struct sign_policy p = sign_policy_default();
	struct sign_key *keys[2];
	struct sign_key *k = make_key(SIGN_FLAGS_ZSK);
	struct life_result r;
	size_t at;

	(void)state;
	put_known(keys);
	p.csk = false;
	p.algorithm = SIGN_ED25519;
	struct open x = open_at(LATER);
	const struct order_key key = {.key = k, .spare = true};
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), 0);
	struct life l = zone_keys_life(x.o.keys);
	const struct life_now now = {.now = LATER, .secure = true, .zone_ttl = 60};
	life_step(&p, &now, &l, &r);
	assert_false(life_publishes(&l.keys[at]));
	assert_int_equal(l.keys[1].retired, 0);
	assert_int_equal(orders_use(&x.o, at, &p), 0);
	life_step(&p, &now, &l, &r);
	assert_true(life_publishes(&l.keys[at]));
	assert_int_equal(l.keys[1].retired, LATER);
	close_orders(&x);
	sign_key_free(&k);
	free_keys(keys);
}

static void key_that_does_not_fit_the_policy_is_refused(void **state)
{
	struct sign_policy p = sign_policy_default();
	struct sign_key *k = make_key(SIGN_FLAGS_ZSK);
	struct order_key key = {.key = k, .policy = &p};
	size_t at;

	(void)state;
	struct open x = open_at(LATER);
	p.csk = true;
	p.algorithm = SIGN_ED25519;
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), ERR_REFUSED);
	p.csk = false;
	p.algorithm = SIGN_ED448;
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), ERR_REFUSED);
	key.spare = true;
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), 0);
	assert_int_equal(orders_use(&x.o, at, &p), ERR_REFUSED);
	assert_int_equal(x.o.keys->lives[at].retired, LATER);
	p.algorithm = SIGN_ED25519;
	assert_int_equal(orders_use(&x.o, at, &p), 0);
	close_orders(&x);
	sign_key_free(&k);
}

static void key_comes_once(void **state)
{
	struct sign_key *k = make_key(SIGN_FLAGS_ZSK);
	const struct order_key key = {.key = k};
	size_t at;

	(void)state;
	struct open x = open_at(LATER);
	at = add(&x.o, k);
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), ERR_EXISTS);
	assert_non_null(strstr(x.o.why, "its number is 1"));
	/* Another one with its tag, as far as can be seen. */
	x.o.keys->keys[0].stored.dnskey[8] ^= 1;
	x.o.keys->keys[0].stored.dnskey[10] ^= 1;
	while (sign_stored_tag(&x.o.keys->keys[0].stored) != sign_key_tag(k))
		x.o.keys->keys[0].stored.dnskey[10]++;
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), ERR_EXISTS);
	assert_non_null(strstr(x.o.why, "same tag"));
	close_orders(&x);
	sign_key_free(&k);
}

static void without_its_master_secret_no_key_comes(void **state)
{
	struct sign_key *keys[2];
	struct sign_key *k = make_key(SIGN_FLAGS_ZSK);
	const struct order_key key = {.key = k};
	size_t at;

	(void)state;
	put_known(keys);
	assert_int_equal(unlink(secret_path), 0);
	sign_secrets_free(&secrets);
	secrets = sign_secrets_new(secret_path);
	struct open x = open_at(LATER);
	assert_int_equal(orders_add(&x.o, secrets, &key, &at), ERR_REFUSED);
	assert_true(x.o.why[0] != '\0');
	assert_int_equal(x.o.keys->count, 2);
	assert_int_equal(access(secret_path, F_OK), -1);
	close_orders(&x);
	sign_key_free(&k);
	free_keys(keys);
}

/* ---- keys that go ---- */

static void key_that_is_somewhere_stays(void **state)
{
	struct sign_key *keys[2];

	(void)state;
	put_known(keys);
	struct open x = open_at(LATER);
	assert_int_equal(orders_remove(&x.o, 0), ERR_REFUSED);
	x.o.keys->lives[0].records[LIFE_DS] = (struct life_record){0};
	assert_int_equal(orders_remove(&x.o, 0), ERR_REFUSED);
	x.o.keys->lives[0].records[LIFE_DNSKEY] = (struct life_record){.until = NOW};
	assert_int_equal(orders_remove(&x.o, 0), ERR_REFUSED);
	assert_int_equal(x.o.keys->count, 2);
	x.o.keys->lives[0].records[LIFE_DNSKEY] = (struct life_record){0};
	assert_int_equal(orders_remove(&x.o, 0), 0);
	write_and_close(&x);
	x = open_at(LATER);
	assert_int_equal(x.o.keys->count, 1);
	assert_int_equal(x.o.keys->keys[0].number, 2);
	close_orders(&x);
	free_keys(keys);
}

static void keys_of_unsigned_zone_go_as_they_came(void **state)
{
	struct sign_key *k = make_key(SIGN_FLAGS_KSK);
	struct change *c = no_change();

	(void)state;
	zone.version = 5;
	put_set(RRTYPE_DNSKEY, sign_key_dnskey(k), k);
	put_soa(k);
	struct open x = open_at(LATER);
	(void)add(&x.o, k);
	assert_int_equal(orders_roll(&x.o, 0), ERR_REFUSED);
	assert_int_equal(orders_saw_ds(&x.o, 0, true), ERR_REFUSED);
	assert_int_equal(orders_saw_ds_all(&x.o, true), ERR_NOTFOUND);
	write_and_close(&x);
	x = open_at(LATER);
	assert_int_equal(orders_remove(&x.o, 0), 0);
	orders_write(&x.o, c);
	assert_int_equal(c->zones[0].if_version, 5);
	assert_false(c->zones[0].signed_anew);
	close_orders(&x);
	apply(c);
	x = open_at(LATER);
	assert_int_equal(x.o.keys->count, 0);
	close_orders(&x);
	sign_key_free(&k);
}

/* ---- signatures ---- */

static void zone_without_signatures_of_its_keys_is_not_signed_again(void **state)
{
	struct sign_key *keys[2];

	(void)state;
	struct open x = open_at(LATER);
	assert_int_equal(orders_resign(&x.o), ERR_REFUSED);
	close_orders(&x);
	put_known(keys);
	x = open_at(LATER);
	x.o.keys->lives[1].records[LIFE_RRSIG].until = NOW;
	assert_int_equal(orders_resign(&x.o), ERR_REFUSED);
	x.o.keys->lives[1].records[LIFE_RRSIG].until = LIFE_NEVER;
	assert_int_equal(orders_resign(&x.o), 0);
	write_and_close(&x);
	x = open_at(LATER + 1);
	assert_int_equal(x.o.keys->state.renew, LATER);
	close_orders(&x);
	free_keys(keys);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(key_is_found_by_number_and_by_tag),
		TEST(what_is_no_key_is_not_found),
		TEST(asked_for_successor_is_written_with_another_version),
		TEST(who_leaves_gets_no_successor),
		TEST(plans_of_an_offline_ksk_are_not_hurried),
		TEST(ds_that_was_waited_for_is_seen),
		TEST(ds_that_nobody_asked_for_is_asked_for_from_then_on),
		TEST(zsk_has_no_ds),
		TEST(keys_of_zone_that_came_signed_are_known),
		TEST(role_and_fame_are_as_the_zone_has_it),
		TEST(key_that_comes_to_signed_zone_takes_over),
		TEST(spare_key_is_used_when_it_is_told_to),
		TEST(key_that_does_not_fit_the_policy_is_refused),
		TEST(key_comes_once),
		TEST(without_its_master_secret_no_key_comes),
		TEST(key_that_is_somewhere_stays),
		TEST(keys_of_unsigned_zone_go_as_they_came),
		TEST(zone_without_signatures_of_its_keys_is_not_signed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
