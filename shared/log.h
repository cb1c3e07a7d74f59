/*
 * What the programs say on standard error while they run: one line each time, for people or as a JSON
 * object for machines, and nothing less important than asked for. Any thread may say something; a line
 * is written at once and whole.
 *
 *      anser-control: data plane 4712 is stopped: it does not answer
 *      {"time":"2026-11-21T18:03:04.567Z","level":"warning","program":"anser-control","pid":4711,
 *       "text":"data plane 4712 is stopped: it does not answer"}      (one line)
 *
 * Not for the hot path: it makes a system call.
 */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

enum log_form { LOG_FORM_TEXT, LOG_FORM_JSON, LOG_FORMS };

enum log_level {
	LOG_LEVEL_ERROR,   /* something does not work */
	LOG_LEVEL_WARNING, /* it does, but somebody should look */
	LOG_LEVEL_INFO,    /* what goes on */
	LOG_LEVEL_DEBUG,   /* what somebody wants to know who looks for something */
	LOG_LEVELS
};

/* What they are called; log_form_named() and log_level_named() give ERR_NOTFOUND for other words. */
extern const char *const log_form_names[LOG_FORMS];
extern const char *const log_level_names[LOG_LEVELS];
MUST_CHECK int log_form_named(const char *name);
MUST_CHECK int log_level_named(const char *name);

/* Before anything is said, and again whenever it is to be otherwise. program is lent for ever. At first,
 * text of all levels without a program's name is written. */
void log_configure(const char *program, enum log_form form, enum log_level level);

/* Says something. What is not text in it, as line ends, is made harmless; what is too long is cut. */
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* Of what strangers can cause: so many lines a second, and how many were left out is said in the next
 * second that has one. {0} is one that was never asked. One thread. */
struct log_share {
	uint64_t second;
	unsigned said;
	unsigned left_out;
};
enum { LOG_SHARE_LINES = 20 };

/* Takes one line. false: it is one too many. now_ms: of clock_now_ms(). */
MUST_CHECK bool log_share_take(struct log_share *s, uint64_t now_ms);

#endif
