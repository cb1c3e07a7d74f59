#include "control/transfer/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"
#include "shared/name.h"

struct schedule {
	struct agenda *agenda;
};

/* The entry is its first member. */
static struct secondary *secondary_of(struct agenda_entry *e)
{
	return (struct secondary *)(void *)e;
}

static void secondary_free(struct agenda_entry *e)
{
	struct secondary *one = secondary_of(e);

	free(one->name);
	free(one->why);
	free(one->ixfr_error);
	free(one);
}

struct schedule *schedule_new(void)
{
	struct schedule *s = memory_get(sizeof *s);

	s->agenda = agenda_new();
	return s;
}

void schedule_free(struct schedule *s)
{
	if (s)
		agenda_free(s->agenda, secondary_free);
	free(s);
}

struct secondary *schedule_find(const struct schedule *s, uint32_t id)
{
	return secondary_of(agenda_find(s->agenda, id));
}

struct secondary *schedule_add(struct schedule *s, uint32_t id, const uint8_t *name)
{
	struct secondary *one = memory_get(sizeof *one);
	size_t len = name_len(name, NAME_MAX_LEN);

	*one = (struct secondary){.at = {.id = id}, .name = memory_get(len)};
	memcpy(one->name, name, len);
	agenda_add(s->agenda, &one->at);
	return one;
}

void schedule_remove(struct schedule *s, struct secondary *one)
{
	agenda_remove(s->agenda, &one->at);
	secondary_free(&one->at);
}

struct each {
	void (*fn)(struct secondary *one, void *arg);
	void *arg;
};

static void give_one(struct agenda_entry *e, void *arg)
{
	const struct each *each = arg;

	each->fn(secondary_of(e), each->arg);
}

void schedule_each(struct schedule *s, void (*fn)(struct secondary *one, void *arg),
                   void *arg)
{
	struct each each = {.fn = fn, .arg = arg};

	agenda_each(s->agenda, give_one, &each);
}

void schedule_at(struct schedule *s, struct secondary *one, uint64_t due_ms)
{
	agenda_at(s->agenda, &one->at, due_ms);
}

void schedule_pause(struct schedule *s, struct secondary *one)
{
	agenda_pause(s->agenda, &one->at);
}

struct secondary *schedule_first(const struct schedule *s)
{
	return secondary_of(agenda_first(s->agenda));
}
