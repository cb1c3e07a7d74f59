/*
 * One connection to the server: a command goes out as JSON, its outcome and result come back. There
 * are two roads, the control socket and HTTP; behind client_open() nobody sees which it is.
 */
#ifndef CONTROL_CLI_CLIENT_H
#define CONTROL_CLI_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "control/engine.h"
#include "shared/compiler.h"

struct client;

/* Where the server is. All texts are lent for the client's life. */
struct client_target {
	const char *socket; /* path of the control socket, used without url */
	const char *url;    /* https://host[:port][/path]; http for this machine only */
	const char *key_file;
	const char *cacert; /* file of certificates to trust; NULL: the system's */
	const char *
		pin; /* sha256//BASE64 of the server's public key, which is trusted then */
};

/* Milliseconds of a clock that only rises. */
uint64_t client_now(void);

/* ENGINE_OK, ENGINE_NOT_RUNNING when nobody listens there, ENGINE_REFUSED when we may not connect
 * or do not trust who answers, ENGINE_TIMED_OUT, ENGINE_USAGE; text says why. */
enum engine_outcome client_open(const struct client_target *target, uint64_t deadline,
                                struct client **out, char *text, size_t text_size);
void client_close(struct client **c);

/* Sends {"command":...,"args":...}, which ends with a newline, and gives the command's outcome and
 * its result, an object that the caller releases. Without one *result is NULL, text says why,
 * and the connection is of no use any more: ENGINE_TIMED_OUT after the deadline,
 * ENGINE_NOT_RUNNING when the server hangs up, ENGINE_REFUSED. */
enum engine_outcome client_exchange(struct client *c, const char *request,
                                    uint64_t deadline, json_t **result, char *text,
                                    size_t text_size);

#endif
