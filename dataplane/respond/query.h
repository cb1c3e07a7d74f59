/*
 * A query as parsed from its message: verdict first, so that bad input costs less than good
 * input and never reaches a lookup.
 */
#ifndef DATAPLANE_RESPOND_QUERY_H
#define DATAPLANE_RESPOND_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/respond/respond.h"
#include "dataplane/respond/search.h"
#include "shared/compiler.h"
#include "shared/dns.h"
#include "shared/name.h"
#include "shared/namehash.h"
#include "shared/table.h"

enum {
	DNS_HEADER_LEN = 12,
	DNS_QUESTION_AT = DNS_HEADER_LEN,
	DNS_CLASSIC_MAX = 512, /* RFC 1035 §2.3.4 */
};

/* Byte 2 of the header. */
enum {
	DNS_FLAG_QR = 0x80,
	DNS_FLAG_AA = 0x04,
	DNS_FLAG_TC = 0x02,
	DNS_FLAG_RD = 0x01,
	DNS_FLAGS_KEPT = 0x79, /* opcode and RD are echoed */
};

/* What is to become of a message. */
enum verdict {
	VERDICT_LOOKUP, /* look the name up */
	VERDICT_CHAOS,  /* class CH: answered without the table */
	VERDICT_REPLY,  /* answer with query.rcode, question as far as it was read */
	/* From here on nothing is said. */
	VERDICT_DROP, /* a response, or too short to have a header */
	VERDICT_HAND, /* handed to whoever can answer it; if there is nobody, query.otherwise */
};

enum {
	EDNS_PRESENT = 1 << 0,
	EDNS_DO = 1 << 1,
	EDNS_NSID = 1 << 2,
	EDNS_COOKIE = 1 << 3, /* client cookie read */
	EDNS_KEEPALIVE = 1 << 4,
};

enum { COOKIE_CLIENT_LEN = 8, COOKIE_SERVER_MIN = 8, COOKIE_SERVER_MAX = 32 };

/* The first cache line is all that a plain query needs besides its name. */
struct query {
	alignas(CACHE_LINE) uint64_t hash; /* of the whole name */
	const struct table_bucket *bucket;
	const struct table_node *node;
	const struct table_entry *simple; /* the whole answer, or NULL */
	table_ref candidate;              /* node that may be the name's */
	table_ref denies; /* zone whose SOA alone is the whole answer, or 0 */
	uint16_t qtype;
	uint16_t qclass;
	uint16_t
		question_end; /* offset of the first byte behind the question; 0: no question */
	uint16_t udp_size;  /* what the client can take */
	uint16_t ede;       /* RFC 8914 info code + 1; 0: none */
	uint16_t reply_len; /* where it is known to be long; else 0 */
	uint8_t name_len;
	uint8_t labels; /* without the root label */
	uint8_t verdict;
	uint8_t rcode;
	uint8_t edns; /* EDNS_ bits */
	uint8_t cookie_server_len;
	uint8_t encloser_labels;
	uint8_t otherwise; /* the verdict without anybody to hand it to */
	uint8_t pad[6];
	/* ---- folded name ---- */
	uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD];
	/* ---- for when the name is missing ---- */
	const struct table_node *encloser; /* closest one; NULL: in no hosted zone */
	uint8_t label_at[NAME_MAX_LABELS +
	                 1]; /* each label, leftmost first; then the root */
	struct name_steps steps;
	struct search cover; /* NSEC of the name, or NSEC3 of its next closer name */
	/* ---- rarely used ---- */
	uint8_t cookie_client[COOKIE_CLIENT_LEN];
	uint8_t cookie_server[COOKIE_SERVER_MAX];
};

/* Reads the message of p; key is the table's. Sets everything up to and including hash. */
HOT void query_parse(struct query *q, const struct pkt *p,
                     const struct name_hash_key *key);

#endif
