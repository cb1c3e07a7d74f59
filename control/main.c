/* anser-control: the control plane. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include "control/api/api.h"
#include "control/backup/tool.h"
#include "control/catalog/catalogs.h"
#include "control/config/config.h"
#include "control/ctl/server.h"
#include "control/engine.h"
#include "control/keeper/bootstrap.h"
#include "control/keeper/keeper.h"
#include "control/keeper/tokens.h"
#include "control/net/dispatch.h"
#include "control/net/parts.h"
#include "control/net/punted.h"
#include "control/net/stream.h"
#include "control/net/tcp.h"
#include "control/net/udp.h"
#include "control/publish/publisher.h"
#include "control/publish/supervise.h"
#include "control/qlog/reader.h"
#include "control/service/service.h"
#include "control/stored_overrides.h"
#include "control/tls/profiles.h"
#include "control/transfer/digests.h"
#include "control/transfer/expire_out.h"
#include "control/transfer/notify_out.h"
#include "control/transfer/out.h"
#include "control/transfer/refresh.h"
#include "control/tsig_ring.h"
#include "control/update/serve.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rcu.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

enum { EXIT_USAGE = 2 };

#define POOL_THREADS "8"

struct server {
	uv_loop_t loop;
	const struct config *config; /* held */
	struct publisher *publisher;
	struct supervisor *supervisor;
	struct engine *engine;
	struct tsig_ring *tsig_ring;
	struct transfer_parts transfer; /* of what is opened by open_transfers() */
	struct transfers_out *transfers_out;
	struct refresh *refresh;
	struct digests *digests;
	struct keeper *keeper;
	struct bootstrap *bootstrap;
	struct updates *updates;
	struct notifier *notifier;
	struct expire_out *expire_out;
	struct catalogs *catalogs;
	struct tcp_server *tcp;
	struct udp_server *udp;
	struct punted *punted;
	struct ctl_server *ctl;
	struct service *service;
	struct api *api;
	struct qlog_reader *query_log;
	uv_signal_t terminate;
	uv_signal_t interrupt;
	uv_signal_t hangup;
};

static const char usage[] =
	"usage: anser-control -c FILE [--check] [--file-only]\n"
	"       anser-control {-c FILE | --store DIR} --restore BACKUP [--until CHANGE|TIME]\n"
	"       anser-control --restore BACKUP --check [--until CHANGE|TIME]\n"
	"\n"
	"  -c, --config FILE  the configuration (anser.yaml(5))\n"
	"      --check        check the configuration, say what is wrong with it, and exit\n"
	"      --file-only    start by the file alone, without what anserctl conf set has set\n"
	"      --restore BACKUP  put a backup into the store, which must be empty, and exit;\n"
	"                     with --check: only check the backup, and say what is in it\n"
	"      --until CHANGE|TIME  as this change left it, or what was there at that time (UTC)\n"
	"      --store DIR    the store, instead of the one of the configuration\n"
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

/* ---- transfers, notifications, updates ---- */

static struct stream_limits limits_of(const struct config *c)
{
	return (struct stream_limits){.connect_ms = c->tcp_read_timeout_ms,
	                              .read_ms = c->tcp_read_timeout_ms,
	                              .write_ms = c->tcp_write_timeout_ms,
	                              .pending_max = c->tcp_max_pending};
}

static int open_transfers(struct server *s)
{
	struct transfer_parts *t = &s->transfer;
	const struct stream_limits limits = limits_of(s->config);

	t->loop = &s->loop;
	t->engine = s->engine;
	t->config = s->config;
	t->streams = streams_new(&s->loop, &limits);
	streams_count_tls(t->streams, &engine_table(s->engine)->tls_out);
	t->tls = tls_profiles_new();
	s->tsig_ring = tsig_ring_open(s->engine, s->config);
	t->keyring = tsig_ring_keys(s->tsig_ring);
	TRY(dispatch_open(&s->loop, s->config, engine_table(s->engine), t->keyring,
	                  &t->dispatch));
	refresh_open(t, &s->refresh);
	TRY(transfers_out_open(t, s->refresh, &s->transfers_out));
	digests_open(t, &s->digests);
	keeper_open(t, &s->keeper);
	bootstrap_open(t, &s->bootstrap);
	notifier_open(t, &s->notifier);
	expire_out_open(t, s->refresh, &s->expire_out);
	catalogs_open(t, &s->catalogs);
	updates_open(t, &s->updates);
	return 0;
}

