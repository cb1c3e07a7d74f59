#include <stdlib.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/config/config.h"
#include "control/diag_json.h"

/* Reads the file named on the command line; tells what is wrong with it. */
static enum engine_outcome read_file(const struct cli *c, FILE *messages,
                                     struct config **out)
{
	struct diag d;

	diag_init(&d);
	int err = config_read(c->args[0], NULL, out, &d);
	if (!c->json) {
		diag_print(&d, messages);
	} else if (err < 0 || c->command->run == run_conf_check) {
		json_t *result = json_pack("{s:o}", "diagnostics", diag_json(&d));
		if (err < 0)
			(void)json_object_set_new(result, "error",
			                          json_string("the file is refused"));
		print_json(result);
		json_decref(result);
	}
	diag_fini(&d);
	return err < 0 ? ENGINE_REFUSED : ENGINE_OK;
}

static void show_checked(struct cli *c, const json_t *result)
{
	(void)c;
	print_diagnostics(json_object_get(result, "diagnostics"), stdout);
}

enum engine_outcome run_conf_check(struct cli *c)
{
	struct config *config = NULL;

	if (!c->arg_count)
		return cli_ask(c, "conf check", NULL, show_checked);
	enum engine_outcome outcome = read_file(c, stdout, &config);
	config_release(config);
	return outcome;
}

static void show_text(struct cli *c, const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	(void)c;
	(void)fputs(text ? text : "", stdout);
}

static void show_config_json(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	config_show(config, to);
	if (fclose(to) != 0)
		abort();
	json_t *result = json_pack("{s:s}", "text", text);
	print_json(result);
	json_decref(result);
	free(text);
}

enum engine_outcome run_conf_show(struct cli *c)
{
	struct config *config = NULL;

	if (!c->arg_count)
		return cli_ask(c, "conf show", NULL, show_text);
	enum engine_outcome outcome = read_file(c, stderr, &config);
	if (outcome == ENGINE_OK && c->json)
		show_config_json(config);
	else if (outcome == ENGINE_OK)
		config_show(config, stdout);
	config_release(config);
	return outcome;
}

enum engine_outcome run_conf_describe(struct cli *c)
{
	(void)c;
	config_describe(stdout);
	return ENGINE_OK;
}
