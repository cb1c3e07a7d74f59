/*
 * Error codes of the control side and the shared code: 0 is success, every error is negative.
 *
 * Out-parameters are written only on success. The data plane's packet path has no error codes.
 */
#ifndef SHARED_ERR_H
#define SHARED_ERR_H

enum err {
	ERR_NONE = 0,
#define ERR(name, text) ERR_INDEX_##name,
#include "shared/err.def"
#undef ERR
};

enum {
#define ERR(name, text) ERR_##name = -(int)ERR_INDEX_##name,
#include "shared/err.def"
#undef ERR
};

/* Gives a static string for any value, known or not. */
const char *err_text(int err);

/* Passes an error up when there is nothing to undo. */
#define TRY(expr)                       \
	do {                            \
		int try_err = (expr);   \
		if (try_err < 0)        \
			return try_err; \
	} while (0)

#endif
