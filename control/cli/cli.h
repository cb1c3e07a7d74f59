/*
 * anserctl: the command line's side of the control socket. One table of commands drives parsing,
 * help and shell completion; exit codes are those of enum engine_outcome.
 */
#ifndef CONTROL_CLI_CLI_H
#define CONTROL_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/engine.h"
#include "shared/compiler.h"

#define CLI_SOCKET_DEFAULT "/run/anser/control.sock"
#define CLI_CONFIG_DEFAULT "/etc/anser/anser.yaml"

/* The whole program. Gives its exit code. */
int cli_main(int argc, char **argv);

struct client;

enum wait_choice {
	WAIT_UNSAID,
	WAIT_YES,
	WAIT_NO,
};

/* One run of the program. */
struct cli {
	const struct command *command;
	char **args; /* behind the command's words */
	unsigned arg_count;
	const char *socket;
	const char *output; /* -o */
	const char *config; /* -c */
	const char *io;     /* -i */
	const char *zone;   /* -z */
	bool json;
	bool plain;
	bool dnssec;
	bool dry_run;
	bool colour;
	enum wait_choice wait;
	unsigned timeout_ms;
	unsigned shown;        /* zones, by "zone show" */
	struct client *client; /* once connected */
};

enum arg_kind {
	ARG_NONE,
	ARG_ZONE,
	ARG_FILE,
	ARG_NAME,
	ARG_TYPE,
	ARG_PATTERN,
	ARG_SHELL,
	ARG_INTERFACE,
	ARG_KEY,
	ARG_WORD, /* a word of a command */
};

/* Options that only some commands take. */
enum {
	TAKES_OUTPUT = 1 << 0,
	TAKES_DNSSEC = 1 << 1,
	TAKES_WAIT = 1 << 2,
	TAKES_CONFIG = 1 << 3,
	TAKES_IO = 1 << 4,
	TAKES_EDIT = 1 << 5,
};

enum { ARGS_UNLIMITED = 1000000 };

struct command {
	const char *noun;
	const char *verb; /* NULL: the noun alone is the command */
	const char *synopsis;
	const char *help;
	enum engine_outcome (*run)(struct cli *c);
	enum arg_kind args[2]; /* the last kind repeats */
	unsigned min_args;
	unsigned max_args;
	unsigned takes;
	unsigned timeout_s; /* unless --timeout says otherwise */
};

/* A spelling of another tool that means the same. */
struct alias {
	const char *noun;
	const char *verb; /* or NULL */
	const char *stands_for[2];
};

struct cli_option {
	const char *name;
	const char *value; /* what it is called in help; NULL: takes none */
	const char *help;
	unsigned takes; /* bit that a command must have; 0: every command */
	char letter;
};

extern const struct command cli_commands[];
extern const unsigned cli_command_count;
extern const struct alias cli_aliases[];
extern const unsigned cli_alias_count;
extern const struct cli_option cli_options[];
extern const unsigned cli_option_count;

/* Sends a command and waits for its end. args is taken. *result is always an object that the
 * caller releases; without an answer it holds an "error" of ours. */
enum engine_outcome cli_call(struct cli *c, const char *command, json_t *args,
                             json_t **result);

/* Calls, then prints: JSON as it came, or an error, or the result by show. */
typedef void cli_show(struct cli *c, const json_t *result);
enum engine_outcome cli_ask(struct cli *c, const char *command, json_t *args,
                            cli_show *show);

/* Prints what is wrong, and the diagnostics that came with it, to stderr. */
void cli_report(const json_t *result);

/* A message of our own to stderr; gives ENGINE_USAGE. */
enum engine_outcome cli_usage(const char *format, ...) PRINTF_LIKE(1, 2);

/* An empty object for a command's arguments, and a member (taken) of one. Both end the program when
 * memory is out. */
json_t *cli_args(void);
void cli_set(json_t *object, const char *key, json_t *value);

/* Adds a text to args; says so and gives false when it is not UTF-8. */
bool cli_put_text(json_t *args, const char *key, const char *text);

/* The commands. */
enum engine_outcome run_status(struct cli *c);
enum engine_outcome run_zone_list(struct cli *c);
enum engine_outcome run_zone_show(struct cli *c);
enum engine_outcome run_zone_add(struct cli *c);
enum engine_outcome run_zone_remove(struct cli *c);
enum engine_outcome run_zone_reload(struct cli *c);
enum engine_outcome run_zone_export(struct cli *c);
enum engine_outcome run_zone_check(struct cli *c);
enum engine_outcome run_record_set(struct cli *c);
enum engine_outcome run_record_add(struct cli *c);
enum engine_outcome run_record_del(struct cli *c);
enum engine_outcome run_stats(struct cli *c);
enum engine_outcome run_metrics(struct cli *c);
enum engine_outcome run_explain(struct cli *c);
enum engine_outcome run_conf_check(struct cli *c);
enum engine_outcome run_conf_show(struct cli *c);
enum engine_outcome run_conf_describe(struct cli *c);
enum engine_outcome run_doctor(struct cli *c);
enum engine_outcome run_key_list(struct cli *c);
enum engine_outcome run_key_show(struct cli *c);
enum engine_outcome run_key_create(struct cli *c);
enum engine_outcome run_key_revoke(struct cli *c);
enum engine_outcome run_key_grant(struct cli *c);
enum engine_outcome run_audit_list(struct cli *c);
enum engine_outcome run_audit_verify(struct cli *c);
enum engine_outcome run_audit_export(struct cli *c);
enum engine_outcome run_version(struct cli *c);
enum engine_outcome run_completion(struct cli *c);
enum engine_outcome run_help(struct cli *c);

#endif
