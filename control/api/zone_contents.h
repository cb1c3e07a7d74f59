/*
 * The contents of a zone that is made, or made anew, by a request: from RRsets, or from the text of
 * a zone file, completed with what a zone must have.
 */
#ifndef CONTROL_API_ZONE_CONTENTS_H
#define CONTROL_API_ZONE_CONTENTS_H

#include <jansson.h>
#include <stdint.h>

#include "control/api/fault.h"
#include "control/change/change.h"
#include "shared/compiler.h"

/* Fills in the contents of the change's last zone, whose serial follows attrs and, when the request
 * has none, begins with its "serial". Edits that are left there bring comments and disabled records.
 * now: seconds since 1970. complete: what is missing of SOA and NS is made up. */
MUST_CHECK int zone_contents_read(const json_t *object, struct change *c, bool complete,
                                  const struct zone_attrs *attrs, uint64_t now,
                                  struct api_fault *f);

#endif
