/*
 * RR types: numbers, names and the layout of their data as far as names inside it go.
 *
 * The one table behind (rrtypes.def) tells the compiler and the responder which parts of RDATA are
 * domain names and whether they may be compressed (RFC 3597 §4: only those of RFC 1035). Text
 * conversion of RDATA is ldns's affair, not this module's.
 */
#ifndef SHARED_RRTYPE_H
#define SHARED_RRTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	RRTYPE_A = 1,
	RRTYPE_NS = 2,
	RRTYPE_CNAME = 5,
	RRTYPE_SOA = 6,
	RRTYPE_PTR = 12,
	RRTYPE_MX = 15,
	RRTYPE_TXT = 16,
	RRTYPE_SIG = 24,
	RRTYPE_KEY = 25,
	RRTYPE_AAAA = 28,
	RRTYPE_SRV = 33,
	RRTYPE_DNAME = 39,
	RRTYPE_OPT = 41,
	RRTYPE_DS = 43,
	RRTYPE_RRSIG = 46,
	RRTYPE_NSEC = 47,
	RRTYPE_DNSKEY = 48,
	RRTYPE_NSEC3 = 50,
	RRTYPE_NSEC3PARAM = 51,
	RRTYPE_CDS = 59,
	RRTYPE_CDNSKEY = 60,
	RRTYPE_ZONEMD = 63,
	RRTYPE_SVCB = 64,
	RRTYPE_HTTPS = 65,
	RRTYPE_TSIG = 250,
	RRTYPE_IXFR = 251,
	RRTYPE_AXFR = 252,
	RRTYPE_MAILB = 253,
	RRTYPE_MAILA = 254,
	RRTYPE_ANY = 255,
};

/* Layout of RDATA: a string of these, read from its start to its end.
 *   N  a name that may be compressed       n  a name that may not
 *   1 2 4 6 8  that many octets            s  a character-string (length octet first)
 *   *  whatever is left (only the last): no name that could be compressed or looked up in there.
 * The gateways of IPSECKEY and AMTRELAY and the servers of HIP are names too, but are neither
 * compressed (RFC 3597 §4) nor folded (RFC 6840 §5.1), so that nobody needs their place. */
struct rrtype {
	const char *name;
	const char *layout;
	uint16_t number;
	bool targets; /* a name in it is looked up for additional data (NS, MX, SRV, SVCB, HTTPS) */
};

/* NULL for a type that has no line of its own. */
const struct rrtype *rrtype_by_number(uint16_t number);

/* Any case, and "TYPE65280" (RFC 3597 §5). Gives the number or ERR_NOTFOUND. */
MUST_CHECK int rrtype_from_text(const char *text, size_t len);

enum { RRTYPE_TEXT_MAX = 16 };

/* "AAAA", or "TYPE65280" when it has no name. Gives text. */
const char *rrtype_to_text(uint16_t number, char text[static RRTYPE_TEXT_MAX]);

/* Types that no zone may hold: OPT, TSIG, TKEY, meta and query types (RFC 6895 §3.1). */
bool rrtype_is_meta(uint16_t number);

/* Types that nobody but who signs a zone makes: RRSIG, NSEC, NSEC3, NSEC3PARAM, the last one below the apex too, where
 * it is of no chain and counts as data. */
bool rrtype_is_of_signing(uint16_t number);

/* Types that tell, at the apex, of the zone's keys: DNSKEY, CDS, CDNSKEY. Who signs shares them with others. */
bool rrtype_is_of_keys(uint16_t number);

/* Says whether RDATA has a name that may be compressed. */
bool rrtype_is_compressible(uint16_t number);

/* A name inside RDATA. */
struct rdata_name {
	uint16_t at;
	uint16_t len;
	bool compressible;
};

enum { RDATA_NAMES_MAX = 2 };

/* Finds the names in uncompressed RDATA. Gives how many, or ERR_CORRUPT when it does not follow
 * the layout of its type. */
MUST_CHECK int rrtype_rdata_names(uint16_t type, const uint8_t *rdata, size_t len,
                                  struct rdata_name names[static RDATA_NAMES_MAX]);

#endif
