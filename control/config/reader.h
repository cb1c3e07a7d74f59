/*
 * YAML text to a filled struct config: walks libyaml's events along the table of options and
 * reports what does not fit. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_READER_H
#define CONTROL_CONFIG_READER_H

#include "control/config/config.h"

/* Fills c, defaults included. dir: absolute directory of the file. Whether it went well is said
 * by the errors in diag. */
void reader_run(const char *text, size_t len, const char *name, const char *dir,
                struct config *c, struct diag *diag);

#endif
