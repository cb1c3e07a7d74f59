/* Answers: their bodies, and the headers that all of them have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "control/http/internal.h"
#include "control/http/json.h"
#include "control/must.h"
#include "shared/compiler.h"

/* What a browser may make of an answer: nothing but show it. Pages of our own set another
 * Content-Security-Policy. */
static const struct {
	const char *name;
	const char *value;
} common[] = {
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "deny"},
	{"X-Permitted-Cross-Domain-Policies", "none"},
	{"X-XSS-Protection", "1; mode=block"},
	{"Referrer-Policy", "no-referrer"},
	{"Cache-Control", "no-store"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
};

const char *http_status_text(unsigned status)
{
	return MHD_get_reason_phrase_for(status);
}

static struct exchange *exchange_of(struct http_request *r)
{
	return (struct exchange *)(void *)r;
}

void http_set_header(struct http_request *r, const char *name, const char *value)
{
	struct exchange *e = exchange_of(r);

	if (e->header_count == HEADERS_MAX)
		abort();
	e->headers[e->header_count].name = must(strdup(name));
	e->headers[e->header_count].value = must(strdup(value));
	e->header_count++;
}

static bool has_header(const struct exchange *e, const char *name)
{
	for (unsigned i = 0; i < e->header_count; i++)
		if (!strcasecmp(e->headers[i].name, name))
			return true;
	return false;
}

/* libmicrohttpd refuses values with line breaks: a header is left out rather than split. */
void response_finish(struct exchange *e)
{
	for (unsigned i = 0; i < e->header_count; i++)
		(void)MHD_add_response_header(e->response, e->headers[i].name,
		                              e->headers[i].value);
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (!has_header(e, common[i].name))
			(void)MHD_add_response_header(e->response, common[i].name,
			                              common[i].value);
	if (e->closes)
		(void)MHD_add_response_header(e->response, "Connection", "close");
}

/* The form of RFC 9110 §5.6.7. */
static void write_date(FILE *to)
{
	time_t now = time(NULL);
	char text[40];
	struct tm tm;

	if (gmtime_r(&now, &tm) &&
	    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
		(void)fprintf(to, "Date: %s\r\n", text);
}

char *response_head(struct exchange *e, unsigned status, const char *type)
{
	char *text = NULL;
	size_t size;
	FILE *to = must_open_text(&text, &size);

	(void)fprintf(to, "HTTP/1.1 %u %s\r\n", status, http_status_text(status));
	write_date(to);
	(void)fprintf(to,
	              "Connection: close\r\nTransfer-Encoding: chunked\r\n"
	              "Content-Type: %s\r\n",
	              type);
	for (unsigned i = 0; i < e->header_count; i++)
		(void)fprintf(to, "%s: %s\r\n", e->headers[i].name, e->headers[i].value);
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (!has_header(e, common[i].name))
			(void)fprintf(to, "%s: %s\r\n", common[i].name, common[i].value);
	(void)fputs("\r\n", to);
	must_close_text(to);
	return text;
}

void response_reply(struct http_request *r, unsigned status, const char *type,
                    struct MHD_Response *response)
{
	struct exchange *e = exchange_of(r);

	if (!response || e->response)
		abort(); /* out of memory; answered twice */
	e->response = response;
	e->status = status;
	if (type)
		http_set_header(r, "Content-Type", type);
	exchange_answered(e);
}

void http_reply_text(struct http_request *r, unsigned status, const char *type,
                     char *text, size_t len)
{
	response_reply(r, status, type,
	               MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE));
}

void http_reply_constant(struct http_request *r, unsigned status, const char *type,
                         const void *text, size_t len)
{
	response_reply(r, status, type,
	               MHD_create_response_from_buffer(len, (void *)(uintptr_t)text,
	                                               MHD_RESPMEM_PERSISTENT));
}

void http_reply_json(struct http_request *r, unsigned status, json_t *body)
{
	static const char failed[] = "{\"error\": \"Internal Server Error\"}";
	char *text = body ? http_json_write(body) : NULL;

	if (text)
		http_reply_text(r, status, "application/json", text, strlen(text));
	else if (body)
		http_reply_constant(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "application/json",
		                    failed, sizeof failed - 1);
	else
		http_reply_constant(r, status, NULL, "", 0);
	json_decref(body);
}

/* ---- errors ---- */

enum form { FORM_JSON, FORM_HTML, FORM_PLAIN };

/* What Accept asks for; without it, what the client speaks itself. Whoever says nothing is a
 * program and gets JSON. */
static enum form form_for(const struct http_request *r)
{
	const char *accept = http_header(r, "Accept");

	if (!accept)
		accept = http_header(r, "Content-Type");
	if (!accept || strstr(accept, "json") || strstr(accept, "application/*"))
		return FORM_JSON;
	if (strstr(accept, "text/html"))
		return FORM_HTML;
	return strstr(accept, "*/*") || !strstr(accept, "text/") ? FORM_JSON : FORM_PLAIN;
}

static json_t *error_json(const char *text, const char *usual, const char *field)
{
	json_t *body =
		json_pack("{s:s, s:s*}", "error", text ? text : usual, "field", field);

	/* What is quoted need not be UTF-8. */
	return body ? body : json_pack("{s:s}", "error", usual);
}

void http_reply_error(struct http_request *r, unsigned status, const char *text)
{
	http_reply_error_at(r, status, text, NULL);
}

void http_reply_error_at(struct http_request *r, unsigned status, const char *text,
                         const char *field)
{
	enum form form =
		status == MHD_HTTP_UNPROCESSABLE_CONTENT ? FORM_JSON : form_for(r);
	const char *usual = http_status_text(status);

	if (form == FORM_JSON) {
		http_reply_json(r, status, error_json(text, usual, field));
		return;
	}
	/* A page has only the status: the text may hold what the client sent. */
	char *body = NULL;
	int len = form == FORM_HTML
	                  ? asprintf(&body, "<!doctype html><title>%s</title>\n", usual)
	                  : asprintf(&body, "%s\n", text ? text : usual);
	if (len < 0)
		abort();
	http_reply_text(r, status,
	                form == FORM_HTML ? "text/html; charset=utf-8"
	                                  : "text/plain; charset=utf-8",
	                body, (size_t)len);
}
