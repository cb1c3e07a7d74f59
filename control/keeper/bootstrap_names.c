#include "control/keeper/bootstrap_names.h"

#include <string.h>

#include "control/sign/life_rules.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t signal_label[] = "\7_signal";
static const uint8_t dsboot_label[] = "\7_dsboot";

enum { LABEL_SIZE = sizeof signal_label - 1 };
STATIC_ASSERT(sizeof dsboot_label == sizeof signal_label, "both are as long");

int bootstrap_signal(const uint8_t *ns, uint8_t out[static NAME_MAX_LEN])
{
	size_t len = name_len(ns, NAME_MAX_LEN);

	if (LABEL_SIZE + len > NAME_MAX_LEN)
		return ERR_TOOBIG;
	memcpy(out, signal_label, LABEL_SIZE);
	memcpy(out + LABEL_SIZE, ns, len);
	name_fold(out, LABEL_SIZE + len);
	return (int)(LABEL_SIZE + len);
}

int bootstrap_owner(const uint8_t *zone, const uint8_t *ns,
                    uint8_t out[static NAME_MAX_LEN])
{
	uint8_t signal[NAME_MAX_LEN];
	size_t zone_len = name_len(zone, NAME_MAX_LEN) - 1; /* without the root */

	if (name_is_under(ns, zone, NULL))
		return ERR_REFUSED;
	int signal_len = bootstrap_signal(ns, signal);
	if (signal_len < 0)
		return signal_len;
	size_t len = LABEL_SIZE + zone_len + (size_t)signal_len;
	if (len > NAME_MAX_LEN)
		return ERR_TOOBIG;
	memcpy(out, dsboot_label, LABEL_SIZE);
	memcpy(out + LABEL_SIZE, zone, zone_len);
	memcpy(out + LABEL_SIZE + zone_len, signal, (size_t)signal_len);
	name_fold(out, len);
	return (int)len;
}

/* What was asked for counts once it was seen; and what is to go, unless it may never have been there, until it was
 * seen to be gone. */
static bool is_at_parent(const struct life_record *ds)
{
	if (!life_somewhere(ds))
		return false;
	return life_is_given(ds) ? ds->done != 0 : !ds->from && !ds->done;
}

bool bootstrap_is_over(const struct life *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (is_at_parent(&l->keys[i].records[LIFE_DS]))
			return true;
	return false;
}

bool bootstrap_names_keys(const struct rrset *set)
{
	/* Where the algorithm is, which is 0 then. */
	size_t offset = set->type == RRTYPE_CDS ? 2 : 3;
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++) {
		const struct rdata r = rrset_next(&at);
		if (r.len <= offset || r.bytes[offset] == 0)
			return false;
	}
	return set->count > 0;
}
