#include "control/cli/axfr.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "control/transfer/xfr_reader.h"
#include "control/wire/writer.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { QUESTION_SIZE = MESSAGE_HEADER + NAME_MAX_LEN + 4, LENGTH_SIZE = 2 };

/* A transfer under way. */
struct axfr {
	const struct axfr_source *from;
	struct diag *diag;
	int fd;
	uint16_t id;
	struct transfer_reader *reader;
	uint8_t message[UINT16_MAX];
};

static int refuse(struct axfr *a, const char *rule, const char *why)
{
	diag_add(a->diag, DIAG_ERROR, rule, a->from->host, 0, 0, "%s", why);
	return ERR_REFUSED;
}

/* Errors of a socket with time limits. */
static int lose(struct axfr *a, int error)
{
	bool late = error == EAGAIN || error == EINPROGRESS;

	return refuse(a, "transfer-connection",
	              late ? "the server takes too long" : strerrordesc_np(error));
}

/* ---- connecting ---- */

/* Gives 0, or an errno. */
static int connect_to(struct axfr *a, const struct addrinfo *to)
{
	const struct timeval limit = {
		.tv_sec = a->from->timeout_ms / 1000,
		.tv_usec = (suseconds_t)(a->from->timeout_ms % 1000) * 1000,
	};

	a->fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
	if (a->fd < 0)
		return errno;
	/* connect(2) has the limit of what is sent. */
	if (setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
	    setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
	    connect(a->fd, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	int err = errno;
	close(a->fd);
	a->fd = -1;
	return err;
}

/* To the first address of it that there is an answer from. */
static int connect_server(struct axfr *a)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                               .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int err = getaddrinfo(a->from->host, a->from->port, &hints, &found);

	if (err != 0)
		return refuse(a, "transfer-address", gai_strerror(err));
	err = ENOENT;
	for (const struct addrinfo *at = found; at && err != 0; at = at->ai_next)
		err = connect_to(a, at);
	freeaddrinfo(found);
	return err ? lose(a, err) : 0;
}

/* ---- messages ---- */

static int send_question(struct axfr *a, const uint8_t *apex)
{
	static struct message_writer w;
	uint8_t bytes[LENGTH_SIZE + QUESTION_SIZE];

	message_begin(&w, bytes + LENGTH_SIZE, QUESTION_SIZE, a->id, 0);
	(void)message_put_question(&w, apex, RRTYPE_AXFR, CLASS_IN);
	uint16_t len = message_end(&w);
	wire_store16(bytes, len);
	ssize_t sent = send(a->fd, bytes, LENGTH_SIZE + (size_t)len, MSG_NOSIGNAL);
	return sent < 0 ? lose(a, errno) : 0;
}

static int receive(struct axfr *a, uint8_t *to, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = recv(a->fd, to + got, size - got, 0);
		if (n == 0)
			return refuse(a, "transfer-connection",
			              "the server has closed the connection before the "
			              "end");
		if (n > 0)
			got += (size_t)n;
		else if (errno != EINTR)
			return lose(a, errno);
	}
	return 0;
}

static int receive_message(struct axfr *a, uint16_t *len)
{
	uint8_t length[LENGTH_SIZE];

	TRY(receive(a, length, sizeof length));
	*len = wire_load16(length);
	return receive(a, a->message, *len);
}

static int refused_by_reader(struct axfr *a)
{
	const struct transfer_problem p = transfer_problem(a->reader);

	return refuse(a, p.rule ? p.rule : "transfer-format", p.text ? p.text : "");
}

static int read_messages(struct axfr *a)
{
	bool ended = false;
	uint16_t len;

	while (!ended) {
		TRY(receive_message(a, &len));
		if (transfer_take(a->reader, a->message, len, &ended) < 0)
			return refused_by_reader(a);
	}
	return transfer_end(a->reader) < 0 ? refused_by_reader(a) : 0;
}

static int transfer(struct axfr *a, const uint8_t *apex, struct contents **out)
{
	struct delta *none;
	uint32_t serial;

	if (getrandom(&a->id, sizeof a->id, 0) != sizeof a->id)
		return lose(a, errno);
	const struct transfer_asked asked = {
		.zone = apex, .id = a->id, .type = RRTYPE_AXFR, .unchecked = true};
	a->reader = transfer_reader_new(&asked);
	TRY(connect_server(a));
	TRY(send_question(a, apex));
	TRY(read_messages(a));
	(void)transfer_result(a->reader, out, &none, &serial);
	return 0;
}

int axfr_read(const struct axfr_source *from, const uint8_t *apex, struct contents **out,
              struct diag *diag)
{
	struct axfr *a = memory_get(sizeof *a);

	*a = (struct axfr){.from = from, .diag = diag, .fd = -1};
	int err = transfer(a, apex, out);
	if (a->fd >= 0)
		close(a->fd);
	transfer_reader_free(a->reader);
	free(a);
	return err;
}
