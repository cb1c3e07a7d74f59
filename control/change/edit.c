/*
 * Edits while they are made: the records and comments that come with them.
 */
#include <assert.h>
#include <string.h>

#include "control/change/change.h"
#include "control/zone/arena.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { BLOB_FIRST = 64, BLOB_MAX = RRSET_HEADER + 65535 };

/* Where a record stands in a blob, or belongs. */
struct place {
	size_t at;
	bool there;
};

static struct place find_record(const struct edit *e, const uint8_t *blob, size_t size,
                                const uint8_t *rdata, size_t len)
{
	struct place p = {.at = RRSET_HEADER};

	if (!blob)
		return p;
	const uint8_t *at = blob + RRSET_HEADER;
	while (at < blob + size) {
		struct rdata d = rrset_next(&at);
		int order = rdata_compare(e->type, rdata, len, d.bytes, d.len);

		if (order <= 0) {
			p.there = order == 0;
			return p;
		}
		p.at = (size_t)(at - blob);
	}
	return p;
}

/* A blob under way. */
struct growing {
	uint8_t **blob;
	size_t *size, *room;
};

/* Gives the blob, with room for that many octets. */
static uint8_t *grow(struct change *c, const struct growing *g, size_t wanted)
{
	size_t room = *g->room ? *g->room : BLOB_FIRST;

	if (*g->blob && *g->room >= wanted)
		return *g->blob;
	while (room < wanted)
		room *= 2;
	uint8_t *larger = arena_alloc(c->arena, room);
	if (*g->blob)
		memcpy(larger, *g->blob, *g->size);
	*g->blob = larger;
	*g->room = room;
	return larger;
}

static void insert(struct change *c, const struct edit *e, const struct growing *g,
                   size_t at, struct rdata d)
{
	struct rrset head = {.ttl = e->ttl};
	size_t more = sizeof(uint16_t) + d.len;

	if (*g->blob)
		memcpy(&head.count, *g->blob + 8, sizeof head.count);
	else
		*g->size = RRSET_HEADER;
	head.count++;
	uint8_t *blob = grow(c, g, *g->size + more);
	memmove(blob + at + more, blob + at, *g->size - at);
	(void)rrset_write_rdata(blob + at, d.bytes, d.len);
	rrset_write_header(blob, &head);
	*g->size += more;
}

int change_edit_record(struct change *c, struct edit *e, const uint8_t *rdata, size_t len,
                       bool disabled)
{
	struct growing served = {&e->blob, &e->blob_size, &e->blob_room};
	struct growing hidden = {&e->hidden, &e->hidden_size, &e->hidden_room};
	struct growing *g = disabled ? &hidden : &served;

	if (len > RDATA_MAX || rdata_check(e->type, rdata, len) < 0)
		return ERR_CORRUPT;
	struct place in_served = find_record(e, e->blob, e->blob_size, rdata, len);
	struct place in_hidden = find_record(e, e->hidden, e->hidden_size, rdata, len);
	if (in_served.there || in_hidden.there)
		return ERR_EXISTS;
	if (*g->size + sizeof(uint16_t) + len > BLOB_MAX)
		return ERR_TOOBIG;
	insert(c, e, g, disabled ? in_hidden.at : in_served.at,
	       (struct rdata){.bytes = rdata, .len = (uint16_t)len});
	return 0;
}

void change_edit_comment(struct change *c, struct edit *e, const char *account,
                         const char *content, uint64_t modified_at)
{
	e->comments = arena_room(c->arena, e->comments, e->comment_count,
	                         &e->comment_room, sizeof *e->comments);
	e->comments[e->comment_count++] = (struct comment){
		.account = change_text(c, account),
		.content = change_text(c, content),
		.modified_at = modified_at,
	};
}

void change_sign_again(struct change *c, struct zone_change *z, const struct again_set *s)
{
	struct change_again *a = &z->again;

	a->sets = arena_room(c->arena, a->sets, a->count, &a->room, sizeof *a->sets);
	a->sets[a->count] = *s;
	a->sets[a->count++].key = arena_copy(c->arena, s->key, s->key_len);
	z->signed_anew = true;
}
