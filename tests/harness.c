#include "tests/harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/zone/contents.h"
#include "control/zone/zonefile.h"
#include "shared/cacheline.h"
#include "shared/err.h"
#include "shared/wire.h"

enum { TABLE_LIMIT_MB = 16384, UDP_MAX = 1232, RESPONSE_TIME = 1700000000 };

static void must(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "harness: %s: %s\n", what, err_text(err));
	abort();
}

struct harness *harness_open(void)
{
	struct harness *h = cacheline_new(sizeof *h);
	static char nsid[] = "test";
	static char id[] = "test.example";
	static char version[] = "test";
	char text[256] = "";

	if (!h)
		abort();
	strcpy(h->dir, "/tmp/anser-test-XXXXXX");
	if (!mkdtemp(h->dir))
		abort();
	h->config = (struct config){
		.store = h->dir,
		.nsid = nsid,
		.id = id,
		.version = version,
		.cookies = true,
		.udp_max_ipv4 = UDP_MAX,
		.udp_max_ipv6 = UDP_MAX,
		.tcp_idle_timeout_ms = 10000,
		.table_limit_mb = TABLE_LIMIT_MB,
	};
	must(committer_open(&h->committer, &h->config, NULL, text, sizeof text), text);
	h->committer.group_us = UINT32_MAX; /* a busy machine makes no smaller groups */
	h->responder = responder_new(&h->counters);
	return h;
}

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		return;
	for (const struct dirent *d; (d = readdir(dir));) {
		char file[512];
		snprintf(file, sizeof file, "%s/%s", path, d->d_name);
		unlink(file);
	}
	closedir(dir);
	rmdir(path);
}

void harness_close(struct harness *h)
{
	responder_free(h->responder);
	committer_close(&h->committer);
	remove_directory(h->dir);
	free(h);
}

void harness_name(const char *text, uint8_t name[static NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	int len = name_from_text(text, strlen(text), root, name);

	must(len, text);
	name_fold(name, (size_t)len);
}

static int commit_contents(struct harness *h, const uint8_t *apex,
                           const struct contents *contents, struct commit_report *report)
{
	struct committer *c = &h->committer;
	struct commit_report unused;
	struct zone *z = registry_find(c->registry, apex);

	must(commit_begin(c), "begin");
	if (!z)
		must(commit_zone_add(c, apex, true, &z), "add");
	must(commit_zone_contents(c, z, contents, NULL, report ? report : &unused),
	     "contents");
	must(commit_finish(c), "finish");
	must(committer_tick(c), "tick");
	return 0;
}

static int load(struct harness *h, const char *origin, const char *text, const char *path,
                struct diag *diag, struct commit_report *report)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *contents = NULL;
	struct diag own;

	diag_init(&own);
	harness_name(origin, apex);
	struct diag *d = diag ? diag : &own;
	int err = path ? zonefile_read(path, apex, &contents, d)
	               : zonefile_parse(text, strlen(text), "test", apex, &contents, d);
	if (err == 0)
		err = contents_check(contents, d);
	if (err == 0)
		err = commit_contents(h, apex, contents, report);
	if (err < 0 && !diag)
		diag_print(d, stderr);
	contents_free(contents);
	diag_fini(&own);
	return err;
}

int harness_load(struct harness *h, const char *origin, const char *text,
                 struct diag *diag, struct commit_report *report)
{
	return load(h, origin, text, NULL, diag, report);
}

int harness_load_file(struct harness *h, const char *origin, const char *path,
                      struct diag *diag, struct commit_report *report)
{
	return load(h, origin, NULL, path, diag, report);
}

struct contents *harness_contents(const char *origin, const char *text)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *contents = NULL;
	struct diag diag;

	diag_init(&diag);
	harness_name(origin, apex);
	must(zonefile_parse(text, strlen(text), "test", apex, &contents, &diag), text);
	must(contents_check(contents, &diag), text);
	diag_fini(&diag);
	return contents;
}

int harness_remove(struct harness *h, const char *origin)
{
	uint8_t apex[NAME_MAX_LEN];
	struct committer *c = &h->committer;

	harness_name(origin, apex);
	struct zone *z = registry_find(c->registry, apex);
	if (!z)
		return ERR_NOTFOUND;
	must(commit_begin(c), "begin");
	must(commit_zone_remove(c, z), "remove");
	must(commit_finish(c), "finish");
	return committer_tick(c);
}

size_t harness_query(const struct question *q, uint8_t message[static 512])
{
	static const uint8_t root[] = {0};
	struct wire_writer w = wire_writer_on(message, 512);
	uint8_t name[NAME_MAX_LEN];
	int len = name_from_text(q->name, strlen(q->name), root, name);

	must(len, q->name);
	wire_write16(&w, 0x1234);
	wire_write16(&w, 0);
	wire_write16(&w, 1);
	wire_write32(&w, 0);
	wire_write16(&w, q->udp_size > 0);
	wire_write_bytes(&w, name, (size_t)len);
	wire_write16(&w, q->type);
	wire_write16(&w, q->class ? q->class : 1);
	if (q->udp_size > 0) {
		wire_write8(&w, 0);
		wire_write16(&w, 41);
		wire_write16(&w, q->udp_size);
		wire_write32(&w, q->dnssec ? 0x8000 : 0);
		wire_write16(&w, 0);
	}
	return wire_written(&w);
}

size_t harness_ask(struct harness *h, const uint8_t *message, size_t len, bool tcp)
{
	struct pkt p = {
		.dns = h->reply,
		.len = (uint16_t)len,
		.room = sizeof h->reply,
		.client = {.addr = {[10] = 0xff,
	                            [11] = 0xff,
	                            [12] = 192,
	                            [13] = 0,
	                            [14] = 2,
	                            [15] = 53},
	                   .port = 5353,
	                   .transport = tcp ? TRANSPORT_TCP : TRANSPORT_UDP,
	                   .is_ipv4 = 1},
	};

	memcpy(h->reply, message, len);
	respond_burst(h->responder, h->committer.source.current, RESPONSE_TIME, &p, 1);
	return p.len;
}
