#include "control/shown.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/commit/commit.h"
#include "shared/name.h"

void shown_init(struct shown *s)
{
	*s = (struct shown){.failed = json_object()};
	if (!s->failed)
		abort();
	pthread_mutex_init(&s->lock, NULL);
}

void shown_fini(struct shown *s)
{
	json_decref(s->failed);
	pthread_mutex_destroy(&s->lock);
}

/* With the lock held. */
static void put_zone(struct shown *s, const struct zone *z)
{
	char name[NAME_TEXT_MAX];

	name_to_text(z->table.apex, name);
	if (z->state != ZONE_STATE_FAILED) {
		(void)json_object_del(s->failed, name);
		return;
	}
	/* The text quotes a file, which need not be UTF-8. */
	json_t *o = json_pack("{s:b}", "loaded", (int)z->loaded);
	json_t *text = json_string(z->error ? z->error : "");
	if (!o || json_object_set_new(o, "error", text ? text : json_string("")) < 0 ||
	    json_object_set_new(s->failed, name, o) < 0)
		abort();
}

static void put_all(struct shown *s, const struct committer *c)
{
	struct zone **all = registry_sorted(c->registry);

	json_object_clear(s->failed);
	for (size_t i = 0; all[i]; i++)
		if (all[i]->state == ZONE_STATE_FAILED)
			put_zone(s, all[i]);
	free(all);
}

void shown_update(struct shown *s, const struct committer *c)
{
	pthread_mutex_lock(&s->lock);
	if (s->figures.generation != c->generation)
		put_all(s, c);
	s->figures.generation = c->generation;
	s->figures.commits = c->commits;
	writer_usage(c->writer, &s->figures.table);
	s->figures.zones = registry_count(c->registry);
	registry_totals(c->registry, &s->figures.totals);
	pthread_mutex_unlock(&s->lock);
}

void shown_zone(struct shown *s, const struct zone *z)
{
	pthread_mutex_lock(&s->lock);
	put_zone(s, z);
	pthread_mutex_unlock(&s->lock);
}

void shown_zone_gone(struct shown *s, const uint8_t *name)
{
	char text[NAME_TEXT_MAX];

	pthread_mutex_lock(&s->lock);
	(void)json_object_del(s->failed, name_to_text(name, text));
	pthread_mutex_unlock(&s->lock);
}

void shown_sync(struct shown *s, const char *error, uint64_t overtaken)
{
	pthread_mutex_lock(&s->lock);
	s->figures.synced = true;
	s->figures.overtaken = overtaken;
	(void)snprintf(s->figures.sync_error, sizeof s->figures.sync_error, "%s", error);
	pthread_mutex_unlock(&s->lock);
}

void shown_look(struct shown *s, struct shown_figures *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->figures;
	pthread_mutex_unlock(&s->lock);
}

bool shown_failed(struct shown *s, const uint8_t *name, struct shown_failure *out)
{
	char text[NAME_TEXT_MAX];
	bool failed = false;

	pthread_mutex_lock(&s->lock);
	if (json_object_size(s->failed) > 0) {
		const json_t *o = json_object_get(s->failed, name_to_text(name, text));
		failed = o;
		if (o) {
			out->loaded = json_is_true(json_object_get(o, "loaded"));
			(void)snprintf(out->text, sizeof out->text, "%s",
			               json_string_value(json_object_get(o, "error")));
		}
	}
	pthread_mutex_unlock(&s->lock);
	return failed;
}
