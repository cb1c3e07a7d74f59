/*
 * A data plane for tests of the publisher: a process of its own that says what it is told to.
 *
 * The test program starts itself again with the behaviour as first argument, so that no process
 * is forked from one that has threads.
 */
#ifndef CONTROL_PUBLISH_TEST_PEER_H
#define CONTROL_PUBLISH_TEST_PEER_H

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/ipc.h"
#include "shared/segment.h"
#include "shared/slots.h"
#include "shared/table.h"

enum { PEER_REFUSED = 3, PEER_HUNG_UP_ON = 4, PEER_FAILED = 5 };

struct test_peer {
	const char *path;
	const char *behaviour; /* "answers", "mute", "refuses", ... */
	bool supervised;
	int sock;
	struct segment slots;
	struct punt *punt; /* of worker 1, once it is welcome */
	struct counters *counters;
	unsigned segments; /* SEGMENT messages so far */
	struct ipc_message in;
	struct ipc_message out;
};

static inline bool peer_is(const struct test_peer *p, const char *behaviour)
{
	return strcmp(p->behaviour, behaviour) == 0;
}

/* The one message that is sent next, with its type only. */
static inline struct ipc_message *peer_message(struct test_peer *p, enum ipc_type type)
{
	memset(&p->out, 0, sizeof p->out);
	p->out.type = type;
	return &p->out;
}

static inline void peer_send(const struct test_peer *p)
{
	if (ipc_send(p->sock, &p->out, -1) != 0)
		exit(PEER_HUNG_UP_ON);
}

static inline void peer_connect(struct test_peer *p)
{
	struct ipc_message *m = peer_message(p, IPC_HELLO);

	for (int i = 0; ipc_connect(p->path, &p->sock) != 0; i++) {
		if (i == 500)
			exit(PEER_FAILED);
		usleep(10000);
	}
	m->hello = (struct ipc_hello){.table_layout = TABLE_LAYOUT,
	                              .slots_layout = SLOTS_LAYOUT,
	                              .supervised = p->supervised};
	if (peer_is(p, "old-layout"))
		m->hello.table_layout--;
	peer_send(p);
}

static inline void peer_misbehave(struct test_peer *p)
{
	struct ipc_message *m = peer_message(p, IPC_GRACE_DONE);
	bool sent = true;

	m->number = UINT64_MAX;

	if (peer_is(p, "garbage"))
		sent = send(p->sock, "garbage", 7, 0) == 7;
	if (peer_is(p, "future"))
		peer_send(p);
	if (peer_is(p, "descriptor"))
		sent = ipc_send(p->sock, m, 0) == 0;
	if (peer_is(p, "reversed"))
		sent = ipc_send(p->sock, peer_message(p, IPC_WELCOME), 0) == 0;
	if (!sent)
		exit(PEER_FAILED);
}

/* STARTED, and PORTS of one that has ports. */
static inline void peer_tell(struct test_peer *p)
{
	struct ipc_message *m = peer_message(p, IPC_STARTED);
	bool xdp = peer_is(p, "xdp");

	m->started = xdp ? (struct ipc_started){"xdp", "xdp: for the test"}
	                 : (struct ipc_started){"udp", "for the test"};
	peer_send(p);
	if (!xdp)
		return;
	m = peer_message(p, IPC_PORTS);
	m->ports.count = 2;
	m->ports.port[0] =
		(struct ipc_port){"veth0", 1, 10000, 9, 900, 3, 2, 1, 8, 800, 4};
	m->ports.port[1] = (struct ipc_port){.name = "veth1"};
	peer_send(p);
}

/* Sends a message up, and the control plane a word if that sleeps. */
static inline void peer_punt(struct test_peer *p)
{
	struct punt_record *r = punt_reserve(&p->punt->up);

	if (r == NULL)
		exit(PEER_FAILED);
	memset(r, 0, sizeof *r);
	r->len = 40;
	if (punt_commit(&p->punt->up)) {
		peer_message(p, IPC_NUDGE);
		peer_send(p);
	}
}

/* Counts what has come down, and then sleeps. */
static inline void peer_relay(struct test_peer *p)
{
	struct punt_record r;

	do {
		while (punt_take(&p->punt->down, &r))
			counter_add(p->counters, COUNTER_relayed, r.len == 40);
	} while (!punt_sleep(&p->punt->down));
}

