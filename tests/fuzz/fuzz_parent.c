/*
 * What a parent's server answers, to a question for the DS of the name that the message asks for. What does not
 * count says nothing, and what counts comes from an authority.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/keeper/parent_read.h"
#include "shared/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t keys[2][68] = {{1, 1, 3, 13}, {1, 0, 3, 13, 1}};

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rdata dnskeys[] = {{keys[0], sizeof keys[0]},
	                                {keys[1], sizeof keys[1]}};
	bool has[ARRAY_LEN(dnskeys)] = {true, true};
	struct parent_reading r = {
		.dnskeys = dnskeys, .dnskey_count = ARRAY_LEN(dnskeys), .has = has};
	struct message m;

	if (message_open(data, size, &m) < 0 || !m.asked)
		return 0;
	r.zone = m.qname;
	if (parent_read(&m, &r) < 0) {
		must(r.why && !r.ds_count && !r.ttl && !r.foreign && !has[0] && !has[1]);
		return 0;
	}
	must(!r.why && m.flags & (MESSAGE_AA | MESSAGE_RA) && m.rcode == RCODE_NOERROR);
	must(m.flags & MESSAGE_AA || r.ttl == 0);
	must(r.ds_count <= PARENT_DS_MAX);
	must((r.ds_count > 0) == (has[0] || has[1] || r.foreign));
	must(r.ds_count > 0 || (r.ttl == 0 && m.counts[SECTION_AUTHORITY] > 0));
	return 0;
}
