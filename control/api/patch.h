/*
 * The "rrsets" of a request of PowerDNS's API, read into the edits of a zone. Unknown members are
 * passed over, since clients send back what they have read, and more.
 */
#ifndef CONTROL_API_PATCH_H
#define CONTROL_API_PATCH_H

#include <jansson.h>

#include "control/api/fault.h"
#include "control/change/change.h"
#include "shared/compiler.h"

/* What "changetype" does. */
enum patch_form {
	PATCH_CHANGES, /* it says what to do: REPLACE, DELETE, EXTEND or PRUNE */
	PATCH_CONTENTS /* it is passed over: these RRsets are to be there */
};

/* Adds an edit for each of the "rrsets" of an object to the change's last zone; sets that zone's
 * serial to be taken as given when the SOA is among what is replaced. now: seconds since 1970, for
 * comments that bring no time. ERR_REFUSED; also when there are no "rrsets" to say what to change. */
MUST_CHECK int patch_read(const json_t *object, enum patch_form form, struct change *c,
                          uint64_t now, struct api_fault *f);

/* Gives what is refused about a change in words, as a fault: the zone's first problem. */
int patch_refuse(const struct change *c, const struct change_result *r,
                 struct api_fault *f);

#endif
