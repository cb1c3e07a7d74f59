/*
 * What a client has proved is kept as a list of pairs, an authority's file and a name, which are what a profile asks
 * for. So it holds for whatever configuration a rule is from, and for as long as somebody looks at it,
 * on any thread.
 */
#include "control/tls/trust.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "control/must.h"
#include "control/tls/internal.h"
#include "shared/err.h"

enum {
	DEPTH_MAX = 8, /* certificates between a client's and its authority's */
	SUBJECT_MAX = 80,
};

struct authority {
	struct authority *next;
	char *ca;          /* empty: the system's */
	X509_STORE *store; /* NULL: it cannot be read */
};

/* What one of the profiles asks for that rules name. */
struct expected {
	struct expected *next;
	char *name; /* of the profile */
	char *host; /* empty: by pins alone */
	char *pins;
	const struct authority *authority; /* with a host */
};

struct people {
	struct authority *authorities;
	struct expected *expected;
};

struct tls_trust {
	unsigned references;
	struct people now;
	struct people next;
};

struct tls_proof {
	atomic_uint references; /* relaxed up; down in acquire-release */
	unsigned count;
	struct {
		char *ca;
		char *host;
	} of[];
};

/* ---- whom rules want to see ---- */

static void forget(struct people *p)
{
	struct authority *next;
	struct expected *next_expected;

	for (struct expected *e = p->expected; e; e = next_expected) {
		next_expected = e->next;
		free(e->name);
		free(e->host);
		free(e->pins);
		free(e);
	}
	for (struct authority *a = p->authorities; a; a = next) {
		next = a->next;
		X509_STORE_free(a->store);
		free(a->ca);
		free(a);
	}
	*p = (struct people){0};
}

/* Reads it when it is not there yet. NULL store: why says what is wrong with it. */
static const struct authority *find_authority(struct people *p, const char *ca, char *why,
                                              size_t why_size)
{
	struct authority *a = p->authorities;

	while (a && strcmp(a->ca, ca) != 0)
		a = a->next;
	if (a)
		return a;
	a = must(calloc(1, sizeof *a));
	a->ca = must(strdup(ca));
	a->store = must(X509_STORE_new());
	ERR_clear_error();
	if ((ca[0] ? X509_STORE_load_file(a->store, ca)
	           : X509_STORE_set_default_paths(a->store)) != 1) {
		tls_say_failure(ca[0] ? ca : "TLS", why, why_size);
		X509_STORE_free(a->store);
		a->store = NULL;
	}
	ERR_clear_error();
	a->next = p->authorities;
	p->authorities = a;
	return a;
}

static bool is_expected(const struct people *p, const char *name)
{
	for (const struct expected *e = p->expected; e; e = e->next)
		if (strcmp(e->name, name) == 0)
			return true;
	return false;
}

static int expect(struct people *p, const struct config_tls *profile, char *text,
                  size_t text_size)
{
	char why[192] = "";

	if (is_expected(p, profile->name) || (!profile->host[0] && !profile->pins[0]))
		return 0;
	struct expected *e = must(calloc(1, sizeof *e));
	e->name = must(strdup(profile->name));
	e->host = must(strdup(profile->host));
	e->pins = must(strdup(profile->pins));
	e->next = p->expected;
	p->expected = e;
	if (!e->host[0])
		return 0;
	e->authority = find_authority(p, profile->ca, why, sizeof why);
	if (e->authority->store || e->pins[0])
		return 0;
	(void)snprintf(text, text_size,
	               "tls-profiles: %s: rules name it, and it fits nobody: %s", e->name,
	               why[0] ? why : "its authority cannot be read");
	return ERR_IO;
}

int tls_trust_prepare(struct tls_trust *t, const struct config *next, char *text,
                      size_t text_size)
{
	int err = 0;

	forget(&t->next);
	for (size_t i = 0; i < next->acl_count; i++) {
		const struct config_tls *profile =
			config_tls_find(next, next->acls[i].tls);
		int one = profile ? expect(&t->next, profile, text, text_size) : 0;

		if (one < 0)
			err = one;
	}
	return err;
}

void tls_trust_take(struct tls_trust *t)
{
	forget(&t->now);
	t->now = t->next;
	t->next = (struct people){0};
}

void tls_trust_abandon(struct tls_trust *t)
{
	forget(&t->next);
}

struct tls_trust *tls_trust_new(void)
{
	struct tls_trust *t = must(calloc(1, sizeof *t));

	t->references = 1;
	return t;
}

struct tls_trust *tls_trust_hold(struct tls_trust *t)
{
	t->references++;
	return t;
}

void tls_trust_release(struct tls_trust **trust)
{
	struct tls_trust *t = *trust;

	*trust = NULL;
	if (!t || --t->references > 0)
		return;
	forget(&t->now);
	forget(&t->next);
	free(t);
}

