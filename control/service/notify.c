#include "control/service/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/err.h"

static const char *socket_name(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name && name[0] ? name : NULL;
}

bool notify_is_wanted(void)
{
	return socket_name() != NULL;
}

/* A path, or with '@' in front a name that is not in the file system. */
static int address_of(const char *name, struct sockaddr_un *a, socklen_t *len)
{
	size_t size = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof a->sun_path)
		return ERR_INVALID;
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(a->sun_path, name, size);
	if (name[0] == '@')
		a->sun_path[0] = 0;
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	return 0;
}

int notify_send(const char *lines)
{
	const char *name = socket_name();
	struct sockaddr_un a;
	socklen_t len;

	if (!name)
		return ERR_NOTFOUND;
	TRY(address_of(name, &a, &len));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_SYSTEM;
	ssize_t sent = sendto(fd, lines, strlen(lines), MSG_NOSIGNAL,
	                      (const struct sockaddr *)&a, len);
	int err = sent >= 0 ? 0 : errno == EAGAIN ? ERR_BUSY : ERR_SYSTEM;
	close(fd);
	return err;
}

static uint64_t number_in(const char *variable)
{
	const char *text = getenv(variable);
	char *end;

	if (!text || !text[0])
		return 0;
	uint64_t value = strtoumax(text, &end, 10);
	return *end == 0 ? value : 0;
}

uint64_t notify_watchdog_us(void)
{
	uint64_t pid = number_in("WATCHDOG_PID");

	return pid == 0 || pid == (uint64_t)getpid() ? number_in("WATCHDOG_USEC") : 0;
}
