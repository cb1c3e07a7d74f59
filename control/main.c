/* anser-control: the control plane. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include "control/api/api.h"
#include "control/config/config.h"
#include "control/ctl/server.h"
#include "control/engine.h"
#include "control/net/tcp.h"
#include "control/net/udp.h"
#include "control/publish/publisher.h"
#include "control/publish/supervise.h"
#include "control/qlog/reader.h"
#include "control/service/service.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rcu.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

enum { EXIT_USAGE = 2 };

struct server {
	uv_loop_t loop;
	struct config *config;
	struct publisher *publisher;
	struct supervisor *supervisor;
	struct engine *engine;
	struct tcp_server *tcp;
	struct udp_server *udp;
	struct ctl_server *ctl;
	struct service *service;
	struct api *api;
	struct qlog_reader *query_log;
	uv_signal_t terminate;
	uv_signal_t interrupt;
	uv_signal_t hangup;
};

static const char usage[] =
	"usage: anser-control -c FILE [--check]\n"
	"\n"
	"  -c, --config FILE  the configuration (anser.yaml(5))\n"
	"      --check        check the configuration, say what is wrong with it, and exit\n"
	"      --options      print every option of the configuration, and exit\n"
	"      --version      print the version, and exit\n"
	"  -h, --help         print this, and exit\n";

static void synced(void *arg, enum engine_outcome outcome, const json_t *result)
{
	struct server *s = arg;
	const char *error = json_string_value(json_object_get(result, "error"));

	if (s->api)
		api_loaded(s->api);
	if (outcome != ENGINE_OK)
		log_error("loading zones: %s", error ? error : "failed");
	if (s->service)
		service_loaded(s->service);
}

static void stop(uv_signal_t *signal, int number)
{
	struct server *s = signal->data;

	(void)number;
	uv_close((uv_handle_t *)&s->terminate, NULL);
	uv_close((uv_handle_t *)&s->interrupt, NULL);
	uv_close((uv_handle_t *)&s->hangup, NULL);
	service_close(&s->service);
	api_close(&s->api);
	ctl_server_close(&s->ctl);
	tcp_server_close(&s->tcp);
	udp_server_close(&s->udp);
	if (s->supervisor)
		supervisor_close(&s->supervisor);
	qlog_reader_close(&s->query_log);
	engine_close(&s->engine);
	publisher_close(&s->publisher);
}

/* SIGHUP: read zone files that have changed. */
static void reload(uv_signal_t *signal, int number)
{
	struct server *s = signal->data;

	(void)number;
	service_reloading(s->service);
	engine_run(s->engine, actor_self(), "zone sync", NULL, synced, s);
}

/* Every TCP connection takes a descriptor: as many as this user may have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void catch_signals(struct server *s)
{
	signal(SIGPIPE, SIG_IGN);
	s->terminate.data = s->interrupt.data = s->hangup.data = s;
	uv_signal_init(&s->loop, &s->terminate);
	uv_signal_init(&s->loop, &s->interrupt);
	uv_signal_init(&s->loop, &s->hangup);
	uv_signal_start(&s->terminate, stop, SIGTERM);
	uv_signal_start(&s->interrupt, stop, SIGINT);
	uv_signal_start(&s->hangup, reload, SIGHUP);
}

static void follow_data_planes(void *arg, bool past_kernel, bool by_kernel)
{
	const struct server *s = arg;

	if (s->udp)
		udp_server_follow(s->udp, past_kernel, by_kernel);
}

static int open_parts(struct server *s, char *text, size_t size)
{
	TRY(publisher_open(&s->loop, s->config, &s->publisher, text, size));
	TRY(engine_open(&s->loop, s->config, s->publisher, &s->engine, text, size));
	TRY(tcp_server_open(&s->loop, s->config, engine_table(s->engine), &s->tcp, text,
	                    size));
	TRY(udp_server_open(&s->loop, s->config, engine_table(s->engine), &s->udp, text,
	                    size));
	TRY(qlog_reader_open(s->config, s->publisher, engine_table(s->engine)->log,
	                     &s->query_log, text, size));
	publisher_watch(s->publisher, follow_data_planes, s);
	TRY(ctl_server_open(&s->loop, s->config->control_socket, s->engine, &s->ctl, text,
	                    size));
	const struct api_parts parts = {s->config, s->engine, s->publisher};
	return api_open(&s->loop, &parts, &s->api, text, size);
}

static int run(struct server *s)
{
	char text[512] = "";

	uv_loop_init(&s->loop);
	/* The loop's thread reads the table for its own clients; it is online only while it does. */
	rcu_reader_begin();
	rcu_reader_offline();
	catch_signals(s);
	raise_descriptor_limit();
	int err = open_parts(s, text, sizeof text);
	if (err < 0) {
		log_error("%s", text[0] ? text : err_text(err));
		return EXIT_FAILURE; /* the process ends: nothing needs to be undone */
	}
	if (s->config->supervise && s->config->supervise[0])
		supervisor_open(&s->loop, s->config, s->publisher, &s->supervisor);
	service_open(&s->loop, s->engine, s->publisher, s->supervisor != NULL,
	             &s->service);
	engine_run(s->engine, actor_self(), "zone sync", NULL, synced, s);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
	rcu_reader_end();
	return EXIT_SUCCESS;
}

enum { OPTION_CHECK = 256, OPTION_OPTIONS, OPTION_VERSION };

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"options", no_argument, NULL, OPTION_OPTIONS},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int start(const char *path, bool check)
{
	static struct server server;
	struct diag diag;

	diag_init(&diag);
	int err = config_read(path, &server.config, &diag);
	diag_print(&diag, stderr);
	diag_fini(&diag);
	if (err < 0)
		return EXIT_FAILURE;
	log_configure("anser-control", (enum log_form)server.config->log_form,
	              (enum log_level)server.config->log_level);
	int status = check ? EXIT_SUCCESS : run(&server);
	config_free(server.config);
	return status;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'c': path = optarg; break;
		case OPTION_CHECK: check = true; break;
		case OPTION_OPTIONS: config_describe(stdout); return EXIT_SUCCESS;
		case OPTION_VERSION:
			puts("anser-control " ANSER_VERSION);
			return EXIT_SUCCESS;
		case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
		default: fputs(usage, stderr); return EXIT_USAGE;
		}
	}
	if (!path || optind < argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return start(path, check);
}
