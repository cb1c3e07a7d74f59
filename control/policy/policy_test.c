/* What holds for a zone, by what is said where; and how addresses of other servers are written. */
#include "control/policy/policy.h"

#include <string.h>

#include "control/change/digest.h"
#include "control/policy/address.h"
#include "control/policy/meta.h"
#include "control/store/testing.h"
#include "control/tsig/key.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const char settings[] =
	"remotes:\n"
	"  - {name: one, addresses: [192.0.2.1, \"2001:db8::1@5300\"], key: K1}\n"
	"  - {name: two, addresses: [192.0.2.2], source: 192.0.2.99}\n"
	"acls:\n"
	"  - {name: all, addresses: [192.0.2.0/24], actions: [transfer, update]}\n"
	"  - {name: keyed, keys: [k1., k2]}\n"
	"  - {name: no-one, addresses: [192.0.2.66], deny: yes}\n"
	"templates:\n"
	"  - {name: default, notify: [two], acls: [keyed], refresh-min: 5s}\n"
	"  - {name: sec, kind: secondary, primaries: [one], zonemd: check, dnssec: default}\n"
	"  - {name: pri, kind: primary, acls: [no-one, all], notify-ns: hosted}\n"
	"  - {name: cat, kind: consumer, primaries: [two], groups: [g=pri, \"*=sec\", h=sec]}\n"
	"  - {name: signed, dnssec: t}\n"
	"dnssec-policies:\n"
	"  - {name: t}\n"
	"  - {name: e}\n"
	"  - {name: z}\n"
	"zones:\n"
	"  - {name: entry.example, file: f, template: signed, dnssec: e}\n"
	"  - {name: template.example, file: f, template: signed}\n"
	"  - {name: unsigned.example, file: f, template: signed, dnssec: no}\n"
	"  - {name: pri.example, file: f, template: pri, notify: [one, \"192.0.2.7:5301\"]}\n"
	"  - {name: sec.example, template: sec}\n"
	"  - {name: sec2.example, template: sec, primaries: [two], acls: all}\n"
	"  - {name: cat.example, template: cat}\n";

struct fixture {
	const struct config *config;
	struct store_txn *txn;
	struct contents_arena *arena;
	struct zone_policy policy;
};

static int open_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct config *config;
	struct diag diag;

	assert_non_null(f);
	diag_init(&diag);
	assert_int_equal(
		config_parse(settings, strlen(settings), "/f.yaml", NULL, &config, &diag),
		0);
	diag_fini(&diag);
	f->config = config;
	assert_int_equal(setup(state), 0);
	f->txn = begin_write();
	f->arena = arena_new();
	*state = f;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *f = *state;

	store_abort(&f->txn);
	config_release(f->config);
	arena_free(f->arena);
	free(f);
	return teardown(state);
}

static struct store_zone a_zone(struct fixture *f, const char *name,
                                const struct zone_attrs *attrs)
{
	static const uint8_t root[] = {0};
	struct store_zone z = {0};

	assert_true(name_from_text(name, strlen(name), root, z.name) > 0);
	if (attrs)
		z.attrs = *attrs;
	assert_int_equal(store_zone_put(f->txn, &z), 0);
	return z;
}

/* texts end with NULL. */
static void say(struct fixture *f, const struct store_zone *z, const char *kind,
                const char *const *texts)
{
	struct change *c = change_new(actor_self());
	size_t count = 0;

	while (texts[count])
		count++;
	meta_change(c, z->id, kind, texts, count);
	const struct item_change *i = &c->items[0];
	assert_int_equal(
		store_item_put(f->txn, i->list, i->key, i->key_len, i->value, i->size),
		0);
	change_free(&c);
}

#define SAY(f, z, kind, ...) say(f, z, kind, (const char *const[]){__VA_ARGS__, NULL})

static const struct zone_policy *policy_of(struct fixture *f, const struct store_zone *z)
{
	assert_int_equal(zone_policy_read(f->txn, f->config, z, f->arena, &f->policy), 0);
	assert_int_equal(f->policy.kind, zone_policy_kind(f->config, z));
	return &f->policy;
}

static bool may(const struct zone_policy *p, enum acl_action what, const char *address,
                const char *key_name)
{
	struct tsig_key key = {0};
	struct sockaddr_storage from;
	uint8_t bytes[16];
	static const uint8_t root[] = {0};

	assert_true(address_read(address, 0, &from));
	address_bytes(&from, bytes);
	if (key_name)
		assert_true(name_from_text(key_name, strlen(key_name), root, key.name) >
		            0);
	return policy_allows(p, what,
	                     &(struct policy_asker){.address = bytes,
	                                            .key = key_name ? &key : NULL}) !=
	       NULL;
}

