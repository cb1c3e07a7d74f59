/*
 * The processors that workers are pinned to. A worker that polls wants a processor for itself:
 * none of the scheduler's other tasks, no tick, no callbacks, and one frequency.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/doctor/check.h"
#include "control/doctor/machine.h"

/* The first few, as "2,3,4". */
static void add_cpu(char *text, size_t size, int cpu)
{
	text_add(text, size, "%s%d", text[0] ? "," : "", cpu);
}

static bool not_pinned(const struct doctor_machine *m, struct doctor_line *line)
{
	if (m->cpu_count)
		return false;
	line_set(line, DOCTOR_WARN, "workers are not pinned to processors");
	line_remedy(line, "server.cpus in the configuration, and --config FILE here");
	return true;
}

/* How many processors the workers have between them. */
static size_t used_cpus(const struct doctor_machine *m)
{
	return m->workers < m->cpu_count ? m->workers : m->cpu_count;
}

void check_cpus(const struct doctor_machine *m, struct doctor_line *line)
{
	char online[MACHINE_TEXT_MAX];
	char missing[128] = "";

	if (not_pinned(m, line))
		return;
	(void)machine_read(m, online, sizeof online, "/sys/devices/system/cpu/online");
	for (size_t i = 0; i < m->cpu_count; i++)
		if (!list_has(online, m->cpus[i]))
			add_cpu(missing, sizeof missing, m->cpus[i]);
	if (missing[0]) {
		line_set(line, DOCTOR_FAIL, "not online: %s (online are %.100s)", missing,
		         online);
		line_remedy(line, "correct server.cpus");
	} else if (m->workers > m->cpu_count) {
		line_set(line, DOCTOR_WARN, "%u workers share %zu processors", m->workers,
		         m->cpu_count);
		line_remedy(line, "as many server.cpus as server.workers");
	} else {
		line_set(line, DOCTOR_OK,
		         "each worker has its own (server.workers is %u)", m->workers);
	}
}

/* Judges by a list of processors that have some property. */
static void judge_list(const struct doctor_machine *m, const char *list,
                       const char *parameter, struct doctor_line *line)
{
	char without[128] = "";
	char all[128] = "";

	for (size_t i = 0; i < used_cpus(m); i++) {
		add_cpu(all, sizeof all, m->cpus[i]);
		if (!list_has(list, m->cpus[i]))
			add_cpu(without, sizeof without, m->cpus[i]);
	}
	if (!without[0]) {
		line_set(line, DOCTOR_OK, "covers processors %s", all);
		return;
	}
	line_set(line, DOCTOR_WARN, "does not cover processors %s", without);
	line_remedy(line, "%s=%s on the kernel's command line", parameter, all);
}

void check_isolated(const struct doctor_machine *m, struct doctor_line *line)
{
	char list[MACHINE_TEXT_MAX];

	(void)machine_read(m, list, sizeof list, "/sys/devices/system/cpu/isolated");
	if (!not_pinned(m, line))
		judge_list(m, list, "isolcpus", line);
}

/* "(null)" when the kernel could and was not told to. */
static void read_nohz_full(const struct doctor_machine *m, char *list, size_t size)
{
	(void)machine_read(m, list, size, "/sys/devices/system/cpu/nohz_full");
}

void check_nohz_full(const struct doctor_machine *m, struct doctor_line *line)
{
	char list[MACHINE_TEXT_MAX];

	read_nohz_full(m, list, sizeof list);
	if (not_pinned(m, line))
		return;
	judge_list(m, list, "nohz_full", line);
	if (machine_exists(m, "/sys/devices/system/cpu/nohz_full"))
		return;
	line_set(line, DOCTOR_WARN, "the kernel cannot keep its tick from workers");
	line_remedy(line, "a kernel with CONFIG_NO_HZ_FULL");
}

/* There is no file for it: the command line tells, and nohz_full implies it. */
void check_rcu_nocbs(const struct doctor_machine *m, struct doctor_line *line)
{
	char text[MACHINE_TEXT_MAX] = " ";
	char list[MACHINE_TEXT_MAX] = "";

	if (not_pinned(m, line))
		return;
	(void)machine_read(m, text + 1, sizeof text - 1, "/proc/cmdline");
	const char *at = strstr(text, " rcu_nocbs=");
	if (at) {
		at += strlen(" rcu_nocbs=");
		(void)snprintf(list, sizeof list, "%.*s", (int)strcspn(at, " "), at);
	} else {
		read_nohz_full(m, list, sizeof list);
	}
	if (strcmp(list, "all") != 0)
		judge_list(m, list, "rcu_nocbs", line);
	else
		line_set(line, DOCTOR_OK, "covers all processors");
}

/* Adds a processor whose governor is not "performance"; counts those that have one. */
static void look_at_governor(const struct doctor_machine *m, int cpu, char *slow,
                             size_t size, size_t *governed)
{
	char governor[32];

	if (!machine_read(m, governor, sizeof governor,
	                  "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu))
		return;
	++*governed;
	if (strcmp(governor, "performance") != 0)
		text_add(slow, size, "%s%d (%s)", slow[0] ? ", " : "", cpu, governor);
}

void check_governor(const struct doctor_machine *m, struct doctor_line *line)
{
	char slow[160] = "";
	size_t governed = 0;
	glob_t found;
	size_t count = machine_glob(m, &found, "/sys/devices/system/cpu/cpu[0-9]*");

	for (size_t i = 0; i < used_cpus(m); i++)
		look_at_governor(m, m->cpus[i], slow, sizeof slow, &governed);
	for (size_t i = 0; !m->cpu_count && i < count; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + strlen("/cpu");
		look_at_governor(m, (int)strtol(name, NULL, 10), slow, sizeof slow,
		                 &governed);
	}
	globfree(&found);
	if (slow[0]) {
		line_set(line, DOCTOR_WARN, "processors %s", slow);
		line_remedy(line, "cpupower frequency-set -g performance");
	} else if (!governed) {
		line_set(line, DOCTOR_OK, "the kernel does not scale frequencies here");
	} else {
		line_set(line, DOCTOR_OK, "performance, on %zu processors", governed);
	}
}