static void configure_transfers(struct server *s, const struct config *next)
{
	const struct stream_limits limits = limits_of(next);

	s->transfer.config = next;
	tsig_ring_configure(s->tsig_ring, next);
	streams_configure(s->transfer.streams, &limits);
	tls_profiles_forget(s->transfer.tls);
	dispatch_configure(s->transfer.dispatch, next);
	transfers_out_configure(s->transfers_out, next);
	refresh_configure(s->refresh, next);
	catalogs_configure(s->catalogs);
	keeper_configure(s->keeper, next);
	bootstrap_configure(s->bootstrap);
}

/* Before what requests come by is closed: nobody is left who deals with them. */
static void stop_transfers(struct server *s)
{
	catalogs_close(&s->catalogs);
	expire_out_close(&s->expire_out);
	notifier_close(&s->notifier);
	transfers_out_close(&s->transfers_out);
	digests_close(&s->digests);
	bootstrap_close(&s->bootstrap);
	keeper_close(&s->keeper);
	refresh_close(&s->refresh);
	updates_close(&s->updates);
	streams_close(&s->transfer.streams);
	tls_profiles_free(&s->transfer.tls);
}

/* After that. */
static void close_transfers(struct server *s)
{
	dispatch_close(&s->transfer.dispatch);
	tsig_ring_close(&s->tsig_ring);
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
	stop_transfers(s);
	tcp_server_close(&s->tcp);
	udp_server_close(&s->udp);
	punted_close(&s->punted);
	close_transfers(s);
	if (s->supervisor)
		supervisor_close(&s->supervisor);
	qlog_reader_close(&s->query_log);
	engine_close(&s->engine);
	publisher_close(&s->publisher);
}

static void reloaded(void *arg, enum engine_outcome outcome, const json_t *result)
{
	struct server *s = arg;
	const char *error = json_string_value(json_object_get(result, "error"));

	if (outcome != ENGINE_OK)
		log_error("reloading: %s", error ? error : "failed");
	if (s->service)
		service_loaded(s->service);
}

/* SIGHUP: read the configuration again, and zone files that have changed. */
static void reload(uv_signal_t *signal, int number)
{
	struct server *s = signal->data;

	(void)number;
	service_reloading(s->service);
	engine_run(s->engine, actor_self(), "conf reload", NULL, reloaded, s);
}

/* ---- another configuration ---- */

static void abandon(void *arg)
{
	struct server *s = arg;

	if (s->tcp)
		tcp_server_abandon(s->tcp);
	if (s->api)
		api_abandon(s->api);
}

static int prepare(void *arg, const struct config *next, char *text, size_t text_size)
{
	struct server *s = arg;

	TRY(qlog_reader_prepare(next, text, text_size));
	TRY(tsig_ring_prepare(next, text, text_size));
	TRY(api_prepare(s->api, next, text, text_size));
	int err = tcp_server_prepare(s->tcp, next, text, text_size);
	if (err < 0)
		api_abandon(s->api);
	return err;
}

static void say_as(const struct config *c)
{
	log_configure("anser-control", (enum log_form)c->log_form,
	              (enum log_level)c->log_level);
}

static void configure(void *arg, const struct config *next)
{
	struct server *s = arg;
	const struct config *old = s->config;

	s->config = config_hold(next);
	say_as(next);
	publisher_configure(s->publisher, next);
	if (s->supervisor)
		supervisor_configure(s->supervisor, next);
	keeper_set_tokens(next);
	configure_transfers(s, next);
	tcp_server_configure(s->tcp, next);
	udp_server_configure(s->udp, next);
	qlog_reader_configure(s->query_log, next);
	api_configure(s->api, next);
	config_release(old);
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
	TRY(open_transfers(s));
	TRY(tcp_server_open(&s->loop, s->config, engine_table(s->engine), &s->tcp, text,
	                    size));
	tcp_server_hand_to(s->tcp, s->transfer.dispatch);
	TRY(udp_server_open(&s->loop, s->config, engine_table(s->engine), &s->udp, text,
	                    size));
	udp_server_hand_to(s->udp, s->transfer.dispatch);
	TRY(punted_open(&s->loop, s->publisher, s->transfer.dispatch,
	                engine_table(s->engine)->counters, &s->punted));
	TRY(qlog_reader_open(s->config, s->publisher, engine_table(s->engine),
	                     &s->query_log, text, size));
	publisher_watch(s->publisher, follow_data_planes, s);
	TRY(ctl_server_open(&s->loop, s->config->control_socket, s->engine, &s->ctl, text,
	                    size));
	const struct api_parts parts = {s->config, s->engine, s->publisher};
	TRY(api_open(&s->loop, &parts, &s->api, text, size));
	engine_configures(s->engine,
	                  &(struct engine_configured){prepare, configure, abandon, s});
	return 0;
}

