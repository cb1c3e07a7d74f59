/*
 * What is to be said of one zone, and where: below the name of each of its servers that is not inside of it, in the zone
 * here that holds _signal.NS, if that is signed here and belongs to nobody else. Whoever writes NS records must not
 * write into what is another tenant's by them.
 */
#include <string.h>

#include "control/keeper/bootstrap_internal.h"
#include "control/keeper/bootstrap_names.h"
#include "control/policy/policy.h"
#include "control/sign/zone_keys.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* ---- whether ---- */

/* Says whether the parent still has to be told. What is wrong with keys is the keeper's to tell. */
static int is_due(struct boot *b, const struct store_zone *z, bool *out)
{
	struct zone_keys *keys = NULL;
	int err = zone_keys_look(b->t, z, &keys);

	*out = false;
	if (err == ERR_NOTFOUND || err == ERR_CORRUPT || err == ERR_VERSION ||
	    err == ERR_REFUSED)
		return 0;
	TRY(err);
	const struct life life = zone_keys_life(keys);
	*out = !keys->state.leaving && !bootstrap_is_over(&life);
	zone_keys_free(&keys);
	return 0;
}

static bool is_asked_for(const struct boot *b, const struct store_zone *z)
{
	const struct config_dnssec_policy *p =
		config_dnssec_policy_find(b->config, zone_policy_dnssec(b->config, z));

	return p && p->bootstrap && z->loaded && !z->expired;
}

/* ---- where ---- */

static int look_at_host(struct boot *b, const struct store_zone *z, struct boot_host *out)
{
	struct sign_state state;
	int err = sign_state_get(b->t, z->id, &state);
	bool is_wanted = zone_policy_dnssec(b->config, z)[0] != 0;

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	*out = (struct boot_host){
		.id = z->id,
		.name = arena_copy(b->arena, z->name, name_len(z->name, NAME_MAX_LEN)),
		.tenant = arena_copy(b->arena, z->attrs.tenant,
	                             strlen(z->attrs.tenant) + 1),
		.here = true,
		.coming = is_wanted && (err == ERR_NOTFOUND || !z->loaded),
		.usable = is_wanted && err == 0 && !state.leaving && z->loaded &&
	                  !z->expired,
	};
	return 0;
}

/* Finds the zone with the longest name that a name is in. */
static int find_host(struct boot *b, const uint8_t *name, struct boot_host *out)
{
	struct store_zone z;

	*out = (struct boot_host){0};
	for (;; name += 1 + *name) {
		int err = store_zone_get(b->t, name, &z);
		if (err == 0)
			return look_at_host(b, &z, out);
		if (err != ERR_NOTFOUND || !*name)
			return err == ERR_NOTFOUND ? 0 : err;
	}
}

/* The same of _signal.NS. Most zones have the servers that others have. */
static int host_of(struct boot *b, const uint8_t *ns, struct boot_host *out)
{
	uint8_t signal[NAME_MAX_LEN];

	*out = (struct boot_host){0};
	for (size_t i = 0; i < BOOT_HOSTS_KEPT && b->found[i].ns; i++) {
		if (!name_equal(b->found[i].ns, ns))
			continue;
		*out = b->found[i].host;
		return 0;
	}
	if (bootstrap_signal(ns, signal) < 0)
		return 0;
	TRY(find_host(b, signal, out));
	if (out->here)
		boot_watch(b, out->id);
	b->found[b->found_next] = (struct boot_found){
		arena_copy(b->arena, ns, name_len(ns, NAME_MAX_LEN)), *out};
	b->found_next = (b->found_next + 1) % BOOT_HOSTS_KEPT;
	return 0;
}

/* Says whether the name is in the zone that its suffix is: no cut and no DNAME is at it or above it. */
static int is_inside(struct boot *b, uint32_t host, const uint8_t *key, size_t key_len,
                     bool *out)
{
	static const uint16_t types[] = {RRTYPE_NS, RRTYPE_DNAME};
	struct rrset set;

	*out = false;
	for (size_t end = 1; end <= key_len; end++) {
		if (key[end - 1] != 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(types); i++) {
			int err = store_rrset_get(b->t, host, key, end, types[i], &set);
			if (err != ERR_NOTFOUND)
				return err;
		}
	}
	*out = true;
	return 0;
}

/* ---- both ---- */

/* Nobody knows what the other would have, and a tenant's zone is that tenant's. */
static bool may_host(const struct boot_host *h, const struct store_zone *z)
{
	return h->usable && (!h->tenant[0] || strcmp(h->tenant, z->attrs.tenant) == 0);
}

/* Gives in *home whether it is, or will be, said there. */
static int want_at(struct boot *b, const struct store_zone *z, const struct rrset *sets,
                   const uint8_t *ns, bool *home)
{
	uint8_t owner[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct boot_host host;
	bool inside;

	if (bootstrap_owner(z->name, ns, owner) < 0)
		return 0;
	TRY(host_of(b, ns, &host));
	*home |= host.coming;
	if (!host.here || !may_host(&host, z))
		return 0;
	size_t key_len = name_to_key(owner, name_len(host.name, NAME_MAX_LEN), key);
	TRY(is_inside(b, host.id, key, key_len, &inside));
	*home |= inside;
	for (unsigned i = 0; i < 2 && inside; i++)
		if (sets[i].count)
			boot_add(b, &b->wanted,
			         &(struct boot_set){host.id, host.name, key, key_len,
			                            sets[i].type, sets[i]});
	return 0;
}

/* Gives it, or one without records. */
static int get_keys(struct boot *b, const struct store_zone *z, uint16_t type,
                    struct rrset *out)
{
	int err = store_rrset_get(b->t, z->id, (const uint8_t *)"", 0, type, out);

	if (err == 0 && !bootstrap_names_keys(out))
		err = ERR_NOTFOUND;
	if (err == ERR_NOTFOUND)
		*out = (struct rrset){.type = type};
	return err == ERR_NOTFOUND ? 0 : err;
}

static void add_homeless(struct boot *b, const struct store_zone *z)
{
	struct bootstrap_plan *p = b->plan;

	p->homeless = array_room(p->homeless, p->homeless_count, &p->homeless_room,
	                         sizeof *p->homeless);
	struct bootstrap_homeless *h = &p->homeless[p->homeless_count++];
	h->id = z->id;
	memcpy(h->name, z->name, sizeof h->name);
}

int boot_want(struct boot *b, const struct store_zone *z)
{
	struct rrset sets[2], ns;
	bool due, home = false;

	if (!is_asked_for(b, z))
		return 0;
	boot_watch(b, z->id);
	TRY(is_due(b, z, &due));
	if (!due)
		return 0;
	TRY(get_keys(b, z, RRTYPE_CDS, &sets[0]));
	TRY(get_keys(b, z, RRTYPE_CDNSKEY, &sets[1]));
	if (!sets[0].count && !sets[1].count)
		return 0;
	int err = store_rrset_get(b->t, z->id, (const uint8_t *)"", 0, RRTYPE_NS, &ns);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	const uint8_t *at = rrset_first(&ns);
	for (unsigned i = 0; i < ns.count; i++) {
		uint8_t name[NAME_MAX_LEN];
		const struct rdata r = rrset_next(&at);
		memcpy(name, r.bytes, r.len);
		name_fold(name, r.len);
		TRY(want_at(b, z, sets, name, &home));
	}
	if (!home)
		add_homeless(b, z);
	return 0;
}
