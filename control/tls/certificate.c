#include "control/tls/certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

void tls_fingerprint(const X509 *x, char out[static TLS_FINGERPRINT_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!X509_digest(x, EVP_sha256(), hash, &len))
		abort();
	for (unsigned i = 0; i < len; i++)
		(void)sprintf(out + (size_t)i * 3, i + 1 < len ? "%02X:" : "%02X",
		              hash[i]);
}

bool tls_pin_of(const X509 *x, uint8_t pin[static TLS_PIN_SIZE])
{
	unsigned char *octets = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &octets);
	unsigned size = 0;
	bool read = n > 0 &&
	            EVP_Digest(octets, (size_t)n, pin, &size, EVP_sha256(), NULL) &&
	            size == TLS_PIN_SIZE;

	OPENSSL_free(octets);
	return read;
}
