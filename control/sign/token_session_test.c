/* Tokens that cannot be reached, that let nobody in, that go away and come back. */
#include <dlfcn.h>
#include <pthread.h>

#include "control/sign/signer.h"
#include "control/sign/token_shim.h"
#include "control/sign/token_testing.h"

static struct token_shim *shim;
static char key_uri[TOKEN_KEY_URI_SIZE];
static uint8_t key_rdata[DNSKEY_MAX];
static struct rdata key_dnskey = {.bytes = key_rdata};
static struct sign_key *key; /* that is held, by with_key() */

static const char *shim_uri(void)
{
	(void)snprintf(token_uri, sizeof token_uri,
	               "pkcs11:token=Anser?module-path=" TOKEN_SHIM "&pin-source=%s/pin",
	               token_dir);
	return token_uri;
}

static int sign_something(const struct sign_key *k)
{
	static const uint8_t data[] = "what is signed";
	uint8_t signature[SIGN_SIGNATURE_MAX];
	struct signer *s = NULL;

	assert_int_equal(signer_new(k, &s), 0);
	int len = signer_sign(s, data, sizeof data, signature);
	signer_free(&s);
	assert_nothing_noted();
	return len;
}

/* Tries to open the key as this machine is configured. */
static int open_key(void)
{
	struct sign_key *k = NULL;
	int err = sign_key_from_token(key_uri, key_dnskey, &k, token_why);

	sign_key_free(&k);
	assert_nothing_noted();
	return err;
}

/* The same, with a token that is configured in such a way. */
static void assert_unreachable(const char *uri, int err, const char *why)
{
	token_configure(uri);
	assert_int_equal(open_key(), err);
	if (!strstr(token_why, why))
		fail_msg("%s: %s", uri, token_why);
}

/* ---- how it is reached ---- */

static void libraries_that_are_none_are_refused(void **state)
{
	(void)state;
	assert_unreachable("pkcs11:token=Anser?module-path=/no/such.so", ERR_INVALID,
	                   "token Anser: /no/such.so: No such file or directory");
	assert_unreachable("pkcs11:token=Anser?module-path=/etc/passwd", ERR_INVALID,
	                   "token Anser: module-path is no PKCS#11 library");
	assert_unreachable("pkcs11:token=Anser?module-path=/usr", ERR_INVALID,
	                   "token Anser: module-path is no PKCS#11 library");
}

static void tokens_that_are_not_in_the_library_are_refused(void **state)
{
	(void)state;
	assert_unreachable("pkcs11:token=Anser;serial=12345?module-path=" SOFTHSM,
	                   ERR_GONE, "token Anser: its library has no such token");
	assert_unreachable("pkcs11:token=Anser;slot-id=1?module-path=" SOFTHSM, ERR_GONE,
	                   "token Anser: its library has no such token");
	assert_unreachable(
		"pkcs11:token=Anser;library-manufacturer=x?module-path=" SOFTHSM,
		ERR_GONE, "token Anser: module-path is another library than it says");
}

static void any_of_tokens_with_the_same_label_may_have_the_key(void **state)
{
	const char *uris[] = {"pkcs11:token=Other?module-path=" TOKEN_SHIM,
	                      "pkcs11:token=Anser?module-path=/no/such.so", shim_uri()};

	(void)state;
	assert_int_equal(tokens_set(uris, 3, token_why), 0);
	assert_int_equal(open_key(), 0);
}

/* ---- the PIN ---- */

static void files_that_have_no_pin_are_refused(void **state)
{
	(void)state;
	token_write("open", TEST_PIN, 0604);
	assert_unreachable("pkcs11:token=Anser?module-path=" SOFTHSM, ERR_DENIED,
	                   "token Anser: it wants a PIN, and there is no pin-source");
	assert_unreachable(token_uri_of("Anser", "missing"), ERR_REFUSED,
	                   "missing: No such file or directory");
	assert_unreachable(token_uri_of("Anser", "open"), ERR_REFUSED,
	                   "mode 0604 lets others at it");
}

