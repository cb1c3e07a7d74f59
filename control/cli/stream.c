#include "control/cli/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "control/cli/transport.h"
#include "control/tls/certificate.h"

struct stream {
	int fd;
	BIO *bio;     /* what is written to and read from */
	SSL_CTX *tls; /* NULL: without TLS */
};

void stream_close(struct stream **stream)
{
	struct stream *s = *stream;

	*stream = NULL;
	if (!s)
		return;
	BIO_free_all(s->bio);
	SSL_CTX_free(s->tls);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s);
}

/* ---- TCP ---- */

static bool is_loopback(const struct addrinfo *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->ai_family == AF_INET) {
		memcpy(&in, a->ai_addr, sizeof in);
		return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	memcpy(&in6, a->ai_addr, sizeof in6);
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

/* Gives ENGINE_OK, ENGINE_TIMED_OUT, or with errno ENGINE_NOT_RUNNING. */
static enum engine_outcome connect_to(const struct addrinfo *a, uint64_t deadline,
                                      int *out)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum engine_outcome outcome = ENGINE_OK;
	int err = 0;
	socklen_t size = sizeof err;

	if (fd < 0)
		return ENGINE_NOT_RUNNING;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		err = errno;
		if (err == EINPROGRESS) {
			outcome = client_wait(fd, POLLOUT, deadline);
			(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
		}
	}
	if (outcome == ENGINE_OK && err)
		outcome = ENGINE_NOT_RUNNING;
	if (outcome == ENGINE_OK)
		*out = fd;
	else
		(void)close(fd);
	errno = err;
	return outcome;
}

static enum engine_outcome connect_to_any(const struct url *url,
                                          const struct addrinfo *list, uint64_t deadline,
                                          int *fd, char *text, size_t text_size)
{
	enum engine_outcome outcome = ENGINE_USAGE;

	for (const struct addrinfo *a = list; a && outcome != ENGINE_OK; a = a->ai_next) {
		if (!url->tls && !is_loopback(a))
			continue;
		outcome = connect_to(a, deadline, fd);
		if (outcome != ENGINE_OK)
			(void)snprintf(text, text_size, "no server on %s port %s: %s",
			               url->host, url->port,
			               outcome == ENGINE_TIMED_OUT
			                       ? "it has not answered in time"
			                       : strerror(errno));
	}
	if (outcome == ENGINE_USAGE)
		(void)snprintf(text, text_size,
		               "http:// is for this machine only, as keys go in clear: "
		               "use https://");
	return outcome;
}

static enum engine_outcome dial(const struct url *url, uint64_t deadline, int *fd,
                                char *text, size_t text_size)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = url->literal ? AI_NUMERICHOST : AI_ADDRCONFIG,
	};
	struct addrinfo *list = NULL;

	int err = getaddrinfo(url->host, url->port, &hints, &list);
	if (err) {
		(void)snprintf(text, text_size, "%s: %s", url->host, gai_strerror(err));
		return ENGINE_NOT_RUNNING;
	}
	enum engine_outcome outcome =
		connect_to_any(url, list, deadline, fd, text, text_size);
	freeaddrinfo(list);
	return outcome;
}

/* ---- TLS ---- */

static bool print_pin(const X509 *x, char out[static STREAM_PIN_SIZE])
{
	static const char kind[] = "sha256//";
	uint8_t pin[TLS_PIN_SIZE];

	if (!tls_pin_of(x, pin))
		return false;
	memcpy(out, kind, sizeof kind);
	(void)EVP_EncodeBlock((unsigned char *)out + sizeof kind - 1, pin, sizeof pin);
	return true;
}

/* The bag of OpenSSL's errors, as one text. */
static enum engine_outcome refuse(const char *what, char *text, size_t text_size)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	(void)snprintf(text, text_size, "%s: %s", what, reason ? reason : "it failed");
	ERR_clear_error();
	return ENGINE_REFUSED;
}

static enum engine_outcome prepare(struct stream *s, const struct url *url,
                                   const struct client_target *target, char *text,
                                   size_t text_size)
{
	char name[URL_HOST_MAX]; /* the macro that takes it has no const */
	SSL *ssl = NULL;

	memcpy(name, url->host, sizeof name);
	s->tls = SSL_CTX_new(TLS_client_method());
	if (!s->tls || !SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION))
		abort();
	if (!target->cacert)
		(void)SSL_CTX_set_default_verify_paths(s->tls);
	else if (!SSL_CTX_load_verify_locations(s->tls, target->cacert, NULL))
		return refuse(target->cacert, text, text_size);
	/* What is wrong is asked for in check_peer(), where it can be told. */
	SSL_CTX_set_verify(s->tls, SSL_VERIFY_NONE, NULL);
	BIO *over = BIO_new_ssl(s->tls, 1);
	if (!over)
		abort();
	s->bio = BIO_push(over, s->bio);
	if (BIO_get_ssl(s->bio, &ssl) != 1 ||
	    (url->literal ? !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url->host)
	                  : !SSL_set1_host(ssl, url->host) ||
	                            !SSL_set_tlsext_host_name(ssl, name)))
		return refuse(url->host, text, text_size);
	return ENGINE_OK;
}

