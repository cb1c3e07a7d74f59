#include "control/api/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t zone[] = "\1e\4test";

enum { NOW = 1700000000 };

/* A change of one zone, made of "rrsets". */
struct reading {
	struct change *change;
	struct api_fault fault;
	int err;
};

static struct reading read_rrsets(const char *text, enum patch_form form)
{
	struct actor *actor = actor_new(ACTOR_KEY, ROLE_ADMIN, "test");
	struct reading r = {.change = change_new(actor)};
	json_error_t error;
	json_t *object =
		json_pack("{s:o}", "rrsets", json_loads(text, JSON_DECODE_ANY, &error));

	actor_release(&actor);
	assert_non_null(object);
	(void)change_zone(r.change, ZONE_EDIT, zone);
	r.err = patch_read(object, form, r.change, NOW, &r.fault);
	json_decref(object);
	return r;
}

static void done(struct reading *r)
{
	change_free(&r->change);
	api_fault_fini(&r->fault);
}

#define A_  "\"name\": \"a.e.test.\", \"type\": \"A\""
#define ONE "\"records\": [{\"content\": \"192.0.2.1\"}]"

static void refusals_are_in_the_words_of_powerdns(void **state)
{
	static const struct {
		const char *rrsets, *fault;
	} cases[] = {
		{"[{}]", "Key 'changetype' not present or not a String"},
		{"[{\"changetype\": \"DELETE\"}]",
	         "Key 'name' not present or not a String"},
		{"[{\"changetype\": \"DELETE\", \"name\": \"a.e.test.\"}]",
	         "Key 'type' not present or not a String"},
		{"[{" A_ ", \"changetype\": \"CHANGE\"}]",
	         "Changetype 'CHANGE' is not a valid value"},
		{"[{" A_ ", \"changetype\": \"REPLACE\"}]",
	         "No change for RRset a.e.test. IN A"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"records\": 5}]",
	         "No change for RRset a.e.test. IN A"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", " ONE "}]",
	         "Key 'ttl' not an Integer or not present"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"ttl\": \"5x\", " ONE "}]",
	         "Key 'ttl' not an Integer or not present"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"ttl\": 2147483648, " ONE "}]",
	         "Key 'ttl' is not a positive Integer"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"ttl\": 5, \"records\": [{}]}]",
	         "Key 'content' not present or not a String"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"ttl\": 5, \"records\": "
	         "[{\"content\": \"192.0.2.1\", \"priority\": 1}]}]",
	         "`priority` element is not allowed in record"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"ttl\": 5, \"records\": "
	         "[{\"content\": \"192.0.2.1\"}, {\"content\": \"192.0.2.1\", "
	         "\"disabled\": true}]}]",
	         "Duplicate record in RRset a.e.test. IN A with content \"192.0.2.1\""},
		{"[{\"name\": \"a.e.test.\", \"type\": \"CNAME\", \"changetype\": "
	         "\"REPLACE\", \"ttl\": 5, \"records\": [{\"content\": \"a.\"}, "
	         "{\"content\": \"b.\"}]}]",
	         "RRset a.e.test. IN CNAME has more than one record"},
		{"[{\"name\": \"a.e.test.\", \"type\": \"MX\", \"changetype\": "
	         "\"REPLACE\", \"ttl\": 5, \"records\": [{\"content\": \"1 a_b.\"}]}]",
	         "RRset a.e.test. IN MX non-hostname content a_b."},
		{"[{\"name\": \"x.\", \"type\": \"A\", \"changetype\": \"REPLACE\", "
	         "\"ttl\": 5, " ONE "}]",
	         "RRset x. IN A: Name is out of zone"},
		{"[{\"name\": \"a.e.test.\", \"type\": \"LUA\", \"changetype\": "
	         "\"REPLACE\", \"ttl\": 5, " ONE "}]",
	         "RRset a.e.test. IN LUA: unknown type given"},
		{"[{\"name\": \"a.e.test.\", \"type\": \"ANY\", \"changetype\": "
	         "\"EXTEND\", " ONE "}]",
	         "RRset a.e.test. IN ANY: invalid type given"},
		{"[{" A_ ", \"changetype\": \"EXTEND\"}]",
	         "Changetype 'EXTEND' of RRset a.e.test. IN A needs exactly one record"},
		{"[{" A_ ", \"changetype\": \"delete\"}, {" A_
	         ", \"changetype\": \"DELETE\"}]",
	         "Duplicate RRset a.e.test. IN A with changetype: DELETE"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"comments\": [{\"content\": "
	         "\"c\"}]}]",
	         "Key 'account' not present or not a String"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reading r = read_rrsets(cases[i].rrsets, PATCH_CHANGES);
		assert_int_equal(r.err, ERR_REFUSED);
		assert_int_equal(r.fault.status, 422);
		assert_string_equal(r.fault.text, cases[i].fault);
		done(&r);
	}
}

static void replacement_has_records_disabled_ones_and_comments(void **state)
{
	struct reading r = read_rrsets(
		"[{\"name\": \"WWW.e.test.\", \"type\": \"a\", \"changetype\": \"Replace\", "
		"\"ttl\": \"77\", \"set-ptr\": 1, \"records\": [{\"content\": \"192.0.2.1\", "
		"\"ttl\": 1}, {\"content\": \"192.0.2.2\", \"disabled\": true}], "
		"\"comments\": [{\"account\": \"me\", \"content\": \"hi\"}, {\"account\": "
		"\"me\", \"content\": \"ho\", \"modified_at\": 5}]}]",
		PATCH_CHANGES);
	const struct zone_change *z = &r.change->zones[0];

	(void)state;
	assert_int_equal(r.err, 0);
	assert_int_equal(z->edit_count, 1);
	const struct edit *e = &z->edits[0];
	assert_int_equal(e->kind, EDIT_REPLACE);
	assert_int_equal(e->type, RRTYPE_A);
	assert_int_equal(e->ttl, 77);
	assert_memory_equal(e->owner, "\3www\1e\4test", 12);
	assert_true(e->set_records && e->set_comments);
	assert_int_equal(e->blob_size, RRSET_HEADER + 2 + 4);
	assert_int_equal(e->hidden_size, RRSET_HEADER + 2 + 4);
	assert_int_equal(e->comment_count, 2);
	assert_int_equal(e->comments[0].modified_at, NOW);
	assert_int_equal(e->comments[1].modified_at, 5);
	assert_int_equal(z->serial, SERIAL_BY_POLICY);
	done(&r);
}

static void comments_stay_unless_they_are_named_or_the_last_record_goes(void **state)
{
	static const struct {
		const char *members;
		bool records, comments;
	} cases[] = {
		{"\"ttl\": 5, " ONE, true, false},
		{"\"ttl\": 5, \"comments\": [], " ONE, true, true},
		{"\"comments\": []", false, true},
		{"\"records\": []", true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		(void)snprintf(text, sizeof text,
		               "[{" A_ ", \"changetype\": \"REPLACE\", %s}]",
		               cases[i].members);
		struct reading r = read_rrsets(text, PATCH_CHANGES);
		assert_int_equal(r.err, 0);
		const struct edit *e = &r.change->zones[0].edits[0];
		assert_int_equal(e->set_records, cases[i].records);
		assert_int_equal(e->set_comments, cases[i].comments);
		done(&r);
	}
}

static void deletion_needs_nothing_and_passes_over_what_cannot_be_there(void **state)
{
	struct reading r = read_rrsets(
		"[{" A_
		", \"changetype\": \"DELETE\", \"records\": [{}], \"ttl\": null}, "
		"{\"name\": \"else.where.\", \"type\": \"A\", \"changetype\": \"DELETE\"}]",
		PATCH_CHANGES);

	(void)state;
	assert_int_equal(r.err, 0);
	assert_int_equal(r.change->zones[0].edit_count, 1);
	assert_int_equal(r.change->zones[0].edits[0].kind, EDIT_DELETE);
	done(&r);
}

static void extension_without_ttl_takes_that_of_the_rrset(void **state)
{
	struct reading r = read_rrsets(
		"[{" A_ ", \"changetype\": \"EXTEND\", " ONE "}, {" A_
		", \"changetype\": \"PRUNE\", \"ttl\": 9, \"write_unchanged\": true, " ONE
		"}]",
		PATCH_CHANGES);
	const struct edit *e = r.change->zones[0].edits;

	(void)state;
	assert_int_equal(r.err, 0);
	assert_true(e[0].keep_ttl && e[0].ttl > 0 && !e[0].even_unchanged);
	assert_true(!e[1].keep_ttl && e[1].ttl == 9 && e[1].even_unchanged);
	done(&r);
}

static void soa_of_the_client_keeps_its_serial(void **state)
{
	struct reading r = read_rrsets(
		"[{\"name\": \"e.test.\", \"type\": \"SOA\", \"changetype\": \"REPLACE\", "
		"\"ttl\": 5, \"records\": [{\"content\": \"a. b. 1 2 3 4 5\"}]}]",
		PATCH_CHANGES);

	(void)state;
	assert_int_equal(r.err, 0);
	assert_int_equal(r.change->zones[0].serial, SERIAL_AS_GIVEN);
	done(&r);
}

static void contents_pass_over_the_changetype(void **state)
{
	struct reading r = read_rrsets(
		"[{" A_ ", \"changetype\": \"DELETE\", \"ttl\": 5, " ONE
		"}, {\"name\": \"b.e.test.\", \"type\": \"A\", \"ttl\": 5, " ONE "}]",
		PATCH_CONTENTS);

	(void)state;
	assert_int_equal(r.err, 0);
	assert_int_equal(r.change->zones[0].edit_count, 2);
	assert_int_equal(r.change->zones[0].edits[0].kind, EDIT_REPLACE);
	done(&r);
}

static void refusals_say_where(void **state)
{
	static const struct {
		const char *rrsets, *field;
	} cases[] = {
		{"1", "rrsets"},
		{"[1]", "rrsets[0].changetype"},
		{"[{" A_ ", \"changetype\": \"X\"}]", "rrsets[0].changetype"},
		{"[{\"changetype\": \"DELETE\", \"name\": \"a\", \"type\": \"A\"}]",
	         "rrsets[0].name"},
		{"[{\"changetype\": \"REPLACE\", \"name\": \"a.\", \"type\": \"A\"}]",
	         "rrsets[0].name"},
		{"[{\"changetype\": \"REPLACE\", \"name\": \"e.test.\", \"type\": "
	         "\"FOO\"}]",
	         "rrsets[0].type"},
		{"[{\"changetype\": \"REPLACE\", \"name\": \"e.test.\", \"type\": "
	         "\"ANY\"}]",
	         "rrsets[0].type"},
		{"[{" A_ ", \"changetype\": \"DELETE\"}, {" A_
	         ", \"changetype\": \"REPLACE\", " ONE "}]",
	         "rrsets[1].ttl"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"ttl\": 1, \"records\": [{}]}]",
	         "rrsets[0].records[0].content"},
		{"[{" A_ ", \"changetype\": \"REPLACE\", \"comments\": [{\"account\": "
	         "\"\", \"content\": \"\", \"modified_at\": \"x\"}]}]",
	         "rrsets[0].comments[0].modified_at"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reading r = read_rrsets(cases[i].rrsets, PATCH_CHANGES);
		assert_int_equal(r.err, ERR_REFUSED);
		assert_string_equal(r.fault.field, cases[i].field);
		done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_in_the_words_of_powerdns),
		cmocka_unit_test(refusals_say_where),
		cmocka_unit_test(replacement_has_records_disabled_ones_and_comments),
		cmocka_unit_test(
			comments_stay_unless_they_are_named_or_the_last_record_goes),
		cmocka_unit_test(
			deletion_needs_nothing_and_passes_over_what_cannot_be_there),
		cmocka_unit_test(extension_without_ttl_takes_that_of_the_rrset),
		cmocka_unit_test(soa_of_the_client_keeps_its_serial),
		cmocka_unit_test(contents_pass_over_the_changetype),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
