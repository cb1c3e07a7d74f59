/* What came of a change, as commands tell it: zone by zone, or why it was refused. On the loop. */
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "shared/err.h"

static json_t *problem_json(const struct change *c, const struct change_problem *p)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();
	const struct zone_change *z = p->zone >= 0 ? &c->zones[p->zone] : NULL;

	json_put(o, "rule", json_string(p->rule));
	json_put(o, "text", json_string(p->text));
	if (z)
		json_put(o, "zone", json_string(name_to_text(z->name, text)));
	if (z && p->edit >= 0) {
		const struct edit *e = &z->edits[p->edit];
		json_put(o, "edit", json_number(e->where));
		json_put(o, "name", json_string(name_to_text(e->owner, text)));
	}
	if (p->member)
		json_put(o, "member", json_string(p->member));
	return o;
}

static json_t *zone_json(const struct zone_result *r)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	json_put(o, "zone", json_string(name_to_text(r->name, text)));
	json_put(o, "changed", json_boolean(r->changed));
	json_put(o, "serial_before", json_number(r->old_serial));
	json_put(o, "serial", json_number(r->new_serial));
	json_put(o, "version", json_number(r->version));
	json_put(o, "names_changed", json_number(r->report.names));
	json_put(o, "rrsets_added", json_number(r->report.added));
	json_put(o, "rrsets_removed", json_number(r->report.removed));
	json_put(o, "rrsets_changed", json_number(r->report.changed));
	return o;
}

static enum engine_outcome refuse(struct job *j)
{
	const struct change_result *r = &j->changed;
	json_t *problems = json_array();

	for (size_t i = 0; i < r->problem_count; i++)
		json_array_append_new(problems, problem_json(j->change, &r->problems[i]));
	if (r->err == ERR_STALE)
		json_put(j->result, "stale", json_true());
	if (r->problem_count > 0)
		json_put(j->result, "problems", problems);
	else
		json_decref(problems);
	if (r->problem_count == 1)
		return engine_fail(j->result, ENGINE_REFUSED, "%s", r->problems[0].text);
	if (r->problem_count > 1)
		return engine_fail(j->result, ENGINE_REFUSED, "%s (and %zu more)",
		                   r->problems[0].text, r->problem_count - 1);
	return engine_fail(j->result, ENGINE_REFUSED, "%s",
	                   r->err == ERR_NOTFOUND ? "there is no such zone"
	                   : r->err == ERR_DENIED ? "that is not yours to change"
	                   : r->err == ERR_STALE  ? "the zone was changed meanwhile"
	                                          : err_text(r->err));
}

enum engine_outcome engine_report_change(struct job *j)
{
	const struct change_result *r = &j->changed;
	json_t *zones = json_array();

	if (r->err < 0 && r->err != ERR_TIMEOUT) {
		json_decref(zones);
		return refuse(j);
	}
	for (size_t i = 0; i < r->zone_count; i++)
		json_array_append_new(zones, zone_json(&r->zones[i]));
	json_put(j->result, "zones", zones);
	json_put(j->result, "change", r->seq ? json_number(r->seq) : json_null());
	json_put(j->result, "commit", json_number(r->commit));
	json_put(j->result, "generation", json_number(r->generation));
	return engine_report_visible(j);
}
