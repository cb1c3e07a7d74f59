#include "control/transfer/notify_targets.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/policy/address.h"
#include "control/policy/policy.h"
#include "control/policy/servers.h"
#include "shared/address.h"
#include "shared/err.h"

/* A reading under way. */
struct reading {
	struct notify_list *list;
	struct store_txn *txn;
	const struct config *config;
	const struct store_zone *zone;
	bool resolve; /* names in no zone here are to be looked up */
	size_t room;
};

/* ---- addresses ---- */

static bool is_known(const struct notify_list *l, const struct sockaddr_storage *to)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct notify_target *t = &l->targets[i];
		for (unsigned j = 0; j < t->count; j++)
			if (address_equal(&t->to[j], to))
				return true;
	}
	return false;
}

static bool is_ours(const struct config *c, const struct sockaddr_storage *to)
{
	for (unsigned i = 0; i < c->listen_count; i++)
		if (address_same_host(&c->listen[i], to))
			return true;
	return false;
}

bool notify_target_make(const struct notify_list *l, const struct config *config,
                        const struct sockaddr_storage *addresses, unsigned count,
                        struct notify_target *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < count && out->count < NOTIFY_ADDRESSES_MAX; i++)
		if (!is_known(l, &addresses[i]) && !is_ours(config, &addresses[i]))
			out->to[out->count++] = addresses[i];
	return out->count > 0;
}

static struct notify_target *add_target(struct reading *r)
{
	struct notify_list *l = r->list;

	if (l->count == NOTIFY_TARGETS_MAX)
		return NULL;
	l->targets = array_room(l->targets, l->count, &r->room, sizeof l->targets[0]);
	struct notify_target *t = &l->targets[l->count++];
	memset(t, 0, sizeof *t);
	return t;
}

/* ---- those that are listed ---- */

static void add_remote(struct reading *r, const struct remote *remote)
{
	struct notify_target *t = add_target(r);

	if (!t)
		return;
	for (unsigned i = 0; i < remote->count && i < NOTIFY_ADDRESSES_MAX; i++)
		t->to[t->count++] = remote->at[i];
	memcpy(t->from, remote->from, sizeof t->from);
	if (remote->tls)
		(void)snprintf(t->tls, sizeof t->tls, "%s", remote->tls->name);
	t->has_key = remote->key != NULL;
	if (remote->key)
		memcpy(t->key, remote->key, name_len(remote->key, NAME_MAX_LEN));
}

/* ---- those that NS records name ---- */

static int add_address(const uint8_t address[static 16], void *arg)
{
	struct reading *r = arg;
	struct sockaddr_storage to;

	address_from_bytes(address, POLICY_PORT, &to);
	struct notify_target *t =
		is_known(r->list, &to) || is_ours(r->config, &to) ? NULL : add_target(r);
	if (t)
		t->to[t->count++] = to;
	return 0;
}

static void add_name(struct notify_list *l, const uint8_t *name)
{
	if (!l->names)
		l->names = must(calloc(NOTIFY_NAMES_MAX, sizeof l->names[0]));
	if (l->name_count < NOTIFY_NAMES_MAX)
		memcpy(l->names[l->name_count++], name, name_len(name, NAME_MAX_LEN));
}

/* The SOA begins with the name of the primary, which is not told. */
static int add_server(const uint8_t *name, void *arg)
{
	struct reading *r = arg;

	if (name_equal(name, r->list->soa))
		return 0;
	int err = servers_addresses(r->txn, name, add_address, r);
	if (err != ERR_NOTFOUND)
		return err;
	if (r->resolve)
		add_name(r->list, name);
	return 0;
}

/* ---- a zone ---- */

static int read_soa(struct reading *r)
{
	struct notify_list *l = r->list;
	struct rrset set;

	TRY(store_soa_get(r->txn, r->zone->id, &set));
	struct rdata d = rrset_first_record(&set);
	l->soa = must(malloc(d.len));
	memcpy(l->soa, d.bytes, d.len);
	l->soa_len = d.len;
	l->soa_ttl = set.ttl;
	l->serial = r->zone->serial;
	return 0;
}

static int read_targets(struct reading *r)
{
	struct contents_arena *arena = arena_new();
	struct zone_policy policy;

	int err = zone_policy_read(r->txn, r->config, r->zone, arena, &policy);
	for (unsigned i = 0; err == 0 && i < policy.notify_count; i++)
		add_remote(r, &policy.notify[i]);
	if (err == 0 && policy.notify_ns) {
		r->resolve = policy.notify_resolve;
		err = servers_each(r->txn, r->zone, add_server, r);
	}
	arena_free(arena);
	return err;
}

int notify_list_read(struct notify_list *l, struct engine *e, struct store_txn *t)
{
	struct store_zone z;
	struct reading r = {.list = l, .txn = t, .zone = &z};
	int err = store_zone_get(t, l->name, &z);

	if (err == ERR_NOTFOUND || (err == 0 && (z.id != l->id || !z.loaded)))
		return 0;
	TRY(err);
	r.config = engine_config(e);
	err = read_soa(&r);
	if (err == 0)
		err = read_targets(&r);
	config_release(r.config);
	return err;
}

void notify_list_fini(struct notify_list *l)
{
	free(l->targets);
	free(l->names);
	free(l->soa);
	l->targets = NULL;
	l->names = NULL;
	l->name_count = 0;
	l->soa = NULL;
	l->count = 0;
}
