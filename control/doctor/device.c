#include "control/doctor/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/doctor/machine.h"

enum { ADDRESS_SIZE = 32 };

/* Reads a number of so many hexadecimal digits at most, and what has to follow it; gives what is
 * behind, or NULL. */
static const char *read_part(const char *text, size_t digits, char end, unsigned *out)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF");

	if (len == 0 || len > digits || text[len] != end)
		return NULL;
	*out = (unsigned)strtoul(text, NULL, 16);
	return text + len + (end != '\0');
}

/* Reads "0000:01:00.0", or "01:00.0" in the first domain. */
static bool read_address(const char *name, char out[static ADDRESS_SIZE])
{
	unsigned domain = 0;
	unsigned bus = 0;
	unsigned device = 0;
	unsigned function = 0;
	const char *first = strchr(name, ':');
	const char *at = name;

	if (first && strchr(first + 1, ':'))
		at = read_part(at, 8, ':', &domain);
	at = at ? read_part(at, 2, ':', &bus) : NULL;
	at = at ? read_part(at, 2, '.', &device) : NULL;
	at = at ? read_part(at, 1, '\0', &function) : NULL;
	if (!at)
		return false;
	(void)snprintf(out, ADDRESS_SIZE, "%04x:%02x:%02x.%x", domain, bus, device,
	               function);
	return true;
}

bool doctor_is_device(const char *name)
{
	char address[ADDRESS_SIZE];

	return read_address(name, address);
}

static void add(struct subjects *s, const char *name)
{
	char **names = realloc(s->names, (s->count + 1) * sizeof *names);

	if (!names || !(names[s->count] = strdup(name)))
		abort();
	s->names = names;
	s->count++;
}

static void add_device(const struct doctor_machine *m, struct subjects *s,
                       const char *address)
{
	char pattern[ADDRESS_SIZE + 64];
	glob_t found;

	(void)snprintf(pattern, sizeof pattern, "/sys/bus/pci/devices/%s/net/*", address);
	size_t count = machine_glob(m, &found, pattern);
	for (size_t i = 0; i < count; i++)
		add(s, strrchr(found.gl_pathv[i], '/') + 1);
	if (!count)
		add(s, address);
	globfree(&found);
}

void subjects_init(const struct doctor_machine *m, struct subjects *s)
{
	char address[ADDRESS_SIZE];

	*s = (struct subjects){0};
	for (size_t i = 0; i < m->interface_count; i++) {
		if (read_address(m->interfaces[i], address))
			add_device(m, s, address);
		else
			add(s, m->interfaces[i]);
	}
}

void subjects_fini(struct subjects *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->names[i]);
	free(s->names);
	*s = (struct subjects){0};
}

void check_device(const struct doctor_machine *m, const char *address,
                  struct doctor_line *line)
{
	char driver[32] = "";

	text_add(line->subject, sizeof line->subject, "%s", address);
	if (!machine_exists(m, "/sys/bus/pci/devices/%s", address)) {
		line_set(line, DOCTOR_FAIL, "there is no such device");
		line_remedy(line, "see: lspci -D");
		return;
	}
	(void)machine_link(m, driver, sizeof driver, "/sys/bus/pci/devices/%s/driver",
	                   address);
	bool vfio = !strcmp(driver, "vfio-pci");
	if (vfio || !strcmp(driver, "uio_pci_generic")) {
		line_set(line, verdict_without(m, DOCTOR_XDP),
		         "bound to %s: DPDK's, and no interface", driver);
		line_remedy(line, "scripts/setup-nic.sh unbind %s", address);
		if (m->modes & DOCTOR_DPDK)
			line->verdict = vfio ? DOCTOR_OK : DOCTOR_WARN;
		if (line->verdict == DOCTOR_WARN)
			line_remedy(line, "vfio-pci keeps a device to its own memory: "
			                  "scripts/setup-nic.sh bind PCI vfio-pci");
		return;
	}
	line_set(line, DOCTOR_FAIL, "has no interface, and %s%s", driver[0] ? "" : "no ",
	         driver[0] ? driver : "driver");
	line_remedy(line, "scripts/setup-nic.sh bind %s", address);
}
