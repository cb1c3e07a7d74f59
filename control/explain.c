/* explain NAME TYPE: what the table holds for a question, step by step, as a worker would see it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "dataplane/respond/lookup.h"
#include "dataplane/respond/query.h"
#include "shared/err.h"
#include "shared/rcu.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { EXPLAIN_ROOM = 65535 };

struct explain {
	struct snapshot s;
	const struct table *table;
	struct path path;
	struct path_room path_room;
	uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD];
	uint16_t type;
	json_t *lines;
};

static void say(struct explain *x, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(struct explain *x, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	json_array_append_new(x->lines, json_vsprintf(format, args));
	va_end(args);
}

static void say_flags(struct explain *x, const struct table_node *n)
{
	static const struct {
		unsigned flag;
		const char *text;
	} flags[] = {
		{NODE_APEX, "the apex of its zone"},
		{NODE_CUT, "a zone cut: answers are referrals"},
		{NODE_BELOW_CUT, "below a zone cut: glue only"},
		{NODE_DNAME, "the owner of a DNAME: names below are redirected"},
		{NODE_WILDCARD, "the parent of a wildcard"},
		{NODE_VOID, "no name of any zone, only on the path to a hosted one"},
		{NODE_PARENT_SIDE,
	         "the parent's side of a cut whose child is hosted as well"},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (n->flags & flags[i].flag)
			say(x, "  it is %s", flags[i].text);
}

static void say_entry(struct explain *x, const struct table_entry *e)
{
	char type[RRTYPE_TEXT_MAX];

	if (e->flags & ENTRY_HASHES) {
		say(x, "  NSEC3 hashes of the name and of the wildcard below it");
		return;
	}
	rrtype_to_text(e->type, type);
	if (e->flags & ENTRY_DENIAL) {
		const struct table_denial *d = table_at(x->s.base, e->ref);
		say(x, "  %s: denial record at ref %u, %u bytes, %u RRSIG", type, e->ref,
		    (unsigned)d->rr_len + d->sigs_len, d->sig_count);
	} else if (e->flags & ENTRY_FRAGMENT) {
		const struct table_fragment *f = table_at(x->s.base, e->ref);
		say(x,
		    "  %s: fragment at ref %u: %u records in %u bytes, with DO %u more in %u; %u "
		    "relocations, %u targets",
		    type, e->ref, f->plain_count, f->plain_len, f->do_count, f->do_len,
		    f->nrelocs, f->ntargets);
	} else {
		say(x, "  %s: inline: %u records in %u bytes, with DO %u more in %u",
		    type, e->plain_count, e->plain_len, e->flags >> ENTRY_DO_SHIFT,
		    e->do_len);
	}
}

static void say_node(struct explain *x, const char *what, const struct table_node *n)
{
	char text[NAME_TEXT_MAX];
	const struct table_entry *e = table_node_entries(n);

	say(x, "%s: %s, node at ref %zu", what, name_to_text(n->name, text),
	    (size_t)((const uint8_t *)n - x->s.base) / TABLE_UNIT);
	say_flags(x, n);
	for (unsigned i = 0; i < n->nentries; i++, e = table_entry_next(e))
		say_entry(x, e);
}

static void say_zone(struct explain *x, const struct table_node *n)
{
	const struct table_zone_version *v = table_zone_at(&x->s, n->zone);
	char text[NAME_TEXT_MAX];

	if (!v)
		return;
	const uint8_t *apex = x->name + name_len(x->name, NAME_MAX_LEN) - v->apex_len;
	say(x, "zone: %s, %s", name_to_text(apex, text),
	    v->flags & ZONE_UNLOADED ? "without contents (SERVFAIL)"
	    : v->flags & ZONE_NSEC   ? "signed, NSEC"
	    : v->flags & ZONE_NSEC3  ? "signed, NSEC3"
	                             : "unsigned");
}

static void explain_node(struct explain *x, const struct table_node *n)
{
	say_zone(x, n);
	say_node(x, "name", n);
	if (n->flags & NODE_BELOW_CUT)
		say_node(x, "cut",
		         path_node(&x->s, &x->path, n->flags >> NODE_CUT_SHIFT));
}

static void explain_missing(struct explain *x, unsigned max)
{
	unsigned labels;
	const struct table_node *n =
		path_encloser(&x->s, &x->path, max, (struct path_guess){0}, &labels);

	if (!n) {
		say(x, "no hosted zone holds this name: REFUSED");
		return;
	}
	say_zone(x, n);
	say(x, "the name does not exist");
	say_node(x, "closest encloser", n);
	const struct table_node *wildcard =
		n->flags & NODE_WILDCARD ? path_wildcard(&x->s, &x->path, labels) : NULL;
	if (n->flags & NODE_BELOW_CUT)
		say_node(x, "cut",
		         path_node(&x->s, &x->path, n->flags >> NODE_CUT_SHIFT));
	else if (wildcard)
		say_node(x, "wildcard", wildcard);
}

/* Asks the responder itself, so that what is shown is what would be sent. */
static void explain_answer(struct explain *x, bool dnssec)
{
	uint8_t *message = malloc(EXPLAIN_ROOM);
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0};
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
	                                     "NOTIMP",  "REFUSED", "YXDOMAIN"};
	size_t len = name_len(x->name, NAME_MAX_LEN);
	struct counters counters = {0};
	struct responder *r = responder_new(&counters);

	if (!message)
		abort();
	struct pkt p = {.dns = message, .room = EXPLAIN_ROOM, .client.is_ipv4 = 1};

	memset(message, 0, DNS_HEADER_LEN);
	message[5] = 1;
	message[11] = dnssec;
	memcpy(message + DNS_HEADER_LEN, x->name, len);
	uint8_t *at = message + DNS_HEADER_LEN + len;
	*at++ = (uint8_t)(x->type >> 8);
	*at++ = (uint8_t)x->type;
	*at++ = 0;
	*at++ = CLASS_IN;
	if (dnssec) {
		memcpy(at, opt, sizeof opt);
		at += sizeof opt;
	}
	p.len = (uint16_t)(at - message);
	respond_burst(r, x->table, (uint32_t)time(NULL), &p, 1);
	responder_free(r);
	unsigned rcode = message[3] & 15;
	say(x, "answer over UDP: %s%s%s, %u + %u + %u records, %u bytes",
	    rcode < ARRAY_LEN(rcodes) ? rcodes[rcode] : "other",
	    message[2] & 4 ? ", AA" : "", message[2] & 2 ? ", TC" : "",
	    wire_load16(message + 6), wire_load16(message + 8), wire_load16(message + 10),
	    p.len);
	free(message);
}

