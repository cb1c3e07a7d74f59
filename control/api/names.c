#include "control/api/names.h"

#include <stdio.h>

#include "shared/err.h"

enum { UNPROCESSABLE = 422 };

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ---- ids ---- */

const char *api_zone_id(const uint8_t *name, char id[static API_ID_MAX])
{
	char text[NAME_TEXT_MAX];
	char *to = id;

	if (name[0] == 0)
		return memcpy(id, "=2E", sizeof "=2E");
	for (const char *at = name_to_text(name, text); *at; at++)
		if (is_letter_or_digit(*at) || *at == '.' || *at == '-')
			*to++ = *at;
		else
			to += snprintf(to, 4, "=%02X", (unsigned)(uint8_t)*at);
	*to = '\0';
	return id;
}

/* Gives the value of a hexadecimal digit, or -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Gives the length of the name's text, or ERR_SYNTAX. */
static int decode(const char *id, char text[static NAME_TEXT_MAX])
{
	size_t len = 0;

	while (*id && len < NAME_TEXT_MAX - 2) {
		if (*id != '=') {
			text[len++] = *id++;
			continue;
		}
		int high = digit(id[1]);
		int low = high < 0 ? -1 : digit(id[2]);
		if (low < 0)
			return ERR_SYNTAX;
		text[len++] = (char)(high << 4 | low);
		id += 3;
	}
	return *id || len == 0 ? ERR_SYNTAX : (int)len;
}

int api_zone_from_id(const char *id, uint8_t name[static NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	char text[NAME_TEXT_MAX];
	int text_len = decode(id, text);

	if (text_len < 0)
		return text_len;
	int len = name_from_text(text, (size_t)text_len, root, name);
	if (len < 0)
		return ERR_SYNTAX;
	name_fold(name, (size_t)len);
	return 0;
}

/* ---- names ---- */

int api_name_read(const char *text, uint8_t name[static NAME_MAX_LEN],
                  struct api_fault *f)
{
	size_t text_len = strlen(text);

	if (text_len == 0 || text[text_len - 1] != '.')
		return api_refuse(f, UNPROCESSABLE, "DNS Name '%s' is not canonical",
		                  text);
	int len = name_from_text(text, text_len, NULL, name);
	if (len < 0)
		return api_refuse(f, UNPROCESSABLE, "Unable to parse DNS Name '%s': %s",
		                  text, err_text(len));
	name_fold(name, (size_t)len);
	return 0;
}

static bool is_allowed(const char *text)
{
	if (text[0] == '*' && text[1] == '.')
		text++;
	for (; *text; text++)
		if (!is_letter_or_digit(*text) && !strchr("_/.-", *text))
			return false;
	return true;
}

int api_new_name_read(const char *text, uint8_t name[static NAME_MAX_LEN],
                      struct api_fault *f)
{
	TRY(api_name_read(text, name, f));
	if (!is_allowed(text))
		return api_refuse(f, UNPROCESSABLE,
		                  "Name '%s' contains unsupported characters", text);
	return 0;
}

bool api_is_hostname(const uint8_t *name)
{
	for (const uint8_t *label = name; *label; label += *label + 1) {
		if (label[1] == '-' || label[*label] == '-')
			return false;
		for (unsigned i = 1; i <= *label; i++)
			if (!is_letter_or_digit((char)label[i]) && label[i] != '-')
				return false;
	}
	return true;
}
