#include "control/commit/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "control/commit/diff.h"
#include "control/commit/ring.h"
#include "control/compile/compile.h"
#include "control/must.h"
#include "control/zone/soa.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rcu.h"
#include "shared/rrtype.h"

enum {
	GROUP_US = 5000,
	COMPILED_NAME = 48, /* octets of a small node beside what its records hold */
};

#define COOKIE_SECRET_NAME "cookie-secret"
#define GENERATION_NAME    "generation"

static bool hosts_below(void *arg, const uint8_t *name)
{
	const struct committer *c = arg;

	return registry_hosts_below(c->registry, name);
}

/* ---- settings ---- */

static uint8_t put_text(uint8_t *to, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > SETTINGS_TEXT_MAX)
		len = SETTINGS_TEXT_MAX;
	memcpy(to, text ? text : "", len);
	return (uint8_t)len;
}

/* The secret outlives restarts, so that clients' cookies do. */
static int read_secret(struct committer *c)
{
	struct store_txn *t;
	const void *value;
	size_t size;

	TRY(store_begin_write(c->store, &t));
	int err = store_meta_get(t, COOKIE_SECRET_NAME, &value, &size);
	if (err == 0 && size == COOKIE_SECRET_LEN) {
		memcpy(c->cookie_secret, value, COOKIE_SECRET_LEN);
		store_abort(&t);
		return 0;
	}
	if (getrandom(c->cookie_secret, COOKIE_SECRET_LEN, 0) != COOKIE_SECRET_LEN)
		err = ERR_SYSTEM;
	else
		err = store_meta_put(t, COOKIE_SECRET_NAME, c->cookie_secret,
		                     COOKIE_SECRET_LEN);
	if (err == 0)
		return store_commit(&t);
	store_abort(&t);
	return err;
}

static int put_settings(struct committer *c, struct table_writer *w)
{
	void *room;
	table_ref ref = writer_alloc(w, sizeof(struct table_settings), &room);

	if (!ref)
		return ERR_FULL;
	struct table_settings *s = room;
	s->udp_max_ipv4 = (uint16_t)c->config->udp_max_ipv4;
	s->udp_max_ipv6 = (uint16_t)c->config->udp_max_ipv6;
	s->tcp_keepalive = (uint16_t)(c->config->tcp_idle_timeout_ms / 100);
	s->cookies = c->config->cookies;
	s->nsid_len = put_text(s->nsid, c->config->nsid);
	s->id_len = put_text(s->id, c->config->id);
	s->version_len = put_text(s->version, c->config->version);
	memcpy(s->cookie_secret, c->cookie_secret, COOKIE_SECRET_LEN);
	memcpy(s->cookie_secret_previous, c->cookie_secret, COOKIE_SECRET_LEN);
	writer_put_settings(w, ref);
	return 0;
}

/* Whether put_settings() puts the same of both. */
static bool settings_equal(const struct config *a, const struct config *b)
{
	return a->udp_max_ipv4 == b->udp_max_ipv4 && a->udp_max_ipv6 == b->udp_max_ipv6 &&
	       a->tcp_idle_timeout_ms == b->tcp_idle_timeout_ms &&
	       a->cookies == b->cookies && !strcmp(a->nsid, b->nsid) &&
	       !strcmp(a->id, b->id) && !strcmp(a->version, b->version);
}

/* ---- zones in the table ---- */

/* The sort key of a child zone's apex in its parent. */
static size_t key_in_parent(const struct zone *parent, const struct zone *child,
                            uint8_t key[static NAME_KEY_MAX])
{
	return name_to_key(child->table.apex, parent->table.apex_len, key);
}

/* What the store holds of a zone must be all that was put there. If not, it is not served: the
 * next load reads the zone file again. */
static int compile_loaded(struct committer *c, struct zone *z, struct store_txn *t)
{
	char text[NAME_TEXT_MAX];
	uint64_t rrsets = 0;

	int err = compile_zone(c->compiler, &z->table, t, &rrsets);
	if (err == 0 && rrsets == z->rrsets)
		return 0;
	if (err == ERR_FULL)
		return err;
	log_error("the store is damaged: it holds %llu of %llu RRsets of zone %s",
	          (unsigned long long)rrsets, (unsigned long long)z->rrsets,
	          name_to_text(z->table.apex, text));
	registry_touch(c->registry, z);
	z->loaded = false;
	z->state = ZONE_STATE_FAILED;
	must_set_text(&z->error, "the store is damaged");
	memset(z->source_mark, 0, sizeof z->source_mark);
	TRY(compile_remove(c->compiler, &z->table, t));
	return compile_unloaded(c->compiler, &z->table);
}