static void assert_remote(const struct remote *r, const char *name, const char *address,
                          const char *key)
{
	char text[POLICY_ADDRESS_MAX];
	char key_text[NAME_TEXT_MAX];

	assert_string_equal(r->name, name);
	policy_address_text(&r->at[0], text);
	assert_string_equal(text, address);
	if (key)
		assert_string_equal(name_to_text(r->key, key_text), key);
	else
		assert_null(r->key);
}

/* ---- tests ---- */

static void of_a_zone_that_nobody_says_anything_of_the_default_holds(void **state)
{
	struct fixture *f = *state;
	const struct store_zone z = a_zone(f, "x.example", NULL);
	const struct zone_policy *p = policy_of(f, &z);

	assert_int_equal(p->kind, ZONE_KIND_NATIVE);
	assert_string_equal(p->template_name, "default");
	assert_int_equal(p->notify_count, 1);
	assert_remote(&p->notify[0], "two", "192.0.2.2", NULL);
	assert_false(p->notify_ns);
	assert_int_equal(p->primary_count, 0);
	assert_int_equal(p->refresh_min, 5);
	assert_int_equal(p->refresh_max, 86400);
	assert_true(p->provide_ixfr && p->request_ixfr);
	assert_false(p->zonemd_check || p->zonemd_make || p->forward_updates);
	assert_true(may(p, ACL_TRANSFER, "203.0.113.1", "k2."));
	assert_false(may(p, ACL_TRANSFER, "192.0.2.1", NULL));
	assert_false(may(p, ACL_NOTIFY, "192.0.2.2", NULL));
}

static void the_zones_entry_counts_before_its_template(void **state)
{
	struct fixture *f = *state;
	const struct store_zone pri = a_zone(f, "pri.example", NULL);
	const struct zone_policy *p = policy_of(f, &pri);

	assert_int_equal(p->kind, ZONE_KIND_PRIMARY);
	assert_string_equal(p->template_name, "pri");
	assert_int_equal(p->notify_count, 2);
	assert_remote(&p->notify[0], "one", "192.0.2.1", "k1.");
	assert_int_equal(p->notify[0].count, 2);
	assert_remote(&p->notify[1], "192.0.2.7:5301", "192.0.2.7:5301", NULL);
	assert_true(p->notify_ns);
	assert_false(p->notify_resolve);
	assert_true(may(p, ACL_TRANSFER, "192.0.2.5", NULL));
	assert_false(may(p, ACL_TRANSFER, "192.0.2.66", NULL));
	assert_true(may(p, ACL_UPDATE, "192.0.2.66", NULL));
	assert_false(may(p, ACL_TRANSFER, "203.0.113.1", "k1."));
	const struct store_zone sec = a_zone(f, "sec2.example", NULL);
	p = policy_of(f, &sec);
	assert_int_equal(p->primary_count, 1);
	assert_remote(&p->primaries[0], "two", "192.0.2.2", NULL);
	assert_int_equal(p->primaries[0].from[0].ss_family, AF_INET);
	assert_true(may(p, ACL_TRANSFER, "192.0.2.5", NULL));
	assert_true(may(p, ACL_TRANSFER, "203.0.113.1", "k1.")); /* of the template */
	assert_true(p->zonemd_check);
}

