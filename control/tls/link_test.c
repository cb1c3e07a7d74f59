/*
 * A server's link and a client's, each of which puts into the memory of the other.
 */
#include "control/tls/link.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "control/config/config.h"
#include "control/tls/profiles.h"
#include "control/tls/server.h"
#include "shared/err.h"

enum { PIPE_SIZE = 65536, PIN_TEXT_SIZE = 45, MESSAGE_LEN = 20000 };

struct pipe {
	uint8_t octets[PIPE_SIZE];
	size_t len;
};

struct fixture {
	char directory[64];
	char ca[96]; /* the server's own certificate */
	struct tls_trust *trust;
	struct tls_server *server;
	struct tls_link *at_server;
	struct tls_link *at_client;
	struct pipe to_server;
	struct pipe to_client;
};

static int put(void *arg, const void *octets, size_t n)
{
	struct pipe *p = arg;

	if (n > PIPE_SIZE - p->len)
		return ERR_FULL;
	memcpy(p->octets + p->len, octets, n);
	p->len += n;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct tls_identity identity = {0};
	char text[256] = "";

	assert_non_null(f);
	snprintf(f->directory, sizeof f->directory, "/tmp/link_test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->ca, sizeof f->ca, "%s/cert.pem", f->directory);
	if (tls_identity_own(f->directory, NULL, 0, &identity, text, sizeof text) < 0)
		fail_msg("%s", text);
	f->trust = tls_trust_new();
	if (tls_server_new(&identity, f->trust, &f->server, text, sizeof text) < 0)
		fail_msg("%s", text);
	assert_true(tls_server_has(f->server, &identity));
	tls_identity_fini(&identity);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"cert", "key", "ca", "client", "client-key"};
	struct fixture *f = *state;
	char path[96];

	tls_link_free(&f->at_client);
	tls_link_free(&f->at_server);
	tls_server_release(&f->server);
	tls_trust_release(&f->trust);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s.pem", f->directory, files[i]);
		assert_true(unlink(path) == 0 || i >= 2);
	}
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static struct tls_client *new_client(const struct tls_client_terms *terms)
{
	struct tls_client *c = NULL;
	char text[256] = "";

	if (tls_client_new(terms, &c, text, sizeof text) < 0)
		fail_msg("%s", text);
	return c;
}

/* Makes both links. */
static void meet(struct fixture *f, struct tls_client *c)
{
	tls_link_free(&f->at_client);
	tls_link_free(&f->at_server);
	f->to_server.len = f->to_client.len = 0;
	assert_int_equal(tls_link_to_client(f->server, put, &f->to_client, &f->at_server),
	                 0);
	assert_int_equal(tls_link_to_server(c, put, &f->to_server, &f->at_client), 0);
}

/* Feeds a link what was put for it, in pieces of at most step octets. Gives the last of its verdicts. */
static int shake(struct tls_link *l, struct pipe *from, size_t step)
{
	static struct pipe taken;
	int err = ERR_BUSY;

	taken = *from;
	from->len = 0;
	for (size_t at = 0; at < taken.len && err == ERR_BUSY; at += step) {
		size_t n = taken.len - at < step ? taken.len - at : step;

		tls_link_feed(l, taken.octets + at, n);
		err = tls_link_handshake(l);
		if (err == 0 &&
		    at + n < taken.len) /* what follows is not of the handshake */
			assert_int_equal(
				put(from, taken.octets + at + n, taken.len - at - n), 0);
	}
	return err;
}

/* Says what each side thinks of it. */
static void shake_both(struct fixture *f, size_t step, int *client, int *server)
{
	*server = ERR_BUSY;
	*client = tls_link_handshake(f->at_client);
	for (unsigned round = 0; round < 8; round++) {
		if (*server == ERR_BUSY)
			*server = shake(f->at_server, &f->to_server, step);
		if (*client == ERR_BUSY)
			*client = shake(f->at_client, &f->to_client, step);
	}
}

