#include "control/tls/identity.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

struct place {
	char directory[64];
	char certificate[96];
	char key[96];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	assert_non_null(p);
	(void)strcpy(p->directory, "/tmp/tls_test.XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	(void)snprintf(p->certificate, sizeof p->certificate, "%s/tls/cert.pem",
	               p->directory);
	(void)snprintf(p->key, sizeof p->key, "%s/tls/key.pem", p->directory);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char path[96];

	(void)unlink(p->certificate);
	(void)unlink(p->key);
	(void)snprintf(path, sizeof path, "%s/tls", p->directory);
	(void)rmdir(path);
	assert_int_equal(rmdir(p->directory), 0);
	free(p);
	return 0;
}

static int own(const struct place *p, struct tls_identity *out, char text[static 256])
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(8443)};
	char directory[96];

	assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &in.sin_addr), 1);
	memcpy(&address, &in, sizeof in);
	(void)snprintf(directory, sizeof directory, "%s/tls", p->directory);
	return tls_identity_own(directory, &address, 1, out, text, 256);
}

static void own_certificate_is_good_for_this_host_and_kept(void **state)
{
	const struct place *p = *state;
	struct tls_identity first;
	struct tls_identity again;
	struct stat st;
	char text[256] = "";

	assert_int_equal(own(p, &first, text), 0);
	assert_int_equal(stat(p->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	BIO *from = BIO_new_mem_buf(first.certificate, -1);
	X509 *x = PEM_read_bio_X509(from, NULL, NULL, NULL);
	assert_non_null(x);
	assert_int_equal(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.7", 0), 1);
	assert_int_equal(X509_check_host(x, "elsewhere.example", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.8", 0), 0);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
	X509_free(x);
	BIO_free(from);

	assert_int_equal(own(p, &again, text), 0);
	assert_string_equal(first.certificate, again.certificate);
	assert_string_equal(first.key, again.key);
	assert_int_equal(strlen(first.fingerprint), TLS_FINGERPRINT_SIZE - 1);
	tls_identity_fini(&first);
	tls_identity_fini(&again);
}

static void half_a_pair_is_made_anew(void **state)
{
	const struct place *p = *state;
	struct tls_identity first;
	struct tls_identity again;
	char text[256] = "";

	assert_int_equal(own(p, &first, text), 0);
	assert_int_equal(unlink(p->certificate), 0);
	assert_int_equal(own(p, &again, text), 0);
	assert_string_not_equal(first.key, again.key);
	tls_identity_fini(&first);
	tls_identity_fini(&again);
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void pair_that_does_not_fit_is_refused(void **state)
{
	const struct place *p = *state;
	struct tls_identity first;
	struct tls_identity other;
	char text[256] = "";

	assert_int_equal(own(p, &first, text), 0);
	assert_int_equal(unlink(p->key), 0);
	assert_int_equal(own(p, &other, text), 0);
	write_text(p->certificate, first.certificate, 0644);
	tls_identity_fini(&other);
	assert_int_equal(
		tls_identity_read(p->certificate, p->key, &other, text, sizeof text),
		ERR_REFUSED);
	assert_non_null(strstr(text, "is not the key of"));
	write_text(p->certificate, "rubbish", 0644);
	assert_int_equal(
		tls_identity_read(p->certificate, p->key, &other, text, sizeof text),
		ERR_REFUSED);
	assert_int_equal(unlink(p->certificate), 0);
	assert_int_equal(
		tls_identity_read(p->certificate, p->key, &other, text, sizeof text),
		ERR_IO);
	tls_identity_fini(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			own_certificate_is_good_for_this_host_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_pair_is_made_anew, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(pair_that_does_not_fit_is_refused, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
