/*
 * The framing of DNS over TCP. The first byte chooses how the rest arrives: in pieces of which
 * size, and after how many messages the reader stalls and keeps everything for later. The
 * messages must be those that a plain walk over the whole stream finds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/net/framing.h"
#include "shared/compiler.h"

struct walk {
	const uint8_t *at;
	const uint8_t *end;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

/* The oracle: judges the frame at the walk's position and steps over it. */
static enum framing_verdict step(struct walk *w, const uint8_t **bytes, size_t *len)
{
	size_t left = (size_t)(w->end - w->at);

	if (left < 2)
		return FRAMING_MORE;
	*len = (size_t)w->at[0] * 256 + w->at[1];
	if (*len < 12)
		return FRAMING_BAD;
	if (left - 2 < *len)
		return FRAMING_MORE;
	*bytes = w->at + 2;
	w->at += 2 + *len;
	return FRAMING_MESSAGE;
}

/* Reads what is whole of one piece, at most max messages. Gives the last verdict. */
static enum framing_verdict read_piece(struct framing *f, struct wire_reader *in,
                                       unsigned max, struct walk *w)
{
	enum framing_verdict verdict = FRAMING_MESSAGE;
	struct framing_message m;

	for (unsigned i = 0; i < max; i++) {
		const uint8_t *bytes = NULL;
		size_t len = 0;

		verdict = framing_next(f, in, &m);
		if (verdict != FRAMING_MESSAGE)
			break;
		check(step(w, &bytes, &len) == FRAMING_MESSAGE);
		check(m.len == len && memcmp(m.bytes, bytes, len) == 0);
	}
	return verdict;
}

static enum framing_verdict read_stream(struct framing *f, const uint8_t *data,
                                        size_t size, uint8_t how, struct walk *w)
{
	size_t piece = (size_t)1 << (how & 15);
	unsigned max = how & 16 ? 1U + (how >> 5) : UINT32_MAX;
	struct wire_reader none = wire_reader_on(data, 0);

	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		struct wire_reader in = wire_reader_on(data + at, n);
		enum framing_verdict verdict = read_piece(f, &in, max, w);

		if (verdict == FRAMING_BAD)
			return verdict;
		check(framing_keep(f, &in) == 0);
	}
	return read_piece(f, &none, UINT32_MAX, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct framing f = {0};
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (size < 2)
		return 0;
	struct walk w = {.at = data + 1, .end = data + size};
	enum framing_verdict verdict = read_stream(&f, data + 1, size - 1, data[0], &w);

	check(step(&w, &bytes, &len) == verdict);
	check(verdict == FRAMING_BAD || verdict == FRAMING_MORE);
	check(framing_begun(&f) || verdict == FRAMING_BAD || w.at == w.end);
	framing_fini(&f);
	return 0;
}
