/*
 * Who an update is done for: the holder of a TSIG key, or an address, with what the rule that lets it in lets it do.
 */
#ifndef CONTROL_UPDATE_UPDATER_H
#define CONTROL_UPDATE_UPDATER_H

#include "control/access/actor.h"
#include "control/policy/acl.h"
#include "dataplane/respond/respond.h"

/* Gives an actor that sees this zone alone, and changes what the rule's grants say of it. key: the one that the
 * message was signed with, or NULL. zone: folded. */
struct actor *updater_new(const struct acl_rule *rule, const struct tsig_key *key,
                          const struct client *from, const uint8_t *zone);

#endif
