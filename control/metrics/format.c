#include "control/metrics/format.h"

#include <inttypes.h>

enum { NS_PER_S = 1000000000 };

void metric_family(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP anser_%s %s\n# TYPE anser_%s %s\n", name, help, name, type);
}

void metric_single(FILE *to, const char *name, const char *type, uint64_t value,
                   const char *help)
{
	metric_family(to, name, type, help);
	fprintf(to, "anser_%s %" PRIu64 "\n", name, value);
}

void metric_labelled(FILE *to, const char *name, const char *label, const char *text,
                     uint64_t value)
{
	fprintf(to, "anser_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, text, value);
}

void metric_put_foreign(FILE *to, const char *text)
{
	for (; *text; text++) {
		bool safe = *text >= ' ' && *text <= '~' && *text != '"' && *text != '\\';
		(void)fputc(safe ? *text : '?', to);
	}
}

void metric_put_zone(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
}

void metric_histogram(FILE *to, const char *name, const struct distribution *d,
                      const char *help)
{
	uint64_t count = 0;

	metric_family(to, name, "histogram", help);
	for (unsigned i = 0; i < d->buckets; i++) {
		count += d->counts[i];
		if (d->open_ended && i + 1 == d->buckets)
			break;
		fprintf(to, "anser_%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name,
		        (double)histogram_limit(i, d->low) / d->unit, count);
	}
	fprintf(to, "anser_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
	fprintf(to, "anser_%s_sum %.9f\n", name, (double)d->sum / d->unit);
	fprintf(to, "anser_%s_count %" PRIu64 "\n", name, count);
}

void metric_durations(FILE *to, const char *name, const struct durations *d,
                      const char *help)
{
	const struct distribution times = {.counts = d->count,
	                                   .buckets = DURATIONS,
	                                   .low = DURATION_LOW,
	                                   .open_ended = true,
	                                   .unit = NS_PER_S,
	                                   .sum = d->sum};

	metric_histogram(to, name, &times, help);
}
