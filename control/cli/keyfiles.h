/*
 * Files of keys that sign zones, as BIND names them: two for each key, of which either names both.
 */
#ifndef CONTROL_CLI_KEYFILES_H
#define CONTROL_CLI_KEYFILES_H

#include <stdbool.h>

/* Says whether a path is one of a pair's: it ends with ".key" or ".private". */
bool keyfiles_is_one(const char *path);

/* Gives the path of a pair with an end: ".key" or ".private". path has one of these, or none. The caller's to free. */
char *keyfiles_name(const char *path, const char *end);

#endif
