#include "control/tsig/tsig.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/wire/reader.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { TIME_OCTETS = 6, MAC_LEAST = 10 };

const char *tsig_error_text(enum tsig_error e)
{
	switch (e) {
	case TSIG_OK: return "NOERROR";
	case TSIG_BADSIG: return "BADSIG";
	case TSIG_BADKEY: return "BADKEY";
	case TSIG_BADTIME: return "BADTIME";
	case TSIG_BADTRUNC: return "BADTRUNC";
	}
	return "an unknown error";
}

void tsig_end(struct tsig_exchange *x)
{
	tsig_key_release(&x->key);
	EVP_MAC_CTX_free(x->running);
	*x = (struct tsig_exchange){0};
}

/* ---- the record ---- */

/* What a TSIG record says (RFC 8945 §4.2). Pointers into the message, but for the names. */
struct tsig_record {
	uint16_t at; /* of the record in the message */
	uint8_t name_len;
	uint8_t algorithm_len;
	uint8_t name[NAME_MAX_LEN]; /* both folded */
	uint8_t algorithm[NAME_MAX_LEN];
	uint64_t time;
	uint16_t fudge;
	uint16_t mac_len;
	uint16_t original_id;
	uint16_t error;
	uint16_t other_len;
	const uint8_t *mac;
	const uint8_t *other;
};

static uint64_t read_time(struct wire_reader *r)
{
	uint64_t high = wire_read16(r);

	return high << 32 | wire_read32(r);
}

static void write_time(struct wire_writer *w, uint64_t time)
{
	wire_write16(w, (uint16_t)(time >> 32));
	wire_write32(w, (uint32_t)time);
}

static int read_tsig(const struct message_record *r, struct tsig_record *out)
{
	struct wire_reader in = wire_reader_on(r->rdata, r->rdata_len);
	size_t len = name_len(r->rdata, r->rdata_len);
	const uint8_t *algorithm = wire_read_bytes(&in, len);

	if (r->section != SECTION_ADDITIONAL || r->rrclass != CLASS_ANY || r->ttl != 0 ||
	    len == 0)
		return ERR_CORRUPT;
	out->at = r->at;
	out->name_len = r->owner_len;
	memcpy(out->name, r->owner, r->owner_len);
	name_fold(out->name, r->owner_len);
	out->algorithm_len = (uint8_t)len;
	memcpy(out->algorithm, algorithm, len);
	name_fold(out->algorithm, len);
	out->time = read_time(&in);
	out->fudge = wire_read16(&in);
	out->mac_len = wire_read16(&in);
	out->mac = wire_read_bytes(&in, out->mac_len);
	out->original_id = wire_read16(&in);
	out->error = wire_read16(&in);
	out->other_len = wire_read16(&in);
	out->other = wire_read_bytes(&in, out->other_len);
	return in.ok && wire_left(&in) == 0 ? 0 : ERR_CORRUPT;
}

/* Finds the TSIG, which must be the last of all records. ERR_NOTFOUND: there is none. */
static int find_tsig(const struct message *m, struct tsig_record *out)
{
	struct message_scan scan;
	struct message_record r;
	bool found = false;
	int err;

	if (m->counts[SECTION_ADDITIONAL] == 0)
		return ERR_NOTFOUND;
	message_scan_begin(&scan, m);
	while ((err = message_scan_next(&scan, &r)) == 0) {
		if (found)
			return ERR_CORRUPT;
		found = r.type == RRTYPE_TSIG;
		if (found)
			TRY(read_tsig(&r, out));
	}
	if (err != ERR_NOTFOUND)
		return err;
	return found ? 0 : ERR_NOTFOUND;
}

/* Takes the record off its message, which then is what was signed. */
static void strip(uint8_t *bytes, uint16_t *len, const struct tsig_record *t)
{
	wire_store16(bytes, t->original_id);
	wire_store16(bytes + 10, (uint16_t)(wire_load16(bytes + 10) - 1));
	*len = t->at;
}

/* ---- the MAC ---- */

