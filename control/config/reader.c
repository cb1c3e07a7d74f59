#include "control/config/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "control/config/dnssec.h"
#include "control/config/override.h"
#include "control/config/references.h"
#include "control/config/value.h"
#include "shared/address.h"
#include "shared/err.h"
#include "shared/io_settings.h"

/*
 * The file has a fixed shape (sections, options, lists of values or of mappings), so the reader
 * descends by a fixed chain of functions, one per level, and asks libyaml for one event at a
 * time. Values where none belong are skipped by counting, up to DEPTH_MAX levels. Whatever stops
 * the parser makes next_event() give YAML_NO_EVENT for ever, which ends every loop.
 */

enum { DEPTH_MAX = 16 };

/* Where a list item was named, for what can be said of it only at the end. */
struct place {
	unsigned line;
	unsigned column;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *text;
	size_t len;
	const char *name;
	const char *dir;
	struct config *config;
	struct diag *diag;
	struct place listen_places[CONFIG_LISTEN_MAX]; /* 0: by default */
	bool stopped;
};

/* Options of one mapping that were there: where each is, line 0 when absent. */
struct seen {
	struct place at[OPTIONS_MAX];
	bool overridden[OPTIONS_MAX];
};

static struct place place_of(const yaml_mark_t *mark)
{
	return (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static struct place here(const struct reader *r)
{
	return place_of(&r->event.start_mark);
}

static void report(struct reader *r, struct place at, const char *rule, const char *text)
{
	diag_add(r->diag, DIAG_ERROR, rule, r->name, at.line, at.column, "%s", text);
}

static void stop(struct reader *r, struct place at, const char *rule, const char *text)
{
	report(r, at, rule, text);
	r->stopped = true;
}

/* libyaml counts bytes, not lines, while it decodes characters. */
static struct place place_of_offset(const struct reader *r, size_t offset)
{
	struct place at = {1, 1};

	for (size_t i = 0; i < offset && i < r->len; i++) {
		if (r->text[i] == '\n')
			at = (struct place){at.line + 1, 1};
		else if ((r->text[i] & 0xc0) != 0x80)
			at.column++;
	}
	return at;
}

static void report_parser_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		abort();
	struct place at = p->error == YAML_READER_ERROR
	                          ? place_of_offset(r, p->problem_offset)
	                          : place_of(&p->problem_mark);
	diag_add(r->diag, DIAG_ERROR, "yaml", r->name, at.line, at.column, "%s%s%s",
	         p->context ? p->context : "", p->context ? ": " : "",
	         p->problem ? p->problem : "not readable");
	r->stopped = true;
}

static const unsigned char *anchor_of(const yaml_event_t *e)
{
	switch ((int)e->type) {
	case YAML_ALIAS_EVENT: return e->data.alias.anchor;
	case YAML_SCALAR_EVENT: return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT: return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT: return e->data.mapping_start.anchor;
	default: return NULL;
	}
}

static const unsigned char *tag_of(const yaml_event_t *e)
{
	switch ((int)e->type) {
	case YAML_SCALAR_EVENT: return e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT: return e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT: return e->data.mapping_start.tag;
	default: return NULL;
	}
}

static yaml_event_type_t next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!r->stopped && !yaml_parser_parse(&r->parser, &r->event))
		report_parser_error(r);
	else if (!r->stopped && anchor_of(&r->event))
		stop(r, here(r), "yaml-feature",
		     "anchors and aliases are not allowed here");
	else if (!r->stopped && tag_of(&r->event))
		stop(r, here(r), "yaml-feature", "tags are not allowed here");
	return r->stopped ? YAML_NO_EVENT : r->event.type;
}

/* The event at hand begins a value; goes to its last event. */
static void skip_value(struct reader *r)
{
	unsigned depth = 0;

	for (;;) {
		yaml_event_type_t type = r->event.type;
		if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
			depth++;
		else if (type == YAML_SEQUENCE_END_EVENT ||
		         type == YAML_MAPPING_END_EVENT)
			depth--;
		if (depth > DEPTH_MAX)
			stop(r, here(r), "too-deep", "nested too deeply");
		if (depth == 0 || r->stopped || next_event(r) == YAML_NO_EVENT)
			return;
	}
}

