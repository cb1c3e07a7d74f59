/* GET /api/anser/v1/backup: all of the store and the audit log, as control/backup/ writes it. */
#include "control/api/internal.h"
#include "control/json_put.h"
#include "shared/compiler.h"

static void reply_backup(struct api *a, struct http_request *r, const json_t *result)
{
	uint64_t size = 0;
	int fd = engine_take_backup(
		a->engine,
		(uint64_t)json_integer_value(json_object_get(result, "number")), &size);

	if (fd < 0) {
		http_reply_error(r, 503, "another backup has taken its place");
		return;
	}
	http_set_header(r, "Content-Disposition",
	                "attachment; filename=\"anser.backup\"");
	http_reply_file(r, 200, "application/octet-stream", fd, size);
}

static void serve_backup(void *arg, struct http_request *r)
{
	json_t *args = json_object();

	if (target_flag(&r->target, "with-secrets"))
		json_put(args, "with_secrets", json_true());
	api_run_on_path(arg, r, "backup", args, reply_backup);
	json_decref(args);
}

void backup_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/api/anser/v1/backup", 0, serve_backup},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
