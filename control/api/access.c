/*
 * Who may ask. Over the Unix socket: everybody who may open it, which its file's mode decides, as
 * with the control socket. Over TCP: who brings an API key, or the key of api.key-file; without one,
 * only what is open, and only from this machine.
 *
 * A browser is a danger to what needs no key: a page from elsewhere may send requests to whatever
 * its user can reach, a Unix socket forwarded to a port (ssh -L) included, and under a name of its
 * own that leads to 127.0.0.1 it may even read the answers. So a request by the Unix socket must
 * name a host without dots or an IP address, and where it was sent by a page (Origin), by one of
 * the same host.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/access/secret_file.h"
#include "control/api/internal.h"
#include "shared/clock.h"
#include "shared/err.h"

static const unsigned statuses[API_VERDICTS] = {
	[API_LET_IN] = 0,       [API_NO_KEY] = 401,   [API_FOREIGN] = 403,
	[API_LOCKED_OUT] = 429, [API_TOO_MANY] = 429, [API_UNKNOWN] = 503,
};

/* Keys of any length are compared by their hashes, in a time that tells nothing of either. */
static void hash_key(const char *key, uint8_t out[static API_KEY_HASH_SIZE])
{
	if (!EVP_Digest(key, strlen(key), out, NULL, EVP_sha256(), NULL))
		abort();
}

int access_read_key(const struct config *c, struct file_key *out, char *text,
                    size_t text_size)
{
	const char *path = c->api_key_file;
	char *key = NULL;

	*out = (struct file_key){0};
	if (!path[0])
		return 0;
	TRY(secret_file_read_line(path, &key, text, text_size));
	hash_key(key, out->hash);
	out->is_there = true;
	OPENSSL_cleanse(key, strlen(key));
	free(key);
	return 0;
}

static const char *key_of(const struct http_request *r)
{
	static const char bearer[] = "Bearer ";
	const char *key = http_header(r, "X-API-Key");
	const char *authorization = http_header(r, "Authorization");

	if (key)
		return key;
	if (authorization && !strncasecmp(authorization, bearer, sizeof bearer - 1))
		return authorization + sizeof bearer - 1;
	return NULL;
}

/* The key of the file, which no client had to be given by a command. */
static bool is_key_of_file(const struct api *a, const char *key)
{
	uint8_t hash[API_KEY_HASH_SIZE];

	if (!a->key.is_there)
		return false;
	hash_key(key, hash);
	return CRYPTO_memcmp(hash, a->key.hash, sizeof hash) == 0;
}

/* A name that only this machine gives a meaning to, or an address: no name of the DNS. */
static bool is_local_host(const char *host)
{
	size_t len = strcspn(host, ":/");

	if (host[0] == '[')
		return true;
	if (strspn(host, "0123456789.") == len)
		return true;
	return memchr(host, '.', len) == NULL;
}

static bool is_of_another_page(const struct http_request *r)
{
	const char *host = http_header(r, "Host");
	const char *origin = http_header(r, "Origin");

	if (host && !is_local_host(host))
		return true;
	if (!origin)
		return false;
	const char *authority = strstr(origin, "://");
	return !authority || !host || strcasecmp(authority + 3, host) != 0;
}

static struct actor *actor_of_peer(const struct http_request *r)
{
	char name[ACTOR_NAME_SIZE];

	(void)snprintf(name, sizeof name, r->peer.uid == 0 ? "uid %u (root)" : "uid %u",
	               (unsigned)r->peer.uid);
	struct actor *a = actor_new(ACTOR_SOCKET, ROLE_ADMIN, name);
	a->uid = r->peer.uid;
	return a;
}

static struct actor *actor_by_address(const struct http_request *r, enum role role,
                                      const char *name)
{
	struct actor *a = actor_new(ACTOR_KEY, role, name);

	memcpy(a->address, r->peer.address, sizeof a->address);
	return a;
}

static void retry_after(struct http_request *r, uint64_t seconds)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, seconds);
	http_set_header(r, "Retry-After", text);
}

/* Whoever has shown a key that opens: it may have been used too much of late. */
static enum api_verdict let_in_at_its_rate(struct api *a, struct http_request *r)
{
	uint64_t ms =
		a->rates ? rates_take(a->rates, r->actor->key_id, clock_now_ns() / 1000)
			 : 0;

	if (ms)
		retry_after(r, (ms + 999) / 1000);
	return ms ? API_TOO_MANY : API_LET_IN;
}

static enum api_verdict let_in_by_key(struct api *a, struct http_request *r,
                                      const char *key)
{
	struct gate_answer answer;
	unsigned locked = gate_locked(a->gate, r->peer.address);

	if (locked) {
		retry_after(r, locked);
		return API_LOCKED_OUT;
	}
	if (is_key_of_file(a, key))
		r->actor = actor_by_address(r, ROLE_ADMIN, "key file");
	else
		r->actor = gate_by_secret(a->gate, key, r->peer.address, &answer);
	if (r->actor)
		return let_in_at_its_rate(a, r);
	return answer.status == statuses[API_NO_KEY] ? API_NO_KEY : API_UNKNOWN;
}

static enum api_verdict decide(struct api *a, struct http_request *r, bool open)
{
	const char *key = key_of(r);

	if (r->peer.unix_socket && is_of_another_page(r))
		return API_FOREIGN;
	if (!r->peer.unix_socket && !(open && r->peer.local))
		return key ? let_in_by_key(a, r, key) : API_NO_KEY;
	r->actor = r->peer.unix_socket ? actor_of_peer(r)
	                               : actor_by_address(r, ROLE_READER, "nobody");
	return API_LET_IN;
}

/* What a client calls its request, for the audit log. */
static void note_request_id(struct http_request *r)
{
	const char *id = http_header(r, "X-Request-ID");

	if (id && r->actor && strlen(id) < sizeof r->actor->request_id)
		memcpy(r->actor->request_id, id, strlen(id) + 1);
}

unsigned access_guard(void *arg, struct http_request *r, bool open)
{
	struct api *a = arg;
	enum api_verdict verdict = decide(a, r, open);

	engine_count_request(a->engine, verdict);
	note_request_id(r);
	return statuses[verdict];
}
