#include "tests/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void live_open(struct live *l)
{
	char text[1024];
	struct diag diag;
	struct config *config;

	(void)snprintf(l->dir, sizeof l->dir, "/tmp/anser-live-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	int len = snprintf(text, sizeof text,
	                   "control:\n  store: %s/store\n  control-socket: %s/c\n"
	                   "  dataplane-socket: %s/d\n  supervise: no\n"
	                   "  table-limit: 64M\n",
	                   l->dir, l->dir, l->dir);
	diag_init(&diag);
	assert_int_equal(
		config_parse(text, (size_t)len, "/test.yaml", NULL, &config, &diag), 0);
	diag_fini(&diag);
	l->config = config;
	uv_loop_init(&l->loop);
	uv_async_init(&l->loop, &l->keep, NULL);
	assert_int_equal(
		publisher_open(&l->loop, l->config, &l->publisher, text, sizeof text), 0);
	assert_int_equal(engine_open(&l->loop, l->config, l->publisher, &l->engine, text,
	                             sizeof text),
	                 0);
}

void live_close(struct live *l)
{
	char command[64];

	engine_close(&l->engine);
	publisher_close(&l->publisher);
	uv_close((uv_handle_t *)&l->keep, NULL);
	(void)uv_run(&l->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&l->loop), 0);
	config_release(l->config);
	(void)snprintf(command, sizeof command, "rm -r %s", l->dir);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}
