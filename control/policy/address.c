#include "control/policy/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/address.h"

static bool read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*port = (uint16_t)n;
	return *text >= '0' && *text <= '9' && !*end && n > 0 && n <= UINT16_MAX;
}

/* Gives the text behind the address, or NULL. */
static const char *cut_host(const char *text, char host[static ADDRESS_HOST_MAX],
                            bool *is_ipv6)
{
	bool bracket = text[0] == '[';
	const char *colon = strchr(text, ':');
	bool bare_ipv6 = !bracket && colon && strchr(colon + 1, ':');
	size_t len = bracket     ? strcspn(text, "]") - 1
	             : bare_ipv6 ? strcspn(text, "@")
	                         : strcspn(text, ":@");

	if (len >= ADDRESS_HOST_MAX || (bracket && text[len + 1] != ']'))
		return NULL;
	*is_ipv6 = bracket || bare_ipv6;
	memcpy(host, text + bracket, len);
	host[len] = '\0';
	return text + len + (bracket ? 2 : 0);
}

bool policy_address_read(const char *text, struct sockaddr_storage *out)
{
	char host[ADDRESS_HOST_MAX];
	uint16_t port = POLICY_PORT;
	bool is_ipv6;
	const char *rest = cut_host(text, host, &is_ipv6);

	if (!rest)
		return false;
	if (*rest && ((*rest != ':' && *rest != '@') || !read_port(rest + 1, &port)))
		return false;
	return address_read(host, port, out) && is_ipv6 == (out->ss_family == AF_INET6);
}

void policy_address_text(const struct sockaddr_storage *address,
                         char text[static POLICY_ADDRESS_MAX])
{
	char host[ADDRESS_HOST_MAX];
	unsigned port = address_port(address);

	address_host(address, host);
	if (port == POLICY_PORT || port == 0)
		(void)snprintf(text, POLICY_ADDRESS_MAX, "%s", host);
	else
		(void)snprintf(text, POLICY_ADDRESS_MAX,
		               address->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		               port);
}
