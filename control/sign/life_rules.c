#include "control/sign/life_rules.h"

enum { ANY_ALGORITHM = 0 };

/* Says whether any answer has the record of one of the keys: those of the algorithm whose other record,
 * if one is named, is everywhere. */
static bool covers(const struct life *l, enum life_kind kind, uint8_t algorithm,
                   enum life_kind other)
{
	uint64_t reach = 0;

	for (size_t i = 0; i < l->count && reach < LIFE_NEVER; i++) {
		const struct life_key *k = &l->keys[i];
		const struct life_record *r = &k->records[kind];

		if (algorithm != ANY_ALGORITHM && k->algorithm != algorithm)
			continue;
		if (other != LIFE_KINDS && !life_everywhere(&k->records[other]))
			continue;
		if (r->from > reach || r->until <= reach)
			continue;
		reach = r->until;
		i = (size_t)-1; /* what did not join on before may do now */
	}
	return reach == LIFE_NEVER;
}

/* Says whether each key of the algorithm that has the one record somewhere is fine. */
typedef bool is_fine(const struct life *l, const struct life_key *k);

static bool each(const struct life *l, enum life_kind kind, uint8_t algorithm,
                 is_fine *fine)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct life_key *k = &l->keys[i];

		if (k->algorithm == algorithm && life_somewhere(&k->records[kind]) &&
		    !fine(l, k))
			return false;
	}
	return true;
}

static bool is_published_everywhere(const struct life *l, const struct life_key *k)
{
	(void)l;
	return life_everywhere(&k->records[LIFE_DNSKEY]);
}

/* Says whether any DNSKEY RRset that has the key has one that has signed everything. */
static bool has_company(const struct life *l, const struct life_key *k)
{
	const struct life_record *r = &k->records[LIFE_DNSKEY];

	for (size_t i = 0; i < l->count; i++) {
		const struct life_key *o = &l->keys[i];

		if (o->algorithm == k->algorithm &&
		    life_everywhere(&o->records[LIFE_RRSIG]) &&
		    o->records[LIFE_DNSKEY].from <= r->from &&
		    o->records[LIFE_DNSKEY].until >= r->until)
			return true;
	}
	return false;
}

bool life_is_chained(const struct life *l, uint8_t algorithm)
{
	return each(l, LIFE_DS, algorithm, is_published_everywhere) ||
	       covers(l, LIFE_DNSKEY, algorithm, LIFE_DS);
}

bool life_is_signed(const struct life *l, uint8_t algorithm)
{
	return each(l, LIFE_DNSKEY, algorithm, has_company) ||
	       covers(l, LIFE_RRSIG, algorithm, LIFE_DNSKEY);
}

static bool has_ds(const struct life *l, uint8_t algorithm)
{
	for (size_t i = 0; i < l->count; i++)
		if ((algorithm == ANY_ALGORITHM || l->keys[i].algorithm == algorithm) &&
		    life_somewhere(&l->keys[i].records[LIFE_DS]))
			return true;
	return false;
}

bool life_has_ds(const struct life *l)
{
	return has_ds(l, ANY_ALGORITHM);
}

/* ---- moves ---- */

/* A rule that nobody looks at while there is no DS. */
static bool is_signed_or_insecure(const struct life *l, uint8_t algorithm)
{
	return !life_has_ds(l) || life_is_signed(l, algorithm);
}

typedef bool rule(const struct life *l, uint8_t algorithm);

/* Says whether the rule, where it holds, still does with the record as it is in `to`. */
static bool keeps(const struct life *l, struct life_record *r, struct life_record to,
                  rule *holds)
{
	struct life_record was = *r;

	for (size_t i = 0; i < l->count; i++) {
		uint8_t algorithm = l->keys[i].algorithm;
		bool before = holds(l, algorithm);

		*r = to;
		bool after = holds(l, algorithm);
		*r = was;
		if (before && !after)
			return false;
	}
	return true;
}

bool life_may_introduce(struct life *l, struct life_key *k, enum life_kind kind,
                        uint64_t now)
{
	struct life_record *r = &k->records[kind];
	struct life_record to = {.from = now, .until = LIFE_NEVER};

	return keeps(l, r, to, life_is_chained) && keeps(l, r, to, is_signed_or_insecure);
}

/* Says whether somebody else's DS was asked for. */
static bool has_other_ds(const struct life *l, const struct life_key *k)
{
	for (size_t i = 0; i < l->count; i++)
		if (&l->keys[i] != k && life_is_given(&l->keys[i].records[LIFE_DS]))
			return true;
	return false;
}

/* Says whether it does not matter that the algorithm has not signed everything. A zone that waits for its
 * first DS is kept as one that has it; but what was not whole can go: nobody can have counted on it. */
static bool need_not_be_signed(const struct life *l, uint8_t algorithm,
                               enum life_kind kind, bool secure)
{
	if (!secure && !life_has_ds(l))
		return true;
	return !life_is_signed(l, algorithm) &&
	       !has_ds(l, kind == LIFE_DNSKEY ? algorithm : ANY_ALGORITHM);
}

bool life_may_withdraw(struct life *l, struct life_key *k, enum life_kind kind,
                       uint64_t now, bool secure)
{
	struct life_record *r = &k->records[kind];
	struct life_record was = *r;
	struct life_record to = {.from = was.from, .until = now};

	if (kind == LIFE_DS)
		return (!secure || has_other_ds(l, k)) &&
		       keeps(l, r, to, life_is_chained);
	bool excused = need_not_be_signed(l, k->algorithm, kind, secure);
	*r = to;
	bool fine = (kind != LIFE_DNSKEY || life_is_chained(l, k->algorithm)) &&
	            (excused || life_is_signed(l, k->algorithm));
	*r = was;
	return fine;
}

/* Who has company keeps it: both end now. */
bool life_may_withdraw_algorithm(const struct life *l, uint8_t algorithm, bool secure)
{
	return !has_ds(l, algorithm) &&
	       (each(l, LIFE_DNSKEY, algorithm, has_company) ||
	        need_not_be_signed(l, algorithm, LIFE_DNSKEY, secure));
}
