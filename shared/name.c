#include "shared/name.h"

#include <endian.h>

#include "shared/err.h"
#include "shared/namehash.h"

/* ASCII only (RFC 4343 §3): locale never comes into it. */
static inline uint8_t fold_byte(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

static size_t valid_len(const uint8_t *name)
{
	size_t at = 0;

	while (name[at])
		at += (size_t)name[at] + 1;
	return at + 1;
}

/* Fills starts with where each label but the root begins, leftmost first. Gives their number. */
static unsigned label_starts(const uint8_t *name,
                             uint8_t starts[static NAME_MAX_LABELS + 1])
{
	unsigned n = 0;
	size_t at = 0;

	while (name[at]) {
		starts[n++] = (uint8_t)at;
		at += (size_t)name[at] + 1;
	}
	starts[n] = (uint8_t)at;
	return n;
}

size_t name_len(const uint8_t *bytes, size_t size)
{
	size_t end = size < NAME_MAX_LEN ? size : NAME_MAX_LEN;
	size_t at = 0;

	while (at < end) {
		uint8_t n = bytes[at];
		if (n == 0)
			return at + 1;
		if (n > LABEL_MAX_LEN)
			return 0;
		at += (size_t)n + 1;
	}
	return 0;
}

unsigned name_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name; name += *name + 1)
		n++;
	return n;
}

static inline uint64_t load_word(const uint8_t *from)
{
	uint64_t w;

	memcpy(&w, from, sizeof w);
	return w;
}

/* Folds from one place to another, or in place. */
static void fold_to(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t at = 0;

	for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t w = name_fold_word(load_word(from + at));
		memcpy(to + at, &w, sizeof w);
	}
	for (; at < len; at++)
		to[at] = fold_byte(from[at]);
}

void name_fold(uint8_t *name, size_t len)
{
	fold_to(name, name, len);
}

static bool equal_folded(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (fold_byte(a[i]) != fold_byte(b[i]))
			return false;
	}
	return true;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = valid_len(a);
	return len == valid_len(b) && equal_folded(a, b, len);
}

bool name_is_under(const uint8_t *name, const uint8_t *suffix, size_t *prefix_len)
{
	size_t len = valid_len(name);
	size_t suffix_len = valid_len(suffix);
	size_t at = 0;

	/* Only a label's start may be where the suffix begins. */
	while (len - at > suffix_len)
		at += (size_t)name[at] + 1;
	if (len - at != suffix_len || !equal_folded(name + at, suffix, suffix_len))
		return false;
	if (prefix_len)
		*prefix_len = at;
	return true;
}

static int compare_labels(const uint8_t *a, const uint8_t *b)
{
	size_t common = a[0] < b[0] ? a[0] : b[0];

	for (size_t i = 1; i <= common; i++) {
		int diff = fold_byte(a[i]) - fold_byte(b[i]);
		if (diff)
			return diff;
	}
	return a[0] - b[0];
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t starts_a[NAME_MAX_LABELS + 1];
	uint8_t starts_b[NAME_MAX_LABELS + 1];
	unsigned na = label_starts(a, starts_a);
	unsigned nb = label_starts(b, starts_b);
	unsigned common = na < nb ? na : nb;

	for (unsigned i = 1; i <= common; i++) {
		int diff = compare_labels(a + starts_a[na - i], b + starts_b[nb - i]);
		if (diff)
			return diff;
	}
	return (int)na - (int)nb;
}

/* ---- text ---- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* What RFC 1035 §5.1 gives a meaning of its own anywhere in a token, and what does not print. */
static bool ends_token(uint8_t c)
{
	return c <= ' ' || c == 0x7f || c == '"' || c == '(' || c == ')' || c == ';';
}

struct text_cursor {
	const uint8_t *at;
	const uint8_t *end;
};

/* Reads one character of a label, which is neither at the end nor at an unescaped dot. Gives the
 * octet or ERR_SYNTAX. */
static int read_octet(struct text_cursor *t)
{
	uint8_t c = *t->at++;

	if (c != '\\')
		return ends_token(c) ? ERR_SYNTAX : c;
	if (t->at == t->end)
		return ERR_SYNTAX;
	if (!is_digit(*t->at))
		return *t->at++;
	if (t->end - t->at < 3 || !is_digit(t->at[1]) || !is_digit(t->at[2]))
		return ERR_SYNTAX;
	int value = (t->at[0] - '0') * 100 + (t->at[1] - '0') * 10 + (t->at[2] - '0');
	t->at += 3;
	return value <= 255 ? value : ERR_SYNTAX;
}

