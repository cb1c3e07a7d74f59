#include "control/zone/entry.h"

#include "control/zone/testing.h"

/* Entries as "word|word" with one line of the table per entry; a quoted word has its quotes. */
static void show(const struct entry *e, char *out, size_t size)
{
	size_t at = (size_t)snprintf(out, size, "%s", e->blank ? "~" : "");

	for (size_t i = 0; i < e->count; i++) {
		const struct entry_token *t = &e->tokens[i];
		at += (size_t)snprintf(out + at, size - at, "%s%s%.*s%s", i ? "|" : "",
		                       t->quoted ? "\"" : "", (int)t->len, t->text,
		                       t->quoted ? "\"" : "");
	}
}

static void entries_are_split_into_tokens(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *first;
		unsigned line;
	} cases[] = {
		{"a b c\n", "a|b|c", 1},
		{"a b c", "a|b|c", 1},
		{"a\tb\t \tc\r\n", "a|b|c", 1},
		{"  b c\n", "~b|c", 1},
		{"\n\n; comment\n \t ; another\na ; b\n", "a", 5},
		{"a ( b\nc ; (\n) d\n", "a|b|c|d", 1},
		{"a ( b ( c ) d ) e\n", "a|b|c|d|e", 1},
		{"(\n a )\n", "a", 2},
		{"a(b)c\n", "a|b|c", 1},
		{"a \"b c\" d\n", "a|\"b c\"|d", 1},
		{"a \"\" \";()\"\n", "a|\"\"|\";()\"", 1},
		{"a \"b\"\"c\"\n", "a|\"b\"|\"c\"", 1},
		{"a b\"c\"\n", "a|b|\"c\"", 1},
		{"a \"x\\\"y\" \\; \\( \\\" \\\\\n", "a|\"x\\\"y\"|\\;|\\(|\\\"|\\\\", 1},
		{"a alpn=\"h2,h3\" b=\"\\\" ;\"\n", "a|alpn=\"h2,h3\"|b=\"\\\" ;\"", 1},
		{"a\\ b c\n", "a\\ b|c", 1},
		{"\xc3\xa4 A\n", "\xc3\xa4|A", 1},
	};
	char shown[256];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry e = test_entry(cases[i].text);
		show(&e, shown, sizeof shown);
		assert_string_equal(shown, cases[i].first);
		assert_int_equal(e.line, cases[i].line);
		entry_fini(&e);
	}
}

static void text_without_tokens_has_no_entry(void **state)
{
	(void)state;
	static const char *const texts[] = {"",     "\n",      " \t\r\n", "; only this",
	                                    "()\n", "(\n)\n\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct entry e = test_entry(texts[i]);
		assert_int_equal(e.count, 0);
		entry_fini(&e);
	}
}

struct bad {
	const char *text;
	size_t len;
	const char *rule;
	unsigned line; /* where the error is said to be */
	unsigned column;
	const char *next; /* the entry with which reading goes on */
};

#define BAD(text, ...)                              \
	{                                           \
		text, sizeof(text) - 1, __VA_ARGS__ \
	}

static void errors_name_their_place_and_reading_goes_on(void **state)
{
	(void)state;
	static const struct bad cases[] = {
		BAD("a \"b\nc d\n", "unbalanced-quotes", 1, 3, "c|d"),
		BAD("a \"b", "unbalanced-quotes", 1, 3, NULL),
		BAD("a\nb ( c\nd \"e\n", "unbalanced-quotes", 3, 3, NULL),
		BAD("a k=\"b\nc\n", "unbalanced-quotes", 1, 5, "c"),
		BAD("a ( b\nc d\n", "unbalanced-parentheses", 1, 3, "c|d"),
		BAD("a (\n(\n)\n", "unbalanced-parentheses", 1, 3, NULL),
		BAD("a ) b\nc\n", "unbalanced-parentheses", 1, 3, "c"),
		BAD("a ( b ) )\nc\n", "unbalanced-parentheses", 1, 9, "c"),
		BAD("a b\\\nc\n", "escape-at-line-end", 1, 4, "c"),
		BAD("a \"b\\\nc\n", "escape-at-line-end", 1, 5, "c"),
		BAD("a b\\", "escape-at-line-end", 1, 4, NULL),
		BAD("a b\0c\nd\n", "nul-byte", 1, 4, "d"),
		BAD("a \0\nd\n", "nul-byte", 1, 3, "d"),
		BAD("a \"\0\"\nd\n", "nul-byte", 1, 4, "d"),
		BAD("a \\\0\nd\n", "nul-byte", 1, 3, "d"),
		BAD("a ; \0\nd\n", "nul-byte", 1, 3, "d"),
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry_source s = entry_source_on(cases[i].text, cases[i].len);
		struct entry e = {0};
		struct entry_error error = {0};
		char shown[64];
		int got;

		while ((got = entry_next(&s, &e, &error)) > 0)
			;
		assert_int_equal(got, ERR_SYNTAX);
		assert_string_equal(error.rule, cases[i].rule);
		assert_int_equal(error.line, cases[i].line);
		assert_int_equal(entry_column(&s, error.at), cases[i].column);
		if (cases[i].next) {
			assert_int_equal(entry_next(&s, &e, &error), 1);
			show(&e, shown, sizeof shown);
			assert_string_equal(shown, cases[i].next);
		}
		entry_fini(&e);
	}
}

static void lines_are_counted_through_everything(void **state)
{
	(void)state;
	const char *text = "a (\n1\n) ; x\n\n\"q\" ;\nlast\n";
	struct entry_source s = entry_source_on(text, strlen(text));
	struct entry e = {0};
	struct entry_error error;

	assert_int_equal(entry_next(&s, &e, &error), 1);
	assert_int_equal(e.line, 1);
	assert_int_equal(e.tokens[1].line, 2);
	assert_int_equal(entry_next(&s, &e, &error), 1);
	assert_int_equal(e.line, 5);
	assert_int_equal(entry_next(&s, &e, &error), 1);
	assert_int_equal(e.line, 6);
	assert_int_equal(entry_next(&s, &e, &error), 0);
	entry_fini(&e);
}

static void an_endless_entry_is_cut_off(void **state)
{
	(void)state;
	size_t len = 2 * (ENTRY_TOKENS_MAX + 10);
	char *text = malloc(len);
	struct entry e = {0};
	struct entry_error error = {0};

	for (size_t i = 0; i < len; i += 2)
		memcpy(text + i, i ? "a " : "( ", 2);
	struct entry_source s = entry_source_on(text, len);
	assert_int_equal(entry_next(&s, &e, &error), ERR_SYNTAX);
	assert_string_equal(error.rule, "unbalanced-parentheses");
	text[0] = ' ';
	s = entry_source_on(text, len);
	assert_int_equal(entry_next(&s, &e, &error), ERR_SYNTAX);
	assert_string_equal(error.rule, "entry-too-long");
	entry_fini(&e);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_split_into_tokens),
		cmocka_unit_test(text_without_tokens_has_no_entry),
		cmocka_unit_test(errors_name_their_place_and_reading_goes_on),
		cmocka_unit_test(lines_are_counted_through_everything),
		cmocka_unit_test(an_endless_entry_is_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
