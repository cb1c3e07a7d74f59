/*
 * The table of options (options.def) as data: what the reader, the printer and the manual page
 * walk. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_OPTIONS_H
#define CONTROL_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/config.h"

enum section_id {
#define SECTION(id, name, list, help) SECTION_##id,
#define OPTION(section, key, kind, object, field, min, max, fallback, class, help)
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
	KIND_TLS_ADDRESSES, /* the same: without a port it is 853 */
	KIND_SERVERS,       /* the same, of other servers: without a port it is 53 */
	KIND_CPUS,
	KIND_NAMES, /* words, kept with one space between them, as those up to KIND_ACTIONS */
	KIND_PREFIXES, /* each an address prefix */
	KIND_HOSTS,    /* each an address without a port */
	KIND_DOMAINS,  /* each a domain name */
	KIND_TYPES,    /* each an RR type */
	KIND_TOKENS,   /* each the URI of a PKCS#11 token (control/sign/tokens.h) */
	KIND_ACTIONS,  /* each of transfer, notify, update */
	KIND_IO,       /* this and those up to KIND_KSK: one word of a few */
	KIND_IDLE,
	KIND_EXCEPTION,
	KIND_XDP_MODE,
	KIND_LOG_FORM,
	KIND_LOG_LEVEL,
	KIND_ZERO_COPY,
	KIND_ZONE_KIND,
	KIND_NOTIFY_NS,
	KIND_TSIG_ALGORITHM,
	KIND_ZONEMD,
	KIND_KSK_ROLL,
	KIND_ZSK_ROLL,
	KIND_KEYS,
	KIND_KSK,
	KIND_DNSSEC_ALGORITHM,
	KIND_TEXT,
	KIND_SECRET,    /* base64 that is never shown */
	KIND_HOST_TEXT, /* a text whose default is the host's name */
	KIND_BOOL,
	KIND_UINT8,
	KIND_UINT16,
	KIND_MS,
	KIND_SECONDS,
	KIND_BYTES,
	KIND_MB,
	KIND_PATH,
	KIND_FILE,       /* a path, or empty: none */
	KIND_SOCKET,     /* a path that must fit into a socket address */
	KIND_API_SOCKET, /* yes, no or a path that must fit; "yes" until the whole is known */
	KIND_SUPERVISE,
	KIND_MASTER_SECRET, /* a path; empty until the whole is known */
	KIND_ZONE_NAME,
	KIND_DOMAIN, /* a domain name as a text, or empty */
	KIND_WORD,   /* a name of the configuration's own, without blanks */
};

struct option {
	enum section_id section;
	enum option_kind kind;
	const char *key;
	size_t offset; /* in struct config, or in the struct of one list item */
	uint64_t min;
	uint64_t max;
	const char *fallback; /* as it would stand in the file; NULL: must be given */
	enum config_class class;
	const char *help;
};

/* A section that is a list: an array of structs in struct config, each of which begins with a struct
 * config_entry. What tells the entries apart is the section's first option. */
struct list_section {
	enum section_id section;
	size_t items; /* where the pointer to them is in struct config, and their number */
	size_t count;
	size_t size;        /* of one */
	const char *noun;   /* of one, for people */
	const char *rule;   /* of two that are the same */
	const char *sample; /* how one begins */
};

extern const struct section config_sections[SECTION_COUNT];
extern const struct list_section config_lists[];
extern const size_t config_list_count;
extern const struct option config_options[];
extern const size_t config_option_count;

enum { OPTIONS_MAX = 256 };

static inline bool option_is_words(const struct option *o)
{
	return o->kind >= KIND_NAMES && o->kind <= KIND_ACTIONS;
}

static inline bool option_is_one_of_words(const struct option *o)
{
	return o->kind >= KIND_IO && o->kind <= KIND_KSK;
}

/* Gives the list that a section is, or NULL. */
const struct list_section *list_find(enum section_id section);

/* Gives the items of a list: their number, and one of them; NULL where there is none. */
size_t list_count(const struct list_section *l, const struct config *c);
void *list_item(const struct list_section *l, const struct config *c, size_t i);

/* Gives a section's first option, and that after another, which is the next one of the table; NULL: there is none. */
const struct option *option_first(enum section_id section);
const struct option *option_next(const struct option *o);

static inline bool option_is_list(const struct option *o)
{
	return o->kind == KIND_LISTEN || o->kind == KIND_ADDRESSES ||
	       o->kind == KIND_TLS_ADDRESSES || o->kind == KIND_SERVERS ||
	       o->kind == KIND_CPUS || option_is_words(o);
}

/* Gives the option, or NULL. */
const struct option *option_find(enum section_id section, const char *key);

/* Gives the key of the section that is closest to a misspelt one, or NULL when none is close.
 * SECTION_COUNT stands for the names of the sections themselves. */
const char *option_suggest(enum section_id section, const char *misspelt);

#endif
