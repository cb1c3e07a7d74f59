#include "shared/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/wire.h"

/* Every message starts with its version and its type, 16 bits each. */
enum { LISTEN_BACKLOG = 16, FDS_MAX = 8 };

/* ---- texts: a length and as many bytes, none of them NUL ---- */

static void write_text(struct wire_writer *w, const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size)
		w->ok = false;
	wire_write16(w, (uint16_t)len);
	wire_write_bytes(w, text, len);
}

static void read_text(struct wire_reader *r, char *text, size_t size)
{
	size_t len = wire_read16(r);
	const uint8_t *bytes = wire_read_bytes(r, len);

	if (bytes == NULL || len >= size || memchr(bytes, '\0', len) != NULL) {
		r->ok = false;
		return;
	}
	memcpy(text, bytes, len);
	text[len] = '\0';
}

/* ---- HELLO ---- */

static void write_hello(struct wire_writer *w, const struct ipc_hello *h)
{
	wire_write32(w, h->table_layout);
	wire_write32(w, h->slots_layout);
	wire_write8(w, h->supervised);
	write_text(w, h->io, sizeof h->io);
}

static void read_hello(struct wire_reader *r, struct ipc_hello *h)
{
	h->table_layout = wire_read32(r);
	h->slots_layout = wire_read32(r);
	h->supervised = wire_read8(r);
	if (h->supervised > 1)
		r->ok = false;
	read_text(r, h->io, sizeof h->io);
}

/* ---- WELCOME ---- */

static void write_address(struct wire_writer *w, const struct ipc_address *a)
{
	wire_write8(w, a->is_ipv4);
	wire_write_bytes(w, a->addr, sizeof a->addr);
	wire_write16(w, a->port);
	wire_write32(w, a->scope);
}

static void read_address(struct wire_reader *r, struct ipc_address *a)
{
	a->is_ipv4 = wire_read8(r);
	const uint8_t *addr = wire_read_bytes(r, sizeof a->addr);
	if (addr != NULL)
		memcpy(a->addr, addr, sizeof a->addr);
	a->port = wire_read16(r);
	a->scope = wire_read32(r);
	if (a->is_ipv4 > 1)
		r->ok = false;
}

static void write_io(struct wire_writer *w, const struct io_settings *s)
{
	wire_write8(w, s->kind);
	wire_write8(w, s->idle);
	wire_write8(w, s->exception);
	wire_write8(w, s->xdp_mode);
	wire_write8(w, s->zero_copy);
	wire_write8(w, s->busy_poll);
	wire_write16(w, s->descriptors);
	write_text(w, s->eal, sizeof s->eal);
	write_text(w, s->ports, sizeof s->ports);
	write_text(w, s->interfaces, sizeof s->interfaces);
}

static uint8_t read_up_to(struct wire_reader *r, uint8_t most)
{
	uint8_t value = wire_read8(r);

	if (value > most)
		r->ok = false;
	return value;
}

static void read_io(struct wire_reader *r, struct io_settings *s)
{
	s->kind = read_up_to(r, IO_KINDS - 1);
	s->idle = read_up_to(r, IO_IDLES - 1);
	s->exception = read_up_to(r, IO_EXCEPTIONS - 1);
	s->xdp_mode = read_up_to(r, IO_XDP_MODES - 1);
	s->zero_copy = read_up_to(r, IO_ZERO_COPIES - 1);
	s->busy_poll = read_up_to(r, 1);
	s->descriptors = wire_read16(r);
	read_text(r, s->eal, sizeof s->eal);
	read_text(r, s->ports, sizeof s->ports);
	read_text(r, s->interfaces, sizeof s->interfaces);
}

static void write_welcome(struct wire_writer *w, const struct ipc_welcome *m)
{
	if (m->cpu_count > IPC_CPUS_MAX || m->listen_count > IPC_LISTEN_MAX) {
		w->ok = false;
		return;
	}
	wire_write16(w, m->slot);
	wire_write16(w, m->workers);
	wire_write8(w, m->sandbox);
	wire_write16(w, m->cpu_count);
	wire_write16(w, m->listen_count);
	for (unsigned i = 0; i < m->cpu_count; i++)
		wire_write16(w, m->cpus[i]);
	for (unsigned i = 0; i < m->listen_count; i++)
		write_address(w, &m->listen[i]);
	write_io(w, &m->io);
}

static void read_welcome(struct wire_reader *r, struct ipc_welcome *m)
{
	m->slot = wire_read16(r);
	m->workers = wire_read16(r);
	m->sandbox = wire_read8(r);
	m->cpu_count = wire_read16(r);
	m->listen_count = wire_read16(r);
	if (m->sandbox > 1 || m->cpu_count > IPC_CPUS_MAX ||
	    m->listen_count > IPC_LISTEN_MAX) {
		r->ok = false;
		return;
	}
	for (unsigned i = 0; i < m->cpu_count; i++)
		m->cpus[i] = wire_read16(r);
	for (unsigned i = 0; i < m->listen_count; i++)
		read_address(r, &m->listen[i]);
	read_io(r, &m->io);
}

