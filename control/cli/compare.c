/*
 * zone compare: a zone as it is served here against a zone file, or against another server. As with
 * diff(1), 1 says that they differ, and 2 that they could not be compared.
 */
#include <stdlib.h>
#include <string.h>

#include "control/cli/axfr.h"
#include "control/cli/differences.h"
#include "control/cli/export.h"
#include "control/cli/import.h"
#include "control/cli/print.h"
#include "control/diag_json.h"
#include "shared/err.h"

enum { SERVER_TEXT_MAX = 300 };

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT", or an IPv6 address by itself. text is cut up. */
static void split_server(char *text, struct axfr_source *out)
{
	char *colon = strrchr(text, ':');
	char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;

	out->host = text;
	out->port = "53";
	if (bracket) {
		*bracket = '\0';
		out->host = text + 1;
		if (bracket[1] == ':')
			out->port = bracket + 2;
	} else if (colon && colon == strchr(text, ':')) {
		*colon = '\0';
		out->port = colon + 1;
	}
}

static enum engine_outcome transfer(const struct cli *c, const char *server,
                                    const uint8_t *apex, struct contents **out)
{
	char text[SERVER_TEXT_MAX];
	struct axfr_source from = {.timeout_ms = c->timeout_ms};
	struct diag diag;

	if (strlen(server) >= sizeof text)
		return cli_usage("zone compare: the server's name is too long");
	(void)snprintf(text, sizeof text, "%s", server);
	split_server(text, &from);
	diag_init(&diag);
	int err = axfr_read(&from, apex, out, &diag);
	if (err < 0) {
		json_t *result =
			json_pack("{s:s,s:o}", "error", "the transfer has failed",
		                  "diagnostics", diag_json(&diag));
		cli_refuse(c, result);
		json_decref(result);
	}
	diag_fini(&diag);
	return err < 0 ? ENGINE_REFUSED : ENGINE_OK;
}

static enum engine_outcome export_here(struct cli *c, const uint8_t *apex,
                                       struct contents **out)
{
	struct export e = {.zone = c->args[0], .apex = apex};
	json_t *error = NULL;
	enum engine_outcome outcome = export_contents(c, &e, out, &error);

	if (error)
		cli_refuse(c, error);
	json_decref(error);
	return outcome;
}

static enum engine_outcome show(const struct cli *c, const struct differences *d)
{
	if (c->json) {
		json_t *result = json_pack("{s:b,s:o}", "equal", d->count == 0,
		                           "differences", differences_json(d));
		print_json(result);
		json_decref(result);
	} else {
		differences_print(d, c->colour, stdout);
	}
	return d->count ? ENGINE_REFUSED : ENGINE_OK;
}

enum engine_outcome run_zone_compare(struct cli *c)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *here = NULL;
	struct contents *other = NULL;
	struct differences d;

	if (!import_zone_name(c->args[0], apex))
		return ENGINE_USAGE;
	enum engine_outcome outcome =
		c->args[1][0] == '@' ? transfer(c, c->args[1] + 1, apex, &other)
				     : import_read(c, c->args[1], apex, false, &other);
	if (outcome == ENGINE_OK)
		outcome = export_here(c, apex, &here);
	if (outcome == ENGINE_OK) {
		differences_find(&d, here, other,
		                 c->ignore_serial ? DIFFERENCES_BUT_SERIAL
		                                  : DIFFERENCES_OF_VALUE);
		outcome = show(c, &d);
		differences_free(&d);
	} else if (outcome == ENGINE_REFUSED) {
		outcome = ENGINE_USAGE; /* as diff(1) says it */
	}
	contents_free(here);
	contents_free(other);
	return outcome;
}
