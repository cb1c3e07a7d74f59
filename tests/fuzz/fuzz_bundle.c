/*
 * Requests and responses of an offline KSK, which come on sticks; the first octet says which of both it is to be. What is
 * read is written as text that reads the same, goes through values of the store unchanged, and is checked; what is a
 * value of the store is written as the same octets.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/bundle_check.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/bundle_text.h"
#include "control/sign/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t zone[] = "\7example";

static void must_hold(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_same(const struct bundle *a, const struct bundle *b)
{
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
		const struct rrset *one = &a->sets[part];
		const struct rrset *two = &b->sets[part];

		must_hold(one->count == two->count && one->size == two->size);
		/* Behind the TTLs: those of signatures become those of what they sign. */
		must_hold(!one->count ||
		          memcmp(one->bytes + 8, two->bytes + 8, one->size - 8) == 0);
	}
}

static void read_back(const struct bundles *b)
{
	char why[BUNDLE_WHY_SIZE];
	struct bundles *again;
	size_t len;
	char *text;
	FILE *to = must_open_text(&text, &len);

	must_hold(bundles_write(to, b, 1800000000) == 0);
	must_close_text(to);
	must_hold(bundles_read(text, len, zone, b->kind, &again, why) == 0);
	must_hold(again->count == b->count);
	for (size_t i = 0; i < b->count; i++) {
		must_hold(again->list[i].from == b->list[i].from);
		must_be_same(&again->list[i], &b->list[i]);
	}
	bundles_free(&again);
	free(text);
}

static void store_and_load(const struct bundles *b)
{
	struct bundles *again = bundles_new(zone, b->kind);

	for (size_t i = 0; i < b->count; i++) {
		size_t size;
		uint8_t *value = bundle_encode(&b->list[i], &size);

		must_hold(bundle_decode(value, size, b->list[i].from, again) == 0);
		must_be_same(&again->list[i], &b->list[i]);
		free(value);
	}
	bundles_free(&again);
}

static void check(const struct bundles *b)
{
	const struct sign_policy policy = sign_policy_default();
	const struct rrset *set = &b->list[0].sets[BUNDLE_DNSKEY];
	const struct bundle_zsk zsk = {rrset_first_record(set), 1, BUNDLE_FOREVER};
	const struct bundle_terms t = {.policy = &policy, .zsks = &zsk, .zsk_count = 1};
	char why[BUNDLE_WHY_SIZE] = "";
	struct bundle_span span;

	int err = bundle_check(b, &t, &span, why);
	must_hold((err == 0 || b->kind == BUNDLE_REQUEST) == (why[0] == '\0'));
	must_hold(err < 0 || (span.from == b->list[0].from && span.until > span.from));
}

static void check_text(const char *text, size_t size, enum bundle_kind kind)
{
	char why[BUNDLE_WHY_SIZE] = "";
	struct bundles *b = NULL;

	if (bundles_read(text, size, zone, kind, &b, why) < 0) {
		must_hold(why[0] != '\0' && !b);
		return;
	}
	read_back(b);
	store_and_load(b);
	check(b);
	bundles_free(&b);
}

static void check_value(const uint8_t *data, size_t size)
{
	struct bundles *b = bundles_new(zone, BUNDLE_RESPONSE);

	if (bundle_decode(data, size, 1, b) == 0) {
		size_t again_size;
		uint8_t *again = bundle_encode(&b->list[0], &again_size);

		must_hold(again_size == size && memcmp(again, data, size) == 0);
		free(again);
		check(b);
	}
	must_hold(b->count <= 1);
	bundles_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	check_text((const char *)data + 1, size - 1,
	           data[0] & 1 ? BUNDLE_RESPONSE : BUNDLE_REQUEST);
	check_value(data, size);
	return 0;
}
