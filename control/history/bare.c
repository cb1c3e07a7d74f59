#include "control/history/bare.h"

#include "control/sign/chain.h"
#include "control/sign/rrsig.h"
#include "shared/err.h"
#include "shared/rrtype.h"

int bare_value(struct contents_arena *a, uint16_t type, const void **value, size_t *size)
{
	struct rrset set;

	if (!*value)
		return 0;
	TRY(rrset_open(type, *value, *size, &set));
	rrsig_take_out(&set, a);
	*value = set.bytes;
	*size = set.size;
	return 0;
}

static bool is_signers(const struct history_set *s)
{
	bool of_apex = rrtype_is_of_keys(s->type) || s->type == RRTYPE_ZONEMD;

	return chain_is_denial(s->key_len, s->type) || (of_apex && s->key_len == 0);
}

static int bare_set(struct history_set *s, struct contents_arena *a)
{
	if (s->kind != ROW_RRSET)
		return 0;
	TRY(bare_value(a, s->type, &s->before, &s->before_size));
	return bare_value(a, s->type, &s->after, &s->after_size);
}

int bare_difference(struct difference *d, struct contents_arena *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct history_set s = d->sets[i];

		if (s.kind == ROW_RRSET && is_signers(&s))
			continue;
		TRY(bare_set(&s, a));
		if (!history_same_value(s.before, s.before_size, s.after, s.after_size))
			d->sets[kept++] = s;
	}
	d->count = kept;
	return 0;
}
