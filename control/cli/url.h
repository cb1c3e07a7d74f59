/* The address of a server, as it is given on the command line. */
#ifndef CONTROL_CLI_URL_H
#define CONTROL_CLI_URL_H

#include <stdbool.h>

enum { URL_HOST_MAX = 256, URL_PATH_MAX = 256 };

struct url {
	bool tls;
	bool literal;            /* the host is an address, not a name */
	char host[URL_HOST_MAX]; /* without brackets */
	char port[6];
	char path[URL_PATH_MAX]; /* without a slash at its end; may be empty */
};

/* https://host[:port][/path] or http://...; the port is 8081 unless given. Gives false for
 * anything else. */
bool url_parse(const char *text, struct url *out);

#endif
