/* Diagnostics as JSON, for who asks by command and for anserctl --json. */
#ifndef CONTROL_DIAG_JSON_H
#define CONTROL_DIAG_JSON_H

#include <jansson.h>

#include "control/diag.h"

/* Gives an array of objects: severity, file, line, column, rule, text. Of one whose file or text is not
 * UTF-8, which has no JSON, those two are left out. */
json_t *diag_json(const struct diag *d);

#endif
