/*
 * What is to be said of policies of signing beyond their single values: whether one could work, and the
 * one that is there always. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_DNSSEC_H
#define CONTROL_CONFIG_DNSSEC_H

#include "control/config/config.h"
#include "control/diag.h"

/* Adds the policy named "default" where the file has none. dir: what relative paths are relative to. */
void dnssec_inherit(struct config *c, const char *dir);

/* Sets where the master secret is, when the file does not say it, by where the store is; a credential of the
 * service (systemd.exec(5)) counts more than either. Reports a path that is too long. */
void dnssec_resolve_secret(struct config *c, struct diag *diag);

/* Reports policies that could not work, or not well. */
void dnssec_check(const struct config *c, struct diag *diag);

#endif
