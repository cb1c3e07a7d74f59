#include "control/access/limits.h"

#include <stdlib.h>
#include <sys/random.h>

#include "shared/address.h"
#include "shared/err.h"

enum { SETS = 512, WAYS = 8, DOUBLINGS_MAX = 7 };

STATIC_ASSERT((SETS & (SETS - 1)) == 0, "a mask selects the set");
STATIC_ASSERT(LIMITS_LOCK_MS << DOUBLINGS_MAX >= LIMITS_LONGEST_MS,
              "the longest is reached");

struct offender {
	struct address_client client;
	uint64_t seen_at;      /* last wrong key; 0: the entry is free */
	uint64_t locked_until; /* 0: never was */
	unsigned wrong;        /* not yet forgiven */
	unsigned locks;        /* how often it was locked out */
};

struct limits {
	uint64_t secret[2];
	struct offender sets[SETS][WAYS];
};

int limits_new(struct limits **out)
{
	struct limits *l = calloc(1, sizeof *l);

	if (!l)
		abort();
	if (getrandom(l->secret, sizeof l->secret, 0) != (ssize_t)sizeof l->secret) {
		free(l);
		return ERR_SYSTEM;
	}
	*out = l;
	return 0;
}

void limits_free(struct limits *l)
{
	free(l);
}

/* Nobody can choose addresses that share a set. */
static struct offender *set_of(struct limits *l, const struct address_client *client)
{
	return l->sets[address_client_hash(client, l->secret) & (SETS - 1)];
}

static bool is_locked(const struct offender *o, uint64_t now)
{
	return o->seen_at && now < o->locked_until;
}

static bool is_forgotten(const struct offender *o, uint64_t now)
{
	uint64_t last = o->locked_until > o->seen_at ? o->locked_until : o->seen_at;

	return !o->seen_at || now >= last + LIMITS_LONGEST_MS;
}

static struct offender *find(struct limits *l, const uint8_t address[16], uint64_t now)
{
	const struct address_client client = address_client(address);
	struct offender *set = set_of(l, &client);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].client.high == client.high &&
		    set[i].client.low == client.low && !is_forgotten(&set[i], now))
			return &set[i];
	return NULL;
}

/* Says whether a gives way before b. */
static bool goes_first(const struct offender *a, const struct offender *b, uint64_t now)
{
	bool a_locked = is_locked(a, now);
	bool b_locked = is_locked(b, now);

	if (a_locked != b_locked)
		return b_locked;
	return a_locked ? a->locked_until < b->locked_until : a->seen_at < b->seen_at;
}

static struct offender *make(struct limits *l, const uint8_t address[16], uint64_t now)
{
	const struct address_client client = address_client(address);
	struct offender *set = set_of(l, &client);
	struct offender *o = &set[0];

	for (unsigned i = 1; i < WAYS && !is_forgotten(o, now); i++)
		if (is_forgotten(&set[i], now) || goes_first(&set[i], o, now))
			o = &set[i];
	*o = (struct offender){.client = client, .seen_at = now};
	return o;
}

uint64_t limits_locked(struct limits *l, const uint8_t address[16], uint64_t now)
{
	const struct offender *o = find(l, address, now);

	return o && is_locked(o, now) ? o->locked_until - now : 0;
}

static uint64_t lock_ms(unsigned locks)
{
	unsigned doublings = locks < DOUBLINGS_MAX ? locks : DOUBLINGS_MAX;
	uint64_t ms = (uint64_t)LIMITS_LOCK_MS << doublings;

	return ms < LIMITS_LONGEST_MS ? ms : LIMITS_LONGEST_MS;
}

bool limits_wrong(struct limits *l, const uint8_t address[16], uint64_t now)
{
	/* 0 marks a free entry. */
	uint64_t at = now ? now : 1;
	struct offender *o = find(l, address, at);

	if (!o)
		o = make(l, address, at);
	if (is_locked(o, at))
		return false;
	/* What is left of a refill that has begun is kept: seen_at moves by whole ones. */
	uint64_t forgiven = (at - o->seen_at) / LIMITS_REFILL_MS;
	if (forgiven >= o->wrong)
		o->seen_at = at;
	else
		o->seen_at += forgiven * LIMITS_REFILL_MS;
	o->wrong = forgiven < o->wrong ? o->wrong - (unsigned)forgiven : 0;
	if (++o->wrong <= LIMITS_BURST)
		return false;
	o->wrong = 0;
	o->seen_at = at;
	o->locked_until = at + lock_ms(o->locks++);
	return true;
}

unsigned limits_locked_count(const struct limits *l, uint64_t now)
{
	unsigned count = 0;

	for (unsigned s = 0; s < SETS; s++)
		for (unsigned i = 0; i < WAYS; i++)
			count += is_locked(&l->sets[s][i], now);
	return count;
}
