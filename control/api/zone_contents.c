#include "control/api/zone_contents.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/names.h"
#include "control/api/patch.h"
#include "control/change/serial.h"
#include "control/zone/contents.h"
#include "control/zone/soa.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { UNPROCESSABLE = 422, TTL = 3600, SOA_MAX = 2 * NAME_MAX_LEN + SOA_NUMBERS };

/* Contents under way. */
struct making {
	const json_t *object;
	struct change *change;
	struct contents_builder *builder;
	const struct zone_attrs *attrs;
	uint64_t now;
	struct diag diag;
	struct api_fault *fault;
	bool has_soa, has_ns;
};

static struct zone_change *zone_of(const struct making *m)
{
	return &m->change->zones[m->change->zone_count - 1];
}

/* What was wrong, in words. */
static int refuse(struct making *m)
{
	const struct diag_entry *e = diag_first_error(&m->diag);

	if (!e)
		return api_refuse(m->fault, UNPROCESSABLE, "The zone is refused");
	if (e->line)
		return api_refuse(m->fault, UNPROCESSABLE, "Line %u: %s", e->line,
		                  e->text);
	bool conflict = strcmp(e->rule, "cname-and-other-data") == 0 ||
	                strcmp(e->rule, "dname-and-ns") == 0;
	return api_refuse(m->fault, UNPROCESSABLE, "%s%s", e->text,
	                  conflict ? ": Conflicts with another RRset" : "");
}

/* ---- records ---- */

static uint32_t raised(const struct making *m, uint32_t serial)
{
	return serial_next(m->attrs->serial, serial, m->now);
}

static int add(struct making *m, const uint8_t *owner, uint16_t type, uint32_t ttl,
               struct rdata d)
{
	uint8_t soa[SOA_MAX];
	bool at_apex = name_equal(owner, zone_of(m)->name);

	m->has_ns |= type == RRTYPE_NS && at_apex;
	m->has_soa |= type == RRTYPE_SOA && at_apex;
	if (type == RRTYPE_SOA && d.len > SOA_NUMBERS && d.len <= SOA_MAX) {
		memcpy(soa, d.bytes, d.len);
		wire_store32(soa + d.len - SOA_SERIAL,
		             raised(m, soa_number(d.bytes, d.len, SOA_SERIAL)));
		d.bytes = soa;
	}
	int err = contents_builder_add(m->builder, owner, type, ttl, d.bytes, d.len, 0, 0,
	                               &m->diag);
	return err < 0 ? refuse(m) : 0;
}

/* Adds the records of a blob, signatures too. */
static int add_set(struct making *m, const uint8_t *owner, uint16_t type, uint32_t ttl,
                   const uint8_t *blob, size_t size)
{
	struct rrset set;

	if (size == 0)
		return 0;
	TRY(rrset_open(type, blob, size, &set));
	const uint8_t *at = rrset_first(&set);
	for (unsigned i = 0; i < set.count; i++)
		TRY(add(m, owner, type, ttl, rrset_next(&at)));
	for (unsigned i = 0; i < set.sig_count; i++)
		TRY(add(m, owner, RRTYPE_RRSIG, set.sig_ttl, rrset_next(&at)));
	return 0;
}

/* ---- from RRsets ---- */

/* Takes what is served out of the edits, and keeps those that bring more. */
static int take_edits(struct making *m)
{
	struct zone_change *z = zone_of(m);
	size_t kept = 0;

	for (size_t i = 0; i < z->edit_count; i++) {
		struct edit *e = &z->edits[i];
		TRY(add_set(m, e->owner, e->type, e->ttl, e->blob, e->blob_size));
		if (e->type == RRTYPE_NS && e->blob_size &&
		    name_equal(e->owner, z->name) &&
		    json_array_size(json_object_get(m->object, "nameservers")) > 0)
			return api_refuse(m->fault, UNPROCESSABLE,
			                  "Nameservers list MUST NOT be mixed with "
			                  "zone-level NS in rrsets");
		if (e->hidden_size == 0 && e->comment_count == 0)
			continue;
		e->blob = NULL; /* the contents have it now */
		e->blob_size = 0;
		z->edits[kept++] = *e;
	}
	z->edit_count = kept;
	return 0;
}

/* ---- from text ---- */

static int take_contents(struct making *m, const struct contents *contents)
{
	uint8_t owner[NAME_MAX_LEN];

	for (size_t i = 0; i < contents->count; i++) {
		const struct contents_rrset *r = &contents->rrsets[i];
		struct rrset set;
		TRY(name_from_key(r->key, r->key_len, contents->apex, owner));
		TRY(rrset_open(r->type, r->blob, r->size, &set));
		TRY(add_set(m, owner, r->type, set.ttl, r->blob, r->size));
	}
	return 0;
}

