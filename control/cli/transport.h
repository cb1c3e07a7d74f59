/* What the roads to the server have in common, and what each of them is. */
#ifndef CONTROL_CLI_TRANSPORT_H
#define CONTROL_CLI_TRANSPORT_H

#include "control/cli/client.h"

/* As in client.h; close also frees. */
struct client_ops {
	enum engine_outcome (*open)(const struct client_target *target, uint64_t deadline,
	                            struct client **out, char *text, size_t text_size);
	enum engine_outcome (*exchange)(struct client *c, const char *request,
	                                uint64_t deadline, json_t **result, char *text,
	                                size_t text_size);
	void (*close)(struct client *c);
};

extern const struct client_ops client_over_socket;
extern const struct client_ops client_over_http;

/* The first member of each road's own. */
struct client {
	const struct client_ops *ops;
};

/* Waits until a descriptor is ready for poll()'s events. ENGINE_OK, ENGINE_TIMED_OUT, or
 * ENGINE_NOT_RUNNING. */
enum engine_outcome client_wait(int fd, short events, uint64_t deadline);

/* The words for an outcome of the connection, not of a command. Gives outcome. */
enum engine_outcome client_say(enum engine_outcome outcome, char *text, size_t text_size);

#endif
