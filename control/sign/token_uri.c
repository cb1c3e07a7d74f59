#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/token_internal.h"
#include "shared/err.h"

static int refuse(char *why, const char *what)
{
	(void)snprintf(why, TOKEN_WHY_SIZE, "%s", what);
	return ERR_INVALID;
}

int token_parse(const char *text, P11KitUri **out, char why[static TOKEN_WHY_SIZE])
{
	P11KitUri *uri = must(p11_kit_uri_new());
	int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
	const char *wrong = NULL;

	if (result != P11_KIT_URI_OK)
		wrong = p11_kit_uri_message(result);
	else if (p11_kit_uri_any_unrecognized(uri))
		wrong = "it has an attribute that is not known";
	else if (p11_kit_uri_get_pin_value(uri))
		wrong = "a PIN belongs in a file: pin-source=file:/PATH";
	else if (!p11_kit_uri_get_token_info(uri)->label[0])
		wrong = "token=LABEL is wanted";
	if (wrong) {
		p11_kit_uri_free(uri);
		return refuse(why, wrong);
	}
	*out = uri;
	return 0;
}

const char *token_pin_path(P11KitUri *uri)
{
	const char *source = p11_kit_uri_get_pin_source(uri);

	if (source && strncmp(source, "file:", 5) == 0)
		source += 5;
	if (source && strncmp(source, "///", 3) == 0)
		source += 2;
	return source;
}

int token_check_place(P11KitUri *uri, char why[static TOKEN_WHY_SIZE])
{
	const char *module = p11_kit_uri_get_module_path(uri);
	const char *pin = token_pin_path(uri);
	CK_ULONG attributes = 0;

	(void)p11_kit_uri_get_attributes(uri, &attributes);
	if (attributes > 0)
		return refuse(why, "it is of a token, and not of something in it");
	if (!module || module[0] != '/')
		return refuse(why, "module-path=/PATH of its PKCS#11 library is wanted");
	if (pin && pin[0] != '/')
		return refuse(why, "pin-source is no absolute path of a file");
	return 0;
}

int token_check(const char *uri, char why[static TOKEN_WHY_SIZE])
{
	P11KitUri *u = NULL;

	TRY(token_parse(uri, &u, why));
	int err = token_check_place(u, why);
	p11_kit_uri_free(u);
	return err;
}

void token_label(P11KitUri *uri, char out[static TOKEN_LABEL_SIZE])
{
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
	size_t len = p11_kit_space_strlen(info->label, sizeof info->label);

	memcpy(out, info->label, len); /* without a NUL, and filled up with blanks */
	out[len] = '\0';
}

bool token_is_same(const char *one, const char *other)
{
	char why[TOKEN_WHY_SIZE];
	char labels[2][TOKEN_LABEL_SIZE];
	const char *const texts[2] = {one, other};

	for (int i = 0; i < 2; i++) {
		P11KitUri *uri = NULL;
		if (token_parse(texts[i], &uri, why) < 0)
			return false;
		token_label(uri, labels[i]);
		p11_kit_uri_free(uri);
	}
	return strcmp(labels[0], labels[1]) == 0;
}
