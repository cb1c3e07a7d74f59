#include "control/cli/print.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/diag.h"

enum { CELL_MAX = 512, COLUMNS_MAX = 32 };

static bool is_control(char ch)
{
	return (unsigned char)ch < 0x20 || ch == 0x7f;
}

void print_text(const char *text, FILE *to)
{
	for (; *text; text++)
		(void)fputc(is_control(*text) ? '?' : *text, to);
}

void print_difference_begin(char sign, bool colour, FILE *to)
{
	if (colour)
		(void)fputs(sign == '+' ? "\033[32m" : "\033[31m", to);
	(void)fputc(sign, to);
}

void print_difference_end(bool colour, FILE *to)
{
	(void)fputs(colour ? "\033[0m\n" : "\n", to);
}

bool print_where_more_is(const json_t *page)
{
	const json_t *next = json_object_get(page, "next");

	(void)fflush(stdout);
	if (!json_is_integer(next))
		return false;
	(void)fprintf(stderr, "anserctl: there is more: from=%" JSON_INTEGER_FORMAT "\n",
	              json_integer_value(next));
	return true;
}

void print_json(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_COMPACT);
	(void)fputc('\n', stdout);
}

const json_t *print_member(const json_t *object, const char *path)
{
	char key[64];

	for (;;) {
		size_t len = strcspn(path, ".");
		(void)snprintf(key, sizeof key, "%.*s", (int)len, path);
		object = json_object_get(object, key);
		if (!path[len] || !object)
			return object;
		path += len + 1;
	}
}

const char *print_text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t print_number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void format_bytes(double bytes, char *out, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t i = 0;

	while (bytes >= 1024 && i + 1 < ARRAY_LEN(units)) {
		bytes /= 1024;
		i++;
	}
	(void)snprintf(out, size, i && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes,
	               units[i]);
}

