#include "control/transfer/question.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "control/wire/writer.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { UDP_SIZE = 1232 };

static bool put_own_soa(struct message_writer *w, const struct question_wanted *q)
{
	struct message_record r = {
		.section = SECTION_AUTHORITY,
		.owner_len = (uint8_t)name_len(q->name, NAME_MAX_LEN),
		.type = RRTYPE_SOA,
		.rrclass = CLASS_IN,
		.rdata_len = q->soa_len,
		.rdata = q->soa,
	};

	memcpy(r.owner, q->name, r.owner_len);
	return message_put(w, &r);
}

static void put_opt(struct message_writer *w, const struct question_wanted *q)
{
	const struct message_opt opt = {
		.there = true, .expire_asked = q->expire, .udp_size = UDP_SIZE};

	(void)message_put_opt(w, &opt);
}

int question_make(const struct question_wanted *q, const struct transfer_source *s,
                  struct keyring *keys, struct question *out)
{
	static struct message_writer w; /* the loop thread's */
	struct tsig_key *key = s->key ? keyring_find(keys, s->key) : NULL;

	out->tsig = (struct tsig_exchange){0};
	if (s->key && !key)
		return ERR_NOTFOUND;
	int err =
		getrandom(&out->id, sizeof out->id, 0) == sizeof out->id ? 0 : ERR_SYSTEM;
	message_begin(&w, out->bytes, sizeof out->bytes, out->id,
	              q->recurse ? MESSAGE_RD : 0);
	bool fits = message_put_question(&w, q->name, q->type, CLASS_IN);
	if (q->soa)
		fits = fits && put_own_soa(&w, q);
	put_opt(&w, q);
	out->len = message_end(&w);
	if (err == 0 && !fits)
		err = ERR_TOOBIG;
	if (err == 0)
		err = tsig_ask(&out->tsig, key, out->bytes, &out->len, sizeof out->bytes,
		               (uint64_t)time(NULL));
	tsig_key_release(&key);
	return err;
}
