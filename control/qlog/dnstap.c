#include "control/qlog/dnstap.h"

#include <stdbool.h>

#include "shared/wire.h"

enum { NS_PER_S = 1000000000 };

/* ---- DNS messages ---- */

/* Header, question, OPT. */
enum { MESSAGE_SIZE = 12 + NAME_MAX_LEN + 4 + 11 };

enum {
	HEADER_QR = 0x8000,
	HEADER_AA = 0x0400,
	HEADER_TC = 0x0200,
	HEADER_RD = 0x0100,
	HEADER_RCODE = 0x000f,
};

enum { TYPE_OPT = 41, OPT_DO = 0x8000, LEAST_PAYLOAD = 512 };

static uint16_t header_flags(const struct qlog_record *r, bool is_response)
{
	unsigned flags = r->flags & QLOG_RD ? HEADER_RD : 0;

	if (is_response) {
		flags |= HEADER_QR | (r->rcode & HEADER_RCODE);
		flags |= r->flags & QLOG_AA ? HEADER_AA : 0;
		flags |= r->flags & QLOG_TC ? HEADER_TC : 0;
	}
	return (uint16_t)flags;
}

/* RFC 6891 section 6.1; whose payload size it is is not known. */
static void put_opt(struct wire_writer *w, const struct qlog_record *r, bool is_response)
{
	wire_write8(w, 0);
	wire_write16(w, TYPE_OPT);
	wire_write16(w, LEAST_PAYLOAD);
	wire_write8(w, (uint8_t)(is_response ? r->rcode >> 4 : 0));
	wire_write8(w, 0);
	wire_write16(w, r->flags & QLOG_DO ? OPT_DO : 0);
	wire_write16(w, 0);
}

static size_t make_message(const struct qlog_record *r, bool is_response,
                           uint8_t out[static MESSAGE_SIZE])
{
	struct wire_writer w = wire_writer_on(out, MESSAGE_SIZE);

	wire_write16(&w, 0);
	wire_write16(&w, header_flags(r, is_response));
	wire_write16(&w, r->name_len > 0);
	wire_write32(&w, 0);
	wire_write16(&w, (r->flags & QLOG_EDNS) != 0);
	if (r->name_len > 0) {
		wire_write_bytes(&w, r->name, r->name_len);
		wire_write16(&w, r->qtype);
		wire_write16(&w, r->qclass);
	}
	if (r->flags & QLOG_EDNS)
		put_opt(&w, r, is_response);
	return wire_written(&w);
}

/* ---- protocol buffers, as far as dnstap.proto takes them ---- */

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static void put_varint(struct wire_writer *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		wire_write8(w, (uint8_t)(v | 0x80));
	wire_write8(w, (uint8_t)v);
}

static void put_number(struct wire_writer *w, unsigned field, uint64_t v)
{
	put_varint(w, field << 3 | WIRE_VARINT);
	put_varint(w, v);
}

static void put_bytes(struct wire_writer *w, unsigned field, const void *bytes, size_t n)
{
	put_varint(w, field << 3 | WIRE_BYTES);
	put_varint(w, n);
	wire_write_bytes(w, bytes, n);
}

/* The one number that comes with its low octet first. */
static void put_fixed32(struct wire_writer *w, unsigned field, uint32_t v)
{
	put_varint(w, field << 3 | WIRE_FIXED32);
	for (unsigned shift = 0; shift < 32; shift += 8)
		wire_write8(w, (uint8_t)(v >> shift));
}

/* ---- dnstap.proto ---- */

/* Numbers of fields. */
enum { DNSTAP_IDENTITY = 1, DNSTAP_VERSION = 2, DNSTAP_MESSAGE = 14, DNSTAP_TYPE = 15 };

enum {
	MESSAGE_TYPE = 1,
	MESSAGE_SOCKET_FAMILY = 2,
	MESSAGE_SOCKET_PROTOCOL = 3,
	MESSAGE_QUERY_ADDRESS = 4,
	MESSAGE_QUERY_PORT = 6,
	MESSAGE_QUERY_MESSAGE = 10,
	MESSAGE_QUERY_ZONE = 11,
	MESSAGE_RESPONSE_TIME_SEC = 12,
	MESSAGE_RESPONSE_TIME_NSEC = 13,
	MESSAGE_RESPONSE_MESSAGE = 14,
};

/* Values. */
enum { TYPE_MESSAGE = 1, AUTH_RESPONSE = 2 };
enum { FAMILY_INET = 1, FAMILY_INET6 = 2, PROTOCOL_UDP = 1, PROTOCOL_TCP = 2 };

static void put_client(struct wire_writer *w, const struct qlog_record *r)
{
	bool ipv4 = qlog_is_ipv4(r);

	put_number(w, MESSAGE_SOCKET_FAMILY, ipv4 ? FAMILY_INET : FAMILY_INET6);
	put_number(w, MESSAGE_SOCKET_PROTOCOL,
	           r->flags & QLOG_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
	if (ipv4)
		put_bytes(w, MESSAGE_QUERY_ADDRESS, r->addr + 12, 4);
	else
		put_bytes(w, MESSAGE_QUERY_ADDRESS, r->addr, sizeof r->addr);
	put_number(w, MESSAGE_QUERY_PORT, r->port);
}

static void put_event(struct wire_writer *w, const struct qlog_record *r,
                      const uint8_t *zone)
{
	uint8_t message[MESSAGE_SIZE];

	put_number(w, MESSAGE_TYPE, AUTH_RESPONSE);
	put_client(w, r);
	put_bytes(w, MESSAGE_QUERY_MESSAGE, message, make_message(r, false, message));
	if (zone)
		put_bytes(w, MESSAGE_QUERY_ZONE, zone, name_len(zone, NAME_MAX_LEN));
	put_number(w, MESSAGE_RESPONSE_TIME_SEC, r->time / NS_PER_S);
	put_fixed32(w, MESSAGE_RESPONSE_TIME_NSEC, (uint32_t)(r->time % NS_PER_S));
	put_bytes(w, MESSAGE_RESPONSE_MESSAGE, message, make_message(r, true, message));
}

static size_t text_len(const char *text)
{
	return strnlen(text, DNSTAP_TEXT_MAX);
}

size_t dnstap_encode(const struct qlog_record *r, const uint8_t *zone,
                     const struct dnstap_sender *sender,
                     uint8_t out[static DNSTAP_FRAME_SIZE])
{
	uint8_t event[DNSTAP_FRAME_SIZE / 2];
	struct wire_writer inner = wire_writer_on(event, sizeof event);
	struct wire_writer w = wire_writer_on(out, DNSTAP_FRAME_SIZE);

	put_event(&inner, r, zone);
	put_bytes(&w, DNSTAP_IDENTITY, sender->identity, text_len(sender->identity));
	put_bytes(&w, DNSTAP_VERSION, sender->version, text_len(sender->version));
	put_bytes(&w, DNSTAP_MESSAGE, event, wire_written(&inner));
	put_number(&w, DNSTAP_TYPE, TYPE_MESSAGE);
	return wire_written(&w);
}
