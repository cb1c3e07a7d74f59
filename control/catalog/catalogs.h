/*
 * Follows the catalog zones that come from elsewhere, and keeps those that are made here: a moment after
 * they, or zones that may be members, have changed, one after the other.
 *
 * Loop thread.
 */
#ifndef CONTROL_CATALOG_CATALOGS_H
#define CONTROL_CATALOG_CATALOGS_H

#include "control/net/parts.h"

struct catalogs;

/* Watches the engine of the parts, which are lent. Never fails. */
void catalogs_open(const struct transfer_parts *p, struct catalogs **out);

/* Another configuration counts: other zones may be catalogs, and members. */
void catalogs_configure(struct catalogs *c);

/* Before the engine is closed. The loop must run on until it has called back for what is under way. *catalogs
 * becomes NULL. NULL is fine. */
void catalogs_close(struct catalogs **catalogs);

#endif
