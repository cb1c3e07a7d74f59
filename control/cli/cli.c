#include "control/cli/cli.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/print.h"
#include "control/json_put.h"
#include "control/must.h"

/* ---- calling the server ---- */

/* What the server is given beyond a command's own timeout to say that it timed out. */
enum { ANSWER_SLACK_MS = 2000 };

enum engine_outcome cli_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("anserctl: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputs("\nTry \"anserctl help\".\n", stderr);
	va_end(args);
	return ENGINE_USAGE;
}

const char *cli_command_name(const struct command *command,
                             char name[static COMMAND_NAME_MAX])
{
	(void)snprintf(name, COMMAND_NAME_MAX, "%s%s%s", command->noun,
	               command->verb ? " " : "", command->verb ? command->verb : "");
	return name;
}

enum engine_outcome cli_usage_of_command(const struct cli *c)
{
	char name[COMMAND_NAME_MAX];

	return cli_usage("usage: anserctl %s %s", cli_command_name(c->command, name),
	                 c->command->synopsis);
}

json_t *cli_args(void)
{
	return must(json_object());
}

bool cli_put_text(json_t *args, const char *key, const char *text)
{
	if (json_object_set_new(args, key, json_string(text)) == 0)
		return true;
	(void)cli_usage("%s: an argument is not UTF-8", key);
	return false;
}

json_t *cli_named_args(const struct cli *c, json_t *args, const char *const *names)
{
	for (unsigned i = 0; i < c->arg_count && names[i]; i++) {
		if (!cli_put_text(args, names[i], c->args[i])) {
			json_decref(args);
			return NULL;
		}
	}
	return args;
}

bool cli_put_texts(json_t *args, const char *key, char **texts, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		if (json_array_append_new(list, json_string(texts[i])) < 0) {
			json_decref(list);
			(void)cli_usage("%s: an argument is not UTF-8", key);
			return false;
		}
	}
	if (json_object_set_new(args, key, list) == 0)
		return true;
	(void)cli_usage("the name of an argument is not UTF-8");
	return false;
}

json_t *cli_change_args(const struct cli *c)
{
	json_t *args = cli_args();

	json_put(args, "wait", json_boolean(c->wait != WAIT_NO));
	json_put(args, "timeout_ms", json_integer(c->timeout_ms));
	if (c->command->takes & TAKES_DRY_RUN)
		json_put(args, "dry_run", json_boolean(c->dry_run));
	return args;
}

bool cli_put_number(json_t *args, const char *key, const char *text)
{
	char *end = NULL;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < 1) {
		(void)cli_usage("%s: \"%s\" is no number", key, text);
		return false;
	}
	json_put(args, key, json_integer(number));
	return true;
}

static const char *find_key(const char *const *keys, const char *word, size_t len)
{
	for (; *keys; keys++)
		if (strlen(*keys) == len && strncmp(word, *keys, len) == 0)
			return *keys;
	return NULL;
}

bool cli_put_words(json_t *args, char **words, unsigned count, const char *const *texts,
                   const char *const *numbers)
{
	for (unsigned i = 0; i < count; i++) {
		size_t len = strcspn(words[i], "=");
		bool whole = words[i][len];
		const char *as_text = whole ? find_key(texts, words[i], len) : NULL;
		const char *as_number = whole ? find_key(numbers, words[i], len) : NULL;

		if (!as_text && !as_number)
			(void)cli_usage("\"%s\" is not understood", words[i]);
		if ((!as_text || !cli_put_text(args, as_text, words[i] + len + 1)) &&
		    (!as_number || !cli_put_number(args, as_number, words[i] + len + 1)))
			return false;
	}
	return true;
}

static json_t *own_error(const char *text)
{
	json_t *result = json_pack("{s:s}", "error", text);

	if (!result)
		abort();
	return result;
}

static char *request_line(const char *command, json_t *args)
{
	json_t *request = json_pack("{s:s,s:o*}", "command", command, "args", args);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	char *line = NULL;

	if (!text || asprintf(&line, "%s\n", text) < 0)
		abort();
	free(text);
	json_decref(request);
	return line;
}

enum engine_outcome cli_call(struct cli *c, const char *command, json_t *args,
                             json_t **result)
{
	char why[1024] = "";
	char *line = request_line(command, args);
	uint64_t deadline = client_now() + c->timeout_ms + ANSWER_SLACK_MS;
	enum engine_outcome outcome = ENGINE_OK;

	*result = NULL;
	if (!c->client)
		outcome = client_open(&c->target, deadline, &c->client, why, sizeof why);
	if (outcome == ENGINE_OK)
		outcome = client_exchange(c->client, line, deadline, result, why,
		                          sizeof why);
	free(line);
	if (*result)
		return outcome;
	client_close(&c->client);
	*result = own_error(why);
	return outcome;
}

static void report_problem(const json_t *problem)
{
	(void)fputs("anserctl: ", stderr);
	print_text(print_text_of(problem, "text"), stderr);
	(void)fputs(" [", stderr);
	print_text(print_text_of(problem, "rule"), stderr);
	(void)fputs("]\n", stderr);
}

