/*
 * Files that hold a secret: a key, a private key.
 */
#ifndef CONTROL_ACCESS_SECRET_FILE_H
#define CONTROL_ACCESS_SECRET_FILE_H

#include <stddef.h>

#include "shared/compiler.h"

enum { SECRET_FILE_MAX = 65536, SECRET_LINE_MIN = 16, SECRET_LINE_MAX = 256 };

/* Gives the whole text, the caller's to free. ERR_REFUSED when others than owner and group may
 * have read it, or may change it, or when it is no plain file; ERR_TOOBIG, ERR_IO. text: what
 * is wrong. */
MUST_CHECK int secret_file_read(const char *path, char **out, char *text,
                                size_t text_size);

/* A file with one line of 16 to 256 printable characters without blanks: an API key. Gives the line.
 * ERR_REFUSED when it is anything else. */
MUST_CHECK int secret_file_read_line(const char *path, char **out, char *text,
                                     size_t text_size);

#endif
