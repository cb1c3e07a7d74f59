#include "control/tls/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "control/must.h"
#include "control/tls/internal.h"
#include "shared/err.h"

enum { PINS_MAX = 16, PIN_TEXT_LEN = (TLS_PIN_SIZE + 2) / 3 * 4 };

struct tls_client {
	unsigned references;
	SSL_CTX *context;
	char *host; /* empty: none */
	unsigned pin_count;
	uint8_t pins[PINS_MAX][TLS_PIN_SIZE];
	SSL_SESSION *session; /* of the last connection, or NULL */
};

static bool is_given(const char *text)
{
	return text && text[0];
}

/* ---- terms ---- */

static bool read_pin(const char *text, size_t len, uint8_t pin[static TLS_PIN_SIZE])
{
	uint8_t octets[PIN_TEXT_LEN / 4 * 3];

	if (len != PIN_TEXT_LEN || text[len - 1] != '=' || text[len - 2] == '=')
		return false;
	if (EVP_DecodeBlock(octets, (const unsigned char *)text, PIN_TEXT_LEN) !=
	    (int)sizeof octets)
		return false;
	memcpy(pin, octets, TLS_PIN_SIZE);
	return true;
}

static int read_pins(struct tls_client *c, const char *text, char *why, size_t why_size)
{
	while (*(text += strspn(text, " "))) {
		size_t len = strcspn(text, " ");

		if (c->pin_count == PINS_MAX ||
		    !read_pin(text, len, c->pins[c->pin_count])) {
			(void)snprintf(why, why_size,
			               "\"%.60s\" is no pin: expected the SHA-256 of a "
			               "public key in base64, and %d of them at most",
			               text, PINS_MAX);
			return ERR_INVALID;
		}
		c->pin_count++;
		text += len;
	}
	return 0;
}

/* Whether the certificate comes from one of them is looked at after the handshake, for a pin counts as much. */
static int use_authority(struct tls_client *c, const struct tls_client_terms *t,
                         char *why, size_t why_size)
{
	if (!is_given(t->ca) && SSL_CTX_set_default_verify_paths(c->context) == 1)
		return 0;
	if (is_given(t->ca) && SSL_CTX_load_verify_file(c->context, t->ca) == 1)
		return 0;
	tls_say_failure(is_given(t->ca) ? t->ca : "TLS", why, why_size);
	return ERR_IO;
}

static int use_own(struct tls_client *c, const struct tls_client_terms *t, char *why,
                   size_t why_size)
{
	struct tls_identity identity = {0};

	TRY(tls_identity_read(t->certificate, t->key, &identity, why, why_size));
	bool used = tls_context_use(c->context, &identity);
	tls_identity_fini(&identity);
	if (used)
		return 0;
	tls_say_failure(t->certificate, why, why_size);
	return ERR_IO;
}

static int set_up(struct tls_client *c, const struct tls_client_terms *t, char *why,
                  size_t why_size)
{
	static const unsigned char alpn[] = TLS_ALPN_DOT;

	c->context = tls_context_new(TLS_client_method(), TLS1_3_VERSION);
	if (!c->context || SSL_CTX_set_alpn_protos(c->context, alpn, TLS_ALPN_DOT_SIZE)) {
		tls_say_failure("TLS", why, why_size);
		return ERR_NOMEM;
	}
	(void)SSL_CTX_set_session_cache_mode(
		c->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (is_given(t->pins))
		TRY(read_pins(c, t->pins, why, why_size));
	if (is_given(t->host))
		TRY(use_authority(c, t, why, why_size));
	if (is_given(t->certificate))
		TRY(use_own(c, t, why, why_size));
	return 0;
}

int tls_client_new(const struct tls_client_terms *terms, struct tls_client **out,
                   char *text, size_t text_size)
{
	struct tls_client *c = must(calloc(1, sizeof *c));

	c->references = 1;
	c->host = must(strdup(terms->host ? terms->host : ""));
	int err = set_up(c, terms, text, text_size);
	if (err < 0) {
		tls_client_release(&c);
		return err;
	}
	*out = c;
	return 0;
}

/* ---- connections ---- */

SSL *tls_client_session(struct tls_client *c)
{
	SSL *ssl = SSL_new(c->context);

	if (!ssl)
		return NULL;
	if (c->host[0] &&
	    (!SSL_set_tlsext_host_name(ssl, c->host) || !SSL_set1_host(ssl, c->host))) {
		SSL_free(ssl);
		return NULL;
	}
	if (c->session)
		(void)SSL_set_session(ssl, c->session);
	return ssl;
}

bool tls_client_accepts(const struct tls_client *c, const SSL *ssl,
                        const struct tls_peer *peer)
{
	if (!tls_client_verifies(c))
		return true;
	for (unsigned i = 0; i < c->pin_count; i++) {
		if (peer->has_pin &&
		    CRYPTO_memcmp(c->pins[i], peer->pin, TLS_PIN_SIZE) == 0)
			return true;
	}
	return c->host[0] && peer->has_pin && SSL_get_verify_result(ssl) == X509_V_OK;
}

bool tls_client_verifies(const struct tls_client *c)
{
	return c->pin_count || c->host[0];
}

bool tls_client_has_name(const struct tls_client *c)
{
	return c->host[0] != '\0';
}

bool tls_pins_have(const char *pins, const uint8_t pin[static TLS_PIN_SIZE])
{
	uint8_t one[TLS_PIN_SIZE];

	while (*(pins += strspn(pins, " "))) {
		size_t len = strcspn(pins, " ");

		if (read_pin(pins, len, one) && CRYPTO_memcmp(one, pin, sizeof one) == 0)
			return true;
		pins += len;
	}
	return false;
}

void tls_client_keep(struct tls_client *c, SSL *ssl)
{
	SSL_SESSION *session = SSL_get1_session(ssl);

	if (!session || !SSL_SESSION_is_resumable(session)) {
		SSL_SESSION_free(session);
		return;
	}
	SSL_SESSION_free(c->session);
	c->session = session;
	/* Else it would be spoilt where the connection has not ended in good order. */
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

struct tls_client *tls_client_hold(struct tls_client *c)
{
	c->references++;
	return c;
}

void tls_client_release(struct tls_client **client)
{
	struct tls_client *c = *client;

	*client = NULL;
	if (!c || --c->references > 0)
		return;
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->context);
	free(c->host);
	free(c);
}
