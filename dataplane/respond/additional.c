/*
 * The additional section: A and AAAA of the names that a fragment's records point at.
 *
 * Addresses are found at query time, so that they are those of this very snapshot whoever points
 * at them. What must be there (glue at or below the cut, RFC 9471) is tried first and sets TC
 * when it does not fit; everything else is left out whole, RRset by RRset.
 */
#include "dataplane/respond/answer.h"
#include "shared/rrtype.h"

static bool put_address(struct answer *a, const struct table_node *n, uint16_t type,
                        unsigned owner_at)
{
	const struct table_entry *e = node_entry(n, type);

	if (!e)
		return true;
	if (!(e->flags & ENTRY_FRAGMENT))
		return emit_inline(&a->e, e, owner_at, SECTION_ADDITIONAL);
	struct subject owner = {
		.name = n->name,
		.at = (uint16_t)owner_at,
		.name_len = n->name_len,
		.chased = true,
	};
	return emit_fragment(&a->e, table_at(a->s->base, e->ref), &owner,
	                     SECTION_ADDITIONAL);
}

static bool put_target(struct answer *a, const struct table_target *t)
{
	const struct table_node *n = table_find(a->s, t->hash, t->name, t->name_len, 0);
	unsigned owner_at = a->additional_at + t->name_at;

	if (!n || (n->flags & NODE_VOID))
		return true;
	bool a_fits = put_address(a, n, RRTYPE_A, owner_at);
	return put_address(a, n, RRTYPE_AAAA, owner_at) && a_fits;
}

bool additional_write(struct answer *a)
{
	const struct table_fragment *f = a->additional;
	const struct table_target *t = table_fragment_targets(f);
	unsigned optional = 0;
	bool complete = true;

	for (unsigned i = 0; i < f->ntargets; i++, t = table_target_next(t))
		prefetch_read(table_bucket_of(a->s, t->hash));
	t = table_fragment_targets(f);
	for (unsigned i = 0; i < f->ntargets; i++, t = table_target_next(t))
		if (t->flags & TARGET_GLUE)
			complete = put_target(a, t) && complete;
	t = table_fragment_targets(f);
	for (unsigned i = 0; i < f->ntargets && optional < OPTIONAL_TARGETS_MAX; i++) {
		if (t->flags & TARGET_ADDRESS) {
			put_target(a, t);
			optional++;
		}
		t = table_target_next(t);
	}
	return complete;
}
