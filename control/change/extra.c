/*
 * The value: parts one after another, each a tag, a length and that many octets.
 *
 *      u8 EXTRA_HIDDEN,  u32 length, a blob of control/zone/rrset.h      at most one
 *      u8 EXTRA_COMMENT, u32 length, u64 modified_at, u16 length of account, account, content
 *
 * Integers are big endian, but for those within the blob.
 */
#include "control/change/extra.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "control/zone/rrset.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	EXTRA_HIDDEN = 1,
	EXTRA_COMMENT = 2,
	PART_HEADER = 5,
	COMMENT_HEADER = 10,
	EXTRA_MAX = 1 << 24,
};

/* Adds to *size what a comment takes. */
static int add_comment_size(const struct comment *c, size_t *size)
{
	size_t account = strlen(c->account);
	size_t content = strlen(c->content);

	if (account > UINT16_MAX || content > EXTRA_MAX)
		return ERR_TOOBIG;
	*size += PART_HEADER + COMMENT_HEADER + account + content;
	return *size > EXTRA_MAX ? ERR_TOOBIG : 0;
}

static void write_part(struct wire_writer *w, uint8_t tag, size_t size)
{
	wire_write8(w, tag);
	wire_write32(w, (uint32_t)size);
}

static void write_comment(struct wire_writer *w, const struct comment *c)
{
	size_t account = strlen(c->account);
	size_t content = strlen(c->content);

	write_part(w, EXTRA_COMMENT, COMMENT_HEADER + account + content);
	wire_write64(w, c->modified_at);
	wire_write16(w, (uint16_t)account);
	wire_write_bytes(w, c->account, account);
	wire_write_bytes(w, c->content, content);
}

int extra_encode(const struct extra *x, struct contents_arena *a, const uint8_t **value,
                 size_t *size)
{
	size_t wanted = x->hidden ? PART_HEADER + x->hidden_size : 0;

	if (wanted > EXTRA_MAX)
		return ERR_TOOBIG;
	for (size_t i = 0; i < x->comment_count; i++)
		TRY(add_comment_size(&x->comments[i], &wanted));
	uint8_t *bytes = arena_alloc(a, wanted);
	struct wire_writer w = wire_writer_on(bytes, wanted);
	if (x->hidden) {
		write_part(&w, EXTRA_HIDDEN, x->hidden_size);
		wire_write_bytes(&w, x->hidden, x->hidden_size);
	}
	for (size_t i = 0; i < x->comment_count; i++)
		write_comment(&w, &x->comments[i]);
	assert(w.ok && wire_written(&w) == wanted);
	*value = bytes;
	*size = wanted;
	return 0;
}

/* Gives a copy with a NUL behind, or NULL when there is one in it. */
static const char *read_text(struct wire_reader *r, size_t len, struct contents_arena *a)
{
	const uint8_t *bytes = wire_read_bytes(r, len);

	if (!bytes || memchr(bytes, 0, len))
		return NULL;
	char *text = arena_alloc(a, len + 1);
	memcpy(text, bytes, len);
	text[len] = 0;
	return text;
}

static int read_comment(struct wire_reader r, struct contents_arena *a,
                        struct comment *out)
{
	struct comment c = {.modified_at = wire_read64(&r)};

	c.account = read_text(&r, wire_read16(&r), a);
	c.content = read_text(&r, wire_left(&r), a);
	if (!r.ok || !c.account || !c.content)
		return ERR_CORRUPT;
	*out = c;
	return 0;
}

static int read_hidden(struct wire_reader r, struct extra *x)
{
	struct rrset set;

	if (x->hidden)
		return ERR_CORRUPT;
	TRY(rrset_open(0, r.at, wire_left(&r), &set));
	x->hidden = r.at;
	x->hidden_size = wire_left(&r);
	return 0;
}

/* Gives the next part, and what is in it. */
static int read_part(struct wire_reader *r, uint8_t *tag, struct wire_reader *part)
{
	*tag = wire_read8(r);
	size_t len = wire_read32(r);
	const uint8_t *bytes = wire_read_bytes(r, len);

	if (!bytes || (*tag != EXTRA_HIDDEN && *tag != EXTRA_COMMENT))
		return ERR_CORRUPT;
	*part = wire_reader_on(bytes, len);
	return 0;
}

static int count_comments(struct wire_reader r, size_t *out)
{
	struct wire_reader part;
	size_t count = 0;
	uint8_t tag;

	while (wire_left(&r) > 0) {
		TRY(read_part(&r, &tag, &part));
		count += tag == EXTRA_COMMENT;
	}
	*out = count;
	return 0;
}

/* x has room for so many comments. */
static int read_parts(struct wire_reader r, struct contents_arena *a, size_t room,
                      struct extra *x)
{
	struct wire_reader part;
	uint8_t tag;

	while (wire_left(&r) > 0) {
		TRY(read_part(&r, &tag, &part));
		if (tag == EXTRA_HIDDEN)
			TRY(read_hidden(part, x));
		else if (x->comment_count < room)
			TRY(read_comment(part, a, &x->comments[x->comment_count++]));
	}
	return 0;
}

int extra_decode(const void *value, size_t size, struct contents_arena *a,
                 struct extra *out)
{
	struct extra x = {0};
	size_t comments = 0;

	if (size) {
		struct wire_reader r = wire_reader_on(value, size);
		TRY(count_comments(r, &comments));
		x.comments = arena_aligned(a, comments * sizeof x.comments[0]);
		TRY(read_parts(r, a, comments, &x));
	}
	*out = x;
	return 0;
}
