/*
 * What the control plane and a data plane say to each other, over a Unix SOCK_SEQPACKET socket:
 * one message per packet, integers in network order, everything bounded. docs/EPOCH.md tells the
 * story that these messages make up.
 *
 *      data plane                                control plane
 *      HELLO (layouts, I/O back end)    ------>
 *                                       <------  WELCOME (slot, settings) + slots descriptor
 *      STARTED (back end, why that one) ------>   after each WELCOME
 *                                       <------  SEGMENT (generation) + table descriptor
 *      SEGMENT_DONE or SEGMENT_REFUSED  ------>
 *                                       <------  GRACE (number)
 *      GRACE_DONE (number)              ------>
 *
 * NUDGE, either way and unasked, says that there is something in the rings of the other's
 * (shared/punt.h) and that who reads them sleeps.
 *
 * PORTS (link, statistics) comes from a data plane every second, unasked, once it has ports of its
 * own.
 *
 * REFUSED, from the control plane, ends an attachment with a reason. Its form and that of the
 * first four bytes of any message never change, so that every version can say why.
 */
#ifndef SHARED_IPC_H
#define SHARED_IPC_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/io_settings.h"

enum {
	IPC_VERSION = 3, /* bump with any change to a message but REFUSED */
	IPC_MESSAGE_MAX = 4096,
	IPC_LISTEN_MAX = 64,
	IPC_CPUS_MAX = 256,
	IPC_TEXT_SIZE = 200, /* with the final NUL, which is not sent */
	IPC_NAME_SIZE = 16,  /* likewise */
	IPC_PORTS_MAX = 16,
};

enum ipc_type {
	IPC_HELLO = 1,
	IPC_WELCOME,
	IPC_REFUSED,
	IPC_SEGMENT,
	IPC_SEGMENT_DONE,
	IPC_SEGMENT_REFUSED,
	IPC_GRACE,
	IPC_GRACE_DONE,
	IPC_STARTED,
	IPC_PORTS,
	IPC_NUDGE,
};

struct ipc_address {
	uint8_t addr[16]; /* network order; the first four bytes when is_ipv4 */
	uint32_t scope;   /* interface of a link-local IPv6 address, else 0 */
	uint16_t port;    /* host order */
	uint8_t is_ipv4;
	uint8_t pad; /* always 0, so that addresses can be compared as bytes */
};

struct ipc_hello {
	uint32_t table_layout;
	uint32_t slots_layout;
	uint8_t supervised; /* 1: started by a control plane, which ends it when it ends */
	char io[IPC_NAME_SIZE]; /* the back end it runs; empty: none yet */
};

struct ipc_welcome {
	uint16_t slot;
	uint16_t workers;
	uint8_t sandbox; /* 1: it confines itself once everything is open */
	uint16_t cpu_count;
	uint16_t listen_count;
	uint16_t cpus[IPC_CPUS_MAX];
	struct ipc_address listen[IPC_LISTEN_MAX];
	struct io_settings io;
};

/* One port of a network card and what it has counted since it was started. */
struct ipc_port {
	char name[IPC_NAME_SIZE];
	uint8_t up;
	uint32_t speed; /* Mbit/s; 0: unknown */
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_missed; /* lost because nobody took them in time */
	uint64_t rx_errors;
	uint64_t rx_nobuf; /* lost for lack of buffers */
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_errors;
};

struct ipc_ports {
	uint16_t count;
	struct ipc_port port[IPC_PORTS_MAX];
};

struct ipc_started {
	char io[IPC_NAME_SIZE];   /* the back end that runs */
	char text[IPC_TEXT_SIZE]; /* why it, and none before it */
};

struct ipc_message {
	enum ipc_type type;
	union {
		struct ipc_hello hello;
		struct ipc_welcome welcome;
		struct ipc_started started;
		struct ipc_ports ports;
		struct {
			uint64_t
				number; /* the generation of SEGMENT*, the grace number of GRACE* */
			char text[IPC_TEXT_SIZE]; /* REFUSED, SEGMENT_REFUSED */
		};
	};
};

/* Gives the length written to bytes, or ERR_INVALID for a message out of its bounds. */
MUST_CHECK int ipc_encode(const struct ipc_message *m,
                          uint8_t bytes[static IPC_MESSAGE_MAX]);

/* ERR_VERSION for another version's message, ERR_CORRUPT for what is no message at all. */
MUST_CHECK int ipc_decode(const uint8_t *bytes, size_t len, struct ipc_message *out);

/* Sends without blocking; fd (lent) goes along, -1 is none. ERR_BUSY: no room now;
 * ERR_GONE: the other side is not there; ERR_SYSTEM. */
MUST_CHECK int ipc_send(int sock, const struct ipc_message *m, int fd);

/* Receives without blocking. WELCOME and SEGMENT give a descriptor in *fd, the others -1;
 * a message with another number of descriptors is ERR_CORRUPT. ERR_BUSY: nothing there; ERR_GONE,
 * ERR_VERSION, ERR_CORRUPT, ERR_SYSTEM: no descriptor is left open. */
MUST_CHECK int ipc_receive(int sock, struct ipc_message *out, int *fd);

/* Listens at path for owner and group (mode 0660). A socket that a dead process left behind is
 * replaced; one that is answered is ERR_BUSY. ERR_TOOBIG: path too long; ERR_SYSTEM (errno). */
MUST_CHECK int ipc_listen(const char *path, int *sock);

/* Connects without blocking. ERR_GONE: nobody listens; ERR_TOOBIG; ERR_SYSTEM (errno). */
MUST_CHECK int ipc_connect(const char *path, int *sock);

#endif
