/*
 * The status page and the page of the API's description: files that are part of the program (page/),
 * so that they need no network but this server's, under a policy that lets them load and ask nothing
 * else.
 */
#include "control/api/internal.h"
#include "control/api/page_files.h"
#include "shared/compiler.h"

static void serve(struct http_request *r, const char *type, const unsigned char *text,
                  size_t len)
{
	http_set_header(r, "Content-Security-Policy",
	                "default-src 'none'; script-src 'self'; style-src 'self'; "
	                "connect-src 'self'; base-uri 'none'; form-action 'none'; "
	                "frame-ancestors 'none'");
	http_reply_constant(r, 200, type, text, len);
}

static void serve_page(void *arg, struct http_request *r)
{
	(void)arg;
	serve(r, "text/html; charset=utf-8", page_index_html, page_index_html_size);
}

static void serve_style(void *arg, struct http_request *r)
{
	(void)arg;
	serve(r, "text/css; charset=utf-8", page_page_css, page_page_css_size);
}

static void serve_script(void *arg, struct http_request *r)
{
	(void)arg;
	serve(r, "text/javascript; charset=utf-8", page_page_js, page_page_js_size);
}

static void serve_docs(void *arg, struct http_request *r)
{
	(void)arg;
	serve(r, "text/html; charset=utf-8", page_docs_html, page_docs_html_size);
}

static void serve_docs_script(void *arg, struct http_request *r)
{
	(void)arg;
	serve(r, "text/javascript; charset=utf-8", page_docs_js, page_docs_js_size);
}

void page_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/", HTTP_OPEN, serve_page},
		{"GET", "/page.css", HTTP_OPEN, serve_style},
		{"GET", "/page.js", HTTP_OPEN, serve_script},
		{"GET", "/docs", HTTP_OPEN, serve_docs},
		{"GET", "/docs.js", HTTP_OPEN, serve_docs_script},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
