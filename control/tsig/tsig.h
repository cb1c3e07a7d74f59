/*
 * TSIG (RFC 8945): proof, by a shared secret, of who has sent a message and that it is whole.
 *
 * An exchange is one request and its answer, of one or of many messages, on either side of it. What is
 * signed hangs together: the answer covers the request's MAC, and each of many messages the MAC before it.
 *
 *      server                                      client
 *      tsig_take_request()  <-------------------   tsig_ask()
 *      tsig_sign_reply()    ------------------->   tsig_take_reply()
 *      tsig_sign_reply()    ------------------->   tsig_take_reply(), ...
 *
 * An exchange that is all zero is one without TSIG: to sign does nothing, and to take a reply refuses
 * one with TSIG. Nothing is allocated for messages after the first. One thread at a time.
 *
 * now: seconds since 1970, of the clock that others go by.
 */
#ifndef CONTROL_TSIG_TSIG_H
#define CONTROL_TSIG_TSIG_H

#include <stdbool.h>
#include <stdint.h>

#include "control/tsig/keyring.h"
#include "shared/compiler.h"

enum tsig_error {
	TSIG_OK = 0,
	TSIG_BADSIG = 16,
	TSIG_BADKEY = 17,
	TSIG_BADTIME = 18,
	TSIG_BADTRUNC = 22,
};

/* "BADSIG"; "NOERROR" for TSIG_OK. */
const char *tsig_error_text(enum tsig_error e);

enum {
	/* What a TSIG record takes at most: its name, ten octets, the algorithm, 16 octets, the MAC and
	 * what a wrong time tells. */
	TSIG_ROOM_MAX = 2 * NAME_MAX_LEN + 26 + TSIG_MAC_MAX + 6,
	TSIG_UNSIGNED_MAX = 99, /* messages in a row (RFC 8945 §5.3.1) */
	TSIG_FUDGE = 300,       /* seconds that clocks may differ */
};

struct tsig_exchange {
	struct tsig_key *key; /* held; NULL: none, or one that is not known */
	enum tsig_error error;
	bool later; /* the first message of the answer is past */
	bool begun; /* running has got something since the last MAC */
	uint8_t mac_len;
	uint8_t mac[TSIG_MAC_MAX]; /* of the message before */
	uint16_t fudge;
	uint64_t time;    /* that was signed in the request */
	unsigned between; /* messages without TSIG since the last with it */
	struct evp_mac_ctx_st *running;
	uint8_t name_len;      /* of a request that is refused, as it named them: */
	uint8_t algorithm_len; /* 0: it had no TSIG */
	uint8_t name[NAME_MAX_LEN];
	uint8_t algorithm[NAME_MAX_LEN];
};

/* To zero again. */
void tsig_end(struct tsig_exchange *x);

/*
 * Verifies a request, and takes the TSIG off it: *len and the message's count become less, and its ID
 * what it was when it was signed. *x is all zero before. k may be NULL: no key is known.
 *
 * 0: verified; x->key has signed it. ERR_NOTFOUND: it has no TSIG, and is untouched. ERR_CORRUPT: malformed
 * (FORMERR, without TSIG). ERR_DENIED: see x->error; the answer is NOTAUTH, which tsig_sign_reply() makes
 * of any.
 */
MUST_CHECK int tsig_take_request(struct tsig_exchange *x, struct keyring *k,
                                 uint8_t *bytes, uint16_t *len, uint64_t now);

/* Puts TSIG behind an answer, a whole message, in place: room is what there is for both. When that
 * is too little the answer is cut to its question, with TC set (RFC 8945 §5.3). An answer to what was
 * refused gets rcode NOTAUTH and what RFC 8945 §5.2 asks for. Gives the new length; 0: no room even so. */
uint16_t tsig_sign_reply(struct tsig_exchange *x, uint8_t *bytes, uint16_t len,
                         uint32_t room, uint64_t now);

/* Signs a request of ours. *x is all zero before; key: held by the exchange as well, NULL: does nothing.
 * ERR_TOOBIG: no room. */
MUST_CHECK int tsig_ask(struct tsig_exchange *x, struct tsig_key *key, uint8_t *bytes,
                        uint16_t *len, uint32_t room, uint64_t now);

/*
 * Verifies the next message of the answer, and takes the TSIG off it. Messages after the first may come
 * without one, up to TSIG_UNSIGNED_MAX in a row: they are verified by the next that has it, before which
 * nothing of them may count.
 *
 * ERR_CORRUPT: malformed. ERR_DENIED: not verified; x->error, when it is not TSIG_OK, is what the other
 * side says, or is wrong with what it has sent. The exchange is over then.
 */
MUST_CHECK int tsig_take_reply(struct tsig_exchange *x, uint8_t *bytes, uint16_t *len,
                               uint64_t now);

/* The key that has proven who sent the request; lent, NULL: none has. */
static inline const struct tsig_key *tsig_signer(const struct tsig_exchange *x)
{
	return x->error == TSIG_OK ? x->key : NULL;
}

/* Says whether replies get a TSIG record, with a MAC or without. */
static inline bool tsig_signs_reply(const struct tsig_exchange *x)
{
	return x->name_len > 0;
}

/* Says whether all that was taken is verified: whether the message before may be the answer's last. */
static inline bool tsig_is_settled(const struct tsig_exchange *x)
{
	return x->between == 0;
}

#endif
