#include "control/cli/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_DEFAULT "8081"

/* Takes as much of the text as is made of these characters, if it fits. Gives where it ends. */
static const char *take(const char *text, const char *of, char *out, size_t size)
{
	size_t len = strspn(text, of);

	if (len >= size)
		return NULL;
	memcpy(out, text, len);
	out[len] = 0;
	return text + len;
}

static const char *take_host(const char *text, struct url *out)
{
	struct in_addr v4;
	struct in6_addr v6;
	bool bracket = text[0] == '[';
	const char *at = take(
		text + bracket,
		bracket ? "0123456789abcdefABCDEF:."
			: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._",
		out->host, sizeof out->host);

	if (!at || !out->host[0])
		return NULL;
	out->literal = bracket || inet_pton(AF_INET, out->host, &v4) == 1;
	if (!bracket)
		return at;
	return *at == ']' && inet_pton(AF_INET6, out->host, &v6) == 1 ? at + 1 : NULL;
}

static const char *take_port(const char *text, struct url *out)
{
	memcpy(out->port, PORT_DEFAULT, sizeof PORT_DEFAULT);
	if (*text != ':')
		return text;
	const char *at = take(text + 1, "0123456789", out->port, sizeof out->port);
	unsigned long port = at ? strtoul(out->port, NULL, 10) : 0;
	return port && port <= 65535 ? at : NULL;
}

bool url_parse(const char *text, struct url *out)
{
	static const char path[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%/";
	struct url u = {0};

	if (!strncasecmp(text, "https://", 8))
		u.tls = true;
	else if (strncasecmp(text, "http://", 7) != 0)
		return false;
	const char *at = take_host(text + 7 + u.tls, &u);
	at = at ? take_port(at, &u) : NULL;
	if (!at || (*at && *at != '/') || !(at = take(at, path, u.path, sizeof u.path)) ||
	    *at)
		return false;
	for (size_t len = strlen(u.path); len && u.path[len - 1] == '/'; len--)
		u.path[len - 1] = 0;
	*out = u;
	return true;
}
