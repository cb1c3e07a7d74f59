/*
 * What the kernel says of a network interface. Asked by ioctl() and netlink, which mean the
 * network namespace of this process; files under /sys mean that of whoever mounted it.
 */
#ifndef DATAPLANE_IO_XDP_INTERFACE_H
#define DATAPLANE_IO_XDP_INTERFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/if_link.h>

#include "shared/compiler.h"

struct interface {
	unsigned index;
	char name[IF_NAMESIZE];
	uint32_t mtu;
	bool up;      /* by the administrator */
	bool running; /* has a carrier */
	struct rtnl_link_stats64 stats;
};

/* The sockets to ask by, from one thread at a time in the process. They stay open: one that has
 * confined itself cannot open others. */
struct asker {
	int netlink;
	int plain;
};

/* ERR_SYSTEM (errno). */
MUST_CHECK int asker_open(struct asker *a);
void asker_close(struct asker *a);

/* ERR_NOTFOUND; ERR_SYSTEM (errno). */
MUST_CHECK int interface_find(const struct asker *a, const char *name,
                              struct interface *out);
MUST_CHECK int interface_read(const struct asker *a, unsigned index,
                              struct interface *out);

/* Receive queues in use; 1 where the driver does not say. */
unsigned interface_queues(const struct asker *a, const char *name);

/* Mbit/s; 0: unknown. */
uint32_t interface_speed(const struct asker *a, const char *name);

/* The card takes VLAN tags off before a program sees a frame. */
bool interface_strips_tags(const struct asker *a, const char *name);

/* There is a VLAN interface on top of it. */
bool interface_has_vlans(const struct asker *a, const char *name);

enum { INTERFACE_LIST_MAX = 16 };

/* Names of the interfaces, but loopback, that carry one of these addresses, in the kernel's order.
 * Gives how many; more than INTERFACE_LIST_MAX are cut off. */
size_t interfaces_with(const struct sockaddr_storage *addresses, size_t count,
                       char names[static INTERFACE_LIST_MAX][IF_NAMESIZE]);

#endif
