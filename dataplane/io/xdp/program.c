#include "dataplane/io/xdp/program.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "dataplane/io/xdp/steer.h"
#include "dataplane/io/xdp/steer.skel.h"
#include "shared/err.h"

enum {
	/* A process that was killed has its program taken off soon, not at once. */
	ATTACH_TRIES = 25,
	ATTACH_PAUSE_NS = 20000000,
};

/* ---- loading ---- */

static int refuse_load(int reason, char *text, size_t text_size)
{
	bool is_permission = reason == EPERM || reason == EACCES;

	snprintf(text, text_size, "the kernel refuses the XDP program: %s%s",
	         strerror(reason),
	         is_permission ? " (CAP_BPF and CAP_NET_ADMIN are needed)" : "");
	return ERR_REFUSED;
}

static struct steer_key key_of(const struct sockaddr_storage *ss)
{
	struct steer_key key = {0};

	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;
		memcpy(key.addr, &in->sin_addr, sizeof in->sin_addr);
		key.port = in->sin_port;
		key.is_ipv4 = 1;
	} else {
		const struct sockaddr_in6 *in6 = (const void *)ss;
		memcpy(key.addr, &in6->sin6_addr, sizeof key.addr);
		key.port = in6->sin6_port;
	}
	return key;
}

static int fill_served(const struct steer *s, const struct sockaddr_storage *listen,
                       size_t count)
{
	uint8_t yes = 1;

	for (size_t i = 0; i < count; i++) {
		struct steer_key key = key_of(&listen[i]);
		int err = bpf_map__update_elem(s->maps.served, &key, sizeof key, &yes,
		                               sizeof yes, BPF_ANY);
		if (err != 0)
			return err;
	}
	return 0;
}

int program_load(struct program *p, const struct sockaddr_storage *listen, size_t count,
                 unsigned queues, char *text, size_t text_size)
{
	*p = (struct program){.link = -1};
	if (queues > STEER_QUEUES_MAX) {
		snprintf(text, text_size, "%u queues are too many", queues);
		return ERR_REFUSED;
	}
	/* What there is to say is said once, by what this returns. */
	libbpf_set_print(NULL);
	p->skeleton = steer__open();
	if (p->skeleton == NULL)
		return refuse_load(errno, text, text_size);
	int err = bpf_map__set_max_entries(p->skeleton->maps.sockets, queues);
	if (err == 0)
		err = steer__load(p->skeleton);
	if (err == 0)
		err = fill_served(p->skeleton, listen, count);
	if (err == 0)
		return 0;
	program_unload(p);
	return refuse_load(-err, text, text_size);
}

void program_unload(struct program *p)
{
	if (p->link >= 0)
		close(p->link);
	p->link = -1;
	steer__destroy(p->skeleton);
	p->skeleton = NULL;
}

int program_fd(const struct program *p)
{
	return bpf_program__fd(p->skeleton->progs.anser_steer);
}

/* ---- attaching ---- */

/* The number of a program that is on the interface already, 0: none. */
static uint32_t find_other(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, found);

	if (bpf_xdp_query((int)ifindex, 0, &found) != 0)
		return 0;
	if (found.prog_id != 0)
		return found.prog_id;
	if (found.drv_prog_id != 0)
		return found.drv_prog_id;
	return found.hw_prog_id != 0 ? found.hw_prog_id : found.skb_prog_id;
}

static int refuse_attach(unsigned ifindex, int reason, char *text, size_t text_size)
{
	uint32_t other = find_other(ifindex);

	if ((reason == EBUSY || reason == EEXIST) && other != 0)
		snprintf(
			text, text_size,
			"another XDP program is attached, with the id %u (bpftool prog show "
			"id %u)",
			other, other);
	else
		snprintf(text, text_size, "attaching the XDP program: %s%s",
		         strerror(reason),
		         reason == EPERM ? " (CAP_NET_ADMIN is needed)" : "");
	return ERR_REFUSED;
}

/* 0, or the reason, an errno. */
static int attach_once(struct program *p, unsigned ifindex, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);

	if (find_other(ifindex) != 0)
		return EBUSY;
	int link = bpf_link_create(program_fd(p), (int)ifindex, BPF_XDP, &options);
	if (link < 0)
		return -link;
	p->link = link;
	p->native = flags == XDP_FLAGS_DRV_MODE;
	return 0;
}

static int attach_patiently(struct program *p, unsigned ifindex, uint32_t flags)
{
	const struct timespec pause = {.tv_nsec = ATTACH_PAUSE_NS};
	int reason = attach_once(p, ifindex, flags);

	for (unsigned i = 1; i < ATTACH_TRIES && reason == EBUSY; i++) {
		(void)nanosleep(&pause, NULL);
		reason = attach_once(p, ifindex, flags);
	}
	return reason;
}

int program_attach(struct program *p, unsigned ifindex, enum io_xdp_mode mode, char *text,
                   size_t text_size)
{
	int reason = EOPNOTSUPP;

	if (mode != IO_XDP_MODE_GENERIC)
		reason = attach_patiently(p, ifindex, XDP_FLAGS_DRV_MODE);
	/* Whatever a driver has against it (no support, the MTU, features), the kernel may do it;
	 * not where another program or a missing privilege is what hinders. */
	bool may_fall_back = reason != 0 && reason != EBUSY && reason != EPERM;
	if (mode != IO_XDP_MODE_NATIVE && may_fall_back)
		reason = attach_patiently(p, ifindex, XDP_FLAGS_SKB_MODE);
	return reason == 0 ? 0 : refuse_attach(ifindex, reason, text, text_size);
}

/* ---- queues ---- */

int program_add_socket(struct program *p, unsigned queue, int fd)
{
	uint32_t key = queue;
	int err = bpf_map__update_elem(p->skeleton->maps.sockets, &key, sizeof key, &fd,
	                               sizeof fd, BPF_ANY);

	return err == 0 ? 0 : ERR_SYSTEM;
}

void program_steer(struct program *p, unsigned queue, bool to_socket)
{
	_Atomic uint8_t *flag = (void *)&p->skeleton->bss->is_worked_on[queue];

	/* Pairs with a plain load in the program, which reads nothing else for it: the socket has
	 * been in its map all along. */
	atomic_store_explicit(flag, to_socket, memory_order_relaxed);
}
