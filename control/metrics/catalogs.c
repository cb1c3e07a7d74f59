/* Catalog zones: how many are in which state, and of the first ones how each is. */
#include <inttypes.h>

#include "control/metrics/format.h"
#include "control/metrics/internal.h"

/* The name with the labels that each sample of one catalog has, but for the closing brace. */
static void put_one(FILE *to, const char *name, const struct catalog_figure *one)
{
	fprintf(to, "anser_%s{catalog=\"", name);
	metric_put_zone(to, one->name);
	fprintf(to, "\",kind=\"%s\"", catalog_kind_text(one->is_made));
}

static void write_each(const struct catalog_figures *f, FILE *to, const char *name,
                       const char *type, uint64_t (*value)(const struct catalog_figure *),
                       const char *help)
{
	metric_family(to, name, type, help);
	for (unsigned i = 0; i < f->count; i++) {
		put_one(to, name, &f->one[i]);
		fprintf(to, "} %" PRIu64 "\n", value(&f->one[i]));
	}
}

static uint64_t serial(const struct catalog_figure *one)
{
	return one->serial;
}

static uint64_t members(const struct catalog_figure *one)
{
	return one->members;
}

static uint64_t kept(const struct catalog_figure *one)
{
	return one->gone;
}

static uint64_t foreign(const struct catalog_figure *one)
{
	return one->foreign;
}

static uint64_t refused(const struct catalog_figure *one)
{
	return one->refused;
}

/* One sample for each state that it may be in, of which one is 1. */
static void write_states(const struct catalog_figures *f, FILE *to)
{
	static const char name[] = "catalog_state";

	metric_family(to, name, "gauge", "Which state a catalog is in.");
	for (unsigned i = 0; i < f->count; i++)
		for (unsigned s = 0; s < CATALOG_STATES; s++) {
			put_one(to, name, &f->one[i]);
			fprintf(to, ",state=\"%s\"} %d\n",
			        catalog_state_text((enum catalog_state)s),
			        f->one[i].state == s);
		}
}

static void write_followed(const struct catalog_figures *f, FILE *to)
{
	static const char name[] = "catalog_followed_timestamp_seconds";

	metric_family(to, name, "gauge",
	              "When a catalog was looked at last and all was as it says, since "
	              "1970.");
	for (unsigned i = 0; i < f->count; i++) {
		if (!f->one[i].followed_at)
			continue;
		put_one(to, name, &f->one[i]);
		fprintf(to, "} %" PRIu64 "\n", f->one[i].followed_at);
	}
}

void metrics_write_catalogs(const struct metrics *m, FILE *to)
{
	const struct catalog_figures *f = &m->catalogs;

	metric_family(to, "catalogs", "gauge",
	              "Catalog zones; held: too many zones would go.");
	for (unsigned s = 0; s < CATALOG_STATES; s++)
		metric_labelled(to, "catalogs", "state",
		                catalog_state_text((enum catalog_state)s), f->states[s]);
	write_states(f, to);
	write_each(f, to, "catalog_serial", "gauge", serial,
	           "The version of a catalog that was looked at last.");
	write_each(f, to, "catalog_members", "gauge", members, "Members of a catalog.");
	write_each(f, to, "catalog_kept_zones", "gauge", kept,
	           "Zones that a catalog has no more, and that stay until that is "
	           "accepted.");
	write_each(f, to, "catalog_foreign_members", "gauge", foreign,
	           "Members of a catalog that are zones here for another reason.");
	write_each(f, to, "catalog_refused_versions_total", "counter", refused,
	           "Versions of a catalog that were broken, or had too many members.");
	write_followed(f, to);
}
