#include "control/diag_json.h"

#include <stdlib.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

static void entries_keep_their_place_whatever_they_quote(void **state)
{
	static const struct {
		enum diag_severity severity;
		const char *file, *text;
		const char *want;
	} cases[] = {
		{DIAG_ERROR, "a.zone", "text",
	         "{\"severity\":\"error\",\"file\":\"a.zone\",\"line\":3,"
	         "\"column\":7,\"rule\":\"r\",\"text\":\"text\"}"},
		{DIAG_WARNING, "a.zone", "\xff",
	         "{\"severity\":\"warning\",\"file\":\"a.zone\",\"line\":3,"
	         "\"column\":7,\"rule\":\"r\"}"},
		{DIAG_ERROR, "\xc3.zone", "text",
	         "{\"severity\":\"error\",\"line\":3,\"column\":7,\"rule\":\"r\","
	         "\"text\":\"text\"}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag d;

		diag_init(&d);
		diag_add(&d, cases[i].severity, "r", cases[i].file, 3, 7, "%s",
		         cases[i].text);
		json_t *list = diag_json(&d);
		char *text = json_dumps(json_array_get(list, 0), JSON_COMPACT);
		assert_int_equal(json_array_size(list), 1);
		assert_string_equal(text, cases[i].want);
		free(text);
		json_decref(list);
		diag_fini(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_keep_their_place_whatever_they_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
