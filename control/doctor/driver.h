/*
 * What is known of drivers (drivers.def). Internal to control/doctor.
 */
#ifndef CONTROL_DOCTOR_DRIVER_H
#define CONTROL_DOCTOR_DRIVER_H

#include <stdbool.h>

enum xdp_mode {
	NATIVE,
	ZERO_COPY,
};

struct driver {
	const char *name;
	unsigned native;    /* first kernel, as KERNEL(); UINT_MAX: none */
	unsigned zero_copy; /* likewise */
	bool bifurcated;    /* the kernel keeps the NIC while DPDK uses it */
};

/* Gives NULL for drivers that are not in the table. */
const struct driver *driver_find(const char *name);

/* An open defect of that mode on that kernel, or NULL. */
const char *driver_problem(const char *name, enum xdp_mode mode, unsigned kernel);

#endif
