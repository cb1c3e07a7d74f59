/*
 * How packets come and go, as the configuration says it and the data plane is told it. One
 * description for both, so that a setting is named once.
 */
#ifndef SHARED_IO_SETTINGS_H
#define SHARED_IO_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	IO_EAL_SIZE = 1024, /* with the final NUL */
	IO_NAMES_SIZE = 256,
};

enum io_kind {
	IO_AUTO, /* the first of those below that works with what is configured for it */
	IO_DPDK,
	IO_XDP,
	IO_UDP,
	IO_KINDS
};

/* What a DPDK worker does when no packet has come. */
enum io_idle {
	IO_IDLE_POLL,  /* looks again at once */
	IO_IDLE_SLEEP, /* looks again after a pause that grows */
	IO_IDLES
};

/* How frames that are no queries reach the kernel from a port that DPDK has taken. */
enum io_exception {
	IO_EXCEPTION_AUTO, /* virtio-user where there is vhost-net, else TAP */
	IO_EXCEPTION_TAP,
	IO_EXCEPTION_VIRTIO_USER,
	IO_EXCEPTION_NONE, /* they are dropped, or the driver leaves them to the kernel */
	IO_EXCEPTIONS
};

enum io_xdp_mode {
	IO_XDP_MODE_AUTO, /* native where the driver can, else generic */
	IO_XDP_MODE_NATIVE,
	IO_XDP_MODE_GENERIC,
	IO_XDP_MODES
};

enum io_zero_copy {
	IO_ZERO_COPY_AUTO, /* where the driver can */
	IO_ZERO_COPY_YES,
	IO_ZERO_COPY_NO,
	IO_ZERO_COPIES
};

/* All of it is compared as bytes: what is not used is zero. Lists are words with one space between
 * them. */
struct io_settings {
	uint8_t kind;      /* enum io_kind */
	uint8_t idle;      /* enum io_idle */
	uint8_t exception; /* enum io_exception */
	uint8_t xdp_mode;  /* enum io_xdp_mode */
	uint8_t zero_copy; /* enum io_zero_copy */
	uint8_t busy_poll; /* 0 or 1 */
	uint16_t descriptors;
	char eal[IO_EAL_SIZE];          /* arguments for DPDK's EAL */
	char ports[IO_NAMES_SIZE];      /* DPDK's names; empty: all that EAL finds */
	char interfaces[IO_NAMES_SIZE]; /* empty: those that have the addresses served */
};

/* Gives the next name of a list and moves at behind it; at starts at the list's beginning. Gives
 * false at its end, and where a name is longer than any list. */
MUST_CHECK bool io_names_next(const char **at, char name[static IO_NAMES_SIZE]);

/* Says whether the name is one of the list. */
bool io_names_have(const char *list, const char *name);

#endif
