#include "control/http/target.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/must.h"
#include "shared/err.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);

	json_decref(string);
	return string != NULL;
}

/* In place. */
static int decode(char *text, bool is_query)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		unsigned char c = (unsigned char)*from;

		if (c < ' ' || c == 0x7f)
			return ERR_SYNTAX;
		if (c == '+' && is_query) {
			c = ' ';
		} else if (c == '%') {
			int high = hex_digit(from[1]);
			int low = high < 0 ? -1 : hex_digit(from[2]);
			if (low < 0 || (high == 0 && low == 0))
				return ERR_SYNTAX;
			c = (unsigned char)(high << 4 | low);
			from += 2;
		}
		*to++ = (char)c;
	}
	*to = '\0';
	return is_utf8(text) ? 0 : ERR_SYNTAX;
}

/* Cuts text at the first stop. Gives what follows, or NULL. */
static char *cut(char *text, char stop)
{
	char *end = strchr(text, stop);

	if (!end)
		return NULL;
	*end = '\0';
	return end + 1;
}

static int parse_path(char *path, struct target *t)
{
	while (path && *path) {
		char *next = cut(path, '/');
		if (t->segment_count == TARGET_SEGMENTS_MAX)
			return ERR_TOOBIG;
		TRY(decode(path, false));
		t->segments[t->segment_count++] = path;
		path = next;
	}
	return 0;
}

static int parse_parameter(char *name, struct target *t)
{
	char *value = cut(name, '=');

	if (!*name)
		return 0;
	if (t->parameter_count == TARGET_PARAMETERS_MAX)
		return ERR_TOOBIG;
	TRY(decode(name, true));
	if (value)
		TRY(decode(value, true));
	t->parameters[t->parameter_count++] =
		(struct target_parameter){name, value ? value : ""};
	return 0;
}

static int parse_query(char *query, struct target *t)
{
	while (query) {
		char *next = cut(query, '&');
		TRY(parse_parameter(query, t));
		query = next;
	}
	return 0;
}

/* Gives the path within a target in absolute form, which every server must take (RFC 9112
 * §3.2.2); in origin form, the target itself. */
static const char *skip_authority(const char *raw)
{
	if (!strncasecmp(raw, "http://", 7))
		raw += 7;
	else if (!strncasecmp(raw, "https://", 8))
		raw += 8;
	else
		return raw;
	raw += strcspn(raw, "/?");
	return *raw ? raw : "/";
}

int target_parse(const char *raw, struct target *out)
{
	struct target t = {0};
	const char *path = skip_authority(raw);

	if (*path != '/')
		return ERR_SYNTAX;
	t.text = must(strdup(path + 1));
	char *query = cut(t.text, '?');
	int err = parse_path(t.text, &t);
	if (err == 0)
		err = parse_query(query, &t);
	if (err < 0) {
		target_fini(&t);
		return err;
	}
	*out = t;
	return 0;
}

void target_fini(struct target *t)
{
	free(t->text);
	*t = (struct target){0};
}

const char *target_parameter(const struct target *t, const char *name)
{
	for (unsigned i = 0; i < t->parameter_count; i++)
		if (!strcmp(t->parameters[i].name, name))
			return t->parameters[i].value;
	return NULL;
}

bool target_flag(const struct target *t, const char *name)
{
	const char *value = target_parameter(t, name);

	return value && strcmp(value, "false") != 0;
}
