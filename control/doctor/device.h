/*
 * Devices named by their PCI address, as DPDK's configuration names them: as long as the kernel
 * has one it is looked at by its interfaces, and one that is handed over has none. Internal to
 * control/doctor.
 */
#ifndef CONTROL_DOCTOR_DEVICE_H
#define CONTROL_DOCTOR_DEVICE_H

#include "control/doctor/check.h"

/* Names of interfaces, and of devices without one. */
struct subjects {
	char **names; /* NULL: all that have a device behind them */
	size_t count;
};

/* Takes what the machine names, with the interfaces of a device in its place. Release with
 * subjects_fini(). */
void subjects_init(const struct doctor_machine *m, struct subjects *s);
void subjects_fini(struct subjects *s);

/* Says of a device without an interface who has it. */
void check_device(const struct doctor_machine *m, const char *address,
                  struct doctor_line *line);

#endif
