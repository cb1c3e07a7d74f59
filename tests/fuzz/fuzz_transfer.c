/*
 * Answers to transfers from a primary of any kind: the first octet says what was asked, and each message has
 * its length before it. What is accepted as a whole must be contents or a delta that can be walked.
 */
#include <stdint.h>
#include <stdlib.h>

#include "control/transfer/xfr_reader.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void look_at(struct transfer_reader *r)
{
	struct contents *whole;
	struct delta *delta;
	uint32_t serial;
	enum transfer_kind kind = transfer_result(r, &whole, &delta, &serial);

	must(kind != TRANSFER_NONE_YET);
	must((whole != NULL) == (kind == TRANSFER_WHOLE));
	must((delta != NULL) == (kind == TRANSFER_DELTA));
	if (delta)
		must(delta->to == serial && delta->count >= 2);
	for (size_t i = 0; whole && i < whole->count; i++) {
		struct rrset set;
		must(rrset_open(whole->rrsets[i].type, whole->rrsets[i].blob,
		                whole->rrsets[i].size, &set) == 0);
	}
	contents_free(whole);
	delta_free(delta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader in = wire_reader_on(data, size);
	struct transfer_asked asked = {.zone = (const uint8_t *)"\7example",
	                               .limits = {.max_records = 10000}};

	asked.type = wire_read8(&in) & 1 ? RRTYPE_IXFR : RRTYPE_AXFR;
	asked.have_serial = 1;
	struct transfer_reader *r = transfer_reader_new(&asked);
	bool ended = false;
	while (wire_left(&in) > 2 && !ended) {
		size_t len = wire_read16(&in);
		if (len > wire_left(&in))
			len = wire_left(&in);
		if (transfer_take(r, wire_read_bytes(&in, len), len, &ended) < 0)
			break;
	}
	if (ended && transfer_end(r) == 0)
		look_at(r);
	transfer_reader_free(r);
	return 0;
}
