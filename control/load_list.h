/* Zone files that are to be loaded, and what they looked like. */
#ifndef CONTROL_LOAD_LIST_H
#define CONTROL_LOAD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/config.h"
#include "shared/name.h"

struct load {
	uint8_t name[NAME_MAX_LEN];
	char *file;   /* empty: there is none, the zone only has to be there */
	size_t order; /* of being named: the first one counts */
	bool added;   /* by command */
};

struct load_list {
	struct load *items;
	size_t count;
	size_t room;
};

void load_list_add(struct load_list *l, const uint8_t *name, const char *file,
                   bool added);
void load_list_free(struct load_list *l);

/* Adds everything that the configuration names, parents first, to an empty list. A zone named on
 * its own wins over a file in a directory. false: a directory cannot be read. */
bool load_list_configured(struct load_list *l, const struct config *c);

/* What tells a file from what it was: size, number and time. false: it is not there. */
bool load_file_mark(const char *path, uint8_t mark[static 32]);

#endif
