/*
 * Sockets that listen for TCP connections, and the addresses of those who connect.
 */
#ifndef CONTROL_NET_LISTEN_H
#define CONTROL_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/compiler.h"

/* Gives a non-blocking descriptor that listens on addr; an IPv6 one takes IPv6 only. early: also
 * on an address that the machine does not have yet. ERR_SYSTEM, with what went wrong and where as
 * text. */
MUST_CHECK int listen_open(const struct sockaddr_storage *addr, bool early, int *out,
                           char *text, size_t text_size);

/* Writes the address in network order, an IPv4 one as ::ffff:a.b.c.d. Gives the port in host
 * order. */
uint16_t listen_peer(const struct sockaddr_storage *addr, uint8_t out[static 16]);

#endif
