/* What the keeper knows of its zones, for those who ask: one by one, and in figures. */
#include "control/json_put.h"
#include "control/keeper/internal.h"

static void describe_progress(json_t *o, const struct bulk_progress *p)
{
	if (!p)
		return;
	size_t done = atomic_load_explicit(&p->done, memory_order_relaxed);
	size_t total = atomic_load_explicit(&p->total, memory_order_relaxed);
	uint64_t rate = step_signing_rate(p);

	json_put(o, "signing_done", json_number(done));
	json_put(o, "signing_total", json_number(total));
	json_put(o, "signing_found",
	         json_number(atomic_load_explicit(&p->found, memory_order_relaxed)));
	json_put(o, "signing_rate", json_number(rate));
	json_put(o, "signing_left_s",
	         rate ? json_number((total - done) / rate) : json_null());
}

/* It will be known soon whether what is said of the zone is still so. */
static bool is_looked_at(const struct kept *one)
{
	return one->errand || (one->at.queued && one->at.due <= keeper_now());
}

static json_t *describe(const struct kept *one)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	json_put(o, "zone", json_string(name_to_text(one->name, text)));
	json_put(o, "signed", json_boolean(one->is_signed));
	json_put(o, "rrsets", json_number(one->signed_count));
	json_put(o, "due", json_number(one->due_count));
	json_put(o, "first_expiry",
	         one->ends == UINT64_MAX ? json_null() : json_number(one->ends));
	json_put(o, "looking", json_boolean(is_looked_at(one)));
	json_put(o, "next_look", one->at.queued ? json_number(one->at.due) : json_null());
	json_put(o, "asks_parent_at",
	         one->ask_at == UINT64_MAX ? json_null() : json_number(one->ask_at));
	if (one->trouble)
		json_put(o, "trouble", json_string(one->trouble));
	if (one->errand)
		describe_progress(o, errand_progress(one->errand));
	return o;
}

struct listing {
	json_t *list;
	size_t most;
};

static void list_one(struct agenda_entry *e, void *arg)
{
	struct listing *l = arg;

	if (json_array_size(l->list) < l->most)
		(void)json_array_append_new(l->list, describe(kept_of(e)));
}

json_t *keeper_list(void *arg, uint32_t zone, size_t most)
{
	struct keeper *k = arg;
	struct listing l = {.list = json_array(), .most = most};
	struct agenda_entry *one = zone ? agenda_find(k->agenda, zone) : NULL;

	if (one)
		list_one(one, &l);
	else if (!zone)
		agenda_each(k->agenda, list_one, &l);
	return l.list;
}

STATIC_ASSERT((int)KEEPER_RECORDS == (int)LIFE_KINDS, "as in life.h");
STATIC_ASSERT((int)KEEPER_STATES == LIFE_UNRETENTIVE + 1, "as in life.h");

static void count_one(struct agenda_entry *e, void *arg)
{
	struct keeper_figures *f = arg;
	const struct kept *one = kept_of(e);

	f->zones++;
	f->signed_zones += one->is_signed;
	f->troubled += one->trouble != NULL;
	f->rrsets += one->signed_count;
	f->due += one->due_count;
	f->asking += one->ask_at != UINT64_MAX;
	for (unsigned r = 0; r < KEEPER_RECORDS; r++)
		for (unsigned s = 0; s < KEEPER_STATES; s++)
			f->keys[r][s] += one->keys[r][s];
	if (one->ends < f->first_expiry)
		f->first_expiry = one->ends;
}

void keeper_count(void *arg, struct keeper_figures *to)
{
	struct keeper *k = arg;

	*to = (struct keeper_figures){.first_expiry = UINT64_MAX, .whole = k->whole};
	agenda_each(k->agenda, count_one, to);
}
