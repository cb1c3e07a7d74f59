/* Checks and restores for people: what anser-control does instead of serving. */
#ifndef CONTROL_BACKUP_TOOL_H
#define CONTROL_BACKUP_TOOL_H

#include <stdio.h>

#include "control/backup/restore.h"

/* Says what is in a backup. */
void backup_describe(const struct backup_survey *s, FILE *to);

/* Each gives an exit status: 0, 1, or 2 for an until that is neither a number nor a time. until may
 * be NULL. Says on standard output what came of it, on standard error what is wrong. */
int backup_tool_check(const char *file, const char *until);
int backup_tool_restore(const char *file, const char *dir, const char *until);

#endif
