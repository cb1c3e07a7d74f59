#include "control/change/serial.h"

#include <time.h>

#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { CHANGES_A_DAY = 100 };

bool serial_newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* YYYYMMDD01 of a moment, in UTC. */
static uint32_t serial_of_day(uint64_t now)
{
	time_t seconds = (time_t)now;
	struct tm day;

	if (!gmtime_r(&seconds, &day))
		return 0;
	unsigned date = (unsigned)(day.tm_year + 1900) * 10000 +
	                (unsigned)(day.tm_mon + 1) * 100 + (unsigned)day.tm_mday;
	return date * CHANGES_A_DAY + 1;
}

uint32_t serial_next(enum serial_policy p, uint32_t old, uint64_t now)
{
	uint32_t wanted = old + 1;

	switch (p) {
	case SERIAL_KEEP: return old;
	case SERIAL_INCREMENT: break;
	case SERIAL_DATE: wanted = serial_of_day(now); break;
	case SERIAL_UNIXTIME: wanted = (uint32_t)now; break;
	}
	/* A hundredth change in a day goes on into what looks like the next one, and a serial from
	 * the future is only ever counted up. */
	return serial_newer(wanted, old) ? wanted : old + 1;
}

static const uint8_t *fixed_part(const struct rrset *soa)
{
	if (soa->type != RRTYPE_SOA || soa->count != 1)
		return NULL;
	struct rdata d = rrset_first_record(soa);
	return d.len < SOA_SIZE_MIN ? NULL : d.bytes + d.len - SOA_SERIAL;
}

int serial_read(const struct rrset *soa, uint32_t *out)
{
	const uint8_t *fixed = fixed_part(soa);

	if (!fixed)
		return ERR_CORRUPT;
	*out = wire_load32(fixed);
	return 0;
}

int serial_write(uint8_t *blob, size_t size, uint32_t serial)
{
	struct rrset soa;

	TRY(rrset_open(RRTYPE_SOA, blob, size, &soa));
	const uint8_t *fixed = fixed_part(&soa);
	if (!fixed)
		return ERR_CORRUPT;
	wire_store32(blob + (fixed - blob), serial);
	return 0;
}