static void agree(struct fixture *f, struct tls_client *c, size_t step)
{
	int client;
	int server;

	meet(f, c);
	shake_both(f, step, &client, &server);
	assert_int_equal(client, 0);
	assert_int_equal(server, 0);
}

/* Gives what the client says to it. */
static int refusal(struct fixture *f, const struct tls_client_terms *terms)
{
	struct tls_client *c = new_client(terms);
	int client;
	int server;

	meet(f, c);
	shake_both(f, PIPE_SIZE, &client, &server);
	tls_client_release(&c);
	return client;
}

/* Reads all that was put for a link. Gives how much, or what went wrong. */
static ssize_t read_all(struct tls_link *l, struct pipe *from, uint8_t *to, size_t room)
{
	size_t got = 0;
	ssize_t n;

	tls_link_feed(l, from->octets, from->len);
	while ((n = tls_link_read(l, to + got, room - got)) > 0)
		got += (size_t)n;
	from->len = 0;
	return n < 0 ? n : (ssize_t)got;
}

static void pin_of_server(const struct fixture *f, char out[static PIN_TEXT_SIZE])
{
	const struct tls_peer *peer = tls_link_peer(f->at_client);

	assert_true(peer->has_pin);
	assert_int_equal(EVP_EncodeBlock((unsigned char *)out, peer->pin, TLS_PIN_SIZE),
	                 PIN_TEXT_SIZE - 1);
}

/* ---- tests ---- */

static void octets_go_both_ways(void **state)
{
	static uint8_t sent[MESSAGE_LEN];
	static uint8_t got[MESSAGE_LEN];
	struct fixture *f = *state;
	struct tls_client *c = new_client(&(struct tls_client_terms){0});

	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = (uint8_t)(i * 7);
	agree(f, c, PIPE_SIZE);
	assert_int_equal(tls_link_peer(f->at_server)->version, 0x0304);
	assert_true(tls_link_peer(f->at_server)->dot);
	assert_true(tls_link_peer(f->at_client)->dot);
	assert_false(tls_link_peer(f->at_client)->verified);
	assert_int_equal(tls_link_write(f->at_client, sent, sizeof sent), 0);
	assert_int_equal(read_all(f->at_server, &f->to_server, got, sizeof got),
	                 sizeof sent);
	assert_memory_equal(got, sent, sizeof sent);
	assert_int_equal(tls_link_write(f->at_server, sent, 100), 0);
	assert_int_equal(read_all(f->at_client, &f->to_client, got, sizeof got), 100);
	tls_link_finish(f->at_server);
	assert_int_equal(read_all(f->at_client, &f->to_client, got, sizeof got),
	                 ERR_GONE);
	tls_client_release(&c);
}

static void handshake_may_be_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	struct tls_client *c = new_client(&(struct tls_client_terms){0});

	for (size_t step = 1; step < 40; step++)
		agree(f, c, step);
	tls_client_release(&c);
}

static void session_is_resumed(void **state)
{
	struct fixture *f = *state;
	struct tls_client *c =
		new_client(&(struct tls_client_terms){.ca = f->ca, .host = "localhost"});
	uint8_t got[16];

	agree(f, c, PIPE_SIZE);
	assert_false(tls_link_peer(f->at_server)->resumed);
	assert_int_equal(read_all(f->at_client, &f->to_client, got, sizeof got), 0);
	agree(f, c, PIPE_SIZE);
	assert_true(tls_link_peer(f->at_server)->resumed);
	assert_true(tls_link_peer(f->at_client)->verified);
	tls_client_release(&c);
}

