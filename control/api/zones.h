/* What the files about zones share. */
#ifndef CONTROL_API_ZONES_H
#define CONTROL_API_ZONES_H

#include "control/api/call.h"
#include "control/http/router.h"

/* Work: writes the zone named call->name in detail, as the query wants it. */
zone_work zones_show;

/* ---- zone_changes.c ---- */

http_handler zones_create;
http_handler zones_patch;
http_handler zones_put;
http_handler zones_delete;

#endif
