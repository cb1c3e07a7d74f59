/*
 * The attributes of a zone in PowerDNS's JSON: kind, masters, account and the like.
 */
#ifndef CONTROL_API_ZONE_ATTRS_H
#define CONTROL_API_ZONE_ATTRS_H

#include <jansson.h>
#include <stdint.h>

#include "control/api/fault.h"
#include "control/config/config.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* Reads those attributes that the object has into *attrs, which holds the others already, and adds
 * to *set which they are. The rule for serials follows "soa_edit_api" and "soa_edit".
 * config: whose remotes may be named as masters, or NULL. */
MUST_CHECK int zone_attrs_read(const json_t *object, const struct config *config,
                               struct zone_attrs *attrs, uint32_t *set,
                               struct api_fault *f);

#endif