static void format_time(json_int_t seconds, char *out, size_t size)
{
	struct tm tm;
	time_t when = (time_t)seconds;

	if (!seconds || !gmtime_r(&when, &tm) ||
	    !strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		(void)snprintf(out, size, "-");
}

static void format_seconds(json_int_t seconds, char *out, size_t size)
{
	long long s = seconds;

	if (s < 60)
		(void)snprintf(out, size, "%llds", s);
	else if (s < 3600)
		(void)snprintf(out, size, "%lldm%llds", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, size, "%lldh%lldm", s / 3600, s / 60 % 60);
	else
		(void)snprintf(out, size, "%lldd%lldh", s / 86400, s / 3600 % 24);
}

static void format_integer(const struct cli *c, enum column_kind kind, json_int_t n,
                           char *out, size_t size)
{
	if (kind == COLUMN_TIME && !c->plain)
		format_time(n, out, size);
	else if (kind == COLUMN_SECONDS && !c->plain)
		format_seconds(n, out, size);
	else if (kind == COLUMN_BYTES && !c->plain)
		format_bytes((double)n, out, size);
	else
		(void)snprintf(out, size, "%" JSON_INTEGER_FORMAT, n);
}

static void format_cell(const struct cli *c, const struct column *column,
                        const json_t *value, char out[static CELL_MAX])
{
	out[0] = 0;
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		(void)snprintf(out, CELL_MAX, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		format_integer(c, column->kind, json_integer_value(value), out, CELL_MAX);
		break;
	case JSON_REAL:
		(void)snprintf(out, CELL_MAX, "%.3f", json_real_value(value));
		break;
	case JSON_TRUE: (void)snprintf(out, CELL_MAX, "yes"); break;
	case JSON_FALSE: (void)snprintf(out, CELL_MAX, "no"); break;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_NULL: (void)snprintf(out, CELL_MAX, "-"); break;
	}
	for (char *at = out; *at; at++)
		if (is_control(*at))
			*at = '?';
	if (!out[0])
		(void)snprintf(out, CELL_MAX, "-");
}

/* Columns that a UTF-8 text takes, near enough: no wide or combining characters. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static bool is_to_the_right(enum column_kind kind)
{
	return kind == COLUMN_NUMBER || kind == COLUMN_BYTES;
}

static const char *colour_of(const struct cli *c, enum column_kind kind, const char *text)
{
	static const struct {
		const char *word;
		const char *colour;
	} words[] = {
		{"ok", "\033[32m"},     {"served", "\033[32m"},  {"degraded", "\033[31m"},
		{"failed", "\033[31m"}, {"loading", "\033[33m"}, {"empty", "\033[33m"},
		{"warn", "\033[33m"},   {"fail", "\033[31m"},
	};

	for (size_t i = 0; c->colour && kind == COLUMN_STATE && i < ARRAY_LEN(words); i++)
		if (!strcmp(text, words[i].word))
			return words[i].colour;
	return NULL;
}

static void print_padded(const struct cli *c, enum column_kind kind, const char *text,
                         size_t width, bool last)
{
	size_t own = width_of(text);
	int pad = own < width ? (int)(width - own) : 0;
	bool right = is_to_the_right(kind);
	const char *colour = colour_of(c, kind, text);

	if (right)
		(void)printf("%*s", pad, "");
	(void)printf("%s%s%s", colour ? colour : "", text, colour ? "\033[0m" : "");
	if (!right && !last)
		(void)printf("%*s", pad, "");
	(void)fputs(last ? "\n" : "  ", stdout);
}

static void print_plain_grid(const struct cli *c, const struct column *columns,
                             size_t count, const json_t *rows)
{
	char cell[CELL_MAX];

	for (size_t r = 0; r < json_array_size(rows); r++) {
		const json_t *row = json_array_get(rows, r);
		for (size_t i = 0; i < count; i++) {
			format_cell(c, &columns[i], print_member(row, columns[i].path),
			            cell);
			(void)printf("%s%s", i ? "\t" : "", cell);
		}
		(void)fputc('\n', stdout);
	}
}

static void measure_grid(const struct cli *c, const struct column *columns, size_t count,
                         const json_t *rows, size_t widths[static COLUMNS_MAX])
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < count; i++) {
		widths[i] = width_of(columns[i].heading);
		for (size_t r = 0; r < json_array_size(rows); r++) {
			format_cell(
				c, &columns[i],
				print_member(json_array_get(rows, r), columns[i].path),
				cell);
			if (width_of(cell) > widths[i])
				widths[i] = width_of(cell);
		}
	}
}

void print_grid(const struct cli *c, const struct column *columns, size_t count,
                const json_t *rows)
{
	size_t widths[COLUMNS_MAX];
	char cell[CELL_MAX];

	if (count > COLUMNS_MAX)
		count = COLUMNS_MAX;
	if (c->plain) {
		print_plain_grid(c, columns, count, rows);
		return;
	}
	measure_grid(c, columns, count, rows, widths);
	for (size_t i = 0; i < count; i++)
		print_padded(
			c, is_to_the_right(columns[i].kind) ? COLUMN_NUMBER : COLUMN_TEXT,
			columns[i].heading, widths[i], i + 1 == count);
	for (size_t r = 0; r < json_array_size(rows); r++) {
		const json_t *row = json_array_get(rows, r);
		for (size_t i = 0; i < count; i++) {
			format_cell(c, &columns[i], print_member(row, columns[i].path),
			            cell);
			print_padded(c, columns[i].kind, cell, widths[i], i + 1 == count);
		}
	}
}

void print_fields(const struct cli *c, const struct column *columns, size_t count,
                  const json_t *object)
{
	char cell[CELL_MAX];
	size_t width = 0;

	for (size_t i = 0; i < count; i++)
		if (width_of(columns[i].heading) > width)
			width = width_of(columns[i].heading);
	for (size_t i = 0; i < count; i++) {
		const json_t *value = print_member(object, columns[i].path);
		if (!value)
			continue;
		format_cell(c, &columns[i], value, cell);
		if (c->plain)
			(void)printf("%s\t%s\n", columns[i].heading, cell);
		else
			print_padded(c, COLUMN_TEXT, columns[i].heading, width, false);
		if (!c->plain)
			print_padded(c,
			             columns[i].kind == COLUMN_STATE ? COLUMN_STATE
			                                             : COLUMN_TEXT,
			             cell, 0, true);
	}
}

static unsigned unsigned_member(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 && n < UINT32_MAX ? (unsigned)n : 0;
}

static void print_diagnostic(const json_t *entry, FILE *to)
{
	char line[2048];
	const char *severity = json_string_value(json_object_get(entry, "severity"));
	const char *rule = json_string_value(json_object_get(entry, "rule"));
	const char *file = json_string_value(json_object_get(entry, "file"));
	const char *text = json_string_value(json_object_get(entry, "text"));
	struct diag d;

	/* Through the list, which cleans what it is given. */
	diag_init(&d);
	diag_add(&d, severity && !strcmp(severity, "warning") ? DIAG_WARNING : DIAG_ERROR,
	         rule ? rule : "", file ? file : "", unsigned_member(entry, "line"),
	         unsigned_member(entry, "column"), "%s", text ? text : "");
	diag_format(&d.entries[0], line, sizeof line);
	print_text(line, to);
	(void)fputc('\n', to);
	diag_fini(&d);
}

void print_diagnostics(const json_t *list, FILE *to)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		print_diagnostic(json_array_get(list, i), to);
}

void print_warnings(const json_t *list)
{
	size_t i;
	const json_t *warning;

	json_array_foreach(list, i, warning)
	{
		(void)fputs("warning: ", stderr);
		print_text(json_string_value(warning), stderr);
		(void)fputc('\n', stderr);
	}
}
