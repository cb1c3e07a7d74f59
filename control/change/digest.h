/*
 * The digest of a zone as it will be (control/zone/zonemd.h): a view over what the store holds. Costs as much
 * as the zone is large.
 */
#ifndef CONTROL_CHANGE_DIGEST_H
#define CONTROL_CHANGE_DIGEST_H

#include "control/change/check.h"
#include "control/diag.h"
#include "shared/compiler.h"

/* RRsets. The digest of more takes longer than a change may: control/transfer/digests.h makes it afterwards. */
enum { DIGEST_AT_ONCE = 5000 };

/* As zonemd_check_zone(). The view may be one of nothing, with a transaction and a zone alone. */
MUST_CHECK int digest_check(const struct change_view *v, struct diag *diag);

/* Puts the ZONEMD over the view that is right for the rest of it, which has an SOA. Errors of the store. */
MUST_CHECK int digest_make(struct change_view *v, struct contents_arena *a);

#endif
