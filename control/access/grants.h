/*
 * Grants (struct grant) as people write them, in JSON, and as the store keeps them.
 *
 *      {"zone": "example.org.", "below": false, "write": true,
 *       "names": ["_acme-challenge", "*.dyn"], "types": ["TXT"]}
 *
 * Only "zone" has to be there: without "names" and "types" a grant is for every owner and type,
 * and it lets its holder write unless it says that it does not.
 */
#ifndef CONTROL_ACCESS_GRANTS_H
#define CONTROL_ACCESS_GRANTS_H

#include <jansson.h>
#include <stddef.h>

#include "control/access/actor.h"
#include "shared/compiler.h"
#include "shared/wire.h"

enum {
	GRANTS_MAX = 64,
	/* what one takes in the store, at most */
	GRANT_SIZE = NAME_MAX_LEN + 1 + 2 + GRANT_NAMES_SIZE + 1 + 2 * GRANT_TYPES_MAX,
};

/* Reads an array. *out comes from malloc(), also for an empty one. ERR_SYNTAX, ERR_TOOBIG: text
 * says what is wrong with which. */
MUST_CHECK int grants_from_json(const json_t *list, struct grant **out, size_t *count,
                                char *text, size_t text_size);

json_t *grants_json(const struct grant *grants, size_t count);

void grant_write(struct wire_writer *w, const struct grant *g);
/* ERR_CORRUPT. */
MUST_CHECK int grant_read(struct wire_reader *r, struct grant *out);

#endif
