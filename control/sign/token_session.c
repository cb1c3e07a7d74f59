/*
 * Sessions with a token: reaching it, logging in, and doing so again after it was lost.
 *
 * Whoever signs takes a session, makes one signature and puts it back. So there are as many as threads that sign at the
 * same moment, or as the token allows: who finds none waits for one, which is not for long, because nobody
 * waits for anything while he has one. That is what lets any number of threads sign a zone with a token's key.
 *
 * An HSM that was restarted, a card that was taken out, a session that has ended: each shows in a call that fails. The
 * token is stale then. When the last session is back it is left altogether, library included, and the next who wants it
 * reaches it as if for the first time. Handles of before are known by their epoch.
 *
 * Libraries use OpenSSL too, some of them, and leave notes of its errors for the thread: these are not ours.
 *
 * A wrong PIN is tried once: after a few of them a token locks itself.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "control/access/secret_file.h"
#include "control/must.h"
#include "control/sign/token_internal.h"
#include "shared/err.h"

enum { SLOTS_MAX = 256 };

int token_complain(const struct token *t, const char *what, CK_RV rv, int err,
                   char why[static TOKEN_WHY_SIZE])
{
	(void)snprintf(why, TOKEN_WHY_SIZE, "token %s: %s: %s (0x%lx)", t->label, what,
	               p11_kit_strerror(rv), rv);
	return err;
}

static int complain_text(const struct token *t, const char *what, int err, char *why)
{
	(void)snprintf(why, TOKEN_WHY_SIZE, "token %s: %.400s", t->label, what);
	return err;
}

bool token_was_lost(CK_RV rv)
{
	switch (rv) {
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_DEVICE_ERROR:
	case CKR_DEVICE_REMOVED:
	case CKR_GENERAL_ERROR:
	case CKR_KEY_HANDLE_INVALID:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SLOT_ID_INVALID:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_USER_NOT_LOGGED_IN: return true;
	default: return false;
	}
}

/* ---- reaching it; all of this under the lock ---- */

static int load(struct token *t, char *why)
{
	const char *path = p11_kit_uri_get_module_path(t->uri);
	CK_FUNCTION_LIST *module;

	if (access(path, R_OK) < 0) {
		char what[TOKEN_WHY_SIZE];
		(void)snprintf(what, sizeof what, "%s: %s", path, strerror(errno));
		return complain_text(t, what, ERR_INVALID, why);
	}
	p11_kit_be_quiet(); /* it would write to stderr; what is wrong is said in why */
	module = p11_kit_module_load(path, 0);
	if (!module)
		return complain_text(t, "module-path is no PKCS#11 library", ERR_INVALID,
		                     why);
	CK_RV rv = p11_kit_module_initialize(module);
	if (rv != CKR_OK) {
		p11_kit_module_release(module);
		return token_complain(t, "its library does not start", rv, ERR_GONE, why);
	}
	t->module = module;
	return 0;
}

static bool is_meant(struct token *t, CK_SLOT_ID slot)
{
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(t->uri);
	CK_SLOT_INFO info;

	return (wanted == (CK_SLOT_ID)-1 || wanted == slot) &&
	       t->module->C_GetSlotInfo(slot, &info) == CKR_OK &&
	       p11_kit_uri_match_slot_info(t->uri, &info) &&
	       t->module->C_GetTokenInfo(slot, &t->info) == CKR_OK &&
	       p11_kit_uri_match_token_info(t->uri, &t->info);
}

static int find_slot(struct token *t, char *why)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_INFO library;

	CK_RV rv = t->module->C_GetInfo(&library);
	if (rv == CKR_OK)
		rv = t->module->C_GetSlotList(CK_TRUE, slots, &count);
	if (rv != CKR_OK)
		return token_complain(t, "its library has no slots", rv, ERR_GONE, why);
	if (!p11_kit_uri_match_module_info(t->uri, &library))
		return complain_text(t, "module-path is another library than it says",
		                     ERR_GONE, why);
	for (CK_ULONG i = 0; i < count; i++) {
		if (!is_meant(t, slots[i]))
			continue;
		t->slot = slots[i];
		return 0;
	}
	return complain_text(t, "its library has no such token", ERR_GONE, why);
}

/* Gives the PIN, without the end of the line; NULL: the token has a pad for it. */
static int read_pin(const struct token *t, char **out, char *why)
{
	char what[TOKEN_WHY_SIZE];

	if (!t->pin_path && (t->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)) {
		*out = NULL;
		return 0;
	}
	if (!t->pin_path)
		return complain_text(t, "it wants a PIN, and there is no pin-source",
		                     ERR_DENIED, why);
	if (secret_file_read(t->pin_path, out, what, sizeof what) < 0)
		return complain_text(t, what, ERR_REFUSED, why);
	size_t len = strcspn(*out, "\r\n");
	OPENSSL_cleanse(*out + len, strlen(*out + len));
	return 0;
}

