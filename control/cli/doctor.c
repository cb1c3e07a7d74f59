#include "control/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/config/config.h"

/* Descriptors that the control plane has beside its connections. */
enum { OTHER_FILES = 256 };

static json_t *line_json(const struct doctor_line *line)
{
	json_t *row =
		json_pack("{s:s,s:s,s:s}", "verdict", doctor_verdict_text(line->verdict),
	                  "check", line->check, "subject", line->subject);
	const char *with[] = {"found", line->found, "remedy", line->remedy};

	/* Where the kernel shows bytes that are no UTF-8, the verdict has to do. */
	for (size_t i = 0; row && i < ARRAY_LEN(with); i += 2) {
		json_t *text = json_string(with[i + 1]);
		(void)json_object_set_new(row, with[i], text ? text : json_string("?"));
	}
	if (!row)
		abort();
	return row;
}

static json_t *report_json(const struct doctor_report *report)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < report->count; i++)
		if (json_array_append_new(rows, line_json(&report->lines[i])) < 0)
			abort();
	json_t *result = json_pack("{s:o,s:I,s:I,s:I}", "rows", rows, "ok",
	                           (json_int_t)report->verdicts[DOCTOR_OK], "warn",
	                           (json_int_t)report->verdicts[DOCTOR_WARN], "fail",
	                           (json_int_t)report->verdicts[DOCTOR_FAIL]);
	if (!result)
		abort();
	return result;
}

static const struct column plain_columns[] = {
	{"VERDICT", "verdict", COLUMN_STATE}, {"CHECK", "check", COLUMN_TEXT},
	{"OF", "subject", COLUMN_TEXT},       {"FOUND", "found", COLUMN_TEXT},
	{"REMEDY", "remedy", COLUMN_TEXT},
};

static const struct column columns[] = {
	{"VERDICT", "verdict", COLUMN_STATE},
	{"CHECK", "check", COLUMN_TEXT},
	{"OF", "subject", COLUMN_TEXT},
	{"FOUND, AND REMEDY", "text", COLUMN_TEXT},
};

/* Found and remedy side by side would leave neither room: they share the last column. */
static void join_texts(json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);
		const char *remedy = json_string_value(json_object_get(row, "remedy"));
		json_t *text = json_sprintf(
			"%s%s%s", json_string_value(json_object_get(row, "found")),
			remedy[0] ? ". Remedy: " : "", remedy);

		if (!text || json_object_set_new(row, "text", text) < 0)
			abort();
	}
}

static void show_report(const struct cli *c, json_t *result)
{
	json_t *rows = json_object_get(result, "rows");

	if (c->json) {
		print_json(result);
	} else if (c->plain) {
		print_grid(c, plain_columns, ARRAY_LEN(plain_columns), rows);
	} else {
		join_texts(rows);
		print_grid(c, columns, ARRAY_LEN(columns), rows);
		(void)printf(
			"\n%lld ok, %lld warn, %lld fail\n",
			(long long)json_integer_value(json_object_get(result, "ok")),
			(long long)json_integer_value(json_object_get(result, "warn")),
			(long long)json_integer_value(json_object_get(result, "fail")));
	}
}

/* Without --config the default file is read if it is there. Gives false after a message. */
static bool read_config(const struct cli *c, struct config **out)
{
	const char *path = c->config ? c->config : CLI_CONFIG_DEFAULT;
	struct diag d;

	if (!c->config && access(path, F_OK) != 0)
		return true;
	diag_init(&d);
	int err = config_read(path, NULL, out, &d);
	if (err < 0)
		diag_print(&d, stderr);
	diag_fini(&d);
	return err >= 0;
}

/* ---- what is meant: by the command line, else by the configuration, else everything ---- */

static unsigned configured_modes(const struct config *config)
{
	unsigned modes = 0;

	if (config->io == IO_DPDK || config->dpdk_eal[0] || config->dpdk_ports[0])
		modes |= DOCTOR_DPDK;
	if (config->io == IO_XDP || config->xdp_interfaces[0])
		modes |= DOCTOR_XDP;
	if (config->io == IO_DPDK || config->io == IO_XDP)
		modes &= config->io == IO_DPDK ? DOCTOR_DPDK : DOCTOR_XDP;
	return modes ? modes : DOCTOR_ANY;
}

