#include "dataplane/io/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/io/nudge.h"
#include "shared/err.h"

enum { STRIDE = IO_MESSAGE_MAX + 5 * CACHE_LINE };

struct mem {
	struct io io;
	const struct io_mem *config;
	struct pollfd poll[2]; /* to end, and to be nudged */
	uint64_t next;         /* message to give next, counted without end */
	uint64_t at;           /* the same modulo config->count */
	uint64_t lent_at;      /* index of the burst's first message */
	uint8_t *room;         /* BURST_MAX times STRIDE */
};

static int mem_open(const struct io_config *config, struct io_device *device,
                    unsigned worker, struct io **out, char *text, size_t text_size)
{
	struct mem *m = calloc(1, sizeof *m);
	uint8_t *room = malloc((size_t)BURST_MAX * STRIDE);

	(void)device;
	if (m == NULL || room == NULL) {
		snprintf(text, text_size, "mem: %s", err_text(ERR_NOMEM));
		free(m);
		free(room);
		return ERR_NOMEM;
	}
	m->config = config->mem;
	m->poll[0] = (struct pollfd){.fd = config->wake_fd, .events = POLLIN};
	m->poll[1] = nudge_poll(config, worker);
	m->room = room;
	*out = &m->io;
	return 0;
}

HOT static unsigned mem_rx(struct io *io, struct pkt pkts[static BURST_MAX])
{
	struct mem *m = (struct mem *)(void *)io;
	const struct io_mem *c = m->config;
	uint64_t left = c->total - m->next;
	unsigned n = left < c->burst ? (unsigned)left : c->burst;

	m->lent_at = m->next;
	for (unsigned i = 0; i < n; i++) {
		const struct io_mem_message *from = &c->messages[m->at];
		uint8_t *to = m->room + (size_t)i * STRIDE;
		memcpy(to, from->bytes, from->len);
		pkts[i] = (struct pkt){
			.dns = to,
			.len = from->len,
			.room = IO_MESSAGE_MAX,
			.io = i,
			.client = from->client,
		};
		m->at = m->at + 1 < c->count ? m->at + 1 : 0;
	}
	m->next += n;
	return n;
}

HOT static void mem_tx(struct io *io, struct pkt pkts[], unsigned n)
{
	struct mem *m = (struct mem *)(void *)io;

	if (m->config->sink == NULL)
		return;
	for (unsigned i = 0; i < n; i++)
		m->config->sink(m->config->arg, m->lent_at + pkts[i].io, &pkts[i]);
}

/* The way back is the index of the message. */
static unsigned mem_way(struct io *io, const struct pkt *p,
                        uint8_t way[static IO_WAY_MAX])
{
	const struct mem *m = (const struct mem *)(const void *)io;
	uint64_t index = m->lent_at + p->io;

	memcpy(way, &index, sizeof index);
	return sizeof index;
}

static bool mem_send(struct io *io, const uint8_t *way, unsigned way_len,
                     const uint8_t *message, uint16_t len)
{
	struct mem *m = (struct mem *)(void *)io;
	struct pkt p = {.dns = m->room, .len = len};
	uint64_t index;

	if (way_len != sizeof index || len > IO_MESSAGE_MAX)
		return false;
	memcpy(&index, way, sizeof index);
	if (index >= m->next)
		return false;
	memcpy(m->room, message, len);
	if (m->config->sink != NULL)
		m->config->sink(m->config->arg, index, &p);
	return true;
}

static void mem_idle(struct io *io)
{
	struct mem *m = (struct mem *)(void *)io;

	if (m->next < m->config->total)
		return;
	while (poll(m->poll, ARRAY_LEN(m->poll), -1) < 0 && errno == EINTR)
		continue;
	nudge_taken(&m->poll[1]);
}

static void mem_close(struct io **io)
{
	struct mem *m = (struct mem *)(void *)*io;

	*io = NULL;
	free(m->room);
	free(m);
}

const struct io_ops io_mem_ops = {
	.name = "mem",
	.open = mem_open,
	.rx = mem_rx,
	.tx = mem_tx,
	.way = mem_way,
	.send = mem_send,
	.idle = mem_idle,
	.close = mem_close,
};
