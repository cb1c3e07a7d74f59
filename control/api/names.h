/*
 * Names as PowerDNS's API writes them: in JSON absolute, with the final dot; in paths as ids, in
 * which whatever is no letter, digit, dot or hyphen stands as "=" and two hexadecimal digits, and
 * the root as "=2E".
 */
#ifndef CONTROL_API_NAMES_H
#define CONTROL_API_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "control/api/fault.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum { API_ID_MAX = 3 * NAME_TEXT_MAX };

/* Gives id: that of the zone with this name. */
const char *api_zone_id(const uint8_t *name, char id[static API_ID_MAX]);

/* Reads an id, its final dot or not, from a path that has been percent-decoded. The name comes
 * folded. ERR_SYNTAX: no zone can have this id. */
MUST_CHECK int api_zone_from_id(const char *id, uint8_t name[static NAME_MAX_LEN]);

/* Reads a name as it stands in JSON, folded. ERR_REFUSED: it does not end with a dot or is none. */
MUST_CHECK int api_name_read(const char *text, uint8_t name[static NAME_MAX_LEN],
                             struct api_fault *f);

/* The same for a name that is about to come into being, which may hold letters, digits, "_", "/"
 * and hyphens, and "*" as its first label. */
MUST_CHECK int api_new_name_read(const char *text, uint8_t name[static NAME_MAX_LEN],
                                 struct api_fault *f);

/* Says whether a name consists of letters, digits and inner hyphens only, as a host's must
 * (RFC 1123 §2.1). The root does. */
bool api_is_hostname(const uint8_t *name);

#endif
