#include "control/policy/remote.h"

#include <string.h>

#include "control/policy/address.h"
#include "control/policy/words.h"
#include "shared/address.h"
#include "shared/err.h"
#include "shared/io_settings.h"

static void put_source(struct remote *r, const char *host)
{
	struct sockaddr_storage from;

	if (address_read(host, 0, &from))
		r->from[from.ss_family == AF_INET6] = from;
}

void remote_set_source(struct remote *r, const char *words)
{
	char word[IO_NAMES_SIZE];

	memset(r->from, 0, sizeof r->from);
	while (io_names_next(&words, word))
		put_source(r, word);
}

static void from_entry(const struct config *c, const struct config_remote *e,
                       struct contents_arena *arena, struct remote *out)
{
	*out = (struct remote){
		.name = e->name,
		.count = (unsigned)e->addresses.count,
		.key = word_name(arena, e->key),
		.tls = config_tls_find(c, e->tls),
	};
	memcpy(out->at, e->addresses.at, sizeof out->at);
	remote_set_source(out, e->source);
}

int remote_find(const struct config *c, const char *word, struct contents_arena *arena,
                struct remote *out)
{
	const struct config_remote *e = config_remote_find(c, word);
	char text[POLICY_ADDRESS_MAX];

	if (e) {
		from_entry(c, e, arena, out);
		return 0;
	}
	*out = (struct remote){.count = 1};
	if (!policy_address_read(word, &out->at[0]))
		return ERR_NOTFOUND;
	policy_address_text(&out->at[0], text);
	out->name = word_copy(arena, text);
	return 0;
}