static enum engine_outcome read_arguments(struct explain *x, const json_t *args,
                                          json_t *result)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	const char *type = json_string_value(json_object_get(args, "type"));

	if (!name || !type)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"name\" and \"type\" are needed");
	int len = name_read(name, x->name);
	if (len < 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"%s\" is not a domain name: %s", name,
		                   err_text(len));
	int number = rrtype_from_text(type, strlen(type));
	if (number < 0)
		return engine_fail(result, ENGINE_USAGE, "unknown type \"%s\"", type);
	x->type = (uint16_t)number;
	return ENGINE_OK;
}

static void explain(struct explain *x, bool dnssec)
{
	path_of(&x->path, &x->s.hash_key, x->name,
	        (uint8_t)name_len(x->name, NAME_MAX_LEN), &x->path_room);
	unsigned labels = x->path.labels;
	const struct table_node *n = path_node(&x->s, &x->path, labels);
	if (n && !(n->flags & NODE_VOID))
		explain_node(x, n);
	else if (labels > 0)
		explain_missing(x, labels - 1);
	else
		say(x, "no hosted zone holds this name: REFUSED");
	const struct table_node *parent =
		table_find(&x->s, name_hash(&x->s.hash_key, x->name) ^ TABLE_PARENT_SALT,
	                   x->name, x->path.name_len, NODE_PARENT_SIDE);
	if (parent)
		say_node(x, "parent's side (DS)", parent);
	explain_answer(x, dnssec);
}

/* As a reader of the table like any other, on a thread of the pool. */
enum engine_outcome command_explain(struct engine *e, const json_t *args, json_t *result)
{
	struct explain x = {0};
	enum engine_outcome bad = read_arguments(&x, args, result);

	if (bad != ENGINE_OK)
		return bad;
	x.lines = json_array();
	rcu_reader_begin();
	x.table = rcu_look(e->committer.source.current);
	table_snapshot(x.table, &x.s);
	explain(&x, json_is_true(json_object_get(args, "dnssec")));
	rcu_reader_end();
	json_put(result, "lines", x.lines);
	return ENGINE_OK;
}
