#include "control/transfer/primaries.h"

#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"
#include "shared/address.h"

enum {
	PAUSE_FIRST_MS = 2000,
	/* A question now and then costs nobody anything, and all of its zones are out of date for as long as
	 * nobody knows that it is back. */
	PAUSE_MAX_MS = 4000,
	PROBE_MS = 20000, /* whoever is let through has so long to say what came of it */
	/* Of more than so many that are down at a time the others are asked as if they were up. */
	DOWN_MAX = 1024,
};

struct down {
	struct sockaddr_storage address;
	uint64_t until_ms;
	unsigned pause_ms;
	bool probed; /* somebody has been let through, and has not said what came of it */
};

/* Who has transfers under way. */
struct busy {
	struct sockaddr_storage address;
	unsigned transfers;
};

struct primaries {
	struct down down[DOWN_MAX];
	size_t count;
	struct busy *busy;
	size_t busy_count, busy_room;
};

struct primaries *primaries_new(void)
{
	struct primaries *p = memory_get(sizeof *p);

	memset(p, 0, sizeof *p);
	return p;
}

void primaries_free(struct primaries *p)
{
	if (!p)
		return;
	free(p->busy);
	free(p);
}

static struct down *find(struct primaries *p, const struct sockaddr_storage *primary)
{
	for (size_t i = 0; i < p->count; i++)
		if (address_equal(&p->down[i].address, primary))
			return &p->down[i];
	return NULL;
}

bool primaries_is_down(struct primaries *p, const struct sockaddr_storage *primary,
                       uint64_t now_ms)
{
	struct down *d = find(p, primary);

	if (!d)
		return false;
	if (now_ms < d->until_ms)
		return true;
	d->until_ms = now_ms + PROBE_MS;
	d->probed = true;
	return false;
}

void primaries_untried(struct primaries *p, const struct sockaddr_storage *primary)
{
	struct down *d = find(p, primary);

	if (!d)
		return;
	d->until_ms = 0;
	d->probed = false;
}

enum primary_news primaries_tried(struct primaries *p,
                                  const struct sockaddr_storage *primary, bool answered,
                                  uint64_t now_ms)
{
	struct down *d = find(p, primary);

	if (answered) {
		if (d)
			*d = p->down[--p->count];
		return d ? PRIMARY_UP : PRIMARY_AS_BEFORE;
	}
	bool is_news = !d;
	if (!d) {
		if (p->count == DOWN_MAX)
			return PRIMARY_AS_BEFORE;
		d = &p->down[p->count++];
		*d = (struct down){.address = *primary, .pause_ms = PAUSE_FIRST_MS};
	} else if (!d->probed) {
		return PRIMARY_AS_BEFORE; /* asked before it was down, or in spite of it */
	} else if (d->pause_ms < PAUSE_MAX_MS) {
		d->pause_ms =
			d->pause_ms > PAUSE_MAX_MS / 2 ? PAUSE_MAX_MS : d->pause_ms * 2;
	}
	d->probed = false;
	d->until_ms = now_ms + d->pause_ms;
	return is_news ? PRIMARY_DOWN : PRIMARY_AS_BEFORE;
}

static struct busy *find_busy(struct primaries *p, const struct sockaddr_storage *primary)
{
	for (size_t i = 0; i < p->busy_count; i++)
		if (address_equal(&p->busy[i].address, primary))
			return &p->busy[i];
	return NULL;
}

bool primaries_enter(struct primaries *p, const struct sockaddr_storage *primary)
{
	struct busy *b = find_busy(p, primary);

	if (!b) {
		p->busy = array_room(p->busy, p->busy_count, &p->busy_room,
		                     sizeof p->busy[0]);
		b = &p->busy[p->busy_count++];
		*b = (struct busy){.address = *primary};
	}
	if (b->transfers == PRIMARY_TRANSFERS_MAX)
		return false;
	b->transfers++;
	return true;
}

void primaries_leave(struct primaries *p, const struct sockaddr_storage *primary)
{
	struct busy *b = find_busy(p, primary);

	if (b && --b->transfers == 0)
		*b = p->busy[--p->busy_count];
}

size_t primaries_down(const struct primaries *p)
{
	return p->count;
}