static bool is_served(const struct zone *z)
{
	return z->loaded && !z->expired;
}

static int compile_new(struct committer *c, struct zone *z, struct store_txn *t)
{
	uint64_t rrsets;

	return is_served(z) ? compile_zone(c->compiler, &z->table, t, &rrsets)
	                    : compile_unloaded(c->compiler, &z->table);
}

/* Puts a zone with or without contents into the table for the first time. The nodes that a
 * hosted parent has there make way, except for its view of the cut. */
static int enter_table(struct committer *c, struct zone *z, struct store_txn *t)
{
	struct zone *parent = registry_parent(c->registry, z->table.apex);
	uint8_t key[NAME_KEY_MAX];
	size_t key_len = parent ? key_in_parent(parent, z, key) : 0;
	size_t names;

	z->table.hosts_children = registry_hosts_below(c->registry, z->table.apex);
	TRY(compile_path(c->compiler, z->table.apex));
	if (parent) {
		registry_touch(c->registry, parent);
		parent->table.hosts_children = true;
	}
	if (parent && is_served(parent))
		TRY(compile_hide(c->compiler, &parent->table, t, key, key_len));
	TRY(compile_new(c, z, t));
	if (parent && is_served(parent))
		TRY(compile_subtree(c->compiler, &parent->table, t, key, key_len,
		                    &names));
	return 0;
}

static int leave_table(struct committer *c, struct zone *z, struct store_txn *t)
{
	TRY(compile_remove(c->compiler, &z->table, t));
	return 0;
}

/* Where a zone is in a segment. */
struct place {
	table_ref stub;
	table_ref denial_root;
};

/* Zones leave the segment they are in. Gives where they were there. */
static struct place *leave_segment(struct committer *c, struct zone **all)
{
	struct place *places = calloc(registry_count(c->registry) + 1, sizeof *places);

	if (!places)
		abort();
	for (size_t i = 0; all[i]; i++) {
		struct compile_zone *z = &all[i]->table;
		places[i].stub = z->stub;
		places[i].denial_root = z->denial_root;
		z->stub = 0;
		z->denial_root = 0;
	}
	return places;
}

static void return_to_segment(struct zone **all, const struct place *places)
{
	for (size_t i = 0; all[i]; i++) {
		all[i]->table.stub = places[i].stub;
		all[i]->table.denial_root = places[i].denial_root;
	}
}

/* Children first: a parent that comes across a hosted child's apex leaves its names out at once, so
 * nothing has to make way for a child afterwards. */
static int compile_all(struct committer *c, struct zone **all, struct store_txn *t)
{
	for (size_t i = 0; all[i]; i++) {
		struct compile_zone *z = &all[i]->table;
		z->hosts_children = registry_hosts_below(c->registry, z->apex);
		TRY(compile_path(c->compiler, z->apex));
		TRY(is_served(all[i]) ? compile_loaded(c, all[i], t)
		                      : compile_unloaded(c->compiler, z));
	}
	return 0;
}

/* The root's node is always there: every name has an encloser. */
static int put_root(struct compiler *compiler)
{
	static const uint8_t under_root[] = {1, 'x', 0};

	return compile_path(compiler, under_root);
}

static int build(struct committer *c, struct table_writer *w, struct zone **all)
{
	struct store_txn *t;

	TRY(put_settings(c, w));
	TRY(put_root(c->compiler));
	TRY(store_begin_read(c->store, &t));
	int err = compile_all(c, all, t);
	store_abort(&t);
	return err;
}

/* ---- segments ---- */

/* Generations rise over restarts, so that two segments never share one. */
static int next_generation(struct committer *c, uint64_t *out)
{
	struct store_txn *t;
	const void *value;
	size_t size;
	uint64_t generation = 0;

	TRY(store_begin_write(c->store, &t));
	int err = store_meta_get(t, GENERATION_NAME, &value, &size);
	if (err == 0 && size == sizeof generation)
		memcpy(&generation, value, sizeof generation);
	generation++;
	err = store_meta_put(t, GENERATION_NAME, &generation, sizeof generation);
	if (err < 0) {
		store_abort(&t);
		return err;
	}
	TRY(store_commit(&t));
	*out = generation;
	return 0;
}