/* ---- STARTED and PORTS ---- */

static void write_started(struct wire_writer *w, const struct ipc_started *m)
{
	write_text(w, m->io, sizeof m->io);
	write_text(w, m->text, sizeof m->text);
}

static void read_started(struct wire_reader *r, struct ipc_started *m)
{
	read_text(r, m->io, sizeof m->io);
	read_text(r, m->text, sizeof m->text);
}

static void write_port(struct wire_writer *w, const struct ipc_port *p)
{
	write_text(w, p->name, sizeof p->name);
	wire_write8(w, p->up);
	wire_write32(w, p->speed);
	wire_write64(w, p->rx_packets);
	wire_write64(w, p->rx_bytes);
	wire_write64(w, p->rx_missed);
	wire_write64(w, p->rx_errors);
	wire_write64(w, p->rx_nobuf);
	wire_write64(w, p->tx_packets);
	wire_write64(w, p->tx_bytes);
	wire_write64(w, p->tx_errors);
}

static void read_port(struct wire_reader *r, struct ipc_port *p)
{
	read_text(r, p->name, sizeof p->name);
	p->up = read_up_to(r, 1);
	p->speed = wire_read32(r);
	p->rx_packets = wire_read64(r);
	p->rx_bytes = wire_read64(r);
	p->rx_missed = wire_read64(r);
	p->rx_errors = wire_read64(r);
	p->rx_nobuf = wire_read64(r);
	p->tx_packets = wire_read64(r);
	p->tx_bytes = wire_read64(r);
	p->tx_errors = wire_read64(r);
}

static void write_ports(struct wire_writer *w, const struct ipc_ports *m)
{
	if (m->count > IPC_PORTS_MAX) {
		w->ok = false;
		return;
	}
	wire_write16(w, m->count);
	for (unsigned i = 0; i < m->count; i++)
		write_port(w, &m->port[i]);
}

static void read_ports(struct wire_reader *r, struct ipc_ports *m)
{
	m->count = wire_read16(r);
	if (m->count > IPC_PORTS_MAX) {
		r->ok = false;
		return;
	}
	for (unsigned i = 0; i < m->count; i++)
		read_port(r, &m->port[i]);
}

/* ---- any message ---- */

int ipc_encode(const struct ipc_message *m, uint8_t bytes[static IPC_MESSAGE_MAX])
{
	struct wire_writer w = wire_writer_on(bytes, IPC_MESSAGE_MAX);

	wire_write16(&w, IPC_VERSION);
	wire_write16(&w, (uint16_t)m->type);
	switch (m->type) {
	case IPC_HELLO: write_hello(&w, &m->hello); break;
	case IPC_WELCOME: write_welcome(&w, &m->welcome); break;
	case IPC_STARTED: write_started(&w, &m->started); break;
	case IPC_PORTS: write_ports(&w, &m->ports); break;
	case IPC_REFUSED: write_text(&w, m->text, sizeof m->text); break;
	case IPC_NUDGE: break;
	case IPC_SEGMENT:
	case IPC_SEGMENT_DONE:
	case IPC_GRACE:
	case IPC_GRACE_DONE: wire_write64(&w, m->number); break;
	case IPC_SEGMENT_REFUSED:
		wire_write64(&w, m->number);
		write_text(&w, m->text, sizeof m->text);
		break;
	default: return ERR_INVALID;
	}
	return w.ok ? (int)wire_written(&w) : ERR_INVALID;
}

static void read_body(struct wire_reader *r, struct ipc_message *m)
{
	switch (m->type) {
	case IPC_HELLO: read_hello(r, &m->hello); break;
	case IPC_WELCOME: read_welcome(r, &m->welcome); break;
	case IPC_STARTED: read_started(r, &m->started); break;
	case IPC_PORTS: read_ports(r, &m->ports); break;
	case IPC_REFUSED: read_text(r, m->text, sizeof m->text); break;
	case IPC_NUDGE: break;
	case IPC_SEGMENT:
	case IPC_SEGMENT_DONE:
	case IPC_GRACE:
	case IPC_GRACE_DONE: m->number = wire_read64(r); break;
	case IPC_SEGMENT_REFUSED:
		m->number = wire_read64(r);
		read_text(r, m->text, sizeof m->text);
		break;
	default: r->ok = false;
	}
}

int ipc_decode(const uint8_t *bytes, size_t len, struct ipc_message *out)
{
	struct wire_reader r = wire_reader_on(bytes, len);
	uint16_t version = wire_read16(&r);
	struct ipc_message m;

	memset(&m, 0, sizeof m);
	m.type = (enum ipc_type)wire_read16(&r);
	if (r.ok && version != IPC_VERSION && m.type != IPC_REFUSED)
		return ERR_VERSION;
	read_body(&r, &m);
	if (!r.ok || wire_left(&r) != 0)
		return ERR_CORRUPT;
	*out = m;
	return 0;
}

