/*
 * What the tests of catalogs share: catalogs from text in a store, and what is to be done as text.
 */
#ifndef CONTROL_CATALOG_TESTING_H
#define CONTROL_CATALOG_TESTING_H

#include "control/catalog/catalog.h"
#include "control/config/config.h"
#include "control/store/testing.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"

#define HEAD                          \
	"@ 0 SOA . . 1 60 60 600 0\n" \
	"@ 0 NS invalid.\n"
#define VERSION "version 0 TXT 2\n"

enum { SHOWN_SIZE = 4096 };

/* Puts a zone of this name; owners in its text are relative to it. */
UNUSED static struct store_zone put_catalog(struct store_txn *t, const char *name,
                                            const char *text)
{
	struct store_zone z = {.loaded = true};
	struct contents *contents;
	struct store_loader *l;
	struct diag diag;

	diag_init(&diag);
	memcpy(z.name, test_name(name).wire, sizeof z.name);
	assert_int_equal(
		zonefile_parse(text, strlen(text), "test.zone", z.name, &contents, &diag),
		0);
	diag_fini(&diag);
	assert_int_equal(store_zone_put(t, &z), 0);
	assert_int_equal(store_load_begin(t, z.id, &l), 0);
	for (size_t i = 0; i < contents->count; i++) {
		const struct contents_rrset *r = &contents->rrsets[i];
		assert_int_equal(
			store_load_put(l, r->key, r->key_len, r->type, r->blob, r->size),
			0);
	}
	store_load_end(&l);
	contents_free(contents);
	return z;
}

UNUSED static const struct config *config_of(const char *text)
{
	struct config *config;
	struct diag diag;

	diag_init(&diag);
	assert_int_equal(
		config_parse(text, strlen(text), "/f.yaml", NULL, &config, &diag), 0);
	diag_fini(&diag);
	return config;
}

static size_t show_change(const struct change *c, char *out, size_t at)
{
	static const char marks[] = {
		[ZONE_EDIT] = '~', [ZONE_CREATE] = '+', [ZONE_REMOVE] = '-'};
	char name[NAME_TEXT_MAX];

	for (size_t i = 0; c && i < c->zone_count; i++) {
		const struct zone_change *z = &c->zones[i];
		const struct zone_attrs *a = &z->attrs;

		at += (size_t)snprintf(out + at, SHOWN_SIZE - at, "%s%c%s%s%s%s%s%s%s",
		                       at ? " " : "", marks[z->kind],
		                       name_to_text(z->name, name), *a->member ? "=" : "",
		                       a->member, *a->group ? "/" : "", a->group,
		                       *a->template_name ? ":" : "", a->template_name);
	}
	return at;
}

/* "~edited -removed | +made=label/group:template"; frees them. */
UNUSED static void show_steps(struct catalog_steps *s, char out[static SHOWN_SIZE])
{
	out[0] = 0;
	size_t at = show_change(s->first, out, 0);
	if (s->second && s->second->zone_count) {
		at += (size_t)snprintf(out + at, SHOWN_SIZE - at, "%s|", at ? " " : "");
		(void)show_change(s->second, out, at);
	}
	change_free(&s->first);
	change_free(&s->second);
}

#endif
