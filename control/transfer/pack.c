#include "control/transfer/pack.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/wire/writer.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* A message on its way, and the record that goes into it next. */
struct packer {
	pack_put *put;
	void *arg;
	const uint8_t *apex;
	uint16_t qtype;
	uint8_t *room; /* MESSAGE_MAX */
	struct message_writer writer;
	struct message_record record;
	const uint8_t *key; /* of the record's owner, when that has been set; lent */
	size_t key_len;
};

static void begin_message(struct packer *p, size_t size)
{
	message_begin(&p->writer, p->room, size, 0, MESSAGE_QR | MESSAGE_AA);
	(void)message_put_question(&p->writer, p->apex, p->qtype, CLASS_IN);
}

static struct packer *packer_new(const struct store_zone *z, uint16_t qtype,
                                 pack_put *put, void *arg)
{
	struct packer *p = must(calloc(1, sizeof *p));

	p->put = put;
	p->arg = arg;
	p->apex = z->name;
	p->qtype = qtype;
	p->room = must(malloc(MESSAGE_MAX));
	p->record.section = SECTION_ANSWER;
	p->record.rrclass = CLASS_IN;
	begin_message(p, PACK_MESSAGE);
	return p;
}

static int put_message(struct packer *p)
{
	if (p->writer.counts[SECTION_ANSWER] == 0)
		return 0;
	return p->put(p->arg, p->room, message_end(&p->writer));
}

/* Ends the packing after err. Gives it, or the error of the last message. */
static int packer_end(struct packer *p, int err)
{
	if (err == 0)
		err = put_message(p);
	free(p->room);
	free(p);
	return err;
}

/* What is too large for a message with others has one of its own. */
static int put_large_record(struct packer *p)
{
	begin_message(p, PACK_MESSAGE_MAX);
	if (!message_put(&p->writer, &p->record))
		return ERR_TOOBIG;
	TRY(put_message(p));
	begin_message(p, PACK_MESSAGE);
	return 0;
}

static int put_record(struct packer *p)
{
	if (message_put(&p->writer, &p->record))
		return 0;
	TRY(put_message(p));
	begin_message(p, PACK_MESSAGE);
	return message_put(&p->writer, &p->record) ? 0 : put_large_record(p);
}

/* The RRsets of one owner follow one another. Keys are lent for as long as all of the packing takes. */
static bool is_owner(const struct packer *p, const uint8_t *key, size_t key_len)
{
	return p->record.owner_len && key_len == p->key_len &&
	       (!key_len || memcmp(key, p->key, key_len) == 0);
}

static int set_owner(struct packer *p, const uint8_t *key, size_t key_len)
{
	if (is_owner(p, key, key_len))
		return 0;
	int len = name_from_key(key, key_len, p->apex, p->record.owner);
	if (len < 0)
		return len;
	p->record.owner_len = (uint8_t)len;
	p->key = key;
	p->key_len = key_len;
	return 0;
}

static int put_rdata(struct packer *p, uint16_t type, uint32_t ttl, struct rdata d)
{
	p->record.type = type;
	p->record.ttl = ttl;
	p->record.rdata = d.bytes;
	p->record.rdata_len = d.len;
	return put_record(p);
}

/* ---- whole zones ---- */

/* The owner is set. The SOA's record is left out: it stands first and last. */
static int put_set(struct packer *p, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);
		if (set->type != RRTYPE_SOA)
			TRY(put_rdata(p, set->type, set->ttl, d));
	}
	for (unsigned i = 0; i < set->sig_count; i++)
		TRY(put_rdata(p, RRTYPE_RRSIG, set->sig_ttl, rrset_next(&at)));
	return 0;
}

static int put_soa(struct packer *p, const struct rrset *soa)
{
	if (soa->count == 0)
		return ERR_NOTFOUND;
	TRY(set_owner(p, NULL, 0));
	return put_rdata(p, RRTYPE_SOA, soa->ttl, rrset_first_record(soa));
}

static int put_sets(struct packer *p, struct store_cursor *c)
{
	struct store_entry e;
	int err;

	while ((err = store_cursor_next(c, &e)) == 0) {
		TRY(set_owner(p, e.key, e.key_len));
		TRY(put_set(p, &e.set));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

static int put_zone(struct packer *p, struct store_txn *t, const struct store_zone *z)
{
	struct store_cursor *c;
	struct rrset soa;

	TRY(store_soa_get(t, z->id, &soa));
	TRY(put_soa(p, &soa));
	TRY(store_cursor_open(t, z->id, &c));
	int err = put_sets(p, c);
	store_cursor_close(&c);
	return err < 0 ? err : put_soa(p, &soa);
}

int pack_zone(struct store_txn *t, const struct store_zone *z, uint16_t qtype,
              pack_put *put, void *arg)
{
	struct packer *p = packer_new(z, qtype, put, arg);

	return packer_end(p, put_zone(p, t, z));
}

int pack_soa(struct store_txn *t, const struct store_zone *z, uint16_t qtype,
             pack_put *put, void *arg)
{
	struct rrset soa;

	TRY(store_soa_get(t, z->id, &soa));
	struct packer *p = packer_new(z, qtype, put, arg);
	return packer_end(p, put_soa(p, &soa));
}

/* ---- differences ---- */

/* The records that went, or those that came. */
struct half {
	struct packer *packer;
	bool came;
	int err;
};

static void put_line(const struct history_line *l, void *arg)
{
	struct half *h = arg;

	if (h->err < 0 || l->came != h->came || l->type == RRTYPE_SOA)
		return;
	h->err = put_rdata(h->packer, l->type, l->ttl, l->rdata);
}

static int put_half(struct packer *p, const struct difference *d, bool came)
{
	struct half h = {.packer = p, .came = came};

	for (size_t i = 0; i < d->count && h.err == 0; i++) {
		const struct history_set *s = &d->sets[i];
		if (s->kind != ROW_RRSET)
			continue;
		TRY(set_owner(p, s->key, s->key_len));
		history_set_lines(s, put_line, &h);
	}
	return h.err;
}

static const struct history_set *find_soa(const struct difference *d)
{
	for (size_t i = 0; i < d->count && d->sets[i].key_len == 0; i++)
		if (d->sets[i].kind == ROW_RRSET && d->sets[i].type == RRTYPE_SOA)
			return &d->sets[i];
	return NULL;
}

static int put_difference(struct packer *p, const struct difference *d,
                          const struct rrset *from, const struct rrset *to)
{
	TRY(put_soa(p, to));
	TRY(put_soa(p, from));
	TRY(put_half(p, d, false));
	TRY(put_soa(p, to));
	TRY(put_half(p, d, true));
	return put_soa(p, to);
}

int pack_difference(const struct store_zone *z, const struct difference *d, pack_put *put,
                    void *arg)
{
	const struct history_set *s = find_soa(d);
	struct rrset from;
	struct rrset to;

	if (!s || !s->before || !s->after)
		return ERR_NOTFOUND;
	TRY(rrset_open(RRTYPE_SOA, s->before, s->before_size, &from));
	TRY(rrset_open(RRTYPE_SOA, s->after, s->after_size, &to));
	struct packer *p = packer_new(z, RRTYPE_IXFR, put, arg);
	return packer_end(p, put_difference(p, d, &from, &to));
}
