#include "control/transfer/check_out.h"

#include <stdlib.h>

#include "control/change/serial.h"
#include "control/must.h"
#include "control/policy/policy.h"
#include "control/tls/profiles.h"
#include "control/transfer/ixfr_out.h"
#include "control/wire/reader.h"
#include "control/zone/soa.h"
#include "shared/err.h"

static int refuse(struct out_check *c, unsigned rcode, const char *why)
{
	c->verdict = OUT_REFUSED;
	c->rcode = rcode;
	c->why = why;
	return 0;
}

static int answer_at_once(struct out_check *c, struct store_txn *t,
                          const struct store_zone *z)
{
	uint16_t room = c->datagram ? c->datagram : MESSAGE_MAX;

	c->answer = must(malloc(room));
	TRY(ixfr_pack_datagram(t, z, c->have, c->answer, room, &c->answer_len));
	c->verdict = OUT_SINGLE;
	return 0;
}

static int read_expire(struct out_check *c, struct store_txn *t,
                       const struct store_zone *z)
{
	struct rrset soa;

	TRY(store_soa_get(t, z->id, &soa));
	struct rdata d = rrset_first_record(&soa);
	c->expire = soa_number(d.bytes, d.len, SOA_EXPIRE);
	return 0;
}

static int look(struct out_check *c, struct store_txn *t, const struct store_zone *z,
                const struct zone_policy *p)
{
	const struct policy_asker who = {.address = c->address,
	                                 .key = c->key,
	                                 .peer = c->peer.version ? &c->peer : NULL,
	                                 .tls_fits = tls_profile_fits};

	if (!policy_allows(p, ACL_TRANSFER, &who))
		return refuse(c, RCODE_REFUSED, "no rule lets it");
	if (!z->loaded)
		return refuse(c, RCODE_SERVFAIL, "the zone has no contents");
	c->id = z->id;
	c->version = z->version;
	c->serial = z->serial;
	c->timeout_ms = p->timeout_ms;
	c->is_secondary = zone_kind_is_secondary(p->kind);
	TRY(read_expire(c, t, z));
	if (c->datagram || (c->incremental && !serial_newer(z->serial, c->have)))
		return answer_at_once(c, t, z);
	c->verdict = c->incremental && p->provide_ixfr ? OUT_DIFFERENCE : OUT_WHOLE;
	return 0;
}

static int look_with_policy(struct out_check *c, struct store_txn *t,
                            const struct store_zone *z)
{
	const struct config *config = engine_config(c->engine);
	struct contents_arena *arena = arena_new();
	struct zone_policy policy;

	int err = zone_policy_read(t, config, z, arena, &policy);
	if (err == 0)
		err = look(c, t, z, &policy);
	arena_free(arena);
	config_release(config);
	return err;
}

int out_check_look(struct out_check *c, struct store_txn *t)
{
	struct store_zone z;
	int err = store_zone_get(t, c->name, &z);

	if (err == ERR_NOTFOUND)
		return refuse(c, RCODE_NOTAUTH, "there is no such zone");
	if (err == 0)
		err = look_with_policy(c, t, &z);
	return err;
}

void out_check_fini(struct out_check *c)
{
	free(c->answer);
	c->answer = NULL;
	tls_peer_fini(&c->peer);
}
