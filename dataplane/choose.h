/*
 * Which back end runs: the one that is asked for, or for "auto" the first that works of dpdk, xdp
 * and udp. The first two are tried only with something configured for them: a program that is
 * started to be tried out takes nobody's network card.
 */
#ifndef DATAPLANE_CHOOSE_H
#define DATAPLANE_CHOOSE_H

#include <stddef.h>

#include "dataplane/io/io.h"
#include "shared/compiler.h"

/* Starts a back end for config->settings->kind. text: which and why, or why none; each back end
 * that was tried in vain has its reason there. Gives what its start() gave on failure. */
MUST_CHECK int io_choose(const struct io_config *config, const struct io_ops **ops,
                         struct io_device **device, char *text, size_t text_size);

#endif
