
#include "control/sign/bundle.h"
#include "shared/err.h"

static bool is_in(const struct bundle_zsk *z, uint64_t at)
{
	return z->from <= at && at < z->until;
}

static int put_zsks(struct bundles *b, struct bundle *to, const struct bundle_wish *w)
{
	struct rdata records[BUNDLE_KEYS_MAX / 2];
	size_t count = 0;

	for (size_t i = 0; i < w->count; i++) {
		if (!is_in(&w->zsks[i], to->from))
			continue;
		if (count == ARRAY_LEN(records))
			return ERR_TOOBIG;
		records[count++] = w->zsks[i].dnskey;
	}
	bundle_put(b, to, BUNDLE_DNSKEY, w->ttl, records, count);
	return count ? 0 : ERR_INVALID;
}

/* Gives the first change behind a time, or the end when there is none before it. */
static uint64_t next_change(const struct bundle_wish *w, uint64_t at)
{
	uint64_t next = w->until;

	for (size_t i = 0; i < w->count; i++) {
		const struct bundle_zsk *z = &w->zsks[i];

		if (z->from > at && z->from < next)
			next = z->from;
		if (z->until > at && z->until < next)
			next = z->until;
	}
	return next;
}

static int put_bundle(struct bundles *b, const struct bundle_wish *w, uint64_t at)
{
	struct bundle *to;

	TRY(bundles_add(b, at, &to));
	return put_zsks(b, to, w);
}

int bundle_request(const struct bundle_wish *w, struct bundles **out)
{
	if (w->until <= w->from)
		return ERR_INVALID;
	struct bundles *b = bundles_new(w->zone, BUNDLE_REQUEST);
	int err = put_bundle(b, w, w->from);

	for (uint64_t at = w->from; err == 0 && at < w->until;) {
		at = next_change(w, at);
		err = put_bundle(b, w, at);
	}
	if (err < 0)
		bundles_free(&b);
	else
		*out = b;
	return err;
}
