#include "control/update/serve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "control/must.h"
#include "control/net/dispatch.h"
#include "control/policy/meta.h"
#include "control/policy/policy.h"
#include "control/tls/profiles.h"
#include "control/update/forward.h"
#include "control/update/update_read.h"
#include "control/update/updater.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { UNDER_WAY_MAX = 2000 };

/* Extended errors (RFC 8914). */
enum {
	EDE_NOT_READY = 14,
	EDE_PROHIBITED = 18,
	EDE_NOT_AUTHORITATIVE = 20,
};

struct updates {
	const struct transfer_parts *parts; /* NULL: closed */
	struct forwards *forwards;
	struct under_way *first;
	unsigned under_way;
	struct message_walk walk;
};

/* One whose change is on its way. */
struct under_way {
	struct updates *all;
	struct request *request; /* NULL: nobody is to be answered any more */
	struct under_way *next;
	struct under_way **place; /* what points to it */
};

/* What a message comes to before there is a change. */
struct verdict {
	uint8_t rcode; /* RCODE_NOERROR: it becomes one, of: */
	int ede;
	struct actor *actor; /* held, or NULL */
	bool serial_said;    /* as in struct update */
	enum serial_policy serial;
};

static struct verdict refused(uint8_t rcode, int ede)
{
	return (struct verdict){.rcode = rcode, .ede = ede};
}

/* ---- what came of it ---- */

static uint8_t rcode_of(const struct change_result *r)
{
	switch (r->err) {
	case 0: return RCODE_NOERROR;
	case ERR_DENIED: return RCODE_REFUSED;
	case ERR_NOTFOUND: return RCODE_NOTAUTH; /* removed meanwhile */
	case ERR_REFUSED: return r->rcode ? r->rcode : RCODE_REFUSED;
	default: return RCODE_SERVFAIL;
	}
}

static void count(const struct updates *u, uint8_t rcode)
{
	figure_update(&engine_table(u->parts->engine)->transfers, rcode);
}

static bool is_prerequisite(uint8_t rcode)
{
	return rcode == RCODE_YXDOMAIN || rcode == RCODE_YXRRSET ||
	       rcode == RCODE_NXDOMAIN || rcode == RCODE_NXRRSET;
}

/* An update that was let in and then refused. One that fails a prerequisite is none: that is what they are for. */
static void note(struct updates *u, struct actor *who, const uint8_t *zone, uint8_t rcode,
                 const char *why)
{
	char name[NAME_TEXT_MAX];

	if (is_prerequisite(rcode))
		return;
	engine_note(u->parts->engine, who, "update refused",
	            json_pack("{s:s, s:i, s:s*}", "zone", name_to_text(zone, name),
	                      "rcode", rcode, "error", why));
}

static struct under_way *add_under_way(struct updates *u, struct request **request)
{
	struct under_way *w = must(malloc(sizeof *w));

	*w = (struct under_way){
		.all = u, .request = *request, .next = u->first, .place = &u->first};
	if (w->next)
		w->next->place = &w->next;
	u->first = w;
	u->under_way++;
	*request = NULL;
	return w;
}

static void free_if_over(struct updates *u)
{
	if (!u->parts && u->under_way == 0)
		free(u);
}

static void remove_under_way(struct under_way *w)
{
	struct updates *u = w->all;

	*w->place = w->next;
	if (w->next)
		w->next->place = w->place;
	free(w);
	u->under_way--;
	free_if_over(u);
}

static void done(void *arg, const struct change *change, const struct change_result *r)
{
	struct under_way *w = arg;
	uint8_t rcode = rcode_of(r);

	if (w->request)
		count(w->all, rcode);
	if (w->request && rcode != RCODE_NOERROR)
		note(w->all, change->actor, change->zones[0].name, rcode,
		     r->problem_count ? r->problems[0].text : err_text(r->err));
	if (w->request)
		request_reply(&w->request, rcode,
		              rcode == RCODE_REFUSED ? EDE_PROHIBITED : REQUEST_NO_EDE);
	remove_under_way(w);
}

/* ---- the zone ---- */

/* What the store has of the zone that a message names: looked for once, for who forwards it and for who judges
 * it. */
struct look_up {
	struct store_txn *txn; /* NULL: it has ended, or never begun */
	int err;               /* ERR_NOTFOUND: there is no such zone, or none is named */
	struct store_zone zone;
	uint8_t name[NAME_MAX_LEN]; /* folded */
};

static void look_up(const struct updates *u, const struct message *m, struct look_up *out)
{
	out->txn = NULL;
	out->err = ERR_NOTFOUND;
	if (!m->asked || m->qclass != CLASS_IN)
		return;
	memcpy(out->name, m->qname, m->qname_len);
	name_fold(out->name, m->qname_len);
	out->err = store_begin_read(engine_store(u->parts->engine), &out->txn);
	if (out->err == 0)
		out->err = store_zone_get(out->txn, out->name, &out->zone);
}

/* ---- who may ---- */

/* What the zone's metadata say of serials, in PowerDNS's words; what follows other settings of the zone is its
 * policy anyhow. */
