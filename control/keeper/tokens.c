#include "control/keeper/tokens.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/key_token.h"
#include "shared/err.h"
#include "shared/io_settings.h"
#include "shared/log.h"
#include "shared/name.h"

void keeper_set_tokens(const struct config *c)
{
	static char texts[TOKENS_MAX][IO_NAMES_SIZE];
	const char *uris[TOKENS_MAX];
	const char *at = c->dnssec_tokens;
	char why[TOKEN_WHY_SIZE];
	size_t count = 0;

	while (count < TOKENS_MAX && io_names_next(&at, texts[count])) {
		uris[count] = texts[count];
		count++;
	}
	if (tokens_set(uris, count, why) < 0)
		log_error("dnssec.tokens: %s", why);
}

/* ---- keys ---- */

enum { SPARES_MAX = 256 };

/* A key that was made, and is in no store yet. */
struct spare {
	struct spare *next;
	uint8_t zone[NAME_MAX_LEN];
	uint16_t flags;
	uint16_t bits;
	uint8_t algorithm;
	char token[CONFIG_TOKEN_MAX + 1];
	char uri[TOKEN_KEY_URI_SIZE];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct spare *spares; /* the newest first */

static bool has_key(const struct zone_keys *zone, const char *uri)
{
	for (size_t i = 0; i < zone->count; i++)
		if (strcmp(zone->keys[i].stored.uri, uri) == 0)
			return true;
	for (size_t i = 0; i < zone->planned_count; i++)
		if (strcmp(zone->planned[i].stored.uri, uri) == 0)
			return true;
	return false;
}

static bool is_of(const struct spare *s, const struct zone_keys *zone)
{
	return name_equal(s->zone, zone->zone);
}

static void drop(struct spare **at)
{
	struct spare *s = *at;

	*at = s->next;
	free(s);
}

void keeper_keys_stored(const struct zone_keys *zone)
{
	(void)pthread_mutex_lock(&lock);
	for (struct spare **at = &spares; *at;) {
		if (is_of(*at, zone) && has_key(zone, (*at)->uri))
			drop(at);
		else
			at = &(*at)->next;
	}
	(void)pthread_mutex_unlock(&lock);
}

void keeper_forget_tokens(void)
{
	(void)pthread_mutex_lock(&lock);
	while (spares)
		drop(&spares);
	(void)pthread_mutex_unlock(&lock);
	tokens_forget();
}

static bool does(const struct spare *s, const struct config_dnssec_policy *p,
                 const struct zone_keys *zone, uint16_t flags)
{
	return is_of(s, zone) && s->flags == flags &&
	       s->algorithm == p->policy.algorithm && s->bits == p->policy.rsa_bits &&
	       strcmp(s->token, p->token) == 0 && !has_key(zone, s->uri);
}

/* Takes one out that does. Gives whether there is any. */
static bool take_spare(const struct config_dnssec_policy *p, const struct zone_keys *zone,
                       uint16_t flags, char uri[static TOKEN_KEY_URI_SIZE])
{
	bool found = false;

	(void)pthread_mutex_lock(&lock);
	for (struct spare **at = &spares; *at; at = &(*at)->next) {
		found = does(*at, p, zone, flags);
		if (!found)
			continue;
		memcpy(uri, (*at)->uri, sizeof(*at)->uri);
		drop(at);
		break;
	}
	(void)pthread_mutex_unlock(&lock);
	return found;
}

static void note_spare(const struct config_dnssec_policy *p, const struct zone_keys *zone,
                       uint16_t flags, const char *uri)
{
	struct spare *s = must(calloc(1, sizeof *s));
	size_t count = 0;

	memcpy(s->zone, zone->zone, sizeof s->zone);
	s->flags = flags;
	s->bits = p->policy.rsa_bits;
	s->algorithm = p->policy.algorithm;
	(void)snprintf(s->token, sizeof s->token, "%s", p->token);
	(void)snprintf(s->uri, sizeof s->uri, "%s", uri);
	(void)pthread_mutex_lock(&lock);
	s->next = spares;
	spares = s;
	for (struct spare **at = &spares; *at; at = &(*at)->next)
		if (++count > SPARES_MAX) {
			drop(at);
			break;
		}
	(void)pthread_mutex_unlock(&lock);
}

static int make_key(const struct config_dnssec_policy *p, const struct zone_keys *zone,
                    uint16_t flags, struct sign_key **out, char *why)
{
	char name[NAME_TEXT_MAX];
	char label[NAME_TEXT_MAX + 8];
	const struct sign_key_wanted wanted = {
		.token = p->token,
		.algorithm = p->policy.algorithm,
		.flags = flags,
		.bits = p->policy.rsa_bits,
		.label = label,
	};

	(void)snprintf(label, sizeof label, "%s %s", name_to_text(zone->zone, name),
	               flags == SIGN_FLAGS_KSK ? "KSK" : "ZSK");
	return sign_key_generate_in_token(&wanted, out, why);
}

int keeper_key_in_token(const struct config_dnssec_policy *p,
                        const struct zone_keys *zone, uint16_t flags,
                        struct sign_key **out, char why[static TOKEN_WHY_SIZE])
{
	char uri[TOKEN_KEY_URI_SIZE];
	int err = ERR_NOTFOUND;

	if (take_spare(p, zone, flags, uri)) {
		err = sign_key_in_token(uri, p->policy.algorithm, flags, out, why);
		if (err != ERR_NOTFOUND)
			note_spare(p, zone, flags, uri);
		if (err == 0)
			return 0;
	}
	if (err == ERR_NOTFOUND)
		err = make_key(p, zone, flags, out, why);
	if (err < 0)
		return ERR_REFUSED;
	note_spare(p, zone, flags, sign_key_uri(*out));
	return 0;
}
