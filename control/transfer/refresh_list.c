#include "control/json_put.h"
#include "control/transfer/refresh_internal.h"
#include "shared/clock.h"
#include "shared/name.h"

static const char *state_of(const struct secondary *one)
{
	if (one->check)
		return "checking";
	if (one->expired)
		return "expired";
	if (one->failures)
		return "failing";
	return one->has_contents ? "current" : "empty";
}

static json_t *secondary_json(const struct secondary *one)
{
	uint64_t now = clock_now_ms();
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	json_put(o, "zone", json_string(name_to_text(one->name, text)));
	json_put(o, "state", json_string(state_of(one)));
	json_put(o, "serial", one->has_contents ? json_number(one->serial) : json_null());
	json_put(o, "primary_serial",
	         one->their_serial ? json_number(one->their_serial) : json_null());
	json_put(o, "last_good",
	         one->has_contents && one->good_at ? json_number(one->good_at)
	                                           : json_null());
	json_put(o, "expires",
	         one->has_contents && one->expire
	                 ? json_number(one->good_at + one->expire)
	                 : json_null());
	json_put(o, "next_in_s",
	         one->at.queued
	                 ? json_number(one->at.due > now ? (one->at.due - now) / 1000 : 0)
	                 : json_null());
	json_put(o, "failures", json_number(one->failures));
	json_put(o, "error", one->why ? json_string(one->why) : json_null());
	json_put(o, "ixfr_failures", json_number(one->ixfr_failures));
	json_put(o, "ixfr_error",
	         one->ixfr_error ? json_string(one->ixfr_error) : json_null());
	return o;
}

struct listing {
	json_t *list;
	size_t most;
};

static void list_one(struct secondary *one, void *arg)
{
	struct listing *l = arg;

	if (json_array_size(l->list) < l->most)
		(void)json_array_append_new(l->list, secondary_json(one));
}

json_t *refresh_list(void *arg, uint32_t zone, size_t most)
{
	struct refresh *r = arg;
	struct listing l = {.list = json_array(), .most = most};
	struct secondary *one = zone ? schedule_find(r->schedule, zone) : NULL;

	if (one)
		list_one(one, &l);
	else if (!zone)
		schedule_each(r->schedule, list_one, &l);
	return l.list;
}