static void other_side_is_who_it_is_to_be(void **state)
{
	struct fixture *f = *state;
	struct tls_client *c = new_client(&(struct tls_client_terms){0});
	char pin[PIN_TEXT_SIZE];
	char pins[2 * PIN_TEXT_SIZE];

	agree(f, c, PIPE_SIZE);
	pin_of_server(f, pin);
	tls_client_release(&c);
	/* Some other key, and this one. */
	snprintf(pins, sizeof pins, "%.*sAAA= %s", PIN_TEXT_SIZE - 5, pin, pin);
	assert_int_equal(refusal(f, &(struct tls_client_terms){.pins = pins}), 0);
	assert_true(tls_link_peer(f->at_client)->verified);
	pins[PIN_TEXT_SIZE - 1] = '\0';
	assert_int_equal(refusal(f, &(struct tls_client_terms){.pins = pins}),
	                 ERR_REFUSED);
	assert_non_null(strstr(tls_link_trouble(f->at_client), "certificate"));
	assert_int_equal(
		refusal(f, &(struct tls_client_terms){.ca = f->ca, .host = "localhost"}),
		0);
	assert_true(tls_link_peer(f->at_client)->verified);
	assert_int_equal(
		refusal(f, &(struct tls_client_terms){.ca = f->ca, .host = "other.test"}),
		ERR_REFUSED);
	assert_int_equal(refusal(f, &(struct tls_client_terms){.host = "localhost"}),
	                 ERR_REFUSED);
	/* A pin does without the rest. */
	assert_int_equal(
		refusal(f, &(struct tls_client_terms){.pins = pin, .host = "other.test"}),
		0);
}

static void what_is_no_pin_is_refused(void **state)
{
	static const char *const bad[] = {
		"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!=",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=x"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const struct tls_client_terms terms = {.pins = bad[i]};
		struct tls_client *c = NULL;
		char text[256] = "";

		assert_int_equal(tls_client_new(&terms, &c, text, sizeof text),
		                 ERR_INVALID);
		assert_non_null(strstr(text, "pin"));
	}
}

/* ---- clients with certificates ---- */

/* Certificates of a test, each signed by the one before. */
struct signer {
	X509 *certificate;
	EVP_PKEY *key;
};

