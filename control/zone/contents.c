#include "control/zone/contents.h"

#include <stdlib.h>

#include "control/zone/arena.h"
#include "control/zone/rdata.h"
#include "control/zone/records.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { RRSIG_RDATA_MIN = 19, FILES_MAX = 65535 };

struct contents_builder {
	struct contents *contents;
	struct contents_arena
		*rdata; /* RDATA of records; RRsets get their own copy of it */
	struct record *records;
	size_t count;
	size_t room;
	size_t file_room;
	uint8_t owner[NAME_MAX_LEN]; /* of the last record, for owners come in rows */
	uint8_t owner_len;
	const uint8_t *key;
	uint16_t key_len;
	size_t rrset_room;
};

void contents_free(struct contents *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->file_count; i++)
		free(c->files[i]);
	free(c->files);
	free(c->rrsets);
	arena_free(c->arena);
	free(c);
}

struct contents_builder *contents_builder_new(const uint8_t *apex)
{
	struct contents_builder *b = memory_get(sizeof *b);
	struct contents *c = memory_get(sizeof *c);
	size_t apex_len = name_len(apex, NAME_MAX_LEN);

	assert(apex_len > 0);
	*c = (struct contents){.apex_len = (uint8_t)apex_len, .arena = arena_new()};
	memcpy(c->apex, apex, apex_len);
	name_fold(c->apex, apex_len);
	*b = (struct contents_builder){.contents = c, .rdata = arena_new()};
	return b;
}

void contents_builder_free(struct contents_builder *b)
{
	if (!b)
		return;
	contents_free(b->contents);
	arena_free(b->rdata);
	free(b->records);
	free(b);
}

uint16_t contents_builder_file(struct contents_builder *b, const char *path)
{
	struct contents *c = b->contents;
	size_t size = strlen(path) + 1;

	if (c->file_count == FILES_MAX)
		return FILES_MAX - 1;
	c->files = array_room(c->files, c->file_count, &b->file_room, sizeof c->files[0]);
	c->files[c->file_count] = memory_get(size);
	memcpy(c->files[c->file_count], path, size);
	return (uint16_t)c->file_count++;
}

/* Where a record stands, and where to say what is wrong with it. */
struct place {
	struct diag *diag;
	const char *file;
	uint32_t line;
};

static int refuse_outside(const struct place *p, const uint8_t *owner,
                          const uint8_t *apex)
{
	char owner_text[NAME_TEXT_MAX];
	char apex_text[NAME_TEXT_MAX];

	diag_add(p->diag, DIAG_ERROR, "out-of-zone", p->file, p->line, 0,
	         "%s is not in the zone %s", name_to_text(owner, owner_text),
	         name_to_text(apex, apex_text));
	return ERR_REFUSED;
}

static int check_type(const struct place *p, uint16_t type)
{
	char text[RRTYPE_TEXT_MAX];

	if (!rrtype_is_meta(type) && type != 0)
		return 0;
	diag_add(p->diag, DIAG_ERROR, "meta-type", p->file, p->line, 0,
	         "%s is no type that a zone can hold (RFC 6895 section 3.1)",
	         rrtype_to_text(type, text));
	return ERR_REFUSED;
}

static int check_rdata(const struct place *p, uint16_t type, const uint8_t *rdata,
                       size_t len)
{
	char text[RRTYPE_TEXT_MAX];

	if (rdata_check(type, rdata, len) < 0) {
		diag_add(p->diag, DIAG_ERROR, "rdata-format", p->file, p->line, 0,
		         "the data does not have the format of type %s",
		         rrtype_to_text(type, text));
		return ERR_REFUSED;
	}
	if (type != RRTYPE_RRSIG)
		return 0;

	uint16_t covered = wire_load16(rdata);
	if (covered == RRTYPE_RRSIG) {
		diag_add(p->diag, DIAG_ERROR, "rrsig-covers-rrsig", p->file, p->line, 0,
		         "signatures are not signed (RFC 4035 section 2.2)");
		return ERR_REFUSED;
	}
	return check_type(p, covered);
}

/* Makes the owner's sort key the current one. */
static int set_owner(struct contents_builder *b, const uint8_t *owner,
                     const struct place *p)
{
	struct contents *c = b->contents;
	size_t len = name_len(owner, NAME_MAX_LEN);
	uint8_t key[NAME_KEY_MAX];

	if (len == 0)
		return ERR_INVALID;
	if (len == b->owner_len && memcmp(owner, b->owner, len) == 0)
		return 0;
	if (!name_is_under(owner, c->apex, NULL))
		return refuse_outside(p, owner, c->apex);

	b->key_len = (uint16_t)name_to_key(owner, c->apex_len, key);
	uint8_t *kept = arena_alloc(c->arena, b->key_len);
	memcpy(kept, key, b->key_len);
	b->key = kept;
	memcpy(b->owner, owner, len);
	b->owner_len = (uint8_t)len;
	return 0;
}

