#include "control/cli/figures.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"

enum { NS_PER_US = 1000, ROWS_MAX = 256, KEY_MAX = 32, KEYS_MAX = 64 };

const char *const figures_orders[ORDER_COUNT] = {
	[BY_WORKER] = "worker",
	[BY_QUERIES] = "queries",
	[BY_DROPS] = "drops",
	[BY_LATENCY] = "time",
};

void look_fini(struct look *l)
{
	json_decref(l->status);
	json_decref(l->stats);
	*l = (struct look){.at = 0};
}

static double number(const json_t *object, const char *path)
{
	return json_number_value(print_member(object, path));
}

/* ---- rates ---- */

/* What began anew counts from zero. */
static double rate(double before, double after, double seconds)
{
	return (after < before ? after : after - before) / seconds;
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Rates of those members that begin so, under the rest of their names. Without a beginning, of those
 * that are not one of a group. */
static json_t *rates_of(const json_t *before, json_t *after, const char *prefix,
                        double seconds)
{
	json_t *rates = cli_args();
	size_t len = strlen(prefix);
	const char *key;
	json_t *value;

	json_object_foreach(after, key, value)
	{
		if (len ? begins_with(key, prefix)
		        : !begins_with(key, "rcode_") && !begins_with(key, "dropped_"))
			json_put(rates, key + len,
			         json_real(rate(
					 json_number_value(json_object_get(before, key)),
					 json_number_value(value), seconds)));
	}
	return rates;
}

static void upper_case(const char *text, char out[static KEY_MAX])
{
	size_t i = 0;

	for (; text[i] && i < KEY_MAX - 1; i++)
		out[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A'
		                                                 : text[i]);
	out[i] = 0;
}

static json_t *upper_case_keys(json_t *object)
{
	json_t *out = cli_args();
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		char upper[KEY_MAX];
		upper_case(key, upper);
		json_put(out, upper, json_incref(value));
	}
	json_decref(object);
	return out;
}

static double sum_of(json_t *object)
{
	double sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) sum += json_number_value(value);
	return sum;
}

/* ---- times ---- */

static double count_between(const json_t *before, const json_t *after, size_t at)
{
	double then = number(json_array_get(before, at), "count");
	double now = number(json_array_get(after, at), "count");

	return now < then ? now : now - then;
}

/* What so much of the bursts took at most, in us, as exactly as the histogram tells. */
static json_t *part_of(const json_t *before, const json_t *after, double part)
{
	size_t size = json_array_size(after);
	double total = 0;
	double sum = 0;
	double bound = 0;

	for (size_t i = 0; i < size; i++)
		total += count_between(before, after, i);
	if (total == 0)
		return json_null();
	for (size_t i = 0; i < size; i++) {
		const json_t *up_to = json_object_get(json_array_get(after, i), "up_to");
		if (json_is_number(up_to))
			bound = json_number_value(up_to);
		sum += count_between(before, after, i);
		if (sum >= part * total)
			break;
	}
	return json_real(bound / NS_PER_US);
}

static json_t *times_of(const json_t *before, const json_t *after)
{
	json_t *times = cli_args();
	const json_t *then = json_object_get(before, "burst_ns");
	const json_t *now = json_object_get(after, "burst_ns");

	json_put(times, "p50", part_of(then, now, 0.5));
	json_put(times, "p90", part_of(then, now, 0.9));
	json_put(times, "p99", part_of(then, now, 0.99));
	json_put(times, "p99.9", part_of(then, now, 0.999));
	return times;
}

/* ---- workers ---- */

static const json_t *plane_of(const json_t *stats, const json_t *pid)
{
	const json_t *planes = json_object_get(stats, "attachments");

	for (size_t i = 0; i < json_array_size(planes); i++)
		if (json_equal(json_object_get(json_array_get(planes, i), "pid"), pid))
			return json_array_get(planes, i);
	return NULL;
}

/* before: NULL for one that has just begun. */
static json_t *worker_figures(const json_t *before, const json_t *after, double seconds)
{
	const json_t *then = json_object_get(before, "counters");
	json_t *now = json_object_get(after, "counters");
	json_t *drops = rates_of(then, now, "dropped_", seconds);
	double queries = rate(number(then, "queries"), number(now, "queries"), seconds);
	double bursts = rate(number(then, "bursts"), number(now, "bursts"), seconds);
	json_t *w = cli_args();

	json_put(w, "queries", json_real(queries));
	json_put(w, "responses",
	         json_real(rate(number(then, "responses"), number(now, "responses"),
	                        seconds)));
	json_put(w, "drops", json_real(sum_of(drops)));
	json_put(w, "queries_per_burst",
	         bursts > 0 ? json_real(queries / bursts) : json_null());
	json_put(w, "burst_us", times_of(before, after));
	json_decref(drops);
	return w;
}

