/* Zones that are signed here: how many are how, what is made for them, and in which state their keys are. */
#include <inttypes.h>

#include "control/metrics/format.h"
#include "control/metrics/internal.h"

static void write_zones(const struct keeper_figures *f, FILE *to)
{
	metric_single(to, "signing_zones", "gauge", f->zones,
	              "Zones that are signed here, or are to be.");
	metric_single(to, "signing_zones_signed", "gauge", f->signed_zones,
	              "Those of them that have their signatures.");
	metric_single(to, "signing_zones_troubled", "gauge", f->troubled,
	              "Those of them whose signing does not go on.");
	metric_single(to, "signing_zones_asking_parent", "gauge", f->asking,
	              "Those of them whose parent is asked for DS records.");
}

static void write_rrsets(const struct metrics *m, FILE *to)
{
	static const char name[] = "signing_rrsets_signed_total";
	const struct keeper_figures *f = &m->signing;

	metric_single(to, "signing_rrsets", "gauge", f->rrsets,
	              "RRsets that are signed here, as they were looked at last.");
	metric_single(to, "signing_rrsets_due", "gauge", f->due,
	              "Those of them that are to be signed anew now.");
	metric_family(
		to, name, "counter",
		"RRsets signed; zone: with all of their zone, change: with changes, "
		"and before signatures end.");
	metric_labelled(to, name, "with", "zone", f->whole);
	metric_labelled(to, name, "with", "change", m->signed_with_changes);
}

static void write_expiry(const struct keeper_figures *f, FILE *to)
{
	static const char name[] = "signing_first_expiry_timestamp_seconds";

	metric_family(to, name, "gauge",
	              "When the first of all signatures ends, since 1970.");
	if (f->first_expiry != UINT64_MAX)
		fprintf(to, "anser_%s %" PRIu64 "\n", name, f->first_expiry);
}

static void write_keys(const struct keeper_figures *f, FILE *to)
{
	static const char name[] = "signing_key_records";

	metric_family(to, name, "gauge",
	              "Keys by the state of each record that they have.");
	for (unsigned r = 0; r < KEEPER_RECORDS; r++)
		for (unsigned s = 0; s < KEEPER_STATES; s++)
			fprintf(to, "anser_%s{record=\"%s\",state=\"%s\"} %" PRIu64 "\n",
			        name, keeper_record_text(r), keeper_state_text(s),
			        f->keys[r][s]);
}

void metrics_write_signing(const struct metrics *m, FILE *to)
{
	write_zones(&m->signing, to);
	write_rrsets(m, to);
	write_expiry(&m->signing, to);
	write_keys(&m->signing, to);
}