/* A MAC under way, with a sticky error: OpenSSL's own, which is out of memory. */
static void begin(struct tsig_exchange *x)
{
	if (!x->running)
		x->running = EVP_MAC_CTX_dup(x->key->ready);
	else if (EVP_MAC_init(x->running, NULL, 0, NULL) != 1)
		abort();
	if (!x->running)
		abort();
	x->begun = true;
}

static void feed(struct tsig_exchange *x, const void *bytes, size_t len)
{
	if (EVP_MAC_update(x->running, bytes, len) != 1)
		abort();
}

/* The MAC that what follows hangs on. */
static void feed_mac(struct tsig_exchange *x)
{
	uint8_t len[2];

	wire_store16(len, x->mac_len);
	feed(x, len, sizeof len);
	feed(x, x->mac, x->mac_len);
}

/* What is signed besides the message (RFC 8945 §4.3.3): of later messages of one answer the time only. */
static void feed_variables(struct tsig_exchange *x, const struct tsig_record *t)
{
	uint8_t bytes[2 * NAME_MAX_LEN + 18];
	struct wire_writer w = wire_writer_on(bytes, sizeof bytes);

	if (!x->later) {
		wire_write_bytes(&w, x->name, x->name_len);
		wire_write16(&w, CLASS_ANY);
		wire_write32(&w, 0);
		wire_write_bytes(&w, x->algorithm, x->algorithm_len);
	}
	write_time(&w, t->time);
	wire_write16(&w, t->fudge);
	if (!x->later) {
		wire_write16(&w, t->error);
		wire_write16(&w, t->other_len);
	}
	feed(x, bytes, wire_written(&w));
	if (!x->later && t->other_len)
		feed(x, t->other, t->other_len);
}

/* Gives its length. */
static uint8_t finish(struct tsig_exchange *x, uint8_t mac[static TSIG_MAC_MAX])
{
	size_t len;

	if (EVP_MAC_final(x->running, mac, &len, TSIG_MAC_MAX) != 1)
		abort();
	x->begun = false;
	return (uint8_t)len;
}

static void keep_mac(struct tsig_exchange *x, const uint8_t *mac, uint8_t len)
{
	memcpy(x->mac, mac, len);
	x->mac_len = len;
}

/* Shortened MACs pass from ten octets and half of the whole on; any other length is malformed
 * (RFC 8945 §5.2.2.1). */
static int check_mac_len(const struct tsig_exchange *x, const struct tsig_record *t)
{
	unsigned whole = tsig_algorithms[x->key->algorithm].octets;
	unsigned least = whole / 2 > MAC_LEAST ? whole / 2 : MAC_LEAST;

	return t->mac_len >= least && t->mac_len <= whole ? 0 : ERR_CORRUPT;
}

/* bytes: the message without its TSIG. What comes before it has been fed. */
static bool verify(struct tsig_exchange *x, const uint8_t *bytes, uint16_t len,
                   const struct tsig_record *t)
{
	uint8_t mac[TSIG_MAC_MAX];

	feed(x, bytes, len);
	feed_variables(x, t);
	(void)finish(x, mac);
	return CRYPTO_memcmp(mac, t->mac, t->mac_len) == 0;
}

static bool is_in_time(const struct tsig_record *t, uint64_t now)
{
	uint64_t apart = t->time > now ? t->time - now : now - t->time;

	return apart <= t->fudge;
}

/* ---- writing ---- */

static size_t record_size(const struct tsig_exchange *x, size_t mac_len, size_t other_len)
{
	return x->name_len + 10U + x->algorithm_len + 16U + mac_len + other_len;
}