static bool is_about_the_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
	       rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED;
}

static int try_pin(struct token *t, CK_SESSION_HANDLE session, char *pin, char *why)
{
	CK_RV rv = t->module->C_Login(session, CKU_USER, (unsigned char *)pin,
	                              pin ? strlen(pin) : 0);

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	if (!is_about_the_pin(rv))
		return token_complain(t, "it does not let us in", rv, ERR_GONE, why);
	atomic_store_explicit(&t->pin_refused, true, memory_order_relaxed);
	return token_complain(t, "it does not let us in", rv, ERR_DENIED, why);
}

static int log_in(struct token *t, CK_SESSION_HANDLE session, char *why)
{
	char *pin = NULL;

	if (!(t->info.flags & CKF_LOGIN_REQUIRED))
		return 0;
	if (t->info.flags & CKF_USER_PIN_LOCKED)
		return complain_text(t, "its PIN is locked", ERR_DENIED, why);
	if (t->info.flags & CKF_USER_PIN_FINAL_TRY)
		return complain_text(t,
		                     "one wrong PIN more would lock it: log in by hand",
		                     ERR_DENIED, why);
	if (atomic_load_explicit(&t->pin_refused, memory_order_relaxed))
		return complain_text(t,
		                     "it has refused the PIN, which is not tried again "
		                     "before the configuration is read again",
		                     ERR_DENIED, why);
	TRY(read_pin(t, &pin, why));
	int err = try_pin(t, session, pin, why);
	if (pin)
		OPENSSL_cleanse(pin, strlen(pin));
	free(pin);
	return err;
}

static int open_first(struct token *t, char *why)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = t->module->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL,
	                                    &session);

	if (rv != CKR_OK)
		return token_complain(t, "no session", rv, ERR_GONE, why);
	int err = log_in(t, session, why);
	if (err < 0) {
		(void)t->module->C_CloseSession(session);
		return err;
	}
	t->idle[t->idle_count++] = session;
	return 0;
}

void token_leave(struct token *t)
{
	if (!t->module)
		return;
	while (t->idle_count > 0)
		(void)t->module->C_CloseSession(t->idle[--t->idle_count]);
	(void)p11_kit_module_finalize(t->module);
	p11_kit_module_release(t->module);
	t->module = NULL;
	t->stale = false;
	t->epoch++;
	ERR_clear_error();
}

static int reach(struct token *t, char *why)
{
	TRY(load(t, why));
	int err = find_slot(t, why);
	if (err == 0)
		err = open_first(t, why);
	if (err < 0)
		token_leave(t);
	return err;
}

/* ---- taking sessions ---- */

/* Sees to it that the token is reached, and not stale. */
static int settle(struct token *t, char *why)
{
	while (t->stale && t->busy > 0)
		(void)pthread_cond_wait(&t->released, &t->lock);
	if (t->stale)
		token_leave(t);
	return t->module ? 0 : reach(t, why);
}

static CK_RV open_one(struct token *t, CK_SESSION_HANDLE *out)
{
	if (t->idle_count > 0) {
		*out = t->idle[--t->idle_count];
		return CKR_OK;
	}
	if (t->busy == TOKEN_SESSIONS_MAX)
		return CKR_SESSION_COUNT;
	return t->module->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, out);
}

static int take(struct token *t, struct token_session *out, char *why)
{
	for (bool again = true;;) {
		CK_SESSION_HANDLE session;

		TRY(settle(t, why));
		CK_RV rv = open_one(t, &session);
		if (rv == CKR_OK) {
			*out = (struct token_session){t->module, session, t->slot,
			                              t->epoch};
			t->busy++;
			return 0;
		}
		if (rv == CKR_SESSION_COUNT && t->busy > 0) {
			(void)pthread_cond_wait(&t->released, &t->lock);
			continue;
		}
		t->stale = token_was_lost(rv);
		if (!again || !t->stale)
			return token_complain(t, "no session", rv, ERR_GONE, why);
		again = false;
	}
}

int token_acquire(struct token *t, struct token_session *out,
                  char why[static TOKEN_WHY_SIZE])
{
	(void)pthread_mutex_lock(&t->lock);
	int err = take(t, out, why);
	(void)pthread_mutex_unlock(&t->lock);
	ERR_clear_error();
	return err;
}

void token_put_back(struct token *t, const struct token_session *s, CK_RV rv)
{
	(void)pthread_mutex_lock(&t->lock);
	t->stale |= token_was_lost(rv);
	t->idle[t->idle_count++] = s->handle;
	t->busy--;
	(void)pthread_cond_broadcast(&t->released);
	(void)pthread_mutex_unlock(&t->lock);
	ERR_clear_error();
}
