#include "control/sign/times.h"

#include <stdio.h>
#include <time.h>

#include "shared/err.h"
#include "shared/name.h"
#include "shared/wire.h"

/* The year 9999 is over: later ones do not fit. */
#define TIME_MAX UINT64_C(253402300799)

int sign_periods_check(const struct sign_periods *p)
{
	if ((uint64_t)p->validity + p->skew > SIGN_SPAN_MAX)
		return ERR_RANGE;
	if (p->validity <= (uint64_t)p->jitter + p->refresh)
		return ERR_INVALID;
	return 0;
}

/* FNV-1a, and at its end the last steps of MurmurHash3: the first alone leaves its upper half, which counts
 * here, much the same for names that differ in their last octets. */
static uint64_t mix_in(uint64_t hash, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix_well(uint64_t hash)
{
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

/* Gives 0 to jitter. */
static uint32_t spread(const struct sign_occasion *o, uint32_t jitter)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(o->owner, sizeof name);
	uint8_t rest[6];

	memcpy(name, o->owner, len);
	name_fold(name, len);
	wire_store16(rest, o->type);
	wire_store32(rest + 2, o->serial);
	uint64_t hash = mix_in(UINT64_C(0xcbf29ce484222325), name, len);
	hash = mix_well(mix_in(hash, rest, sizeof rest));
	return (uint32_t)((hash >> 32) * ((uint64_t)jitter + 1) >> 32);
}

struct rrsig_times sign_times(const struct sign_periods *p, const struct sign_occasion *o,
                              uint64_t now)
{
	return (struct rrsig_times){
		.inception = (uint32_t)(now - p->skew),
		.expiration = (uint32_t)(now + p->validity - spread(o, p->jitter)),
	};
}

uint64_t sign_time_near(uint32_t time, uint64_t now)
{
	int64_t ahead = (int32_t)(time - (uint32_t)now);

	return ahead < 0 && (uint64_t)-ahead > now ? 0 : now + (uint64_t)ahead;
}

uint64_t sign_times_due(const struct sign_periods *p, struct rrsig_times made,
                        uint64_t now)
{
	uint64_t expires = sign_time_near(made.expiration, now);

	if (sign_time_near(made.inception, now) > now)
		return 0;
	return expires > p->refresh ? expires - p->refresh : 0;
}

const char *sign_time_text(uint64_t time, char text[static SIGN_TIME_SIZE])
{
	time_t seconds = (time_t)time;
	struct tm date;

	if (time > TIME_MAX || !gmtime_r(&seconds, &date) ||
	    !strftime(text, SIGN_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &date))
		(void)snprintf(text, SIGN_TIME_SIZE, "in another age");
	return text;
}