/* There is room for it. Gives the message's new length. */
static uint16_t append(const struct tsig_exchange *x, uint8_t *bytes, uint16_t len,
                       const struct tsig_record *t)
{
	size_t size = record_size(x, t->mac_len, t->other_len);
	struct wire_writer w = wire_writer_on(bytes + len, size);

	wire_write_bytes(&w, x->name, x->name_len);
	wire_write16(&w, RRTYPE_TSIG);
	wire_write16(&w, CLASS_ANY);
	wire_write32(&w, 0);
	wire_write16(&w, (uint16_t)(size - x->name_len - 10));
	wire_write_bytes(&w, x->algorithm, x->algorithm_len);
	write_time(&w, t->time);
	wire_write16(&w, t->fudge);
	wire_write16(&w, t->mac_len);
	wire_write_bytes(&w, t->mac, t->mac_len);
	wire_write16(&w, wire_load16(bytes));
	wire_write16(&w, t->error);
	wire_write16(&w, t->other_len);
	wire_write_bytes(&w, t->other, t->other_len);
	wire_store16(bytes + 10, (uint16_t)(wire_load16(bytes + 10) + 1));
	return (uint16_t)(len + wire_written(&w));
}

/* Signs and appends. What comes before the message has been fed. */
static uint16_t sign(struct tsig_exchange *x, uint8_t *bytes, uint16_t len,
                     struct tsig_record *t)
{
	uint8_t mac[TSIG_MAC_MAX];

	feed(x, bytes, len);
	feed_variables(x, t);
	t->mac_len = finish(x, mac);
	keep_mac(x, mac, (uint8_t)t->mac_len);
	t->mac = x->mac;
	return append(x, bytes, len, t);
}

/* ---- as a server ---- */

static int deny(struct tsig_exchange *x, enum tsig_error e)
{
	x->error = e;
	return ERR_DENIED;
}

static void name_key(struct tsig_exchange *x, const struct tsig_record *t)
{
	x->name_len = t->name_len;
	memcpy(x->name, t->name, t->name_len);
	x->algorithm_len = t->algorithm_len;
	memcpy(x->algorithm, t->algorithm, t->algorithm_len);
}

static bool is_algorithm_of(const struct tsig_key *k, const struct tsig_record *t)
{
	return name_equal(tsig_algorithms[k->algorithm].name, t->algorithm);
}

/* Judges a request from which the TSIG has been taken. */
static int judge(struct tsig_exchange *x, struct keyring *k, const uint8_t *bytes,
                 uint16_t len, const struct tsig_record *t)
{
	x->key = k ? keyring_find(k, t->name) : NULL;
	if (x->key && !is_algorithm_of(x->key, t))
		tsig_key_release(&x->key);
	if (!x->key)
		return deny(x, TSIG_BADKEY);
	TRY(check_mac_len(x, t));
	begin(x);
	if (!verify(x, bytes, len, t))
		return deny(x, TSIG_BADSIG);
	keep_mac(x, t->mac, (uint8_t)t->mac_len);
	return 0;
}

int tsig_take_request(struct tsig_exchange *x, struct keyring *k, uint8_t *bytes,
                      uint16_t *len, uint64_t now)
{
	struct message m;
	struct tsig_record t;

	TRY(message_open(bytes, *len, &m));
	TRY(find_tsig(&m, &t));
	strip(bytes, len, &t);
	name_key(x, &t);
	x->time = t.time;
	x->fudge = t.fudge;
	int err = judge(x, k, bytes, *len, &t);
	if (err == 0 && !is_in_time(&t, now))
		err = deny(x, TSIG_BADTIME);
	if (err == ERR_CORRUPT)
		tsig_end(x);
	return err;
}

/* Cuts an answer to its header and question. */
static uint16_t cut(uint8_t *bytes, uint16_t len)
{
	struct message m;

	if (message_open(bytes, len, &m) < 0)
		return MESSAGE_HEADER;
	wire_store16(bytes + 2, m.flags | MESSAGE_TC);
	memset(bytes + 6, 0, 6);
	return m.records_at;
}

/* An answer to a wrong time says which time is right, and is signed with the one that the client
 * takes for right. To whom the key is not known nothing can be proven. */
static void say_error(struct tsig_exchange *x, struct tsig_record *t, uint64_t now,
                      uint8_t other[static TIME_OCTETS])
{
	struct wire_writer w = wire_writer_on(other, TIME_OCTETS);

	t->error = (uint16_t)x->error;
	if (x->error != TSIG_BADTIME)
		return;
	t->time = x->time;
	t->fudge = x->fudge;
	write_time(&w, now);
	t->other = other;
	t->other_len = TIME_OCTETS;
}

