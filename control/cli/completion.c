#include <string.h>

#include "control/cli/cli.h"

/*
 * Completion scripts, all three from the table of commands. Names of zones are asked of the
 * running server; when there is none, nothing is offered.
 */

#define INTERFACES_COMMAND "ls /sys/class/net 2>/dev/null"
#define SETTINGS_COMMAND   "anserctl conf list --plain --timeout 2 2>/dev/null | cut -f 1"
#define KEYS_COMMAND       "anserctl key list --plain --timeout 2 2>/dev/null | cut -f 1"
#define TENANTS_COMMAND    "anserctl tenant list --plain --timeout 2 2>/dev/null | cut -f 1"
#define TYPES              "A AAAA CAA CNAME DNSKEY DS HTTPS MX NS PTR SOA SRV SVCB TLSA TXT"
#define TSIG_KEYS_COMMAND  "anserctl tsig list --plain --timeout 2 2>/dev/null | cut -f 1"
#define POLICIES_COMMAND \
	"anserctl dnssec policy list --plain --timeout 2 2>/dev/null | cut -f 1"
#define ZONES_COMMAND "anserctl zone list --plain --timeout 2 2>/dev/null | cut -f 1"

/* Says whether this is the first command with its noun. */
static bool is_first_of_noun(unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (!strcmp(cli_commands[i].noun, cli_commands[at].noun))
			return false;
	return true;
}

static void print_nouns(const char *between)
{
	for (unsigned i = 0; i < cli_command_count; i++)
		if (is_first_of_noun(i))
			(void)printf("%s%s", i ? between : "", cli_commands[i].noun);
}

static void print_verbs_of(const char *noun)
{
	const char *before = "";

	for (unsigned i = 0; i < cli_command_count; i++) {
		if (strcmp(cli_commands[i].noun, noun) != 0 || !cli_commands[i].verb)
			continue;
		(void)printf("%s%s", before, cli_commands[i].verb);
		before = " ";
	}
}

static enum arg_kind kind_at(const struct command *command, unsigned at)
{
	unsigned last = ARRAY_LEN(command->args) - 1;

	return at < command->max_args ? command->args[at < last ? at : last] : ARG_NONE;
}

/* Values that are not files: a choice of words when there is a "|" between them, else anything. */
static bool is_file_value(const struct cli_option *o)
{
	return !strcmp(o->value, "FILE") || !strcmp(o->value, "PATH");
}

static bool is_choice(const struct cli_option *o)
{
	return strchr(o->value, '|');
}

static void print_choices(const struct cli_option *o)
{
	for (const char *at = o->value; *at; at++)
		(void)fputc(*at == '|' ? ' ' : *at, stdout);
}

/* One case for each place of each command: "zone add 0)", and "zone add *)" for the rest. Both bash
 * and zsh read it. */
static void print_arguments(const struct command *command,
                            const char *(*action_of)(enum arg_kind kind))
{
	char name[COMMAND_NAME_MAX];

	for (unsigned at = 0; at < ARRAY_LEN(command->args); at++) {
		const char *action = action_of(kind_at(command, at));
		bool last = at + 1 == ARRAY_LEN(command->args);

		if (action)
			(void)printf("\t'%s '%s) %s ;;\n",
			             cli_command_name(command, name), last ? "*" : "0",
			             action);
	}
}

/* ---- bash ---- */

static void print_bash_value(const struct cli_option *o)
{
	(void)printf("\t-%c|--%s) ", o->letter, o->name);
	if (is_file_value(o)) {
		(void)fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", stdout);
	} else if (is_choice(o)) {
		(void)fputs("COMPREPLY=($(compgen -W '", stdout);
		print_choices(o);
		(void)fputs("' -- \"$cur\"))", stdout);
	} else {
		(void)fputc(':', stdout);
	}
	(void)puts("; return ;;");
}

