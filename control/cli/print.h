/*
 * What anserctl prints: grids of rows, lists of fields, diagnostics, all made from JSON.
 *
 * Aligned and with headings; with --plain tab-separated and without, for scripts. Control
 * characters never reach the terminal.
 */
#ifndef CONTROL_CLI_PRINT_H
#define CONTROL_CLI_PRINT_H

#include "control/cli/cli.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER, /* to the right */
	COLUMN_BYTES,  /* 1.5 MiB */
	COLUMN_TIME,   /* seconds since 1970 */
	COLUMN_SECONDS,
	COLUMN_STATE, /* coloured by its word */
};

struct column {
	const char *heading;
	const char *path; /* member of the object, "table.names" for one further down */
	enum column_kind kind;
};

/* One row for each object of an array. */
void print_grid(const struct cli *c, const struct column *columns, size_t count,
                const json_t *rows);

/* One line for each column of a single object; what it does not have is left out. */
void print_fields(const struct cli *c, const struct column *columns, size_t count,
                  const json_t *object);

/* Gives the member at a path, or NULL. */
const json_t *print_member(const json_t *object, const char *path);

/* Gives the text or number of a member; "" or 0 without one. */
const char *print_text_of(const json_t *object, const char *key);
json_int_t print_number_of(const json_t *object, const char *key);

/* Text without control characters. */
void print_text(const char *text, FILE *to);

/* Around a line of what differs: red behind "-", green behind "+". */
void print_difference_begin(char sign, bool colour, FILE *to);
void print_difference_end(bool colour, FILE *to);

/* Of a page of a list: says on stderr where the next one begins, if there is one, and gives that. */
bool print_where_more_is(const json_t *page);

/* "file:line:column: error: text [rule]", one line each. */
void print_diagnostics(const json_t *list, FILE *to);

/* A list of texts to standard error, each with a word in front. */
void print_warnings(const json_t *list);

void print_json(const json_t *value);

#endif
