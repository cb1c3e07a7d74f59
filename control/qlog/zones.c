#include "control/qlog/zones.h"

#include <string.h>

#include "dataplane/respond/lookup.h"
#include "shared/io_settings.h"
#include "shared/rrtype.h"

/* ---- the zone of a name ---- */

/* DS at the apex of a zone is its parent's (RFC 4035 section 3.1.4.1), if that is hosted as well. */
static const struct table_node *parent_side(const struct snapshot *s,
                                            const struct path *p, uint16_t type)
{
	if (type != RRTYPE_DS)
		return NULL;
	return table_find(s, name_hash(&s->hash_key, p->name) ^ TABLE_PARENT_SALT,
	                  p->name, p->name_len, NODE_PARENT_SIDE);
}

bool qlog_zone_of(const struct table *t, const struct qlog_record *r,
                  uint8_t zone[static NAME_MAX_LEN])
{
	uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD] = {0};
	struct snapshot s;
	struct path_room room;
	struct path path;
	unsigned labels;

	if (r->name_len == 0)
		return false;
	memcpy(name, r->name, r->name_len);
	name_fold(name, r->name_len);
	table_snapshot(t, &s);
	path_of(&path, &s.hash_key, name, r->name_len, &room);
	const struct table_node *n = parent_side(&s, &path, r->qtype);
	if (!n)
		n = path_encloser(&s, &path, path.labels, (struct path_guess){0},
		                  &labels);
	const struct table_zone_version *v = n ? table_zone_at(&s, n->zone) : NULL;
	if (!v)
		return false;
	memcpy(zone, name + r->name_len - v->apex_len, v->apex_len);
	return true;
}

/* ---- counts ---- */

void zone_counts_init(struct zone_counts *c)
{
	c->n = 0;
	pthread_mutex_init(&c->lock, NULL);
}

void zone_counts_fini(struct zone_counts *c)
{
	pthread_mutex_destroy(&c->lock);
}

/* Gives NULL for a zone that is not counted. */
static struct zone_count *find(struct zone_count *all, unsigned n, const uint8_t *name)
{
	size_t len = name_len(name, NAME_MAX_LEN);

	for (unsigned i = 0; i < n; i++)
		if (memcmp(all[i].name, name, len) == 0)
			return &all[i];
	return NULL;
}

void zone_counts_set(struct zone_counts *c, const char *names)
{
	struct zone_count next[CONFIG_COUNTED_ZONES_MAX];
	char text[IO_NAMES_SIZE];
	unsigned n = 0;

	pthread_mutex_lock(&c->lock);
	for (const char *at = names; n < ARRAY_LEN(next) && io_names_next(&at, text);) {
		struct zone_count z = {0};
		if (name_read(text, z.name) < 0)
			continue;
		const struct zone_count *old = find(c->of, c->n, z.name);
		if (!find(next, n, z.name))
			next[n++] = old ? *old : z;
	}
	memcpy(c->of, next, n * sizeof *next);
	c->n = n;
	pthread_mutex_unlock(&c->lock);
}

void zone_counts_add(struct zone_counts *c, const uint8_t *zone, uint16_t rcode,
                     uint32_t queries)
{
	pthread_mutex_lock(&c->lock);
	struct zone_count *z = find(c->of, c->n, zone);
	if (z && rcode == RCODE_NOERROR)
		z->noerror += queries;
	else if (z && rcode == RCODE_NXDOMAIN)
		z->nxdomain += queries;
	else if (z)
		z->other += queries;
	pthread_mutex_unlock(&c->lock);
}

unsigned zone_counts_look(struct zone_counts *c,
                          struct zone_count out[static CONFIG_COUNTED_ZONES_MAX])
{
	pthread_mutex_lock(&c->lock);
	unsigned n = c->n;
	memcpy(out, c->of, n * sizeof *out);
	pthread_mutex_unlock(&c->lock);
	return n;
}
