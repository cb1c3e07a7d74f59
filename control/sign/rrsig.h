/*
 * RRSIG (RFC 4034 §3): what a signature says, what it signs, how one is made, and how signatures come into the
 * blob of their RRset.
 */
#ifndef CONTROL_SIGN_RRSIG_H
#define CONTROL_SIGN_RRSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sign/signer.h"
#include "control/zone/arena.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum {
	RRSIG_FIXED = 18, /* octets before the signer's name */
	RRSIG_MAX = RRSIG_FIXED + NAME_MAX_LEN + SIGN_SIGNATURE_MAX, /* that we make */
};

/* What an RRSIG says. Lent from its RDATA. */
struct rrsig {
	uint16_t covered; /* type */
	uint16_t tag;
	uint8_t algorithm;
	uint8_t labels;
	uint32_t ttl;        /* of the RRset when it was signed */
	uint32_t expiration; /* as inception: seconds since 1970, modulo 2^32 */
	uint32_t inception;
	const uint8_t *signer;
	size_t signer_len;
	const uint8_t *signature;
	size_t signature_len;
};

/* RDATA from whatever source. ERR_CORRUPT. */
MUST_CHECK int rrsig_open(struct rdata rdata, struct rrsig *out);

/* Labels of an owner as a signature counts them: without the root's and without a "*" in front. */
unsigned rrsig_labels(const uint8_t *owner);

/* Where data to be signed is put together: all zero at first, grows to what is needed and is kept. One thread at
 * a time. */
struct rrsig_room {
	uint8_t *bytes;
	size_t size;
};

void rrsig_room_fini(struct rrsig_room *room);

/* An RRset where it stands. Its records have passed rdata_check(). */
struct signed_set {
	const uint8_t *owner; /* any case, as is the zone's name */
	const uint8_t *zone;
	const struct rrset *set;
};

/* Puts into room what a signature signs (RFC 4034 §3.1.8.1): the RDATA of its RRSIG up to the signature, then the
 * RRset in canonical form. head: that RDATA, the signature of no matter. Gives the number of octets. */
size_t rrsig_data(struct rrsig_room *room, struct rdata head,
                  const struct signed_set *what);

/* From when to when a signature holds; seconds since 1970, modulo 2^32. */
struct rrsig_times {
	uint32_t inception;
	uint32_t expiration;
};

/*
 * Signs an RRset. Gives the length of the RRSIG's RDATA. Nothing is allocated but what room lacks.
 *
 * ERR_INVALID: it has no record, its type is not signed, or it is not in the zone. ERR_SYSTEM: OpenSSL failed.
 */
MUST_CHECK int rrsig_make(struct signer *s, struct rrsig_room *room,
                          const struct signed_set *what, struct rrsig_times times,
                          uint8_t out[static RRSIG_MAX]);

/* Octets of an RRset's blob when it has these signatures and no others. */
size_t rrsig_blob_size(const struct rrset *set, const struct rdata *signatures,
                       unsigned count);

/* Writes that blob, of an RRset with records. The signatures are put in canonical order, also where they are
 * lent from; they get the RRset's TTL (RFC 4034 §3). */
void rrsig_blob_write(const struct rrset *set, struct rdata *signatures, unsigned count,
                      uint8_t *blob);

/* Says whether two RRsets with records have the same ones, and the same TTL, whatever they are signed with. */
bool rrsig_same_data(const struct rrset *a, const struct rrset *b);

/* Takes the signatures out of an RRset, which lies in the arena then if it had any. Of one that was nothing but
 * signatures no octet is left, and bytes is NULL. */
void rrsig_take_out(struct rrset *set, struct contents_arena *a);

#endif
