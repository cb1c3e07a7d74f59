/*
 * Domain names in wire form: validation, case folding, canonical order, sort keys.
 *
 * A name here is a run of uncompressed labels that ends with the root label. Its length counts
 * that root label: the root itself is 1 byte long. "Folded" means that A-Z became a-z
 * (RFC 4343); length octets are at most 63 and so never change when a whole name is folded.
 */
#ifndef SHARED_NAME_H
#define SHARED_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"

enum {
	NAME_MAX_LEN = 255,    /* RFC 1035 §3.1, root label included */
	NAME_MAX_LABELS = 127, /* without the root label */
	LABEL_MAX_LEN = 63,
	NAME_TEXT_MAX = 1024, /* any name as text, with escapes and the final NUL */
	NAME_KEY_MAX = 512,   /* any sort key */
	NAME_PAD =
		64, /* past a name that may be read, and by name_fold_and_hash() written */
};

/* Gives the length of the name at the start of bytes, or 0 when it is not a whole, valid,
 * uncompressed name within size bytes. */
size_t name_len(const uint8_t *bytes, size_t size);

/* Gives the number of labels without the root label, of a valid name. */
unsigned name_labels(const uint8_t *name);

/* Folds in place. */
void name_fold(uint8_t *name, size_t len);

/* Both are valid names; compared without regard to case. */
bool name_equal(const uint8_t *a, const uint8_t *b);

/* Says whether name is suffix itself or below it; gives in *prefix_len, when not NULL, how many
 * bytes of name stand before the suffix. Without regard to case. */
bool name_is_under(const uint8_t *name, const uint8_t *suffix, size_t *prefix_len);

/* Canonical order of RFC 4034 §6.1: <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/* Text as in a zone file: "\." and "\DDD" escapes; a name without a final dot is completed with
 * origin (wire form), or refused when origin is NULL. "@" is not special here.
 * Gives the length, or ERR_SYNTAX / ERR_TOOBIG (label or name too long). out: NAME_MAX_LEN. */
MUST_CHECK int name_from_text(const char *text, size_t text_len, const uint8_t *origin,
                              uint8_t *out);

/* Reads what somebody calls a domain name, with the final dot or without, folded. Gives the length, or
 * an error likewise. */
MUST_CHECK int name_read(const char *text, uint8_t *out);

/* Always writes a NUL-terminated absolute name ("." for the root), escaped where RFC 1035 §5.1
 * asks for it. Gives text. */
const char *name_to_text(const uint8_t *name, char text[static NAME_TEXT_MAX]);

/*
 * Sort keys. The labels of a name below some suffix, folded, topmost first, each followed by a
 * zero byte; bytes 0 and 1 inside a label become 1,1 and 1,2. memcmp order of keys (a shorter key
 * that is a prefix first) is the canonical order of the names; the suffix itself has the empty
 * key; no label part ever begins with a zero byte.
 */

/* name must be at or below its suffix of suffix_len bytes. Gives the key's length. */
size_t name_to_key(const uint8_t *name, size_t suffix_len,
                   uint8_t key[static NAME_KEY_MAX]);

/* The same for a folded name with NAME_PAD readable octets past its end, of which it is known where
 * its labels start: label_at, leftmost first, of the labels that stand before the suffix. */
size_t name_folded_to_key(const uint8_t *name, const uint8_t *label_at, unsigned labels,
                          size_t suffix_len, uint8_t key[static NAME_KEY_MAX]);

/* Rebuilds the folded name. Gives its length, or ERR_CORRUPT. out: NAME_MAX_LEN. */
MUST_CHECK int name_from_key(const uint8_t *key, size_t key_len, const uint8_t *suffix,
                             uint8_t *out);

int name_key_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

#endif
