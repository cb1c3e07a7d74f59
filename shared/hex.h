/* Bytes as text, in hexadecimal of lower case. */
#ifndef SHARED_HEX_H
#define SHARED_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes two digits for each byte, and no NUL. Gives the end. */
static inline char *hex_write(char *to, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	return to;
}

#endif
