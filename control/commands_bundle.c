/*
 * Commands about zones whose KSK is elsewhere: requests for its signatures (KSR), and the responses (SKR).
 */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/keeper/request.h"
#include "control/keyed_zone.h"
#include "control/must.h"
#include "control/sign/bundle_check.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/bundle_text.h"
#include "shared/err.h"

enum { SECONDS_MAX = 20 * 366 * 86400 };

/* What a command does with such a zone. */
typedef enum engine_outcome offline_fn(const struct request_zone *z, struct keyed_zone *k,
                                       const json_t *args, json_t *result);

static enum engine_outcome run_open(struct engine *e, struct keyed_zone *k,
                                    const json_t *args, json_t *result, offline_fn *fn)
{
	const struct request_zone z = {.txn = k->txn,
	                               .policy = k->policy,
	                               .secrets = engine_secrets(e),
	                               .keys = k->orders.keys,
	                               .now = k->orders.now};

	if (!k->policy || !(k->policy->offline_ksk || k->orders.keys->state.bundle))
		return engine_refuse(
			result, ERR_REFUSED,
			"the zone's policy does not say that its KSK is offline "
			"(ksk: offline)");
	return fn(&z, k, args, result);
}

static enum engine_outcome run_offline(struct engine *e, const json_t *args,
                                       json_t *result, offline_fn *fn)
{
	struct keyed_zone k;
	enum engine_outcome outcome = engine_refuse_grants(result);

	if (outcome == ENGINE_OK)
		outcome = keyed_zone_open(e, args, result, &k);
	if (outcome != ENGINE_OK)
		return outcome;
	outcome = run_open(e, &k, args, result, fn);
	keyed_zone_close(&k);
	return outcome;
}

static enum engine_outcome refuse(json_t *result, int err, const char *why)
{
	return engine_refuse(result, err, "%s", why[0] ? why : err_text(err));
}

/* ---- the request ---- */

static void put_request(const struct request *r, uint64_t now, json_t *result)
{
	size_t size;
	char *text;
	FILE *to = must_open_text(&text, &size);
	int err = bundles_write(to, r->bundles, now);

	must_close_text(to);
	json_put(result, "request", err == 0 ? json_stringn(text, size) : json_null());
	json_put(result, "bundles", json_number(r->bundles->count));
	json_put(result, "keys_made", json_number(r->made));
	free(text);
}

static enum engine_outcome make_request(const struct request_zone *z,
                                        struct keyed_zone *k, const json_t *args,
                                        json_t *result)
{
	json_int_t seconds = json_integer_value(json_object_get(args, "seconds"));
	char why[ZONE_KEYS_WHY_SIZE] = "";
	struct request r;

	if (seconds <= 0 || seconds > SECONDS_MAX)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"seconds\" must be how long the request is for");
	int err = request_make(z, z->now + (uint64_t)seconds, &r, why);
	if (err < 0)
		return refuse(result, err, why);
	put_request(&r, z->now, result);
	if (r.planned)
		keyed_zone_change(k, args);
	bundles_free(&r.bundles);
	return ENGINE_OK;
}

enum engine_outcome command_dnssec_ksr(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return run_offline(e, args, result, make_request);
}

/* ---- the response ---- */

static int read_response(const struct request_zone *z, const json_t *text,
                         struct bundles **out, char *why)
{
	char line[BUNDLE_WHY_SIZE] = "";
	int err = bundles_read(json_string_value(text), json_string_length(text),
	                       z->keys->zone, BUNDLE_RESPONSE, out, line);

	if (err < 0)
		(void)snprintf(why, ZONE_KEYS_WHY_SIZE, "%s", line);
	return err;
}

/* Has the running job make the change. */
static int keep_response(const struct request_zone *z, struct keyed_zone *k,
                         const json_t *args, const struct bundles *response, bool in_use)
{
	keyed_zone_change(k, args);
	struct change *c = engine_job()->change;
	c->zones[0].signed_anew |= in_use;
	return bundle_stored_change(c, z->txn, z->keys->id, response, z->now);
}

static enum engine_outcome take_response(const struct request_zone *z,
                                         struct keyed_zone *k, const json_t *args,
                                         json_t *result)
{
	const json_t *text = json_object_get(args, "response");
	char why[ZONE_KEYS_WHY_SIZE] = "";
	struct bundles *response = NULL;
	struct bundle_span span;
	bool in_use = false;

	if (!json_is_string(text))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"response\" must be the text of an SKR");
	int err = read_response(z, text, &response, why);
	if (err == 0)
		err = response_check(z, response, &span, &in_use, why);
	if (err == 0)
		err = keep_response(z, k, args, response, in_use);
	if (err == 0) {
		json_put(result, "bundles", json_number(response->count));
		json_put(result, "from", json_number(span.from));
		json_put(result, "until", json_number(span.until));
	}
	bundles_free(&response);
	return err < 0 ? refuse(result, err, why) : ENGINE_OK;
}

static json_t *bundle_json(const struct bundle *b, const struct zone_keys *k)
{
	const struct rrset *set = &b->sets[BUNDLE_DNSKEY];
	const uint8_t *at = set->count ? rrset_first(set) : NULL;
	json_t *o = json_object();
	json_t *ksks = json_array();
	json_t *zsks = json_array();

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);
		(void)json_array_append_new(bundle_is_ksk(d) ? ksks : zsks,
		                            json_number(dnskey_tag(d)));
	}
	json_put(o, "from", json_number(b->from));
	json_put(o, "ends", json_number(bundle_last_until(b, 0)));
	json_put(o, "ksks", ksks);
	json_put(o, "zsks", zsks);
	json_put(o, "in_use", json_boolean(b->from == k->state.bundle));
	return o;
}

static enum engine_outcome list_bundles(const struct request_zone *z,
                                        struct keyed_zone *k, const json_t *args,
                                        json_t *result)
{
	json_t *list = json_array();
	struct bundles *b = NULL;
	int err = bundle_stored_all(z->txn, z->keys->id, z->keys->zone, &b);

	for (size_t i = 0; err == 0 && i < b->count; i++)
		(void)json_array_append_new(list, bundle_json(&b->list[i], z->keys));
	if (err == 0)
		bundles_free(&b);
	(void)k;
	(void)args;
	json_put(result, "bundles", list);
	return err < 0 ? refuse(result, err, "") : ENGINE_OK;
}

enum engine_outcome command_dnssec_skr(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return run_offline(e, args, result, list_bundles);
}

enum engine_outcome command_dnssec_import_skr(struct engine *e, const json_t *args,
                                              json_t *result)
{
	return run_offline(e, args, result, take_response);
}
