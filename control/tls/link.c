/*
 * OpenSSL reads from and writes to a BIO of our own, which has no memory: what it reads is lent by the
 * caller, what it writes goes out at once. With the buffers that OpenSSL gives back when they are empty an idle
 * connection costs what its state costs.
 */
#include "control/tls/link.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "control/tls/internal.h"
#include "shared/err.h"

struct tls_link {
	SSL *ssl;
	struct tls_server *server; /* one of these two, held */
	struct tls_client *client;
	tls_put *put;
	void *put_arg;
	bool up;     /* the other side is one that we speak to */
	int put_err; /* of the last one that failed */
	const uint8_t *fed;
	size_t fed_len;
	struct tls_peer peer;
	enum tls_failure failure;
	char trouble[TLS_TEXT_SIZE];
};

/* ---- the way in and out ---- */

static int link_bio_read(BIO *bio, char *to, int room)
{
	struct tls_link *l = BIO_get_data(bio);
	size_t n = l->fed_len < (size_t)room ? l->fed_len : (size_t)room;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, l->fed, n);
	l->fed += n;
	l->fed_len -= n;
	return (int)n;
}

static int link_bio_write(BIO *bio, const char *from, int n)
{
	struct tls_link *l = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	l->put_err = l->put(l->put_arg, from, (size_t)n);
	return l->put_err < 0 ? -1 : n;
}

static long link_bio_control(BIO *bio, int what, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return what == BIO_CTRL_FLUSH;
}

/* Made at the first use; all of it is the loop's thread, and tests have one as well. */
static BIO_METHOD *link_bio_method(void)
{
	static BIO_METHOD *method;

	if (method)
		return method;
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "link");
	if (!method || !BIO_meth_set_read(method, link_bio_read) ||
	    !BIO_meth_set_write(method, link_bio_write) ||
	    !BIO_meth_set_ctrl(method, link_bio_control))
		abort();
	return method;
}

static int link_new(SSL *ssl, tls_put *put, void *arg, struct tls_link **out)
{
	struct tls_link *l = calloc(1, sizeof *l);
	BIO *bio = BIO_new(link_bio_method());

	if (!ssl || !l || !bio) {
		ERR_clear_error();
		BIO_free(bio);
		SSL_free(ssl);
		free(l);
		return ERR_NOMEM;
	}
	BIO_set_data(bio, l);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	l->ssl = ssl;
	l->put = put;
	l->put_arg = arg;
	*out = l;
	return 0;
}

int tls_link_to_client(struct tls_server *server, tls_put *put, void *arg,
                       struct tls_link **out)
{
	struct tls_link *l = NULL;

	TRY(link_new(tls_server_session(server), put, arg, &l));
	l->server = tls_server_hold(server);
	SSL_set_accept_state(l->ssl);
	*out = l;
	return 0;
}

int tls_link_to_server(struct tls_client *client, tls_put *put, void *arg,
                       struct tls_link **out)
{
	struct tls_link *l = NULL;

	TRY(link_new(tls_client_session(client), put, arg, &l));
	l->client = tls_client_hold(client);
	SSL_set_connect_state(l->ssl);
	*out = l;
	return 0;
}

void tls_link_free(struct tls_link **link)
{
	struct tls_link *l = *link;

	*link = NULL;
	if (!l)
		return;
	if (l->up && l->client)
		tls_client_keep(l->client, l->ssl);
	SSL_free(l->ssl);
	tls_peer_fini(&l->peer);
	tls_server_release(&l->server);
	tls_client_release(&l->client);
	free(l);
}

/* ---- what is known of the other side ---- */

static void know_peer(struct tls_link *l)
{
	X509 *certificate = SSL_get1_peer_certificate(l->ssl);
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;

	SSL_get0_alpn_selected(l->ssl, &alpn, &alpn_len);
	l->peer.version = (uint16_t)SSL_version(l->ssl);
	l->peer.dot = alpn_len == TLS_ALPN_DOT_SIZE - 1 &&
	              memcmp(alpn, &TLS_ALPN_DOT[1], alpn_len) == 0;
	l->peer.resumed = SSL_session_reused(l->ssl);
	l->peer.has_pin = certificate && tls_pin_of(certificate, l->peer.pin);
	X509_free(certificate);
}