static void attributes_and_metadata_count_before_all(void **state)
{
	struct fixture *f = *state;
	const struct zone_attrs attrs = {.kind = ZONE_KIND_PRIMARY,
	                                 .template_name = "sec",
	                                 .masters = "192.0.2.50:5353 two missing",
	                                 .zonemd = ZONEMD_MAKE};
	struct zone_attrs secondary = attrs;

	const struct store_zone z = a_zone(f, "pri.example", &attrs);
	const struct zone_policy *p = policy_of(f, &z);
	assert_int_equal(p->kind, ZONE_KIND_PRIMARY);
	assert_int_equal(p->primary_count, 0);
	assert_string_equal(p->template_name, "sec");
	assert_true(p->zonemd_make);
	assert_true(zone_policy_makes_zonemd(f->config, &z));
	assert_true(zone_policy_digests_at_once(f->config, &z, DIGEST_AT_ONCE));
	assert_false(zone_policy_digests_at_once(f->config, &z, DIGEST_AT_ONCE + 1));
	assert_false(p->zonemd_check);
	SAY(f, &z, "ALSO-NOTIFY", "192.0.2.77", "one");
	SAY(f, &z, "TSIG-ALLOW-AXFR", "kx");
	p = policy_of(f, &z);
	assert_int_equal(p->notify_count, 2);
	assert_remote(&p->notify[0], "192.0.2.77", "192.0.2.77", "kx.");
	assert_remote(&p->notify[1], "one", "192.0.2.1", "k1.");
	assert_true(may(p, ACL_TRANSFER, "203.0.113.1", "kx."));

	secondary.kind = ZONE_KIND_SECONDARY;
	const struct store_zone s = a_zone(f, "sec.example", &secondary);
	SAY(f, &s, "AXFR-MASTER-TSIG", "km");
	SAY(f, &s, "AXFR-SOURCE", "192.0.2.98");
	SAY(f, &s, "IXFR", "0");
	p = policy_of(f, &s);
	assert_false(zone_policy_makes_zonemd(f->config, &s));
	assert_false(zone_policy_digests_at_once(f->config, &s, 1));
	assert_int_equal(p->primary_count, 2);
	assert_remote(&p->primaries[0], "192.0.2.50:5353", "192.0.2.50:5353", "km.");
	assert_remote(&p->primaries[1], "two", "192.0.2.2", "km.");
	const struct sockaddr_in *from = (const void *)&p->primaries[0].from[0];
	assert_int_equal(ntohl(from->sin_addr.s_addr), 0xc0000262);
	from = (const void *)&p->primaries[1].from[0];
	assert_int_equal(ntohl(from->sin_addr.s_addr), 0xc0000263); /* the remote's own */
	assert_false(p->request_ixfr);
}

static void assert_dnssec(struct fixture *f, const char *name, const char *attribute,
                          const char *want, enum policy_place from)
{
	struct zone_attrs attrs = {0};

	(void)snprintf(attrs.dnssec, sizeof attrs.dnssec, "%s", attribute);
	const struct store_zone z = a_zone(f, name, &attrs);
	const struct zone_policy *p = policy_of(f, &z);
	assert_string_equal(zone_policy_dnssec(f->config, &z), want);
	assert_string_equal(p->dnssec, want);
	assert_int_equal(p->from.dnssec, from);
	assert_int_equal(store_zone_delete(f->txn, z.name), 0);
}

static void zone_is_signed_as_the_first_place_says_that_says_something(void **state)
{
	struct fixture *f = *state;

	assert_dnssec(f, "other.example", "", "", POLICY_NOWHERE);
	assert_dnssec(f, "other.example", "z", "z", POLICY_ZONE);
	assert_dnssec(f, "other.example", "no", "", POLICY_ZONE);
	assert_dnssec(f, "entry.example", "", "e", POLICY_ENTRY);
	assert_dnssec(f, "entry.example", "z", "z", POLICY_ZONE);
	assert_dnssec(f, "entry.example", "no", "", POLICY_ZONE);
	assert_dnssec(f, "template.example", "", "t", POLICY_TEMPLATE);
	assert_dnssec(f, "unsigned.example", "", "", POLICY_ENTRY);
	assert_dnssec(f, "unsigned.example", "z", "z", POLICY_ZONE);
}

static void what_comes_by_transfers_is_not_signed(void **state)
{
	struct fixture *f = *state;

	assert_dnssec(f, "sec.example", "", "", POLICY_NOWHERE);
	assert_dnssec(f, "sec.example", "z", "", POLICY_NOWHERE);
	assert_dnssec(f, "cat.example", "z", "", POLICY_NOWHERE);
}

static void a_secondary_takes_notifications_from_its_primaries_alone(void **state)
{
	struct fixture *f = *state;
	const struct store_zone sec = a_zone(f, "sec.example", NULL);
	const struct zone_policy *p = policy_of(f, &sec);

	assert_int_equal(p->kind, ZONE_KIND_SECONDARY);
	assert_true(may(p, ACL_NOTIFY, "192.0.2.1", "k1."));
	assert_true(may(p, ACL_NOTIFY, "2001:db8::1", "k1."));
	assert_false(may(p, ACL_NOTIFY, "192.0.2.1", NULL)); /* the remote has a key */
	assert_false(may(p, ACL_NOTIFY, "192.0.2.1", "k2."));
	assert_false(may(p, ACL_NOTIFY, "192.0.2.2", "k1."));
	assert_false(may(p, ACL_TRANSFER, "192.0.2.1", NULL));
	assert_false(p->notify_ns);
	assert_int_equal(p->notify_count, 1);
	SAY(f, &sec, "SLAVE-RENOTIFY", "1");
	assert_true(policy_of(f, &sec)->notify_ns);
	SAY(f, &sec, "SLAVE-RENOTIFY", "0");
	assert_int_equal(policy_of(f, &sec)->notify_count, 0);
}