/* Gives the scalar at hand, lent until the next event; NULL for anything else, reported. */
static const char *scalar_text(struct reader *r, const char *otherwise)
{
	if (r->event.type != YAML_SCALAR_EVENT) {
		report(r, here(r), "wrong-type", otherwise);
		return NULL;
	}
	const char *text = (const char *)r->event.data.scalar.value;
	if (strlen(text) != r->event.data.scalar.length) {
		report(r, here(r), "bad-value", "a NUL character is not allowed");
		return NULL;
	}
	return text;
}

/* "key:" with nothing behind. */
static bool is_absent_value(const struct reader *r)
{
	return r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0 &&
	       r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* ---- options ---- */

static void read_scalar(struct reader *r, const struct option *o, void *object)
{
	struct value_problem problem;
	const char *text = scalar_text(r, "expected one value here");

	if (!text)
		return;
	if (is_absent_value(r)) {
		diag_add(r->diag, DIAG_ERROR, "wrong-type", r->name, here(r).line,
		         here(r).column, "%s: the value is missing", o->key);
		return;
	}
	if (value_set(o, object, r->dir, text, &problem) < 0)
		report(r, here(r), problem.rule, problem.text);
	else if (o->kind == KIND_LISTEN)
		r->listen_places[r->config->listen_count - 1] = here(r);
}

static void read_list_option(struct reader *r, const struct option *o, void *object)
{
	struct place at = here(r);
	struct value_problem problem;
	size_t count = 0;

	/* Lists that may be empty are so by default. */
	if (o->min == 0 && value_set_default(o, object, r->dir, &problem) < 0)
		report(r, at, problem.rule, problem.text);
	while (next_event(r) != YAML_SEQUENCE_END_EVENT && !r->stopped) {
		read_scalar(r, o, object);
		skip_value(r);
		count++;
	}
	if (count < o->min && !r->stopped)
		diag_add(r->diag, DIAG_ERROR, "out-of-range", r->name, at.line, at.column,
		         "%s: the list is empty", o->key);
}

/* The event at hand begins the option's value. */
static void read_option(struct reader *r, const struct option *o, void *object)
{
	if (option_is_list(o) && r->event.type == YAML_SEQUENCE_START_EVENT) {
		read_list_option(r, o, object);
		return;
	}
	if (r->event.type == YAML_SCALAR_EVENT) {
		read_scalar(r, o, object);
		return;
	}
	diag_add(r->diag, DIAG_ERROR, "wrong-type", r->name, here(r).line, here(r).column,
	         "%s: expected %s, found a %s", o->key,
	         option_is_list(o) ? "a list of values" : "one value",
	         r->event.type == YAML_MAPPING_START_EVENT ? "mapping" : "list");
	skip_value(r);
}

/* Where else the key would be right, or what it resembles. */
static void report_unknown_key(struct reader *r, enum section_id section, const char *key)
{
	const char *close = option_suggest(section, key);
	struct place at = here(r);

	for (size_t i = 0; !close && i < config_option_count; i++) {
		if (strcmp(config_options[i].key, key) != 0)
			continue;
		diag_add(r->diag, DIAG_ERROR, "unknown-key", r->name, at.line, at.column,
		         "unknown key \"%.60s\"; it belongs under \"%s\"", key,
		         config_sections[config_options[i].section].name);
		return;
	}
	diag_add(r->diag, DIAG_ERROR, "unknown-key", r->name, at.line, at.column,
	         close ? "unknown key \"%.60s\"; did you mean \"%s\"?"
	               : "unknown key \"%.60s\"",
	         key, close);
}

/* The event at hand is a key. Gives its option, or NULL (reported). */
static const struct option *read_key(struct reader *r, enum section_id section,
                                     struct seen *seen)
{
	const char *key = scalar_text(r, "expected the name of an option here");
	const struct option *o = key ? option_find(section, key) : NULL;

	if (!o) {
		if (key)
			report_unknown_key(r, section, key);
		skip_value(r);
		return NULL;
	}
	struct place *at = &seen->at[o - config_options];
	if (at->line) {
		diag_add(r->diag, DIAG_ERROR, "duplicate-key", r->name, here(r).line,
		         here(r).column, "\"%s\" is there twice; first on line %u", key,
		         at->line);
		return NULL;
	}
	*at = here(r);
	return o;
}

/* The event at hand begins the mapping. */
static void read_mapping(struct reader *r, enum section_id section, void *object,
                         struct seen *seen)
{
	while (next_event(r) != YAML_MAPPING_END_EVENT && !r->stopped) {
		const struct option *o = read_key(r, section, seen);
		(void)next_event(r);
		if (r->stopped)
			return;
		if (o)
			read_option(r, o, object);
		else
			skip_value(r);
	}
}

/* ---- list items ---- */

/* One item of a list section, wherever it ends up. */
union item {
	struct config_entry at;
	struct config_zone zone;
	struct config_zone_dir dir;
	struct config_remote remote;
	struct config_acl acl;
	struct config_tls tls;
	struct config_key key;
	struct config_template template;
	struct config_dnssec_policy policy;
};

/* Makes room for one more when count is a power of two (or zero). */
static void *grown(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	void *bigger = realloc(array, (count ? count * 2 : 1) * size);
	if (!bigger)
		abort();
	return bigger;
}

static void keep_item(struct reader *r, const struct list_section *l,
                      const union item *item)
{
	char *config = (char *)r->config;
	size_t count = list_count(l, r->config);
	void *items = grown(list_item(l, r->config, 0), count, l->size);

	memcpy(config + l->items, &items, sizeof items);
	memcpy((char *)items + count * l->size, item, l->size);
	count++;
	memcpy(config + l->count, &count, sizeof count);
}

/* Options of a template that were there; the others are those of the template "default". */
static uint32_t given_options(enum section_id section, const struct seen *seen)
{
	const struct option *first = option_first(section);
	uint32_t given = 0;

	for (const struct option *o = first; o; o = option_next(o))
		if (seen->at[o - config_options].line)
			given |= UINT32_C(1) << (o - first);
	return given;
}

/* What is not there has its default, or must be. */
static void complete_item(struct reader *r, enum section_id section, union item *item,
                          const struct seen *seen)
{
	struct value_problem problem;

	for (const struct option *o = option_first(section); o; o = option_next(o)) {
		if (seen->at[o - config_options].line)
			continue;
		if (!o->fallback)
			diag_add(r->diag, DIAG_ERROR, "missing-key", r->name,
			         item->at.line, item->at.column,
			         "\"%s\" is missing in this entry", o->key);
		else if (value_set_default(o, item, r->dir, &problem) < 0)
			report(r, (struct place){item->at.line, item->at.column},
			       problem.rule, problem.text);
	}
}

/* The event at hand begins the item. */
static void read_item(struct reader *r, const struct list_section *l)
{
	struct place at = here(r);
	struct seen seen = {0};
	union item item;
	size_t errors = r->diag->errors;

	if (r->event.type != YAML_MAPPING_START_EVENT) {
		diag_add(r->diag, DIAG_ERROR, "wrong-type", r->name, at.line, at.column,
		         "expected a mapping such as \"%s\"", l->sample);
		skip_value(r);
		return;
	}
	memset(&item, 0, sizeof item);
	item.at = (struct config_entry){at.line, at.column};
	read_mapping(r, l->section, &item, &seen);
	if (!r->stopped)
		complete_item(r, l->section, &item, &seen);
	if (l->section == SECTION_TEMPLATES)
		item.template.given = given_options(l->section, &seen);
	if (r->diag->errors == errors)
		keep_item(r, l, &item);
	else
		value_clear_item(l->section, &item);
}

/* ---- the whole ---- */

static enum section_id section_find(const char *name)
{
	unsigned i = 0;

	while (i < SECTION_COUNT && strcmp(config_sections[i].name, name) != 0)
		i++;
	return (enum section_id)i;
}

/* The event at hand begins the section's value; absent is as good as empty. */
static void read_section(struct reader *r, enum section_id section, struct seen *seen)
{
	bool list = config_sections[section].list;

	if (is_absent_value(r))
		return;
	if (!list && r->event.type == YAML_MAPPING_START_EVENT) {
		read_mapping(r, section, r->config, seen);
	} else if (list && r->event.type == YAML_SEQUENCE_START_EVENT) {
		while (next_event(r) != YAML_SEQUENCE_END_EVENT && !r->stopped)
			read_item(r, list_find(section));
	} else {
		diag_add(r->diag, DIAG_ERROR, "wrong-type", r->name, here(r).line,
		         here(r).column, "%s: expected a %s",
		         config_sections[section].name,
		         list ? "list, each entry begun by \"- \""
		              : "mapping of options");
		skip_value(r);
	}
}

/* The event at hand is a key of the top level. Gives SECTION_COUNT when it is not to be read. */
static enum section_id read_section_key(struct reader *r,
                                        unsigned lines[static SECTION_COUNT])
{
	const char *key = scalar_text(r, "expected the name of a section here");
	enum section_id section = key ? section_find(key) : SECTION_COUNT;

	if (section == SECTION_COUNT) {
		if (key)
			report_unknown_key(r, SECTION_COUNT, key);
		skip_value(r);
		return SECTION_COUNT;
	}
	if (lines[section]) {
		diag_add(r->diag, DIAG_ERROR, "duplicate-key", r->name, here(r).line,
		         here(r).column, "\"%s\" is there twice; first on line %u", key,
		         lines[section]);
		return SECTION_COUNT;
	}
	lines[section] = here(r).line;
	return section;
}

static void read_sections(struct reader *r, struct seen *seen)
{
	unsigned lines[SECTION_COUNT] = {0};

	while (next_event(r) != YAML_MAPPING_END_EVENT && !r->stopped) {
		enum section_id section = read_section_key(r, lines);
		(void)next_event(r);
		if (r->stopped)
			return;
		if (section == SECTION_COUNT)
			skip_value(r);
		else
			read_section(r, section, seen);
	}
}

static void read_document(struct reader *r, struct seen *seen)
{
	(void)next_event(r); /* the stream's start */
	yaml_event_type_t type = next_event(r);
	if (type == YAML_DOCUMENT_START_EVENT)
		type = next_event(r);
	if (r->stopped)
		return;
	if (type == YAML_STREAM_END_EVENT || is_absent_value(r)) {
		stop(r, (struct place){0}, "empty", "the file holds no settings");
		return;
	}
	if (type != YAML_MAPPING_START_EVENT) {
		stop(r, here(r), "wrong-type", "expected sections such as \"server:\"");
		return;
	}
	read_sections(r, seen);
	(void)next_event(r); /* the document's end */
	if (next_event(r) != YAML_STREAM_END_EVENT && !r->stopped)
		stop(r, here(r), "yaml-feature", "a second document is not allowed here");
}

/* ---- checks over the whole ---- */

/* Tells entries apart by their name, or path. */
struct by_name {
	const struct config *config;
	const struct list_section *list;
	const struct option *name;
};

static int compare_entries(const struct by_name *by, size_t i, size_t j)
{
	const char *a =
		(const char *)list_item(by->list, by->config, i) + by->name->offset;
	const char *b =
		(const char *)list_item(by->list, by->config, j) + by->name->offset;

	return by->name->kind == KIND_ZONE_NAME
	               ? name_compare((const uint8_t *)a, (const uint8_t *)b)
	               : strcmp(*(char *const *)(const void *)a,
	                        *(char *const *)(const void *)b);
}

/* qsort_r order: by name, then as in the file. */
static int compare_places(const void *a, const void *b, void *by)
{
	size_t i = *(const size_t *)a;
	size_t j = *(const size_t *)b;
	int order = compare_entries(by, i, j);

	return order ? order : (i > j) - (i < j);
}

static void report_twice(struct reader *r, const struct by_name *by, const void *item,
                         const struct config_entry *first)
{
	const struct config_entry *at = item;
	const void *name = (const char *)item + by->name->offset;
	char text[NAME_TEXT_MAX];

	if (by->name->kind == KIND_ZONE_NAME)
		diag_add(r->diag, DIAG_ERROR, by->list->rule, r->name, at->line,
		         at->column, "%s %s is there twice; the other is on line %u",
		         by->list->noun, name_to_text(name, text), first->line);
	else
		diag_add(r->diag, DIAG_ERROR, by->list->rule, r->name, at->line,
		         at->column,
		         "%s \"%.200s\" is there twice; the other is on line %u",
		         by->list->noun, *(char *const *)name, first->line);
}

/* Gives the entries in the order of their names; free() it. */
static size_t *check_list(struct reader *r, const struct list_section *l)
{
	struct by_name by = {r->config, l, option_first(l->section)};
	size_t count = list_count(l, r->config);
	size_t *order = calloc(count + 1, sizeof *order);

	if (!order)
		abort();
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof *order, compare_places, &by);
	for (size_t i = 1; i < count; i++)
		if (compare_entries(&by, order[i - 1], order[i]) == 0)
			report_twice(r, &by, list_item(l, r->config, order[i]),
			             list_item(l, r->config, order[i - 1]));
	return order;
}