void tls_peer_init(struct tls_peer *p, const struct tls_peer *from)
{
	*p = *from;
	(void)tls_proof_hold(p->proof);
}

void tls_peer_fini(struct tls_peer *p)
{
	tls_proof_release(&p->proof);
}

void tls_link_judge(struct tls_link *l)
{
	if (!l->server || !l->up)
		return;
	struct tls_proof *proof = tls_server_judge(l->server, l->ssl, &l->peer,
	                                           l->trouble, sizeof l->trouble);
	tls_proof_release(&l->peer.proof);
	l->peer.proof = proof;
}

const struct tls_peer *tls_link_peer(const struct tls_link *l)
{
	return &l->peer;
}

enum tls_failure tls_link_failure(const struct tls_link *l)
{
	return l->failure;
}

const char *tls_link_trouble(const struct tls_link *l)
{
	return l->trouble;
}

/* ---- speaking ---- */

void tls_say_failure(const char *what, char *text, size_t text_size)
{
	unsigned long err = ERR_peek_last_error();
	const char *reason = err ? ERR_reason_error_string(err) : NULL;

	(void)snprintf(text, text_size, "%s: %s", what, reason ? reason : "failed");
	ERR_clear_error();
}

void tls_link_feed(struct tls_link *l, const void *octets, size_t n)
{
	l->fed = octets;
	l->fed_len = n;
}

/* What OpenSSL's last failure in a handshake comes down to. */
static enum tls_failure failure_of_handshake(void)
{
	unsigned long err = ERR_peek_last_error();
	int reason = ERR_GET_LIB(err) == ERR_LIB_SSL ? ERR_GET_REASON(err) : 0;

	switch (reason) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
	/* The other side has said so. */
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return TLS_FAILURE_CERTIFICATE;
	default: return TLS_FAILURE_PROTOCOL;
	}
}

/* Who is not the one that was to be asked is told nothing. */
static int handshake_done(struct tls_link *l)
{
	know_peer(l);
	l->up = !l->client || tls_client_accepts(l->client, l->ssl, &l->peer);
	l->peer.verified = l->client && l->up && tls_client_verifies(l->client);
	tls_link_judge(l);
	if (l->up)
		return 0;
	l->failure = TLS_FAILURE_CERTIFICATE;
	long verdict = SSL_get_verify_result(l->ssl);
	(void)snprintf(l->trouble, sizeof l->trouble, "TLS: certificate: %s",
	               tls_client_has_name(l->client) && verdict != X509_V_OK
	                       ? X509_verify_cert_error_string(verdict)
	                       : "its public key is not one of those pinned");
	return ERR_REFUSED;
}

int tls_link_handshake(struct tls_link *l)
{
	ERR_clear_error();
	int done = SSL_do_handshake(l->ssl);

	if (done == 1)
		return handshake_done(l);
	if (SSL_get_error(l->ssl, done) == SSL_ERROR_WANT_READ)
		return ERR_BUSY;
	l->failure = failure_of_handshake();
	tls_say_failure("TLS", l->trouble, sizeof l->trouble);
	return ERR_REFUSED;
}

ssize_t tls_link_read(struct tls_link *l, void *to, size_t room)
{
	size_t n = 0;

	ERR_clear_error();
	int done = SSL_read_ex(l->ssl, to, room, &n);
	if (done == 1)
		return (ssize_t)n;
	switch (SSL_get_error(l->ssl, done)) {
	case SSL_ERROR_WANT_READ: return 0;
	case SSL_ERROR_ZERO_RETURN: return ERR_GONE;
	default:
		tls_say_failure("TLS", l->trouble, sizeof l->trouble);
		return ERR_CORRUPT;
	}
}

int tls_link_write(struct tls_link *l, const void *from, size_t n)
{
	size_t written = 0;

	l->put_err = 0;
	ERR_clear_error();
	if (SSL_write_ex(l->ssl, from, n, &written) == 1)
		return 0;
	tls_say_failure("TLS", l->trouble, sizeof l->trouble);
	return l->put_err < 0 ? l->put_err : ERR_CORRUPT;
}

void tls_link_finish(struct tls_link *l)
{
	ERR_clear_error();
	/* During a handshake there is nothing to be said. */
	if (!SSL_in_init(l->ssl))
		(void)SSL_shutdown(l->ssl);
	ERR_clear_error();
}
