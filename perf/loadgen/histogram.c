#include "perf/loadgen/histogram.h"

#include <math.h>

uint64_t histogram_floor(unsigned bucket)
{
	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_STEPS - 1;
	return (uint64_t)(bucket - shift * HISTOGRAM_STEPS) << shift;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
	double wanted = ceil(share * (double)h->count);
	uint64_t seen = 0;

	if (h->count == 0)
		return 0;
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > 0 && (double)seen >= wanted) {
			uint64_t last = histogram_floor(i + 1) - 1;
			return last < h->max ? last : h->max;
		}
	}
	return h->max;
}
