/*
 * Changes of several zones as one transaction, in one request; and, with a body of lines, any
 * number of transactions (batch_stream.c).
 */
#include "control/api/batch_stream.h"
#include "control/api/call.h"
#include "control/api/transaction.h"
#include "shared/compiler.h"

static void report(struct zone_call *c, const struct change *change,
                   const struct change_result *r)
{
	(void)fprintf(c->out, "{\"dry_run\": %s, \"zones\": ",
	              change->dry_run ? "true" : "false");
	transaction_write_zones(c->out, r);
	(void)putc('}', c->out);
}

static int batch_work(struct zone_call *c, struct store_txn *t)
{
	if (c->if_match)
		return api_refuse(&c->fault, 422, "If-Match is for one zone");
	c->shows_field = true;
	c->report = report;
	call_new_change(c, TRANSACTION_WHY);
	return transaction_read(t, c->request->body, c->change, &c->fault);
}

static void serve_batch(void *arg, struct http_request *r)
{
	if (r->lines)
		batch_stream_begin(arg, r);
	else
		call_begin(arg, r, 200, batch_work, NULL);
}

void batch_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"POST", "/api/anser/v1/batch", HTTP_JSON | HTTP_LINES, serve_batch},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
