/*
 * Names from hostile bytes: as wire form, as text and as sort key. Whatever is accepted must
 * come back the same by every other way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/namehash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t root[1];

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const uint8_t *name, size_t len)
{
	char text[NAME_TEXT_MAX];
	uint8_t back[NAME_MAX_LEN];

	name_to_text(name, text);
	must(strlen(text) < NAME_TEXT_MAX);
	must(name_from_text(text, strlen(text), NULL, back) == (int)len);
	must(memcmp(back, name, len) == 0);
}

static void check_keys(const uint8_t *name, size_t len)
{
	uint8_t key[NAME_KEY_MAX];
	uint8_t back[NAME_MAX_LEN];

	for (const uint8_t *suffix = name;; suffix += *suffix + 1) {
		size_t above = (size_t)(suffix - name);
		size_t key_len = name_to_key(name, len - above, key);
		must(key_len <= NAME_KEY_MAX);
		must(name_from_key(key, key_len, suffix, back) == (int)len);
		must(name_equal(back, name) && name_compare(back, name) == 0);
		size_t prefix = 0;
		must(name_is_under(name, suffix, &prefix) && prefix == above);
		if (*suffix == 0)
			return;
	}
}

static void check_hashes(const uint8_t *name, size_t len)
{
	static const struct name_hash_key key = {.seed = 0x6a09e667f3bcc908,
	                                         .mix = 0xbb67ae8584caa73b};
	uint8_t copy[NAME_MAX_LEN + NAME_PAD] = {0};
	uint8_t folded[NAME_MAX_LEN + NAME_PAD] = {0};
	struct name_steps steps;

	memcpy(copy, name, len);
	must(name_fold_and_hash(&key, folded, copy, len, &steps) ==
	     name_hash(&key, copy));
	name_fold(copy, len);
	must(memcmp(copy, folded, len) == 0 && name_equal(copy, name));
	for (size_t at = 0; at < len; at += copy[at] + 1U)
		must(name_hash_suffix(&key, &steps, folded + at, len - at) ==
		     name_hash(&key, copy + at));
}

static void check_name(const uint8_t *name, size_t len)
{
	must(len <= NAME_MAX_LEN && name_len(name, len) == len &&
	     name_len(name, len - 1) == 0);
	check_text(name, len);
	check_keys(name, len);
	check_hashes(name, len);
}

static void as_key(const uint8_t *data, size_t size)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];

	int len = name_from_key(data, size, root, name);
	if (len < 0)
		return;
	check_name(name, (size_t)len);
	must(name_to_key(name, 1, key) == size &&
	     (size == 0 || memcmp(key, data, size) == 0));
}

/* Two names from one input: both ways to compare them must agree. */
static void compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	uint8_t key_a[NAME_KEY_MAX];
	uint8_t key_b[NAME_KEY_MAX];
	size_t a_key_len = name_to_key(a, 1, key_a);
	size_t b_key_len = name_to_key(b, 1, key_b);
	int by_name = name_compare(a, b);
	int by_key = name_key_compare(key_a, a_key_len, key_b, b_key_len);

	must((by_name < 0) == (by_key < 0) && (by_name > 0) == (by_key > 0));
	must(name_equal(a, b) == (by_name == 0));
	must(by_name != 0 || a_len == b_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(data, size);

	if (len) {
		check_name(data, len);
		size_t next = name_len(data + len, size - len);
		if (next)
			compare(data, len, data + len, next);
	}
	int from_text = name_from_text((const char *)data, size, root, name);
	if (from_text > 0)
		check_name(name, (size_t)from_text);
	as_key(data, size);
	return 0;
}