/* Reads octets up to a dot or the end into label, behind its length octet. Gives their number. */
static int read_label(struct text_cursor *t, uint8_t label[static LABEL_MAX_LEN + 1])
{
	unsigned n = 0;

	while (t->at < t->end && *t->at != '.') {
		int octet = read_octet(t);
		if (octet < 0)
			return octet;
		if (n == LABEL_MAX_LEN)
			return ERR_TOOBIG;
		label[++n] = (uint8_t)octet;
	}
	if (n == 0)
		return ERR_SYNTAX;
	label[0] = (uint8_t)n;
	return (int)n;
}

/* Reads a relative or absolute name other than "." into out without what ends it. Says in
 * *absolute whether a dot came last. Gives the length so far. */
static int read_labels(struct text_cursor *t, bool *absolute, uint8_t *out)
{
	uint8_t label[LABEL_MAX_LEN + 1];
	size_t len = 0;

	*absolute = false;
	do {
		int n = read_label(t, label);
		if (n < 0)
			return n;
		if (len + (size_t)n + 2 > NAME_MAX_LEN)
			return ERR_TOOBIG;
		memcpy(out + len, label, (size_t)n + 1);
		len += (size_t)n + 1;
		*absolute = t->at < t->end;
		t->at += *absolute;
	} while (t->at < t->end);
	return (int)len;
}

int name_from_text(const char *text, size_t text_len, const uint8_t *origin, uint8_t *out)
{
	struct text_cursor t = {.at = (const uint8_t *)text};
	uint8_t name[NAME_MAX_LEN];
	uint8_t root[1] = {0};
	bool absolute;

	if (text_len == 1 && text[0] == '.') {
		out[0] = 0;
		return 1;
	}
	t.end = t.at + text_len;
	int len = read_labels(&t, &absolute, name);
	if (len < 0)
		return len;
	if (!absolute && !origin)
		return ERR_SYNTAX;
	const uint8_t *rest = absolute ? root : origin;
	size_t rest_len = valid_len(rest);
	if ((size_t)len + rest_len > NAME_MAX_LEN)
		return ERR_TOOBIG;
	/* By way of name, so that origin may be out and nothing is written on failure. */
	memcpy(name + len, rest, rest_len);
	memcpy(out, name, (size_t)len + rest_len);
	return len + (int)rest_len;
}

int name_read(const char *text, uint8_t *out)
{
	static const uint8_t root[] = {0};
	int len = name_from_text(text, strlen(text), root, out);

	if (len > 0)
		name_fold(out, (size_t)len);
	return len;
}

static char *put_octet(char *to, uint8_t c)
{
	if (c <= ' ' || c >= 0x7f) {
		*to++ = '\\';
		*to++ = (char)('0' + c / 100);
		*to++ = (char)('0' + c / 10 % 10);
		*to++ = (char)('0' + c % 10);
		return to;
	}
	if (strchr(".\\\"();@$", c))
		*to++ = '\\';
	*to++ = (char)c;
	return to;
}

const char *name_to_text(const uint8_t *name, char text[static NAME_TEXT_MAX])
{
	char *to = text;

	if (name[0] == 0)
		*to++ = '.';
	for (; *name; name += *name + 1) {
		for (unsigned i = 1; i <= *name; i++)
			to = put_octet(to, name[i]);
		*to++ = '.';
	}
	*to = '\0';
	return text;
}

/* ---- sort keys ---- */

static uint8_t *put_key_label(uint8_t *to, const uint8_t *label)
{
	for (unsigned i = 1; i <= label[0]; i++) {
		uint8_t c = fold_byte(label[i]);
		if (c <= 1) {
			*to++ = 1;
			c++;
		}
		*to++ = c;
	}
	*to++ = 0;
	return to;
}

size_t name_to_key(const uint8_t *name, size_t suffix_len,
                   uint8_t key[static NAME_KEY_MAX])
{
	uint8_t starts[NAME_MAX_LABELS + 1];
	unsigned n = label_starts(name, starts);
	size_t above = starts[n] + 1U - suffix_len;
	uint8_t *to = key;

	while (n-- > 0)
		if (starts[n] < above)
			to = put_key_label(to, name + starts[n]);
	return (size_t)(to - key);
}