/* ---- sending and receiving ---- */

union fd_space {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static int err_of_errno(void)
{
	switch (errno) {
	case EAGAIN:
	case ENOBUFS: return ERR_BUSY;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN: return ERR_GONE;
	default: return ERR_SYSTEM;
	}
}

static void attach_fd(struct msghdr *h, union fd_space *space, int fd)
{
	memset(space, 0, sizeof *space);
	h->msg_control = space;
	h->msg_controllen = CMSG_SPACE(sizeof fd);
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
}

int ipc_send(int sock, const struct ipc_message *m, int fd)
{
	uint8_t bytes[IPC_MESSAGE_MAX];
	int len = ipc_encode(m, bytes);
	struct iovec iov = {.iov_base = bytes, .iov_len = (size_t)len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_space space;
	ssize_t sent;

	if (len < 0)
		return len;
	if (fd >= 0)
		attach_fd(&h, &space, fd);
	do {
		sent = sendmsg(sock, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_of_errno() : 0;
}

/* Takes every descriptor that came along; gives how many, the first of them in *fd if there was
 * only one. Several are all closed. */
static unsigned take_fds(struct msghdr *h, int *fd)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++, n++) {
			if (n > 0)
				close(*fd);
			memcpy(fd, CMSG_DATA(c) + i * sizeof(int), sizeof *fd);
		}
	}
	if (n > 1)
		close(*fd);
	return n;
}

static int check_message(const struct msghdr *h, size_t len, unsigned fds,
                         struct ipc_message *out)
{
	struct ipc_message m;

	if (h->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return ERR_CORRUPT;
	TRY(ipc_decode(h->msg_iov->iov_base, len, &m));
	if (fds != (m.type == IPC_WELCOME || m.type == IPC_SEGMENT ? 1 : 0))
		return ERR_CORRUPT;
	*out = m;
	return 0;
}

int ipc_receive(int sock, struct ipc_message *out, int *fd)
{
	uint8_t bytes[IPC_MESSAGE_MAX];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
	union fd_space space;
	struct msghdr h = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &space,
	                   .msg_controllen = sizeof space};
	int received_fd = -1;
	ssize_t len;

	do {
		len = recvmsg(sock, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return err_of_errno();
	unsigned fds = take_fds(&h, &received_fd);
	if (len == 0 && fds == 0)
		return ERR_GONE;
	int err = check_message(&h, (size_t)len, fds, out);
	if (err != 0 && fds == 1)
		close(received_fd);
	if (err == 0)
		*fd = fds == 1 ? received_fd : -1;
	return err;
}

/* ---- sockets ---- */

static int open_socket(const char *path, struct sockaddr_un *address, int *sock)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof address->sun_path)
		return ERR_TOOBIG;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, len + 1);
	*sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *sock < 0 ? ERR_SYSTEM : 0;
}

/* Closes without losing the reason of a failure. */
static void close_failed(int fd)
{
	int reason = errno;

	close(fd);
	errno = reason;
}

int ipc_connect(const char *path, int *sock)
{
	struct sockaddr_un address;
	int s;

	TRY(open_socket(path, &address, &s));
	if (connect(s, (const struct sockaddr *)&address, sizeof address) == 0) {
		*sock = s;
		return 0;
	}
	close_failed(s);
	return errno == ENOENT || errno == ECONNREFUSED ? ERR_GONE : ERR_SYSTEM;
}

/* Removes a socket that nobody listens on; leaves anything that is not a socket alone. */
static int clear_stale(const char *path)
{
	struct stat st;
	int sock;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : ERR_SYSTEM;
	if (!S_ISSOCK(st.st_mode))
		return ERR_EXISTS;
	int err = ipc_connect(path, &sock);
	if (err == 0)
		close(sock);
	if (err == 0 || (err == ERR_SYSTEM && errno == EAGAIN))
		return ERR_BUSY;
	if (err != ERR_GONE)
		return err;
	return unlink(path) == 0 || errno == ENOENT ? 0 : ERR_SYSTEM;
}

int ipc_listen(const char *path, int *sock)
{
	struct sockaddr_un address;
	int s;

	TRY(open_socket(path, &address, &s));
	int err = clear_stale(path);
	if (err != 0) {
		close_failed(s);
		return err;
	}
	/* Linux gives the name in the file system the mode of the socket without the umask's bits:
	 * there is no moment in which more may connect than in the end. */
	if (fchmod(s, 0660) != 0 ||
	    bind(s, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(path, 0660) != 0 || listen(s, LISTEN_BACKLOG) != 0) {
		close_failed(s);
		return ERR_SYSTEM;
	}
	*sock = s;
	return 0;
}
