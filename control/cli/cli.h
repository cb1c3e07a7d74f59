/*
 * anserctl: the command line's side of the control socket. One table of commands drives parsing,
 * help and shell completion; exit codes are those of enum engine_outcome.
 */
#ifndef CONTROL_CLI_CLI_H
#define CONTROL_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/cli/client.h"
#include "control/engine.h"
#include "shared/compiler.h"

#define CLI_SOCKET_DEFAULT "/run/anser/control.sock"
#define CLI_CONFIG_DEFAULT "/etc/anser/anser.yaml"

/* The whole program. Gives its exit code. */
int cli_main(int argc, char **argv);

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
	struct client_target target;
	const char *output; /* -o */
	const char *config; /* -c */
	const char *io;     /* -i */
	const char *zone;   /* -z */
	bool json;
	bool plain;
	bool dnssec;
	bool dry_run;
	bool yes;
	bool replace;
	bool ignore_serial;
	bool full;
	bool force;
	bool with_secrets;
	const char *change; /* -g */
	bool keep_going;
	bool once;
	unsigned interval_ms;
	bool colour;
	enum wait_choice wait;
	unsigned timeout_ms;
	unsigned shown;        /* results, by a command that shows several */
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
	ARG_TSIG_KEY,
	ARG_DNSSEC_POLICY,
	ARG_TENANT,
	ARG_SETTING, /* of the configuration */
	ARG_WORD,    /* a word of a command */
};

/* Options that only some commands take. */
enum {
	TAKES_OUTPUT = 1 << 0,
	TAKES_DNSSEC = 1 << 1,
	TAKES_WAIT = 1 << 2,
	TAKES_CONFIG = 1 << 3,
	TAKES_IO = 1 << 4,
	TAKES_EDIT = 1 << 5,
	TAKES_YES = 1 << 6,
	TAKES_DRY_RUN = 1 << 7,
	TAKES_REPLACE = 1 << 8,
	TAKES_IGNORE_SERIAL = 1 << 9,
	TAKES_FULL = 1 << 10,
	TAKES_REVERT = 1 << 11,
	TAKES_KEEP_GOING = 1 << 12,
	TAKES_INTERVAL = 1 << 13,
	TAKES_FORCE = 1 << 14,
	TAKES_SECRETS = 1 << 15,
};

enum { ARGS_UNLIMITED = 1000000 };

enum { INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 60000 };

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
	unsigned timeout_s; /* unless --timeout says otherwise; 0: TIMEOUT_S of cli.c */
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

/* Its words: "zone add". Gives name. */
enum { COMMAND_NAME_MAX = 48 };
const char *cli_command_name(const struct command *command,
                             char name[static COMMAND_NAME_MAX]);

/* Gives the command that words begin with, and how many of them name it; or NULL. */
const struct command *cli_find_command(char **words, unsigned count, unsigned *used);

/* Says that there is none, and which begin as the words do. */
enum engine_outcome cli_no_command(char **words, unsigned count);

/* Sends a command and waits for its end. args is taken. *result is always an object that the
 * caller releases; without an answer it holds an "error" of ours. */
enum engine_outcome cli_call(struct cli *c, const char *command, json_t *args,
                             json_t **result);

/* Calls, then prints: JSON as it came, or an error, or the result by show. */
typedef void cli_show(struct cli *c, const json_t *result);
enum engine_outcome cli_ask(struct cli *c, const char *command, json_t *args,
                            cli_show *show);

/* Prints what is wrong to stderr: the diagnostics and problems that came with it, or in one line. */
void cli_report(const json_t *result);

/* The same, or, where JSON is wanted, the result as it is. */
void cli_refuse(const struct cli *c, const json_t *result);

/* A message of our own to stderr; all three give ENGINE_USAGE. */
enum engine_outcome cli_usage(const char *format, ...) PRINTF_LIKE(1, 2);

/* How the command is written. */
enum engine_outcome cli_usage_of_command(const struct cli *c);

/* Gives an empty object for a command's arguments. */
json_t *cli_args(void);

/* Adds a text to args; says so and gives false when it is not UTF-8. */
bool cli_put_text(json_t *args, const char *key, const char *text);

/* Adds the command's arguments, as many as there are, under these names, the last of which is NULL. Gives args; or NULL
 * after a message, and args are released. */
json_t *cli_named_args(const struct cli *c, json_t *args, const char *const *names);

/* Adds a list of texts in the same way as one. */
bool cli_put_texts(json_t *args, const char *key, char **texts, unsigned count);

/* Adds a positive number to args; says so and gives false when the text is none. */
bool cli_put_number(json_t *args, const char *key, const char *text);

/* Adds what words such as "actor=alice" say. Both lists of keys end with NULL. Gives false after a
 * message. */
bool cli_put_words(json_t *args, char **words, unsigned count, const char *const *texts,
                   const char *const *numbers);

/* How a change is to be done, by the options: {"wait", "timeout_ms"}, and "dry_run" where the
 * command takes it. */
