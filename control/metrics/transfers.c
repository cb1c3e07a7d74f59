/* Transfers, notifications, updates, and the secondaries that they keep. */
#include <inttypes.h>

#include "control/metrics/format.h"
#include "control/metrics/internal.h"

enum { MS_PER_S = 1000, FIGURE_PARTS_MAX = 6 };

static const struct {
	const char *name;
	const char *type;
	const char *label;
	const char *help;
	struct {
		const char *label;
		enum transfer_figure figure;
	} parts[FIGURE_PARTS_MAX];
} transfers[] = {
	{"transfers_out_total",
         "counter",
         "result",
         "Transfers to other servers; single: an answer of one message, mostly that "
         "nothing is newer.",
         {{"whole", FIGURE_OUT_WHOLE},
          {"differences", FIGURE_OUT_DIFFERENCES},
          {"single", FIGURE_OUT_SINGLE},
          {"refused", FIGURE_OUT_REFUSED},
          {"busy", FIGURE_OUT_BUSY},
          {"failed", FIGURE_OUT_FAILED}}},
	{"transfers_in_total",
         "counter",
         "result",
         "Transfers from primaries; refused: by them, or for what they sent.",
         {{"whole", FIGURE_IN_WHOLE},
          {"differences", FIGURE_IN_DIFFERENCES},
          {"current", FIGURE_IN_CURRENT},
          {"refused", FIGURE_IN_REFUSED},
          {"failed", FIGURE_IN_FAILED}}},
	{"notifications_sent_total",
         "counter",
         "result",
         "Servers that were told of new contents of a zone.",
         {{"told", FIGURE_NOTIFY_TOLD},
          {"refused", FIGURE_NOTIFY_REFUSED},
          {"unanswered", FIGURE_NOTIFY_UNANSWERED}}},
	{"notifications_received_total",
         "counter",
         "result",
         "Notifications; failed: malformed, or too many at once.",
         {{"taken", FIGURE_NOTIFIED_TAKEN},
          {"refused", FIGURE_NOTIFIED_REFUSED},
          {"failed", FIGURE_NOTIFIED_FAILED}}},
	{"tsig_errors_total",
         "counter",
         "error",
         "Signed requests that were refused; answer: answers of primaries that were "
         "not signed as they should be.",
         {{"BADSIG", FIGURE_TSIG_BADSIG},
          {"BADKEY", FIGURE_TSIG_BADKEY},
          {"BADTIME", FIGURE_TSIG_BADTIME},
          {"BADTRUNC", FIGURE_TSIG_BADTRUNC},
          {"answer", FIGURE_TSIG_ANSWERS}}},
	{"updates_forwarded_total",
         "counter",
         "result",
         "Updates of secondaries that were handed on to a primary.",
         {{"answered", FIGURE_UPDATES_FORWARDED},
          {"failed", FIGURE_UPDATES_NOT_FORWARDED}}},
	{"secondary_zones",
         "gauge",
         "state",
         "Secondaries; empty: not fetched yet, failing: the last check failed.",
         {{"empty", FIGURE_ZONES_EMPTY},
          {"current", FIGURE_ZONES_CURRENT},
          {"failing", FIGURE_ZONES_FAILING},
          {"expired", FIGURE_ZONES_EXPIRED}}},
};

static void write_transfer_parts(const struct metrics *m, FILE *to, unsigned which)
{
	const char *name = transfers[which].name;

	metric_family(to, name, transfers[which].type, transfers[which].help);
	for (unsigned i = 0; i < FIGURE_PARTS_MAX && transfers[which].parts[i].label; i++)
		metric_labelled(to, name, transfers[which].label,
		                transfers[which].parts[i].label,
		                m->transfers[transfers[which].parts[i].figure]);
}

static void write_seconds(FILE *to, const char *name, uint64_t ms, const char *help)
{
	metric_family(to, name, "counter", help);
	fprintf(to, "anser_%s %.3f\n", name, (double)ms / MS_PER_S);
}

static void write_updates(const struct metrics *m, FILE *to)
{
	static const char *const names[FIGURE_RCODES] = {
		"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};

	metric_family(to, "updates_total", "counter", "Updates that were answered here.");
	for (unsigned i = 0; i < FIGURE_RCODES && names[i]; i++)
		metric_labelled(to, "updates_total", "rcode", names[i],
		                m->transfers[FIGURE_UPDATES + i]);
}

void metrics_write_transfers(const struct metrics *m, FILE *to)
{
	const uint64_t *t = m->transfers;

	for (unsigned i = 0; i < ARRAY_LEN(transfers); i++)
		write_transfer_parts(m, to, i);
	metric_single(to, "transfer_out_bytes_total", "counter", t[FIGURE_OUT_OCTETS],
	              "Bytes of transfers to other servers.");
	write_seconds(to, "transfer_out_seconds_total", t[FIGURE_OUT_MS],
	              "Time that transfers to other servers took.");
	metric_single(to, "transfer_in_bytes_total", "counter", t[FIGURE_IN_OCTETS],
	              "Bytes of transfers from primaries.");
	write_seconds(to, "transfer_in_seconds_total", t[FIGURE_IN_MS],
	              "Time that transfers from primaries took, until all had come.");
	write_updates(m, to);
	metric_single(to, "secondary_checks", "gauge", t[FIGURE_CHECKS],
	              "Secondaries that are being looked at.");
	metric_single(to, "primaries_down", "gauge", t[FIGURE_PRIMARIES_DOWN],
	              "Primaries that have not answered lately.");
	metric_single(
		to, "secondary_zones_without_ixfr", "gauge", t[FIGURE_ZONES_NO_IXFR],
		"Secondaries that are fetched whole because IXFR was wrong or refused.");
}
