#include "dataplane/respond/search.h"

#include "shared/table_index.h"

static void prefetch_lines(const void *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += CACHE_LINE)
		prefetch_read((const uint8_t *)from + at);
}

void search_begin(struct search *s, const uint8_t *base, table_ref root)
{
	s->at = table_at(base, root);
	s->found = 0;
}

/* Asks for some of the lines that the reply will fill. There are many, and memory answers few
 * requests at once: at each level of the search some go out while the processor is busy with it. */
static ALWAYS_INLINE void prefetch_reply_lines(struct search *s)
{
	enum { LINES_PER_LEVEL = 2 };

	for (unsigned i = 0; i < LINES_PER_LEVEL && s->reply_lines > 0; i++) {
		prefetch_write(s->reply);
		s->reply += CACHE_LINE;
		s->reply_lines--;
	}
}

/* One level. false: it has come to its end. */
static bool step(struct search *s, const uint8_t *base)
{
	enum { RECORD_BYTES = 4 * CACHE_LINE }; /* with one signature */
	const struct table_index *n = s->at;

	prefetch_reply_lines(s);
	unsigned rank = table_index_rank(base, n, s->key, s->key_len);

	if (unlikely(rank == 0)) { /* below all: only in a root */
		s->found = table_index_last(base, n);
		return false;
	}
	const void *next = table_at(base, n->refs[rank - 1]);
	if (n->level) {
		prefetch_lines(next, sizeof *n);
		s->at = next;
		return true;
	}
	prefetch_lines(next, RECORD_BYTES);
	s->found = n->refs[rank - 1];
	return false;
}

HOT void search_run(struct search *searches[], unsigned n, const uint8_t *base)
{
	while (n > 0) {
		unsigned left = 0;
		for (unsigned i = 0; i < n; i++)
			if (step(searches[i], base))
				searches[left++] = searches[i];
		n = left;
	}
}
