/*
 * YAML text to a filled struct config: walks libyaml's events along the table of options and
 * reports what does not fit. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_READER_H
#define CONTROL_CONFIG_READER_H

#include "control/config/config.h"

/* Fills c from its text, the overrides (NULL: none) and defaults. dir: absolute directory of the
 * file. Whether it went well is said by the errors in diag. */
void reader_run(const struct overrides *overrides, const char *dir, struct config *c,
                struct diag *diag);

#endif