static enum engine_outcome check_peer(SSL *ssl, const struct url *url,
                                      const struct client_target *target, char *text,
                                      size_t text_size)
{
	const X509 *x = SSL_get0_peer_certificate(ssl);
	long verdict = SSL_get_verify_result(ssl);
	char fingerprint[TLS_FINGERPRINT_SIZE];
	char pin[STREAM_PIN_SIZE];

	if (!x || !print_pin(x, pin))
		return refuse(url->host, text, text_size);
	if (target->pin && strcmp(target->pin, pin) != 0) {
		(void)snprintf(text, text_size,
		               "%s has not the public key that is pinned, but %s",
		               url->host, pin);
		return ENGINE_REFUSED;
	}
	if (verdict == X509_V_OK || (target->pin && !target->cacert))
		return ENGINE_OK;
	tls_fingerprint(x, fingerprint);
	(void)snprintf(
		text, text_size,
		"the certificate of %s is not trusted: %s. Its SHA-256 fingerprint is "
		"%s. If that is what the server logs at its start, trust it by --pin %s",
		url->host, X509_verify_cert_error_string(verdict), fingerprint, pin);
	return ENGINE_REFUSED;
}

/* Waits for what the BIO waits for, after it gave nothing. */
static enum engine_outcome wait_again(struct stream *s, uint64_t deadline)
{
	if (!BIO_should_retry(s->bio))
		return ENGINE_NOT_RUNNING;
	return client_wait(s->fd, BIO_should_write(s->bio) ? POLLOUT : POLLIN, deadline);
}

static enum engine_outcome shake_hands(struct stream *s, const struct url *url,
                                       uint64_t deadline, char *text, size_t text_size)
{
	enum engine_outcome outcome = ENGINE_OK;

	while (outcome == ENGINE_OK && BIO_do_handshake(s->bio) != 1)
		outcome = wait_again(s, deadline);
	if (outcome == ENGINE_TIMED_OUT)
		return client_say(outcome, text, text_size);
	return outcome == ENGINE_OK ? outcome : refuse(url->host, text, text_size);
}

static enum engine_outcome secure(struct stream *s, const struct url *url,
                                  const struct client_target *target, uint64_t deadline,
                                  char *text, size_t text_size)
{
	SSL *ssl = NULL;
	enum engine_outcome outcome = prepare(s, url, target, text, text_size);

	if (outcome == ENGINE_OK)
		outcome = shake_hands(s, url, deadline, text, text_size);
	if (outcome != ENGINE_OK)
		return outcome;
	(void)BIO_get_ssl(s->bio, &ssl);
	return check_peer(ssl, url, target, text, text_size);
}

enum engine_outcome stream_open(const struct url *url, const struct client_target *target,
                                uint64_t deadline, struct stream **out, char *text,
                                size_t text_size)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->fd = -1;
	enum engine_outcome outcome = dial(url, deadline, &s->fd, text, text_size);
	if (outcome == ENGINE_OK) {
		s->bio = BIO_new_socket(s->fd, BIO_NOCLOSE);
		if (!s->bio)
			abort();
		if (url->tls)
			outcome = secure(s, url, target, deadline, text, text_size);
	}
	if (outcome == ENGINE_OK)
		*out = s;
	else
		stream_close(&s);
	return outcome;
}

/* ---- octets ---- */

bool stream_is_quiet(const struct stream *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

enum engine_outcome stream_write(struct stream *s, const char *octets, size_t len,
                                 uint64_t deadline)
{
	enum engine_outcome outcome = ENGINE_OK;

	while (len && outcome == ENGINE_OK) {
		int sent = BIO_write(s->bio, octets, len > INT_MAX ? INT_MAX : (int)len);
		if (sent > 0) {
			octets += sent;
			len -= (size_t)sent;
		} else {
			outcome = wait_again(s, deadline);
		}
	}
	return outcome;
}

enum engine_outcome stream_read(struct stream *s, char *octets, size_t room,
                                uint64_t deadline, size_t *got)
{
	for (;;) {
		int n = BIO_read(s->bio, octets, room > INT_MAX ? INT_MAX : (int)room);
		if (n > 0 || !BIO_should_retry(s->bio)) {
			*got = n > 0 ? (size_t)n : 0;
			return ENGINE_OK;
		}
		enum engine_outcome outcome = wait_again(s, deadline);
		if (outcome != ENGINE_OK)
			return outcome;
	}
}
