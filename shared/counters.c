#include "shared/counters.h"

static const char *const names[] = {
#define COUNTER(name, text) #name,
#include "shared/counters.def"
#undef COUNTER
};

static const char *const texts[] = {
#define COUNTER(name, text) text,
#include "shared/counters.def"
#undef COUNTER
};

static const char *const type_names[] = {
#define COUNTED_TYPE(number, name) #name,
#include "shared/counted_types.def"
#undef COUNTED_TYPE
	"other",
	"none",
};

void counters_add(const struct counters *c, uint64_t sum[static COUNTER_COUNT])
{
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		sum[i] += counter_read(c, i);
}

const char *counter_name(enum counter_index i)
{
	return names[i];
}

const char *counter_text(enum counter_index i)
{
	return texts[i];
}

const char *counter_type_name(enum counted_type t)
{
	return type_names[t];
}
