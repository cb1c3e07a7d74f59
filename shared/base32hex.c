#include "shared/base32hex.h"

#include "shared/err.h"

size_t base32hex_encode(const uint8_t *bytes, size_t len, uint8_t *text)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	unsigned bits = 0; /* read and not written yet: the low ones of value */
	unsigned value = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		value = (value << 8 | bytes[i]) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5)
			text[n++] = (uint8_t)digits[value >> (bits - 5) & 31];
	}
	if (bits)
		text[n++] = (uint8_t)digits[value << (5 - bits) & 31];
	return n;
}

static int digit_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : ERR_SYNTAX;
}

static int check(const uint8_t *text, size_t len)
{
	if (len * 5 % 8 >= 5)
		return ERR_SYNTAX;
	for (size_t i = 0; i < len; i++)
		TRY(digit_value(text[i]));
	if (len && digit_value(text[len - 1]) & ((1 << (len * 5 % 8)) - 1))
		return ERR_SYNTAX;
	return 0;
}

int base32hex_decode(const uint8_t *text, size_t len, uint8_t *bytes)
{
	unsigned bits = 0;
	unsigned value = 0;
	size_t n = 0;

	TRY(check(text, len));
	for (size_t i = 0; i < len; i++) {
		value = (value << 5 | (unsigned)digit_value(text[i])) & 0xfff;
		bits += 5;
		if (bits < 8)
			continue;
		bits -= 8;
		bytes[n++] = (uint8_t)(value >> bits);
	}
	return (int)n;
}
