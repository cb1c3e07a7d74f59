/*
 * The program steer.bpf.c with maps of its own, on one interface. The kernel takes it off when the
 * descriptors held here are closed, so also when this process is killed.
 */
#ifndef DATAPLANE_IO_XDP_PROGRAM_H
#define DATAPLANE_IO_XDP_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/compiler.h"
#include "shared/io_settings.h"

struct steer;

struct program {
	struct steer *skeleton;
	int link; /* -1: not attached */
	bool native;
};

/* Loads it for these addresses and that many queues, none of which has a socket yet. ERR_REFUSED:
 * the kernel is against it, and text says why; nothing is left to unload then. */
MUST_CHECK int program_load(struct program *p, const struct sockaddr_storage *listen,
                            size_t count, unsigned queues, char *text, size_t text_size);

/* Puts it on an interface. ERR_REFUSED: another program is there, or the driver or the kernel is
 * against it. The program stays loaded. */
MUST_CHECK int program_attach(struct program *p, unsigned ifindex, enum io_xdp_mode mode,
                              char *text, size_t text_size);

/* Gives the queue the AF_XDP socket fd. ERR_SYSTEM (errno). */
MUST_CHECK int program_add_socket(struct program *p, unsigned queue, int fd);

/* Whether queries of that queue go to its socket or, as at first, to the kernel. No system call.
 * From any thread, one at a time for a queue. */
void program_steer(struct program *p, unsigned queue, bool to_socket);

/* Of the program, for tests. */
int program_fd(const struct program *p);

/* Also for zeros with link -1. */
void program_unload(struct program *p);

#endif
