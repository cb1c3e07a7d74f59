/*
 * What the tests of zone text share: contents from a string, and which rules spoke.
 */
#ifndef CONTROL_ZONE_TESTING_H
#define CONTROL_ZONE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/diag.h"
#include "control/zone/entry.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/name.h"

UNUSED static const uint8_t test_apex[] = "\7example";

/* A name in wire form from text, absolute or below test_apex. */
struct test_name {
	uint8_t wire[NAME_MAX_LEN];
};

UNUSED static struct test_name test_name(const char *text)
{
	struct test_name n;

	assert_true(name_from_text(text, strlen(text), test_apex, n.wire) > 0);
	return n;
}

/* What came of reading a text. */
struct test_zone {
	struct contents *contents; /* NULL when it was refused */
	int err;
	struct diag diag;
};

UNUSED static void test_zone_of(struct test_zone *z, const char *text, size_t len)
{
	diag_init(&z->diag);
	z->contents = NULL;
	z->err =
		zonefile_parse(text, len, "test.zone", test_apex, &z->contents, &z->diag);
}

UNUSED static void test_zone_fini(struct test_zone *z)
{
	contents_free(z->contents);
	diag_fini(&z->diag);
}

UNUSED static const struct diag_entry *test_rule(const struct diag *d, const char *rule)
{
	for (size_t i = 0; i < d->kept; i++)
		if (strcmp(d->entries[i].rule, rule) == 0)
			return &d->entries[i];
	return NULL;
}

/* Gives a copy of the first entry of a rule; fails when there is none. */
UNUSED static struct diag_entry test_found(const struct diag *d, const char *rule)
{
	const struct diag_entry *e = test_rule(d, rule);

	if (e)
		return *e;
	fail_msg("no diagnostic of rule %s", rule);
	return (struct diag_entry){0};
}

/* Fails unless the list is empty (rule NULL) or has an entry of this rule. */
UNUSED static void test_expect(const struct diag *d, const char *rule, const char *what)
{
	bool good = rule ? test_rule(d, rule) != NULL : d->kept == 0;

	if (good)
		return;
	print_error("%s\nexpected %s, got:\n", what, rule ? rule : "nothing");
	diag_print(d, stderr);
	fail();
}

/* Gives an owner's RRset of one type, opened; fails when it is not there. */
UNUSED static struct rrset test_rrset(const struct contents *c, const char *owner,
                                      uint16_t type)
{
	uint8_t key[NAME_KEY_MAX];
	struct test_name name = test_name(owner);
	size_t len = name_to_key(name.wire, c->apex_len, key);
	const struct contents_rrset *r = contents_find(c, key, len);
	struct rrset set;

	for (; r && r < c->rrsets + c->count && r->key_len == len; r++) {
		if (memcmp(r->key, key, len) != 0)
			break;
		if (r->type != type)
			continue;
		assert_int_equal(rrset_open(type, r->blob, r->size, &set), 0);
		return set;
	}
	fail_msg("%s has no RRset of type %u", owner, type);
	return (struct rrset){0};
}

/* The tokens of one line. The text must outlive them. */
UNUSED static struct entry test_entry(const char *text)
{
	struct entry_source source = entry_source_on(text, strlen(text));
	struct entry entry = {0};
	struct entry_error error;

	int got = entry_next(&source, &entry, &error);
	if (got < 0)
		fail_msg("%s: %s", text, error.reason);
	return entry;
}

#endif
