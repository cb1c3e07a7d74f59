#include "control/transfer/source.h"

#include "shared/compiler.h"
#include "shared/name.h"

static const struct sockaddr_storage *source_address(const struct remote *r,
                                                     const struct sockaddr_storage *to)
{
	static const struct sockaddr_storage any;

	for (size_t i = 0; i < ARRAY_LEN(r->from); i++)
		if (r->from[i].ss_family == to->ss_family)
			return &r->from[i];
	return &any;
}

static const uint8_t *copy_name(struct contents_arena *a, const uint8_t *name)
{
	size_t len = name ? name_len(name, NAME_MAX_LEN) : 0;

	return len ? arena_copy(a, name, len) : NULL;
}

struct transfer_source transfer_source_of(const struct remote *r, unsigned nth,
                                          struct contents_arena *arena)
{
	struct transfer_source s = {
		.to = r->at[nth],
		.from = *source_address(r, &r->at[nth]),
		.key = copy_name(arena, r->key),
		.tls = r->tls,
	};

	policy_address_text(&s.to, s.text);
	return s;
}
