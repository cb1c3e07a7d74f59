/*
 * Interfaces are set up one after the other: look, load, attach, open the sockets. Until a
 * worker runs, and after it has gone, its queue's queries are the kernel's, whose sockets may be
 * served by somebody.
 *
 * All that takes a privilege or a new descriptor is done at the start: the process may give up
 * both before its workers run. What is left then are maps in memory and descriptors that are open.
 *
 * VLANs: a card that takes the tag off a frame leaves nothing in it to tell the VLAN by, and the
 * reply would go out without one. So an interface that has VLANs has to leave tags where they are.
 */
#include "dataplane/io/xdp/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/io/xdp/steer.h"
#include "shared/err.h"

STATIC_ASSERT((int)STEER_ADDRESSES_MAX == (int)FRAME_ADDRESSES_MAX,
              "both tables hold all addresses");

/* ---- one interface ---- */

/* Gives ERR_REFUSED, with the interface's name before what text says already. */
static int refuse(const char *name, char *text, size_t text_size)
{
	char why[256];

	snprintf(why, sizeof why, "%s", text);
	snprintf(text, text_size, "%s: %s", name, why);
	return ERR_REFUSED;
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static int check_interface(const struct asker *a, const struct interface *i,
                           unsigned workers, char *text, size_t text_size)
{
	unsigned queues = interface_queues(a, i->name);

	if (!i->up)
		snprintf(text, text_size, "%s is down (ip link set dev %s up)", i->name,
		         i->name);
	else if (umem_chunk_for(i->mtu) == 0)
		snprintf(text, text_size,
		         "%s has an MTU of %u; frames up to an MTU of %u fit a page",
		         i->name, i->mtu, umem_mtu_max());
	else if (queues != workers)
		snprintf(
			text, text_size,
			"%s has %u queue%s for %u worker%s: set server.workers to %u, or the "
			"queues (ethtool -L %s) to %u",
			i->name, queues, plural(queues), workers, plural(workers), queues,
			i->name, workers);
	else if (interface_strips_tags(a, i->name) && interface_has_vlans(a, i->name))
		snprintf(
			text, text_size,
			"%s has VLANs and takes the tags off frames, so that replies would "
			"go to none (ethtool -K %s rxvlan off)",
			i->name, i->name);
	else
		return 0;
	return ERR_REFUSED;
}

static int open_queues(struct xdp_port *port, const struct io_config *config,
                       uint32_t chunk, char *text, size_t text_size)
{
	const struct io_settings *s = config->settings;
	struct queue_options options = {
		.ifindex = port->ifindex,
		.chunk = chunk,
		.busy_poll = s->busy_poll,
	};

	if (!port->program.native && s->zero_copy == IO_ZERO_COPY_YES) {
		snprintf(text, text_size,
		         "zero copy takes the program in the driver (native)");
		return ERR_REFUSED;
	}
	if (!port->program.native || s->zero_copy == IO_ZERO_COPY_NO)
		options.bind = XDP_COPY;
	else if (s->zero_copy == IO_ZERO_COPY_YES)
		options.bind = XDP_ZEROCOPY;
	for (; port->nqueues < config->workers; port->nqueues++) {
		options.number = port->nqueues;
		TRY(queue_open(&port->queues[port->nqueues], &options, text, text_size));
		int fd = port->queues[port->nqueues].fd;
		if (program_add_socket(&port->program, port->nqueues, fd) != 0) {
			snprintf(text, text_size, "queue %u: %s", port->nqueues,
			         strerror(errno));
			queue_close(&port->queues[port->nqueues]);
			return ERR_REFUSED;
		}
	}
	return 0;
}

static void close_port(struct xdp_port **p)
{
	struct xdp_port *port = *p;

	*p = NULL;
	/* Off the interface before the sockets go, so that queries find the kernel's. */
	program_unload(&port->program);
	for (unsigned i = 0; i < port->nqueues; i++)
		queue_close(&port->queues[i]);
	free(port->queues);
	free(port);
}

static int set_up(struct xdp_port *port, const struct interface *i,
                  const struct io_config *config, char *text, size_t text_size)
{
	enum io_xdp_mode mode = (enum io_xdp_mode)config->settings->xdp_mode;

	TRY(frame_rules_init(&port->rules, config->listen, config->listen_count, i->mtu,
	                     text, text_size));
	TRY(program_load(&port->program, config->listen, config->listen_count,
	                 config->workers, text, text_size));
	TRY(program_attach(&port->program, i->index, mode, text, text_size));
	return open_queues(port, config, umem_chunk_for(i->mtu), text, text_size);
}

static struct xdp_port *port_new(const struct interface *i, unsigned workers)
{
	struct xdp_port *port = calloc(1, sizeof *port);

	if (port == NULL)
		return NULL;
	port->ifindex = i->index;
	snprintf(port->name, sizeof port->name, "%s", i->name);
	port->program.link = -1;
	port->queues = aligned_alloc(CACHE_LINE, workers * sizeof *port->queues);
	if (port->queues == NULL) {
		free(port);
		return NULL;
	}
	return port;
}

static int open_port(const struct io_device *d, const char *name,
                     const struct io_config *config, struct xdp_port **out, char *text,
                     size_t text_size)
{
	struct interface i;
	int err = interface_find(&d->asker, name, &i);

	if (err != 0) {
		snprintf(text, text_size, "%s: %s", name,
		         err == ERR_NOTFOUND ? "there is no such interface"
		                             : strerror(errno));
		return ERR_REFUSED;
	}
	TRY(check_interface(&d->asker, &i, config->workers, text, text_size));
	struct xdp_port *port = port_new(&i, config->workers);
	if (port == NULL) {
		snprintf(text, text_size, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	if (set_up(port, &i, config, text, text_size) != 0) {
		close_port(&port);
		return refuse(name, text, text_size);
	}
	*out = port;
	return 0;
}

/* ---- all of them ---- */

static size_t split(const char *list, char names[static INTERFACE_LIST_MAX][IF_NAMESIZE])
{
	char name[IO_NAMES_SIZE];
	size_t n = 0;

	while (n < INTERFACE_LIST_MAX && io_names_next(&list, name))
		snprintf(names[n++], IF_NAMESIZE, "%.*s", IF_NAMESIZE - 1, name);
	return n;
}

static int choose_interfaces(const struct io_config *config,
                             char names[static INTERFACE_LIST_MAX][IF_NAMESIZE],
                             size_t *count, char *text, size_t text_size)
{
	bool listed = config->settings->interfaces[0] != '\0';

	*count = listed ? split(config->settings->interfaces, names)
	                : interfaces_with(config->listen, config->listen_count, names);
	if (*count > 0)
		return 0;
	snprintf(
		text, text_size,
		"no interface has an address of server.listen; name those to answer on in "
		"xdp.interfaces");
	return ERR_REFUSED;
}

static void describe(const struct io_device *d, char *text, size_t text_size)
{
	size_t len = 0;

	for (unsigned i = 0; i < d->nports && len < text_size; i++) {
		const struct xdp_port *port = d->ports[i];
		int n = snprintf(text + len, text_size - len, "%s%s (%s, %s, %u queue%s)",
		                 i ? ", " : "", port->name,
		                 port->program.native ? "native" : "generic",
		                 port->queues[0].zero_copy ? "zero copy" : "copy",
		                 port->nqueues, plural(port->nqueues));
		len += (size_t)n;
	}
}

int device_start(const struct io_config *config, struct io_device **out, char *text,
                 size_t text_size)
{
	char names[INTERFACE_LIST_MAX][IF_NAMESIZE];
	size_t count = 0;
	struct io_device *d = calloc(1, sizeof *d);

	if (d == NULL) {
		snprintf(text, text_size, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	int err = asker_open(&d->asker);
	if (err != 0)
		snprintf(text, text_size, "sockets to ask for interfaces: %s",
		         strerror(errno));
	else
		err = choose_interfaces(config, names, &count, text, text_size);
	for (; err == 0 && d->nports < count; d->nports++) {
		err = open_port(d, names[d->nports], config, &d->ports[d->nports], text,
		                text_size);
		if (err != 0)
			break;
	}
	if (err != 0) {
		device_stop(&d);
		return err;
	}
	describe(d, text, text_size);
	*out = d;
	return 0;
}

void device_stop(struct io_device **device)
{
	struct io_device *d = *device;

	*device = NULL;
	for (unsigned i = 0; i < d->nports; i++)
		close_port(&d->ports[i]);
	asker_close(&d->asker);
	free(d);
}

/* ---- statistics ---- */

/* The kernel counts what comes to the interface, the sockets what was lost on the way to us. */
static void add_losses(const struct xdp_port *port, struct ipc_port *out)
{
	for (unsigned i = 0; i < port->nqueues; i++) {
		struct xdp_statistics s;
		if (queue_statistics(&port->queues[i], &s) != 0)
			continue;
		out->rx_missed += s.rx_ring_full;
		out->rx_nobuf += s.rx_fill_ring_empty_descs;
		out->rx_errors += s.rx_dropped + s.rx_invalid_descs;
		out->tx_errors += s.tx_invalid_descs;
	}
}

static void read_port(const struct asker *a, const struct xdp_port *port,
                      struct ipc_port *out)
{
	struct interface i;

	*out = (struct ipc_port){0};
	snprintf(out->name, sizeof out->name, "%s", port->name);
	add_losses(port, out);
	if (interface_read(a, port->ifindex, &i) != 0)
		return; /* it is gone: down, and nothing counted */
	snprintf(out->name, sizeof out->name, "%s", i.name);
	out->up = i.up && i.running;
	out->speed = interface_speed(a, i.name);
	out->rx_packets = i.stats.rx_packets;
	out->rx_bytes = i.stats.rx_bytes;
	out->rx_missed += i.stats.rx_missed_errors;
	out->rx_errors += i.stats.rx_errors;
	out->tx_packets = i.stats.tx_packets;
	out->tx_bytes = i.stats.tx_bytes;
	out->tx_errors += i.stats.tx_errors;
}

void device_ports(struct io_device *device, struct ipc_ports *out)
{
	out->count = (uint16_t)device->nports;
	for (unsigned i = 0; i < device->nports; i++)
		read_port(&device->asker, device->ports[i], &out->port[i]);
}
