#include "control/access/grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json_put.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

enum { GRANT_BELOW = 1 << 0, GRANT_WRITE = 1 << 1 };

/* Where the reason of a refusal goes. */
struct reason {
	char *text;
	size_t size;
};

static int PRINTF_LIKE(3, 4)
	refuse(const struct reason *why, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why->text, why->size, format, args);
	va_end(args);
	return err;
}

/* ---- from JSON ---- */

static int read_zone(const json_t *value, struct grant *g, const struct reason *why)
{
	const char *text = json_string_value(value);

	if (!text || !*text)
		return refuse(why, ERR_SYNTAX, "\"zone\" must be a name");
	int len = name_read(text, g->zone);
	if (len < 0)
		return refuse(why, len, "\"zone\": \"%s\" is not a domain name", text);
	return 0;
}

static int read_flag(const json_t *value, bool *out, const char *name,
                     const struct reason *why)
{
	if (!json_is_boolean(value))
		return refuse(why, ERR_SYNTAX, "\"%s\" must be true or false", name);
	*out = json_is_true(value);
	return 0;
}

/* A pattern that could fit no owner at all is an error, not a grant of nothing. */
static bool is_pattern(const char *text)
{
	if (!*text)
		return false;
	for (const char *at = text; *at; at++) {
		if (*at <= ' ' || *at == 0x7f)
			return false;
		if (*at != '\\')
			continue;
		size_t digits = strspn(at + 1, "0123456789");
		if (!at[1] || at[1] == ' ' || (digits > 0 && digits < 3) ||
		    (digits >= 3 && strncmp(at + 1, "255", 3) > 0))
			return false;
		at += digits ? 3 : 1;
	}
	/* Owners are relative to the zone: a dot at either end fits none. */
	size_t len = strlen(text);
	bool escaped_end = len > 1 && text[len - 2] == '\\';
	return text[0] != '.' && (text[len - 1] != '.' || escaped_end);
}

static int read_names(const json_t *value, struct grant *g, const struct reason *why)
{
	size_t len = 0;
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return refuse(why, ERR_SYNTAX, "\"names\" must be a list");
	json_array_foreach(value, i, item)
	{
		const char *text = json_string_value(item);

		if (!text || !is_pattern(text))
			return refuse(why, ERR_SYNTAX,
			              "\"names\": \"%s\" is no pattern for an owner "
			              "relative to the zone",
			              text ? text : "");
		if (len + strlen(text) + 2 > sizeof g->names)
			return refuse(why, ERR_TOOBIG,
			              "\"names\" are longer than %d octets together",
			              GRANT_NAMES_SIZE - 1);
		if (len)
			g->names[len++] = ' ';
		memcpy(g->names + len, text, strlen(text) + 1);
		len += strlen(text);
	}
	return 0;
}

static int read_types(const json_t *value, struct grant *g, const struct reason *why)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return refuse(why, ERR_SYNTAX, "\"types\" must be a list");
	if (json_array_size(value) > GRANT_TYPES_MAX)
		return refuse(why, ERR_TOOBIG, "\"types\" are more than %d",
		              GRANT_TYPES_MAX);
	json_array_foreach(value, i, item)
	{
		const char *text = json_string_value(item);
		int type = text ? rrtype_from_text(text, strlen(text)) : ERR_SYNTAX;

		if (type <= 0)
			return refuse(why, ERR_SYNTAX, "\"types\": \"%s\" is no type",
			              text ? text : "");
		g->types[g->type_count++] = (uint16_t)type;
	}
	return 0;
}

static int read_member(const char *key, const json_t *value, struct grant *g,
                       const struct reason *why)
{
	if (strcmp(key, "zone") == 0)
		return read_zone(value, g, why);
	if (strcmp(key, "below") == 0)
		return read_flag(value, &g->below, key, why);
	if (strcmp(key, "write") == 0)
		return read_flag(value, &g->write, key, why);
	if (strcmp(key, "names") == 0)
		return read_names(value, g, why);
	if (strcmp(key, "types") == 0)
		return read_types(value, g, why);
	return refuse(why, ERR_SYNTAX, "\"%s\" is no part of a grant", key);
}

