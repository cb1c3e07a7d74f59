/* What a key waits for, for people. The parent comes first: there somebody may have to do something. */
#include <stdio.h>

#include "control/sign/life_rules.h"
#include "control/sign/life_times.h"
#include "control/sign/times.h"

static const char *const names[LIFE_KINDS] = {
	[LIFE_DNSKEY] = "DNSKEY",
	[LIFE_RRSIG] = "signatures",
	[LIFE_DS] = "DS",
};

/* For somebody who is to do something about it. */
static const char *const undone[LIFE_KINDS][2] = {
	[LIFE_DNSKEY] = {"waits for its DNSKEY to be withdrawn",
                         "waits for its DNSKEY to be published"},
	[LIFE_RRSIG] = {"waits for its signatures to be replaced",
                        "waits for the zone to be signed with it"},
	[LIFE_DS] = {"waits for the parent to withdraw its DS",
                     "waits for the parent to publish its DS"},
};

const char *life_role_name(enum life_role role)
{
	return role == LIFE_CSK ? "csk" : role == LIFE_KSK ? "ksk" : "zsk";
}

/* Says whether the record is on its way, and how far. */
static bool put_on_its_way(const struct sign_policy *p, const struct life *l,
                           const struct life_key *k, enum life_kind kind,
                           char out[LIFE_WORDS])
{
	enum life_state state = life_state(k, kind);
	bool given = state == LIFE_RUMOURED;
	uint64_t deadline = life_deadline(p, l, k, kind);
	char time[SIGN_TIME_SIZE];

	if (!given && state != LIFE_UNRETENTIVE)
		return false;
	if (deadline == LIFE_NEVER)
		(void)snprintf(out, LIFE_WORDS, "%s", undone[kind][given]);
	else
		(void)snprintf(out, LIFE_WORDS,
		               "waits for caches everywhere to %s its %s, until %s",
		               given ? "have" : "forget", names[kind],
		               sign_time_text(deadline, time));
	return true;
}

static void put_leaving(const struct sign_policy *p, const struct life_key *k,
                        char out[LIFE_WORDS])
{
	char time[SIGN_TIME_SIZE];

	if (k->gone)
		(void)snprintf(out, LIFE_WORDS,
		               "is of no use any more, and kept until %s",
		               sign_time_text(k->gone + p->purge_after, time));
	else
		(void)snprintf(out, LIFE_WORDS, "serves until %s",
		               k->retired ? "its successor can take over"
		                          : "no validator counts on it");
}

static void put_staying(const struct sign_policy *p, const struct life_key *k,
                        char out[LIFE_WORDS])
{
	uint64_t roll = life_roll_time(p, k);
	char time[SIGN_TIME_SIZE];

	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++) {
		if (!life_has(k, kind) || life_is_given(&k->records[kind]))
			continue;
		(void)snprintf(out, LIFE_WORDS,
		               "its %s can follow only when other records are known",
		               names[kind]);
		return;
	}
	if (roll == LIFE_NEVER)
		(void)snprintf(out, LIFE_WORDS, "is in use, and waits for nothing");
	else
		(void)snprintf(out, LIFE_WORDS,
		               "is in use; its successor is made from %s on",
		               sign_time_text(roll, time));
}

void life_words(const struct sign_policy *p, const struct life_now *in,
                const struct life *l, const struct life_key *k, char out[LIFE_WORDS])
{
	static const enum life_kind order[] = {LIFE_DS, LIFE_DNSKEY, LIFE_RRSIG};

	for (unsigned i = 0; i < LIFE_KINDS; i++)
		if (put_on_its_way(p, l, k, order[i], out))
			return;
	if (k->retired || !in->secure)
		put_leaving(p, k, out);
	else
		put_staying(p, k, out);
}
