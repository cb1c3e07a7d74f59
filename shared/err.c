#include "shared/err.h"

const char *err_text(int err)
{
	switch (err) {
	case ERR_NONE: return "success";
#define ERR(name, text)  \
	case ERR_##name: \
		return text;
#include "shared/err.def"
#undef ERR
	default: return "unknown error";
	}
}
