/*
 * JSON as it comes in a request's body, and as it goes out.
 */
#ifndef CONTROL_HTTP_JSON_H
#define CONTROL_HTTP_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "shared/compiler.h"

/* Reads a whole body: UTF-8, no member twice, nested no deeper than JSON_DEPTH_MAX. Gives NULL with
 * what is wrong as text, else what the caller has to json_decref(). */
json_t *http_json_read(const char *body, size_t len, char *text, size_t text_size);

/* The same for a line of its own, which texts call so. */
json_t *http_json_read_line(const char *line, size_t len, char *text, size_t text_size);

/* Writes it as PowerDNS does, members in order of their names, ", " and ": " between, on one
 * line: there are clients that search the text. Gives what the caller has to free(); NULL when
 * a text in it is no UTF-8. */
char *http_json_write(const json_t *value);

#endif