static const char *bash_action(enum arg_kind kind)
{
	switch (kind) {
	case ARG_ZONE:
		return "COMPREPLY=($(compgen -W \"$(" ZONES_COMMAND ")\" -- \"$cur\"))";
	case ARG_FILE: return "COMPREPLY=($(compgen -f -- \"$cur\"))";
	case ARG_TYPE: return "COMPREPLY=($(compgen -W '" TYPES "' -- \"$cur\"))";
	case ARG_INTERFACE:
		return "COMPREPLY=($(compgen -W \"$(" INTERFACES_COMMAND
		       ")\" -- \"$cur\"))";
	case ARG_KEY:
		return "COMPREPLY=($(compgen -W \"$(" KEYS_COMMAND ")\" -- \"$cur\"))";
	case ARG_TSIG_KEY:
		return "COMPREPLY=($(compgen -W \"$(" TSIG_KEYS_COMMAND
		       ")\" -- \"$cur\"))";
	case ARG_DNSSEC_POLICY:
		return "COMPREPLY=($(compgen -W \"$(" POLICIES_COMMAND
		       ")\" -- \"$cur\"))";
	case ARG_TENANT:
		return "COMPREPLY=($(compgen -W \"$(" TENANTS_COMMAND ")\" -- \"$cur\"))";
	case ARG_SETTING:
		return "COMPREPLY=($(compgen -W \"$(" SETTINGS_COMMAND
		       ")\" -- \"$cur\"))";
	case ARG_SHELL: return "COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\"))";
	case ARG_NONE:
	case ARG_NAME:
	case ARG_PATTERN:
	case ARG_WORD: return NULL;
	}
	return NULL;
}

static void print_bash_verbs(void)
{
	for (unsigned i = 0; i < cli_command_count; i++) {
		if (!is_first_of_noun(i) || !cli_commands[i].verb)
			continue;
		(void)printf("\t%s) verbs='", cli_commands[i].noun);
		print_verbs_of(cli_commands[i].noun);
		(void)puts("' ;;");
	}
}

