#include "control/net/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

/* Says whether the path is free to bind: nothing there, or a socket that nobody listens on, which
 * is removed. */
static int clear_path(const struct sockaddr_un *address, char *text, size_t text_size)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		(void)snprintf(text, text_size, "%s is there and is no socket",
		               address->sun_path);
		return ERR_EXISTS;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int connected =
		fd < 0 ? -1
		       : connect(fd, (const struct sockaddr *)address, sizeof *address);
	bool stale = fd >= 0 && connected < 0 && errno == ECONNREFUSED;
	if (fd >= 0)
		(void)close(fd);
	if (!stale) {
		(void)snprintf(text, text_size, "another server uses %s",
		               address->sun_path);
		return ERR_EXISTS;
	}
	(void)unlink(address->sun_path);
	return 0;
}

/* Gives a bound socket whose file never had a wider mode than 0660. */
static int bind_path(const struct sockaddr_un *address, char *text, size_t text_size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t before = umask(0117);
	int err =
		fd < 0 ? -1 : bind(fd, (const struct sockaddr *)address, sizeof *address);
	int why = errno;

	(void)umask(before);
	if (err < 0) {
		(void)snprintf(text, text_size, "%s: %s", address->sun_path,
		               strerror(why));
		if (fd >= 0)
			(void)close(fd);
		return ERR_SYSTEM;
	}
	return fd;
}

int unix_socket_bind(const char *path, struct unix_socket *out, int *fd, char *text,
                     size_t text_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st = {0};

	if (strlen(path) >= sizeof address.sun_path) {
		(void)snprintf(text, text_size, "%s: longer than a socket's path may be",
		               path);
		return ERR_TOOBIG;
	}
	memcpy(address.sun_path, path, strlen(path));
	TRY(clear_path(&address, text, text_size));
	int bound = bind_path(&address, text, text_size);
	TRY(bound);
	(void)lstat(path, &st);
	*out = (struct unix_socket){address, st.st_dev, st.st_ino};
	*fd = bound;
	return 0;
}

void unix_socket_remove(const struct unix_socket *s)
{
	struct stat st;

	if (lstat(s->address.sun_path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		(void)unlink(s->address.sun_path);
}
