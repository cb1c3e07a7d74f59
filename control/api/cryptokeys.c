/*
 * Keys that sign zones, as clients of PowerDNS see and handle them. There, a client moves keys in and out of use as it
 * sees fit; here they move by rules (control/sign/life.h), so that no validator ever fails, and what a client says is
 * an order (control/sign/orders.h):
 *
 *      POST, active      a key that is to sign: of a zone that is not to be signed yet, which then is, its first one;
 *                        of one that is signed, the successor of the key that does so now
 *      POST              a key that is kept, and not used
 *      PUT, active       such a key is to sign now, as above
 *      PUT, not active   only of a key that is on its way out, or not used: a successor is what takes its place
 *      DELETE            of a key that nobody needs any more. Of the last one in use: the zone is to be unsigned, and
 *                        the key goes when that is over
 */
#include "control/api/cryptokeys.h"

#include <string.h>

#include "control/api/cryptokey_json.h"
#include "control/json_put.h"
#include "control/policy/policy.h"
#include "control/sign/life_rules.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/name.h"

#define KEYS "/api/v1/servers/localhost/zones/{}/cryptokeys"

enum { KEY_SEGMENT = 7, NOT_FOUND = 404, UNPROCESSABLE = 422, CONFLICT = 409 };

/* ---- what requests share ---- */

static int open_keys(struct zone_call *c, struct store_txn *t, struct orders *o)
{
	*o = (struct orders){0};
	TRY(call_find_zone(c, t));
	return orders_open(t, &c->zone, clock_wall_us() / 1000000, o);
}

static int check_changeable(struct zone_call *c)
{
	if (!actor_may(c->actor, MAY_MANAGE_ZONES) ||
	    !actor_may_edit_all(c->actor, c->name))
		return ERR_DENIED;
	if (zone_kind_is_secondary(zone_policy_kind(c->config, &c->zone)))
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "Zones that come from primaries are signed there");
	return 0;
}

/* Opens the keys of the zone in the path, has that done with them, closes them. */
static int with_keys(struct zone_call *c, struct store_txn *t, bool changes,
                     cryptokeys_fn *fn)
{
	struct orders o;
	int err = open_keys(c, t, &o);

	if (err == 0 && changes)
		err = check_changeable(c);
	if (err == 0)
		err = fn(c, &o);
	orders_close(&o);
	return err;
}

int cryptokeys_change(struct zone_call *c, struct store_txn *t, cryptokeys_fn *fn)
{
	return with_keys(c, t, true, fn);
}

int cryptokeys_refuse(struct zone_call *c, const struct orders *o, int err)
{
	if (!o->why[0])
		return err;
	return api_refuse(&c->fault, err == ERR_EXISTS ? CONFLICT : UNPROCESSABLE, "%s",
	                  o->why);
}

void cryptokeys_write(struct zone_call *c, struct orders *o, const char *policy)
{
	call_new_change(c, "API: keys of a zone");
	orders_write(o, c->change);
	c->again = true;
	if (!policy)
		return;
	struct zone_change *z = &c->change->zones[0];
	(void)snprintf(z->attrs.dnssec, sizeof z->attrs.dnssec, "%s", policy);
	z->attrs_set |= UINT32_C(1) << ATTR_DNSSEC;
}

/* ---- policies ---- */

/* Keys that are to be here do not make a zone one whose KSK is elsewhere. */
static bool policy_fits(const struct config_dnssec_policy *policy,
                        const struct cryptokey_kind *k)
{
	const struct sign_policy *p = &policy->policy;
	bool any = !k->roles[0];

	if (policy->offline_ksk)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (k->roles[i])
			any |= p->csk == (k->roles[i] == LIFE_CSK);
	return any && (!k->algorithm || k->algorithm == p->algorithm) &&
	       (!k->bits || !sign_algorithm_is_rsa(p->algorithm) ||
	        k->bits == p->rsa_bits);
}

int cryptokeys_policy(struct zone_call *c, const struct cryptokey_kind *kind,
                      const struct config_dnssec_policy **out)
{
	const struct config *config = c->config;
	const char *name = zone_policy_dnssec(config, &c->zone);

	*out = config_dnssec_policy_find(config, name[0] ? name : "default");
	if (name[0])
		return *out ? 0
		            : api_refuse(&c->fault, UNPROCESSABLE,
		                         "There is no policy '%s'", name);
	for (size_t i = 0; i < config->dnssec_policy_count; i++) {
		if (policy_fits(*out, kind))
			return 0;
		*out = &config->dnssec_policies[i];
	}
	return policy_fits(*out, kind)
	               ? 0
	               : api_refuse(&c->fault, UNPROCESSABLE,
	                            "No policy of dnssec-policies asks for such keys");
}

/* ---- looking ---- */

static int find_key(struct zone_call *c, struct orders *o, size_t *out)
{
	const char *id = c->request->target.segments[KEY_SEGMENT];
	char text[32];

	if (snprintf(text, sizeof text, "id:%s", id) >= (int)sizeof text ||
	    orders_find(o, text, out) < 0)
		return api_refuse_plainly(&c->fault, NOT_FOUND);
	return 0;
}

static void write_json(struct zone_call *c, json_t *value)
{
	(void)json_dumpf(value, c->out, JSON_SORT_KEYS);
	json_decref(value);
}

static int list_keys(struct zone_call *c, struct orders *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->keys->count; i++)
		(void)json_array_append_new(list, cryptokey_json(o, i));
	write_json(c, list);
	return 0;
}

