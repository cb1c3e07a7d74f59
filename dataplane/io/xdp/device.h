/*
 * What all workers of the back end xdp share: on each interface the program, and a socket for
 * every queue. Worker w has queue w of every interface, so nothing is shared on a packet's way.
 * Everything that can be refused is done when the device is started.
 */
#ifndef DATAPLANE_IO_XDP_DEVICE_H
#define DATAPLANE_IO_XDP_DEVICE_H

#include "dataplane/io/frame.h"
#include "dataplane/io/io.h"
#include "dataplane/io/xdp/interface.h"
#include "dataplane/io/xdp/program.h"
#include "dataplane/io/xdp/queue.h"
#include "shared/compiler.h"
#include "shared/ipc.h"

enum { DEVICE_PORTS_MAX = IPC_PORTS_MAX };
STATIC_ASSERT((int)DEVICE_PORTS_MAX == (int)INTERFACE_LIST_MAX, "every port can be told");

/* One interface. */
struct xdp_port {
	unsigned ifindex;
	char name[IF_NAMESIZE];
	struct frame_rules rules;
	struct program program;
	unsigned nqueues;
	struct queue *queues; /* one for each worker */
};

struct io_device {
	struct asker asker;
	unsigned nports;
	struct xdp_port *ports[DEVICE_PORTS_MAX];
};

/* As start(), stop() and ports() of struct io_ops. */
MUST_CHECK int device_start(const struct io_config *config, struct io_device **out,
                            char *text, size_t text_size);
void device_stop(struct io_device **device);
void device_ports(struct io_device *device, struct ipc_ports *out);

#endif
