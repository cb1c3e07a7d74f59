#include "control/audit/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/audit/chain.h"
#include "control/audit/row.h"
#include "control/change/record.h"
#include "control/json_put.h"
#include "shared/address.h"
#include "shared/err.h"

/* ---- when and who ---- */

const char *event_time_text(uint64_t time_us, char text[static EVENT_TIME_SIZE])
{
	time_t seconds = (time_t)(time_us / 1000000);
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		(void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, EVENT_TIME_SIZE, "%s.%06uZ", date,
	               (unsigned)(time_us % 1000000));
	return text;
}

json_t *event_time(uint64_t time_us)
{
	char text[EVENT_TIME_SIZE];

	return json_string(event_time_text(time_us, text));
}

static json_t *address_json(const uint8_t address[16])
{
	char text[ADDRESS_HOST_MAX];

	address_bytes_host(address, text);
	return json_string(text);
}

static const char *kind_name(enum actor_kind k)
{
	switch (k) {
	case ACTOR_SELF: return "self";
	case ACTOR_SOCKET: return "socket";
	case ACTOR_KEY: return "key";
	case ACTOR_DNS: return "dns";
	}
	return "?";
}

json_t *event_actor(const struct actor *a)
{
	static const uint8_t none[16];
	json_t *o = json_object();
	const char *role = role_name(a->role);

	json_put(o, "kind", json_string(kind_name(a->kind)));
	json_put(o, "name", row_text(a->name));
	json_put(o, "role", json_string(role ? role : "none"));
	if (a->key_id[0])
		json_put(o, "key", row_text(a->key_id));
	if (a->tenant[0])
		json_put(o, "tenant", row_text(a->tenant));
	if (memcmp(a->address, none, sizeof none) != 0)
		json_put(o, "address", address_json(a->address));
	if (a->port)
		json_put(o, "port", json_number(a->port));
	if (a->kind == ACTOR_SOCKET) {
		json_put(o, "uid", json_number(a->uid));
		json_put(o, "pid", json_number(a->pid));
	}
	if (a->request_id[0])
		json_put(o, "request", row_text(a->request_id));
	return o;
}

/* ---- changes ---- */

const char *event_change_name(enum zone_change_kind k)
{
	switch (k) {
	case ZONE_EDIT:
	case ZONE_DELTA:
	case ZONE_UPDATE: return "edit";
	case ZONE_CREATE: return "create";
	case ZONE_REMOVE: return "remove";
	case ZONE_CONTENTS: return "contents";
	}
	return "?";
}

static json_t *zones_json(const struct record_header *h)
{
	struct wire_reader at = record_zones(h);
	json_t *list = json_array();
	char name[NAME_TEXT_MAX];

	for (uint32_t i = 0; i < h->zone_count; i++) {
		struct record_zone z = record_next_zone(&at);
		json_t *o = json_object();

		json_put(o, "zone", json_string(name_to_text(z.name, name)));
		json_put(o, "kind", json_string(event_change_name(z.kind)));
		json_put(o, "serial_before", json_number(z.old_serial));
		json_put(o, "serial", json_number(z.new_serial));
		(void)json_array_append_new(list, o);
	}
	return list;
}

struct telling {
	const struct record_header *header;
	struct row_teller *teller;
	bool damaged;
};

static const uint8_t *zone_name(const struct record_header *h, uint32_t id)
{
	struct wire_reader at = record_zones(h);

	for (uint32_t i = 0; i < h->zone_count; i++) {
		struct record_zone z = record_next_zone(&at);
		if (z.id == id)
			return z.name;
	}
	return NULL;
}

static int tell_row(const struct record_row *row, void *arg)
{
	const struct telling *t = arg;

	row_tell(t->teller, row);
	return 0;
}

static int tell_part(const struct store_rows *part, void *arg)
{
	struct telling *t = arg;

	row_teller_part(t->teller, zone_name(t->header, part->zone), part);
	if (record_each_row(part->rows, part->size, tell_row, t) < 0)
		t->damaged = true;
	return 0;
}

static void add_rows(json_t *event, struct store_txn *txn, const struct record_header *h)
{
	char hex[CHAIN_HEX_SIZE];
	struct telling t = {.header = h, .teller = row_teller_new()};

	if (store_log_each_rows(txn, h->seq, tell_part, &t) < 0)
		t.damaged = true;
	size_t omitted = row_teller_omitted(t.teller);
	json_put(event, "rows", row_teller_end(&t.teller, hex));
	if (omitted)
		json_put(event, "rows_omitted", json_number(omitted));
	if (t.damaged)
		json_put(event, "rows_damaged", json_true());
	json_put(event, "rows_sha256", json_string(hex));
}

json_t *event_of_change(struct store_txn *t, uint64_t seq, const void *header,
                        size_t size)
{
	json_t *event = json_object();
	struct record_header h;
	int err = record_decode_header(header, size, &h);

	if (err < 0) {
		json_put(event, "what", json_string("change"));
		json_put(event, "damaged", json_string(err_text(err)));
		return event;
	}
	h.seq = seq;
	json_put(event, "time", event_time(h.time_us));
	json_put(event, "what", json_string("change"));
	json_put(event, "why", row_text(h.why));
	json_put(event, "actor", event_actor(&h.actor));
	json_put(event, "zones", zones_json(&h));
	add_rows(event, t, &h);
	return event;
}

json_t *event_of_note(const struct actor *who, const char *what, json_t *detail,
                      uint64_t time_us)
{
	json_t *event = json_object();

	json_put(event, "time", event_time(time_us));
	json_put(event, "what", json_string(what));
	json_put(event, "actor", event_actor(who));
	if (detail && json_object_update_missing(event, detail) < 0)
		abort();
	json_decref(detail);
	return event;
}

char *event_body(const json_t *event, size_t *len)
{
	char *text = json_dumps(event, JSON_COMPACT);

	if (!text)
		abort();
	/* The brace that opens it is part of the chain's beginning. */
	*len = strlen(text) - 1;
	memmove(text, text + 1, *len + 1);
	return text;
}
