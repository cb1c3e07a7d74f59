#include "control/transfer/secondary.h"

#include <stdlib.h>
#include <string.h>

#include "control/policy/policy.h"
#include "control/zone/soa.h"
#include "shared/err.h"

enum {
	SOURCES_MAX = 64,
	/* Of a zone that has no SOA yet, seconds. */
	FIRST_REFRESH = 3600,
	FIRST_RETRY = 60,
	FIRST_EXPIRE = 7 * 86400,
	TIMER_MIN = 1, /* not even with the consent of whoever wrote the SOA: seconds */
};

struct secondary_view *secondary_view_new(const struct config *config,
                                          const uint8_t *name, uint32_t id)
{
	struct secondary_view *v = memory_get(sizeof *v);

	*v = (struct secondary_view){
		.config = config_hold(config), .arena = arena_new(), .id = id};
	memcpy(v->name, name, name_len(name, NAME_MAX_LEN));
	return v;
}

void secondary_view_free(struct secondary_view *v)
{
	if (!v)
		return;
	config_release(v->config);
	arena_free(v->arena);
	free(v);
}

static uint32_t within(uint32_t value, uint32_t low, uint32_t high)
{
	if (high && value > high)
		value = high;
	return value > low ? value : low;
}

static int read_soa(struct secondary_view *v, struct store_txn *t,
                    const struct zone_policy *p)
{
	struct rrset set;
	struct secondary_timers *timers = &v->timers;

	*timers = (struct secondary_timers){FIRST_REFRESH, FIRST_RETRY, FIRST_EXPIRE};
	int err = store_soa_get(t, v->id, &set);
	if (err == 0) {
		struct rdata d = rrset_first_record(&set);
		uint8_t *copy = arena_copy(v->arena, d.bytes, d.len);

		v->soa = copy;
		v->soa_len = d.len;
		timers->refresh = soa_number(copy, d.len, SOA_REFRESH);
		timers->retry = soa_number(copy, d.len, SOA_RETRY);
		timers->expire = soa_number(copy, d.len, SOA_EXPIRE);
	} else if (err != ERR_NOTFOUND) {
		return err;
	}
	timers->refresh = within(timers->refresh, TIMER_MIN, p->refresh_max);
	timers->refresh = within(timers->refresh, p->refresh_min, 0);
	timers->retry = within(timers->retry, TIMER_MIN, p->refresh_max);
	timers->retry = within(timers->retry, p->retry_min, 0);
	timers->expire = within(timers->expire, p->expire_min, 0);
	/* RFC 1912 §2.2: it is to outlive a refresh that fails. */
	timers->expire = within(timers->expire, timers->refresh, 0);
	return 0;
}

/* The first addresses of all primaries go before the second ones of any: who does not answer at one
 * rarely answers at another. */
static void read_sources(struct secondary_view *v, const struct zone_policy *p)
{
	v->sources = arena_aligned(v->arena, SOURCES_MAX * sizeof v->sources[0]);
	for (unsigned nth = 0; nth < REMOTE_ADDRESSES_MAX; nth++) {
		for (unsigned i = 0; i < p->primary_count; i++) {
			const struct remote *r = &p->primaries[i];

			if (nth >= r->count || v->source_count == SOURCES_MAX)
				continue;
			v->sources[v->source_count++] =
				transfer_source_of(r, nth, v->arena);
		}
	}
}

static int read_policy(struct secondary_view *v, struct store_txn *t,
                       const struct store_zone *z)
{
	struct contents_arena *arena = arena_new();
	struct zone_policy p;
	int err = zone_policy_read(t, v->config, z, arena, &p);

	if (err == 0) {
		v->is_secondary = zone_kind_is_secondary(p.kind);
		v->request_ixfr = p.request_ixfr;
		v->forward_updates = p.forward_updates;
		v->zonemd_check = p.zonemd_check;
		v->is_catalog = p.kind == ZONE_KIND_CONSUMER;
		v->limits = (struct transfer_limits){p.max_records, p.max_bytes};
		v->timeout_ms = p.timeout_ms;
		read_sources(v, &p);
		err = read_soa(v, t, &p);
	}
	arena_free(arena);
	return err;
}

int secondary_view_read(struct secondary_view *v, struct store_txn *t)
{
	struct store_zone z;
	int err = store_zone_get(t, v->name, &z);

	if (err == ERR_NOTFOUND || (err == 0 && z.id != v->id))
		return 0;
	TRY(err);
	v->has_contents = z.loaded;
	v->serial = z.serial;
	v->version = z.version;
	v->rrsets = z.rrsets;
	return read_policy(v, t, &z);
}
