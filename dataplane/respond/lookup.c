#include "dataplane/respond/lookup.h"

#include <string.h>

void path_of(struct path *p, const struct name_hash_key *key, const uint8_t *name,
             uint8_t name_len)
{
	name_hashes(key, name, &p->own);
	p->name = name;
	p->name_len = name_len;
	p->labels = p->own.labels;
	p->of = p->own.of;
}

void path_with(struct path *p, const uint8_t *name, uint8_t name_len, unsigned labels,
               const uint64_t *of)
{
	unsigned at = 0;

	p->name = name;
	p->name_len = name_len;
	p->labels = labels;
	p->of = of;
	for (unsigned i = labels; i > 0; i--) {
		p->own.label_at[i] = (uint8_t)at;
		at += name[at] + 1U;
	}
	p->own.label_at[0] = (uint8_t)at;
}

const struct table_node *path_node(const struct snapshot *s, const struct path *p,
                                   unsigned labels)
{
	return table_find(s, p->of[labels], path_suffix(p, labels),
	                  path_suffix_len(p, labels), 0);
}

const struct table_node *path_encloser(const struct snapshot *s, const struct path *p,
                                       unsigned max, unsigned *labels)
{
	const struct table_node *best = NULL;
	unsigned low = 0;
	unsigned high = max;
	unsigned probe = *labels < max ? *labels : max;

	*labels = 0;
	while (low <= high) {
		const struct table_node *n = path_node(s, p, probe);
		if (n) {
			/* A good guess is confirmed by the next label's missing. */
			bool guessed = !best;
			best = n;
			*labels = probe;
			low = probe + 1;
			probe = guessed ? low : low + (high - low) / 2;
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
	static const uint8_t asterisk[2 + NAME_PAD] = {1, '*'};
	uint8_t name[2 + NAME_MAX_LEN + NAME_PAD];
	uint8_t len = path_suffix_len(p, labels);

	memcpy(name, asterisk, 2);
	memcpy(name + 2, path_suffix(p, labels), len);
	memset(name + 2 + len, 0, NAME_PAD);
	return table_find(s, name_hash_child(&s->hash_key, p->of[labels], asterisk), name,
	                  2U + len, 0);
}
