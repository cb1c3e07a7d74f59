/*
 * Options that were set while the server ran. They are kept in the store and lie over the file
 * (docs/decisions): one by one, each by its name and its value as a text. A list's values stand
 * in one text, with blanks between them.
 */
#ifndef CONTROL_CONFIG_OVERRIDE_H
#define CONTROL_CONFIG_OVERRIDE_H

#include <stddef.h>

#include "control/config/config.h"
#include "shared/compiler.h"

/* Stands for the file in diagnostics of overrides. */
#define OVERRIDE_FILE "override"

enum { OVERRIDE_TEXT_MAX = 8192, OVERRIDE_REASON_SIZE = 768 };

struct override {
	char *name; /* "log.level" */
	char *text;
};

/* All zero: none. */
struct overrides {
	struct override *items;
	size_t count;
};

/* Sets one, or with text NULL takes it away. Both are copied. */
void overrides_set(struct overrides *o, const char *name, const char *text);

/* Gives its text, lent until it is set, or NULL: there is none. */
const char *overrides_get(const struct overrides *o, const char *name);

void overrides_fini(struct overrides *o);

/* Says whether an option may have this value, whatever the others are. dir: absolute, what
 * relative paths are relative to. ERR_NOTFOUND: no such option, ERR_DENIED: none that may be set
 * so, ERR_REFUSED: the value; reason says it in words, with the name in front. */
MUST_CHECK int override_check(const char *name, const char *text, const char *dir,
                              char reason[static OVERRIDE_REASON_SIZE]);

#endif
