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
	int err = config_read(path, out, &d);
	if (err < 0)
		diag_print(&d, stderr);
	diag_fini(&d);
	return err >= 0;
}

static unsigned meant_modes(const char *io)
{
	if (!io)
		return DOCTOR_ANY;
	return !strcmp(io, "xdp") ? DOCTOR_XDP : !strcmp(io, "dpdk") ? DOCTOR_DPDK : 0;
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
		.modes = meant_modes(c->io),
	};
	struct doctor_report report;
	struct config *config = NULL;

	if (!machine.modes)
		return cli_usage("--io: \"%s\" is neither xdp nor dpdk", c->io);
	if (!read_config(c, &config))
		return ENGINE_REFUSED;
	if (config) {
		machine.cpus = config->cpus;
		machine.cpu_count = config->cpu_count;
		machine.workers = config->workers;
		machine.files = config->tcp_max_connections + OTHER_FILES;
	}
	doctor_run(&machine, &report);
	json_t *result = report_json(&report);
	show_report(c, result);
	json_decref(result);
	bool failed = report.verdicts[DOCTOR_FAIL];
	doctor_fini(&report);
	config_free(config);
	return failed ? ENGINE_REFUSED : ENGINE_OK;
}
