/*
 * zone check: what a load would say of a zone file; and whether a signed zone is what a validator takes, in a file
 * or, when none is named, as the server has it: a zone that is signed here has no file that is.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/diag_json.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/loading.h"
#include "control/must.h"
#include "control/sign/check.h"
#include "control/zone/arena.h"
#include "shared/err.h"

enum {
	THREADS_MAX = 4,
	THREAD_RRSETS = 4096, /* for fewer a further thread is not worth it */
};

struct zone_check {
	struct diag diag;
	size_t records;
	bool dnssec;
	const atomic_bool *stop;
};

static int check_signed(struct zone_check *k, const struct contents *c)
{
	const struct sign_check how = {
		.now = (uint64_t)time(NULL),
		.one_in = 1,
		.threads = c->count < (size_t)THREADS_MAX * THREAD_RRSETS
	                           ? 1 + (unsigned)(c->count / THREAD_RRSETS)
	                           : THREADS_MAX,
		.stop = k->stop,
	};

	return sign_check_contents(c, &how, &k->diag);
}

/* ---- a file ---- */

static int check_file(struct zone_check *k, struct load *load)
{
	struct contents *contents;

	TRY(loading_contents(load, &contents, &k->diag));
	k->records = contents->records;
	int err = k->dnssec ? check_signed(k, contents) : 0;
	contents_free(contents);
	return err;
}

static enum engine_outcome check_a_file(struct engine *e, struct zone_check *k,
                                        struct load *load, const json_t *args,
                                        json_t *result)
{
	const char *file = json_string_value(json_object_get(args, "file"));
	struct store_zone z = {0};

	if (!file) {
		enum engine_outcome bad = loading_source(e, load->name, args, &z, result);
		if (bad != ENGINE_OK)
			return bad;
	}
	load->file = must(strdup(file ? file : z.source));
	int err = check_file(k, load);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s: %s", load->file,
		                   err_text(err));
	return ENGINE_OK;
}

/* ---- as the server has it ---- */

/* Gives the zone's RRsets, lent from the transaction. */
static int lend_contents(struct store_txn *t, const struct store_zone *z,
                         struct contents *out)
{
	struct store_cursor *cursor;
	struct store_entry e;
	size_t room = 0;

	TRY(store_cursor_open(t, z->id, &cursor));
	int err = store_cursor_seek(cursor, (const uint8_t *)"", 0, &e);
	for (; err == 0; err = store_cursor_next(cursor, &e)) {
		out->rrsets =
			array_room(out->rrsets, out->count, &room, sizeof *out->rrsets);
		out->rrsets[out->count++] = (struct contents_rrset){
			.key = e.key,
			.key_len = (uint16_t)e.key_len,
			.type = e.set.type,
			.size = (uint32_t)e.set.size,
			.blob = e.set.bytes,
		};
	}
	store_cursor_close(&cursor);
	return err == ERR_NOTFOUND ? 0 : err;
}

static int check_stored(struct zone_check *k, struct store_txn *t, const uint8_t *name)
{
	struct contents contents = {.apex_len = (uint8_t)name_len(name, NAME_MAX_LEN)};
	struct store_zone z;

	TRY(engine_find_zone(t, name, &z));
	memcpy(contents.apex, name, contents.apex_len);
	int err = lend_contents(t, &z, &contents);
	if (err == 0)
		err = check_signed(k, &contents);
	k->records = z.records;
	free(contents.rrsets);
	return err;
}

static enum engine_outcome check_the_zone(struct engine *e, struct zone_check *k,
                                          const uint8_t *name, const json_t *args,
                                          json_t *result)
{
	const char *zone = json_string_value(json_object_get(args, "zone"));
	struct store_txn *t;

	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = check_stored(k, t, name);
		store_abort(&t);
	}
	if (err == ERR_NOTFOUND)
		return engine_fail(result, ENGINE_REFUSED, "no zone %s", zone);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s: %s", zone, err_text(err));
	return ENGINE_OK;
}

/* ---- the command ---- */

enum engine_outcome command_zone_check(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct zone_check k = {
		.dnssec = json_is_true(json_object_get(args, "dnssec")),
		.stop = &e->closing,
	};
	struct load load = {.file = NULL};
	enum engine_outcome bad = engine_zone_arg(args, result, load.name);

	if (bad != ENGINE_OK)
		return bad;
	diag_init(&k.diag);
	bad = k.dnssec && !json_object_get(args, "file")
	              ? check_the_zone(e, &k, load.name, args, result)
	              : check_a_file(e, &k, &load, args, result);
	json_put(result, "diagnostics", diag_json(&k.diag));
	json_put(result, "records", json_number(k.records));
	diag_fini(&k.diag);
	free(load.file);
	return bad;
}
