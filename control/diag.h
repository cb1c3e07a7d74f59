/*
 * Diagnostics: what is wrong with some input, where, and which rule says so. Every reader of text
 * (zone files, the configuration) and every check adds to one list; callers decide what to print
 * or send. Errors refuse the input, warnings do not.
 */
#ifndef CONTROL_DIAG_H
#define CONTROL_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/compiler.h"

enum diag_severity {
	DIAG_WARNING,
	DIAG_ERROR,
};

struct diag_entry {
	enum diag_severity severity;
	unsigned line;    /* from 1; 0: the whole file */
	unsigned column;  /* from 1; 0: the whole line */
	const char *rule; /* short and fixed: "cname-and-other-data" */
	char *file;       /* owned */
	char *text;       /* owned */
};

enum { DIAG_KEEP = 100 }; /* entries kept; further ones are counted only */

struct diag {
	struct diag_entry entries[DIAG_KEEP];
	size_t kept;
	size_t errors; /* all of them, kept or not */
	size_t warnings;
};

void diag_init(struct diag *d);
void diag_fini(struct diag *d);

/* rule: a string literal. */
void diag_add(struct diag *d, enum diag_severity severity, const char *rule,
              const char *file, unsigned line, unsigned column, const char *format, ...)
	PRINTF_LIKE(7, 8);

/* Gives the first error, lent, or NULL. */
const struct diag_entry *diag_first_error(const struct diag *d);

/* "file:line:column: error: text [rule]" without a newline; leaves out what is zero. */
void diag_format(const struct diag_entry *e, char *out, size_t size);

/* One line each, and a last one that counts what was not kept. */
void diag_print(const struct diag *d, FILE *to);

#endif
