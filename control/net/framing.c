#include "control/net/framing.h"

/* Bytes of the frame that starts here, as far as the bytes at hand tell: its prefix at first. */
static size_t frame_size(const uint8_t *bytes, size_t have)
{
	return have < FRAMING_PREFIX ? FRAMING_PREFIX
	                             : (size_t)FRAMING_PREFIX + wire_load16(bytes);
}

/* Judges a frame by the bytes at hand. */
static enum framing_verdict judge(const uint8_t *bytes, size_t have)
{
	size_t size = frame_size(bytes, have);

	if (have >= FRAMING_PREFIX && size < FRAMING_PREFIX + FRAMING_MESSAGE_MIN)
		return FRAMING_BAD;
	return have >= size ? FRAMING_MESSAGE : FRAMING_MORE;
}

static void give(const uint8_t *frame, struct framing_message *out)
{
	out->len = wire_load16(frame);
	out->bytes = frame + FRAMING_PREFIX;
}

static void end_loan(struct framing *f)
{
	byte_queue_consume(&f->kept, f->taken);
	f->taken = 0;
}

static enum framing_verdict next_in_place(struct framing *f, struct wire_reader *in,
                                          struct framing_message *out)
{
	const uint8_t *frame = in->at;
	enum framing_verdict verdict = judge(frame, wire_left(in));

	if (verdict == FRAMING_MORE)
		return framing_keep(f, in) < 0 ? FRAMING_NO_MEMORY : verdict;
	if (verdict == FRAMING_MESSAGE) {
		(void)wire_read_bytes(in, frame_size(frame, wire_left(in)));
		give(frame, out);
	}
	return verdict;
}

/* Copies no more than the kept message lacks: what follows it is lent in place again. */
static enum framing_verdict next_kept(struct framing *f, struct wire_reader *in,
                                      struct framing_message *out)
{
	for (;;) {
		const uint8_t *frame = byte_queue_front(&f->kept);
		size_t have = byte_queue_len(&f->kept);
		size_t size = frame_size(frame, have);
		enum framing_verdict verdict = judge(frame, have);
		size_t n;

		if (verdict == FRAMING_MESSAGE) {
			give(frame, out);
			f->taken = size;
		}
		if (verdict != FRAMING_MORE || !wire_left(in))
			return verdict;
		n = size - have < wire_left(in) ? size - have : wire_left(in);
		if (byte_queue_append(&f->kept, wire_read_bytes(in, n), n) < 0)
			return FRAMING_NO_MEMORY;
	}
}

enum framing_verdict framing_next(struct framing *f, struct wire_reader *in,
                                  struct framing_message *out)
{
	end_loan(f);
	return byte_queue_len(&f->kept) ? next_kept(f, in, out)
	                                : next_in_place(f, in, out);
}

int framing_keep(struct framing *f, struct wire_reader *in)
{
	size_t n = wire_left(in);

	end_loan(f);
	return byte_queue_append(&f->kept, wire_read_bytes(in, n), n);
}

void framing_fini(struct framing *f)
{
	byte_queue_fini(&f->kept);
	f->taken = 0;
}