static void check_lists(struct reader *r)
{
	for (size_t i = 0; i < config_list_count; i++) {
		size_t *order = check_list(r, &config_lists[i]);
		if (config_lists[i].section == SECTION_ZONES)
			r->config->zone_order = order;
		else
			free(order);
	}
}

static void set_defaults(struct reader *r, const struct seen *seen)
{
	struct value_problem problem;

	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];

		if (config_sections[o->section].list || seen->at[i].line ||
		    seen->overridden[i])
			continue;
		if (value_set_default(o, r->config, r->dir, &problem) < 0)
			report(r, (struct place){0}, problem.rule, problem.text);
	}
}

static void set_override(struct reader *r, const struct override *item, struct seen *seen)
{
	char reason[OVERRIDE_REASON_SIZE];
	struct config_setting setting;
	struct value_problem problem;

	int err = override_check(item->name, item->text, r->dir, reason);
	if (err == ERR_NOTFOUND) { /* of another version: what it was set for is gone */
		diag_add(r->diag, DIAG_WARNING, "unknown-key", OVERRIDE_FILE, 0, 0, "%s",
		         reason);
		return;
	}
	if (err < 0 || config_setting_find(item->name, &setting, NULL) < 0) {
		diag_add(r->diag, DIAG_ERROR, "bad-value", OVERRIDE_FILE, 0, 0, "%s",
		         reason);
		return;
	}
	/* It goes as it went just now, with the scratch. */
	err = value_replace(&config_options[setting.option], r->config, r->dir,
	                    item->text, &problem);
	assert(err == 0);
	(void)err;
	seen->overridden[setting.option] = true;
	seen->at[setting.option] = (struct place){0};
	if (config_options[setting.option].kind == KIND_LISTEN)
		memset(r->listen_places, 0, sizeof r->listen_places);
}