static void wrong_pin_is_tried_once(void **state)
{
	(void)state;
	token_write("pin", "wrong", 0600);
	token_configure(shim_uri());
	atomic_store(&shim->logins, 0);
	assert_int_equal(open_key(), ERR_DENIED);
	assert_non_null(strstr(token_why, "token Anser: it does not let us in"));
	assert_null(strstr(token_why, "wrong"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(open_key(), ERR_DENIED);
		assert_non_null(strstr(token_why, "it has refused the PIN"));
	}
	assert_int_equal(atomic_load(&shim->logins), 1);

	token_write("pin", TEST_PIN "\n", 0600);
	assert_int_equal(open_key(), ERR_DENIED);
	token_configure(shim_uri());
	assert_int_equal(open_key(), 0);
	assert_int_equal(atomic_load(&shim->logins), 2);
}

static void last_try_is_left_to_people(void **state)
{
	(void)state;
	atomic_store(&shim->logins, 0);
	atomic_store(&shim->flags_set, CKF_USER_PIN_FINAL_TRY);
	assert_unreachable(
		shim_uri(), ERR_DENIED,
		"token Anser: one wrong PIN more would lock it: log in by hand");
	atomic_store(&shim->flags_set, CKF_USER_PIN_LOCKED);
	assert_unreachable(shim_uri(), ERR_DENIED, "token Anser: its PIN is locked");
	atomic_store(&shim->flags_set, 0);
	assert_int_equal(atomic_load(&shim->logins), 0);
	assert_int_equal(open_key(), 0);
}

static void token_with_a_pad_asks_for_its_pin_itself(void **state)
{
	(void)state;
	atomic_store(&shim->flags_set, CKF_PROTECTED_AUTHENTICATION_PATH);
	token_configure("pkcs11:token=Anser?module-path=" TOKEN_SHIM);
	assert_int_equal(open_key(), 0);
	assert_true(atomic_load(&shim->without_pin));
	atomic_store(&shim->flags_set, 0);
}

/* ---- what goes wrong later ---- */

static void signs_again_after_the_token_was_lost(void **state)
{
	static const CK_RV losses[] = {
		CKR_DEVICE_ERROR,         CKR_DEVICE_REMOVED,
		CKR_GENERAL_ERROR,        CKR_KEY_HANDLE_INVALID,
		CKR_SESSION_CLOSED,       CKR_SESSION_HANDLE_INVALID,
		CKR_TOKEN_NOT_PRESENT,    CKR_USER_NOT_LOGGED_IN,
		CKR_SLOT_ID_INVALID,      CKR_CRYPTOKI_NOT_INITIALIZED,
		CKR_OBJECT_HANDLE_INVALID};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
		atomic_store(&shim->logins, 0);
		atomic_store(&shim->sign_fails_with, losses[i]);
		atomic_store(&shim->sign_failures, 1);
		assert_true(sign_something(key) > 0);
		assert_int_equal(atomic_load(&shim->logins), 1);
	}
}

static void token_that_stays_lost_is_gone(void **state)
{
	(void)state;
	atomic_store(&shim->sign_fails_with, CKR_DEVICE_REMOVED);
	atomic_store(&shim->sign_failures, 2);
	assert_int_equal(sign_something(key), ERR_GONE);
	assert_int_equal(atomic_load(&shim->sign_failures), 0);
	assert_true(sign_something(key) > 0);
}

static void signature_that_is_refused_is_not_tried_again(void **state)
{
	(void)state;
	atomic_store(&shim->logins, 0);
	atomic_store(&shim->sign_fails_with, CKR_KEY_FUNCTION_NOT_PERMITTED);
	atomic_store(&shim->sign_failures, 1);
	assert_int_equal(sign_something(key), ERR_SYSTEM);
	assert_int_equal(atomic_load(&shim->logins), 0);
	assert_true(sign_something(key) > 0);
}

static void token_that_is_taken_away_comes_back(void **state)
{
	(void)state;
	atomic_store(&shim->sign_fails_with, CKR_DEVICE_REMOVED);
	atomic_store(&shim->sign_failures, 1);
	token_run("mv tokens away && mkdir tokens");
	assert_int_equal(sign_something(key), ERR_GONE);
	assert_int_equal(open_key(), ERR_GONE);
	token_run("rmdir tokens && mv away tokens");
	assert_true(sign_something(key) > 0);
	assert_int_equal(open_key(), 0);
}

static void keys_outlive_the_configuration(void **state)
{
	(void)state;
	tokens_forget();
	assert_true(sign_something(key) > 0);
	assert_int_equal(open_key(), ERR_NOTFOUND);
}

/* ---- threads ---- */

enum { THREADS = 8, SIGNATURES = 50 };

static void *sign_many(void *arg)
{
	struct signer *s = NULL;
	uint8_t signature[SIGN_SIGNATURE_MAX];
	atomic_int *good = arg;

	if (signer_new(key, &s) < 0)
		return NULL;
	for (int i = 0; i < SIGNATURES; i++)
		if (signer_sign(s, (const uint8_t *)&i, sizeof i, signature) > 0)
			atomic_fetch_add(good, 1);
	signer_free(&s);
	return NULL;
}

