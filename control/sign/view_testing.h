/* What tests of signed views share: keys, and edits at random that make, cover and uncover names. */
#ifndef CONTROL_SIGN_VIEW_TESTING_H
#define CONTROL_SIGN_VIEW_TESTING_H

#include "control/sign/chain_testing.h"
#include "control/sign/set_signer.h"
#include "control/sign/verifier.h"
#include "control/sign/view_sign.h"

enum { NOW = 1700000000 };

static const struct sign_periods periods = {
	.validity = 1209600, .jitter = 43200, .refresh = 604800, .skew = 3600};

/* By what the zone is signed. */
static struct {
	struct sign_key *key;
	struct sign_with with;
	struct sign_terms terms;
	struct set_signer *signer;
	struct verifier *verifier;
	uint8_t dnskeys[RRSET_HEADER + 2 + 64]; /* the RRset */
	size_t dnskeys_size;
} by;

static int open_keys(void **state)
{
	struct rrset dnskeys;

	(void)state;
	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &by.key), 0);
	by.with = (struct sign_with){.key = by.key, .parts = SIGN_KEYS | SIGN_ZONE};
	by.terms = (struct sign_terms){.zone = zone_name,
	                               .keys = &by.with,
	                               .key_count = 1,
	                               .periods = &periods,
	                               .now = NOW};
	assert_int_equal(sign_terms_check(&by.terms), 0);
	assert_int_equal(set_signer_new(&by.terms, &by.signer), 0);
	struct rdata key = sign_key_dnskey(by.key);
	rrset_write_header(by.dnskeys, &(struct rrset){.count = 1, .ttl = TTL});
	by.dnskeys_size = (size_t)(rrset_write_rdata(by.dnskeys + RRSET_HEADER, key.bytes,
	                                             key.len) -
	                           by.dnskeys);
	assert_int_equal(rrset_open(RRTYPE_DNSKEY, by.dnskeys, by.dnskeys_size, &dnskeys),
	                 0);
	by.verifier = verifier_new(zone_name, &dnskeys);
	return 0;
}

static int close_keys(void **state)
{
	(void)state;
	verifier_free(&by.verifier);
	set_signer_free(&by.signer);
	sign_key_free(&by.key);
	return 0;
}

/* ---- edits ---- */

static void put_record(const struct chain_key *k, uint16_t type)
{
	static const struct {
		uint16_t type, len;
		uint8_t rdata[36];
	} data[] = {
		{RRTYPE_A, 4, {192, 0, 2}},
		{RRTYPE_TXT, 2, {1, 'x'}},
		{RRTYPE_NS, 1, {0}},
		{RRTYPE_DS, 36, {0, 1, 13, 2, 7}},
		{RRTYPE_DNAME, 3, {1, 'd', 0}},
		{RRTYPE_MX, 3, {0, 10, 0}},
	};
	uint8_t blob[RRSET_HEADER + 2 + 36];
	size_t i = 0;

	while (data[i].type != type)
		i++;
	rrset_write_header(blob, &(struct rrset){.count = 1, .ttl = 60 + pick(2)});
	uint8_t *end = rrset_write_rdata(blob + RRSET_HEADER, data[i].rdata, data[i].len);
	edit_key(k->bytes, k->len, type, blob, (size_t)(end - blob));
}

static struct chain_key random_name(void)
{
	static const char *const labels[] = {"a", "b", "*", "c", "ns", "zz"};
	char text[NAME_TEXT_MAX] = "";
	unsigned depth = 1 + pick(4);

	for (unsigned i = 0; i < depth; i++) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof text - len, "%s%s", i ? "." : "",
		               labels[pick(i + 1 == depth ? ARRAY_LEN(labels) : 3)]);
	}
	return key_of(text);
}

static void random_edit(void)
{
	static const uint16_t types[] = {RRTYPE_A,  RRTYPE_TXT, RRTYPE_NS,   RRTYPE_NS,
	                                 RRTYPE_DS, RRTYPE_MX,  RRTYPE_DNAME};
	struct chain_key k = random_name();
	uint16_t type = types[pick(ARRAY_LEN(types) - (pick(6) > 0))];

	if (pick(20) == 0)
		k.len = 0;
	if (k.len == 0 && type == RRTYPE_NS)
		return;
	if (pick(5) < 2)
		edit_key(k.bytes, k.len, type, NULL, 0);
	else
		put_record(&k, type);
}

/* Gives the view its chain and its signatures. Gives how many RRsets were signed. */
static size_t sign_view(bool whole)
{
	struct chain_sets sets;
	size_t made;

	assert_int_equal((whole ? chain_rebuild : chain_change)(&f.view, &f.params,
	                                                        f.arena, &sets),
	                 0);
	change_view_merge(&f.view, f.arena, sets.sets, sets.count);
	assert_int_equal(view_sign(&f.view, by.signer, f.arena, &made), 0);
	drop_nothing(&f.view);
	return made;
}

#endif
