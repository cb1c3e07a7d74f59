#include "control/diag.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *severity_word(enum diag_severity severity)
{
	return severity == DIAG_ERROR ? "error" : "warning";
}

void diag_init(struct diag *d)
{
	memset(d, 0, sizeof *d);
}

void diag_fini(struct diag *d)
{
	for (size_t i = 0; i < d->kept; i++) {
		free(d->entries[i].file);
		free(d->entries[i].text);
	}
	memset(d, 0, sizeof *d);
}

/* The text may quote input: a control character must neither end the line nor reach a terminal. */
static void hide_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* Out of memory ends the process: a diagnostic that gets lost would let bad input pass silently. */
static char *copy_text(const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		abort();
	hide_controls(copy);
	return copy;
}

static char *format_text(const char *format, va_list args) PRINTF_LIKE(1, 0);

static char *format_text(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		abort();
	hide_controls(text);
	return text;
}

/* One parameter more than the rule: they are the columns of a diagnostic, and callers are many. */
// NOLINTNEXTLINE(readability-function-size)
void diag_add(struct diag *d, enum diag_severity severity, const char *rule,
              const char *file, unsigned line, unsigned column, const char *format, ...)
{
	if (severity == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
	if (d->kept == DIAG_KEEP)
		return;

	struct diag_entry *e = &d->entries[d->kept++];
	va_list args;
	va_start(args, format);
	*e = (struct diag_entry){
		.severity = severity,
		.line = line,
		.column = column,
		.rule = rule,
		.file = copy_text(file),
		.text = format_text(format, args),
	};
	va_end(args);
}

const struct diag_entry *diag_first_error(const struct diag *d)
{
	for (size_t i = 0; i < d->kept; i++)
		if (d->entries[i].severity == DIAG_ERROR)
			return &d->entries[i];
	return NULL;
}

void diag_format(const struct diag_entry *e, char *out, size_t size)
{
	char place[32] = "";

	assert(size > 0);
	if (e->line && e->column)
		(void)snprintf(place, sizeof place, "%u:%u:", e->line, e->column);
	else if (e->line)
		(void)snprintf(place, sizeof place, "%u:", e->line);
	bool has_file = e->file && e->file[0];
	bool has_rule = e->rule && e->rule[0];
	(void)snprintf(out, size, "%s%s%s%s%s: %s%s%s%s", has_file ? e->file : "",
	               has_file ? ":" : "", place, has_file || place[0] ? " " : "",
	               severity_word(e->severity), e->text ? e->text : "",
	               has_rule ? " [" : "", has_rule ? e->rule : "",
	               has_rule ? "]" : "");
}

void diag_print(const struct diag *d, FILE *to)
{
	for (size_t i = 0; i < d->kept; i++) {
		char line[2048];
		diag_format(&d->entries[i], line, sizeof line);
		(void)fprintf(to, "%s\n", line);
	}
	size_t all = d->errors + d->warnings;
	if (all > d->kept)
		(void)fprintf(to,
		              "%zu more not shown: %zu errors and %zu warnings in all\n",
		              all - d->kept, d->errors, d->warnings);
}
