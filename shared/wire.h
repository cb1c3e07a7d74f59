/*
 * Bounded cursors over bytes in network order: the only code that moves a position through a
 * message, a record's data or an inter-process message.
 *
 * Both carry a sticky error: after the first step out of bounds every further step does nothing
 * and gives zero, so that a parser tests ok once, at its end. Loads and stores go through memcpy,
 * never through a cast.
 */
#ifndef SHARED_WIRE_H
#define SHARED_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"

static inline uint16_t wire_load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_load32(const uint8_t *p)
{
	return (uint32_t)wire_load16(p) << 16 | wire_load16(p + 2);
}

static inline void wire_store16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void wire_store32(uint8_t *p, uint32_t v)
{
	wire_store16(p, (uint16_t)(v >> 16));
	wire_store16(p + 2, (uint16_t)v);
}

/* Reads bytes that the caller lends for the reader's life. */
struct wire_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool ok;
};

static inline struct wire_reader wire_reader_on(const uint8_t *bytes, size_t len)
{
	return (struct wire_reader){.at = bytes, .end = bytes + len, .ok = true};
}

static inline size_t wire_left(const struct wire_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* Gives the next n bytes, lent from the input, or NULL (and the sticky error). */
static inline const uint8_t *wire_read_bytes(struct wire_reader *r, size_t n)
{
	if (!r->ok || wire_left(r) < n) {
		r->ok = false;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += n;
	return p;
}

static inline uint8_t wire_read8(struct wire_reader *r)
{
	const uint8_t *p = wire_read_bytes(r, 1);
	return p ? *p : 0;
}

static inline uint16_t wire_read16(struct wire_reader *r)
{
	const uint8_t *p = wire_read_bytes(r, 2);
	return p ? wire_load16(p) : 0;
}

static inline uint32_t wire_read32(struct wire_reader *r)
{
	const uint8_t *p = wire_read_bytes(r, 4);
	return p ? wire_load32(p) : 0;
}

static inline uint64_t wire_read64(struct wire_reader *r)
{
	uint64_t high = wire_read32(r);
	return high << 32 | wire_read32(r);
}

/* Reads what wire_write_text() wrote; to is for size octets. A text that does not fit, or that has a NUL
 * in it, sets the sticky error. */
static inline void wire_read_text(struct wire_reader *r, char *to, size_t size)
{
	size_t len = wire_read8(r);
	const uint8_t *bytes = wire_read_bytes(r, len);

	if (!bytes || len >= size || memchr(bytes, 0, len)) {
		r->ok = false;
		return;
	}
	memcpy(to, bytes, len);
	to[len] = '\0';
}

/* Writes into bytes that the caller lends for the writer's life. */
struct wire_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool ok;
};

static inline struct wire_writer wire_writer_on(uint8_t *bytes, size_t room)
{
	return (struct wire_writer){
		.start = bytes, .at = bytes, .end = bytes + room, .ok = true};
}

static inline size_t wire_written(const struct wire_writer *w)
{
	return (size_t)(w->at - w->start);
}

/* Gives room for n bytes to be filled by the caller, or NULL (and the sticky error). */
static inline uint8_t *wire_write_room(struct wire_writer *w, size_t n)
{
	if (!w->ok || (size_t)(w->end - w->at) < n) {
		w->ok = false;
		return NULL;
	}
	uint8_t *p = w->at;
	w->at += n;
	return p;
}

static inline void wire_write_bytes(struct wire_writer *w, const void *bytes, size_t n)
{
	uint8_t *p = wire_write_room(w, n);
	if (p && n)
		memcpy(p, bytes, n);
}

static inline void wire_write8(struct wire_writer *w, uint8_t v)
{
	wire_write_bytes(w, &v, 1);
}

static inline void wire_write16(struct wire_writer *w, uint16_t v)
{
	uint8_t *p = wire_write_room(w, 2);
	if (p)
		wire_store16(p, v);
}

static inline void wire_write32(struct wire_writer *w, uint32_t v)
{
	uint8_t *p = wire_write_room(w, 4);
	if (p)
		wire_store32(p, v);
}

static inline void wire_write64(struct wire_writer *w, uint64_t v)
{
	wire_write32(w, (uint32_t)(v >> 32));
	wire_write32(w, (uint32_t)v);
}

/* Writes a text, and before it its length in an octet. size, up to 256, is of what holds it: there is
 * less text than that. */
static inline void wire_write_text(struct wire_writer *w, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);

	wire_write8(w, (uint8_t)len);
	wire_write_bytes(w, text, len);
}

#endif
