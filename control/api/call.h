/*
 * A request about zones, or with a long answer, on its way: it looks at the store on a pool thread, where it also reads the
 * client's JSON into a change; has the change committed and waits until it is served; looks
 * again, if there is something to show; and answers.
 *
 * Whoever handles a request writes work functions. What they leave in the call says what comes
 * next: a fault is answered at once, a change is committed, what was written to out is the answer.
 */
#ifndef CONTROL_API_CALL_H
#define CONTROL_API_CALL_H

#include <jansson.h>
#include <stdio.h>

#include "control/api/fault.h"
#include "control/api/internal.h"
#include "control/change/change.h"
#include "control/http/spooled.h"
#include "control/store/store.h"
#include "shared/compiler.h"

struct zone_call;

/* Pool thread. Gives 0, or an error when there is no fault that says more. */
typedef int zone_work(struct zone_call *c, struct store_txn *t);

/* Loop thread. Writes to out what a change came to, or would have. */
typedef void zone_report(struct zone_call *c, const struct change *change,
                         const struct change_result *r);

enum { CALL_HEADER_MAX = 192, CALL_VISIBLE_MS = 10000 };

struct zone_call {
	struct api *api;
	struct http_request *request; /* headers are read on the loop thread only */
	struct actor *actor;
	const struct config *config; /* held: the one that counted when the call began */
	zone_work *work;
	zone_work *then; /* after the change; NULL: none */

	/* For the work to use: */
	bool wants_json;            /* the client takes JSON */
	char *if_match;             /* owned; NULL: none */
	uint8_t name[NAME_MAX_LEN]; /* of the zone in the path, or the new one */
	struct store_zone zone;     /* after call_find_zone() */
	FILE *out;                  /* the answer's body, which may be long */

	/* For the work to fill in: */
	struct api_fault fault;
	bool shows_field; /* with its field; PowerDNS's errors have their text only */
	struct change *change; /* to be committed */
	zone_report *report;   /* NULL: trials are reported only */
	json_t *result;        /* owned: for the report */
	bool again; /* the work is done anew when its change comes too late: ERR_STALE */
	unsigned status;  /* of success */
	const char *type; /* media type of what is in out */
	char *link;       /* header; owned; NULL: none */
	char etag[CALL_HEADER_MAX];

	unsigned tries;
	uint32_t old_serial, new_serial;
	bool serial_changed;
	struct spool *spool; /* behind out */
};

/* Loop thread. Takes a request on. work: before, then: after a change it may have made. */
void call_begin(struct api *a, struct http_request *r, unsigned status, zone_work *work,
                zone_work *then);

/* For work. Finds the zone that the path names: call->zone. A fault of 404 otherwise. */
MUST_CHECK int call_find_zone(struct zone_call *c, struct store_txn *t);

/* For work. Reads the name of the zone from the path only. */
MUST_CHECK int call_name_zone(struct zone_call *c);

/* For work. Begins the change that the call is to make; it has no zone yet. */
void call_new_change(struct zone_call *c, const char *why);

/* The same with one zone, of call->name. */
struct zone_change *call_change(struct zone_call *c, enum zone_change_kind kind,
                                const char *why);

/* For work. Reads "true" or "false" of a parameter of the query. */
MUST_CHECK int call_flag(struct zone_call *c, const char *name, bool *out);

/* For work. Sets the ETag from call->zone. */
void call_set_etag(struct zone_call *c);

#endif
