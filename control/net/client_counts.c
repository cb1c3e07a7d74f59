#include "control/net/client_counts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "shared/address.h"
#include "shared/err.h"

#define NONE UINT32_MAX /* no entry */

struct entry {
	struct address_client key;
	uint32_t connections;
	uint32_t next; /* in the chain, or among the free ones */
};

struct client_counts {
	unsigned limit;
	unsigned clients;
	uint64_t secret[2];
	uint32_t free;
	uint32_t mask;
	uint32_t *heads; /* mask + 1 chains */
	struct entry entries[];
};

static uint32_t *chain_of(struct client_counts *counts, const struct address_client *key)
{
	uint64_t hash = address_client_hash(key, counts->secret);

	return &counts->heads[(uint32_t)hash & counts->mask];
}

/* Gives the link that names the client's entry, or the one at the end of its chain. */
static uint32_t *find(struct client_counts *counts, const struct address_client *key)
{
	uint32_t *link = chain_of(counts, key);

	while (*link != NONE) {
		struct entry *e = &counts->entries[*link];

		if (e->key.high == key->high && e->key.low == key->low)
			break;
		link = &e->next;
	}
	return link;
}

static struct client_counts *allocate(unsigned max, unsigned limit)
{
	uint32_t chains = 1;
	struct client_counts *counts;

	while (chains < max && chains < UINT32_MAX / 2)
		chains *= 2;
	counts = calloc(1, sizeof *counts + max * sizeof counts->entries[0]);
	if (!counts)
		return NULL;
	counts->heads = malloc(chains * sizeof counts->heads[0]);
	if (!counts->heads) {
		free(counts);
		return NULL;
	}
	memset(counts->heads, 0xff, chains * sizeof counts->heads[0]);
	for (uint32_t i = 0; i < max; i++)
		counts->entries[i].next = i + 1 < max ? i + 1 : NONE;
	counts->free = max ? 0 : NONE;
	counts->mask = chains - 1;
	counts->limit = limit;
	return counts;
}

int client_counts_new(unsigned max, unsigned limit, struct client_counts **out)
{
	struct client_counts *counts = allocate(max, limit);

	if (!counts)
		return ERR_NOMEM;
	if (getrandom(counts->secret, sizeof counts->secret, 0) !=
	    (ssize_t)sizeof counts->secret) {
		client_counts_free(counts);
		return ERR_SYSTEM;
	}
	*out = counts;
	return 0;
}

void client_counts_free(struct client_counts *counts)
{
	if (!counts)
		return;
	free(counts->heads);
	free(counts);
}

static uint32_t *insert(struct client_counts *counts, const struct address_client *key,
                        uint32_t *link)
{
	uint32_t i = counts->free;

	counts->free = counts->entries[i].next;
	counts->entries[i] = (struct entry){.key = *key, .next = NONE};
	counts->clients++;
	*link = i;
	return link;
}

/* Every client is in one of the chains. */
static void take_over(struct client_counts *counts, const struct client_counts *old)
{
	for (uint32_t chain = 0; chain <= old->mask; chain++) {
		for (uint32_t i = old->heads[chain]; i != NONE;
		     i = old->entries[i].next) {
			const struct entry *e = &old->entries[i];
			uint32_t *link = insert(counts, &e->key, find(counts, &e->key));
			counts->entries[*link].connections = e->connections;
		}
	}
}

void client_counts_configure(struct client_counts **counts, unsigned max, unsigned limit)
{
	struct client_counts *old = *counts;
	struct client_counts *next =
		allocate(max > old->clients ? max : old->clients, limit);

	if (!next)
		abort();
	memcpy(next->secret, old->secret, sizeof next->secret);
	take_over(next, old);
	client_counts_free(old);
	*counts = next;
}

bool client_counts_add(struct client_counts *counts, const uint8_t addr[16])
{
	struct address_client key = address_client(addr);
	uint32_t *link = find(counts, &key);

	if (*link == NONE) {
		if (counts->free == NONE || counts->limit == 0)
			return false;
		link = insert(counts, &key, link);
	}
	if (counts->entries[*link].connections >= counts->limit)
		return false;
	counts->entries[*link].connections++;
	return true;
}

void client_counts_remove(struct client_counts *counts, const uint8_t addr[16])
{
	struct address_client key = address_client(addr);
	uint32_t *link = find(counts, &key);
	uint32_t i = *link;

	assert(i != NONE);
	if (--counts->entries[i].connections > 0)
		return;
	*link = counts->entries[i].next;
	counts->entries[i].next = counts->free;
	counts->free = i;
	counts->clients--;
}

unsigned client_counts_clients(const struct client_counts *counts)
{
	return counts->clients;
}
