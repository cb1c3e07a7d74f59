/*
 * What the program in the kernel and this process say to each other: the key of the map of served
 * addresses, and how many there are of what. Only fixed-width types of the kernel's, because both
 * sides compile it.
 */
#ifndef DATAPLANE_IO_XDP_STEER_H
#define DATAPLANE_IO_XDP_STEER_H

#include <linux/types.h>

enum { STEER_ADDRESSES_MAX = 64, STEER_QUEUES_MAX = 256 };

/* Compared as bytes. */
struct steer_key {
	__u32 addr
		[4]; /* network order; an IPv4 address in the first word, the others 0 */
	__u16 port;  /* network order */
	__u16 is_ipv4;
};

#endif