static int list_work(struct zone_call *c, struct store_txn *t)
{
	return with_keys(c, t, false, list_keys);
}

/* A private half is for administrators, and that it was given to one is noted. */
static void put_private(struct zone_call *c, const struct orders *o, size_t key,
                        json_t *to)
{
	char zone[NAME_TEXT_MAX];

	if (!actor_may(c->actor, MAY_ADMINISTER) ||
	    !actor_may_edit_all(c->actor, c->name))
		return;
	json_t *text = cryptokey_private_json(o, key, engine_secrets(c->api->engine));
	if (!text)
		return;
	json_put(to, "privatekey", text);
	engine_note(c->api->engine, c->actor, "signing key shown",
	            json_pack("{s:s, s:I}", "zone", name_to_text(c->name, zone), "key",
	                      (json_int_t)o->keys->keys[key].number));
}

static int show_key(struct zone_call *c, struct orders *o, size_t key)
{
	json_t *to = cryptokey_json(o, key);

	put_private(c, o, key, to);
	write_json(c, to);
	return 0;
}

static int show_wanted(struct zone_call *c, struct orders *o)
{
	size_t key = 0;

	TRY(find_key(c, o, &key));
	return show_key(c, o, key);
}

static int show_work(struct zone_call *c, struct store_txn *t)
{
	return with_keys(c, t, false, show_wanted);
}

/* The one that has come; c->result is its number. */
static int show_posted(struct zone_call *c, struct orders *o)
{
	json_int_t number = json_integer_value(c->result);

	for (size_t i = 0; i < o->keys->count; i++)
		if (o->keys->keys[i].number == number)
			return show_key(c, o, i);
	return 0;
}

static int show_posted_work(struct zone_call *c, struct store_txn *t)
{
	return with_keys(c, t, false, show_posted);
}

/* ---- PUT ---- */

static int read_flag(struct zone_call *c, const char *key, bool *out)
{
	const json_t *value = json_object_get(c->request->body, key);

	if (!json_is_boolean(value))
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "Key '%s' not present or not a Bool", key);
	*out = json_is_true(value);
	return 0;
}

static int use_key(struct zone_call *c, struct orders *o, size_t key)
{
	const struct life_key *k = &o->keys->lives[key];
	const struct cryptokey_kind kind = {
		.roles = {k->role}, .algorithm = k->algorithm, .bits = k->bits};
	const struct config_dnssec_policy *policy;
	bool wanted = zone_policy_dnssec(c->config, &c->zone)[0] != '\0';

	if (wanted && !k->retired)
		return 0;
	TRY(cryptokeys_policy(c, &kind, &policy));
	int err = orders_use(o, key, &policy->policy);
	if (err < 0)
		return cryptokeys_refuse(c, o, err);
	cryptokeys_write(c, o, wanted ? NULL : policy->name);
	return 0;
}

static int put_key(struct zone_call *c, struct orders *o)
{
	bool active = false;
	bool published = true;
	size_t key = 0;

	TRY(find_key(c, o, &key));
	TRY(read_flag(c, "active", &active));
	if (json_object_get(c->request->body, "published"))
		TRY(read_flag(c, "published", &published));
	if (active && !published)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "A key that signs is published");
	if (active)
		return use_key(c, o, key);
	if (o->keys->lives[key].retired)
		return 0;
	return api_refuse(&c->fault, UNPROCESSABLE,
	                  "The key is in use, and goes out of it by itself when there is "
	                  "another active one: POST that");
}

static int put_work(struct zone_call *c, struct store_txn *t)
{
	return cryptokeys_change(c, t, put_key);
}

/* ---- DELETE ---- */

static bool is_last_in_use(const struct orders *o, size_t key)
{
	const struct life_key *lives = o->keys->lives;

	if (lives[key].retired || !(lives[key].role & LIFE_KSK))
		return false;
	for (size_t i = 0; i < o->keys->count; i++)
		if (i != key && !lives[i].retired && lives[i].role & LIFE_KSK)
			return false;
	return true;
}

static int delete_key(struct zone_call *c, struct orders *o)
{
	size_t key = 0;

	TRY(find_key(c, o, &key));
	bool leaving = o->is_signed && o->keys->state.leaving;
	bool last = is_last_in_use(o, key);
	bool wanted = zone_policy_dnssec(c->config, &c->zone)[0] != '\0';
	int err = orders_remove(o, key);
	if (err < 0 && leaving)
		return 0; /* it goes */
	if (err < 0 && !last)
		return cryptokeys_refuse(c, o, err);
	cryptokeys_write(c, o, last && wanted ? POLICY_UNSIGNED : NULL);
	return 0;
}

static int delete_work(struct zone_call *c, struct store_txn *t)
{
	return cryptokeys_change(c, t, delete_key);
}

/* ---- routes ---- */

static void serve_list(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, list_work, NULL);
}

static void serve_show(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, show_work, NULL);
}

static void serve_post(void *arg, struct http_request *r)
{
	call_begin(arg, r, 201, cryptokeys_post_work, show_posted_work);
}

static void serve_put(void *arg, struct http_request *r)
{
	call_begin(arg, r, 204, put_work, NULL);
}

static void serve_delete(void *arg, struct http_request *r)
{
	call_begin(arg, r, 204, delete_work, NULL);
}

void cryptokeys_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", KEYS, 0, serve_list},
		{"POST", KEYS, HTTP_JSON, serve_post},
		{"GET", KEYS "/{}", 0, serve_show},
		{"PUT", KEYS "/{}", HTTP_JSON, serve_put},
		{"DELETE", KEYS "/{}", 0, serve_delete},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
