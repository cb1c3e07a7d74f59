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

const char *counter_name(enum counter_index i)
{
	return names[i];
}

const char *counter_text(enum counter_index i)
{
	return texts[i];
}
