#include "control/sign/token_shim.h"

#include <dlfcn.h>
#include <stddef.h>

#include "shared/compiler.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
#define VISIBLE __attribute__((visibility("default")))

VISIBLE struct token_shim token_shim;

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST changed;

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *out)
{
	unsigned long max = atomic_load(&token_shim.sessions_max);
	unsigned long open = atomic_fetch_add(&token_shim.sessions, 1) + 1;
	CK_RV rv = max && open > max ? CKR_SESSION_COUNT
	                             : real->C_OpenSession(slot, flags, arg, notify, out);

	if (rv != CKR_OK) {
		atomic_fetch_sub(&token_shim.sessions, 1);
		return rv;
	}
	atomic_fetch_add(&token_shim.opened, 1);
	unsigned long most = atomic_load(&token_shim.sessions_most);
	while (open > most &&
	       !atomic_compare_exchange_weak(&token_shim.sessions_most, &most, open))
		;
	return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
	atomic_fetch_sub(&token_shim.sessions, 1);
	return real->C_CloseSession(session);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *out)
{
	CK_RV rv = real->C_GetTokenInfo(slot, out);

	out->flags |= atomic_load(&token_shim.flags_set);
	return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, unsigned char *pin,
                   CK_ULONG len)
{
	static unsigned char typed[] = "a pin of 18 chars."; /* on the pad that it has */

	atomic_fetch_add(&token_shim.logins, 1);
	if (pin)
		return real->C_Login(session, who, pin, len);
	CK_RV rv = real->C_Login(session, who, typed, sizeof typed - 1);
	atomic_store(&token_shim.without_pin, rv == CKR_OK);
	return rv;
}

/* The signature is made, and its session free for another, whatever is said then. */
static CK_RV sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
                  unsigned char *signature, CK_ULONG *signature_len)
{
	unsigned long left = atomic_load(&token_shim.sign_failures);
	CK_RV rv = real->C_Sign(session, data, len, signature, signature_len);

	while (left &&
	       !atomic_compare_exchange_weak(&token_shim.sign_failures, &left, left - 1))
		;
	return left ? atomic_load(&token_shim.sign_fails_with) : rv;
}

VISIBLE CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	union {
		void *symbol;
		CK_C_GetFunctionList function;
	} get = {.symbol = library ? dlsym(library, "C_GetFunctionList") : NULL};

	if (!get.symbol || get.function(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	changed = *real;
	changed.C_OpenSession = open_session;
	changed.C_CloseSession = close_session;
	changed.C_GetTokenInfo = get_token_info;
	changed.C_Login = login;
	changed.C_Sign = sign;
	*out = &changed;
	return CKR_OK;
}