static int take_text(struct making *m, const char *text)
{
	struct contents *contents = NULL;

	if (zonefile_parse(text, strlen(text), "zone", zone_of(m)->name, &contents,
	                   &m->diag) < 0)
		return refuse(m);
	int err = take_contents(m, contents);
	contents_free(contents);
	return err;
}

/* ---- what a zone must have ---- */

static int add_nameserver(struct making *m, const json_t *value)
{
	const char *text = json_string_value(value);
	uint8_t name[NAME_MAX_LEN];

	if (!text || !text[0])
		return api_refuse(m->fault, UNPROCESSABLE,
		                  "Nameservers must be non-empty strings");
	if (text[strlen(text) - 1] != '.')
		return api_refuse(m->fault, UNPROCESSABLE,
		                  "Nameserver is not canonical: '%s'", text);
	TRY(api_name_read(text, name, m->fault));
	struct rdata d = {.bytes = name, .len = (uint16_t)name_len(name, sizeof name)};
	return add(m, zone_of(m)->name, RRTYPE_NS, TTL, d);
}

static int add_nameservers(struct making *m)
{
	size_t i;
	const json_t *value;

	json_array_foreach(json_object_get(m->object, "nameservers"), i, value)
		TRY(add_nameserver(m, value));
	return 0;
}

/* The name that stands for a server nobody has named. */
static const uint8_t nobody[] = "\1a\15misconfigured\3dns\6server\7invalid";

static int add_soa(struct making *m)
{
	static const uint8_t mailbox[] = "\12hostmaster";
	const uint8_t *apex = zone_of(m)->name;
	size_t apex_len = name_len(apex, NAME_MAX_LEN);
	uint8_t soa[SOA_MAX + sizeof mailbox];
	struct wire_writer to = wire_writer_on(soa, sizeof soa);
	const json_t *serial = json_object_get(m->object, "serial");

	wire_write_bytes(&to, nobody, sizeof nobody);
	/* A name that leaves no room for another label is its own mailbox. */
	if (apex_len + sizeof mailbox - 1 <= NAME_MAX_LEN)
		wire_write_bytes(&to, mailbox, sizeof mailbox - 1);
	wire_write_bytes(&to, apex, apex_len);
	wire_write32(&to, (uint32_t)json_integer_value(serial));
	wire_write32(&to, 10800);
	wire_write32(&to, 3600);
	wire_write32(&to, 604800);
	wire_write32(&to, 3600);
	struct rdata d = {.bytes = soa, .len = (uint16_t)wire_written(&to)};
	return add(m, apex, RRTYPE_SOA, TTL, d);
}

static int complete_zone(struct making *m)
{
	if (!m->has_soa)
		TRY(add_soa(m));
	if (!m->has_ns)
		TRY(add(m, zone_of(m)->name, RRTYPE_NS, TTL,
		        (struct rdata){.bytes = nobody, .len = sizeof nobody}));
	return 0;
}

static int finish(struct making *m)
{
	struct zone_change *z = zone_of(m);
	struct contents *contents = NULL;

	int err = contents_builder_finish(&m->builder, &contents, &m->diag);
	if (err == 0)
		err = contents_check(contents, &m->diag);
	if (err < 0) {
		contents_free(contents);
		return refuse(m);
	}
	z->contents = contents;
	z->serial = SERIAL_AS_GIVEN;
	return 0;
}

static int make(struct making *m, bool complete)
{
	const json_t *rrsets = json_object_get(m->object, "rrsets");
	const char *text = json_string_value(json_object_get(m->object, "zone"));

	if (json_array_size(rrsets) > 0 && text && text[0])
		return api_refuse(m->fault, UNPROCESSABLE,
		                  "You cannot give rrsets AND zone data as text");
	TRY(patch_read(m->object, PATCH_CONTENTS, m->change, m->now, m->fault));
	TRY(take_edits(m));
	if (text && text[0])
		TRY(take_text(m, text));
	TRY(add_nameservers(m));
	if (complete)
		TRY(complete_zone(m));
	return finish(m);
}

int zone_contents_read(const json_t *object, struct change *c, bool complete,
                       const struct zone_attrs *attrs, uint64_t now, struct api_fault *f)
{
	struct making *m = memory_get(sizeof *m);

	*m = (struct making){
		.object = object, .change = c, .attrs = attrs, .now = now, .fault = f};
	diag_init(&m->diag);
	m->builder = contents_builder_new(zone_of(m)->name);
	(void)contents_builder_file(m->builder, "zone");
	int err = make(m, complete);
	contents_builder_free(m->builder);
	diag_fini(&m->diag);
	free(m);
	return err;
}
