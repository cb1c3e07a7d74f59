#include "control/backup/redact.h"

#include "shared/err.h"
#include "shared/wire.h"

static bool is_key(const uint8_t *item_key, size_t len)
{
	return len > 1 && (item_key[0] == STORE_TSIG || item_key[0] == STORE_CRYPTOKEY);
}

/* Gives the size of what stays of a key's value; 0: it is no such value. */
static size_t redact_key(uint8_t list, const void *bytes, size_t size,
                         uint8_t out[static REDACTED_MAX])
{
	if (list == STORE_TSIG)
		return tsig_stored_without_secret(bytes, size, out);
	return sign_stored_without_secret(bytes, size, out);
}

/* A value on its way into a row; there is room for one. */
struct value {
	const void *bytes;
	size_t size;
	uint8_t room[REDACTED_MAX];
};

static void redact_value(uint8_t list, struct value *v)
{
	if (!v->bytes)
		return;
	v->size = redact_key(list, v->bytes, v->size, v->room);
	v->bytes = v->room;
}

static int copy_row(const struct record_row *row, void *arg)
{
	struct redaction *r = arg;
	struct record_row copy = *row;
	struct value before = {.bytes = row->before, .size = row->before_size};
	struct value after = {.bytes = row->after, .size = row->after_size};

	if (row->kind == ROW_ITEM && is_key(row->key, row->key_len)) {
		redact_value(row->key[0], &before);
		redact_value(row->key[0], &after);
		copy.before = before.bytes;
		copy.before_size = before.size;
		copy.after = after.bytes;
		copy.after_size = after.size;
	}
	record_part_add(&r->part, &copy);
	return 0;
}

/* Of what a change has done, that which belongs to no zone: its items. */
static bool has_items(const struct store_raw *raw)
{
	struct wire_reader key = wire_reader_on(raw->key, raw->key_len);

	(void)wire_read64(&key);
	uint32_t zone = wire_read32(&key);
	return key.ok && zone == 0;
}

static int redact_rows(struct redaction *r, const struct store_raw *raw,
                       struct store_raw *out)
{
	record_part_empty(&r->part);
	TRY(record_each_row(raw->value, raw->size, copy_row, r));
	*out = *raw;
	out->value = r->part.bytes;
	out->size = r->part.size;
	return 0;
}

static int redact_item(struct redaction *r, const struct store_raw *raw,
                       struct store_raw *out)
{
	const uint8_t *key = raw->key;

	*out = *raw;
	out->size = redact_key(key[0], raw->value, raw->size, r->item);
	out->value = r->item;
	return out->size ? 0 : ERR_CORRUPT;
}

int redact(struct redaction *r, enum store_database db, const struct store_raw *raw,
           struct store_raw *out)
{
	if (db == STORE_ITEM && is_key(raw->key, raw->key_len))
		return redact_item(r, raw, out);
	if (db == STORE_LOG && has_items(raw))
		return redact_rows(r, raw, out);
	*out = *raw;
	return 0;
}

void redaction_fini(struct redaction *r)
{
	record_part_fini(&r->part);
}
