/*
 * One attached data plane as the publisher sees it: what it was asked, what it answered, and so
 * what it may still be looking at.
 *
 * At most one question, SEGMENT or GRACE, is open at a time. A data plane that does not answer
 * is therefore never offered a segment, and so cannot hold back the memory of one that was made
 * to get away from it.
 *
 *      FREE --> GREETING --HELLO--> ATTACHED --hang-up--> CLOSING --> FREE
 *                                                            |          ^
 *                                          process lives on  +--> LINGERING
 *
 * Nothing here knows of an event loop or a lock; the publisher has both.
 */
#ifndef CONTROL_PUBLISH_ATTACHMENT_H
#define CONTROL_PUBLISH_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/ipc.h"

enum attachment_state {
	ATTACHMENT_FREE,
	ATTACHMENT_GREETING, /* connected, HELLO has not come */
	ATTACHMENT_ATTACHED,
	ATTACHMENT_CLOSING, /* hung up; the event loop has yet to let go of the socket */
	ATTACHMENT_LINGERING, /* hung up, but its process lives and may be reading */
};

struct attachment {
	enum attachment_state state;
	int fd;    /* socket; -1: closed */
	int pidfd; /* -1: HELLO has not come */
	uint32_t pid;
	bool supervised;
	bool alarmed;               /* it has been logged as stopped */
	struct ipc_started started; /* the back end that it runs; empty: none yet */
	struct ipc_ports ports;     /* as last heard */
	uint64_t offered;           /* newest generation that it may be looking at */
	uint64_t mapped;            /* generation that it said it has mapped; 0: none */
	uint64_t refused;           /* generation that it said it cannot read */
	uint64_t answered;          /* grace numbers up to this one have passed here */
	uint64_t open_offer;        /* generation of the open SEGMENT, else 0 */
	uint64_t open_grace;        /* number of the open GRACE, else 0 */
	bool nudged;                /* it has said that there is something in its rings */
	bool nudge;           /* it is to be told that there is something in its rings */
	uint64_t quiet_since; /* ms: when it last spoke, or was asked if that was later */
};

/* What there is to ask for: the newest segment and the newest grace number. */
struct attachment_goal {
	int segment_fd;      /* lent */
	uint64_t generation; /* 0: no segment yet */
	uint64_t requested;
};

/* Starts over on a connected socket, which is taken. */
void attachment_begin(struct attachment *a, int fd, uint64_t now);

/* Closes its descriptors. */
void attachment_end(struct attachment *a);

/* Checks a HELLO and gets hold of the process at the other end. Gives why not in text. */
MUST_CHECK int attachment_greet(struct attachment *a, const struct ipc_hello *hello,
                                char *text, size_t size);

/* Says what there is to say, and asks the next question if none is open. ERR_BUSY: the socket takes nothing now; any other error
 * ends the attachment. */
MUST_CHECK int attachment_ask(struct attachment *a, const struct attachment_goal *goal,
                              uint64_t now);

/* Takes an answer. ERR_CORRUPT: it answers nothing that was asked. */
MUST_CHECK int attachment_answer(struct attachment *a, const struct ipc_message *m,
                                 uint64_t now);

/* Says whether its process has ended. */
bool attachment_process_ended(const struct attachment *a);

/* Says whether it may be looking at the segment of that generation. */
bool attachment_holds(const struct attachment *a, uint64_t generation);

/* Says whether it still may show something older than what grace number of the newest segment,
 * that of generation, stands for. */
bool attachment_behind(const struct attachment *a, uint64_t generation, uint64_t number);

/* Milliseconds for which it has owed an answer without a word; 0 when it owes none. */
uint64_t attachment_silence(const struct attachment *a, uint64_t now);

#endif
