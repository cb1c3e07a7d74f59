/*
 * A zone's contents as the server has them, all from one version, on this side of the socket.
 */
#ifndef CONTROL_CLI_EXPORT_H
#define CONTROL_CLI_EXPORT_H

#include "control/cli/cli.h"
#include "control/zone/contents.h"

struct export
{
	const char *zone;
	const uint8_t *apex; /* the same in wire form, for export_contents() */
	const char *name;    /* this name's records only; NULL: all */
	FILE *spool;         /* where the text goes */
	json_int_t serial;
	json_int_t version;
	bool from_file; /* the zone came from a zone file */
	json_t *next;   /* where the next page begins; NULL: no page yet, or none left */
};

/* Fills the spool, which is open for reading and writing, and empty. *error, the caller's to
 * release: what the server said, when it refused, else untouched. */
MUST_CHECK enum engine_outcome export_whole(struct cli *c, struct export *e,
                                            json_t **error);

/* What was exported, in memory. spool is opened and closed by this. */
enum engine_outcome export_contents(struct cli *c, struct export *e,
                                    struct contents **out, json_t **error);

#endif