/* Gives 0 for a word that is no back end. */
static unsigned meant_modes(const char *io, const struct config *config)
{
	if (io)
		return !strcmp(io, "xdp")    ? DOCTOR_XDP
		       : !strcmp(io, "dpdk") ? DOCTOR_DPDK
		                             : 0;
	return config ? configured_modes(config) : DOCTOR_ANY;
}

/* Names of interfaces and PCI addresses, each once. */
struct names {
	char **list;
	size_t count;
};

static void add_name(struct names *names, const char *name, size_t len)
{
	char *copy = strndup(name, len);
	char **list = realloc(names->list, (names->count + 1) * sizeof *list);

	if (!copy || !list)
		abort();
	names->list = list;
	for (size_t i = 0; i < names->count; i++) {
		if (!strcmp(list[i], copy)) {
			free(copy);
			return;
		}
	}
	list[names->count++] = copy;
}

static void add_device(struct names *names, const char *word)
{
	char address[64];
	size_t len = strcspn(word, ",");

	(void)snprintf(address, sizeof address, "%.*s", (int)len, word);
	if (doctor_is_device(address))
		add_name(names, address, len);
}

/* The devices that arguments of EAL name: "-a X", "-aX", "--allow X", "--allow=X", with
 * parameters of their own behind a comma. */
static void add_allowed(struct names *names, const char *eal)
{
	char *words = strdup(eal);
	char *rest = NULL;
	bool next = false;

	if (!words)
		abort();
	for (const char *word = strtok_r(words, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (next)
			add_device(names, word);
		next = !strcmp(word, "-a") || !strcmp(word, "--allow");
		if (!strncmp(word, "--allow=", 8))
			add_device(names, word + 8);
		else if (!strncmp(word, "-a", 2))
			add_device(names, word + 2);
	}
	free(words);
}

static void add_configured(struct names *names, const struct config *config,
                           unsigned modes)
{
	const char *interfaces = modes & DOCTOR_XDP ? config->xdp_interfaces : "";
	const char *ports = modes & DOCTOR_DPDK ? config->dpdk_ports : "";
	char name[IO_NAMES_SIZE];

	while (io_names_next(&interfaces, name))
		add_name(names, name, strlen(name));
	if (modes & DOCTOR_DPDK)
		add_allowed(names, config->dpdk_eal);
	while (io_names_next(&ports, name))
		add_device(names, name);
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

static void apply(const struct config *config, struct doctor_machine *machine,
                  struct names *names)
{
	machine->cpus = config->cpus;
	machine->cpu_count = config->cpu_count;
	machine->workers = config->workers;
	machine->files = config->tcp_max_connections + OTHER_FILES;
	if (machine->interface_count)
		return;
	add_configured(names, config, machine->modes);
	machine->interfaces = (const char *const *)names->list;
	machine->interface_count = names->count;
}

enum engine_outcome run_doctor(struct cli *c)
{
	struct doctor_machine machine = {
		.root = "",
		.ask = nic_ask_kernel,
		.interfaces = (const char *const *)c->args,
		.interface_count = c->arg_count,
		.workers = 1,
		.files = OTHER_FILES,
	};
	struct doctor_report report;
	struct config *config = NULL;
	struct names names = {0};

	if (!meant_modes(c->io, NULL))
		return cli_usage("--io: \"%s\" is neither xdp nor dpdk", c->io);
	if (!read_config(c, &config))
		return ENGINE_REFUSED;
	machine.modes = meant_modes(c->io, config);
	if (config)
		apply(config, &machine, &names);
	doctor_run(&machine, &report);
	json_t *result = report_json(&report);
	show_report(c, result);
	json_decref(result);
	bool failed = report.verdicts[DOCTOR_FAIL];
	doctor_fini(&report);
	config_release(config);
	free_names(&names);
	return failed ? ENGINE_REFUSED : ENGINE_OK;
}
