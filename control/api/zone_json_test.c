#include "control/api/zone_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/compiler.h"

static char *written(const char *text)
{
	char *out = NULL;
	size_t size;
	FILE *to = open_memstream(&out, &size);

	assert_non_null(to);
	zone_json_text(to, text);
	assert_int_equal(fclose(to), 0);
	return out;
}

static void texts_read_back_and_stand_on_one_line(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"", "\"\""},
		{"plain", "\"plain\""},
		{"\"quoted\" \\195", "\"\\\"quoted\\\" \\\\195\""},
		{"a\nb\tc\x01\x1f", "\"a\\nb\\tc\\u0001\\u001f\""},
		{"\xc3\xbc", "\"\xc3\xbc\""},
		{"</script>", "\"</script>\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *json = written(cases[i].text);
		json_t *back = json_loads(json, JSON_DECODE_ANY, NULL);

		assert_string_equal(json, cases[i].json);
		assert_string_equal(json_string_value(back), cases[i].text);
		json_decref(back);
		free(json);
	}
}

static void kinds_have_the_names_that_clients_know(void **state)
{
	(void)state;
	assert_string_equal(zone_json_kind(ZONE_KIND_NATIVE), "Native");
	assert_string_equal(zone_json_kind(ZONE_KIND_PRIMARY), "Master");
	assert_string_equal(zone_json_kind(ZONE_KIND_SECONDARY), "Slave");
	assert_string_equal(zone_json_kind(ZONE_KIND_PRODUCER), "Producer");
	assert_string_equal(zone_json_kind(ZONE_KIND_CONSUMER), "Consumer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_read_back_and_stand_on_one_line),
		cmocka_unit_test(kinds_have_the_names_that_clients_know),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