uint16_t tsig_sign_reply(struct tsig_exchange *x, uint8_t *bytes, uint16_t len,
                         uint32_t room, uint64_t now)
{
	struct tsig_record t = {.time = now, .fudge = TSIG_FUDGE};
	uint8_t other[TIME_OCTETS];
	bool proven = x->error == TSIG_OK || x->error == TSIG_BADTIME;

	if (x->name_len == 0)
		return len;
	if (room > MESSAGE_MAX)
		room = MESSAGE_MAX;
	if (x->error != TSIG_OK) {
		bytes[3] = (uint8_t)((bytes[3] & 0xf0) | RCODE_NOTAUTH);
		say_error(x, &t, now, other);
	}
	size_t size = record_size(
		x, proven ? tsig_algorithms[x->key->algorithm].octets : 0, t.other_len);
	if (len + size > room && !x->later)
		len = cut(bytes, len);
	if (len + size > room)
		return 0;
	if (!proven)
		return append(x, bytes, len, &t);
	begin(x);
	feed_mac(x);
	len = sign(x, bytes, len, &t);
	x->later = true;
	return len;
}

/* ---- as a client ---- */

int tsig_ask(struct tsig_exchange *x, struct tsig_key *key, uint8_t *bytes, uint16_t *len,
             uint32_t room, uint64_t now)
{
	struct tsig_record t = {.time = now, .fudge = TSIG_FUDGE};

	if (!key)
		return 0;
	const struct tsig_algorithm_facts *facts = &tsig_algorithms[key->algorithm];
	x->key = tsig_key_hold(key);
	x->name_len = key->name_len;
	memcpy(x->name, key->name, key->name_len);
	x->algorithm_len = (uint8_t)name_len(facts->name, NAME_MAX_LEN);
	memcpy(x->algorithm, facts->name, x->algorithm_len);
	if (room > MESSAGE_MAX)
		room = MESSAGE_MAX;
	if (*len + record_size(x, facts->octets, 0) > room) {
		tsig_end(x);
		return ERR_TOOBIG;
	}
	begin(x);
	*len = sign(x, bytes, *len, &t);
	return 0;
}

/* A message of the answer without TSIG. */
static int take_unsigned(struct tsig_exchange *x, const uint8_t *bytes, uint16_t len)
{
	if (!x->later || x->between == TSIG_UNSIGNED_MAX)
		return ERR_DENIED;
	if (!x->begun) {
		begin(x);
		feed_mac(x);
	}
	feed(x, bytes, len);
	x->between++;
	return 0;
}

/* bytes: without the TSIG. */
static int take_signed(struct tsig_exchange *x, const uint8_t *bytes, uint16_t len,
                       const struct tsig_record *t)
{
	if (t->name_len != x->name_len || memcmp(t->name, x->name, x->name_len) != 0 ||
	    !is_algorithm_of(x->key, t))
		return deny(x, TSIG_BADKEY);
	if (t->error != TSIG_OK && t->mac_len == 0)
		return deny(x, (enum tsig_error)t->error);
	TRY(check_mac_len(x, t));
	if (!x->begun) {
		begin(x);
		feed_mac(x);
	}
	if (!verify(x, bytes, len, t))
		return deny(x, TSIG_BADSIG);
	if (t->error != TSIG_OK)
		return deny(x, (enum tsig_error)t->error);
	keep_mac(x, t->mac, (uint8_t)t->mac_len);
	x->later = true;
	x->between = 0;
	return 0;
}

int tsig_take_reply(struct tsig_exchange *x, uint8_t *bytes, uint16_t *len, uint64_t now)
{
	struct message m;
	struct tsig_record t;

	TRY(message_open(bytes, *len, &m));
	int err = find_tsig(&m, &t);
	if (err == ERR_NOTFOUND)
		return x->key ? take_unsigned(x, bytes, *len) : 0;
	if (err != 0)
		return err;
	if (!x->key)
		return ERR_DENIED;
	strip(bytes, len, &t);
	TRY(take_signed(x, bytes, *len, &t));
	return is_in_time(&t, now) ? 0 : deny(x, TSIG_BADTIME);
}
