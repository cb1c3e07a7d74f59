#include "shared/slots.h"

#include <sys/random.h>

#include "shared/err.h"

int slots_create(struct segment *out)
{
	struct segment s = {.fd = -1};
	uint64_t instance;

	TRY(segment_create("anser-slots", sizeof(struct slots), false, &s));
	if (getrandom(&instance, sizeof instance, 0) != (ssize_t)sizeof instance) {
		segment_close(&s);
		return ERR_SYSTEM;
	}
	struct slots *slots = (struct slots *)(void *)s.base;
	slots->header = (struct slots_header){
		.magic = SLOTS_MAGIC,
		.layout = SLOTS_LAYOUT,
		.header_size = sizeof slots->header,
		.size = sizeof *slots,
		.instance = instance,
		.attachments = ATTACHMENTS_MAX,
		.workers = WORKERS_MAX,
		.counters = COUNTER_COUNT,
	};
	*out = s;
	return 0;
}

int slots_attach(const struct segment *s, struct slots **out)
{
	struct slots *slots = (struct slots *)(void *)s->base;
	const struct slots_header *h = &slots->header;

	if (s->size < sizeof *h || h->magic != SLOTS_MAGIC)
		return ERR_CORRUPT;
	if (h->layout != SLOTS_LAYOUT)
		return ERR_VERSION;
	if (s->size != sizeof *slots || h->size != sizeof *slots ||
	    h->header_size != sizeof *h || h->attachments != ATTACHMENTS_MAX ||
	    h->workers != WORKERS_MAX || h->counters != COUNTER_COUNT)
		return ERR_CORRUPT;
	*out = slots;
	return 0;
}

void slots_add(const struct slots_attachment *a, uint64_t sum[static COUNTER_COUNT])
{
	counters_add(&a->carried, sum);
	for (unsigned w = 0; w < WORKERS_MAX; w++)
		counters_add(&a->workers[w], sum);
}

static void clear(struct counters *c)
{
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		atomic_store_explicit(&c->value[i], 0, memory_order_relaxed);
}

void slots_clear(struct slots_attachment *a)
{
	clear(&a->carried);
	for (unsigned w = 0; w < WORKERS_MAX; w++)
		clear(&a->workers[w]);
}
