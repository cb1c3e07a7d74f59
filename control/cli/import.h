/* A zone's contents on their way to the server as a whole. */
#ifndef CONTROL_CLI_IMPORT_H
#define CONTROL_CLI_IMPORT_H

#include "control/cli/cli.h"
#include "control/diag.h"
#include "control/zone/contents.h"

/* How they are to be taken; the rest is by the options. */
struct import {
	const char *zone;
	const struct contents *contents;
	json_int_t if_version; /* 0: whatever is there */
	bool replace;
};

/* Sends them, in as many pieces as it takes; one change is made when all are there. *result as with
 * cli_call(). */
enum engine_outcome import_send(struct cli *c, const struct import *i, json_t **result);

/* A zone's name in wire form, folded. Gives false after a message. */
bool import_zone_name(const char *text, uint8_t name[static NAME_MAX_LEN]);

/* Reads a zone file, or with "-" standard input. Says what is wrong with it; as JSON when that is
 * wanted and it is refused. check: as the server will, before it serves it. */
enum engine_outcome import_read(const struct cli *c, const char *path,
                                const uint8_t *apex, bool check, struct contents **out);

/* The same without a word: what is wrong is in diag. */
MUST_CHECK int import_parse(const char *path, const uint8_t *apex, bool check,
                            struct contents **out, struct diag *diag);

#endif
