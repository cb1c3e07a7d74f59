#include "shared/table_index.h"

table_ref table_index_last(const uint8_t *base, const struct table_index *n)
{
	while (n->level)
		n = table_at(base, n->refs[n->count - 1]);
	return n->refs[n->count - 1];
}

table_ref table_index_find(const uint8_t *base, table_ref root, const uint8_t *key,
                           size_t key_len, bool *exact)
{
	*exact = false;
	if (!root)
		return 0;
	const struct table_index *n = table_at(base, root);
	unsigned rank = table_index_rank(base, n, key, key_len);
	/* Only the root can tell: first[] of a child that was descended to is not above key. */
	if (rank == 0)
		return table_index_last(base, n);
	while (n->level) {
		n = table_at(base, n->refs[rank - 1]);
		rank = table_index_rank(base, n, key, key_len);
	}
	table_ref found = n->refs[rank - 1];
	*exact = table_index_compare(base, found, key, key_len) == 0;
	return found;
}