json_t *cli_change_args(const struct cli *c);

/* Calls, then prints what came of a change, behind what first (or NULL) prints; or each problem. */
enum engine_outcome cli_ask_change(struct cli *c, const char *command, json_t *args,
                                   cli_show *first);

/* The commands. */
enum engine_outcome run_status(struct cli *c);
enum engine_outcome run_zone_list(struct cli *c);
enum engine_outcome run_zone_show(struct cli *c);
enum engine_outcome run_zone_add(struct cli *c);
enum engine_outcome run_zone_remove(struct cli *c);
enum engine_outcome run_zone_reload(struct cli *c);
enum engine_outcome run_zone_export(struct cli *c);
enum engine_outcome run_zone_check(struct cli *c);
enum engine_outcome run_zone_history(struct cli *c);
enum engine_outcome run_zone_diff(struct cli *c);
enum engine_outcome run_zone_revert(struct cli *c);
enum engine_outcome run_record_set(struct cli *c);
enum engine_outcome run_record_add(struct cli *c);
enum engine_outcome run_record_del(struct cli *c);
enum engine_outcome run_zone_edit(struct cli *c);
enum engine_outcome run_zone_import(struct cli *c);
enum engine_outcome run_zone_compare(struct cli *c);
enum engine_outcome run_zone_policy(struct cli *c);
enum engine_outcome run_zone_refresh(struct cli *c);
enum engine_outcome run_zone_retransfer(struct cli *c);
enum engine_outcome run_zone_secondaries(struct cli *c);
enum engine_outcome run_zone_notify(struct cli *c);
enum engine_outcome run_zone_transfers(struct cli *c);
enum engine_outcome run_catalog_list(struct cli *c);
enum engine_outcome run_catalog_accept(struct cli *c);
enum engine_outcome run_zone_set(struct cli *c);
enum engine_outcome run_zone_create(struct cli *c);
enum engine_outcome run_record_edit(struct cli *c);
enum engine_outcome run_batch(struct cli *c);
enum engine_outcome run_stats(struct cli *c);
enum engine_outcome run_top(struct cli *c);
enum engine_outcome run_metrics(struct cli *c);
enum engine_outcome run_explain(struct cli *c);
enum engine_outcome run_conf_check(struct cli *c);
enum engine_outcome run_conf_show(struct cli *c);
enum engine_outcome run_conf_describe(struct cli *c);
enum engine_outcome run_conf_list(struct cli *c);
enum engine_outcome run_conf_diff(struct cli *c);
enum engine_outcome run_conf_reload(struct cli *c);
enum engine_outcome run_conf_set(struct cli *c);
enum engine_outcome run_conf_unset(struct cli *c);
enum engine_outcome run_doctor(struct cli *c);
enum engine_outcome run_dnssec_sign_request(struct cli *c);
enum engine_outcome run_dnssec_ksr(struct cli *c);
enum engine_outcome run_dnssec_skr(struct cli *c);
enum engine_outcome run_dnssec_enable(struct cli *c);
enum engine_outcome run_dnssec_disable(struct cli *c);
enum engine_outcome run_dnssec_status(struct cli *c);
enum engine_outcome run_dnssec_roll(struct cli *c);
enum engine_outcome run_dnssec_resign(struct cli *c);
enum engine_outcome run_dnssec_ds(struct cli *c);
enum engine_outcome run_dnssec_policy(struct cli *c);
enum engine_outcome run_dnssec_import(struct cli *c);
enum engine_outcome run_dnssec_export(struct cli *c);
enum engine_outcome run_dnssec_secret(struct cli *c);
enum engine_outcome run_tsig_list(struct cli *c);
enum engine_outcome run_tsig_show(struct cli *c);
enum engine_outcome run_tsig_create(struct cli *c);
enum engine_outcome run_tsig_import(struct cli *c);
enum engine_outcome run_tsig_set(struct cli *c);
enum engine_outcome run_tsig_remove(struct cli *c);
enum engine_outcome run_key_list(struct cli *c);
enum engine_outcome run_key_show(struct cli *c);
enum engine_outcome run_key_create(struct cli *c);
enum engine_outcome run_key_revoke(struct cli *c);
enum engine_outcome run_key_set(struct cli *c);
enum engine_outcome run_tenant_list(struct cli *c);
enum engine_outcome run_tenant_add(struct cli *c);
enum engine_outcome run_tenant_remove(struct cli *c);
enum engine_outcome run_tenant_rename(struct cli *c);
enum engine_outcome run_tenant_assign(struct cli *c);
enum engine_outcome run_key_grant(struct cli *c);
enum engine_outcome run_audit_list(struct cli *c);
enum engine_outcome run_audit_verify(struct cli *c);
enum engine_outcome run_audit_export(struct cli *c);
enum engine_outcome run_backup(struct cli *c);
enum engine_outcome run_backup_check(struct cli *c);
enum engine_outcome run_version(struct cli *c);
enum engine_outcome run_completion(struct cli *c);
enum engine_outcome run_help(struct cli *c);

#endif
