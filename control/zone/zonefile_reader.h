/*
 * What the parts of the zone-text reader share: the files being read, and what one entry hands on
 * to the next (origin, owner, TTLs). Private to zonefile*.c.
 */
#ifndef CONTROL_ZONE_ZONEFILE_READER_H
#define CONTROL_ZONE_ZONEFILE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/diag.h"
#include "control/zone/contents.h"
#include "control/zone/entry.h"
#include "control/zone/rdata.h"
#include "control/zone/rdata_text.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum {
	INCLUDE_DEPTH_MAX = 16,
	/* A few files that include each other fan out without end. */
	INCLUDE_FILES_MAX = 10000,
};

/* A text being read, and where the including one goes on when it ends. */
struct zone_text {
	char *path; /* owned */
	char *text; /* owned when read from a file, else lent */
	bool from_file;
	dev_t device; /* which file it is, to find loops */
	ino_t inode;
	uint16_t index; /* in contents.files */
	struct entry_source source;
	/* Of the including text: an $INCLUDE leaves them alone (RFC 1035 §5.1). */
	uint8_t outer_origin[NAME_MAX_LEN];
	uint8_t outer_owner[NAME_MAX_LEN];
	bool outer_has_owner;
};

/* A TTL that may not be known yet. */
struct maybe_ttl {
	bool known;
	uint32_t seconds;
};

struct zone_reader {
	struct contents_builder *builder;
	struct diag *diag;
	size_t errors_before; /* diag->errors when reading began */
	struct rdata_text *rdata;
	struct entry entry;
	uint8_t origin[NAME_MAX_LEN];
	uint8_t owner[NAME_MAX_LEN];
	bool has_owner;
	struct maybe_ttl ttl_directive; /* $TTL, RFC 2308 §4 */
	struct maybe_ttl ttl_last;      /* the last one stated, RFC 1035 §5.1 */
	struct maybe_ttl ttl_soa;       /* the SOA's minimum */
	bool ttl_warned;
	unsigned files_read;
	unsigned depth;
	struct zone_text texts[INCLUDE_DEPTH_MAX];
};

static inline struct zone_text *reader_text(struct zone_reader *r)
{
	return &r->texts[r->depth - 1];
}

/* Reports an error at a token of the current text (NULL: at line of the entry). Gives
 * ERR_SYNTAX. */
int reader_refuse(struct zone_reader *r, const struct entry_token *at, const char *rule,
                  const char *format, ...) PRINTF_LIKE(4, 5);

/* Puts a file on top of the others. at: the token that names it, or NULL for the zone file. */
MUST_CHECK int reader_open(struct zone_reader *r, const char *path,
                           const struct entry_token *at);

/* Takes r->entry as a record. Errors are reported. */
void reader_record(struct zone_reader *r);

/* The same for tokens of its own. tokens[0] is the owner unless blank is set. */
void reader_record_of(struct zone_reader *r, const struct entry *entry);

/* Takes r->entry, which begins with "$". */
void reader_directive(struct zone_reader *r);

/* $GENERATE; the entry's first token is the directive. */
void reader_generate(struct zone_reader *r);

/* Reads a TTL, with units, up to TTL_MAX. Errors are reported. */
MUST_CHECK int reader_ttl(struct zone_reader *r, const struct entry_token *t,
                          uint32_t *out);

/* Reads a name. Errors are reported. out: NAME_MAX_LEN octets. */
MUST_CHECK int reader_name(struct zone_reader *r, const struct entry_token *t,
                           uint8_t *out);

#endif
