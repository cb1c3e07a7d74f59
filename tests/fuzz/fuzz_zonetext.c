/*
 * Zone text from hostile bytes, through the reader and the checks; whatever is accepted must be
 * written as text that reads back to the same RRsets. The first octet chooses the apex.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/diag.h"
#include "control/zone/contents.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read by LeakSanitizer: ldns 1.8 leaks a few octets of IPSECKEY and CERT text that it refuses. */
// NOLINTBEGIN(readability-identifier-naming)
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libldns\n";
}
// NOLINTEND(readability-identifier-naming)

static const uint8_t root[] = "";
static const uint8_t example[] = "\7example";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void write_all(const struct contents *c, FILE *to)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;

		must(name_from_key(r->key, r->key_len, c->apex, owner) > 0);
		must(rrset_open(r->type, r->blob, r->size, &set) == 0);
		must(zonefile_write_rrset(to, owner, &set) == 0);
	}
}

static void must_be_same(const struct contents *a, const struct contents *b)
{
	must(a->count == b->count && a->records == b->records);
	for (size_t i = 0; i < a->count; i++) {
		const struct contents_rrset *x = &a->rrsets[i];
		const struct contents_rrset *y = &b->rrsets[i];

		must(x->type == y->type && x->key_len == y->key_len &&
		     x->size == y->size);
		must(memcmp(x->key, y->key, x->key_len) == 0);
		must(memcmp(x->blob, y->blob, x->size) == 0);
		must(i == 0 ||
		     name_key_compare(x[-1].key, x[-1].key_len, x->key, x->key_len) <= 0);
	}
}

static void read_back(const struct contents *c, struct diag *diag)
{
	struct contents *again = NULL;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	must(to != NULL);
	write_all(c, to);
	must(fclose(to) == 0);
	must(zonefile_parse(text, len, "again", c->apex, &again, diag) == 0);
	must_be_same(c, again);
	contents_free(again);
	free(text);
}

/* A few directives make more records than a fuzzer has time for. */
static bool generates_much(const uint8_t *data, size_t size)
{
	unsigned found = 0;

	for (size_t i = 0; i + 4 <= size; i++)
		found += data[i] == '$' && (data[i + 1] | 0x20) == 'g';
	return found > 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct contents *c = NULL;
	struct diag *diag;

	if (size == 0 || generates_much(data, size))
		return 0;
	diag = malloc(sizeof *diag);
	must(diag != NULL);
	diag_init(diag);
	const uint8_t *apex = data[0] & 1 ? root : example;
	int err =
		zonefile_parse((const char *)data + 1, size - 1, "fuzz", apex, &c, diag);
	must((err == 0) == (c != NULL));
	must((err == 0) == (diag->errors == 0));
	if (c) {
		read_back(c, diag);
		err = contents_check(c, diag);
		must((err == 0) == (diag->errors == 0));
		contents_free(c);
	}
	diag_fini(diag);
	free(diag);
	return 0;
}
