/* What the parent has is not known until its servers are asked: when that is, and what becomes of what they say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/keeper/errand_internal.h"
#include "control/zone/arena.h"

enum {
	ASK_MIN_S = 5,
	ASK_MAX_S = 3600,
	ASK_LATER_S = 30, /* when too many are asked: some have answered by then */
	ASKS = 24,        /* in the time that the parent takes to forget a DS */
};

static uint64_t ask_interval(const struct errand *e)
{
	uint64_t s = e->step.ds_ttl / ASKS;

	return s < ASK_MIN_S ? ASK_MIN_S : s > ASK_MAX_S ? ASK_MAX_S : s;
}

static void parent_said(void *arg, const struct parent_result *r)
{
	struct errand *e = arg;
	struct kept *one = e->one;
	struct step_seen *seen = memory_get(sizeof *seen);

	*seen = (struct step_seen){.ttl = r->ttl};
	for (size_t i = 0; i < e->step.asked_count && r->answered; i++) {
		seen->numbers[i] = e->step.asked[i].number;
		seen->seen[i] = r->seen[i];
		seen->count++;
	}
	free(one->seen);
	one->seen = seen;
	one->ask_at = keeper_now() + ask_interval(e);
	errand_end(e, keeper_now());
}

static unsigned find_agents(struct errand *e, struct remote *out, unsigned most)
{
	char words[CONFIG_WORDS_SIZE];
	unsigned found = 0;
	char *rest;

	snprintf(words, sizeof words, "%s", e->step.agents);
	for (char *w = strtok_r(words, " ", &rest); w && found < most;
	     w = strtok_r(NULL, " ", &rest))
		if (remote_find(e->step.config, w, e->arena, &out[found]) == 0)
			found++;
	return found;
}

/* Gives false when nobody is asked now. What is waited for must not keep other zones from being signed. */
static bool ask_parent(struct errand *e)
{
	struct keeper *k = e->keeper;
	struct remote agents[CONFIG_API_LISTEN_MAX];
	struct rdata dnskeys[SIGN_KEYS_MAX];

	if (k->asking == ASKING_MAX) {
		e->one->ask_at = keeper_now() + ASK_LATER_S;
		return false;
	}
	e->arena = arena_new();
	unsigned count = find_agents(e, agents, CONFIG_API_LISTEN_MAX);
	if (count == 0 || e->step.asked_count == 0) {
		e->one->ask_at = keeper_now() + ask_interval(e);
		return false;
	}
	for (size_t i = 0; i < e->step.asked_count; i++)
		dnskeys[i] = (struct rdata){.bytes = e->step.asked[i].dnskey,
		                            .len = e->step.asked[i].len};
	const struct parent_asked asked = {.zone = e->one->name,
	                                   .config = e->step.config,
	                                   .servers = agents,
	                                   .server_count = count,
	                                   .dnskeys = dnskeys,
	                                   .dnskey_count = e->step.asked_count};
	e->asks = true;
	k->asking++;
	e->parent = parent_ask(&k->parts, &asked, parent_said, e);
	keeper_go_on(k);
	return true;
}

/* What the parent has is not known yet, and matters. */
static bool is_time_to_ask(struct errand *e)
{
	struct kept *one = e->one;
	uint64_t now = keeper_now();

	if (!e->step.ask || !e->step.agents[0]) {
		one->ask_at = UINT64_MAX;
		return false;
	}
	if (one->ask_at == UINT64_MAX || one->ask_at > now + ask_interval(e))
		one->ask_at = now;
	return one->ask_at <= now;
}

bool errand_asks(struct errand *e)
{
	return is_time_to_ask(e) && ask_parent(e);
}
