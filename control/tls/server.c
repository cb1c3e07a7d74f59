#include "control/tls/server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "control/must.h"
#include "control/tls/internal.h"
#include "shared/err.h"

enum {
	TICKET_KEY_LIFE = 3600, /* seconds in which a key makes tickets */
	TICKET_NAME_SIZE = 16,
	TICKET_KEYS = 2,
	TICKET_LIFE = TICKET_KEYS * TICKET_KEY_LIFE,
	CHAIN_MAX = 16384, /* octets of a client's certificates */
};

struct ticket_key {
	unsigned char name[TICKET_NAME_SIZE];
	unsigned char cipher[32];
	unsigned char mac[32];
	time_t made; /* monotonic; with no key: 0 */
	bool there;
};

struct tls_server {
	unsigned references;
	SSL_CTX *context;
	struct tls_trust *trust;
	int64_t ends;                           /* as of struct tls_identity */
	char *certificate;                      /* PEM, with those behind it */
	struct ticket_key tickets[TICKET_KEYS]; /* the newest first */
};

SSL_CTX *tls_context_new(const SSL_METHOD *method, int least_version)
{
	SSL_CTX *c = SSL_CTX_new(method);

	if (!c)
		return NULL;
	(void)SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                     SSL_OP_NO_ANTI_REPLAY);
	(void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	if (!SSL_CTX_set_min_proto_version(c, least_version) ||
	    /* RFC 9325 §4.2, for TLS 1.2. */
	    !SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
		SSL_CTX_free(c);
		return NULL;
	}
	return c;
}

/* ---- tickets ---- */

static time_t monotonic(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Gives the key that makes tickets now. */
static const struct ticket_key *newest_key(struct tls_server *s)
{
	struct ticket_key *keys = s->tickets;
	time_t now = monotonic();

	if (keys[0].there && now - keys[0].made < TICKET_KEY_LIFE)
		return &keys[0];
	keys[1] = keys[0];
	if (RAND_bytes(keys[0].name, sizeof keys[0].name) != 1 ||
	    RAND_bytes(keys[0].cipher, sizeof keys[0].cipher) != 1 ||
	    RAND_bytes(keys[0].mac, sizeof keys[0].mac) != 1)
		return NULL;
	keys[0].made = now;
	keys[0].there = true;
	return &keys[0];
}

static const struct ticket_key *key_by_name(const struct tls_server *s,
                                            const unsigned char *name)
{
	time_t now = monotonic();

	for (unsigned i = 0; i < TICKET_KEYS; i++) {
		const struct ticket_key *k = &s->tickets[i];

		if (k->there && now - k->made < TICKET_LIFE &&
		    memcmp(k->name, name, sizeof k->name) == 0)
			return k;
	}
	return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct ticket_key *k)
{
	char digest[] = "SHA256";
	unsigned char key[sizeof k->mac];
	OSSL_PARAM params[3];

	memcpy(key, k->mac, sizeof key);
	params[0] =
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	bool set = EVP_MAC_CTX_set_params(mac, params) == 1;
	OPENSSL_cleanse(key, sizeof key);
	return set;
}

/* As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it: 0 means that there is no ticket, or a handshake
 * without it. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int make)
{
	struct tls_server *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct ticket_key *k = make ? newest_key(s) : key_by_name(s, name);

	if (!k || !set_mac(mac, k))
		return 0;
	if (!make)
		return EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv);
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
		return 0;
	memcpy(name, k->name, sizeof k->name);
	return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv);
}

/* ---- what clients may do ---- */

/* A client that offers protocols but not ours speaks something else (RFC 7301 §3.2); one that offers none is an
 * old one. */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                   const unsigned char *offered, unsigned offered_len, void *arg)
{
	static const unsigned char ours[] = TLS_ALPN_DOT;
	unsigned char *found = NULL;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&found, chosen_len, ours, TLS_ALPN_DOT_SIZE, offered,
	                          offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

/* Whoever it is: what it is good for is judged when it has shown that the key is its own. A ticket holds the
 * certificate, but not those behind it, without which it may prove less: whoever needs some gets none. */
static int on_client_certificate(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl =
		X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)arg;
	if (sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) > 1)
		(void)SSL_set_num_tickets(ssl, 0);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static bool set_up(SSL_CTX *c, struct tls_server *s)
{
	(void)SSL_CTX_set_app_data(c, s);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(c, TICKET_LIFE);
	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	SSL_CTX_set_cert_verify_callback(c, on_client_certificate, NULL);
	(void)SSL_CTX_set_max_cert_list(c, CHAIN_MAX);
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(c, on_ticket) &&
	       SSL_CTX_set_num_tickets(c, 1) && SSL_CTX_set_max_early_data(c, 0);
}

