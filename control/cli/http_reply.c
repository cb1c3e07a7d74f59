#include "control/cli/http_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compiler.h"

enum { CHUNK_DIGITS = 15, LENGTH_DIGITS = 18, ROOM_FIRST = 4096 };

void http_reply_init(struct http_reply *r, size_t most)
{
	*r = (struct http_reply){.state = REPLY_STATUS, .most = most};
}

void http_reply_fini(struct http_reply *r)
{
	free(r->body);
	r->body = NULL;
}

/* ---- lines ---- */

/* HTTP/1.x, a blank, three digits, and a blank and words if any. */
static bool take_status(struct http_reply *r)
{
	static const char version[] = "HTTP/1.";
	const char *at = r->line + sizeof version; /* behind the digit as well */

	if (strncmp(r->line, version, sizeof version - 1) != 0 || r->line_len < 12 ||
	    (at[-1] != '0' && at[-1] != '1') || at[0] != ' ' ||
	    strspn(at + 1, "0123456789") != 3)
		return false;
	r->closes = at[-1] == '0';
	r->status = (unsigned)strtoul(at + 1, NULL, 10);
	return r->status >= 100;
}

static const char *header_value(const struct http_reply *r, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(r->line, name, len) != 0 || r->line[len] != ':')
		return NULL;
	return r->line + len + 1 + strspn(r->line + len + 1, " \t");
}

/* A number of up to so many digits, and nothing behind it. */
static bool read_number(const char *text, const char *digits, int base, size_t most,
                        uint64_t *out)
{
	size_t len = strspn(text, digits);

	if (!len || len > most || text[len + strspn(text + len, " \t")] != 0)
		return false;
	*out = strtoull(text, NULL, base);
	return true;
}

static bool take_length(struct http_reply *r, const char *value)
{
	uint64_t length = 0;

	if (!read_number(value, "0123456789", 10, LENGTH_DIGITS, &length) ||
	    (r->sized && r->left != length) || length > r->most)
		return false;
	r->sized = true;
	r->left = length;
	return true;
}

static bool take_header(struct http_reply *r)
{
	uint64_t seconds = 0;
	const char *value;

	if ((value = header_value(r, "Content-Length")))
		return take_length(r, value);
	if ((value = header_value(r, "Transfer-Encoding"))) {
		r->chunked = strcasecmp(value, "chunked") == 0;
		return r->chunked;
	}
	if ((value = header_value(r, "Connection")) && strcasecmp(value, "close") == 0)
		r->closes = true;
	if ((value = header_value(r, "Retry-After")) &&
	    read_number(value, "0123456789", 10, 9, &seconds))
		r->retry_after = (unsigned)seconds;
	return strchr(r->line, ':') != NULL;
}

/* RFC 9112 §6.3. What says both has been put together by somebody in between. */
static enum http_reply_state after_headers(struct http_reply *r)
{
	if (r->status < 200) {
		r->lines = 0;
		r->sized = r->chunked = false;
		return r->status == 101 ? REPLY_BROKEN : REPLY_STATUS;
	}
	if (r->status == 204 || r->status == 304)
		return REPLY_DONE;
	if (r->chunked)
		return r->sized ? REPLY_BROKEN : REPLY_CHUNKED;
	if (r->sized)
		return r->left ? REPLY_BODY : REPLY_DONE;
	r->closes = true;
	return REPLY_TO_END;
}

/* A chunk's size, and extensions that mean nothing here. */
static enum http_reply_state take_chunk_size(struct http_reply *r)
{
	r->line[strcspn(r->line, ";")] = 0;
	if (!read_number(r->line, "0123456789abcdefABCDEF", 16, CHUNK_DIGITS, &r->left) ||
	    r->left > r->most - r->size)
		return REPLY_BROKEN;
	r->lines = 0;
	return r->left ? REPLY_CHUNK : REPLY_TRAILERS;
}

static enum http_reply_state take_line(struct http_reply *r)
{
	bool empty = r->line_len == 0;

	if (memchr(r->line, 0, r->line_len) || ++r->lines > HTTP_LINES_MAX)
		return REPLY_BROKEN;
	switch (r->state) {
	case REPLY_STATUS: return take_status(r) ? REPLY_HEADERS : REPLY_BROKEN;
	case REPLY_HEADERS:
		if (empty)
			return after_headers(r);
		return take_header(r) ? REPLY_HEADERS : REPLY_BROKEN;
	case REPLY_CHUNKED: return take_chunk_size(r);
	case REPLY_BETWEEN: return empty ? REPLY_CHUNKED : REPLY_BROKEN;
	case REPLY_TRAILERS: return empty ? REPLY_DONE : REPLY_TRAILERS;
	case REPLY_BODY:
	case REPLY_CHUNK:
	case REPLY_TO_END:
	case REPLY_DONE:
	case REPLY_BROKEN: return REPLY_BROKEN;
	}
	return REPLY_BROKEN;
}

/* Gives how many octets belong to the line. */
static size_t feed_line(struct http_reply *r, const char *octets, size_t len)
{
	const char *end = memchr(octets, '\n', len);
	size_t part = end ? (size_t)(end - octets) : len;

	if (part >= sizeof r->line - r->line_len) {
		r->state = REPLY_BROKEN;
		return len;
	}
	memcpy(r->line + r->line_len, octets, part);
	r->line_len += part;
	if (!end)
		return len;
	if (r->line_len && r->line[r->line_len - 1] == '\r')
		r->line_len--;
	r->line[r->line_len] = 0;
	r->state = take_line(r);
	r->line_len = 0;
	return part + 1;
}

/* ---- the body ---- */

static void append(struct http_reply *r, const char *octets, size_t len)
{
	if (r->room - r->size <= len) {
		r->room = (r->size + len + ROOM_FIRST) * 2;
		r->body = realloc(r->body, r->room);
		if (!r->body)
			abort();
	}
	memcpy(r->body + r->size, octets, len);
	r->size += len;
	r->body[r->size] = 0;
}

static size_t feed_body(struct http_reply *r, const char *octets, size_t len)
{
	size_t part = r->state == REPLY_TO_END || len < r->left ? len : (size_t)r->left;

	if (part > r->most - r->size) {
		r->state = REPLY_BROKEN;
		return len;
	}
	append(r, octets, part);
	if (r->state == REPLY_TO_END)
		return part;
	r->left -= part;
	if (r->left == 0)
		r->state = r->state == REPLY_CHUNK ? REPLY_BETWEEN : REPLY_DONE;
	return part;
}

size_t http_reply_feed(struct http_reply *r, const char *octets, size_t len)
{
	size_t used = 0;

	while (used < len && r->state != REPLY_DONE && r->state != REPLY_BROKEN) {
		bool body = r->state == REPLY_BODY || r->state == REPLY_CHUNK ||
		            r->state == REPLY_TO_END;
		used += body ? feed_body(r, octets + used, len - used)
		             : feed_line(r, octets + used, len - used);
	}
	return used;
}

void http_reply_end(struct http_reply *r)
{
	if (r->state != REPLY_DONE)
		r->state = r->state == REPLY_TO_END ? REPLY_DONE : REPLY_BROKEN;
	r->closes = true;
}
