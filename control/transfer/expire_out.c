#include "control/transfer/expire_out.h"

#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/must.h"
#include "control/net/dispatch.h"
#include "control/policy/policy.h"
#include "control/transfer/refresh.h"
#include "shared/err.h"

struct expire_out {
	const struct transfer_parts *parts;
	const struct refresh *refresh;
	unsigned under_way;
	bool closing;
};

struct question {
	struct expire_out *all;
	struct engine *engine;
	struct request *request;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint32_t id;
	bool is_secondary;
};

static int look(struct store_txn *t, void *arg)
{
	struct question *q = arg;
	struct store_zone z;
	int err = store_zone_get(t, q->name, &z);

	if (err < 0)
		return err;
	const struct config *config = engine_config(q->engine);
	q->is_secondary = zone_kind_is_secondary(zone_policy_kind(config, &z));
	q->id = z.id;
	config_release(config);
	return 0;
}

static void release(struct expire_out *e)
{
	if (e->closing && e->under_way == 0)
		free(e);
}

/* Whatever went wrong, it is a question like any other. */
static void looked(void *arg, int err)
{
	struct question *q = arg;
	struct expire_out *e = q->all;

	struct request *r = q->request;

	e->under_way--;
	if (e->closing) {
		request_done(&r);
	} else {
		r->expire_at_most = UINT32_MAX;
		r->tells_expire = err == 0 &&
		                  (!q->is_secondary ||
		                   refresh_expire(e->refresh, q->id, &r->expire_at_most));
		dispatch_answer(e->parts->dispatch, &r);
	}
	free(q);
	release(e);
}

static void take(void *arg, struct request **r, const struct message *m)
{
	struct expire_out *e = arg;
	struct question *q = must(calloc(1, sizeof *q));

	q->all = e;
	q->engine = e->parts->engine;
	q->request = *r;
	*r = NULL;
	memcpy(q->name, m->qname, m->qname_len);
	name_fold(q->name, m->qname_len);
	e->under_way++;
	engine_read(q->engine, look, looked, q);
}

void expire_out_open(const struct transfer_parts *p, const struct refresh *r,
                     struct expire_out **out)
{
	struct expire_out *e = must(calloc(1, sizeof *e));

	e->parts = p;
	e->refresh = r;
	dispatch_set(p->dispatch, DISPATCH_EXPIRE, take, e);
	*out = e;
}

void expire_out_close(struct expire_out **expire)
{
	struct expire_out *e = *expire;

	*expire = NULL;
	if (!e)
		return;
	dispatch_set(e->parts->dispatch, DISPATCH_EXPIRE, NULL, NULL);
	e->closing = true;
	release(e);
}
