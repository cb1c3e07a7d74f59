/*
 * Writes the sampled query log: a thread takes the records of all rings (shared/qlog.h) and appends a JSON
 * object a line to a file. The file is opened each time there is something to write, so that it can be
 * renamed at any time. The same records go on as dnstap (dnstap.h, tap.h), and are counted (zones.h).
 */
#ifndef CONTROL_QLOG_READER_H
#define CONTROL_QLOG_READER_H

#include <stdio.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "control/publish/publisher.h"
#include "shared/compiler.h"
#include "shared/qlog.h"

struct qlog_reader;

/* Writes as config says, which is nothing when its query_log_sample is 0; config is lent during the
 * call, p and table, with the ring of this process's answers, until qlog_reader_close(). ERR_SYSTEM:
 * text says why the file cannot be written. */
MUST_CHECK int qlog_reader_open(const struct config *config, struct publisher *p,
                                const struct table_source *table,
                                struct qlog_reader **out, char *text, size_t text_size);

/* Loop thread. Whether next can be gone by: text says why its file cannot be written. */
MUST_CHECK int qlog_reader_prepare(const struct config *next, char *text,
                                   size_t text_size);
/* Loop thread. Goes by next, from the next round on; lent during the call. */
void qlog_reader_configure(struct qlog_reader *r, const struct config *next);

/* Takes what is left, and ends; NULL is fine. */
void qlog_reader_close(struct qlog_reader **r);

/* Writes a sound record as a line. */
void qlog_write(const struct qlog_record *r, const char *source, FILE *to);

#endif
