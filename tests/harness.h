/*
 * A server without sockets, for tests, fuzz targets and benchmarks: the real road from zone text to
 * the table, and the responder on messages in memory. The store is a directory that
 * harness_close() removes.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdint.h>

#include "control/commit/commit.h"
#include "control/config/config.h"
#include "dataplane/respond/respond.h"
#include "shared/compiler.h"

struct harness {
	struct committer committer;
	struct config config;
	char dir[64];
	struct counters counters;
	struct responder *responder;
	uint8_t reply[65535];
};

/* Any failure ends the process with a message: whoever calls cannot go on. */
struct harness *harness_open(void);
void harness_close(struct harness *h);

/* Loads a zone from text or from a file, adding it when it is new. Gives 0 or the error that
 * refused it; diag, when not NULL, receives what was found. */
MUST_CHECK int harness_load(struct harness *h, const char *origin, const char *text,
                            struct diag *diag, struct commit_report *report);
MUST_CHECK int harness_load_file(struct harness *h, const char *origin, const char *path,
                                 struct diag *diag, struct commit_report *report);
MUST_CHECK int harness_remove(struct harness *h, const char *origin);

/* Contents that have passed every check; the caller frees them. */
struct contents *harness_contents(const char *origin, const char *text);

/* Wire name of a zone, folded. */
void harness_name(const char *text, uint8_t name[static NAME_MAX_LEN]);

struct question {
	const char *name; /* as in a zone file */
	uint16_t type;
	uint16_t class;    /* 0: IN */
	uint16_t udp_size; /* 0: no EDNS */
	bool dnssec;
	bool tcp;
};

/* Writes a query message. Gives its length. */
size_t harness_query(const struct question *q, uint8_t message[static 512]);

/* Answers a message from 192.0.2.53. Gives the length of h->reply, 0 for no answer. */
size_t harness_ask(struct harness *h, const uint8_t *message, size_t len, bool tcp);

#endif