static json_t *workers_of(const json_t *before, const json_t *after, double seconds)
{
	const json_t *planes = json_object_get(after, "attachments");
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(planes); i++) {
		const json_t *plane = json_array_get(planes, i);
		const json_t *pid = json_object_get(plane, "pid");
		const json_t *then = json_object_get(plane_of(before, pid), "per_worker");
		const json_t *now = json_object_get(plane, "per_worker");
		for (size_t n = 0; n < json_array_size(now); n++) {
			json_t *w = worker_figures(json_array_get(then, n),
			                           json_array_get(now, n), seconds);
			json_put(w, "plane", json_integer(json_integer_value(pid)));
			json_put(w, "worker", json_integer((json_int_t)n));
			if (json_array_append_new(list, w) < 0)
				abort();
		}
	}
	return list;
}

/* ---- all of it ---- */

/* The control plane's work: commits, and what the log of changes has got, all of which the audit log
 * has or is to have. */
static json_t *changes_of(const struct look *before, const struct look *after,
                          double seconds)
{
	json_t *o = cli_args();
	double then = number(before->status, "audit.events") +
	              number(before->status, "audit.behind");
	double now = number(after->status, "audit.events") +
	             number(after->status, "audit.behind");

	json_put(o, "changes", json_real(rate(then, now, seconds)));
	json_put(o, "commits",
	         json_real(rate(number(before->status, "commit"),
	                        number(after->status, "commit"), seconds)));
	return o;
}

static void copy_members(json_t *out, const json_t *status)
{
	static const char *const names[] = {"state",      "version", "uptime_s",
	                                    "generation", "commit",  "zones",
	                                    "records",    "table",   "alarms"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		json_t *value = json_object_get(status, names[i]);
		if (value)
			json_put(out, names[i], json_incref(value));
	}
}

json_t *figures_between(const struct look *before, const struct look *after)
{
	double seconds = (double)(after->at - before->at) / 1e3;
	json_t *now = json_object_get(after->stats, "counters");
	const json_t *then = json_object_get(before->stats, "counters");

	if (after->at <= before->at || !json_equal(json_object_get(before->status, "pid"),
	                                           json_object_get(after->status, "pid")))
		return NULL;
	json_t *f = cli_args();
	json_t *rates = rates_of(then, now, "", seconds);
	json_put(f, "seconds", json_real(seconds));
	copy_members(f, after->status);
	json_put(rates, "udp",
	         json_real(number(rates, "queries") - number(rates, "tcp")));
	json_put(f, "rates", rates);
	json_put(f, "rcodes", upper_case_keys(rates_of(then, now, "rcode_", seconds)));
	json_put(f, "drops", rates_of(then, now, "dropped_", seconds));
	json_put(f, "types",
	         rates_of(json_object_get(before->stats, "types"),
	                  json_object_get(after->stats, "types"), "", seconds));
	json_put(f, "burst_us", times_of(before->stats, after->stats));
	json_put(f, "changes", changes_of(before, after, seconds));
	json_put(f, "workers", workers_of(before->stats, after->stats, seconds));
	return f;
}

/* ---- as lines ---- */

static void write_text(const json_t *object, const char *path, FILE *to)
{
	const char *text = json_string_value(print_member(object, path));

	print_text(text ? text : "-", to);
}

/* Three digits that count: 0.42, 7.31, 42.1, 1234. */
static void write_rate(double value, FILE *to)
{
	(void)fprintf(to,
	              value == 0    ? "%.0f"
	              : value < 10  ? "%.2f"
	              : value < 100 ? "%.1f"
	                            : "%.0f",
	              value);
}

struct part {
	const char *name;
	double value;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct part *)a)->value;
	double y = ((const struct part *)b)->value;

	return (x < y) - (x > y);
}

/* Those that are not nothing, the largest first. */
static void write_parts(const char *heading, json_t *object, FILE *to)
{
	struct part parts[KEYS_MAX];
	size_t count = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (json_number_value(value) > 0 && count < KEYS_MAX)
			parts[count++] = (struct part){key, json_number_value(value)};
	}
	qsort(parts, count, sizeof parts[0], by_value);
	(void)fprintf(to, "%-12s", heading);
	for (size_t i = 0; i < count; i++) {
		(void)fputs(i ? "  " : "", to);
		print_text(parts[i].name, to);
		(void)fputc(' ', to);
		write_rate(parts[i].value, to);
	}
	(void)fputs(count ? "\n" : "-\n", to);
}