static void print_bash(void)
{
	(void)puts(
		"# bash completion for anserctl: source it, or put it where bash-completion looks\n"
		"_anserctl() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tlocal words=() verbs='' i\n"
		"\tCOMPREPLY=()\n"
		"\tcase $prev in");
	for (unsigned i = 0; i < cli_option_count; i++)
		if (cli_options[i].value)
			print_bash_value(&cli_options[i]);
	(void)puts("\tesac\n"
	           "\tif [[ $cur == -?* ]]; then");
	(void)fputs("\t\tCOMPREPLY=($(compgen -W '", stdout);
	for (unsigned i = 0; i < cli_option_count; i++)
		(void)printf("%s--%s", i ? " " : "", cli_options[i].name);
	(void)puts("' -- \"$cur\")); return\n"
	           "\tfi\n"
	           "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	           "\t\tcase ${COMP_WORDS[i]} in");
	for (unsigned i = 0; i < cli_option_count; i++)
		if (cli_options[i].value)
			(void)printf("\t\t-%c|--%s) ((i++)) ;;\n", cli_options[i].letter,
			             cli_options[i].name);
	(void)puts("\t\t-?*) ;;\n"
	           "\t\t*) words+=(\"${COMP_WORDS[i]}\") ;;\n"
	           "\t\tesac\n"
	           "\tdone");
	(void)fputs("\tif ((${#words[@]} == 0)); then\n\t\tCOMPREPLY=($(compgen -W '",
	            stdout);
	print_nouns(" ");
	(void)puts("' -- \"$cur\")); return\n"
	           "\tfi\n"
	           "\tcase ${words[0]} in");
	print_bash_verbs();
	(void)puts("\tesac\n"
	           "\tlocal command=${words[0]} named=1\n"
	           "\tif [[ -n $verbs ]]; then\n"
	           "\t\tif ((${#words[@]} == 1)); then\n"
	           "\t\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\")); return\n"
	           "\t\tfi\n"
	           "\t\tcommand+=\" ${words[1]}\" named=2\n"
	           "\tfi\n"
	           "\tcase \"$command $((${#words[@]} - named))\" in");
	for (unsigned i = 0; i < cli_command_count; i++)
		print_arguments(&cli_commands[i], bash_action);
	(void)puts("\tesac\n"
	           "}\n"
	           "complete -F _anserctl anserctl");
}

/* ---- zsh ---- */

static const char *zsh_action(enum arg_kind kind)
{
	switch (kind) {
	case ARG_ZONE: return "compadd -- ${(f)\"$(" ZONES_COMMAND ")\"}";
	case ARG_FILE: return "_files";
	case ARG_TYPE: return "compadd " TYPES;
	case ARG_INTERFACE: return "compadd -- ${(f)\"$(" INTERFACES_COMMAND ")\"}";
	case ARG_KEY: return "compadd -- ${(f)\"$(" KEYS_COMMAND ")\"}";
	case ARG_TSIG_KEY: return "compadd -- ${(f)\"$(" TSIG_KEYS_COMMAND ")\"}";
	case ARG_DNSSEC_POLICY: return "compadd -- ${(f)\"$(" POLICIES_COMMAND ")\"}";
	case ARG_TENANT: return "compadd -- ${(f)\"$(" TENANTS_COMMAND ")\"}";
	case ARG_SETTING: return "compadd -- ${(f)\"$(" SETTINGS_COMMAND ")\"}";
	case ARG_SHELL: return "compadd bash zsh fish";
	case ARG_NONE:
	case ARG_NAME:
	case ARG_PATTERN:
	case ARG_WORD: return NULL;
	}
	return NULL;
}

static void print_zsh_value(const struct cli_option *o)
{
	(void)printf("\t-%c|--%s) ", o->letter, o->name);
	if (is_choice(o)) {
		(void)fputs("compadd ", stdout);
		print_choices(o);
	} else {
		(void)fputs(is_file_value(o) ? "_files" : ":", stdout);
	}
	(void)puts("; return ;;");
}

static void print_zsh(void)
{
	(void)puts(
		"#compdef anserctl\n"
		"# zsh completion for anserctl: put it as _anserctl into a directory of $fpath\n"
		"_anserctl() {\n"
		"\tlocal -a rest\n"
		"\tlocal command verbs='' named=1\n"
		"\tif [[ ${words[CURRENT]} == -?* ]]; then");
	(void)fputs("\t\tcompadd --", stdout);
	for (unsigned i = 0; i < cli_option_count; i++)
		(void)printf(" --%s", cli_options[i].name);
	(void)puts("; return\n"
	           "\tfi\n"
	           "\tcase ${words[CURRENT-1]} in");
	for (unsigned i = 0; i < cli_option_count; i++)
		if (cli_options[i].value)
			print_zsh_value(&cli_options[i]);
	(void)puts("\tesac\n"
	           "\tlocal i\n"
	           "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	           "\t\tcase ${words[i]} in");
	for (unsigned i = 0; i < cli_option_count; i++)
		if (cli_options[i].value)
			(void)printf("\t\t-%c|--%s) ((i++)) ;;\n", cli_options[i].letter,
			             cli_options[i].name);
	(void)puts("\t\t-?*) ;;\n"
	           "\t\t*) rest+=(${words[i]}) ;;\n"
	           "\t\tesac\n"
	           "\tdone");
	(void)fputs("\tif ((${#rest} == 0)); then compadd ", stdout);
	print_nouns(" ");
	(void)puts("; return; fi\n"
	           "\tcase ${rest[1]} in");
	print_bash_verbs();
	(void)puts("\tesac\n"
	           "\tcommand=${rest[1]}\n"
	           "\tif [[ -n $verbs ]]; then\n"
	           "\t\tif ((${#rest} == 1)); then compadd ${=verbs}; return; fi\n"
	           "\t\tcommand+=\" ${rest[2]}\" named=2\n"
	           "\tfi\n"
	           "\tcase \"$command $((${#rest} - named))\" in");
	for (unsigned i = 0; i < cli_command_count; i++)
		print_arguments(&cli_commands[i], zsh_action);
	(void)puts("\tesac\n"
	           "}\n"
	           "_anserctl \"$@\"");
}

/* ---- fish ---- */

/* Text in single quotes for fish. */
static void print_fish_quoted(const char *text)
{
	(void)fputc('\'', stdout);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			(void)fputc('\\', stdout);
		(void)fputc(*text, stdout);
	}
	(void)fputc('\'', stdout);
}

static void print_fish_command(const struct command *command)
{
	bool verb = command->verb;

	if (verb)
		(void)printf(
			"complete -c anserctl -n '__fish_seen_subcommand_from %s; and not "
			"__fish_seen_subcommand_from ",
			command->noun);
	else
		(void)fputs("complete -c anserctl -n '__fish_use_subcommand", stdout);
	if (verb)
		print_verbs_of(command->noun);
	(void)printf("' -a '%s' -d ", verb ? command->verb : command->noun);
	print_fish_quoted(command->help);
	(void)fputc('\n', stdout);
}

static const char *fish_action(enum arg_kind kind)
{
	switch (kind) {
	case ARG_ZONE: return "-a '(" ZONES_COMMAND ")'";
	case ARG_FILE: return "-F";
	case ARG_TYPE: return "-a '" TYPES "'";
	case ARG_INTERFACE: return "-a '(" INTERFACES_COMMAND ")'";
	case ARG_KEY: return "-a '(" KEYS_COMMAND ")'";
	case ARG_TSIG_KEY: return "-a '(" TSIG_KEYS_COMMAND ")'";
	case ARG_DNSSEC_POLICY: return "-a '(" POLICIES_COMMAND ")'";
	case ARG_TENANT: return "-a '(" TENANTS_COMMAND ")'";
	case ARG_SETTING: return "-a '(" SETTINGS_COMMAND ")'";
	case ARG_SHELL: return "-a 'bash zsh fish'";
	case ARG_NONE:
	case ARG_NAME:
	case ARG_PATTERN:
	case ARG_WORD: return NULL;
	}
	return NULL;
}

static void print_fish_arguments(const struct command *command)
{
	for (unsigned at = 0; at < ARRAY_LEN(command->args); at++) {
		const char *action = fish_action(kind_at(command, at));

		if (!action || (at && kind_at(command, 0) == kind_at(command, at)))
			continue;
		(void)printf("complete -c anserctl -n '__fish_seen_subcommand_from %s",
		             command->noun);
		if (command->verb)
			(void)printf("; and __fish_seen_subcommand_from %s",
			             command->verb);
		(void)printf("' %s\n", action);
	}
}

static void print_fish_value(const struct cli_option *o)
{
	if (o->value)
		(void)fputs(is_file_value(o) ? " -r -F" : " -x", stdout);
	if (o->value && is_choice(o)) {
		(void)fputs(" -a '", stdout);
		print_choices(o);
		(void)fputc('\'', stdout);
	}
	(void)fputs(" -d ", stdout);
}

static void print_fish(void)
{
	(void)puts("# fish completion for anserctl\n"
	           "complete -c anserctl -f");
	for (unsigned i = 0; i < cli_option_count; i++) {
		const struct cli_option *o = &cli_options[i];
		(void)printf("complete -c anserctl -s %c -l %s", o->letter, o->name);
		print_fish_value(o);
		print_fish_quoted(o->help);
		(void)fputc('\n', stdout);
	}
	for (unsigned i = 0; i < cli_command_count; i++) {
		const struct command *command = &cli_commands[i];
		if (command->verb && is_first_of_noun(i))
			(void)printf(
				"complete -c anserctl -n '__fish_use_subcommand' -a '%s'\n",
				command->noun);
		print_fish_command(command);
		print_fish_arguments(command);
	}
}

enum engine_outcome run_completion(struct cli *c)
{
	if (!strcmp(c->args[0], "bash"))
		print_bash();
	else if (!strcmp(c->args[0], "zsh"))
		print_zsh();
	else if (!strcmp(c->args[0], "fish"))
		print_fish();
	else
		return cli_usage("completion: \"%s\" is no shell of bash, zsh, fish",
		                 c->args[0]);
	return ENGINE_OK;
}
