/*
 * DPDK's environment: made once in a process's life from the arguments that the configuration
 * gives, with those added without which it would behave like a lone program that owns the machine.
 */
#ifndef DATAPLANE_IO_DPDK_EAL_H
#define DATAPLANE_IO_DPDK_EAL_H

#include <stddef.h>

#include "shared/compiler.h"

enum { EAL_ARGS_MAX = 128, EAL_TEXT_SIZE = 2048 };

/* An argument vector; the words lie in text. */
struct eal_args {
	int count;
	char *words[EAL_ARGS_MAX + 1];
	char text[EAL_TEXT_SIZE];
};

/* Splits given at blanks (quotes and backslashes mean nothing) and adds what is missing; cpu is
 * the processor that EAL's own thread is put on. ERR_TOOBIG. */
MUST_CHECK int eal_make_args(struct eal_args *args, const char *given, int cpu);

/* Makes the environment. The calling thread stays on the processors it was on. ERR_REFUSED with
 * the reason in text. */
MUST_CHECK int eal_start(const char *given, char *text, size_t text_size);

void eal_stop(void);

#endif
