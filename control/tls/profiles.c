#include "control/tls/profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/tls/internal.h"
#include "shared/err.h"
#include "shared/log.h"

enum { TROUBLE_SIZE = 256 };

struct entry {
	struct entry *next;
	char *name;
	struct tls_client *client;  /* NULL: it was not to be had */
	char trouble[TROUBLE_SIZE]; /* that has been logged */
};

struct tls_profiles {
	struct entry *first;
};

struct tls_profiles *tls_profiles_new(void)
{
	return must(calloc(1, sizeof(struct tls_profiles)));
}

void tls_profiles_forget(struct tls_profiles *p)
{
	struct entry *next;

	for (struct entry *e = p->first; e; e = next) {
		next = e->next;
		tls_client_release(&e->client);
		free(e->name);
		free(e);
	}
	p->first = NULL;
}

void tls_profiles_free(struct tls_profiles **profiles)
{
	struct tls_profiles *p = *profiles;

	*profiles = NULL;
	if (!p)
		return;
	tls_profiles_forget(p);
	free(p);
}

/* Gives the one of that name, made where there is none. */
static struct entry *entry_of(struct tls_profiles *p, const char *name)
{
	struct entry *e = p->first;

	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	if (e)
		return e;
	e = must(calloc(1, sizeof *e));
	e->name = must(strdup(name));
	e->next = p->first;
	p->first = e;
	return e;
}

static void complain(struct entry *e, const char *trouble)
{
	if (strcmp(e->trouble, trouble) == 0)
		return;
	(void)snprintf(e->trouble, sizeof e->trouble, "%s", trouble);
	log_warning("tls-profiles: %s: %s", e->name, trouble);
}

int tls_profiles_get(struct tls_profiles *p, const struct config_tls *profile,
                     struct tls_client **out)
{
	const struct tls_client_terms terms = {.ca = profile->ca,
	                                       .host = profile->host,
	                                       .pins = profile->pins,
	                                       .certificate = profile->certificate,
	                                       .key = profile->key};
	struct entry *e = entry_of(p, profile->name);
	char trouble[TROUBLE_SIZE] = "";
	int err = 0;

	if (!e->client)
		err = tls_client_new(&terms, &e->client, trouble, sizeof trouble);
	if (err < 0) {
		complain(e, trouble);
		return err;
	}
	*out = e->client;
	return 0;
}

bool tls_profile_fits(const struct tls_peer *peer, const struct config_tls *profile)
{
	if (peer->version < TLS1_3_VERSION)
		return false;
	if (!profile->pins[0] && !profile->host[0])
		return !profile->ca[0];
	return (peer->has_pin && tls_pins_have(profile->pins, peer->pin)) ||
	       (profile->host[0] &&
	        tls_proof_has(peer->proof, profile->ca, profile->host));
}