int contents_check_record(const uint8_t *apex, const uint8_t *owner, uint16_t type,
                          struct rdata rdata, struct diag *diag)
{
	struct place place = {.diag = diag, .file = ""};

	TRY(check_type(&place, type));
	TRY(check_rdata(&place, type, rdata.bytes, rdata.len));
	return name_is_under(owner, apex, NULL) ? 0 : refuse_outside(&place, owner, apex);
}

/* NOLINTNEXTLINE(readability-function-size): a record has that many parts */
int contents_builder_add(struct contents_builder *b, const uint8_t *owner, uint16_t type,
                         uint32_t ttl, const uint8_t *rdata, size_t rdata_len,
                         uint16_t file, uint32_t line, struct diag *diag)
{
	struct place place = {
		.diag = diag, .file = contents_file(b->contents, file), .line = line};

	TRY(check_type(&place, type));
	TRY(check_rdata(&place, type, rdata, rdata_len));
	TRY(set_owner(b, owner, &place));

	uint8_t *kept = arena_alloc(b->rdata, rdata_len);
	if (rdata_len)
		memcpy(kept, rdata, rdata_len);
	b->records = array_room(b->records, b->count, &b->room, sizeof b->records[0]);
	b->records[b->count++] = (struct record){
		.head = record_head(b->key, b->key_len),
		.key = b->key,
		.rdata = kept,
		.ttl = ttl,
		.line = line,
		.key_len = b->key_len,
		.type = type,
		.rdata_len = (uint16_t)rdata_len,
		.file = file,
	};
	return 0;
}

/* ---- records to RRsets ---- */

/* Gives the owner as text, for diagnostics. */
static const char *owner_text(const struct contents *c, const struct record *r,
                              char text[static NAME_TEXT_MAX])
{
	uint8_t owner[NAME_MAX_LEN];

	if (name_from_key(r->key, r->key_len, c->apex, owner) < 0)
		return "?";
	return name_to_text(owner, text);
}

static void warn_duplicate(const struct contents *c, const struct record *r,
                           struct diag *diag)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	diag_add(diag, DIAG_WARNING, "duplicate-record", contents_file(c, r->file),
	         r->line, 0, "%s %s: the same record again; dropped",
	         owner_text(c, r, name), rrtype_to_text(r->type, type));
}

static void warn_ttl(const struct contents *c, const struct record *r, uint32_t lowest,
                     struct diag *diag)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	diag_add(
		diag, DIAG_WARNING, "ttl-differs", contents_file(c, r->file), r->line, 0,
		"%s %s: the TTLs of one RRset differ; the lowest, %u, is used (RFC 2181 section 5.2)",
		owner_text(c, r, name), rrtype_to_text(r->type, type), lowest);
}

static int refuse_set(const struct contents *c, const struct record *r, struct diag *diag)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	diag_add(diag, DIAG_ERROR, "rrset-too-large", contents_file(c, r->file), r->line,
	         0, "%s %s: more records than any message can hold",
	         owner_text(c, r, name), rrtype_to_text(r->type, type));
	return ERR_REFUSED;
}

