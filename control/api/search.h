/*
 * Search over the names of zones, the names and contents of records, and comments, with "*" and "?"
 * as wildcards.
 */
#ifndef CONTROL_API_SEARCH_H
#define CONTROL_API_SEARCH_H

#include <stdbool.h>

/* Says whether all of a text matches a pattern, without regard to case or to a final dot. */
bool search_matches(const char *pattern, const char *text);

#endif
