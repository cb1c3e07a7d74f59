#include "control/sign/algorithm.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"

static const struct sign_algorithm_facts algorithms[] = {
#define SIGN_ALGORITHM(number, name, text, type, group, digest, public, signature) \
	{number, public, signature, text, type, group, digest},
#include "control/sign/algorithms.def"
#undef SIGN_ALGORITHM
};

const struct sign_algorithm_facts *sign_algorithm(uint8_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (algorithms[i].number == number)
			return &algorithms[i];
	return NULL;
}

static bool is_number(const char *text, uint8_t number)
{
	char digits[4];

	(void)snprintf(digits, sizeof digits, "%u", (unsigned)number);
	return strcmp(text, digits) == 0;
}

int sign_algorithm_from_text(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (strcasecmp(text, algorithms[i].name) == 0 ||
		    is_number(text, algorithms[i].number))
			return algorithms[i].number;
	return ERR_NOTFOUND;
}
