/*
 * The names that the benchmarks know: what is in the generated zones, and queries for it.
 *
 * hosts:  "h%07u" below the apex, each with one A record.
 * tld:    "d%07u" below the apex, each delegated to two servers with glue, every fifth with DS.
 * zones:  many zones "z%07u.test.", each with hosts "h0000000" and so on.
 */
#ifndef PERF_QUERIES_H
#define PERF_QUERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/compiler.h"

enum query_kind {
	QUERY_POSITIVE, /* A of a host, uniform over all */
	QUERY_HOT,      /* A of one of 100 hosts */
	QUERY_NXDOMAIN, /* A of a random label below the apex */
	QUERY_RANDOM,   /* A below 2 to 12 random labels: a random-subdomain attack */
	QUERY_REFERRAL, /* A of "www" below a random delegation */
	QUERY_MIX,      /* half positive, 30 % NXDOMAIN, 20 % AAAA without data */
	QUERY_KINDS
};

const char *query_kind_name(enum query_kind kind);
/* Gives false for a name that is none. */
bool query_kind_from_name(const char *name, enum query_kind *out);

/* What to ask about. */
struct query_space {
	enum query_kind kind;
	const uint8_t *apex; /* wire form */
	uint32_t names;      /* hosts or delegations, in each zone */
	uint32_t zones;      /* 0: one zone, apex; else that many zones below apex */
	bool dnssec_ok;
};

enum { QUERY_MAX = 300 };

/* xorshift64*: the same sequence everywhere from the same seed, which must not be 0. */
uint64_t random_next(uint64_t *state);

/* Writes one query with EDNS (1232 bytes). out: QUERY_MAX. Gives its length. */
size_t query_make(const struct query_space *space, uint64_t *random, uint8_t *out);

/* Zone text. origin: as text, absolute. */
void zone_write_hosts(FILE *to, const char *origin, uint32_t names, uint32_t serial);
void zone_write_tld(FILE *to, const char *origin, uint32_t names, uint32_t serial);

#endif