void cli_report(const json_t *result)
{
	const json_t *problems = json_object_get(result, "problems");
	const char *error = json_string_value(json_object_get(result, "error"));

	(void)fflush(stdout);
	print_diagnostics(json_object_get(result, "diagnostics"), stderr);
	for (size_t i = 0; i < json_array_size(problems); i++)
		report_problem(json_array_get(problems, i));
	if (json_array_size(problems))
		return;
	(void)fputs("anserctl: ", stderr);
	print_text(error ? error : "the command has failed", stderr);
	(void)fputc('\n', stderr);
}

void cli_refuse(const struct cli *c, const json_t *result)
{
	if (c->json)
		print_json(result);
	else
		cli_report(result);
}

enum engine_outcome cli_ask(struct cli *c, const char *command, json_t *args,
                            cli_show *show)
{
	json_t *result = NULL;
	enum engine_outcome outcome = cli_call(c, command, args, &result);

	if (c->json)
		print_json(result);
	else if (outcome == ENGINE_OK)
		show(c, result);
	else
		cli_report(result);
	json_decref(result);
	return outcome;
}

/* ---- the command line ---- */

enum { TIMEOUT_S = 60 }; /* as a small change may wait behind a load */

static const struct command *find_exact(const char *noun, const char *verb)
{
	for (unsigned i = 0; i < cli_command_count; i++) {
		const struct command *command = &cli_commands[i];

		if (strcmp(command->noun, noun) != 0)
			continue;
		if (!command->verb || (verb && !strcmp(command->verb, verb)))
			return command;
	}
	return NULL;
}

const struct command *cli_find_command(char **words, unsigned count, unsigned *used)
{
	const char *verb = count > 1 ? words[1] : NULL;
	const struct command *command = find_exact(words[0], verb);

	for (unsigned i = 0; !command && i < cli_alias_count; i++) {
		const struct alias *a = &cli_aliases[i];

		if (strcmp(a->noun, words[0]) != 0 ||
		    (a->verb && (!verb || strcmp(a->verb, verb) != 0)))
			continue;
		*used = a->verb ? 2 : 1;
		return find_exact(a->stands_for[0], a->stands_for[1]);
	}
	if (command)
		*used = command->verb ? 2 : 1;
	return command;
}

static void print_verbs(const char *noun)
{
	const char *before = "anserctl: the commands are: ";

	for (unsigned i = 0; i < cli_command_count; i++) {
		if (strcmp(cli_commands[i].noun, noun) != 0 || !cli_commands[i].verb)
			continue;
		(void)fprintf(stderr, "%s%s %s", before, noun, cli_commands[i].verb);
		before = ", ";
	}
	if (before[0] == ',')
		(void)fputc('\n', stderr);
}

enum engine_outcome cli_no_command(char **words, unsigned count)
{
	print_verbs(words[0]);
	return cli_usage("there is no command \"%s%s%s\"", words[0], count > 1 ? " " : "",
	                 count > 1 ? words[1] : "");
}

static const struct cli_option *find_option(int letter)
{
	for (unsigned i = 0; i < cli_option_count; i++)
		if (cli_options[i].letter == letter)
			return &cli_options[i];
	return NULL;
}

/* Options as they were said, before the command is known. */
struct said {
	unsigned letters[128]; /* how often */
	const char *values[128];
};

static bool parse_timeout(const char *text, unsigned *out)
{
	char *end = NULL;
	double seconds;

	errno = 0;
	if (!isdigit((unsigned char)text[0]))
		return false;
	seconds = strtod(text, &end);
	if (errno || *end || !(seconds <= 86400))
		return false;
	*out = (unsigned)(seconds * 1000);
	return true;
}

/* Gives false after a message. */
static bool parse_options(struct cli *c, int argc, char **argv, struct said *said)
{
	enum { OPTIONS_MAX = 32 };
	struct option longs[OPTIONS_MAX] = {{0}};
	char shorts[2 * OPTIONS_MAX + 1] = "";
	char *at = shorts;
	int letter;

	assert(cli_option_count < OPTIONS_MAX);
	for (unsigned i = 0; i < cli_option_count; i++) {
		const struct cli_option *o = &cli_options[i];
		longs[i] = (struct option){o->name,
		                           o->value ? required_argument : no_argument,
		                           NULL, o->letter};
		*at++ = o->letter;
		if (o->value)
			*at++ = ':';
	}
	optind = 0; /* glibc: start anew */
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == '?') {
			(void)fputs("Try \"anserctl help\".\n", stderr);
			return false;
		}
		said->letters[letter & 0x7f]++;
		said->values[letter & 0x7f] = optarg;
	}
	c->output = said->values['o'];
	c->config = said->values['c'];
	c->io = said->values['i'];
	c->zone = said->values['z'];
	c->change = said->values['g'];
	c->json = said->letters['j'];
	c->plain = said->letters['p'];
	c->dnssec = said->letters['d'];
	c->dry_run = said->letters['N'];
	c->yes = said->letters['y'];
	c->replace = said->letters['r'];
	c->ignore_serial = said->letters['I'];
	c->full = said->letters['f'];
	c->force = said->letters['F'];
	c->with_secrets = said->letters['S'];
	c->keep_going = said->letters['K'];
	c->once = said->letters['O'];
	return true;
}