static void write_rates(const char *heading, const json_t *object,
                        const char *const names[][2], size_t count, FILE *to)
{
	(void)fprintf(to, "%-12s", heading);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(to, "%s%s ", i ? "  " : "", names[i][1]);
		write_rate(number(object, names[i][0]), to);
	}
	(void)fputc('\n', to);
}

static void write_times(const json_t *times, FILE *to)
{
	static const char *const names[] = {"p50", "p90", "p99", "p99.9"};

	(void)fprintf(to, "%-12s", "burst us");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *value = json_object_get(times, names[i]);
		(void)fprintf(to, "%s%s ", i ? "  " : "", names[i]);
		if (json_is_number(value))
			(void)fprintf(to, "%.3g", json_number_value(value));
		else
			(void)fputc('-', to);
	}
	(void)fputc('\n', to);
}

static void write_head(const json_t *f, FILE *to)
{
	const json_t *alarms = json_object_get(f, "alarms");

	(void)fputs("anser ", to);
	write_text(f, "version", to);
	(void)fputs("  ", to);
	write_text(f, "state", to);
	(void)fprintf(
		to, "  up %.0f s  generation %.0f  commit %.0f  zones %.0f  names %.0f\n",
		number(f, "uptime_s"), number(f, "generation"), number(f, "commit"),
		number(f, "zones.total"), number(f, "table.names"));
	for (size_t i = 0; i < json_array_size(alarms); i++) {
		const char *text = json_string_value(json_array_get(alarms, i));
		(void)fputs("ALARM ", to);
		print_text(text ? text : "", to);
		(void)fputc('\n', to);
	}
}

static double key_of(const json_t *worker, enum figures_order order)
{
	switch (order) {
	case BY_QUERIES: return number(worker, "queries");
	case BY_DROPS: return number(worker, "drops");
	case BY_LATENCY:
		return json_number_value(
			json_object_get(json_object_get(worker, "burst_us"), "p99"));
	case BY_WORKER:
	case ORDER_COUNT: return 0;
	}
	return 0;
}

static void write_worker(const json_t *w, FILE *to)
{
	static const char *const times[] = {"p50", "p99", "p99.9"};

	(void)fprintf(to, "%10.0f %6.0f %12.0f %12.0f %10.0f", number(w, "plane"),
	              number(w, "worker"), number(w, "queries"), number(w, "responses"),
	              number(w, "drops"));
	(void)fprintf(to, " %9.1f", number(w, "queries_per_burst"));
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		const json_t *value =
			json_object_get(json_object_get(w, "burst_us"), times[i]);
		if (json_is_number(value))
			(void)fprintf(to, " %9.3g", json_number_value(value));
		else
			(void)fprintf(to, " %9s", "-");
	}
	(void)fputc('\n', to);
}

static void write_workers(const json_t *list, enum figures_order order, FILE *to)
{
	const json_t *sorted[ROWS_MAX];
	size_t count = 0;

	/* Inserted behind those that are as large: equals stay as they are. */
	for (size_t i = 0; i < json_array_size(list) && count < ROWS_MAX; i++) {
		const json_t *w = json_array_get(list, i);
		size_t at = count++;
		for (; at && key_of(sorted[at - 1], order) < key_of(w, order); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = w;
	}
	(void)fprintf(to, "%10s %6s %12s %12s %10s %9s %9s %9s %9s\n", "DATA PLANE",
	              "WORKER", "QUERIES/S", "RESPONSES/S", "DROPS/S", "PER BURST",
	              "P50 US", "P99 US", "P99.9 US");
	for (size_t i = 0; i < count; i++)
		write_worker(sorted[i], to);
}

void figures_write(const json_t *f, enum figures_order order, FILE *to)
{
	static const char *const traffic[][2] = {{"queries", "queries"},
	                                         {"responses", "responses"},
	                                         {"udp", "UDP"},
	                                         {"tcp", "TCP"},
	                                         {"ipv4", "IPv4"},
	                                         {"ipv6", "IPv6"},
	                                         {"dnssec_ok", "DO"},
	                                         {"truncated", "TC"},
	                                         {"bytes_in", "octets in"},
	                                         {"bytes_out", "out"}};
	static const char *const changes[][2] = {{"changes", "changes"},
	                                         {"commits", "commits"}};

	write_head(f, to);
	write_rates("per second", json_object_get(f, "rates"), traffic,
	            ARRAY_LEN(traffic), to);
	write_parts("rcodes", json_object_get(f, "rcodes"), to);
	write_parts("types", json_object_get(f, "types"), to);
	write_parts("drops", json_object_get(f, "drops"), to);
	write_times(json_object_get(f, "burst_us"), to);
	write_rates("control", json_object_get(f, "changes"), changes, ARRAY_LEN(changes),
	            to);
	(void)fputc('\n', to);
	write_workers(json_object_get(f, "workers"), order, to);
}