static void show_segment(struct committer *c, struct table_writer *old)
{
	writer_share(c->writer);
	rcu_publish(c->source.current, writer_table(c->writer));
	if (c->publisher)
		publisher_set_segment(c->publisher, writer_fd(c->writer),
		                      writer_generation(c->writer));
	rcu_wait();
	writer_close(&old);
}

/* When it fails, zones are known to be where they were. */
static int build_all(struct committer *c, struct table_writer *w)
{
	struct zone **all = registry_deepest_first(c->registry);
	struct place *places = leave_segment(c, all);

	registry_begin(c->registry);
	int err = build(c, w, all);
	if (err == 0) {
		registry_keep(c->registry);
	} else {
		registry_undo(c->registry);
		return_to_segment(all, places);
	}
	free(places);
	free(all);
	return err;
}

int committer_rebuild(struct committer *c)
{
	struct table_writer *old = c->writer;
	struct compiler *old_compiler = c->compiler;
	struct table_writer *fresh;
	struct store_usage usage;
	uint64_t generation = 0;

	TRY(next_generation(c, &generation));
	TRY(store_usage(c->store, &usage));
	TRY(writer_open((uint64_t)c->config->table_limit_mb << 20, generation,
	                usage.rrsets, &fresh));
	c->compiler = compiler_new(fresh, hosts_below, c);
	c->writer = fresh;
	int err = build_all(c, fresh);
	if (err < 0) {
		if (err == ERR_FULL && writer_failed(fresh))
			err = ERR_TABLE_FULL;
		compiler_free(c->compiler);
		writer_close(&fresh);
		c->compiler = old_compiler;
		c->writer = old;
		return err;
	}
	if (old_compiler)
		compiler_free(old_compiler);
	c->generation = generation;
	show_segment(c, old);
	return 0;
}

/* ---- the registry and the store ---- */

static int read_zone(const struct store_zone *s, void *arg)
{
	struct committer *c = arg;
	struct zone *z = registry_add(c->registry, s->name);

	z->table.id = s->id;
	z->loaded = s->loaded;
	z->expired = s->expired;
	z->state = s->loaded ? ZONE_STATE_SERVED : ZONE_STATE_EMPTY;
	z->added = s->added;
	z->edited = s->edited;
	z->serial = s->serial;
	z->records = s->records;
	z->rrsets = s->rrsets;
	z->changed_at = s->changed_at;
	memcpy(z->source_mark, s->source_mark, sizeof z->source_mark);
	if (s->source[0])
		must_set_text(&z->source, s->source);
	return 0;
}

static int read_registry(struct committer *c)
{
	struct store_txn *t;

	c->registry = registry_new();
	TRY(store_begin_read(c->store, &t));
	registry_begin(c->registry);
	int err = store_zone_each(t, NULL, read_zone, c);
	registry_keep(c->registry);
	store_abort(&t);
	return err;
}

int committer_open(struct committer *c, const struct config *config, struct publisher *p,
                   char *text, size_t text_size)
{
	*c = (struct committer){.config = config, .publisher = p, .group_us = GROUP_US};
	c->notes_end = &c->notes;
	c->secrets = sign_secrets_new(config->dnssec_master_secret);
	c->ring = key_ring_new(c->secrets);
	TRY(store_open(config->store, &c->store, text, text_size));
	int err = read_secret(c);
	if (err == 0)
		err = read_registry(c);
	if (err == 0)
		err = committer_rebuild(c);
	if (err < 0) {
		snprintf(text, text_size, "cannot build the table: %s", err_text(err));
		committer_close(c);
	}
	return err;
}

void committer_close(struct committer *c)
{
	commit_forget_touched(c);
	change_note_free(c->note);
	change_note_free(c->notes);
	if (c->compiler)
		compiler_free(c->compiler);
	writer_close(&c->writer);
	if (c->registry)
		registry_free(c->registry);
	if (c->store)
		store_close(c->store);
	key_ring_free(&c->ring);
	sign_secrets_free(&c->secrets);
	*c = (struct committer){0};
}

/* ---- commits ---- */

int commit_begin(struct committer *c)
{
	TRY(store_begin_write(c->store, &c->txn));
	registry_begin(c->registry);
	return 0;
}

static void keep_note(struct committer *c)
{
	if (!c->note)
		return;
	*c->notes_end = c->note;
	c->notes_end = &c->note->next;
	c->note = NULL;
}

struct change_note *committer_take_notes(struct committer *c)
{
	struct change_note *notes = c->notes;