/* Gives what the option says, or else the environment, or NULL. */
static const char *option_or_environment(const char *value, const char *name)
{
	if (!value)
		value = getenv(name);
	return value && value[0] ? value : NULL;
}

static enum engine_outcome choose_target(struct cli *c, const struct said *said)
{
	struct client_target *t = &c->target;

	if (said->values['s'] && said->values['u'])
		return cli_usage("--socket and --url contradict each other");
	t->url = said->values['s']
	                 ? NULL
	                 : option_or_environment(said->values['u'], "ANSER_URL");
	t->socket = option_or_environment(said->values['s'], "ANSER_SOCKET");
	if (!t->socket)
		t->socket = CLI_SOCKET_DEFAULT;
	t->key_file = option_or_environment(said->values['k'], "ANSER_KEY_FILE");
	t->cacert = option_or_environment(said->values['C'], "ANSER_CACERT");
	t->pin = option_or_environment(said->values['P'], "ANSER_PIN");
	return ENGINE_OK;
}

static enum engine_outcome check_taken(const struct command *command,
                                       const struct said *said)
{
	char name[COMMAND_NAME_MAX];

	for (int letter = 0; letter < 128; letter++) {
		const struct cli_option *o =
			said->letters[letter] ? find_option(letter) : NULL;
		if (o && (o->takes & ~command->takes))
			return cli_usage("%s does not take --%s",
			                 cli_command_name(command, name), o->name);
	}
	return ENGINE_OK;
}

static enum engine_outcome read_times(struct cli *c, const struct said *said)
{
	const char *timeout = said->values['t'];
	const char *interval = said->values['e'];

	c->timeout_ms =
		1000 * (c->command->timeout_s ? c->command->timeout_s : TIMEOUT_S);
	if (timeout && !parse_timeout(timeout, &c->timeout_ms))
		return cli_usage("--timeout: \"%s\" is no number of seconds (0 to 86400)",
		                 timeout);
	c->interval_ms = 1000;
	if (interval &&
	    (!parse_timeout(interval, &c->interval_ms) ||
	     c->interval_ms < INTERVAL_MIN_MS || c->interval_ms > INTERVAL_MAX_MS))
		return cli_usage("--interval: \"%s\" is no number of seconds (0.1 to 60)",
		                 interval);
	return ENGINE_OK;
}

static enum engine_outcome check_options(struct cli *c, const struct said *said)
{
	enum engine_outcome outcome = check_taken(c->command, said);

	if (outcome != ENGINE_OK)
		return outcome;
	if (said->letters['w'] && said->letters['n'])
		return cli_usage("--wait and --no-wait contradict each other");
	c->wait = said->letters['w']   ? WAIT_YES
	          : said->letters['n'] ? WAIT_NO
	                               : WAIT_UNSAID;
	outcome = read_times(c, said);
	return outcome == ENGINE_OK ? choose_target(c, said) : outcome;
}

static enum engine_outcome run_command(struct cli *c, char **words, unsigned count,
                                       const struct said *said)
{
	unsigned used = 0;

	c->command = cli_find_command(words, count, &used);
	if (!c->command)
		return cli_no_command(words, count);
	c->args = words + used;
	c->arg_count = count - used;
	enum engine_outcome outcome = check_options(c, said);
	if (outcome != ENGINE_OK)
		return outcome;
	if (c->arg_count < c->command->min_args || c->arg_count > c->command->max_args)
		return cli_usage_of_command(c);
	return c->command->run(c);
}

static enum engine_outcome run_words(struct cli *c, char **words, unsigned count,
                                     const struct said *said)
{
	if (said->letters['V']) {
		(void)puts("anserctl " ANSER_VERSION);
		return ENGINE_OK;
	}
	if (!count && !said->letters['h'])
		return cli_usage("a command is missing");
	if (!said->letters['h'])
		return run_command(c, words, count, said);
	c->args = words;
	c->arg_count = count < 2 ? count : 2;
	return run_help(c);
}

int cli_main(int argc, char **argv)
{
	struct cli c = {0};
	struct said said = {0};
	const char *no_colour = getenv("NO_COLOR");

	c.colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);
	if (!parse_options(&c, argc, argv, &said))
		return ENGINE_USAGE;
	c.colour &= !c.plain;
	enum engine_outcome outcome =
		run_words(&c, argv + optind, (unsigned)(argc - optind), &said);
	client_close(&c.client);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "anserctl: cannot write: %s\n", strerror(errno));
		return outcome == ENGINE_OK ? (int)ENGINE_REFUSED : (int)outcome;
	}
	return (int)outcome;
}
