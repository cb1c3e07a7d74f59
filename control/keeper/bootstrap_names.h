/*
 * What is said of a zone in other zones, for a parent that has no DS of it yet (RFC 9615): under which names, and
 * whether there is anything to say.
 *
 * Any thread.
 */
#ifndef CONTROL_KEEPER_BOOTSTRAP_NAMES_H
#define CONTROL_KEEPER_BOOTSTRAP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "control/sign/life.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"

/* Writes _signal.NS (RFC 9615 §3), folded. Gives its length. ERR_TOOBIG. */
MUST_CHECK int bootstrap_signal(const uint8_t *ns, uint8_t out[static NAME_MAX_LEN]);

/* Writes _dsboot.ZONE._signal.NS, folded. Gives its length. ERR_REFUSED: the server's name is the zone's, or below it,
 * and so nothing that is said there is to be believed before the zone is. ERR_TOOBIG. */
MUST_CHECK int bootstrap_owner(const uint8_t *zone, const uint8_t *ns,
                               uint8_t out[static NAME_MAX_LEN]);

/* Says whether the parent has a DS of one of these keys, as far as is known here: nobody needs to be told any more. */
bool bootstrap_is_over(const struct life *l);

/* Says whether a CDS or CDNSKEY RRset names keys. One that asks for no DS (RFC 8078 §4) is no matter of a zone
 * that has none. */
bool bootstrap_names_keys(const struct rrset *set);

#endif