static void read_serial(struct store_txn *t, uint32_t zone, struct verdict *v)
{
	static const struct {
		const char *word;
		enum serial_policy policy;
	} words[] = {
		{"DEFAULT", SERIAL_DATE},
		{"INCREASE", SERIAL_INCREMENT},
		{"EPOCH", SERIAL_UNIXTIME},
	};
	const char *text;

	if (meta_text(t, zone, "SOA-EDIT-DNSUPDATE", &text) < 0 || !text)
		return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		v->serial_said = true;
		v->serial = words[i].policy;
	}
}

static struct verdict ask_policy(struct updates *u, struct store_txn *t,
                                 const struct store_zone *z, const struct request *r)
{
	struct contents_arena *arena = arena_new();
	const struct policy_asker asker = {.address = r->client.addr,
	                                   .key = tsig_signer(&r->tsig),
	                                   .peer = r->peer,
	                                   .tls_fits = tls_profile_fits};
	struct verdict v = refused(RCODE_REFUSED, EDE_PROHIBITED);
	struct zone_policy p;

	if (zone_policy_read(t, u->parts->config, z, arena, &p) < 0) {
		arena_free(arena);
		return refused(RCODE_SERVFAIL, REQUEST_NO_EDE);
	}
	const struct acl_rule *rule = policy_allows(&p, ACL_UPDATE, &asker);
	if (rule && zone_kind_is_secondary(p.kind))
		v.ede = EDE_NOT_AUTHORITATIVE;
	else if (rule && !z->loaded)
		v = refused(RCODE_SERVFAIL, EDE_NOT_READY);
	else if (rule)
		v = (struct verdict){.actor = updater_new(rule, tsig_signer(&r->tsig),
		                                          &r->client, z->name)};
	if (v.actor)
		read_serial(t, z->id, &v);
	arena_free(arena);
	return v;
}

static struct verdict judge(struct updates *u, const struct look_up *l,
                            const struct request *r)
{
	if (l->err == ERR_NOTFOUND)
		return refused(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
	if (l->err < 0)
		return refused(RCODE_SERVFAIL, REQUEST_NO_EDE);
	return ask_policy(u, l->txn, &l->zone, r);
}

/* ---- messages ---- */

/* Makes the change. Gives it, or NULL with what is wrong. */
static struct change *make(struct updates *u, const struct message *m,
                           const uint8_t *zone, struct verdict *v)
{
	struct change *c = change_new(v->actor);
	struct zone_change *z = change_zone(c, ZONE_UPDATE, zone);
	char why[sizeof "UPDATE by " + ACTOR_NAME_SIZE];

	z->update = update_new(c);
	z->update->serial_said = v->serial_said;
	z->update->serial = v->serial;
	int err = update_read(m, &u->walk, c, z->update);
	if (err == 0) {
		(void)snprintf(why, sizeof why, "UPDATE by %s", v->actor->name);
		c->why = change_text(c, why);
		return c;
	}
	change_free(&c);
	*v = err == ERR_REFUSED ? refused(RCODE_REFUSED, EDE_PROHIBITED)
	                        : refused(RCODE_FORMERR, REQUEST_NO_EDE);
	return NULL;
}

static struct verdict check_question(const struct updates *u, const struct message *m)
{
	if (!m->asked || m->qtype != RRTYPE_SOA)
		return refused(RCODE_FORMERR, REQUEST_NO_EDE);
	if (m->qclass != CLASS_IN)
		return refused(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
	if (u->under_way >= UNDER_WAY_MAX)
		return refused(RCODE_SERVFAIL, REQUEST_NO_EDE);
	return (struct verdict){0};
}

/* One that has been verified. */
static void serve(struct updates *u, struct request **request, const struct message *m,
                  struct look_up *l)
{
	struct change *c = NULL;
	struct verdict v = check_question(u, m);

	if (v.rcode == RCODE_NOERROR)
		v = judge(u, l, *request);
	store_abort(&l->txn);
	struct actor *actor = v.actor;
	if (actor)
		c = make(u, m, l->name, &v);
	if (actor && v.rcode == RCODE_REFUSED)
		note(u, actor, l->name, v.rcode, "records of the zone's signer");
	actor_release(&actor);
	if (!c) {
		count(u, v.rcode);
		request_reply(request, v.rcode, v.ede);
		return;
	}
	struct under_way *w = add_under_way(u, request);
	engine_change(u->parts->engine, &c, done, w);
}

static void take(void *arg, struct request **request, const struct message *shown)
{
	struct updates *u = arg;
	struct message m = *shown;
	struct look_up l;

	look_up(u, &m, &l);
	bool is_taken = l.err == 0 && forwards_take(u->forwards, request, l.txn, &l.zone);
	if (!is_taken && dispatch_verify(request, &m))
		serve(u, request, &m, &l);
	store_abort(&l.txn);
}

void updates_open(const struct transfer_parts *p, struct updates **out)
{
	struct updates *u = must(calloc(1, sizeof *u));

	u->parts = p;
	forwards_open(p, &u->forwards);
	dispatch_set(p->dispatch, DISPATCH_UPDATE, take, u);
	*out = u;
}

void updates_close(struct updates **updates)
{
	struct updates *u = *updates;

	*updates = NULL;
	if (!u)
		return;
	forwards_close(&u->forwards);
	dispatch_set(u->parts->dispatch, DISPATCH_UPDATE, NULL, NULL);
	for (struct under_way *w = u->first; w; w = w->next)
		request_done(&w->request);
	u->parts = NULL;
	free_if_over(u);
}