static bool same_set(const struct record *a, const struct record *b)
{
	return record_set_type(a) == record_set_type(b) && a->head == b->head &&
	       a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* Drops what is there twice from count sorted records of one RRset. Gives how many remain. */
static size_t drop_duplicates(const struct contents *c, struct record *records,
                              size_t count, struct diag *diag)
{
	size_t kept = 1;

	for (size_t i = 1; i < count; i++) {
		if (record_compare(&records[kept - 1], &records[i]) == 0)
			warn_duplicate(c, &records[i], diag);
		else
			records[kept++] = records[i];
	}
	return kept;
}

/* Gives the lowest TTL of count records, all of one type; the RRset's first one bears the
 * warning. */
static uint32_t even_ttl(const struct contents *c, const struct record *records,
                         size_t count, struct diag *diag)
{
	uint32_t lowest = UINT32_MAX;
	bool differ = false;

	for (size_t i = 0; i < count; i++) {
		differ |= records[i].ttl != records[0].ttl;
		if (records[i].ttl < lowest)
			lowest = records[i].ttl;
	}
	if (differ)
		warn_ttl(c, &records[0], lowest, diag);
	return count ? lowest : 0;
}

static size_t count_plain(const struct record *records, size_t count)
{
	size_t plain = 0;

	while (plain < count && records[plain].type != RRTYPE_RRSIG)
		plain++;
	return plain;
}

/* Turns the sorted records of one RRset into its blob. */
static int add_rrset(struct contents_builder *b, struct record *records, size_t count,
                     struct diag *diag)
{
	struct contents *c = b->contents;
	const struct record first = records[0];

	count = drop_duplicates(c, records, count, diag);
	size_t plain = count_plain(records, count);
	if (count > UINT16_MAX)
		return refuse_set(c, &first, diag);

	size_t size = RRSET_HEADER;
	for (size_t i = 0; i < count; i++)
		size += sizeof(uint16_t) + records[i].rdata_len;
	if (size > UINT32_MAX)
		return refuse_set(c, &first, diag);

	uint8_t *blob = arena_alloc(c->arena, size);
	struct rrset head = {
		.ttl = even_ttl(c, records, plain, diag),
		.sig_ttl = even_ttl(c, records + plain, count - plain, diag),
		.count = (uint16_t)plain,
		.sig_count = (uint16_t)(count - plain),
	};
	rrset_write_header(blob, &head);
	uint8_t *at = blob + RRSET_HEADER;
	for (size_t i = 0; i < count; i++)
		at = rrset_write_rdata(at, records[i].rdata, records[i].rdata_len);

	c->rrsets = array_room(c->rrsets, c->count, &b->rrset_room, sizeof c->rrsets[0]);
	c->rrsets[c->count++] = (struct contents_rrset){
		.key = first.key,
		.key_len = first.key_len,
		.type = record_set_type(&first),
		.file = first.file,
		.line = first.line,
		.size = (uint32_t)size,
		.blob = blob,
	};
	c->records += count;
	return 0;
}

int contents_builder_finish(struct contents_builder **b, struct contents **out,
                            struct diag *diag)
{
	struct contents_builder *builder = *b;
	struct record *records = builder->records;
	int err = 0;

	records_sort(records, builder->count);
	for (size_t at = 0; at < builder->count;) {
		size_t end = at + 1;
		while (end < builder->count && same_set(&records[at], &records[end]))
			end++;
		/* One that is refused does not keep others from being looked at. */
		int set_err = add_rrset(builder, records + at, end - at, diag);
		if (set_err < 0)
			err = set_err;
		at = end;
	}
	if (err < 0)
		return err;

	struct contents *c = builder->contents;
	if (c->count)
		c->rrsets = memory_resize(c->rrsets, c->count * sizeof c->rrsets[0]);
	*out = c;
	builder->contents = NULL;
	contents_builder_free(builder);
	*b = NULL;
	return 0;
}

const struct contents_rrset *contents_find(const struct contents *c, const uint8_t *key,
                                           size_t key_len)
{
	size_t at = contents_lower_bound(c, key, key_len);

	if (at == c->count || c->rrsets[at].key_len != key_len ||
	    memcmp(c->rrsets[at].key, key, key_len) != 0)
		return NULL;
	return &c->rrsets[at];
}

struct contents_rrset *contents_at_apex(const struct contents *c, uint16_t type)
{
	for (size_t i = 0; i < c->count && c->rrsets[i].key_len == 0; i++)
		if (c->rrsets[i].type == type)
			return &c->rrsets[i];
	return NULL;
}

/* Gives where a type stands at the apex, or is to stand. */
static size_t place_at_apex(const struct contents *c, uint16_t type)
{
	size_t at = 0;

	while (at < c->count && c->rrsets[at].key_len == 0 && c->rrsets[at].type < type)
		at++;
	return at;
}

/* Takes the RRset at an index away, or makes room for one there. */
static void move_behind(struct contents *c, size_t at, int by)
{
	size_t from = by < 0 ? at + 1 : at;

	if (by > 0)
		c->rrsets =
			memory_resize(c->rrsets, (c->count + 1) * sizeof c->rrsets[0]);
	memmove(&c->rrsets[by < 0 ? at : at + 1], &c->rrsets[from],
	        (c->count - from) * sizeof c->rrsets[0]);
	c->count = by < 0 ? c->count - 1 : c->count + 1;
}

int contents_put_apex(struct contents *c, uint16_t type, const uint8_t *blob, size_t size)
{
	size_t at = place_at_apex(c, type);
	bool there =
		at < c->count && c->rrsets[at].key_len == 0 && c->rrsets[at].type == type;
	struct rrset was = {0};
	struct rrset is = {0};

	if (there)
		TRY(rrset_open(type, c->rrsets[at].blob, c->rrsets[at].size, &was));
	if (size)
		TRY(rrset_open(type, blob, size, &is));
	if (there != (size > 0))
		move_behind(c, at, there ? -1 : 1);
	c->records += (size_t)is.count + is.sig_count - was.count - was.sig_count;
	if (size == 0)
		return 0;
	if (!there)
		c->rrsets[at] =
			(struct contents_rrset){.key = (const uint8_t *)"", .type = type};
	c->rrsets[at].blob = blob;
	c->rrsets[at].size = (uint32_t)size;
	return 0;
}

size_t contents_lower_bound(const struct contents *c, const uint8_t *key, size_t key_len)
{
	size_t low = 0;
	size_t high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct contents_rrset *r = &c->rrsets[middle];

		if (name_key_compare(r->key, r->key_len, key, key_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
