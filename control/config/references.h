/*
 * What entries of the configuration's lists say of each other: templates, remotes, rules, TLS profiles
 * and policies of signing by their names. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_REFERENCES_H
#define CONTROL_CONFIG_REFERENCES_H

#include "control/config/config.h"
#include "control/diag.h"

/* Reports names of what is not there, and zones that could get no contents. */
void references_check(const struct config *c, struct diag *diag);

/* Gives templates what they do not say from the one named "default", and makes c->fallback. dir: what
 * relative paths are relative to. */
void references_inherit(struct config *c, const char *dir);

#endif
