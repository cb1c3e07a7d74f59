/* What the commands that change records have in common. */
#ifndef CONTROL_CLI_RECORD_H
#define CONTROL_CLI_RECORD_H

#include "control/cli/cli.h"

/* Zone by zone, to stdout. */
void record_show_change(const struct cli *c, const json_t *result);

/* All of that behind what first (or NULL) prints, and why it was refused; or the result as JSON. */
void record_tell(struct cli *c, enum engine_outcome outcome, const json_t *result,
                 cli_show *first);

/* Says whether a text is a TTL rather than a type. */
bool record_is_number(const char *text);

#endif
