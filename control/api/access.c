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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/api/internal.h"
#include "control/http/secret_file.h"
#include "shared/err.h"

enum { KEY_MIN = 16, KEY_MAX = 256 };

/* Keys of any length are compared by their hashes, in a time that tells nothing of either. */
static void hash_key(const char *key, uint8_t out[static API_KEY_HASH_SIZE])
{
	if (!EVP_Digest(key, strlen(key), out, NULL, EVP_sha256(), NULL))
		abort();
}

int access_open(struct api *a, char *text, size_t text_size)
{
	const char *path = a->config->api_key_file;
	char *key = NULL;

	if (!path[0])
		return 0;
	TRY(secret_file_read(path, &key, text, text_size));
	size_t len = strcspn(key, "\r\n");
	bool one_line = key[len + strspn(key + len, "\r\n")] == '\0';
	key[len] = '\0';
	bool good = one_line && len >= KEY_MIN && len <= KEY_MAX;
	for (size_t i = 0; i < len; i++)
		good = good && key[i] > ' ' && key[i] < 0x7f;
	if (good) {
		hash_key(key, a->key_hash);
		a->has_key = true;
	} else {
		(void)snprintf(text, text_size,
		               "%s: expected one line of %d to %d printable characters "
		               "without blanks",
		               path, KEY_MIN, KEY_MAX);
	}
	OPENSSL_cleanse(key, len);
	free(key);
	return good ? 0 : ERR_REFUSED;
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

	if (!a->has_key)
		return false;
	hash_key(key, hash);
	return CRYPTO_memcmp(hash, a->key_hash, sizeof hash) == 0;
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

static unsigned refuse_for_now(struct http_request *r, unsigned seconds)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%u", seconds);
	http_set_header(r, "Retry-After", text);
	return 429;
}

static unsigned let_in_by_key(struct api *a, struct http_request *r, const char *key)
{
	struct gate_answer answer;
	unsigned locked = gate_locked(a->gate, r->peer.address);

	if (locked)
		return refuse_for_now(r, locked);
	if (is_key_of_file(a, key)) {
		r->actor = actor_by_address(r, ROLE_ADMIN, "key file");
		return 0;
	}
	r->actor = gate_by_secret(a->gate, key, r->peer.address, &answer);
	return answer.status;
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
	const char *key = key_of(r);
	unsigned status = 0;

	if (r->peer.unix_socket && is_of_another_page(r))
		return 403;
	if (r->peer.unix_socket)
		r->actor = actor_of_peer(r);
	else if (open && r->peer.local)
		r->actor = actor_by_address(r, ROLE_READER, "nobody");
	else
		status = key ? let_in_by_key(a, r, key) : 401;
	note_request_id(r);
	return status;
}
