/*
 * Writes the sampled query log: a thread takes the records of all rings (shared/qlog.h) and appends a JSON
 * object a line to a file. The file is opened each time there is something to write, so that it can be
 * renamed at any time.
 */
#ifndef CONTROL_QLOG_READER_H
#define CONTROL_QLOG_READER_H

#include <stdio.h>

#include "control/config/config.h"
#include "control/publish/publisher.h"
#include "shared/compiler.h"
#include "shared/qlog.h"

struct qlog_reader;

/* Begins when config->query_log_sample is not 0, else *out is NULL. config, p and own, the ring of this
 * process's answers, are lent until qlog_reader_close(). ERR_SYSTEM: text says why the file cannot be
 * written. */
MUST_CHECK int qlog_reader_open(const struct config *config, struct publisher *p,
                                struct qlog_ring *own, struct qlog_reader **out,
                                char *text, size_t text_size);

/* Takes what is left, and ends; NULL is fine. */
void qlog_reader_close(struct qlog_reader **r);

/* Writes a record as a line; false, and nothing is written: it makes no sense. */
bool qlog_write(const struct qlog_record *r, const char *source, FILE *to);

#endif
