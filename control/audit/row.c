#include "control/audit/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "control/access/keys.h"
#include "control/change/extra.h"
#include "control/json_put.h"
#include "control/zone/arena.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

struct row_teller {
	json_t *rows;
	size_t omitted;
	size_t bytes;
	const uint8_t *zone; /* of the rows that come */
	struct rdata_text *text;
	EVP_MD_CTX *digest;
};

json_t *row_text(const char *text)
{
	json_t *string = json_string(text);

	if (string)
		return string;
	char *plain = strdup(text);
	if (!plain)
		abort();
	for (char *at = plain; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	string = json_string(plain);
	free(plain);
	return string;
}

/* ---- records ---- */

json_t *row_rdata(struct rdata_text *x, uint16_t type, struct rdata d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	int err = rdata_to_text(x, type, d.bytes, d.len, to);
	if (fclose(to) != 0)
		abort();
	json_t *record = row_text(err < 0 ? "?" : text);
	free(text);
	return record;
}

static json_t *records_json(struct row_teller *t, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);
	json_t *list = json_array();

	for (unsigned i = 0; i < set->count; i++)
		(void)json_array_append_new(
			list, row_rdata(t->text, set->type, rrset_next(&at)));
	return list;
}

static json_t *rrset_json(struct row_teller *t, uint16_t type, const void *blob,
                          size_t size)
{
	json_t *o = json_object();
	struct rrset s;

	if (rrset_open(type, blob, size, &s) < 0) {
		json_put(o, "damaged", json_true());
		return o;
	}
	json_put(o, "ttl", json_number(s.ttl));
	json_put(o, "records", records_json(t, &s));
	if (s.sig_count)
		json_put(o, "signatures", json_number(s.sig_count));
	return o;
}

static json_t *comments_json(const struct extra *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->comment_count; i++) {
		const struct comment *c = &x->comments[i];
		json_t *o = json_object();

		json_put(o, "account", row_text(c->account));
		json_put(o, "content", row_text(c->content));
		json_put(o, "modified_at", json_number(c->modified_at));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *extra_json(struct row_teller *t, uint16_t type, const void *value,
                          size_t size)
{
	struct contents_arena *arena = arena_new();
	json_t *o = json_object();
	struct extra x;

	if (extra_decode(value, size, arena, &x) < 0) {
		json_put(o, "damaged", json_true());
	} else {
		if (x.hidden)
			json_put(o, "disabled",
			         rrset_json(t, type, x.hidden, x.hidden_size));
		json_put(o, "comments", comments_json(&x));
	}
	arena_free(arena);
	return o;
}

/* ---- zones ---- */

static void add_text(json_t *o, const char *key, const char *text)
{
	if (text[0])
		json_put(o, key, row_text(text));
}

static void add_attrs(json_t *o, const struct zone_attrs *a)
{
	static const char *const kinds[] = {"native", "primary", "secondary", "producer",
	                                    "consumer"};

	if ((unsigned)a->kind < ARRAY_LEN(kinds))
		json_put(o, "kind", json_string(kinds[a->kind]));
	json_put(o, "serial_policy", json_number(a->serial));
	add_text(o, "tenant", a->tenant);
	add_text(o, "account", a->account);
	add_text(o, "catalog", a->catalog);
	add_text(o, "catalog_to", a->catalog_to);
	add_text(o, "dnssec", a->dnssec);
	add_text(o, "soa_edit", a->soa_edit);
	add_text(o, "soa_edit_api", a->soa_edit_api);
	add_text(o, "masters", a->masters);
	add_text(o, "nsec3param", a->nsec3param);
	add_text(o, "template", a->template_name);
	add_text(o, "group", a->group);
	add_text(o, "member", a->member);
	if (a->zonemd)
		json_put(o, "zonemd", json_number(a->zonemd));
	json_put(o, "api_rectify", json_boolean(a->api_rectify));
	json_put(o, "nsec3narrow", json_boolean(a->nsec3narrow));
}

static json_t *attrs_json(const void *bytes, size_t size)
{
	json_t *o = json_object();
	struct zone_attrs a;

	if (store_attrs_decode(bytes, size, &a) < 0)
		json_put(o, "damaged", json_true());
	else
		add_attrs(o, &a);
	return o;
}

static json_t *zone_json(const uint8_t *name, const void *bytes, size_t size)
{
	static const uint8_t root[] = {0};
	json_t *o = json_object();
	struct store_zone z;

	if (store_zone_decode(name ? name : root, bytes, size, &z) < 0) {
		json_put(o, "damaged", json_true());
		return o;
	}
	json_put(o, "id", json_number(z.id));
	json_put(o, "serial", json_number(z.serial));
	json_put(o, "records", json_number(z.records));
	json_put(o, "rrsets", json_number(z.rrsets));
	add_text(o, "source", z.source);
	add_attrs(o, &z.attrs);
	return o;
}

/* ---- items ---- */

static const char *list_name(unsigned list)
{
	static const char *const names[STORE_LISTS] = {
		[STORE_CONFIG] = "config",   [STORE_APIKEY] = "key",
		[STORE_TENANT] = "tenant",   [STORE_ZONEMETA] = "metadata",
		[STORE_TSIG] = "tsig",       [STORE_CRYPTOKEY] = "cryptokey",
		[STORE_REFRESH] = "refresh", [STORE_SIGNING] = "signing",
		[STORE_BUNDLE] = "bundle",
	};

	return list < STORE_LISTS ? names[list] : "?";
}

/* Octets as text, those that are none as \DDD. */
static json_t *octets_json(const uint8_t *bytes, size_t size)
{
	char *text = malloc(4 * size + 1);
	char *to = text;

	if (!text)
		abort();
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] < ' ' || bytes[i] >= 0x7f || bytes[i] == '\\')
			to += snprintf(to, 5, "\\%03u", bytes[i]);
		else
			*to++ = (char)bytes[i];
	}
	*to = '\0';
	json_t *string = json_string(text);
	free(text);
	return string;
}

