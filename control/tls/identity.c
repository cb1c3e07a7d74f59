#include "control/tls/identity.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "control/access/secret_file.h"
#include "control/must.h"
#include "shared/address.h"
#include "shared/err.h"

enum { DAY = 86400, YEARS = 10, HOST_MAX = 256 };

/* ---- making one ---- */

/* For whom it is, as X509V3_EXT_conf_nid() reads it. */
static char *alternative_names(const struct sockaddr_storage *addresses, size_t count)
{
	char host[HOST_MAX] = "";
	char address[ADDRESS_HOST_MAX];
	char *text = NULL;
	size_t size = 0;
	FILE *to = must_open_text(&text, &size);

	(void)fputs("DNS:localhost, IP:127.0.0.1, IP:::1", to);
	/* The name becomes part of a configuration: nothing but what names are made of. */
	(void)gethostname(host, sizeof host - 1);
	if (host[0] && host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
	                                 "VWXYZ0123456789.-")] == '\0')
		(void)fprintf(to, ", DNS:%s", host);
	for (size_t i = 0; i < count; i++) {
		address_host(&addresses[i], address);
		(void)fprintf(to, ", IP:%s", address);
	}
	must_close_text(to);
	return text;
}

static bool add_extension(X509 *x, int kind, const char *value)
{
	X509V3_CTX context = {0}; /* no configuration to look names up in */

	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	bool added = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return added;
}

static bool fill(X509 *x, EVP_PKEY *key, const char *names)
{
	static const unsigned char name[] = "anser-control";
	X509_NAME *subject = X509_get_subject_name(x);
	uint64_t serial = 0;

	return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) &&
	       X509_set_version(x, X509_VERSION_3) &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -DAY) &&
	       X509_gmtime_adj(X509_getm_notAfter(x), YEARS * 365L * DAY) &&
	       X509_set_pubkey(x, key) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) &&
	       X509_set_issuer_name(x, subject) &&
	       add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x, NID_ext_key_usage, "serverAuth") &&
	       add_extension(x, NID_subject_key_identifier, "hash") &&
	       add_extension(x, NID_subject_alt_name, names) &&
	       X509_sign(x, key, EVP_sha256());
}

/* What a crash left of an earlier try is written over, never read. */
static int write_file(const char *path, mode_t mode, X509 *certificate, EVP_PKEY *key)
{
	char part[PATH_MAX];
	bool written = false;

	if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
		return ERR_TOOBIG;
	(void)unlink(part);
	mode_t before = umask(0777 & ~mode);
	FILE *to = fopen(part, "wxe");
	(void)umask(before);
	if (!to)
		return ERR_IO;
	written = certificate
	                  ? PEM_write_X509(to, certificate)
	                  : PEM_write_PKCS8PrivateKey(to, key, NULL, NULL, 0, NULL, NULL);
	written = written && fflush(to) == 0 && fsync(fileno(to)) == 0;
	written = fclose(to) == 0 && written;
	return written && rename(part, path) == 0 ? 0 : ERR_IO;
}

static int make(const char *certificate, const char *key, const char *names)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	int err = pair && x && fill(x, pair, names) ? 0 : ERR_SYSTEM;

	if (err == 0)
		err = write_file(key, 0600, NULL, pair);
	if (err == 0)
		err = write_file(certificate, 0644, x, NULL);
	X509_free(x);
	EVP_PKEY_free(pair);
	return err;
}

/* ---- reading ---- */

static char *read_text(const char *path)
{
	char *all = must(calloc(1, SECRET_FILE_MAX + 1));
	FILE *from = fopen(path, "re");
	size_t len = 0;

	if (from) {
		len = fread(all, 1, SECRET_FILE_MAX, from);
		(void)fclose(from);
	}
	if (len && len < SECRET_FILE_MAX)
		return all;
	free(all);
	return NULL;
}

/* Gives 0 for a time that cannot be read, as if it were over. */
static int64_t read_end(const X509 *x)
{
	struct tm when;

	return ASN1_TIME_to_tm(X509_get0_notAfter(x), &when) == 1 ? timegm(&when) : 0;
}

/* Says whether the two belong together, and fills in what is known of the certificate. */
static bool check_pair(struct tls_identity *t)
{
	BIO *c = BIO_new_mem_buf(t->certificate, -1);
	BIO *k = BIO_new_mem_buf(t->key, -1);
	X509 *x = c ? PEM_read_bio_X509(c, NULL, NULL, NULL) : NULL;
	/* No pass phrase is asked for on a terminal. */
	char none[] = "";
	EVP_PKEY *key = k ? PEM_read_bio_PrivateKey(k, NULL, NULL, none) : NULL;
	bool fits = x && key && X509_check_private_key(x, key);

	if (fits) {
		tls_fingerprint(x, t->fingerprint);
		t->ends = read_end(x);
	}
	EVP_PKEY_free(key);
	X509_free(x);
	BIO_free(k);
	BIO_free(c);
	return fits;
}

int tls_identity_read(const char *certificate, const char *key, struct tls_identity *out,
                      char *text, size_t text_size)
{
	struct tls_identity t = {0};

	TRY(secret_file_read(key, &t.key, text, text_size));
	t.certificate = read_text(certificate);
	if (!t.certificate) {
		(void)snprintf(text, text_size, "%s: cannot be read", certificate);
		tls_identity_fini(&t);
		return ERR_IO;
	}
	if (!check_pair(&t)) {
		(void)snprintf(text, text_size,
		               "%s is not the key of %s, or one is no PEM", key,
		               certificate);
		tls_identity_fini(&t);
		return ERR_REFUSED;
	}
	*out = t;
	return 0;
}

int tls_identity_own(const char *directory, const struct sockaddr_storage *addresses,
                     size_t count, struct tls_identity *out, char *text, size_t text_size)
{
	char certificate[PATH_MAX];
	char key[PATH_MAX];

	if (snprintf(certificate, sizeof certificate, "%s/cert.pem", directory) >=
	            (int)sizeof certificate ||
	    snprintf(key, sizeof key, "%s/key.pem", directory) >= (int)sizeof key)
		return ERR_TOOBIG;
	if (access(certificate, F_OK) != 0 || access(key, F_OK) != 0) {
		char *names = alternative_names(addresses, count);
		int err = mkdir(directory, 0700) < 0 && errno != EEXIST
		                  ? ERR_IO
		                  : make(certificate, key, names);
		free(names);
		if (err < 0) {
			(void)snprintf(text, text_size,
			               "%s: a certificate cannot be made: %s", directory,
			               err_text(err));
			return err;
		}
	}
	return tls_identity_read(certificate, key, out, text, text_size);
}

void tls_identity_fini(struct tls_identity *t)
{
	if (t->key)
		OPENSSL_cleanse(t->key, strlen(t->key));
	free(t->key);
	free(t->certificate);
	*t = (struct tls_identity){0};
}