/* ---- who we are ---- */

static bool use_chain(SSL_CTX *c, const char *pem)
{
	BIO *from = BIO_new_mem_buf(pem, -1);
	X509 *x = from ? PEM_read_bio_X509(from, NULL, NULL, NULL) : NULL;
	bool used = x && SSL_CTX_use_certificate(c, x);

	X509_free(x);
	while (used && (x = PEM_read_bio_X509(from, NULL, NULL, NULL)) != NULL)
		used = SSL_CTX_add0_chain_cert(c, x);
	BIO_free(from);
	if (used)
		ERR_clear_error(); /* that there are no more */
	return used;
}

static bool use_key(SSL_CTX *c, const char *pem)
{
	BIO *from = BIO_new_mem_buf(pem, -1);
	/* No pass phrase is asked for on a terminal. */
	char none[] = "";
	EVP_PKEY *key = from ? PEM_read_bio_PrivateKey(from, NULL, NULL, none) : NULL;
	bool used = key && SSL_CTX_use_PrivateKey(c, key);

	EVP_PKEY_free(key);
	BIO_free(from);
	return used;
}

bool tls_context_use(SSL_CTX *c, const struct tls_identity *identity)
{
	return use_chain(c, identity->certificate) && use_key(c, identity->key);
}

int tls_server_new(const struct tls_identity *identity, struct tls_trust *trust,
                   struct tls_server **out, char *text, size_t text_size)
{
	struct tls_server *s = must(calloc(1, sizeof *s));

	s->references = 1;
	s->trust = tls_trust_hold(trust);
	s->ends = identity->ends;
	s->certificate = must(strdup(identity->certificate));
	s->context = tls_context_new(TLS_server_method(), TLS1_2_VERSION);
	if (!s->context || !set_up(s->context, s) ||
	    !tls_context_use(s->context, identity)) {
		tls_say_failure("TLS", text, text_size);
		tls_server_release(&s);
		return ERR_INVALID;
	}
	*out = s;
	return 0;
}

/* Its key is the same as well: it belongs to it. */
bool tls_server_has(const struct tls_server *s, const struct tls_identity *identity)
{
	return strcmp(s->certificate, identity->certificate) == 0;
}

int64_t tls_server_ends(const struct tls_server *s)
{
	return s->ends;
}

/* A session that began without being asked for a certificate would be resumed without one. */
SSL *tls_server_session(struct tls_server *s)
{
	static const unsigned char unasked[] = "dot";
	static const unsigned char asked[] = "dot, certificate";
	bool ask = tls_trust_asks(s->trust);
	SSL *ssl = SSL_new(s->context);

	if (!ssl)
		return NULL;
	SSL_set_verify(ssl, ask ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (SSL_set_session_id_context(ssl, ask ? asked : unasked,
	                               ask ? sizeof asked : sizeof unasked) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

struct tls_proof *tls_server_judge(const struct tls_server *s, SSL *ssl,
                                   const struct tls_peer *peer, char *text,
                                   size_t text_size)
{
	return tls_trust_judge(s->trust, ssl, peer, text, text_size);
}

struct tls_server *tls_server_hold(struct tls_server *s)
{
	s->references++;
	return s;
}

void tls_server_release(struct tls_server **server)
{
	struct tls_server *s = *server;

	*server = NULL;
	if (!s || --s->references > 0)
		return;
	SSL_CTX_free(s->context);
	tls_trust_release(&s->trust);
	free(s->certificate);
	OPENSSL_cleanse(s->tickets, sizeof s->tickets);
	free(s);
}