static int sign_by_threads(void)
{
	pthread_t threads[THREADS];
	atomic_int good = 0;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &good), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	return atomic_load(&good);
}

static void threads_wait_for_sessions_of_a_token_that_has_few(void **state)
{
	(void)state;
	for (unsigned long max = 1; max <= 3; max++) {
		/* From nothing: sessions that are open stay so. */
		atomic_store(&shim->sign_fails_with, CKR_DEVICE_ERROR);
		atomic_store(&shim->sign_failures, 1);
		assert_true(sign_something(key) > 0);
		atomic_store(&shim->sessions_max, max);
		atomic_store(&shim->sessions_most, 0);
		assert_int_equal(sign_by_threads(), THREADS * SIGNATURES);
		assert_true(atomic_load(&shim->sessions_most) <= max);
	}
	atomic_store(&shim->sessions_max, 0);
}

static void threads_go_on_when_the_token_is_lost_under_them(void **state)
{
	(void)state;
	/* Each loss may fail for two tries of one signature at most. */
	atomic_store(&shim->sign_fails_with, CKR_DEVICE_ERROR);
	atomic_store(&shim->sign_failures, 20);
	assert_true(sign_by_threads() >= THREADS * SIGNATURES - 10);
	assert_int_equal(atomic_load(&shim->sign_failures), 0);
}

static void sessions_are_used_again_and_closed_in_the_end(void **state)
{
	(void)state;
	assert_true(sign_something(key) > 0);
	atomic_store(&shim->opened, 0);
	for (int i = 0; i < 20; i++)
		assert_true(sign_something(key) > 0);
	assert_int_equal(atomic_load(&shim->opened), 0);
	assert_true(atomic_load(&shim->sessions) > 0);
	sign_key_free(&key);
	assert_true(atomic_load(&shim->sessions) > 0);
	tokens_forget();
	assert_int_equal(atomic_load(&shim->sessions), 0);
}

static int setup(void **state)
{
	if (token_setup(state) < 0)
		return -1;
	token_configure(shim_uri());
	void *library = dlopen(TOKEN_SHIM, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(library);
	shim = dlsym(library, "token_shim");
	assert_non_null(shim);
	struct sign_key *k = token_new_key(SIGN_ECDSAP256SHA256);
	key_dnskey.len = sign_key_dnskey(k).len;
	memcpy(key_rdata, sign_key_dnskey(k).bytes, key_dnskey.len);
	(void)snprintf(key_uri, sizeof key_uri, "%s", sign_key_uri(k));
	sign_key_free(&k);
	return 0;
}

/* No token is reached. */
static int without_key(void **state)
{
	(void)state;
	tokens_forget();
	atomic_store(&shim->logins, 0);
	return 0;
}

static int with_key(void **state)
{
	(void)without_key(state);
	token_configure(shim_uri());
	assert_int_equal(sign_key_from_token(key_uri, key_dnskey, &key, token_why), 0);
	return 0;
}

static int put_key_away(void **state)
{
	(void)state;
	sign_key_free(&key);
	tokens_forget();
	return 0;
}

#define UNREACHED(test) cmocka_unit_test_setup(test, without_key)
#define WITH_KEY(test)  cmocka_unit_test_setup_teardown(test, with_key, put_key_away)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNREACHED(libraries_that_are_none_are_refused),
		UNREACHED(tokens_that_are_not_in_the_library_are_refused),
		UNREACHED(any_of_tokens_with_the_same_label_may_have_the_key),
		UNREACHED(files_that_have_no_pin_are_refused),
		UNREACHED(wrong_pin_is_tried_once),
		UNREACHED(last_try_is_left_to_people),
		UNREACHED(token_with_a_pad_asks_for_its_pin_itself),
		WITH_KEY(signs_again_after_the_token_was_lost),
		WITH_KEY(token_that_stays_lost_is_gone),
		WITH_KEY(signature_that_is_refused_is_not_tried_again),
		WITH_KEY(token_that_is_taken_away_comes_back),
		WITH_KEY(keys_outlive_the_configuration),
		WITH_KEY(threads_wait_for_sessions_of_a_token_that_has_few),
		WITH_KEY(threads_go_on_when_the_token_is_lost_under_them),
		WITH_KEY(sessions_are_used_again_and_closed_in_the_end),
	};

	if (access(SOFTHSM, R_OK) < 0)
		return TEST_SKIP;
	return cmocka_run_group_tests(tests, setup, token_teardown);
}
