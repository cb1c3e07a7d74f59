#include "shared/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/err.h"

enum {
	TEXT_MAX = 2048,
	LINE_MAX_LEN = 3 * TEXT_MAX, /* what is escaped may be cut earlier */
	TAIL = 4,                    /* room that the end of a line takes */
};

const char *const log_form_names[LOG_FORMS] = {
	[LOG_FORM_TEXT] = "text",
	[LOG_FORM_JSON] = "json",
};

const char *const log_level_names[LOG_LEVELS] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const char *_Atomic log_program;
static atomic_uint log_form = LOG_FORM_TEXT;
static atomic_uint log_level = LOG_LEVEL_INFO;

static int index_of(const char *name, const char *const names[], int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return ERR_NOTFOUND;
}

int log_form_named(const char *name)
{
	return index_of(name, log_form_names, LOG_FORMS);
}

int log_level_named(const char *name)
{
	return index_of(name, log_level_names, LOG_LEVELS);
}

void log_configure(const char *program, enum log_form form, enum log_level level)
{
	atomic_store_explicit(&log_program, program, memory_order_relaxed);
	atomic_store_explicit(&log_form, form, memory_order_relaxed);
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

/* ---- a line ---- */

struct line {
	size_t len;
	char bytes[LINE_MAX_LEN];
};

/* Appends all of the bytes, or none and gives false: then there is only room for the tail. */
static bool put(struct line *l, const char *bytes, size_t n)
{
	if (l->len + n + TAIL > sizeof l->bytes)
		return false;
	memcpy(l->bytes + l->len, bytes, n);
	l->len += n;
	return true;
}

static void put_string(struct line *l, const char *text)
{
	(void)put(l, text, strlen(text));
}

/* UTF-8 (RFC 3629 §4): for each first octet how many there are, and what the second one can be. */
static const struct {
	unsigned char first, last; /* of these first octets */
	unsigned char length;
	unsigned char least, most; /* second octet */
} utf8[] = {
	{0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf},
	{0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
	{0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
	{0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
	{0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* Octets of the character at the start of text; 0: it is none. */
static size_t utf8_len(const unsigned char *text)
{
	unsigned i = 0;

	while (i < ARRAY_LEN(utf8) && (text[0] < utf8[i].first || text[0] > utf8[i].last))
		i++;
	if (i == ARRAY_LEN(utf8))
		return 0;
	size_t n = utf8[i].length;
	if (n > 1 && (text[1] < utf8[i].least || text[1] > utf8[i].most))
		return 0;
	for (size_t at = 2; at < n; at++)
		if ((text[at] & 0xc0) != 0x80)
			return 0;
	return n;
}

static bool is_control(const char *text)
{
	unsigned char c = (unsigned char)*text;

	return c < ' ' || c == 0x7f;
}

/* Puts text in which every octet that is not part of a character is a question mark. In JSON quotes are
 * escaped. */
static void put_text(struct line *l, const char *text, bool json)
{
	while (*text) {
		size_t n = utf8_len((const unsigned char *)text);
		bool ok;
		if (n == 0 || is_control(text)) {
			n = 1;
			ok = put(l, "?", 1);
		} else if (json && (*text == '"' || *text == '\\')) {
			ok = put(l, *text == '"' ? "\\\"" : "\\\\", 2);
		} else {
			ok = put(l, text, n);
		}
		if (!ok)
			return;
		text += n;
	}
}

static void put_time(struct line *l)
{
	char text[64];
	struct timespec now;
	struct tm date;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &date);
	(void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
	               date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour,
	               date.tm_min, date.tm_sec, now.tv_nsec / 1000000);
	put_string(l, text);
}

static void put_json(struct line *l, enum log_level level, const char *program,
                     const char *text)
{
	char pid[32];

	put_string(l, "{\"time\":\"");
	put_time(l);
	put_string(l, "\",\"level\":\"");
	put_string(l, log_level_names[level]);
	put_string(l, "\",\"program\":\"");
	put_text(l, program ? program : "", true);
	(void)snprintf(pid, sizeof pid, "\",\"pid\":%d,\"text\":\"", (int)getpid());
	put_string(l, pid);
	put_text(l, text, true);
	memcpy(l->bytes + l->len, "\"}", 2);
	l->len += 2;
}

static void say(enum log_level level, const char *format, va_list args) PRINTF_LIKE(2, 0);

static void say(enum log_level level, const char *format, va_list args)
{
	const char *program = atomic_load_explicit(&log_program, memory_order_relaxed);
	char text[TEXT_MAX];
	struct line l;

	if (level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	(void)vsnprintf(text, sizeof text, format, args);
	l.len = 0;
	if (atomic_load_explicit(&log_form, memory_order_relaxed) == LOG_FORM_JSON) {
		put_json(&l, level, program, text);
	} else {
		if (program) {
			put_string(&l, program);
			put_string(&l, ": ");
		}
		put_text(&l, text, false);
	}
	l.bytes[l.len++] = '\n';
	/* Whoever does not read what is said hears nothing; there is no other place to say so. */
	ssize_t written = write(STDERR_FILENO, l.bytes, l.len);
	(void)written;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}

bool log_share_take(struct log_share *s, uint64_t now_ms)
{
	uint64_t second = now_ms / 1000;

	if (second != s->second) {
		unsigned left_out = s->left_out;
		*s = (struct log_share){.second = second};
		if (left_out > 0)
			log_info("%u lines like the next one were left out", left_out);
	}
	if (s->said == LOG_SHARE_LINES) {
		s->left_out++;
		return false;
	}
	s->said++;
	return true;
}
