#include "control/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/client.h"
#include "control/cli/print.h"

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

json_t *cli_args(void)
{
	json_t *args = json_object();

	if (!args)
		abort();
	return args;
}

void cli_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

bool cli_put_text(json_t *args, const char *key, const char *text)
{
	if (json_object_set_new(args, key, json_string(text)) == 0)
		return true;
	(void)cli_usage("%s: an argument is not UTF-8", key);
	return false;
}

static json_t *own_error(const char *text)
{
	json_t *result = json_pack("{s:s}", "error", text);

	if (!result)
		abort();
	return result;
}

/* Takes the answer apart. Gives NULL when it is none. */
static json_t *parse_answer(const char *answer, enum engine_outcome *outcome)
{
	json_t *whole = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
	json_t *result = json_object_get(whole, "result");
	json_t *number = json_object_get(whole, "outcome");
	json_int_t n = json_integer_value(number);

	if (!json_is_integer(number) || !json_is_object(result) || n < ENGINE_OK ||
	    n > ENGINE_TIMED_OUT) {
		json_decref(whole);
		return NULL;
	}
	(void)json_incref(result);
	json_decref(whole);
	*outcome = (enum engine_outcome)n;
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
	char why[512] = "";
	const char *answer = NULL;
	char *line = request_line(command, args);
	uint64_t deadline = client_now() + c->timeout_ms + ANSWER_SLACK_MS;
	enum engine_outcome outcome = ENGINE_OK;

	if (!c->client)
		outcome = client_open(c->socket, &c->client, why, sizeof why);
	if (outcome == ENGINE_OK)
		outcome = client_exchange(c->client, line, deadline, &answer);
	free(line);
	*result = answer ? parse_answer(answer, &outcome) : NULL;
	if (*result)
		return outcome;
	if (answer) {
		outcome = ENGINE_REFUSED;
		(void)snprintf(why, sizeof why, "the server's answer is not understood");
	} else if (!why[0]) {
		(void)snprintf(why, sizeof why, "%s",
		               outcome == ENGINE_TIMED_OUT
		                       ? "the server has not answered in time"
		                       : "the server has gone away");
	}
	client_close(&c->client);
	*result = own_error(why);
	return outcome;
}

void cli_report(const json_t *result)
{
	const char *error = json_string_value(json_object_get(result, "error"));

	(void)fflush(stdout);
	print_diagnostics(json_object_get(result, "diagnostics"), stderr);
	(void)fputs("anserctl: ", stderr);
	print_text(error ? error : "the command has failed", stderr);
	(void)fputc('\n', stderr);
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

/* Gives the command and how many words name it. */
static const struct command *find_command(char **words, unsigned count, unsigned *used)
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
	const char *timeout;
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
	enum { OPTIONS_MAX = 16 };
	struct option longs[OPTIONS_MAX] = {{0}};
	char shorts[2 * OPTIONS_MAX + 1] = "";
	char *at = shorts;
	int letter;

	STATIC_ASSERT(OPTIONS_MAX > 14, "one more than there are options");
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
		if (letter == 's')
			c->socket = optarg;
		else if (letter == 'o')
			c->output = optarg;
		else if (letter == 'c')
			c->config = optarg;
		else if (letter == 'i')
			c->io = optarg;
		else if (letter == 'z')
			c->zone = optarg;
		else if (letter == 't')
			said->timeout = optarg;
	}
	c->json = said->letters['j'];
	c->plain = said->letters['p'];
	c->dnssec = said->letters['d'];
	c->dry_run = said->letters['N'];
	return true;
}

static enum engine_outcome check_options(struct cli *c, const struct said *said)
{
	const struct command *command = c->command;

	for (int letter = 0; letter < 128; letter++) {
		const struct cli_option *o =
			said->letters[letter] ? find_option(letter) : NULL;
		if (o && (o->takes & ~command->takes))
			return cli_usage("%s%s%s does not take --%s", command->noun,
			                 command->verb ? " " : "",
			                 command->verb ? command->verb : "", o->name);
	}
	if (said->letters['w'] && said->letters['n'])
		return cli_usage("--wait and --no-wait contradict each other");
	c->wait = said->letters['w']   ? WAIT_YES
	          : said->letters['n'] ? WAIT_NO
	                               : WAIT_UNSAID;
	c->timeout_ms = command->timeout_s * 1000;
	if (said->timeout && !parse_timeout(said->timeout, &c->timeout_ms))
		return cli_usage("--timeout: \"%s\" is no number of seconds (0 to 86400)",
		                 said->timeout);
	return ENGINE_OK;
}

static enum engine_outcome run_command(struct cli *c, char **words, unsigned count,
                                       const struct said *said)
{
	unsigned used = 0;

	c->command = find_command(words, count, &used);
	if (!c->command) {
		print_verbs(words[0]);
		return cli_usage("there is no command \"%s%s%s\"", words[0],
		                 count > 1 ? " " : "", count > 1 ? words[1] : "");
	}
	c->args = words + used;
	c->arg_count = count - used;
	enum engine_outcome outcome = check_options(c, said);
	if (outcome != ENGINE_OK)
		return outcome;
	if (c->arg_count < c->command->min_args || c->arg_count > c->command->max_args)
		return cli_usage("usage: anserctl %s%s%s %s", c->command->noun,
		                 c->command->verb ? " " : "",
		                 c->command->verb ? c->command->verb : "",
		                 c->command->synopsis);
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
	struct cli c = {.socket = getenv("ANSER_SOCKET")};
	struct said said = {0};
	const char *no_colour = getenv("NO_COLOR");

	if (!c.socket || !c.socket[0])
		c.socket = CLI_SOCKET_DEFAULT;
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
