/*
 * That there is no DS is believed only when the zone of which the denial is told lies above ours. A server that
 * has the zone and not its parent denies as well, with authority, and would otherwise end the trust in keys
 * that are in use. NXDOMAIN is no denial here: a parent that has a delegation does not say so.
 *
 * What a resolver has in its cache was so before: it tells later than the parent's servers that something came or
 * went, and never sooner than all of them. What it does not tell is the TTL.
 */
#include "control/keeper/parent_read.h"

#include <string.h>

#include "control/sign/ds.h"
#include "control/wire/opt.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const char *rcode_words(unsigned rcode)
{
	switch (rcode) {
	case RCODE_FORMERR: return "it answers FORMERR";
	case RCODE_SERVFAIL: return "it answers SERVFAIL";
	case RCODE_NXDOMAIN: return "it answers NXDOMAIN: it knows of no delegation";
	case RCODE_NOTIMP: return "it answers NOTIMP";
	case RCODE_REFUSED: return "it answers REFUSED";
	case RCODE_NOTAUTH: return "it answers NOTAUTH";
	default: return "it answers with an error";
	}
}

/* Says nothing but why. */
static int refuse(struct parent_reading *r, int err, const char *why)
{
	memset(r->has, 0, r->dnskey_count * sizeof r->has[0]);
	r->foreign = false;
	r->ds_count = 0;
	r->ttl = 0;
	r->why = why;
	return err;
}

static int take_ds(struct parent_reading *r, const struct message_record *record)
{
	const struct rdata ds = {record->rdata, record->rdata_len};
	bool known = false;

	if (r->ds_count == PARENT_DS_MAX)
		return refuse(r, ERR_TOOBIG, "it has too many DS records");
	if (rdata_check(RRTYPE_DS, ds.bytes, ds.len) < 0)
		return refuse(r, ERR_CORRUPT, "it has a DS record that is malformed");
	for (size_t i = 0; i < r->dnskey_count; i++) {
		if (!ds_is_of(ds, r->zone, r->dnskeys[i]))
			continue;
		r->has[i] = true;
		known = true;
	}
	r->foreign |= !known;
	r->ds_count++;
	if (record->ttl > r->ttl)
		r->ttl = record->ttl;
	return 0;
}

/* What tells a denial. */
struct denial {
	bool above;        /* of a zone that ours is in */
	bool itself;       /* of ours */
	unsigned extended; /* of the rcode, the bits above those in the header */
};

static void take_other(const struct parent_reading *r,
                       const struct message_record *record, struct denial *d)
{
	struct message_opt opt;

	if (record->section == SECTION_ADDITIONAL && record->type == RRTYPE_OPT &&
	    opt_read(record, &opt) == 0)
		d->extended = opt.rcode_high;
	if (record->section != SECTION_AUTHORITY || record->type != RRTYPE_SOA ||
	    record->rrclass != CLASS_IN)
		return;
	if (name_equal(record->owner, r->zone))
		d->itself = true;
	else if (name_is_under(r->zone, record->owner, NULL))
		d->above = true;
}

static int read_records(const struct message *m, struct parent_reading *r,
                        struct denial *d)
{
	struct message_scan scan;
	struct message_record record;
	int err;

	message_scan_begin(&scan, m);
	while ((err = message_scan_next(&scan, &record)) == 0) {
		if (record.section == SECTION_ANSWER && record.type == RRTYPE_DS &&
		    record.rrclass == CLASS_IN && name_equal(record.owner, r->zone))
			TRY(take_ds(r, &record));
		else
			take_other(r, &record, d);
	}
	return err == ERR_NOTFOUND ? 0 : refuse(r, ERR_CORRUPT, "it answers garbage");
}

static int judge_denial(const struct message *m, struct parent_reading *r,
                        const struct denial *d)
{
	if (m->counts[SECTION_ANSWER] > 0)
		return refuse(r, ERR_REFUSED, "it answers with other records");
	if (d->itself)
		return refuse(r, ERR_REFUSED,
		              "it answers for the zone itself, not for its parent");
	if (!d->above)
		return refuse(r, ERR_REFUSED, "it does not say that there is no DS");
	return 0;
}

int parent_read(const struct message *m, struct parent_reading *r)
{
	struct denial d = {0};

	(void)refuse(r, 0, NULL);
	if (m->rcode != RCODE_NOERROR)
		return refuse(r, ERR_REFUSED, rcode_words(m->rcode));
	if (m->flags & MESSAGE_TC)
		return refuse(r, ERR_CORRUPT, "its answer is cut short");
	if (!(m->flags & (MESSAGE_AA | MESSAGE_RA)))
		return refuse(r, ERR_REFUSED,
		              "it is neither authoritative nor a resolver");
	TRY(read_records(m, r, &d));
	if (!(m->flags & MESSAGE_AA))
		r->ttl = 0; /* what is left of it in a cache */
	if (d.extended)
		return refuse(r, ERR_REFUSED, rcode_words(d.extended << 4));
	return r->ds_count ? 0 : judge_denial(m, r, &d);
}
