#include "control/audit/event.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/audit/chain.h"
#include "control/audit/row.h"
#include "control/change/record.h"
#include "shared/err.h"

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* ---- when and who ---- */

static json_t *time_json(uint64_t time_us)
{
	time_t seconds = (time_t)(time_us / 1000000);
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		(void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%06uZ", date, (unsigned)(time_us % 1000000));
}

static json_t *address_json(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN] = "";

	if (memcmp(address, mapped, sizeof mapped) == 0)
		(void)inet_ntop(AF_INET, address + sizeof mapped, text, sizeof text);
	else
		(void)inet_ntop(AF_INET6, address, text, sizeof text);
	return json_string(text);
}

static const char *kind_name(enum actor_kind k)
{
	switch (k) {
	case ACTOR_SELF: return "self";
	case ACTOR_SOCKET: return "socket";
	case ACTOR_KEY: return "key";
	}
	return "?";
}

static json_t *actor_json(const struct actor *a)
{
	static const uint8_t none[16];
	json_t *o = json_object();
	const char *role = role_name(a->role);

	set(o, "kind", json_string(kind_name(a->kind)));
	set(o, "name", row_text(a->name));
	set(o, "role", json_string(role ? role : "none"));
	if (a->key_id[0])
		set(o, "key", row_text(a->key_id));
	if (a->tenant[0])
		set(o, "tenant", row_text(a->tenant));
	if (memcmp(a->address, none, sizeof none) != 0)
		set(o, "address", address_json(a->address));
	if (a->port)
		set(o, "port", number(a->port));
	if (a->kind == ACTOR_SOCKET) {
		set(o, "uid", number(a->uid));
		set(o, "pid", number(a->pid));
	}
	if (a->request_id[0])
		set(o, "request", row_text(a->request_id));
	return o;
}

/* ---- changes ---- */

static const char *change_name(enum zone_change_kind k)
{
	switch (k) {
	case ZONE_EDIT: return "edit";
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

		set(o, "zone", json_string(name_to_text(z.name, name)));
		set(o, "kind", json_string(change_name(z.kind)));
		set(o, "serial_before", number(z.old_serial));
		set(o, "serial", number(z.new_serial));
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
	set(event, "rows", row_teller_end(&t.teller, hex));
	if (omitted)
		set(event, "rows_omitted", number(omitted));
	if (t.damaged)
		set(event, "rows_damaged", json_true());
	set(event, "rows_sha256", json_string(hex));
}

json_t *event_of_change(struct store_txn *t, uint64_t seq, const void *header,
                        size_t size)
{
	json_t *event = json_object();
	struct record_header h;
	int err = record_decode_header(header, size, &h);

	if (err < 0) {
		set(event, "what", json_string("change"));
		set(event, "damaged", json_string(err_text(err)));
		return event;
	}
	h.seq = seq;
	set(event, "time", time_json(h.time_us));
	set(event, "what", json_string("change"));
	set(event, "why", row_text(h.why));
	set(event, "actor", actor_json(&h.actor));
	set(event, "zones", zones_json(&h));
	add_rows(event, t, &h);
	return event;
}

json_t *event_of_note(const struct actor *who, const char *what, json_t *detail,
                      uint64_t time_us)
{
	json_t *event = json_object();

	set(event, "time", time_json(time_us));
	set(event, "what", json_string(what));
	set(event, "actor", actor_json(who));
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
