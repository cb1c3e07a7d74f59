/*
 * Which addresses a frame can be told by: those that one host alone has, whatever interface it
 * came in by. Both the configuration and what reads frames keep to it.
 */
#ifndef SHARED_ADDRESS_H
#define SHARED_ADDRESS_H

#include <sys/socket.h>

/* Gives NULL, or what the address is instead: "a wildcard", "a loopback address". */
const char *address_unfit(const struct sockaddr_storage *address);

#endif