/* A list of which nothing can be understood is not as good as none. */
static void what_cannot_be_understood_lets_nobody_in(void **state)
{
	struct fixture *f = *state;
	const struct zone_attrs attrs = {.template_name = "gone"};
	const struct store_zone z = a_zone(f, "x.example", &attrs);

	SAY(f, &z, "ALLOW-AXFR-FROM", "everybody", "192.0.2.1/24");
	SAY(f, &z, "TSIG-ALLOW-AXFR", "a..b");
	SAY(f, &z, "ALLOW-DNSUPDATE-FROM", "localhost");
	SAY(f, &z, "TSIG-ALLOW-DNSUPDATE", "k1");
	SAY(f, &z, "ALSO-NOTIFY", "host.example");
	const struct zone_policy *p = policy_of(f, &z);
	assert_null(p->template_name);
	assert_int_equal(p->rule_count, 0);
	assert_int_equal(p->notify_count, 0);
	assert_false(may(p, ACL_TRANSFER, "192.0.2.1", "k1."));
	assert_false(may(p, ACL_UPDATE, "192.0.2.1", "k1."));
}

static void lists_may_be_long(void **state)
{
	enum { MANY = 40 };
	struct fixture *f = *state;
	const struct store_zone z = a_zone(f, "x.example", NULL);
	char addresses[MANY][16];
	char keys[MANY][16];
	const char *address_list[MANY + 1] = {NULL};
	const char *key_list[MANY + 1] = {NULL};

	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(addresses[i], sizeof addresses[i], "198.51.100.%u", i);
		(void)snprintf(keys[i], sizeof keys[i], "k%u.long", i);
		address_list[i] = addresses[i];
		key_list[i] = keys[i];
	}
	say(f, &z, "ALLOW-AXFR-FROM", address_list);
	say(f, &z, "ALSO-NOTIFY", address_list);
	say(f, &z, "TSIG-ALLOW-AXFR", key_list);
	const struct zone_policy *p = policy_of(f, &z);
	assert_int_equal(p->notify_count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_remote(&p->notify[i], addresses[i], addresses[i], "k0.long.");
		assert_true(may(p, ACL_TRANSFER, addresses[i], NULL));
		assert_true(may(p, ACL_TRANSFER, "203.0.113.1", keys[i]));
	}
	assert_false(may(p, ACL_TRANSFER, "198.51.100.40", "k40.long"));
}

static void updates_want_address_and_key_where_both_are_said(void **state)
{
	struct fixture *f = *state;
	const struct store_zone z = a_zone(f, "x.example", NULL);

	SAY(f, &z, "TSIG-ALLOW-DNSUPDATE", "ku");
	assert_true(may(policy_of(f, &z), ACL_UPDATE, "203.0.113.1", "ku."));
	assert_false(may(policy_of(f, &z), ACL_UPDATE, "203.0.113.1", NULL));
	SAY(f, &z, "ALLOW-DNSUPDATE-FROM", "192.0.2.0/24");
	assert_false(may(policy_of(f, &z), ACL_UPDATE, "203.0.113.1", "ku."));
	assert_false(may(policy_of(f, &z), ACL_UPDATE, "192.0.2.1", NULL));
	assert_true(may(policy_of(f, &z), ACL_UPDATE, "192.0.2.1", "ku."));
	assert_false(may(policy_of(f, &z), ACL_TRANSFER, "192.0.2.1", "ku."));
}

static void put(struct fixture *f, const struct store_zone *z, const char *owner,
                uint16_t type, const void *rdata, size_t len)
{
	struct change *c = change_new(actor_self());
	struct zone_change *zc = change_zone(c, ZONE_EDIT, z->name);
	static const uint8_t root[] = {0};
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct rrset set;

	assert_true(name_from_text(owner, strlen(owner), root, name) > 0);
	struct edit *e = change_edit(c, zc, EDIT_REPLACE, name, type);
	assert_int_equal(change_edit_record(c, e, rdata, len, false), 0);
	size_t key_len = name_to_key(name, name_len(z->name, NAME_MAX_LEN), key);
	assert_int_equal(rrset_open(type, e->blob, e->blob_size, &set), 0);
	assert_int_equal(store_rrset_put(f->txn, z->id, key, key_len, &set), 0);
	change_free(&c);
}

