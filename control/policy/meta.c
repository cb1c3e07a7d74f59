#include "control/policy/meta.h"

#include <assert.h>
#include <string.h>

#include "shared/err.h"

/*
 * Items of STORE_ZONEMETA: u32 zone id (big endian) and kind -> the texts, each with its NUL.
 */
enum { ID_SIZE = 4, KEY_MAX = ID_SIZE + META_KIND_MAX };

struct meta_key {
	uint8_t bytes[KEY_MAX];
	size_t len;
};

static struct meta_key key_of(uint32_t zone, const char *kind)
{
	struct meta_key k = {.len = ID_SIZE + strlen(kind)};

	assert(k.len <= KEY_MAX);
	for (unsigned i = 0; i < ID_SIZE; i++)
		k.bytes[i] = (uint8_t)(zone >> (24 - 8 * i));
	memcpy(k.bytes + ID_SIZE, kind, strlen(kind));
	return k;
}

bool meta_is_kind(const char *kind)
{
	static const char *const kinds[] = {
		"ALLOW-AXFR-FROM",
		"ALLOW-DNSUPDATE-FROM",
		"ALSO-NOTIFY",
		"AXFR-SOURCE",
		"FORWARD-DNSUPDATE",
		"GSS-ACCEPTOR-PRINCIPAL",
		"GSS-ALLOW-AXFR-PRINCIPAL",
		"IXFR",
		"NOTIFY-DNSUPDATE",
		"PUBLISH-CDNSKEY",
		"PUBLISH-CDS",
		"RFC1123-CONFORMANCE",
		"SIGNALING-ZONE",
		"SLAVE-RENOTIFY",
		"SOA-EDIT-DNSUPDATE",
		"TSIG-ALLOW-AXFR",
		"TSIG-ALLOW-DNSUPDATE",
	};

	if (strlen(kind) > META_KIND_MAX)
		return false;
	if (strncmp(kind, "X-", 2) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

/* ---- looking ---- */

static int get(struct store_txn *t, uint32_t zone, const char *kind, const char **texts,
               size_t *size)
{
	struct meta_key k = key_of(zone, kind);
	const void *value;

	*texts = NULL;
	*size = 0;
	int err = store_item_get(t, STORE_ZONEMETA, k.bytes, k.len, &value, size);
	if (err == ERR_NOTFOUND)
		return 0;
	TRY(err);
	*texts = value;
	return *size && (*texts)[*size - 1] ? ERR_CORRUPT : 0;
}

int meta_texts(struct store_txn *t, uint32_t zone, const char *kind,
               int (*fn)(const char *text, void *arg), void *arg)
{
	const char *texts;
	size_t size;
	int err = get(t, zone, kind, &texts, &size);

	if (err < 0 || !texts)
		return err;
	for (size_t at = 0; at < size && err == 0; at += strlen(texts + at) + 1)
		err = fn(texts + at, arg);
	return err;
}

int meta_text(struct store_txn *t, uint32_t zone, const char *kind, const char **out)
{
	const char *texts;
	size_t size;

	TRY(get(t, zone, kind, &texts, &size));
	*out = size ? texts : NULL;
	return 0;
}

struct each {
	meta_kind_fn *fn;
	void *arg;
};

static int each_item(const struct store_item *item, void *arg)
{
	const struct each *e = arg;
	const char *texts = item->value;
	char kind[META_KIND_MAX + 1];

	if (item->key_len > KEY_MAX || item->key_len < ID_SIZE ||
	    (item->size && texts[item->size - 1]))
		return ERR_CORRUPT;
	size_t len = item->key_len - ID_SIZE;
	memcpy(kind, (const char *)item->key + ID_SIZE, len);
	kind[len] = '\0';
	return e->fn(kind, texts, item->size, e->arg);
}

int meta_kinds(struct store_txn *t, uint32_t zone, meta_kind_fn *fn, void *arg)
{
	struct meta_key k = key_of(zone, "");
	struct each e = {fn, arg};

	return store_item_each(t, STORE_ZONEMETA, k.bytes, k.len, each_item, &e);
}

/* ---- changing ---- */

void meta_change(struct change *c, uint32_t zone, const char *kind,
                 const char *const *texts, size_t count)
{
	struct meta_key k = key_of(zone, kind);
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += strlen(texts[i]) + 1;
	char *value = arena_alloc(c->arena, size);
	char *to = value;
	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, texts[i]) + 1;
	struct item_change *i = change_item(c, STORE_ZONEMETA, k.bytes, k.len,
	                                    count ? value : NULL, size);
	assert(zone || c->zone_count > 0);
	i->of_zone = zone ? 0 : c->zone_count;
}

static int forget_item(const struct store_item *item, void *arg)
{
	struct change *c = arg;

	(void)change_item(c, STORE_ZONEMETA, item->key, item->key_len, NULL, 0);
	return 0;
}

int meta_forget(struct change *c, struct store_txn *t, uint32_t zone)
{
	struct meta_key k = key_of(zone, "");

	return store_item_each(t, STORE_ZONEMETA, k.bytes, k.len, forget_item, c);
}
