/*
 * Keys and signatures from anybody. The first octet says what the rest is: RDATA of a DNSKEY; a private key as
 * PKCS#8, behind its algorithm; RDATA of an RRSIG; or RDATA of a DNSKEY and of an RRSIG, the length of the first in
 * front. A private key that is taken must sign what its DNSKEY verifies, and nobody makes a signature by
 * a key that he does not have.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/sign/dnskey.h"
#include "control/sign/ds.h"
#include "control/sign/rrsig.h"
#include "control/sign/verifier.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1439000000, KEY_LEN = 36, RDATA_ROOM = 4096 };

/* example.com. MX 10 mail.example.com., which the first key of RFC 8080 section 6.1 signs. */
static const uint8_t apex[] = "\7example\3com";
static const uint8_t mx[] = "\0\12\4mail\7example\3com";
static const uint8_t zone_key[KEY_LEN] = {
	0x01, 0x01, 0x03, 0x0f, 0x97, 0x4d, 0x96, 0xa2, 0x2d, 0x22, 0x4b, 0xc0,
	0x1a, 0xdb, 0x91, 0x50, 0x91, 0x47, 0x7d, 0x44, 0xcc, 0xd9, 0x1c, 0x9a,
	0x41, 0xa1, 0x14, 0x30, 0x01, 0x01, 0x17, 0xd5, 0x2c, 0x59, 0x24, 0x0e};
/* What it is signed with there. */
static const uint8_t zone_signature[] = {
	0xa0, 0xbf, 0x64, 0xac, 0x9b, 0xa7, 0xef, 0x17, 0xc1, 0x38, 0x85, 0x9c, 0x18,
	0x78, 0xbb, 0x99, 0xa8, 0x39, 0xfe, 0x17, 0x59, 0xac, 0xa5, 0xb0, 0xd7, 0x98,
	0xcf, 0x1a, 0xb1, 0xe9, 0x8d, 0x07, 0x91, 0x02, 0xf4, 0xdd, 0xb3, 0x36, 0x8f,
	0x0f, 0xe4, 0x0b, 0xb3, 0x77, 0xf1, 0xf0, 0x0e, 0x0c, 0xdd, 0xed, 0xb7, 0x99,
	0x16, 0x7d, 0x56, 0xb6, 0xe9, 0x32, 0x78, 0x30, 0x72, 0xba, 0x8d, 0x02};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct rdata rdata_on(const uint8_t *bytes, size_t len)
{
	return (struct rdata){.bytes = bytes, .len = (uint16_t)len};
}

/* Puts one record into a blob. */
static struct rrset set_of(uint16_t type, struct rdata d,
                           uint8_t blob[static RRSET_HEADER + 2 + RDATA_ROOM])
{
	const struct rrset set = {.type = type,
	                          .count = 1,
	                          .ttl = 3600,
	                          .bytes = blob,
	                          .size = RRSET_HEADER + 2 + (size_t)d.len};

	rrset_write_header(blob, &set);
	(void)rrset_write_rdata(blob + RRSET_HEADER, d.bytes, d.len);
	return set;
}

static enum rrsig_fault verify(struct rdata dnskey, struct rdata signature)
{
	uint8_t keys[RRSET_HEADER + 2 + RDATA_ROOM];
	uint8_t signed_blob[RRSET_HEADER + 2 + RDATA_ROOM];
	struct rrset dnskeys = set_of(RRTYPE_DNSKEY, dnskey, keys);
	struct rrset set = set_of(RRTYPE_MX, rdata_on(mx, sizeof mx), signed_blob);
	struct verifier *v = verifier_new(apex, &dnskeys);
	enum rrsig_fault fault = verifier_check(v, apex, &set, signature, NOW);

	verifier_free(&v);
	return fault;
}

static void try_dnskey(struct rdata d)
{
	static const uint8_t nothing[SIGN_SIGNATURE_MAX];
	struct dnskey *k = NULL;
	uint8_t ds[DS_MAX];

	int len = ds_make(apex, d, DS_SHA256, ds);
	must((len > 0) == (d.len > DNSKEY_HEADER));
	must(len < 0 || ds_is_of(rdata_on(ds, (size_t)len), apex, d));
	if (dnskey_open(d, &k) < 0)
		return;
	must(dnskey_signature_len(k) >= 64 &&
	     dnskey_signature_len(k) <= SIGN_SIGNATURE_MAX);
	int err = dnskey_verify(k, d.bytes, d.len, nothing, dnskey_signature_len(k));
	must(err == 0 || err == ERR_REFUSED); /* a key can be made for that one */
	dnskey_free(&k);
}

static void try_private(uint8_t algorithm, const uint8_t *bytes, size_t len)
{
	uint8_t signature[SIGN_SIGNATURE_MAX];
	struct sign_key *k = NULL;
	struct signer *s = NULL;
	struct dnskey *public = NULL;

	if (sign_key_open(algorithm, SIGN_FLAGS_ZSK, bytes, len, &k) < 0)
		return;
	must(signer_new(k, &s) == 0);
	must(dnskey_open(sign_key_dnskey(k), &public) == 0);
	int size = signer_sign(s, bytes, len, signature);
	must(size > 0);
	must(dnskey_verify(public, bytes, len, signature, (size_t)size) == 0);
	dnskey_free(&public);
	signer_free(&s);
	sign_key_free(&k);
}

static void try_rrsig(struct rdata d)
{
	struct rrsig r;

	if (verify(rdata_on(zone_key, sizeof zone_key), d) != RRSIG_GOOD)
		return;
	must(rrsig_open(d, &r) == 0);
	must(r.signature_len == sizeof zone_signature &&
	     memcmp(r.signature, zone_signature, sizeof zone_signature) == 0);
}

static void try_both(const uint8_t *bytes, size_t len)
{
	struct wire_reader in = wire_reader_on(bytes, len);
	size_t key_len = wire_read16(&in);
	const uint8_t *key = wire_read_bytes(&in, key_len);

	if (in.ok)
		(void)verify(rdata_on(key, key_len), rdata_on(in.at, wire_left(&in)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > RDATA_ROOM)
		return 0;
	switch (data[0] & 3) {
	case 0: try_dnskey(rdata_on(data + 1, size - 1)); break;
	case 1: try_private(data[1], data + 2, size - 2); break;
	case 2: try_rrsig(rdata_on(data + 1, size - 1)); break;
	default: try_both(data + 1, size - 1); break;
	}
	return 0;
}