bool tls_trust_asks(const struct tls_trust *t)
{
	return t->now.expected != NULL;
}

/* ---- who has come ---- */

/* Gives X509_V_OK, or what is wrong with the chain. */
static int verify(const struct authority *a, SSL *ssl, X509 *certificate)
{
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	int verdict = X509_V_ERR_UNSPECIFIED;

	if (a->store && c &&
	    X509_STORE_CTX_init(c, a->store, certificate, SSL_get_peer_cert_chain(ssl)) &&
	    X509_STORE_CTX_set_default(c, "ssl_client")) {
		X509_VERIFY_PARAM *with = X509_STORE_CTX_get0_param(c);

		X509_VERIFY_PARAM_set_depth(with, DEPTH_MAX);
		X509_VERIFY_PARAM_set_auth_level(with, SSL_get_security_level(ssl));
		bool good = X509_verify_cert(c) == 1;
		verdict = X509_STORE_CTX_get_error(c);
		if (!good && verdict == X509_V_OK)
			verdict = X509_V_ERR_UNSPECIFIED;
	}
	X509_STORE_CTX_free(c);
	ERR_clear_error();
	return verdict;
}

/* Only names that are there as such (RFC 8310 §8.1), not the subject's. */
static bool has_host(X509 *certificate, const char *host)
{
	const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	                       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	return X509_check_host(certificate, host, 0, flags, NULL) == 1 ||
	       X509_check_ip_asc(certificate, host, 0) == 1;
}

/* Gives what is wrong, or NULL: it comes from there. */
static const char *chain_trouble(const struct authority *a, SSL *ssl, X509 *certificate)
{
	int verdict = verify(a, ssl, certificate);

	if (!a->store)
		return "its authority cannot be read";
	return verdict == X509_V_OK ? NULL : X509_verify_cert_error_string(verdict);
}

static void add_proof(struct tls_proof **proof, const struct expected *e)
{
	unsigned count = *proof ? (*proof)->count : 0;
	struct tls_proof *p =
		must(realloc(*proof, sizeof *p + (count + 1) * sizeof p->of[0]));

	if (!*proof)
		atomic_init(&p->references, 1);
	p->of[count].ca = must(strdup(e->authority->ca));
	p->of[count].host = must(strdup(e->host));
	p->count = count + 1;
	*proof = p;
}

static void print_subject(X509 *certificate, char out[static SUBJECT_MAX])
{
	BIO *to = must(BIO_new(BIO_s_mem()));
	char *text = NULL;

	(void)X509_NAME_print_ex(to, X509_get_subject_name(certificate), 0,
	                         XN_FLAG_RFC2253);
	long len = BIO_get_mem_data(to, &text);
	(void)snprintf(out, SUBJECT_MAX, "%.*s", (int)len, len > 0 ? text : "");
	BIO_free(to);
	ERR_clear_error();
}

struct tls_proof *tls_trust_judge(const struct tls_trust *t, SSL *ssl,
                                  const struct tls_peer *peer, char *text,
                                  size_t text_size)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	struct tls_proof *proof = NULL;
	char subject[SUBJECT_MAX];
	bool known = false;

	text[0] = '\0';
	if (!certificate || !peer->has_pin || peer->version < TLS1_3_VERSION)
		return NULL;
	print_subject(certificate, subject);
	for (const struct expected *e = t->now.expected; e; e = e->next) {
		bool named = e->host[0] && has_host(certificate, e->host);
		const char *wrong = named ? chain_trouble(e->authority, ssl, certificate)
		                    : e->host[0] ? "it has not the name"
		                                 : "its public key is not pinned";

		if (!wrong)
			add_proof(&proof, e);
		known |= !wrong || tls_pins_have(e->pins, peer->pin);
		/* Of a profile that it has the name of, or else of any. */
		if (wrong && (named || !text[0]))
			(void)snprintf(text, text_size,
			               "certificate of %s: for profile %s: %s", subject,
			               e->name, wrong);
	}
	if (known)
		text[0] = '\0';
	return proof;
}

/* ---- what it has proved ---- */

struct tls_proof *tls_proof_hold(struct tls_proof *p)
{
	if (p)
		(void)atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
	return p;
}

void tls_proof_release(struct tls_proof **proof)
{
	struct tls_proof *p = *proof;

	*proof = NULL;
	if (!p || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < p->count; i++) {
		free(p->of[i].ca);
		free(p->of[i].host);
	}
	free(p);
}

bool tls_proof_has(const struct tls_proof *p, const char *ca, const char *host)
{
	for (unsigned i = 0; p && i < p->count; i++)
		if (strcmp(p->of[i].ca, ca) == 0 && strcmp(p->of[i].host, host) == 0)
			return true;
	return false;
}