static void auto_ns_stands_for_the_addresses_of_the_zones_servers(void **state)
{
	struct fixture *f = *state;
	const struct store_zone z = a_zone(f, "x.example", NULL);
	const struct store_zone other = a_zone(f, "other.example", NULL);
	const uint8_t address[] = {198, 51, 100, 7};

	SAY(f, &z, "ALLOW-AXFR-FROM", "AUTO-NS");
	assert_false(may(policy_of(f, &z), ACL_TRANSFER, "198.51.100.7", NULL));
	put(f, &z, "x.example", RRTYPE_NS, "\2ns\5other\7example", 18);
	assert_false(may(policy_of(f, &z), ACL_TRANSFER, "198.51.100.7", NULL));
	put(f, &other, "ns.other.example", RRTYPE_A, address, sizeof address);
	assert_true(may(policy_of(f, &z), ACL_TRANSFER, "198.51.100.7", NULL));
	assert_false(may(policy_of(f, &z), ACL_TRANSFER, "198.51.100.8", NULL));
}

static void members_of_a_catalog_come_from_where_it_comes_from(void **state)
{
	struct fixture *f = *state;
	struct zone_attrs attrs = {.kind = ZONE_KIND_SECONDARY,
	                           .catalog = "cat.example.",
	                           .member = "abc",
	                           .group = "h"};
	const struct store_zone cat = a_zone(f, "cat.example", NULL);
	const struct store_zone member = a_zone(f, "m.example", &attrs);
	const struct zone_policy *p = policy_of(f, &member);

	assert_int_equal(p->primary_count, 1);
	assert_remote(&p->primaries[0], "two", "192.0.2.2", NULL);
	assert_string_equal(p->catalog, "cat.example.");
	assert_string_equal(p->group, "h");
	p = policy_of(f, &cat);
	assert_int_equal(p->kind, ZONE_KIND_CONSUMER);
	assert_string_equal(policy_group_template(f->config, p, "g"), "pri");
	assert_string_equal(policy_group_template(f->config, p, "h"), "sec");
	assert_string_equal(policy_group_template(f->config, p, ""), "sec");
	attrs.template_name[0] = 's';
	strcpy(attrs.template_name, "sec");
	const struct store_zone templated = a_zone(f, "n.example", &attrs);
	assert_remote(&policy_of(f, &templated)->primaries[0], "one", "192.0.2.1", "k1.");
}

static void addresses_are_read_with_ports_and_without(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1:53", "192.0.2.1"},
		{"192.0.2.1:5300", "192.0.2.1:5300"},
		{"192.0.2.1@5300", "192.0.2.1:5300"},
		{"2001:DB8::1", "2001:db8::1"},
		{"[2001:db8::1]", "2001:db8::1"},
		{"[2001:db8::1]:53", "2001:db8::1"},
		{"[2001:db8::1]:5300", "[2001:db8::1]:5300"},
		{"2001:db8::1@5300", "[2001:db8::1]:5300"},
		{"", NULL},
		{"host", NULL},
		{"192.0.2.1:", NULL},
		{"192.0.2.1:0", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1:5x", NULL},
		{"192.0.2.1:-5", NULL},
		{"192.0.2.1 ", NULL},
		{"[192.0.2.1]", NULL},
		{"[]", NULL},
		{"[", NULL},
		{"[::1", NULL},
		{"[::1]5300", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage address;
		char text[POLICY_ADDRESS_MAX];

		bool read = policy_address_read(cases[i].text, &address);
		assert_int_equal(read, cases[i].want != NULL);
		if (!read)
			continue;
		policy_address_text(&address, text);
		assert_string_equal(text, cases[i].want);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_a_zone_that_nobody_says_anything_of_the_default_holds),
		TEST(the_zones_entry_counts_before_its_template),
		TEST(attributes_and_metadata_count_before_all),
		TEST(zone_is_signed_as_the_first_place_says_that_says_something),
		TEST(what_comes_by_transfers_is_not_signed),
		TEST(a_secondary_takes_notifications_from_its_primaries_alone),
		TEST(what_cannot_be_understood_lets_nobody_in),
		TEST(lists_may_be_long),
		TEST(updates_want_address_and_key_where_both_are_said),
		TEST(auto_ns_stands_for_the_addresses_of_the_zones_servers),
		TEST(members_of_a_catalog_come_from_where_it_comes_from),
		cmocka_unit_test(addresses_are_read_with_ports_and_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
