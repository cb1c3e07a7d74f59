#include "control/catalog/catalog.h"

#include "control/catalog/testing.h"

enum { MAX = 5 };

/* Members as text: "name=label", "/group" and ">coo" where there are some, a blank behind each. */
static void show(const struct catalog *c, char *out, size_t size)
{
	size_t at = 0;
	char name[NAME_TEXT_MAX];
	char coo[NAME_TEXT_MAX];

	out[0] = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct catalog_member *m = &c->members[i];

		at += (size_t)snprintf(out + at, size - at, "%s=%s%s%s%s%s ",
		                       name_to_text(m->name, name), m->unique,
		                       *m->group ? "/" : "", m->group, m->coo ? ">" : "",
		                       m->coo ? name_to_text(m->coo, coo) : "");
	}
}

/* What catalog_read() makes of a text: its members, or why not. */
static int read_text(const char *text, char out[static CATALOG_WHY_SIZE])
{
	struct store_txn *t = begin_write();
	struct store_zone z = put_catalog(t, "example.", text);
	struct contents_arena *a = arena_new();
	struct catalog c;

	int err = catalog_read(t, &z, MAX, a, &c, out);
	if (err == 0)
		show(&c, out, CATALOG_WHY_SIZE);
	arena_free(a);
	store_abort(&t);
	return err;
}

static void catalogs_say_what_their_members_are(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *members;
	} cases[] = {
		{HEAD VERSION, ""},
		{HEAD VERSION "a.zones 0 PTR One.test.\n", "one.test.=a "},
		{HEAD VERSION "b.zones 0 PTR a.test.\na.zones 0 PTR b.test.\n"
	                      "c.zones 0 PTR x.a.test.\n",
	         "a.test.=b x.a.test.=c b.test.=a "},
		{HEAD VERSION "a.zones 0 PTR one.test.\ngroup.a.zones 0 TXT fast\n"
	                      "b.zones 0 PTR two.test.\ncoo.b.zones 0 PTR Other.\n",
	         "one.test.=a/fast two.test.=b>other. "},
		{HEAD VERSION "a.zones 0 PTR one.test.\n"
	                      "group.a.zones 0 TXT x\ngroup.a.zones 0 TXT y\n",
	         "one.test.=a/x "},
		{HEAD VERSION "\\000.zones 0 PTR one.test.\n"
	                      "group.\\000.zones 0 TXT odd\n",
	         "one.test.=\\000/odd "},
		/* What means nothing is left alone. */
		{HEAD VERSION "a.zones 0 PTR one.test.\na.zones 0 TXT x\n"
	                      "x.ext.a.zones 0 TXT x\nserial.a.zones 0 TXT 5\n"
	                      "zones 0 PTR two.test.\nzone 0 PTR two.test.\n"
	                      "group.a.zones 0 PTR two.test.\ncoo.a.zones 0 TXT x\n"
	                      "x.coo.a.zones 0 PTR two.test.\n"
	                      "group.b.zones 0 TXT nobody\ncoo.b.zones 0 PTR x.\n"
	                      "zones.zones 0 A 192.0.2.1\nzonest 0 PTR two.test.\n",
	         "one.test.=a "},
	};
	char out[CATALOG_WHY_SIZE];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(read_text(cases[i].text, out), 0);
		assert_string_equal(out, cases[i].members);
	}
}

static void broken_catalogs_say_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int err;
		const char *why;
	} cases[] = {
		{HEAD, ERR_REFUSED, "version.example. has not one TXT record"},
		{HEAD "version 0 TXT 1\n", ERR_REFUSED,
	         "version.example. has another version than 2"},
		{HEAD "version 0 TXT 2 2\n", ERR_REFUSED,
	         "version.example. has another version than 2"},
		{HEAD VERSION "version 0 TXT 3\n", ERR_REFUSED,
	         "version.example. has not one TXT record"},
		{HEAD VERSION "a.zones 0 PTR one.test.\na.zones 0 PTR two.test.\n",
	         ERR_REFUSED, "a.zones.example. has more than one PTR record"},
		{HEAD VERSION "a.zones 0 PTR one.test.\nb.zones 0 PTR ONE.test.\n",
	         ERR_REFUSED, "one.test. is a member twice"},
		{HEAD VERSION "a.zones 0 PTR one.test.\ncoo.a.zones 0 PTR x.\n"
	                      "coo.a.zones 0 PTR y.\n",
	         ERR_REFUSED, "coo.a.zones.example. has more than one PTR record"},
		{HEAD VERSION "a.zones 0 PTR a.\nb.zones 0 PTR b.\nc.zones 0 PTR c.\n"
	                      "d.zones 0 PTR d.\ne.zones 0 PTR e.\nf.zones 0 PTR f.\n",
	         ERR_LIMITED, "it has more than 5 members"},
	};
	char out[CATALOG_WHY_SIZE];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(read_text(cases[i].text, out), cases[i].err);
		assert_string_equal(out, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(catalogs_say_what_their_members_are,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(broken_catalogs_say_nothing, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
