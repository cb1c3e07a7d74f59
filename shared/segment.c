#include "shared/segment.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

enum {
	/* Neither kind may change its size: a page that vanished under a reader is a SIGBUS. */
	SEALS_SIZE = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
	SEALS_TABLE = SEALS_SIZE | F_SEAL_FUTURE_WRITE,
	HUGE_PAGE = 2 << 20,
};

/* Reserves size bytes of addresses that start where a huge page can; NULL: let the kernel choose. */
static void *huge_page_aligned_hole(uint64_t size)
{
	uint64_t reserve = size + HUGE_PAGE;
	uint8_t *at = mmap(NULL, reserve, PROT_NONE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	uint64_t before = -(uint64_t)(uintptr_t)at & (HUGE_PAGE - 1);
	if (before > 0)
		munmap(at, before);
	munmap(at + before + size, HUGE_PAGE - before);
	return at + before;
}

/* huge: the table is read all over. The other segment is mostly holes, which are to stay some. */
static int map_file(int fd, uint64_t size, int protection, bool huge, uint8_t **base)
{
	void *want = huge ? huge_page_aligned_hole(size) : NULL;
	/* Sparse by design: nothing is reserved for pages that may never be touched. */
	void *at = mmap(want, size, protection,
	                MAP_SHARED | MAP_NORESERVE | (want ? MAP_FIXED : 0), fd, 0);

	if (at == MAP_FAILED)
		return ERR_SYSTEM;
	/* Where the kernel does not do huge pages for shared memory, small ones serve too. */
	if (huge && size >= HUGE_PAGE)
		(void)madvise(at, size, MADV_HUGEPAGE);
	*base = at;
	return 0;
}

int segment_create(const char *name, uint64_t size, bool sealed, struct segment *out)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *base = NULL;

	if (fd < 0)
		return ERR_SYSTEM;
	if (size == 0 || size > INT64_MAX || ftruncate(fd, (off_t)size) != 0)
		goto fail;
	/* The order matters: this mapping stays writable because it was there before the seal. */
	if (map_file(fd, size, PROT_READ | PROT_WRITE, sealed, &base) != 0)
		goto fail;
	if (fcntl(fd, F_ADD_SEALS, sealed ? SEALS_TABLE : SEALS_SIZE) != 0)
		goto fail_unmap;
	*out = (struct segment){.base = base, .size = size, .fd = fd};
	return 0;

fail_unmap:
	munmap(base, size);
fail:
	close(fd);
	return ERR_SYSTEM;
}

static int check_seals(int fd, bool writable)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return ERR_REFUSED; /* not a memfd */
	if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		return ERR_REFUSED;
	if (writable == ((seals & F_SEAL_FUTURE_WRITE) != 0))
		return ERR_REFUSED;
	return 0;
}

int segment_map(int fd, bool writable, struct segment *out)
{
	int err = check_seals(fd, writable);
	uint8_t *base = NULL;
	struct stat st;

	if (err == 0 && fstat(fd, &st) != 0)
		err = ERR_SYSTEM;
	if (err == 0 && st.st_size <= 0)
		err = ERR_CORRUPT;
	if (err == 0)
		err = map_file(fd, (uint64_t)st.st_size,
		               writable ? PROT_READ | PROT_WRITE : PROT_READ, !writable,
		               &base);
	if (err != 0) {
		close(fd);
		return err;
	}
	*out = (struct segment){.base = base, .size = (uint64_t)st.st_size, .fd = fd};
	return 0;
}

void segment_close(struct segment *s)
{
	if (s->base == NULL)
		return;
	munmap(s->base, s->size);
	close(s->fd);
	*s = (struct segment){.fd = -1};
}

/* Gives the next run of bytes in [at, end) that have memory behind them; false: no more. */
static bool next_run(const struct segment *s, uint64_t at, uint64_t end, uint64_t run[2])
{
	off_t data = at < end ? lseek(s->fd, (off_t)at, SEEK_DATA) : -1;
	off_t hole = data >= 0 ? lseek(s->fd, data, SEEK_HOLE) : -1;

	if (hole < 0 || (uint64_t)data >= end)
		return false;
	run[0] = (uint64_t)data;
	run[1] = (uint64_t)hole < end ? (uint64_t)hole : end;
	return true;
}

void segment_discard(struct segment *s, uint64_t offset, uint64_t len)
{
	uint64_t end = offset + len;
	uint64_t run[2] = {offset, offset};

	if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
	              (off_t)len) == 0)
		return;
	/* The seal that keeps readers from writing refuses holes as well. */
	while (next_run(s, run[1], end, run))
		memset(s->base + run[0], 0, run[1] - run[0]);
}

void segment_prefault(const struct segment *s)
{
	uint64_t run[2] = {0, 0};

	while (next_run(s, run[1], s->size, run))
		(void)madvise(s->base + run[0], run[1] - run[0], MADV_POPULATE_READ);
}

void segment_populate(const struct segment *s, uint64_t offset, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = offset & ~(page - 1);

	(void)madvise(s->base + start, offset + len - start, MADV_POPULATE_WRITE);
}

/* Linux 6.1; the C library does not name it everywhere yet. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

void segment_collapse(struct segment *s, uint64_t offset, uint64_t len)
{
	uint64_t start = (offset + HUGE_PAGE - 1) & ~(uint64_t)(HUGE_PAGE - 1);
	uint64_t end = (offset + len) & ~(uint64_t)(HUGE_PAGE - 1);

	if (start < end)
		(void)madvise(s->base + start, end - start, MADV_COLLAPSE);
}

uint64_t segment_resident(const struct segment *s)
{
	enum { STAT_BLOCK = 512 };
	struct stat st;

	return fstat(s->fd, &st) == 0 ? (uint64_t)st.st_blocks * STAT_BLOCK : 0;
}
