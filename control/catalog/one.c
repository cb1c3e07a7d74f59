/*
 * A version is refused once, however often it is looked at: other zones' coming and going has a catalog looked at
 * anew, and a broken one is no more broken then. So what is counted are serials.
 */
#include "control/catalog/one.h"

#include <string.h>

#include "control/json_put.h"
#include "shared/log.h"

/* ---- taken down ---- */

static void say(const struct catalog_one *one, const struct catalog_report *r)
{
	const struct catalog_report *old = &one->report;
	char name[NAME_TEXT_MAX];

	(void)name_to_text(one->name, name);
	if (old->state == r->state && strcmp(old->why, r->why) == 0)
		return;
	switch (r->state) {
	case CATALOG_BROKEN: log_error("catalog %s: broken: %s", name, r->why); break;
	case CATALOG_FAILED: log_error("catalog %s: %s", name, r->why); break;
	case CATALOG_HELD:
		log_error("catalog %s: %zu zones would be removed, and stay until that "
		          "is accepted",
		          name, r->gone);
		break;
	case CATALOG_UNREAD:
	case CATALOG_EMPTY:
	case CATALOG_OK:
	case CATALOG_STATES:
		if (old->state != CATALOG_UNREAD)
			log_info("catalog %s: well again", name);
		break;
	}
}

void catalog_one_report(struct catalog_one *one, const struct catalog_report *r,
                        uint64_t now)
{
	say(one, r);
	if (r->state == CATALOG_OK)
		one->followed_at = now;
	if (r->state == CATALOG_BROKEN &&
	    (!one->refused || one->refused_serial != r->serial)) {
		one->refused++;
		one->refused_serial = r->serial;
	}
	one->report = *r;
}

/* ---- told ---- */

static size_t kept(const struct catalog_one *one)
{
	return one->report.state == CATALOG_HELD ? one->report.gone : 0;
}

/* What an operator has to do something about, or null. */
static json_t *alarm_json(const struct catalog_one *one, const char *name)
{
	const struct catalog_report *r = &one->report;
	char foreign[NAME_TEXT_MAX];

	switch (r->state) {
	case CATALOG_BROKEN:
		return json_sprintf("catalog %s is broken: %s", name, r->why);
	case CATALOG_FAILED:
		return json_sprintf("catalog %s is not followed: %s", name, r->why);
	case CATALOG_HELD:
		return json_sprintf("catalog %s takes away %zu zones, which stay until "
		                    "catalog accept",
		                    name, r->gone);
	case CATALOG_UNREAD:
	case CATALOG_EMPTY:
	case CATALOG_OK:
	case CATALOG_STATES: break;
	}
	if (!r->foreign)
		return json_null();
	return json_sprintf("catalog %s has %zu members that are zones here for another "
	                    "reason, such as %s",
	                    name, r->foreign, name_to_text(r->first_foreign, foreign));
}

json_t *catalog_one_json(const struct catalog_one *one)
{
	const struct catalog_report *r = &one->report;
	json_t *o = json_object();
	char name[NAME_TEXT_MAX];

	(void)name_to_text(one->name, name);
	json_put(o, "zone", json_string(name));
	json_put(o, "kind",
	         json_string(catalog_kind_text(one->kind == ZONE_KIND_PRODUCER)));
	json_put(o, "state", json_string(catalog_state_text(r->state)));
	json_put(o, "serial", json_number(r->serial));
	json_put(o, "members", json_number(r->members));
	json_put(o, "gone", json_number(kept(one)));
	json_put(o, "foreign", json_number(r->foreign));
	json_put(o, "refused", json_number(one->refused));
	json_put(o, "followed_at",
	         one->followed_at ? json_number(one->followed_at) : json_null());
	json_put(o, "alarm", alarm_json(one, name));
	return o;
}

void catalog_one_count(const struct catalog_one *one, struct catalog_figures *f)
{
	const struct catalog_report *r = &one->report;

	f->states[r->state]++;
	if (f->count == CATALOG_FIGURES_MAX)
		return;
	struct catalog_figure *to = &f->one[f->count++];
	*to = (struct catalog_figure){
		.is_made = one->kind == ZONE_KIND_PRODUCER,
		.state = r->state,
		.serial = r->serial,
		.members = r->members,
		.gone = kept(one),
		.foreign = r->foreign,
		.refused = one->refused,
		.followed_at = one->followed_at,
	};
	(void)name_to_text(one->name, to->name);
}
