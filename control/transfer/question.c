#include "control/transfer/question.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "control/wire/writer.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { UDP_SIZE = 1232 };

static bool put_own_soa(struct message_writer *w, const struct secondary_view *v)
{
	struct message_record r = {
		.section = SECTION_AUTHORITY,
		.owner_len = (uint8_t)name_len(v->name, NAME_MAX_LEN),
		.type = RRTYPE_SOA,
		.rrclass = CLASS_IN,
		.rdata_len = v->soa_len,
		.rdata = v->soa,
	};

	memcpy(r.owner, v->name, r.owner_len);
	return message_put(w, &r);
}

/* Asks for the EXPIRE option as well (RFC 7314), which goes with what answers tell. */
static void put_opt(struct message_writer *w)
{
	const struct message_opt opt = {
		.there = true, .expire_asked = true, .udp_size = UDP_SIZE};

	(void)message_put_opt(w, &opt);
}

int question_make(const struct secondary_view *v, const struct transfer_source *s,
                  struct keyring *keys, uint16_t type, struct question *out)
{
	static struct message_writer w; /* the loop thread's */
	struct tsig_key *key = s->key ? keyring_find(keys, s->key) : NULL;

	out->tsig = (struct tsig_exchange){0};
	if (s->key && !key)
		return ERR_NOTFOUND;
	int err =
		getrandom(&out->id, sizeof out->id, 0) == sizeof out->id ? 0 : ERR_SYSTEM;
	message_begin(&w, out->bytes, sizeof out->bytes, out->id, 0);
	bool fits = message_put_question(&w, v->name, type, CLASS_IN);
	if (type == RRTYPE_IXFR)
		fits = fits && put_own_soa(&w, v);
	put_opt(&w);
	out->len = message_end(&w);
	if (err == 0 && !fits)
		err = ERR_TOOBIG;
	if (err == 0)
		err = tsig_ask(&out->tsig, key, out->bytes, &out->len, sizeof out->bytes,
		               (uint64_t)time(NULL));
	tsig_key_release(&key);
	return err;
}
