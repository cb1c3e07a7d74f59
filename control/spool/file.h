/*
 * The files of spools: without a name, and counted together.
 */
#ifndef CONTROL_SPOOL_FILE_H
#define CONTROL_SPOOL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

/* Gives a descriptor, or -1. */
int spool_file_open(const char *dir);

/* Writes all of it at an offset. len is counted however it ends. ERR_LIMITED: it is too much for all
 * spools together; ERR_FULL: the disk. Any thread. */
MUST_CHECK int spool_file_write(int fd, uint64_t at, const void *bytes, size_t len);

/* So much is not in a file any more. */
void spool_file_forget(uint64_t len);

#endif
