/*
 * A record of the query log as a message of dnstap (dnstap.info): one AUTH_RESPONSE for each.
 *
 * The record has no message, so that those in it are made anew, and are the truth as far as they go.
 * query_message is a query with the name (in lower case), type, class, RD, OPT and DO of the one that
 * came, of identifier 0; response_message has the head of the response, AA, TC and RCODE, the question,
 * and OPT where there was one: no records, whatever the response had. What is not known is left out:
 * the address that was asked, and when the query came.
 */
#ifndef CONTROL_QLOG_DNSTAP_H
#define CONTROL_QLOG_DNSTAP_H

#include <stddef.h>
#include <stdint.h>

#include "shared/qlog.h"

enum { DNSTAP_TEXT_MAX = 255, DNSTAP_FRAME_SIZE = 2048 };

/* What every message says of who sends it; each no longer than DNSTAP_TEXT_MAX. */
struct dnstap_sender {
	const char *identity;
	const char *version;
};

/* Writes the frame of a sound record (qlog_is_sound()) and gives its length. zone: the folded name of
 * the zone that answered, or NULL. */
size_t dnstap_encode(const struct qlog_record *r, const uint8_t *zone,
                     const struct dnstap_sender *sender,
                     uint8_t out[static DNSTAP_FRAME_SIZE]);

#endif