static void extend(X509 *x, int kind, const char *value)
{
	X509V3_CTX context = {0};

	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	assert_non_null(e);
	assert_true(X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

/* names: as of subjectAltName; NULL: an authority. by: NULL: itself. days: until it ends. */
static struct signer sign(const char *subject, const char *names, const char *purpose,
                          const struct signer *by, int days)
{
	struct signer s = {X509_new(), EVP_EC_gen("P-256")};
	static long serial;

	assert_true(s.certificate && s.key);
	if (!by)
		by = &s;
	X509_set_version(s.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(s.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(s.certificate), -172800);
	X509_gmtime_adj(X509_getm_notAfter(s.certificate), days * 86400L);
	X509_set_pubkey(s.certificate, s.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(s.certificate), "CN",
	                           MBSTRING_ASC, (const unsigned char *)subject, -1, -1,
	                           0);
	X509_set_issuer_name(s.certificate, X509_get_subject_name(by->certificate));
	extend(s.certificate, NID_basic_constraints,
	       names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names && names[0])
		extend(s.certificate, NID_subject_alt_name, names);
	if (purpose)
		extend(s.certificate, NID_ext_key_usage, purpose);
	assert_true(X509_sign(s.certificate, by->key, EVP_sha256()));
	return s;
}

static void write_pem(const struct fixture *f, const char *name,
                      const struct signer *const *all, size_t count, EVP_PKEY *key)
{
	char path[96];

	snprintf(path, sizeof path, "%s/%s.pem", f->directory, name);
	unlink(path);
	FILE *to = fopen(path, "wx");
	assert_non_null(to);
	assert_int_equal(fchmod(fileno(to), 0600), 0);
	for (size_t i = 0; i < count; i++)
		assert_true(PEM_write_X509(to, all[i]->certificate));
	if (key)
		assert_true(PEM_write_PrivateKey(to, key, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(to), 0);
}

static void signer_fini(struct signer *s)
{
	X509_free(s->certificate);
	EVP_PKEY_free(s->key);
}

/* A rule goes by the one profile, of which this is given in YAML. */
static struct config *rule_with(const char *profile)
{
	struct config *c = NULL;
	struct diag d;
	char text[512];

	snprintf(text, sizeof text,
	         "control:\n  store: s\n"
	         "server:\n  listen: 127.0.0.1\n  tls-listen: 127.0.0.1\n"
	         "acls:\n  - {name: a, tls: t, actions: [transfer]}\n"
	         "tls-profiles:\n  - {name: t, %s}\n",
	         profile);
	diag_init(&d);
	if (config_parse(text, strlen(text), "/t/c", NULL, &c, &d) < 0)
		diag_print(&d, stderr);
	diag_fini(&d);
	assert_non_null(c);
	return c;
}

static struct config *trust_by(struct fixture *f, const char *ca, const char *host)
{
	char profile[256];
	char text[256] = "";

	snprintf(profile, sizeof profile, "ca: %s/%s.pem, host: %s", f->directory, ca,
	         host);
	struct config *c = rule_with(profile);
	if (tls_trust_prepare(f->trust, c, text, sizeof text) < 0)
		fail_msg("%s", text);
	tls_trust_take(f->trust);
	return c;
}

static bool fits(const struct fixture *f, const struct config *c)
{
	return tls_profile_fits(tls_link_peer(f->at_server), config_tls_find(c, "t"));
}

/* Whether one who shows client.pem is who the rule is for. */
static bool is_let_in(struct fixture *f, const struct config *c)
{
	char certificate[96];
	char key[96];

	snprintf(certificate, sizeof certificate, "%s/client.pem", f->directory);
	snprintf(key, sizeof key, "%s/client-key.pem", f->directory);
	assert_int_equal(refusal(f, &(struct tls_client_terms){.certificate = certificate,
	                                                       .key = key}),
	                 0);
	return fits(f, c);
}

static void client_is_known_by_its_name_from_an_authority(void **state)
{
	static const struct {
		const char *names;
		const char *purpose;
		int days;
		bool foreign; /* of another authority with the same name */
		const char *trouble;
	} rows[] = {
		{"DNS:ns2.dns.test", NULL, 1, false, NULL},
		{"DNS:other.test,DNS:NS2.dns.test", "clientAuth", 1, false, NULL},
		{"DNS:*.dns.test", "clientAuth,serverAuth", 1, false, NULL},
		{"DNS:other.test", NULL, 1, false, "name"},
		{"DNS:ns2.dns.test.other.test", NULL, 1, false, "name"},
		{"DNS:n*.dns.test", NULL, 1, false, "name"},
		{"", NULL, 1, false, "name"}, /* that of its subject does not count */
		{"DNS:ns2.dns.test", "serverAuth", 1, false, "purpose"},
		{"DNS:ns2.dns.test", NULL, -1, false, "expired"},
		{"DNS:ns2.dns.test", NULL, 1, true, "signature"},
	};
	struct fixture *f = *state;
	struct signer ca = sign("authority", NULL, NULL, NULL, 1);
	struct signer foreign = sign("authority", NULL, NULL, NULL, 1);
	const struct signer *const trusted[] = {&ca};

	write_pem(f, "ca", trusted, 1, NULL);
	struct config *c = trust_by(f, "ca", "ns2.dns.test");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct signer s = sign("ns2.dns.test", rows[i].names, rows[i].purpose,
		                       rows[i].foreign ? &foreign : &ca, rows[i].days);
		const struct signer *const shown[] = {&s};

		write_pem(f, "client", shown, 1, NULL);
		write_pem(f, "client-key", NULL, 0, s.key);
		assert_int_equal(is_let_in(f, c), !rows[i].trouble);
		const char *said = tls_link_trouble(f->at_server);
		if (rows[i].trouble &&
		    (!strstr(said, rows[i].trouble) || !strstr(said, "CN=ns2.dns.test")))
			fail_msg("row %zu: %s", i, said);
		if (!rows[i].trouble)
			assert_string_equal(said, "");
		signer_fini(&s);
	}
	config_release(c);
	signer_fini(&foreign);
	signer_fini(&ca);
}

/* Those between come with the handshake alone: a session resumed without them would be nobody's. */
static void client_with_a_chain_is_known_each_time(void **state)
{
	struct fixture *f = *state;
	struct signer ca = sign("authority", NULL, NULL, NULL, 1);
	struct signer between = sign("between", NULL, NULL, &ca, 1);
	struct signer s = sign("client", "DNS:ns2.dns.test", NULL, &between, 1);
	const struct signer *const trusted[] = {&ca};
	const struct signer *const shown[] = {&s, &between};
	char certificate[96];
	char key[96];
	uint8_t got[16];

	write_pem(f, "ca", trusted, 1, NULL);
	struct config *c = trust_by(f, "ca", "ns2.dns.test");
	snprintf(certificate, sizeof certificate, "%s/client.pem", f->directory);
	snprintf(key, sizeof key, "%s/client-key.pem", f->directory);
	for (size_t chain = 1; chain <= 2; chain++) {
		write_pem(f, "client", shown, chain, NULL);
		write_pem(f, "client-key", NULL, 0, s.key);
		struct tls_client *client = new_client(&(struct tls_client_terms){
			.certificate = certificate, .key = key});
		for (unsigned i = 0; i < 2; i++) {
			agree(f, client, PIPE_SIZE);
			assert_int_equal(fits(f, c), chain == 2);
			assert_int_equal(
				read_all(f->at_client, &f->to_client, got, sizeof got),
				0);
		}
		assert_int_equal(tls_link_peer(f->at_server)->resumed, chain == 1);
		tls_client_release(&client);
	}
	config_release(c);
	signer_fini(&s);
	signer_fini(&between);
	signer_fini(&ca);
}

static void who_is_known_is_judged_anew_with_the_configuration(void **state)
{
	struct fixture *f = *state;
	struct signer ca = sign("authority", NULL, NULL, NULL, 1);
	struct signer s = sign("client", "DNS:ns2.dns.test", NULL, &ca, 1);
	const struct signer *const trusted[] = {&ca};
	const struct signer *const shown[] = {&s};
	struct tls_peer copy;

	write_pem(f, "ca", trusted, 1, NULL);
	write_pem(f, "client", shown, 1, NULL);
	write_pem(f, "client-key", NULL, 0, s.key);
	struct config *before = trust_by(f, "ca", "ns2.dns.test");
	assert_true(is_let_in(f, before));
	tls_peer_init(&copy, tls_link_peer(f->at_server));
	struct config *after = trust_by(f, "cert", "ns2.dns.test");
	assert_false(fits(f, after));
	tls_link_judge(f->at_server);
	assert_false(fits(f, before));
	assert_false(fits(f, after));
	assert_true(tls_profile_fits(&copy, config_tls_find(before, "t")));
	tls_peer_fini(&copy);
	config_release(after);
	after = trust_by(f, "ca", "ns2.dns.test");
	tls_link_judge(f->at_server);
	assert_true(fits(f, after));
	config_release(after);
	config_release(before);
	signer_fini(&s);
	signer_fini(&ca);
}

static void authority_that_cannot_be_read_is_told(void **state)
{
	static const char *const bad[] = {"ca: /nonexistent, host: ns2.dns.test",
	                                  "ca: /dev/null, host: ns2.dns.test"};
	struct fixture *f = *state;
	char text[256];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct config *c = rule_with(bad[i]);
		text[0] = '\0';
		assert_int_equal(tls_trust_prepare(f->trust, c, text, sizeof text),
		                 ERR_IO);
		assert_non_null(strstr(text, "tls-profiles: t: "));
		tls_trust_abandon(f->trust);
		assert_false(tls_trust_asks(f->trust));
		config_release(c);
	}
}

/* A session begun without one would go on without one. */
static void certificate_is_asked_for_where_a_rule_goes_by_it(void **state)
{
	struct fixture *f = *state;
	struct signer s = sign("client", "DNS:ns2.dns.test", NULL, NULL, 1);
	const struct signer *const shown[] = {&s};
	char certificate[96];
	char key[96];
	uint8_t got[16];
	char text[256] = "";

	write_pem(f, "client", shown, 1, NULL);
	write_pem(f, "client-key", NULL, 0, s.key);
	snprintf(certificate, sizeof certificate, "%s/client.pem", f->directory);
	snprintf(key, sizeof key, "%s/client-key.pem", f->directory);
	struct tls_client *client = new_client(
		&(struct tls_client_terms){.certificate = certificate, .key = key});
	struct config *none = rule_with("certificate: c, key: k");
	assert_int_equal(tls_trust_prepare(f->trust, none, text, sizeof text), 0);
	tls_trust_take(f->trust);
	agree(f, client, PIPE_SIZE);
	assert_int_equal(read_all(f->at_client, &f->to_client, got, sizeof got), 0);
	assert_false(tls_link_peer(f->at_server)->has_pin);
	struct config *c = trust_by(f, "client", "ns2.dns.test");
	agree(f, client, PIPE_SIZE);
	assert_false(tls_link_peer(f->at_server)->resumed);
	assert_true(fits(f, c));
	config_release(c);
	config_release(none);
	tls_client_release(&client);
	signer_fini(&s);
}

/* Who shows a certificate to the server is known by its key. */
static void client_is_known_by_its_pin(void **state)
{
	struct fixture *f = *state;
	char key[96];
	char pin[PIN_TEXT_SIZE];
	char none[] = "";
	struct config_tls profile = {.pins = pin, .host = none, .ca = none};
	struct config *c =
		rule_with("pins: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");

	snprintf(key, sizeof key, "%s/key.pem", f->directory);
	assert_int_equal(tls_trust_prepare(f->trust, c, pin, sizeof pin), 0);
	tls_trust_take(f->trust);
	config_release(c);
	assert_int_equal(
		refusal(f, &(struct tls_client_terms){.certificate = f->ca, .key = key}),
		0);
	pin_of_server(f, pin);
	assert_true(tls_profile_fits(tls_link_peer(f->at_server), &profile));
	pin[0] = pin[0] == 'A' ? 'B' : 'A';
	assert_false(tls_profile_fits(tls_link_peer(f->at_server), &profile));
	assert_int_equal(refusal(f, &(struct tls_client_terms){0}), 0);
	assert_false(tls_link_peer(f->at_server)->has_pin);
	assert_false(tls_profile_fits(tls_link_peer(f->at_server), &profile));
	profile.pins = none;
	assert_true(tls_profile_fits(tls_link_peer(f->at_server), &profile));
}

static void damaged_octets_are_not_read(void **state)
{
	struct fixture *f = *state;
	struct tls_client *c = new_client(&(struct tls_client_terms){0});
	uint8_t got[64];

	agree(f, c, PIPE_SIZE);
	assert_int_equal(tls_link_write(f->at_client, "question", 8), 0);
	f->to_server.octets[f->to_server.len - 1] ^= 1;
	assert_int_equal(read_all(f->at_server, &f->to_server, got, sizeof got),
	                 ERR_CORRUPT);
	assert_int_not_equal(tls_link_trouble(f->at_server)[0], '\0');
	tls_client_release(&c);
}

static void what_cannot_be_put_is_told(void **state)
{
	struct fixture *f = *state;
	struct tls_client *c = new_client(&(struct tls_client_terms){0});

	agree(f, c, PIPE_SIZE);
	f->to_server.len = PIPE_SIZE;
	assert_int_equal(tls_link_write(f->at_client, "question", 8), ERR_FULL);
	tls_client_release(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(octets_go_both_ways),
		TEST(handshake_may_be_cut_anywhere),
		TEST(session_is_resumed),
		TEST(other_side_is_who_it_is_to_be),
		TEST(what_is_no_pin_is_refused),
		TEST(client_is_known_by_its_pin),
		TEST(damaged_octets_are_not_read),
		TEST(what_cannot_be_put_is_told),
		TEST(client_is_known_by_its_name_from_an_authority),
		TEST(client_with_a_chain_is_known_each_time),
		TEST(who_is_known_is_judged_anew_with_the_configuration),
		TEST(authority_that_cannot_be_read_is_told),
		TEST(certificate_is_asked_for_where_a_rule_goes_by_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
