/*
 * Reading what the kernel shows as files, below the root of the machine that is looked at.
 * Paths are formats and begin with a slash. Internal to control/doctor.
 */
#ifndef CONTROL_DOCTOR_MACHINE_H
#define CONTROL_DOCTOR_MACHINE_H

#include <glob.h>

#include "control/doctor/doctor.h"
#include "shared/compiler.h"

enum { MACHINE_TEXT_MAX = 4096 };

/* Reads a file, cut off at size, without its last newline. False: it cannot be read, and out is
 * empty. */
bool machine_read(const struct doctor_machine *m, char *out, size_t size,
                  const char *format, ...) PRINTF_LIKE(4, 5);

/* The number that a file begins with. */
bool machine_number(const struct doctor_machine *m, long long *out, const char *format,
                    ...) PRINTF_LIKE(3, 4);

bool machine_exists(const struct doctor_machine *m, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* The last part of what a symbolic link points at; out is left alone when there is none. */
bool machine_link(const struct doctor_machine *m, char *out, size_t size,
                  const char *format, ...) PRINTF_LIKE(4, 5);

/* Finds paths, the root included, in order. Gives how many; release with globfree(). */
size_t machine_glob(const struct doctor_machine *m, glob_t *found, const char *pattern);

bool machine_nic_is_there(const struct doctor_machine *m, const char *name);

/* Is a file system of this type mounted? Where to, when at is not NULL. */
bool machine_mounted(const struct doctor_machine *m, const char *type, char *at,
                     size_t size);

/* Finds "name: value" in a file; gives what follows the name, or false. */
bool machine_field(const struct doctor_machine *m, const char *path, const char *name,
                   char *out, size_t size);

/* Version as KERNEL(6, 1, 0); 0 when it cannot be told. */
#define KERNEL(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
unsigned machine_kernel(const struct doctor_machine *m);

/* Is the number in a list like "2-5,8"? */
bool list_has(const char *list, int number);

#endif