/* Whether one of the first n octets at p, which has eight, is 0 or 1: those take two in a key. */
static inline bool needs_escape(const uint8_t *p, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w;

	memcpy(&w, p, sizeof w);
	w = le64toh(w);
	if (n < 8)
		w |= ~UINT64_C(0) << 8 * n;
	w &= ~ones;
	return ((w - ones) & ~w & ones << 7) != 0;
}

HOT size_t name_folded_to_key(const uint8_t *name, const uint8_t *label_at,
                              unsigned labels, size_t suffix_len,
                              uint8_t key[static NAME_KEY_MAX])
{
	uint8_t *to = key;

	while (labels-- > 0) {
		const uint8_t *label = name + label_at[labels];
		size_t len = *label++;
		for (size_t at = 0; at < len; at += 8) {
			if (unlikely(needs_escape(label + at, len - at)))
				return name_to_key(name, suffix_len, key);
			memcpy(to + at, label + at, 8);
		}
		to += len;
		*to++ = 0;
	}
	return (size_t)(to - key);
}

/* Reads the label at *at with the zero byte behind it, and moves *at there. */
static int key_label(const uint8_t **at, const uint8_t *end,
                     uint8_t label[static LABEL_MAX_LEN + 1])
{
	unsigned n = 0;
	const uint8_t *p = *at;

	while (p < end && *p) {
		uint8_t c = *p++;
		if (c == 1) {
			if (p == end || *p < 1 || *p > 2)
				return ERR_CORRUPT;
			c = (uint8_t)(*p++ - 1);
		}
		if (n == LABEL_MAX_LEN || c != fold_byte(c))
			return ERR_CORRUPT;
		label[++n] = c;
	}
	if (p == end || n == 0)
		return ERR_CORRUPT;
	label[0] = (uint8_t)n;
	*at = p + 1;
	return 0;
}

/* Of eight octets of a key: whether none is an escape, and none a capital, which no key has. */
static inline bool is_plain_word(uint64_t w)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t zero_if_escape = w ^ ones;

	return name_fold_word(w) == w &&
	       ((zero_if_escape - ones) & ~zero_if_escape & ones << 7) == 0;
}

static bool is_plain_key(const uint8_t *key, size_t len)
{
	size_t at = 0;

	for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t))
		if (!is_plain_word(load_word(key + at)))
			return false;
	for (; at < len; at++)
		if (key[at] == 1 || key[at] != fold_byte(key[at]))
			return false;
	return true;
}

/* Writes the labels of a plain key, which have as many octets as it has, from end down. */
static int put_plain_labels(const uint8_t *key, size_t len, uint8_t *end)
{
	while (len > 0) {
		const uint8_t *zero = memchr(key, 0, len);
		size_t n = zero ? (size_t)(zero - key) : 0;
		if (n == 0 || n > LABEL_MAX_LEN)
			return ERR_CORRUPT;
		end -= n + 1;
		end[0] = (uint8_t)n;
		memcpy(end + 1, key, n);
		key += n + 1;
		len -= n + 1;
	}
	return 0;
}

/* Any key: with escapes its labels have fewer octets than it has. */
static int put_labels(const uint8_t *key, size_t key_len, const uint8_t *suffix,
                      size_t suffix_len, uint8_t *out)
{
	uint8_t name
		[NAME_MAX_LEN]; /* filled from its end: the key's first label is the last */
	uint8_t label[LABEL_MAX_LEN + 1];
	const uint8_t *end = key + key_len;
	size_t start = NAME_MAX_LEN - suffix_len;

	fold_to(name + start, suffix, suffix_len);
	while (key < end) {
		TRY(key_label(&key, end, label));
		size_t n = (size_t)label[0] + 1;
		if (n > start)
			return ERR_CORRUPT;
		start -= n;
		memcpy(name + start, label, n);
	}
	memcpy(out, name + start, NAME_MAX_LEN - start);
	return (int)(NAME_MAX_LEN - start);
}

int name_from_key(const uint8_t *key, size_t key_len, const uint8_t *suffix, uint8_t *out)
{
	size_t suffix_len = valid_len(suffix);

	if (key_len + suffix_len <= NAME_MAX_LEN && is_plain_key(key, key_len)) {
		TRY(put_plain_labels(key, key_len, out + key_len));
		fold_to(out + key_len, suffix, suffix_len);
		return (int)(key_len + suffix_len);
	}
	return put_labels(key, key_len, suffix, suffix_len, out);
}

int name_key_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	size_t common = a_len < b_len ? a_len : b_len;
	int diff = common ? memcmp(a, b, common) : 0;

	if (diff)
		return diff;
	return (a_len > b_len) - (a_len < b_len);
}