static int run(struct server *s)
{
	char text[512] = "";

	/* Of what runs in libuv's pool, packing zones takes its time. */
	(void)setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0);
	uv_loop_init(&s->loop);
	/* The loop's thread reads the table for its own clients; it is online only while it does. */
	rcu_reader_begin();
	rcu_reader_offline();
	catch_signals(s);
	raise_descriptor_limit();
	keeper_set_tokens(s->config);
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
	keeper_forget_tokens();
	rcu_reader_end();
	return EXIT_SUCCESS;
}

enum {
	OPTION_CHECK = 256,
	OPTION_FILE_ONLY,
	OPTION_RESTORE,
	OPTION_UNTIL,
	OPTION_STORE,
	OPTION_OPTIONS,
	OPTION_VERSION
};

struct arguments {
	const char *config;
	const char *backup;
	const char *until;
	const char *store;
	bool check;
	bool file_only;
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"file-only", no_argument, NULL, OPTION_FILE_ONLY},
	{"restore", required_argument, NULL, OPTION_RESTORE},
	{"until", required_argument, NULL, OPTION_UNTIL},
	{"store", required_argument, NULL, OPTION_STORE},
	{"options", no_argument, NULL, OPTION_OPTIONS},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* Where overrides are is said by the file, so that one is read before. What is wrong with it is told
 * when it is read again. */
static int read_overrides(const char *path, struct overrides *out)
{
	struct config *config = NULL;
	char text[512] = "";
	struct diag diag;

	diag_init(&diag);
	int err = config_read(path, NULL, &config, &diag);
	diag_fini(&diag);
	if (err < 0)
		return 0;
	say_as(config);
	err = stored_overrides_read(config->store, out, text, sizeof text);
	if (err < 0)
		log_error("%s", text[0] ? text : err_text(err));
	config_release(config);
	return err;
}

static int read_and_tell(const char *path, const struct overrides *overrides,
                         struct config **out)
{
	struct diag diag;

	diag_init(&diag);
	int err = config_read(path, overrides, out, &diag);
	diag_print(&diag, stderr);
	diag_fini(&diag);
	if (err < 0 && overrides && overrides->count > 0)
		log_error("with what was set over it %s is refused; --file-only starts "
		          "without that",
		          path);
	return err;
}

static int restore_backup(const struct arguments *a)
{
	struct config *config;

	if (a->check)
		return backup_tool_check(a->backup, a->until);
	if (a->store)
		return backup_tool_restore(a->backup, a->store, a->until);
	if (read_and_tell(a->config, NULL, &config) < 0)
		return EXIT_FAILURE;
	int status = backup_tool_restore(a->backup, config->store, a->until);
	config_release(config);
	return status;
}

static int start(const struct arguments *a)
{
	static struct server server;
	struct overrides overrides = {0};
	struct config *config = NULL;

	if (!a->check && !a->file_only && read_overrides(a->config, &overrides) < 0)
		return EXIT_FAILURE;
	int err = read_and_tell(a->config, &overrides, &config);
	overrides_fini(&overrides);
	if (err < 0)
		return EXIT_FAILURE;
	say_as(config);
	server.config = config;
	int status = a->check ? EXIT_SUCCESS : run(&server);
	config_release(server.config);
	return status;
}

/* Whether they belong together. */
static bool make_sense(const struct arguments *a)
{
	if (!a->backup)
		return a->config && !a->until && !a->store;
	return a->check ? !a->store : !a->config != !a->store;
}

int main(int argc, char **argv)
{
	struct arguments a = {0};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'c': a.config = optarg; break;
		case OPTION_CHECK: a.check = true; break;
		case OPTION_FILE_ONLY: a.file_only = true; break;
		case OPTION_RESTORE: a.backup = optarg; break;
		case OPTION_UNTIL: a.until = optarg; break;
		case OPTION_STORE: a.store = optarg; break;
		case OPTION_OPTIONS: config_describe(stdout); return EXIT_SUCCESS;
		case OPTION_VERSION:
			puts("anser-control " ANSER_VERSION);
			return EXIT_SUCCESS;
		case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
		default: fputs(usage, stderr); return EXIT_USAGE;
		}
	}
	if (!make_sense(&a) || optind < argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return a.backup ? restore_backup(&a) : start(&a);
}
