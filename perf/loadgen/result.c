#include "perf/loadgen/result.h"

#include <inttypes.h>
#include <math.h>

static const char *const rcode_names[RESULT_RCODES] = {
	"noerror",  "formerr", "servfail", "nxdomain", "notimp",  "refused",
	"yxdomain", "yxrrset", "nxrrset",  "notauth",  "notzone",
};

uint64_t result_flawed(const struct result *r)
{
	return r->checked - r->flaws[FRAME_GOOD] - r->flaws[FRAME_GOOD_WITHOUT_SUM];
}

static double microseconds(const struct result *r, uint64_t ticks)
{
	return (double)ticks * 1e6 / r->ticks_a_second;
}

static double quantile(const struct result *r, double share)
{
	return microseconds(r, histogram_quantile(&r->latency, share));
}

static double per(double a, double b)
{
	return b > 0 ? a / b : 0;
}

void result_print_head(FILE *to)
{
	fprintf(to, "%12s %12s %12s %8s %9s %9s %9s %9s %6s %6s  %s\n", "asked/s",
	        "offered/s", "answered/s", "lost %", "p50 us", "p99 us", "p99.9 us",
	        "max us", "bytes", "idle %", "replies");
}

/* What is not a plain answer is named, so that it is not taken for one. */
static void print_kinds(FILE *to, const struct result *r)
{
	for (unsigned i = 0; i < RESULT_RCODES; i++)
		if (r->rcodes[i])
			fprintf(to, " %s=%" PRIu64,
			        rcode_names[i] ? rcode_names[i] : "other", r->rcodes[i]);
	if (r->truncated)
		fprintf(to, " truncated=%" PRIu64, r->truncated);
	if (r->unexpected)
		fprintf(to, " unexpected=%" PRIu64, r->unexpected);
	if (r->foreign)
		fprintf(to, " foreign=%" PRIu64, r->foreign);
	if (r->in_flight)
		fprintf(to, " in_flight=%u", r->in_flight);
	if (r->refused)
		fprintf(to, " refused=%" PRIu64, r->refused);
	if (r->skipped)
		fprintf(to, " skipped=%" PRIu64, r->skipped);
	if (r->starved)
		fprintf(to, " starved=%" PRIu64, r->starved);
	if (r->flaws[FRAME_GOOD_WITHOUT_SUM])
		fprintf(to, " without_sum");
	for (unsigned i = FRAME_GOOD_WITHOUT_SUM + 1; i < FRAME_FLAWS; i++)
		if (r->flaws[i])
			fprintf(to, " flaw:%s=%" PRIu64,
			        frame_flaw_name((enum frame_flaw)i), r->flaws[i]);
	fprintf(to, "\n");
}

void result_print(FILE *to, const struct result *r)
{
	if (isinf(r->asked))
		fprintf(to, "%12s", "max");
	else
		fprintf(to, "%12.0f", r->asked);
	fprintf(to, " %12.0f %12.0f %8.3f %9.1f %9.1f %9.1f %9.1f %6.1f %6.1f ",
	        (double)r->offered / r->seconds, result_rate(r),
	        100 * per((double)result_lost(r), (double)r->offered), quantile(r, 0.5),
	        quantile(r, 0.99), quantile(r, 0.999), microseconds(r, r->latency.max),
	        per((double)r->bytes, (double)r->answered),
	        100 * (double)r->idle / r->ticks_a_second / r->seconds);
	print_kinds(to, r);
}

static void print_json_named(FILE *to, const char *key, const uint64_t counts[],
                             const char *name_of(unsigned i), unsigned n)
{
	const char *comma = "";

	fprintf(to, ",\n  \"%s\": {", key);
	for (unsigned i = 0; i < n; i++) {
		if (counts[i]) {
			fprintf(to, "%s\"%s\": %" PRIu64, comma, name_of(i), counts[i]);
			comma = ", ";
		}
	}
	fprintf(to, "}");
}

static const char *rcode_name(unsigned i)
{
	static char other[16];

	if (rcode_names[i])
		return rcode_names[i];
	(void)snprintf(other, sizeof other, "rcode%u", i);
	return other;
}

static const char *flaw_name(unsigned i)
{
	return frame_flaw_name((enum frame_flaw)i);
}

/* The smallest size of a bucket. */
static const char *size_name(unsigned i)
{
	static char text[16];

	(void)snprintf(text, sizeof text, "%u", i * RESULT_SIZE_STEP);
	return text;
}

static void print_json_one(FILE *to, const struct result *r)
{
	static const struct {
		const char *name;
		double share;
	} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

	fprintf(to, " {\"asked\": ");
	if (isinf(r->asked))
		fprintf(to, "\"max\"");
	else
		fprintf(to, "%.0f", r->asked);
	fprintf(to,
	        ", \"in_flight\": %u, \"seconds\": %.6f,\n  \"offered_rate\": %.0f, \"answered_rate\": %.0f,"
	        "\n  \"offered\": %" PRIu64 ", \"answered\": %" PRIu64
	        ", \"lost\": %" PRIu64 ",\n  \"refused\": %" PRIu64
	        ", \"skipped\": %" PRIu64 ", \"starved\": %" PRIu64
	        ", \"unexpected\": %" PRIu64 ", \"foreign\": %" PRIu64
	        ",\n  \"authoritative\": %" PRIu64 ", \"truncated\": %" PRIu64
	        ", \"mean_bytes\": %.1f, \"idle_share\": %.4f,"
	        "\n  \"checked\": %" PRIu64 ", \"flawed\": %" PRIu64,
	        r->in_flight, r->seconds, (double)r->offered / r->seconds, result_rate(r),
	        r->offered, r->answered, result_lost(r), r->refused, r->skipped,
	        r->starved, r->unexpected, r->foreign, r->authoritative, r->truncated,
	        per((double)r->bytes, (double)r->answered),
	        (double)r->idle / r->ticks_a_second / r->seconds, r->checked,
	        result_flawed(r));
	print_json_named(to, "rcodes", r->rcodes, rcode_name, RESULT_RCODES);
	print_json_named(to, "sizes", r->sizes, size_name, RESULT_SIZES);
	print_json_named(to, "checks", r->flaws, flaw_name, FRAME_FLAWS);
	fprintf(to, ",\n  \"latency_us\": {\"count\": %" PRIu64, r->latency.count);
	for (unsigned i = 0; i < ARRAY_LEN(quantiles); i++)
		fprintf(to, ", \"%s\": %.2f", quantiles[i].name,
		        quantile(r, quantiles[i].share));
	fprintf(to, ", \"max\": %.2f}}", microseconds(r, r->latency.max));
}

void result_print_json(FILE *to, const struct result results[], size_t n)
{
	fprintf(to, "[\n");
	for (size_t i = 0; i < n; i++) {
		print_json_one(to, &results[i]);
		fprintf(to, i + 1 < n ? ",\n" : "\n");
	}
	fprintf(to, "]\n");
}