static json_t *key_item_json(const struct record_row *row, const void *value, size_t size)
{
	json_t *o;
	struct key k;

	if (key_is_use(row->key + 1, row->key_len - 1))
		return json_pack("{s:I}", "used_at",
		                 (json_int_t)key_use_decode(value, size));
	if (key_decode(row->key + 1, row->key_len - 1, value, size, &k) < 0)
		return json_pack("{s:b}", "damaged", 1);
	o = key_json(&k, 0);
	/* Neither is the key's own, and the state is a matter of when one looks. */
	(void)json_object_del(o, "used_at");
	(void)json_object_del(o, "state");
	key_fini(&k);
	return o;
}

/* What is secret shows only that it changed. Of keys nothing is but the hash, which is not shown. */
static json_t *item_json(const struct record_row *row, const void *value, size_t size)
{
	if (row->key_len > 1 && row->key[0] == STORE_APIKEY)
		return key_item_json(row, value, size);
	if (row->secret)
		return json_string("(secret)");
	return octets_json(value, size);
}

/* ---- rows ---- */

static json_t *value_json(struct row_teller *t, const struct record_row *row,
                          const void *value, size_t size)
{
	if (!value)
		return json_null();
	switch (row->kind) {
	case ROW_RRSET: return rrset_json(t, row->type, value, size);
	case ROW_EXTRA: return extra_json(t, row->type, value, size);
	case ROW_ATTRS: return attrs_json(value, size);
	case ROW_ZONE: return zone_json(t->zone, value, size);
	case ROW_ITEM: return item_json(row, value, size);
	}
	return json_null();
}

static void add_owner(const struct row_teller *t, json_t *o, const struct record_row *row)
{
	uint8_t owner[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	if (t->zone && name_from_key(row->key, row->key_len, t->zone, owner) >= 0)
		json_put(o, "name", json_string(name_to_text(owner, text)));
	json_put(o, "type", json_string(rrtype_to_text(row->type, type)));
}

static json_t *row_json(struct row_teller *t, const struct record_row *row)
{
	static const char *const names[] = {[ROW_RRSET] = "rrset",
	                                    [ROW_EXTRA] = "extra",
	                                    [ROW_ATTRS] = "attributes",
	                                    [ROW_ZONE] = "zone"};
	json_t *o = json_object();
	char text[NAME_TEXT_MAX];

	if (row->kind == ROW_ITEM) {
		json_put(o, "of",
		         json_string(row->key_len ? list_name(row->key[0]) : "?"));
		if (row->key_len)
			json_put(o, "key", octets_json(row->key + 1, row->key_len - 1));
	} else {
		json_put(o, "of", json_string(names[row->kind]));
		if (t->zone)
			json_put(o, "zone", json_string(name_to_text(t->zone, text)));
	}
	if (row->kind == ROW_RRSET || row->kind == ROW_EXTRA)
		add_owner(t, o, row);
	json_put(o, "before", value_json(t, row, row->before, row->before_size));
	json_put(o, "after", value_json(t, row, row->after, row->after_size));
	return o;
}

void row_tell(struct row_teller *t, const struct record_row *row)
{
	t->bytes += row->before_size + row->after_size;
	if (t->omitted || t->bytes > ROWS_BYTES_MAX ||
	    json_array_size(t->rows) >= ROWS_TOLD_MAX)
		t->omitted++;
	else
		(void)json_array_append_new(t->rows, row_json(t, row));
}

/* ---- all of them ---- */

struct row_teller *row_teller_new(void)
{
	struct row_teller *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->rows = json_array();
	t->text = rdata_text_new();
	t->digest = EVP_MD_CTX_new();
	if (!t->digest || !EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL))
		abort();
	return t;
}

void row_teller_part(struct row_teller *t, const uint8_t *zone,
                     const struct store_rows *part)
{
	uint8_t head[8];

	wire_store32(head, part->zone);
	wire_store32(head + 4, part->part);
	if (!EVP_DigestUpdate(t->digest, head, sizeof head) ||
	    !EVP_DigestUpdate(t->digest, part->rows, part->size))
		abort();
	t->zone = zone;
}

size_t row_teller_omitted(const struct row_teller *t)
{
	return t->omitted;
}

json_t *row_teller_end(struct row_teller **teller, char hex[static CHAIN_HEX_SIZE])
{
	struct row_teller *t = *teller;
	json_t *rows = t->rows;
	uint8_t hash[CHAIN_HASH_SIZE];

	if (!EVP_DigestFinal_ex(t->digest, hash, NULL))
		abort();
	chain_hex(hash, hex);
	EVP_MD_CTX_free(t->digest);
	rdata_text_free(t->text);
	free(t);
	*teller = NULL;
	return rows;
}
