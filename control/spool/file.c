#include "control/spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/spool/spool.h"
#include "shared/err.h"

static atomic_uint_least64_t spooled; /* octets in files */

int spool_file_open(const char *dir)
{
	char path[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (snprintf(path, sizeof path, "%s/answer.XXXXXX", dir) >= (int)sizeof path)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

int spool_file_write(int fd, uint64_t at, const void *bytes, size_t len)
{
	const char *from = bytes;
	uint64_t before = atomic_fetch_add_explicit(&spooled, len, memory_order_relaxed);

	if (before + len > SPOOLED_MAX)
		return ERR_LIMITED;
	for (size_t done = 0; done < len;) {
		ssize_t put = pwrite(fd, from + done, len - done, (off_t)(at + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return ERR_FULL;
		done += (size_t)put;
	}
	return 0;
}

void spool_file_forget(uint64_t len)
{
	atomic_fetch_sub_explicit(&spooled, len, memory_order_relaxed);
}