	c->notes = NULL;
	c->notes_end = &c->notes;
	return notes;
}

static void ask_for_grace(struct committer *c)
{
	c->grace = c->publisher ? publisher_request_grace(c->publisher) : c->grace + 1;
	writer_wait_for(c->writer, c->grace);
	rcu_wait(); /* the readers of this process */
}

int commit_finish(struct committer *c)
{
	if (writer_failed(c->writer))
		return commit_fail(c, ERR_FULL);
	uint64_t began = clock_now_ns();
	int err = store_commit(&c->txn);
	durations_add(&c->store_commits, clock_now_ns() - began);
	if (err < 0)
		return commit_fail(c, err);
	writer_publish(c->writer);
	registry_keep(c->registry);
	keep_note(c);
	c->commits++;
	c->changed_at = (uint64_t)time(NULL);
	c->store_ails = false;
	ask_for_grace(c);
	return 0;
}

void commit_abandon(struct committer *c)
{
	if (c->txn)
		store_abort(&c->txn);
	commit_forget_touched(c);
	change_note_free(c->note);
	c->note = NULL;
	key_ring_forget(c->ring);
	writer_undo(c->writer);
	registry_undo(c->registry);
	if (writer_wants_grace(c->writer))
		ask_for_grace(c);
}

int commit_fail(struct committer *c, int err)
{
	bool table = err == ERR_FULL && writer_failed(c->writer);

	commit_abandon(c);
	return table ? ERR_TABLE_FULL : err;
}

/* Of the configuration that the committer has. */
static int try_configure(struct committer *c, bool settings, struct change *change,
                         struct change_result *result)
{
	TRY(commit_begin(c));
	int err = commit_change(c, change, result);
	if (err == 0)
		err = result->err;
	if (err == 0 && settings)
		err = put_settings(c, c->writer);
	if (err == 0)
		return commit_finish(c);
	return commit_fail(c, err);
}

int commit_configure(struct committer *c, const struct config *next,
                     struct change *change, struct change_result *result)
{
	const struct config *before = c->config;
	bool settings = !settings_equal(before, next);
	int err = 0;

	*result = (struct change_result){.visible_ms = -1};
	c->config = next;
	if (settings || change->item_count > 0)
		err = try_configure(c, settings, change, result);
	/* The store has no room until it has grown, which it does between transactions. */
	if (err == ERR_FULL)
		err = try_configure(c, settings, change, result);
	if (err < 0)
		c->config = before;
	return err;
}

int commit_zone_state(struct committer *c, struct zone *z)
{
	struct store_zone s = {0};

	int err = z->table.id ? store_zone_get(c->txn, z->table.apex, &s) : 0;
	TRY(err);
	s.id = z->table.id;
	s.loaded = z->loaded;
	s.expired = z->expired;
	s.added = z->added;
	s.edited = z->edited;
	s.serial = z->serial;
	s.rrsets = z->rrsets;
	s.records = z->records;
	s.changed_at = z->changed_at;
	memcpy(s.name, z->table.apex, z->table.apex_len);
	memcpy(s.source_mark, z->source_mark, sizeof s.source_mark);
	if (z->source && strlen(z->source) >= sizeof s.source)
		return ERR_TOOBIG;
	memset(s.source, 0, sizeof s.source);
	if (z->source)
		memcpy(s.source, z->source, strlen(z->source) + 1);
	TRY(store_zone_put(c->txn, &s));
	z->table.id = s.id;
	return 0;
}

int commit_zone_add(struct committer *c, const uint8_t *name, bool added,
                    struct zone **out)
{
	if (registry_find(c->registry, name))
		return ERR_EXISTS;
	struct zone *z = registry_add(c->registry, name);
	z->added = added;
	TRY(commit_zone_state(c, z));
	TRY(enter_table(c, z, c->txn));
	*out = z;
	return 0;
}

/* The new apex and stub replace those that are there, as with the first contents of a zone. */
int commit_zone_expire(struct committer *c, struct zone *z, bool expired)
{
	if (z->expired == expired)
		return 0;
	registry_touch(c->registry, z);
	if (expired && z->loaded)
		TRY(leave_table(c, z, c->txn));
	z->expired = expired;
	return z->loaded ? enter_table(c, z, c->txn) : 0;
}

