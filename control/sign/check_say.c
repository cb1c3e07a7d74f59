#include <stdarg.h>
#include <stdio.h>

#include "control/sign/check_internal.h"

enum { TEXT_MAX = 2 * NAME_TEXT_MAX + 256 }; /* with two names in it */

const char *check_name_text(const struct checking *c, struct chain_ref key,
                            char text[static NAME_TEXT_MAX])
{
	uint8_t name[NAME_MAX_LEN];

	if (name_from_key(key.bytes, key.len, c->apex, name) < 0)
		return "?";
	return name_to_text(name, text);
}

void check_say(const struct checking *c, enum diag_severity severity, const char *rule,
               const struct check_place *at, const char *format, ...)
{
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	diag_add(c->diag, severity, rule, at->file, at->line, 0, "%s %s: %s",
	         check_name_text(c, (struct chain_ref){at->key, at->key_len}, owner),
	         rrtype_to_text(at->type, type), text);
}
