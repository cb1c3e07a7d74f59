/*
 * What the checks of rows.def share. Internal to control/doctor.
 *
 * A check is a function that looks at one thing, below the machine's root, and fills one line.
 */
#ifndef CONTROL_DOCTOR_CHECK_H
#define CONTROL_DOCTOR_CHECK_H

#include "control/doctor/doctor.h"
#include "shared/compiler.h"

struct nic {
	const char *name;
	bool there;
	bool device;     /* behind it */
	char driver[32]; /* "unknown driver" where nobody tells */
	struct nic_facts facts;
};

typedef void check_row(const struct doctor_machine *m, struct doctor_line *line);
typedef void check_nic(const struct doctor_machine *m, const struct nic *nic,
                       struct doctor_line *line);

/* host.c: the kernel and the caller; memory.c: pages and devices; processors.c; nic.c. */
#define ROW(id, modes, function)     check_row function;
#define NIC_ROW(id, modes, function) check_nic function;
#include "control/doctor/rows.def"
#undef ROW
#undef NIC_ROW

/* Sets the verdict and what was found. */
void line_set(struct doctor_line *line, enum doctor_verdict verdict, const char *format,
              ...) PRINTF_LIKE(3, 4);
void line_remedy(struct doctor_line *line, const char *format, ...) PRINTF_LIKE(2, 3);

/* The verdict on what these back ends cannot do without. */
enum doctor_verdict verdict_without(const struct doctor_machine *m, unsigned modes);

/* Appends to a text of that size; what does not fit is cut off. */
void text_add(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