/* The parent's own records at and below the name, which the zone has hidden. */
static int surface_in_parent(struct committer *c, struct zone *parent, const uint8_t *key,
                             size_t key_len)
{
	size_t names;

	if (!parent)
		return 0;
	parent->table.hosts_children =
		registry_hosts_below(c->registry, parent->table.apex);
	return is_served(parent) ? compile_subtree(c->compiler, &parent->table, c->txn,
	                                           key, key_len, &names)
	                         : 0;
}

int commit_zone_remove(struct committer *c, struct zone *z)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct zone *parent = registry_parent(c->registry, z->table.apex);
	size_t key_len = parent ? key_in_parent(parent, z, key) : 0;

	memcpy(name, z->table.apex, sizeof name);
	registry_touch(c->registry, z);
	if (parent)
		registry_touch(c->registry, parent);
	writer_use_reserve(c->writer, true);
	int err = leave_table(c, z, c->txn);
	if (err == 0)
		err = store_zone_delete(c->txn, name);
	if (err == 0) {
		registry_remove(c->registry, z);
		compile_unpath(c->compiler, name);
		err = surface_in_parent(c, parent, key, key_len);
	}
	writer_use_reserve(c->writer, false);
	return err;
}

static uint32_t serial_of(const struct contents *contents)
{
	const struct contents_rrset *r = contents_at_apex(contents, RRTYPE_SOA);
	struct rrset set;

	if (!r || rrset_open(r->type, r->blob, r->size, &set) < 0)
		return 0;
	struct rdata d = rrset_first_record(&set);
	return soa_number(d.bytes, d.len, SOA_SERIAL);
}

static int first_contents(struct committer *c, struct zone *z,
                          const struct contents *contents, struct commit_report *report)
{
	/* The empty zone's apex and stub are replaced, not added to. */
	z->loaded = true;
	z->rrsets = contents->count;
	TRY(enter_table(c, z, c->txn));
	report->names = contents->count;
	return 0;
}

int commit_zone_contents(struct committer *c, struct zone *z,
                         const struct contents *contents, const struct diff_log *log,
                         struct commit_report *report)
{
	struct diff d;
	bool first = !z->loaded;

	registry_touch(c->registry, z);
	TRY(commit_zone_expire(c, z, false));
	diff_init(&d);
	int err = diff_compute(&d, c->txn, z->table.id, contents);
	if (d.all)
		writer_expect(c->writer, d.names * COMPILED_NAME + d.bytes);
	if (err == 0 && log)
		err = diff_show(&d, log);
	if (err == 0)
		err = diff_apply(&d, c->txn, z->table.id);
	if (first)
		writer_reserve(c->writer, d.names);
	*report = (struct commit_report){
		.added = d.added, .removed = d.removed, .changed = d.changed};
	if (err == 0 && (first || d.all))
		err = first_contents(c, z, contents, report);
	else if (err == 0 && d.change_count > 0)
		err = compile_changes(c->compiler, &z->table, c->txn, d.changes,
		                      d.change_count, &report->names);
	if (err == 0) {
		z->loaded = true;
		z->edited = false;
		z->state = ZONE_STATE_SERVED;
		z->serial = serial_of(contents);
		z->records = contents->records;
		z->rrsets = contents->count;
		if (d.added + d.removed + d.changed > 0)
			z->changed_at = (uint64_t)time(NULL);
		err = commit_zone_state(c, z);
	}
	diff_fini(&d);
	return err;
}

/* ---- housekeeping ---- */

static bool someone_stopped(struct committer *c)
{
	struct attachment_info info[ATTACHMENTS_MAX];
	unsigned n = publisher_attachments(c->publisher, info);
	bool stopped = false;

	for (unsigned i = 0; i < n; i++)
		stopped |= info[i].stopped && info[i].holds;
	return stopped;
}

int committer_tick(struct committer *c)
{
	struct writer_usage usage;

	writer_passed(c->writer,
	              c->publisher ? publisher_passed(c->publisher) : c->grace);
	if (writer_wants_grace(c->writer))
		ask_for_grace(c);
	if (!c->publisher)
		return 0;
	writer_usage(c->writer, &usage);
	if (usage.retired < (uint64_t)c->config->retired_limit_mb << 20 ||
	    !someone_stopped(c))
		return 0;
	log_warning("a stopped data plane holds back %llu bytes: moving to a fresh table",
	            (unsigned long long)usage.retired);
	return committer_rebuild(c);
}

int committer_rest(struct committer *c)
{
	if (writer_collapse(c->writer))
		return 1;
	if (c->store_ails)
		return 0;
	int err = store_purge(c->store);
	c->store_ails = err < 0;
	return err;
}
