#include "control/transfer/notify_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/net/dispatch.h"
#include "control/net/request.h"
#include "control/policy/policy.h"
#include "control/tls/profiles.h"
#include "control/transfer/refresh.h"
#include "control/zone/arena.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rrtype.h"

/* Whose policy is being read; what comes beyond that is to be sent again. */
enum { PENDING_MAX = 256 };

struct notify_in {
	struct transfer_parts parts;
	struct refresh *refresh;
	struct log_share said;
	unsigned pending;
	bool closed;
};

/* One notification, while it is found out whether it counts. */
struct notified {
	struct notify_in *all;
	struct request *request; /* the loop's alone */
	uint8_t address[16];
	struct tsig_key *key;        /* held; NULL: none */
	struct tls_peer peer;        /* version: 0 without TLS */
	const struct config *config; /* held */
	uint8_t zone[NAME_MAX_LEN];  /* folded */
	uint32_t id;
	unsigned rcode;
	struct sockaddr_storage by;
};

static void free_if_over(struct notify_in *n)
{
	if (n->closed && n->pending == 0)
		free(n);
}

static void count(const struct notify_in *n, enum transfer_figure which)
{
	figure_add(&engine_table(n->parts.engine)->transfers, which, 1);
}

static enum transfer_figure figure_of(unsigned rcode)
{
	switch (rcode) {
	case RCODE_NOERROR: return FIGURE_NOTIFIED_TAKEN;
	case RCODE_SERVFAIL: return FIGURE_NOTIFIED_FAILED;
	default: return FIGURE_NOTIFIED_REFUSED;
	}
}

static int judge(struct notified *n, struct store_txn *t, const struct store_zone *z,
                 struct contents_arena *arena)
{
	const struct policy_asker who = {.address = n->address,
	                                 .key = n->key,
	                                 .peer = n->peer.version ? &n->peer : NULL,
	                                 .tls_fits = tls_profile_fits};
	struct zone_policy p;

	TRY(zone_policy_read(t, n->config, z, arena, &p));
	n->id = z->id;
	if (!zone_kind_is_secondary(p.kind))
		n->rcode = RCODE_NOTAUTH;
	else if (!policy_allows(&p, ACL_NOTIFY, &who))
		n->rcode = RCODE_REFUSED;
	else
		n->rcode = RCODE_NOERROR;
	return 0;
}

static int find_and_judge(struct store_txn *t, void *arg)
{
	struct notified *n = arg;
	struct store_zone z;
	int err = store_zone_get(t, n->zone, &z);

	if (err == ERR_NOTFOUND) {
		n->rcode = RCODE_NOTAUTH;
		return 0;
	}
	TRY(err);
	struct contents_arena *arena = arena_new();
	err = judge(n, t, &z, arena);
	arena_free(arena);
	return err;
}

static void judged(void *arg, int err)
{
	struct notified *n = arg;
	struct notify_in *all = n->all;
	char zone[NAME_TEXT_MAX];
	char from[ADDRESS_HOST_MAX];

	all->pending--;
	if (all->closed) {
		request_done(&n->request);
	} else {
		if (err < 0)
			n->rcode = RCODE_SERVFAIL;
		count(all, figure_of(n->rcode));
		address_bytes_host(n->address, from);
		if (log_share_take(&all->said, clock_now_ms()))
			log_info("zone %s: notification from %s%s",
			         name_to_text(n->zone, zone), from,
			         n->rcode ? ", refused" : "");
		if (n->rcode == RCODE_NOERROR)
			(void)refresh_now(all->refresh, n->id,
			                  &(struct refresh_wanted){.by = &n->by});
		request_reply(&n->request, n->rcode, REQUEST_NO_EDE);
	}
	config_release(n->config);
	tsig_key_release(&n->key);
	tls_peer_fini(&n->peer);
	free(n);
	free_if_over(all);
}

static void take(void *arg, struct request **request, const struct message *m)
{
	struct notify_in *all = arg;

	if (m->flags & MESSAGE_QR || !m->asked || m->qtype != RRTYPE_SOA ||
	    m->qclass != CLASS_IN) {
		count(all, FIGURE_NOTIFIED_FAILED);
		request_reply(request, RCODE_FORMERR, REQUEST_NO_EDE);
		return;
	}
	if (all->pending >= PENDING_MAX) {
		count(all, FIGURE_NOTIFIED_FAILED);
		request_reply(request, RCODE_SERVFAIL, REQUEST_NO_EDE);
		return;
	}
	struct notified *n = memory_get(sizeof *n);
	*n = (struct notified){
		.all = all,
		.request = *request,
		.config = engine_config(all->parts.engine),
	};
	address_from_bytes((*request)->client.addr, 0, &n->by);
	memcpy(n->address, (*request)->client.addr, sizeof n->address);
	if ((*request)->peer)
		tls_peer_init(&n->peer, (*request)->peer);
	if ((*request)->tsig.key)
		n->key = tsig_key_hold((*request)->tsig.key);
	*request = NULL;
	memcpy(n->zone, m->qname, m->qname_len);
	name_fold(n->zone, m->qname_len);
	all->pending++;
	engine_read(all->parts.engine, find_and_judge, judged, n);
}

struct notify_in *notify_in_open(const struct transfer_parts *parts, struct refresh *r)
{
	struct notify_in *n = memory_get(sizeof *n);

	*n = (struct notify_in){.parts = *parts, .refresh = r};
	dispatch_set(parts->dispatch, DISPATCH_NOTIFY, take, n);
	return n;
}

void notify_in_close(struct notify_in **notify)
{
	struct notify_in *n = *notify;

	if (!n)
		return;
	*notify = NULL;
	dispatch_set(n->parts.dispatch, DISPATCH_NOTIFY, NULL, NULL);
	n->closed = true;
	free_if_over(n);
}
