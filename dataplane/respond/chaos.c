#include "dataplane/respond/chaos.h"

#include <string.h>

#include "shared/rrtype.h"

static const struct {
	uint8_t name[16];
	uint8_t len;
	bool version;
} names[] = {
	{"\2id\6server", 11, false},
	{"\10hostname\4bind", 15, false},
	{"\7version\4bind", 14, true},
	{"\7version\6server", 16, true},
};

enum rcode chaos_answer(struct emit *e, const struct query *q,
                        const struct table_settings *settings)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (q->name_len != names[i].len ||
		    memcmp(q->name, names[i].name, q->name_len) != 0)
			continue;
		uint8_t len = names[i].version ? settings->version_len : settings->id_len;
		const uint8_t *text = names[i].version ? settings->version : settings->id;
		if (len == 0 || (q->qtype != RRTYPE_TXT && q->qtype != RRTYPE_ANY))
			return RCODE_REFUSED;
		uint8_t rdata[1 + SETTINGS_TEXT_MAX];
		rdata[0] = len;
		memcpy(rdata + 1, text, len);
		struct emit_rr rr = {
			.owner_at = DNS_QUESTION_AT,
			.type = RRTYPE_TXT,
			.class = CLASS_CH,
			.rdata = rdata,
			.rdlen = 1U + len,
		};
		emit_rr(e, &rr, SECTION_ANSWER);
		return RCODE_NOERROR;
	}
	return RCODE_REFUSED;
}
