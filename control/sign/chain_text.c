/* Parameters of a chain as text: the record that a zone has of them, NSEC3PARAM (RFC 5155 §4.3). */
#include <stdlib.h>
#include <string.h>

#include "control/sign/chain.h"
#include "control/sign/policy.h"
#include "shared/err.h"

enum { HASH_SHA1 = 1, FLAG_OPT_OUT = 1, DIGITS_MAX = 5, OCTET_MAX = 255 };

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* Reads a number and the blanks behind it. */
static bool read_number(const char **at, unsigned long most, unsigned *out)
{
	size_t len = strspn(*at, "0123456789");
	unsigned long value = strtoul(*at, NULL, 10);

	if (len == 0 || len > DIGITS_MAX || value > most)
		return false;
	*out = (unsigned)value;
	const char *behind = *at + len;
	*at = skip_blanks(behind);
	return *at > behind || **at == '\0';
}

static uint8_t digit_of(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool read_salt(const char *at, struct chain_params *p)
{
	size_t len = strspn(at, "0123456789abcdefABCDEF");

	if (strcmp(at, "-") == 0)
		return true;
	if (len == 0 || len % 2 || len / 2 > sizeof p->salt || at[len])
		return false;
	p->salt_len = (uint8_t)(len / 2);
	for (size_t i = 0; i < p->salt_len; i++)
		p->salt[i] =
			(uint8_t)(digit_of(at[2 * i]) << 4 | digit_of(at[2 * i + 1]));
	return true;
}

int chain_params_read(const char *text, struct chain_params *out)
{
	struct chain_params p = {.kind = CHAIN_NSEC3};
	const char *at = skip_blanks(text);
	unsigned hash;
	unsigned flags;
	unsigned iterations;

	if (!read_number(&at, OCTET_MAX, &hash) || !read_number(&at, OCTET_MAX, &flags) ||
	    !read_number(&at, UINT16_MAX, &iterations) || !read_salt(at, &p))
		return ERR_SYNTAX;
	if (hash != HASH_SHA1 || flags > FLAG_OPT_OUT || iterations > SIGN_ITERATIONS_MAX)
		return ERR_RANGE;
	p.opt_out = flags == FLAG_OPT_OUT;
	p.iterations = (uint16_t)iterations;
	*out = p;
	return 0;
}
