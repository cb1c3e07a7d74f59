#include <string.h>

#include "control/config/config.h"
#include "control/config/value.h"

/* ---- the effective configuration ---- */

static void show_section(const struct config *c, enum section_id section, FILE *to)
{
	(void)fprintf(to, "%s:\n", config_sections[section].name);
	for (const struct option *o = option_first(section); o; o = option_next(o)) {
		(void)fprintf(to, "  %s: ", o->key);
		value_show(o, c, to);
		(void)fputc('\n', to);
	}
}

static void show_item(const void *item, enum section_id section, FILE *to)
{
	const char *before = "  - ";

	for (const struct option *o = option_first(section); o; o = option_next(o)) {
		(void)fprintf(to, "%s%s: ", before, o->key);
		value_show(o, item, to);
		(void)fputc('\n', to);
		before = "    ";
	}
}

static void show_list_section(const struct config *c, enum section_id section, FILE *to)
{
	const struct list_section *l = list_find(section);

	(void)fprintf(to, "%s:\n", config_sections[section].name);
	for (size_t i = 0; i < list_count(l, c); i++)
		show_item(list_item(l, c, i), section, to);
}

/* Every section of options.def, so that a new one cannot be forgotten. */
void config_show(const struct config *c, FILE *to)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		enum section_id section = (enum section_id)i;
		if (config_sections[i].list)
			show_list_section(c, section, to);
		else
			show_section(c, section, to);
	}
}

/* ---- the manual page, in the language of scdoc(5) ---- */

static const char describe_start[] =
	"anser.yaml(5)\n"
	"\n"
	"# NAME\n"
	"\n"
	"anser.yaml - configuration of the Anser DNS server\n"
	"\n"
	"# DESCRIPTION\n"
	"\n"
	"The file is read by *anser-control*(8) when it starts, on SIGHUP, and by *anserctl conf\n"
	"reload*; a change counts at once unless it says otherwise below. *anserctl conf set* lays a\n"
	"value over the file that stays until *anserctl conf unset*; *anserctl conf diff* shows where\n"
	"they differ. The file is YAML: sections, each with options. Every option has a default, so that a file naming one zone is enough:\n"
	"\n"
	"```\n"
	"zones:\n"
	"  - name: example.com\n"
	"    file: example.com.zone\n"
	"```\n"
	"\n"
	"Relative paths are relative to the directory of the file. Sizes are bytes, or have one of\n"
	"the units K, M, G (powers of 1024). Times need one of the units ms, s, m, h, for DNSSEC one of s,\n"
	"m, h, d, w. Unknown keys,\n"
	"keys given twice, anchors, aliases and tags are errors, and a file with an error is refused\n"
	"as a whole, with line and column. *anserctl conf check* _FILE_ tells without a server.\n"
	"*anserctl conf show* prints what is in effect, defaults included.\n"
	"\n"
	"# OPTIONS\n";

static const char describe_end[] =
	"\n"
	"# SEE ALSO\n"
	"\n"
	"*anserctl*(1), *anser-control*(8), *anser-dataplane*(8)\n";

static void describe_range(const struct option *o, FILE *to)
{
	value_show_number(o, o->min, to);
	(void)fputs(" to ", to);
	value_show_number(o, o->max, to);
}