static struct place place_of_option(const struct seen *seen, enum section_id section,
                                    const char *key)
{
	return seen->at[option_find(section, key) - config_options];
}

/* "yes": beside the control socket, so that servers with control sockets of their own have API
 * sockets of their own. */
static void resolve_api_socket(struct reader *r, const struct seen *seen)
{
	struct config *c = r->config;
	struct value_problem problem;
	const struct option *o = option_find(SECTION_API, "socket");
	struct place at = seen->at[o - config_options];
	char *path = NULL;

	if (strcmp(c->api_socket, "yes") != 0)
		return;
	const char *slash = strrchr(c->control_socket, '/');
	if (!slash || asprintf(&path, "%.*s/api.sock", (int)(slash - c->control_socket),
	                       c->control_socket) < 0)
		abort();
	if (value_set(o, c, r->dir, path, &problem) < 0)
		report(r,
		       at.line ? at
		               : place_of_option(seen, SECTION_CONTROL, "control-socket"),
		       problem.rule, problem.text);
	free(path);
}

static void check_tls_files(struct reader *r, const struct seen *seen,
                            enum section_id section, const char *certificate,
                            const char *key)
{
	struct place at = place_of_option(seen, section, "tls-certificate");

	if (!certificate[0] != !key[0])
		report(r, at.line ? at : place_of_option(seen, section, "tls-key"),
		       "missing-key", "tls-certificate and tls-key go together");
}

