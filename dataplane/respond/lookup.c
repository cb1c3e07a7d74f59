#include "dataplane/respond/lookup.h"

#include <string.h>

void path_of(struct path *p, const struct name_hash_key *key, const uint8_t *name,
             uint8_t name_len, struct path_room *room)
{
	uint8_t folded[NAME_MAX_LEN + NAME_PAD];
	uint8_t at = 0;

	p->name = name;
	p->name_len = name_len;
	p->labels = 0;
	p->label_at = room->label_at;
	p->steps = &room->steps;
	for (; name[at]; at = (uint8_t)(at + name[at] + 1))
		room->label_at[p->labels++] = at;
	room->label_at[p->labels] = at;
	(void)name_fold_and_hash(key, folded, name, name_len, &room->steps);
}

const struct table_node *path_node(const struct snapshot *s, const struct path *p,
                                   unsigned labels)
{
	const uint8_t *suffix = path_suffix(p, labels);
	uint8_t len = path_suffix_len(p, labels);

	return table_find(s, name_hash_suffix(&s->hash_key, p->steps, suffix, len),
	                  suffix, len, 0);
}

/* The node of the guess, if it is one of the path. */
static const struct table_node *guessed(const struct path *p, unsigned max,
                                        struct path_guess guess)
{
	return guess.node && guess.labels <= max &&
	                       table_node_is(guess.node, path_suffix(p, guess.labels),
	                                     path_suffix_len(p, guess.labels))
	               ? guess.node
	               : NULL;
}

const struct table_node *path_encloser(const struct snapshot *s, const struct path *p,
                                       unsigned max, struct path_guess guess,
                                       unsigned *labels)
{
	const struct table_node *best = guessed(p, max, guess);
	unsigned low = best ? guess.labels + 1 : 0;
	unsigned high = max;
	/* A good guess is confirmed by the next label's missing. */
	unsigned probe = best ? low : guess.labels < max ? guess.labels : max;

	*labels = best ? guess.labels : 0;
	while (low <= high) {
		const struct table_node *n = path_node(s, p, probe);
		if (n) {
			bool first = !best;
			best = n;
			*labels = probe;
			low = probe + 1;
			probe = first ? low : low + (high - low) / 2;
		} else if (probe == 0) {
			break;
		} else {
			high = probe - 1;
			probe = low + (high - low) / 2;
		}
	}
	while (best && (best->flags & NODE_VOID)) {
		if (*labels == 0)
			return NULL;
		*labels -= 1;
		best = path_node(s, p, *labels);
	}
	return best;
}

const struct table_node *path_wildcard(const struct snapshot *s, const struct path *p,
                                       unsigned labels)
{
	uint8_t name[2 + NAME_MAX_LEN + NAME_PAD] = {1, '*'};
	uint8_t len = path_suffix_len(p, labels);

	memcpy(name + 2, path_suffix(p, labels), len);
	return table_find(s, name_hash(&s->hash_key, name), name, 2U + len, 0);
}
