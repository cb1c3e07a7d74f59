#include "control/api/key_ids.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/names.h"
#include "control/api/zone_json.h"
#include "control/policy/meta.h"
#include "control/tsig/stored.h"
#include "control/zone/arena.h"
#include "shared/err.h"

static const struct {
	const char *member;
	const char *kind;
} lists[] = {
	[KEY_IDS_MASTER] = {"master_tsig_key_ids", "TSIG-ALLOW-AXFR"},
	[KEY_IDS_SLAVE] = {"slave_tsig_key_ids", "AXFR-MASTER-TSIG"},
};

/* ---- looking ---- */

struct writing {
	FILE *to;
	const char *between;
};

/* What is no name has no id. */
static int write_one(const char *text, void *arg)
{
	struct writing *w = arg;
	uint8_t name[NAME_MAX_LEN];
	char id[API_ID_MAX];

	if (name_read(text, name) < 0)
		return 0;
	(void)fputs(w->between, w->to);
	zone_json_text(w->to, api_zone_id(name, id));
	w->between = ", ";
	return 0;
}

int key_ids_write(FILE *to, struct store_txn *t, const struct store_zone *z,
                  enum key_ids which)
{
	struct writing w = {.to = to, .between = ""};

	(void)putc('[', to);
	TRY(meta_texts(t, z->id, lists[which].kind, write_one, &w));
	(void)putc(']', to);
	return 0;
}

/* ---- changing ---- */

/* Keys of others are as good as none: who could name them could have what they are for, from whatever
 * primary and into whatever zone. */
static int find_key(const struct zone_call *c, struct store_txn *t, const uint8_t *name)
{
	const struct actor *a = c->actor;
	struct tsig_stored key;

	if (config_key_find(c->config, name))
		return actor_is_confined(a) ? ERR_NOTFOUND : 0;
	int err = tsig_stored_get(t, name, &key);
	if (err == 0 && actor_is_confined(a) &&
	    (!a->tenant[0] || strcmp(key.tenant, a->tenant) != 0))
		err = ERR_NOTFOUND;
	tsig_stored_fini(&key);
	return err;
}

static int read_one(struct zone_call *c, struct store_txn *t, const json_t *value,
                    const char **out)
{
	const char *id = json_string_value(value);
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	if (!id)
		return api_refuse(&c->fault, 422, "TSIG key ids must be strings");
	int err = api_zone_from_id(id, name);
	if (err == 0)
		err = find_key(c, t, name);
	if (err < 0 && err != ERR_NOTFOUND && err != ERR_SYNTAX)
		return err;
	if (err < 0)
		return api_refuse(&c->fault, 422,
		                  "A TSIG key with the name '%s' does not exist", id);
	*out = change_text(c->change, name_to_text(name, text));
	return 0;
}

static int read_list(struct zone_call *c, struct store_txn *t, const json_t *list,
                     const char **names)
{
	size_t i;
	const json_t *value;

	json_array_foreach(list, i, value) TRY(read_one(c, t, value, &names[i]));
	return 0;
}

int key_ids_read(struct zone_call *c, struct store_txn *t, uint32_t zone)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *list = json_object_get(c->request->body, lists[i].member);
		size_t count = json_array_size(list);

		if (!json_is_array(list) || (count == 0 && zone == 0))
			continue;
		const char **names = memory_get((count + 1) * sizeof *names);
		int err = read_list(c, t, list, names);
		if (err == 0)
			meta_change(c->change, zone, lists[i].kind, names, count);
		free(names);
		TRY(err);
	}
	return 0;
}