/* Counts 5 queries, once. */
static inline void peer_welcomed(struct test_peer *p, const struct ipc_welcome *w, int fd)
{
	struct slots *slots;

	if (p->slots.base)
		segment_close(&p->slots);
	if (segment_map(fd, true, &p->slots) != 0 || slots_attach(&p->slots, &slots) != 0)
		exit(PEER_FAILED);
	if (!peer_is(p, "undecided"))
		peer_tell(p);
	if (w->slot >= ATTACHMENTS_MAX || w->listen_count != 2 || w->workers != 3)
		exit(PEER_FAILED);
	counter_add(&slots->attachments[w->slot].workers[2], COUNTER_queries, 5);
	p->punt = &slots->punts[w->slot][1];
	p->counters = &slots->attachments[w->slot].workers[1];
	peer_relay(p);
	for (unsigned i = 0; peer_is(p, "punts") && i < 3; i++)
		peer_punt(p);
}

static inline void peer_segment(struct test_peer *p, uint64_t generation, int fd)
{
	bool refuses =
		peer_is(p, "refuses") || (peer_is(p, "refuses-2") && generation == 2);
	struct ipc_message *m =
		peer_message(p, refuses ? IPC_SEGMENT_REFUSED : IPC_SEGMENT_DONE);
	struct segment s;

	if (segment_map(fd, false, &s) != 0)
		exit(PEER_FAILED);
	if (s.base[0] != (uint8_t)generation)
		exit(PEER_FAILED);
	segment_close(&s);
	p->segments++;
	m->number = generation;
	if (refuses)
		strcpy(m->text, "for the test");
	peer_send(p);
	if (p->segments == 1 && (peer_is(p, "hangs-up") || peer_is(p, "returns"))) {
		usleep(50000);
		close(p->sock);
		while (peer_is(p, "hangs-up"))
			pause();
		peer_connect(p);
	}
}

static inline void peer_handle(struct test_peer *p, const struct ipc_message *m, int fd)
{
	if (m->type == IPC_REFUSED)
		exit(PEER_REFUSED);
	if (m->type == IPC_WELCOME) {
		peer_welcomed(p, &m->welcome, fd);
		peer_misbehave(p);
	}
	if (m->type == IPC_NUDGE)
		peer_relay(p);
	if (m->type == IPC_SEGMENT)
		peer_segment(p, m->number, fd);
	if (m->type == IPC_GRACE && !peer_is(p, "mute") && !peer_is(p, "hangs-up")) {
		peer_message(p, IPC_GRACE_DONE)->number = m->number;
		peer_send(p);
	}
}

static inline int peer_run(struct test_peer *p)
{
	peer_connect(p);
	for (;;) {
		struct pollfd readable = {.fd = p->sock, .events = POLLIN};
		int fd;
		if (poll(&readable, 1, -1) < 0)
			return PEER_FAILED;
		int err = ipc_receive(p->sock, &p->in, &fd);
		if (err == ERR_GONE)
			return PEER_HUNG_UP_ON;
		if (err != 0)
			return PEER_FAILED;
		peer_handle(p, &p->in, fd);
	}
}

/* What main() does when the program was started as a peer. */
static inline int peer_main(int argc, char **argv)
{
	struct test_peer p = {.behaviour = "answers"};

	if (argc == 6 && strcmp(argv[1], "--control-socket") == 0 &&
	    strcmp(argv[3], "--supervised") == 0 &&
	    strcmp(argv[4], "--log-format=text") == 0 &&
	    strcmp(argv[5], "--log-level=error") == 0) {
		p.path = argv[2];
		p.supervised = true;
	} else if (argc == 4) {
		p.behaviour = argv[1];
		p.path = argv[2];
		p.supervised = strcmp(argv[3], "supervised") == 0;
	} else {
		return PEER_FAILED;
	}
	return peer_run(&p);
}

/* Starts a peer; gives its pid. */
static inline pid_t peer_start(const char *behaviour, const char *path, bool supervised)
{
	char program[] = "peer";
	char words[3][128];
	char *argv[] = {program, words[0], words[1], words[2], NULL};
	pid_t pid;

	snprintf(words[0], sizeof words[0], "%s", behaviour);
	snprintf(words[1], sizeof words[1], "%s", path);
	snprintf(words[2], sizeof words[2], "%s", supervised ? "supervised" : "alone");
	return posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) == 0 ? pid
	                                                                           : -1;
}

/* Ends a peer with SIGKILL and waits for it. */
static inline void peer_kill(pid_t pid)
{
	if (kill(pid, SIGKILL) == 0)
		waitpid(pid, NULL, 0);
}

/* Waits for a peer that ends by itself; gives its exit status, or -1. */
static inline int peer_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#endif
