#include "control/update/updater.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/tsig/key.h"
#include "shared/address.h"

static struct actor *named(const struct tsig_key *key, const struct client *from)
{
	char text[NAME_TEXT_MAX] = "";

	if (key) {
		(void)name_to_text(key->name, text);
		text[strlen(text) - 1] = '\0'; /* the final dot */
	} else {
		address_bytes_host(from->addr, text);
	}
	struct actor *a = actor_new(ACTOR_DNS, ROLE_WRITER, text);
	memcpy(a->address, from->addr, sizeof a->address);
	a->port = from->port;
	if (key)
		memcpy(a->tenant, key->tenant, sizeof a->tenant);
	return a;
}

struct actor *updater_new(const struct acl_rule *rule, const struct tsig_key *key,
                          const struct client *from, const uint8_t *zone)
{
	struct actor *a = named(key, from);

	a->grants = must(calloc(ACL_GRANTS_MAX, sizeof *a->grants));
	a->grant_count = acl_grants(rule, zone, key, a->grants);
	if (a->grant_count == 0) { /* which would let it see all zones */
		a->grants[a->grant_count++].write = true;
		memcpy(a->grants[0].zone, zone, name_len(zone, NAME_MAX_LEN));
	}
	return a;
}
