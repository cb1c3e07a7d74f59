/*
 * What a check of a secondary needs to know of it, from one snapshot: where its contents come from, what
 * it has, and its timers.
 */
#ifndef CONTROL_TRANSFER_SECONDARY_H
#define CONTROL_TRANSFER_SECONDARY_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/store/store.h"
#include "control/transfer/source.h"
#include "control/transfer/xfr_reader.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"
#include "shared/name.h"

/* Seconds, within the limits that the zone's policy sets. */
struct secondary_timers {
	uint32_t refresh, retry, expire;
};

struct secondary_view {
	const struct config *config; /* held */
	struct contents_arena *arena;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint32_t id;
	bool is_secondary; /* it is there, under this id, and a secondary */
	bool is_catalog;   /* a consumer */
	bool has_contents;
	uint32_t serial;
	uint64_t version;
	uint64_t rrsets;
	const uint8_t *soa; /* RDATA; NULL: none */
	uint16_t soa_len;
	struct secondary_timers timers;
	struct transfer_source *sources;
	unsigned source_count;
	bool request_ixfr;
	bool forward_updates; /* to its primaries */
	bool zonemd_check;    /* contents with a ZONEMD are refused unless it is right */
	struct transfer_limits limits;
	unsigned timeout_ms;
};

/* config: held until secondary_view_free(). name: folded. */
struct secondary_view *secondary_view_new(const struct config *config,
                                          const uint8_t *name, uint32_t id);
/* NULL is fine. */
void secondary_view_free(struct secondary_view *v);

/* Any thread. Fills it in. ERR_CORRUPT and errors of the store. */
MUST_CHECK int secondary_view_read(struct secondary_view *v, struct store_txn *t);

#endif
