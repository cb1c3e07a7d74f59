/*
 * The configuration reader on arbitrary text. What it accepts is shown, and what is shown must be
 * accepted again and be shown the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *shown(const struct config *c, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	if (!to)
		abort();
	config_show(c, to);
	if (fclose(to) != 0)
		abort();
	return text;
}

static void check_round_trip(const struct config *c)
{
	struct config *again = NULL;
	struct diag diag;
	size_t size;
	size_t size_again;
	char *text = shown(c, &size);

	diag_init(&diag);
	if (config_parse(text, size, "/again.yaml", NULL, &again, &diag) < 0)
		abort();
	char *text_again = shown(again, &size_again);
	if (size != size_again || memcmp(text, text_again, size) != 0)
		abort();
	config_release(again);
	diag_fini(&diag);
	free(text);
	free(text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct diag diag;

	diag_init(&diag);
	if (config_parse((const char *)data, size, "/dir/anser.yaml", NULL, &c, &diag) ==
	    0) {
		check_round_trip(c);
		config_release(c);
	} else if (diag.errors == 0) {
		abort();
	}
	diag_fini(&diag);
	return 0;
}
