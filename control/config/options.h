/*
 * The table of options (options.def) as data: what the reader, the printer and the manual page
 * walk. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_OPTIONS_H
#define CONTROL_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum section_id {
#define SECTION(id, name, list, help) SECTION_##id,
#define OPTION(section, key, kind, object, field, min, max, fallback, help)
#include "control/config/options.def"
#undef SECTION
#undef OPTION
	SECTION_COUNT
};

struct section {
	const char *name;
	bool list; /* a sequence of mappings, not one mapping */
	const char *help;
};

enum option_kind {
	KIND_LISTEN,
	KIND_ADDRESSES, /* a struct config_addresses */
	KIND_UINT,
	KIND_CPUS,
	KIND_NAMES, /* words, kept with one space between them */
	KIND_IO,    /* this and those up to KIND_ZERO_COPY: one word of a few */
	KIND_IDLE,
	KIND_EXCEPTION,
	KIND_XDP_MODE,
	KIND_LOG_FORM,
	KIND_LOG_LEVEL,
	KIND_ZERO_COPY,
	KIND_TEXT,
	KIND_HOST_TEXT, /* a text whose default is the host's name */
	KIND_BOOL,
	KIND_MS,
	KIND_BYTES,
	KIND_MB,
	KIND_PATH,
	KIND_FILE,       /* a path, or empty: none */
	KIND_SOCKET,     /* a path that must fit into a socket address */
	KIND_API_SOCKET, /* yes, no or a path that must fit; "yes" until the whole is known */
	KIND_SUPERVISE,
	KIND_ZONE_NAME,
};

struct option {
	enum section_id section;
	enum option_kind kind;
	const char *key;
	size_t offset; /* in struct config, or in the struct of one list item */
	uint64_t min;
	uint64_t max;
	const char *fallback; /* as it would stand in the file; NULL: must be given */
	const char *help;
};

extern const struct section config_sections[SECTION_COUNT];
extern const struct option config_options[];
extern const size_t config_option_count;

enum { OPTIONS_MAX = 64 };

static inline bool option_is_list(const struct option *o)
{
	return o->kind == KIND_LISTEN || o->kind == KIND_ADDRESSES ||
	       o->kind == KIND_CPUS || o->kind == KIND_NAMES;
}

/* Gives the option, or NULL. */
const struct option *option_find(enum section_id section, const char *key);

/* Gives the key of the section that is closest to a misspelt one, or NULL when none is close.
 * SECTION_COUNT stands for the names of the sections themselves. */
const char *option_suggest(enum section_id section, const char *misspelt);

#endif