static void check_api(struct reader *r, const struct seen *seen)
{
	const struct config *c = r->config;
	struct place at;

	check_tls_files(r, seen, SECTION_API, c->api_tls_certificate, c->api_tls_key);
	if (!strcmp(c->api_socket, c->control_socket) ||
	    !strcmp(c->api_socket, c->dataplane_socket))
		report(r, place_of_option(seen, SECTION_API, "socket"), "duplicate-value",
		       "socket: the path is that of another socket");
	for (size_t i = 0; i < c->api_listen.count; i++) {
		char text[ADDRESS_TEXT_MAX];

		if (address_is_loopback(&c->api_listen.at[i]))
			continue;
		at = place_of_option(seen, SECTION_API, "listen");
		address_text(&c->api_listen.at[i], text, sizeof text);
		diag_add(r->diag, DIAG_WARNING, "in-clear", r->name, at.line, at.column,
		         "listen: over %s keys go in clear; tls-listen hides them", text);
	}
}

static void check_sockets(struct reader *r, const struct seen *seen)
{
	if (!strcmp(r->config->control_socket, r->config->dataplane_socket))
		report(r, place_of_option(seen, SECTION_CONTROL, "dataplane-socket"),
		       "duplicate-value",
		       "dataplane-socket: the path is that of control-socket");
}

