#include "control/doctor/driver.h"

#include <limits.h>
#include <string.h>

#include "control/doctor/machine.h"
#include "shared/compiler.h"

#define NEVER UINT_MAX

static const struct driver drivers[] = {
#define DRIVER(name, native, zero_copy, bifurcated) {name, native, zero_copy, bifurcated},
#define PROBLEM(name, mode, from, before, text)
#include "control/doctor/drivers.def"
#undef DRIVER
#undef PROBLEM
};

static const struct {
	const char *name;
	enum xdp_mode mode;
	unsigned from;
	unsigned before;
	const char *text;
} problems[] = {
#define DRIVER(name, native, zero_copy, bifurcated)
#define PROBLEM(name, mode, from, before, text) {name, mode, from, before, text},
#include "control/doctor/drivers.def"
#undef DRIVER
#undef PROBLEM
};

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (!strcmp(drivers[i].name, name))
			return &drivers[i];
	return NULL;
}

const char *driver_problem(const char *name, enum xdp_mode mode, unsigned kernel)
{
	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		if (!strcmp(problems[i].name, name) && problems[i].mode == mode &&
		    kernel >= problems[i].from && kernel < problems[i].before)
			return problems[i].text;
	return NULL;
}
