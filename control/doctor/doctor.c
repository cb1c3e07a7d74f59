#include "control/doctor/doctor.h"

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/doctor/check.h"
#include "control/doctor/device.h"
#include "control/doctor/machine.h"

static const struct {
	const char *id;
	unsigned modes;
	check_row *check;
	check_nic *check_nic;
} rows[] = {
#define ROW(id, modes, function)     {id, modes, function, NULL},
#define NIC_ROW(id, modes, function) {id, modes, NULL, function},
#include "control/doctor/rows.def"
#undef ROW
#undef NIC_ROW
};

const char *doctor_verdict_text(enum doctor_verdict verdict)
{
	static const char *const texts[] = {"ok", "warn", "fail"};

	return texts[verdict];
}

enum doctor_verdict verdict_without(const struct doctor_machine *m, unsigned modes)
{
	if (!(m->modes & modes))
		return DOCTOR_OK;
	return m->modes & ~modes ? DOCTOR_WARN : DOCTOR_FAIL;
}

void line_set(struct doctor_line *line, enum doctor_verdict verdict, const char *format,
              ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line->found, sizeof line->found, format, args);
	va_end(args);
	line->verdict = verdict;
}

void line_remedy(struct doctor_line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line->remedy, sizeof line->remedy, format, args);
	va_end(args);
}

void text_add(char *text, size_t size, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

static struct doctor_line *new_line(struct doctor_report *report, const char *check)
{
	struct doctor_line *lines =
		realloc(report->lines, (report->count + 1) * sizeof *lines);

	if (!lines)
		abort();
	report->lines = lines;
	lines[report->count] = (struct doctor_line){.check = check};
	return &lines[report->count++];
}

static void run_row(const struct doctor_machine *m, size_t row, const struct nic *nic,
                    struct doctor_report *report)
{
	struct doctor_line *line = new_line(report, rows[row].id);

	if (!rows[row].check_nic) {
		rows[row].check(m, line);
	} else if (!nic) {
		line_set(line, DOCTOR_WARN, "no interface has a device behind it");
		line_remedy(line, "name the interface: anserctl doctor IFACE");
	} else {
		text_add(line->subject, sizeof line->subject, "%s", nic->name);
		if (nic->there)
			rows[row].check_nic(m, nic, line);
		else
			line_set(line, DOCTOR_FAIL, "there is no interface %s",
			         nic->name);
	}
	if (nic && !nic->there)
		line_remedy(line, "see: ip link; one that is bound to vfio-pci is not "
		                  "listed there: scripts/setup-nic.sh status");
	if (line->verdict == DOCTOR_OK)
		line->remedy[0] = 0;
	report->verdicts[line->verdict]++;
}

static void run_rows(const struct doctor_machine *m, bool of_nics, const struct nic *nic,
                     struct doctor_report *report)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((rows[i].check_nic != NULL) == of_nics && (rows[i].modes & m->modes))
			run_row(m, i, nic, report);
}

static void run_nic(const struct doctor_machine *m, const char *name,
                    struct doctor_report *report)
{
	struct nic nic = {.name = name, .driver = "unknown driver"};

	nic.there = machine_nic_is_there(m, name);
	if (nic.there) {
		m->ask(name, &nic.facts);
		nic.device = machine_exists(m, "/sys/class/net/%s/device", name);
		if (!machine_link(m, nic.driver, sizeof nic.driver,
		                  "/sys/class/net/%s/device/driver", name) &&
		    nic.facts.driver[0])
			memcpy(nic.driver, nic.facts.driver, sizeof nic.driver);
	}
	run_rows(m, true, &nic, report);
}

static void run_device(const struct doctor_machine *m, const char *address,
                       struct doctor_report *report)
{
	struct doctor_line *line = new_line(report, "driver");

	check_device(m, address, line);
	if (line->verdict == DOCTOR_OK)
		line->remedy[0] = 0;
	report->verdicts[line->verdict]++;
}

/* Every interface with a device behind it. Gives how many. */
static size_t run_found_nics(const struct doctor_machine *m, struct doctor_report *report)
{
	glob_t found;
	size_t count = machine_glob(m, &found, "/sys/class/net/*/device");

	for (size_t i = 0; i < count; i++) {
		char *end = strrchr(found.gl_pathv[i], '/');
		*end = 0;
		run_nic(m, strrchr(found.gl_pathv[i], '/') + 1, report);
	}
	globfree(&found);
	return count;
}

void doctor_run(const struct doctor_machine *machine, struct doctor_report *report)
{
	struct doctor_machine m = *machine;
	struct subjects subjects;

	*report = (struct doctor_report){0};
	subjects_init(machine, &subjects);
	m.interfaces = (const char *const *)subjects.names;
	m.interface_count = subjects.count;
	run_rows(&m, false, NULL, report);
	for (size_t i = 0; i < m.interface_count; i++) {
		if (doctor_is_device(m.interfaces[i]))
			run_device(&m, m.interfaces[i], report);
		else
			run_nic(&m, m.interfaces[i], report);
	}
	if (!m.interface_count && !run_found_nics(&m, report))
		run_rows(&m, true, NULL, report);
	subjects_fini(&subjects);
}

void doctor_fini(struct doctor_report *report)
{
	free(report->lines);
	*report = (struct doctor_report){0};
}