/* What reads frames itself knows no wildcard and sees no loopback. It would refuse when it starts,
 * which is late to be told. */
static void check_listen(struct reader *r, const struct seen *seen)
{
	const struct config *c = r->config;
	bool certain = c->io != IO_AUTO;

	for (size_t i = 0; i < c->listen_count; i++) {
		const char *unfit = address_unfit(&c->listen[i]);
		struct place at = r->listen_places[i];
		char text[ADDRESS_TEXT_MAX];

		if (!unfit)
			continue;
		if (!at.line)
			at = place_of_option(seen, SECTION_SERVER, "io");
		address_text(&c->listen[i], text, sizeof text);
		diag_add(r->diag, certain ? DIAG_ERROR : DIAG_WARNING, "bad-address",
		         r->name, at.line, at.column,
		         certain ? "listen: %s is %s; io: %s answers on addresses that "
		                   "are listed one by one"
		                 : "listen: %s is %s, on which neither dpdk nor xdp "
		                   "answers: io: %s comes down to udp",
		         text, unfit, value_word(KIND_IO, c->io));
	}
}

static void check_counted_zones(struct reader *r, const struct seen *seen)
{
	const char *at = r->config->count_zones;
	struct place place = place_of_option(seen, SECTION_QUERY_LOG, "count-zones");
	uint8_t name[NAME_MAX_LEN];
	char text[IO_NAMES_SIZE];
	unsigned n = 0;

	for (; io_names_next(&at, text); n++)
		if (name_read(text, name) < 0)
			diag_add(r->diag, DIAG_ERROR, "bad-name", r->name, place.line,
			         place.column,
			         "count-zones: \"%.200s\" is not a domain name", text);
	if (n > CONFIG_COUNTED_ZONES_MAX)
		diag_add(r->diag, DIAG_ERROR, "out-of-range", r->name, place.line,
		         place.column, "count-zones: more than %d zones",
		         CONFIG_COUNTED_ZONES_MAX);
	if (n > 0 && r->config->query_log_sample == 0)
		diag_add(r->diag, DIAG_WARNING, "no-sample", r->name, place.line,
		         place.column,
		         "count-zones: nothing is counted while sample is 0");
}

static void check_io(struct reader *r, const struct seen *seen)
{
	const struct config *c = r->config;

	if (config_past_kernel(c))
		check_listen(r, seen);
	if (c->io == IO_DPDK && !c->dpdk_eal[0] && !c->dpdk_ports[0]) {
		struct place at = place_of_option(seen, SECTION_SERVER, "io");
		diag_add(r->diag, DIAG_WARNING, "no-port", r->name, at.line, at.column,
		         "io: dpdk takes every card that is bound to a driver of "
		         "DPDK's; name yours in dpdk.eal (-a PCI-ADDRESS)");
	}
}

void reader_run(const struct overrides *overrides, const char *dir, struct config *c,
                struct diag *diag)
{
	struct seen seen = {0};
	struct reader r = {
		.text = c->text,
		.len = c->text_len,
		.name = c->path,
		.dir = dir,
		.config = c,
		.diag = diag,
	};
	size_t errors = diag->errors;

	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
	read_document(&r, &seen);
	for (size_t i = 0; overrides && !r.stopped && i < overrides->count; i++)
		set_override(&r, &overrides->items[i], &seen);
	if (!r.stopped) {
		set_defaults(&r, &seen);
		check_lists(&r);
	}
	/* Of values that are there: after an error some are not. */
	if (r.diag->errors == errors) {
		resolve_api_socket(&r, &seen);
		check_sockets(&r, &seen);
		check_api(&r, &seen);
		check_tls_files(&r, &seen, SECTION_SERVER, r.config->tls_certificate,
		                r.config->tls_key);
		check_io(&r, &seen);
		check_counted_zones(&r, &seen);
		references_inherit(c, dir);
		dnssec_inherit(c, dir);
		dnssec_resolve_secret(c, r.diag);
		references_check(c, r.diag);
		dnssec_check(c, r.diag);
	}
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
}