static int read_grant(json_t *value, struct grant *g, const struct reason *why)
{
	const char *key;
	json_t *member;

	*g = (struct grant){.write = true};
	if (!json_object_get(value, "zone"))
		return refuse(why, ERR_SYNTAX, "a grant must have a \"zone\"");
	json_object_foreach(value, key, member) TRY(read_member(key, member, g, why));
	return 0;
}

int grants_from_json(const json_t *list, struct grant **out, size_t *count, char *text,
                     size_t text_size)
{
	const struct reason why = {text, text_size};
	size_t i;
	json_t *item;

	if (text_size > 0)
		text[0] = '\0';
	if (!json_is_array(list))
		return refuse(&why, ERR_SYNTAX, "\"grants\" must be a list");
	size_t most = json_array_size(list);
	if (most > GRANTS_MAX)
		return refuse(&why, ERR_TOOBIG, "\"grants\" are more than %d",
		              GRANTS_MAX);
	struct grant *grants = calloc(most + 1, sizeof *grants);
	if (!grants)
		abort();
	json_array_foreach(list, i, item)
	{
		int err = read_grant(item, &grants[i], &why);
		if (err < 0) {
			free(grants);
			return err;
		}
	}
	*out = grants;
	*count = most;
	return 0;
}

/* ---- to JSON ---- */

static json_t *names_json(const char *names)
{
	json_t *list = json_array();

	for (;;) {
		names += strspn(names, " ");
		size_t len = strcspn(names, " ");
		if (len == 0)
			return list;
		(void)json_array_append_new(list, json_stringn(names, len));
		names += len;
	}
}

static json_t *grant_json(const struct grant *g)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	json_t *object = json_object();
	json_t *types = json_array();

	for (unsigned i = 0; i < g->type_count; i++)
		(void)json_array_append_new(
			types, json_string(rrtype_to_text(g->types[i], type)));
	json_put(object, "zone", json_string(name_to_text(g->zone, name)));
	json_put(object, "below", json_boolean(g->below));
	json_put(object, "write", json_boolean(g->write));
	json_put(object, "names", names_json(g->names));
	json_put(object, "types", types);
	return object;
}

json_t *grants_json(const struct grant *grants, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, grant_json(&grants[i]));
	return list;
}

/* ---- in the store ---- */

void grant_write(struct wire_writer *w, const struct grant *g)
{
	size_t names_len = strnlen(g->names, sizeof g->names);

	wire_write_bytes(w, g->zone, name_len(g->zone, sizeof g->zone));
	wire_write8(w, (uint8_t)((g->below ? GRANT_BELOW : 0) |
	                         (g->write ? GRANT_WRITE : 0)));
	wire_write16(w, (uint16_t)names_len);
	wire_write_bytes(w, g->names, names_len);
	wire_write8(w, (uint8_t)g->type_count);
	for (unsigned i = 0; i < g->type_count; i++)
		wire_write16(w, g->types[i]);
}

int grant_read(struct wire_reader *r, struct grant *out)
{
	struct grant g = {0};
	size_t zone_len = r->ok ? name_len(r->at, wire_left(r)) : 0;

	if (zone_len == 0)
		return ERR_CORRUPT;
	memcpy(g.zone, wire_read_bytes(r, zone_len), zone_len);
	uint8_t flags = wire_read8(r);
	g.below = flags & GRANT_BELOW;
	g.write = flags & GRANT_WRITE;
	uint16_t names_len = wire_read16(r);
	const uint8_t *names = wire_read_bytes(r, names_len);
	if (!r->ok || names_len >= sizeof g.names || memchr(names, 0, names_len))
		return ERR_CORRUPT;
	memcpy(g.names, names, names_len);
	g.type_count = wire_read8(r);
	if (g.type_count > GRANT_TYPES_MAX)
		return ERR_CORRUPT;
	for (unsigned i = 0; i < g.type_count; i++)
		g.types[i] = wire_read16(r);
	if (!r->ok)
		return ERR_CORRUPT;
	*out = g;
	return 0;
}
