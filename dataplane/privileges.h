/*
 * Gives up the capabilities of this process, all of its threads at once, for good.
 */
#ifndef DATAPLANE_PRIVILEGES_H
#define DATAPLANE_PRIVILEGES_H

#include <stddef.h>

#include "shared/compiler.h"

/* Takes every capability from every thread, from the permitted, effective, inheritable, ambient
 * and, where it may (CAP_SETPCAP), bounding set, and forbids to gain any by execve(). Uses
 * SIGURG meanwhile. One caller at a time. ERR_SYSTEM, ERR_TIMEOUT: text says which thread still
 * has some, and others may have lost theirs. */
MUST_CHECK int privileges_drop(char *text, size_t text_size);

#endif
