#include "control/doctor/machine.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

PRINTF_LIKE(3, 0)
static void path_of(const struct doctor_machine *m, char path[static PATH_MAX],
                    const char *format, va_list args)
{
	int len = snprintf(path, PATH_MAX, "%s", m->root);

	if (len < 0 || len >= PATH_MAX)
		abort();
	(void)vsnprintf(path + len, PATH_MAX - (size_t)len, format, args);
}

static bool read_path(const char *path, char *out, size_t size)
{
	FILE *from = fopen(path, "re");

	out[0] = 0;
	if (!from)
		return false;
	size_t len = fread(out, 1, size - 1, from);
	bool good = !ferror(from);
	(void)fclose(from);
	while (len && out[len - 1] == '\n')
		len--;
	out[good ? len : 0] = 0;
	return good;
}

bool machine_read(const struct doctor_machine *m, char *out, size_t size,
                  const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, format);
	path_of(m, path, format, args);
	va_end(args);
	return read_path(path, out, size);
}

bool machine_number(const struct doctor_machine *m, long long *out, const char *format,
                    ...)
{
	char path[PATH_MAX];
	char text[64];
	char *end;
	va_list args;

	va_start(args, format);
	path_of(m, path, format, args);
	va_end(args);
	if (!read_path(path, text, sizeof text))
		return false;
	long long number = strtoll(text, &end, 10);
	if (end == text)
		return false;
	*out = number;
	return true;
}

bool machine_exists(const struct doctor_machine *m, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, format);
	path_of(m, path, format, args);
	va_end(args);
	return access(path, F_OK) == 0;
}

bool machine_link(const struct doctor_machine *m, char *out, size_t size,
                  const char *format, ...)
{
	char path[PATH_MAX];
	char target[PATH_MAX];
	va_list args;

	va_start(args, format);
	path_of(m, path, format, args);
	va_end(args);
	ssize_t len = readlink(path, target, sizeof target - 1);
	if (len <= 0)
		return false;
	target[len] = 0;
	const char *slash = strrchr(target, '/');
	(void)snprintf(out, size, "%s", slash ? slash + 1 : target);
	return true;
}

size_t machine_glob(const struct doctor_machine *m, glob_t *found, const char *pattern)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s%s", m->root, pattern);
	*found = (glob_t){0};
	return glob(path, 0, NULL, found) == 0 ? found->gl_pathc : 0;
}

bool machine_nic_is_there(const struct doctor_machine *m, const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/') &&
	       machine_exists(m, "/sys/class/net/%s", name);
}

bool machine_mounted(const struct doctor_machine *m, const char *type, char *at,
                     size_t size)
{
	char path[PATH_MAX];
	char line[PATH_MAX];
	bool found = false;

	(void)snprintf(path, sizeof path, "%s/proc/mounts", m->root);
	FILE *from = fopen(path, "re");
	while (from && !found && fgets(line, sizeof line, from)) {
		char *rest = NULL;
		(void)strtok_r(line, " ", &rest);
		const char *where = strtok_r(NULL, " ", &rest);
		const char *kind = strtok_r(NULL, " ", &rest);

		found = kind && !strcmp(kind, type);
		if (found && at)
			(void)snprintf(at, size, "%s", where);
	}
	if (from)
		(void)fclose(from);
	return found;
}

bool machine_field(const struct doctor_machine *m, const char *path, const char *name,
                   char *out, size_t size)
{
	char text[MACHINE_TEXT_MAX];
	size_t len = strlen(name);

	if (!machine_read(m, text, sizeof text, "%s", path))
		return false;
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) != 0)
			continue;
		line += len;
		line += strspn(line, ": \t");
		(void)snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
		return true;
	}
	return false;
}

unsigned machine_kernel(const struct doctor_machine *m)
{
	char text[128];
	char *at = text;
	unsigned long parts[3] = {0};

	(void)machine_read(m, text, sizeof text, "/proc/sys/kernel/osrelease");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		parts[i] = strtoul(at, &at, 10);
		if (parts[i] > UINT8_MAX)
			parts[i] = UINT8_MAX;
		if (*at != '.')
			break;
		at++;
	}
	return (unsigned)KERNEL(parts[0], parts[1], parts[2]);
}

bool list_has(const char *list, int number)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		long from = strtol(list, &end, 10);
		long to = *end == '-' ? strtol(end + 1, &end, 10) : from;

		if (number >= from && number <= to)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}
