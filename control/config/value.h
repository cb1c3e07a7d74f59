/*
 * One value of one option: from text, to text, and its default. Internal to control/config.
 */
#ifndef CONTROL_CONFIG_VALUE_H
#define CONTROL_CONFIG_VALUE_H

#include <stdio.h>

#include "control/config/config.h"
#include "control/config/options.h"
#include "shared/compiler.h"

/* What is wrong with a value, in words and as a rule's name. */
struct value_problem {
	const char *rule;
	char text[512];
};

enum { VALUE_WORDS_SIZE = 96 };

/* Writes the words that an option of this kind may have: "auto, native or generic". */
const char *value_words(enum option_kind kind, char text[static VALUE_WORDS_SIZE]);

/* The word of one value. */
const char *value_word(enum option_kind kind, uint8_t value);

/* Sets the option in its object (struct config or a list item) from text; for a list option, adds
 * one element. dir: absolute, what relative paths are relative to. ERR_REFUSED with *problem. */
MUST_CHECK int value_set(const struct option *o, void *object, const char *dir,
                         const char *text, struct value_problem *problem);

/* Sets the option to text whatever it was, a list to the words in it. */
MUST_CHECK int value_replace(const struct option *o, void *object, const char *dir,
                             const char *text, struct value_problem *problem);

/* Sets the option in one object to what it is in another. */
void value_copy(const struct option *o, void *to, const void *from);

bool value_equal(const struct option *o, const void *a, const void *b);

/* Sets the option's default. */
MUST_CHECK int value_set_default(const struct option *o, void *object, const char *dir,
                                 struct value_problem *problem);

/* Prints the value as it may stand in the file. */
void value_show(const struct option *o, const void *object, FILE *to);

/* Prints text in double quotes, readable by any YAML reader whatever is in it. */
void value_show_quoted(const char *text, FILE *to);

/* Prints a number of the option's unit as the file would have it: "256K", "10s", "1232". */
void value_show_number(const struct option *o, uint64_t number, FILE *to);

/* Frees what the option owns in its object. */
void value_clear(const struct option *o, void *object);

/* The same for all options of a list's entry. */
void value_clear_item(enum section_id section, void *item);

#endif