static void describe_kind(const struct option *o, FILE *to)
{
	char words[VALUE_WORDS_SIZE];

	switch (o->kind) {
	case KIND_LISTEN:
	case KIND_ADDRESSES:
	case KIND_TLS_ADDRESSES:
	case KIND_SERVERS:
		(void)fprintf(to, "list of addresses, at most %ju", (uintmax_t)o->max);
		return;
	case KIND_CPUS:
		(void)fprintf(to, "list of processor numbers, at most %ju",
		              (uintmax_t)o->max);
		return;
	case KIND_UINT:
	case KIND_UINT8:
	case KIND_UINT16:
		(void)fputs("number, ", to);
		describe_range(o, to);
		return;
	case KIND_MS:
	case KIND_SECONDS:
		(void)fputs("time, ", to);
		describe_range(o, to);
		return;
	case KIND_BYTES:
		(void)fputs("size, ", to);
		describe_range(o, to);
		return;
	case KIND_MB:
		(void)fputs("size, whole M, ", to);
		describe_range(o, to);
		return;
	case KIND_NAMES: (void)fputs("list of names", to); return;
	case KIND_PREFIXES: (void)fputs("list of address prefixes", to); return;
	case KIND_HOSTS: (void)fputs("list of addresses", to); return;
	case KIND_DOMAINS: (void)fputs("list of domain names", to); return;
	case KIND_TYPES: (void)fputs("list of RR types", to); return;
	case KIND_TOKENS: (void)fputs("list of PKCS#11 URIs", to); return;
	case KIND_ACTIONS: (void)fputs("list of transfer, notify, update", to); return;
	case KIND_IO:
	case KIND_IDLE:
	case KIND_EXCEPTION:
	case KIND_XDP_MODE:
	case KIND_LOG_FORM:
	case KIND_LOG_LEVEL:
	case KIND_ZERO_COPY:
	case KIND_ZONE_KIND:
	case KIND_NOTIFY_NS:
	case KIND_TSIG_ALGORITHM:
	case KIND_ZONEMD:
	case KIND_KSK_ROLL:
	case KIND_ZSK_ROLL:
	case KIND_KEYS:
	case KIND_KSK:
	case KIND_DNSSEC_ALGORITHM: (void)fputs(value_words(o->kind, words), to); return;
	case KIND_SECRET: (void)fputs("base64", to); return;
	case KIND_TEXT:
	case KIND_HOST_TEXT:
		(void)fprintf(to, "text, at most %ju octets", (uintmax_t)o->max);
		return;
	case KIND_BOOL: (void)fputs("yes or no", to); return;
	case KIND_PATH:
	case KIND_FILE:
	case KIND_MASTER_SECRET:
	case KIND_SOCKET: (void)fputs("path", to); return;
	case KIND_API_SOCKET:
	case KIND_SUPERVISE: (void)fputs("yes, no or a path", to); return;
	case KIND_ZONE_NAME:
	case KIND_DOMAIN: (void)fputs("domain name", to); return;
	case KIND_WORD: (void)fputs("name without blanks", to); return;
	}
}

static void describe_default(const struct option *o, FILE *to)
{
	if (!o->fallback)
		(void)fputs("Must be given.", to);
	else if (!o->fallback[0])
		(void)fputs("Default: none.", to);
	else
		(void)fprintf(to, "Default: %s.", o->fallback);
}

static void describe_class(const struct option *o, FILE *to)
{
	static const char *const texts[CONFIG_CLASSES] = {
		[CONFIG_LIVE] = "",
		[CONFIG_PLANE] = " A change counts once the data plane has started anew.",
		[CONFIG_RESTART] = " A change needs a restart of the control plane.",
	};

	(void)fputs(texts[o->class], to);
}

static void describe_option(const struct option *o, FILE *to)
{
	(void)fprintf(to, "\n*%s* (", o->key);
	describe_kind(o, to);
	(void)fprintf(to, ")\n\t%s ", o->help);
	describe_default(o, to);
	describe_class(o, to);
	(void)fputc('\n', to);
}

void config_describe(FILE *to)
{
	(void)fputs(describe_start, to);
	for (unsigned s = 0; s < SECTION_COUNT; s++) {
		(void)fprintf(to, "\n## %s\n\n%s\n", config_sections[s].name,
		              config_sections[s].help);
		const struct option *o = option_first((enum section_id)s);
		for (; o; o = option_next(o))
			describe_option(o, to);
	}
	(void)fputs(describe_end, to);
}
