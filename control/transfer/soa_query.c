#include "control/transfer/soa_query.h"

#include <stdlib.h>

#include "control/transfer/server_query.h"
#include "control/wire/opt.h"
#include "control/zone/arena.h"
#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/rrtype.h"

struct soa_query {
	struct server_query *server;
	soa_query_done *done;
	void *arg;
};

/* The loop thread's: of the answer that is being read. */
static struct message_walk walk;

static int read_records(const struct message *m, struct soa_answer *out)
{
	struct message_record r;
	struct message_opt opt;
	bool found = false;
	int err;

	message_walk_begin(&walk, m);
	while ((err = message_next(&walk, &r)) == 0) {
		if (r.section == SECTION_ADDITIONAL && r.type == RRTYPE_OPT &&
		    opt_read(&r, &opt) == 0) {
			out->has_expire = opt.has_expire;
			out->expire = opt.expire;
		}
		if (r.section != SECTION_ANSWER || r.type != RRTYPE_SOA ||
		    r.rrclass != CLASS_IN || !name_equal(r.owner, m->qname))
			continue;
		if (found || rdata_check(RRTYPE_SOA, r.rdata, r.rdata_len) < 0)
			return ERR_CORRUPT;
		out->serial = soa_number(r.rdata, r.rdata_len, SOA_SERIAL);
		found = true;
	}
	return err == ERR_NOTFOUND && found ? 0 : ERR_CORRUPT;
}

static struct soa_answer failed(int err, const char *why)
{
	return (struct soa_answer){.err = err, .why = why};
}

static struct soa_answer read_answer(const struct message *m)
{
	struct soa_answer a = {0};

	if (m->rcode != RCODE_NOERROR)
		return failed(ERR_REFUSED, "the primary refuses to tell the serial");
	if (m->flags & MESSAGE_TC)
		return failed(ERR_TOOBIG, "truncated");
	if (!(m->flags & MESSAGE_AA))
		return failed(ERR_REFUSED, "the primary is not authoritative");
	if (read_records(m, &a) < 0)
		return failed(ERR_REFUSED, "the primary's answer has no SOA");
	return a;
}

static void answered(void *arg, const struct server_answer *answer)
{
	struct soa_query *q = arg;
	struct soa_answer a = answer->err < 0 ? failed(answer->err, answer->why)
	                                      : read_answer(answer->message);

	q->done(q->arg, &a);
}

int soa_query_begin(const struct transfer_parts *p, const struct secondary_view *v,
                    const struct transfer_source *s, soa_query_done *done, void *arg,
                    struct soa_query **out)
{
	const struct server_wanted wanted = {
		.question = {.name = v->name, .type = RRTYPE_SOA, .expire = true},
		.source = s};
	struct soa_query *q = memory_get(sizeof *q);

	*q = (struct soa_query){.done = done, .arg = arg};
	int err = server_query_begin(p, &wanted, answered, q, &q->server);
	if (err < 0) {
		free(q);
		return err;
	}
	*out = q;
	return 0;
}

void soa_query_drop(struct soa_query **query)
{
	struct soa_query *q = *query;

	if (!q)
		return;
	*query = NULL;
	server_query_drop(&q->server);
	free(q);
}
