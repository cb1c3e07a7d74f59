#include "control/wire/reader.h"

#include <string.h>

#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

/* Follows the pointer at *p, which must lead to before *before. */
static int follow(const struct message *m, size_t *p, size_t *before)
{
	if (*p + 2 > m->len)
		return ERR_CORRUPT;
	size_t to = wire_load16(m->bytes + *p) & 0x3fffU;
	if (to >= *before || to < MESSAGE_HEADER)
		return ERR_CORRUPT;
	*p = to;
	*before = to;
	return 0;
}

/* Copies the label at *p behind those that are there already. Gives its length. */
static int copy_label(const struct message *m, size_t *p, uint8_t *name, size_t *len)
{
	uint8_t n = m->bytes[*p];

	/* Behind any but the root's the root's must still fit. */
	if (n > LABEL_MAX_LEN || *p + 1 + n > m->len ||
	    *len + 1 + n + (n > 0) > NAME_MAX_LEN)
		return ERR_CORRUPT;
	memcpy(name + *len, m->bytes + *p, 1U + n);
	*len += 1U + n;
	*p += 1U + n;
	return n;
}

int message_name(const struct message *m, uint16_t *at, uint8_t out[static NAME_MAX_LEN])
{
	uint8_t name[NAME_MAX_LEN];
	size_t p = *at;
	size_t before = p;
	size_t len = 0;
	size_t end = 0; /* behind the name, once a pointer has been followed */
	int n = 1;

	while (n > 0) {
		if (p >= m->len)
			return ERR_CORRUPT;
		if (m->bytes[p] < 0xc0) {
			n = copy_label(m, &p, name, &len);
			continue;
		}
		end = end ? end : p + 2;
		TRY(follow(m, &p, &before));
	}
	if (n < 0)
		return n;
	memcpy(out, name, len);
	*at = (uint16_t)(end ? end : p);
	return (int)len;
}

static int read_question(struct message *m)
{
	uint16_t at = MESSAGE_HEADER;
	int len = message_name(m, &at, m->qname);

	if (len < 0 || m->len - at < 4)
		return ERR_CORRUPT;
	m->asked = true;
	m->qname_len = (uint8_t)len;
	m->qtype = wire_load16(m->bytes + at);
	m->qclass = wire_load16(m->bytes + at + 2);
	m->records_at = (uint16_t)(at + 4);
	return 0;
}

int message_open(const void *bytes, size_t len, struct message *out)
{
	struct message m = {.bytes = bytes, .records_at = MESSAGE_HEADER};

	if (len < MESSAGE_HEADER || len > MESSAGE_MAX)
		return ERR_CORRUPT;
	m.len = (uint16_t)len;
	m.id = wire_load16(m.bytes);
	m.flags = wire_load16(m.bytes + 2);
	m.opcode = (uint8_t)(m.flags >> MESSAGE_OPCODE_SHIFT & 15);
	m.rcode = (uint8_t)(m.flags & 15);
	for (size_t i = 0; i < MESSAGE_SECTIONS; i++)
		m.counts[i] = wire_load16(m.bytes + 4 + 2 * i);
	if (m.counts[SECTION_QUESTION] > 1)
		return ERR_CORRUPT;
	if (m.counts[SECTION_QUESTION])
		TRY(read_question(&m));
	*out = m;
	return 0;
}

void message_scan_begin(struct message_scan *s, const struct message *m)
{
	s->m = m;
	s->at = m->records_at;
	memcpy(s->left, m->counts, sizeof s->left);
}

static int read_record(struct message_scan *s, struct message_record *r)
{
	const struct message *m = s->m;
	uint16_t at = s->at;
	int len = message_name(m, &at, r->owner);

	if (len < 0)
		return len;
	r->at = s->at;
	r->owner_len = (uint8_t)len;
	struct wire_reader in = wire_reader_on(m->bytes + at, (size_t)(m->len - at));
	r->type = wire_read16(&in);
	r->rrclass = wire_read16(&in);
	r->ttl = wire_read32(&in);
	r->rdata_len = wire_read16(&in);
	r->rdata = wire_read_bytes(&in, r->rdata_len);
	if (!r->rdata)
		return ERR_CORRUPT;
	s->at = (uint16_t)(in.at - m->bytes);
	return 0;
}

static int end_scan(struct message_scan *s, int err)
{
	s->at = s->m->len;
	memset(s->left, 0, sizeof s->left);
	return err;
}

int message_scan_next(struct message_scan *s, struct message_record *out)
{
	uint8_t section = SECTION_ANSWER;

	while (section < MESSAGE_SECTIONS && s->left[section] == 0)
		section++;
	if (section == MESSAGE_SECTIONS)
		return s->at == s->m->len ? ERR_NOTFOUND : ERR_CORRUPT;
	s->left[section]--;
	out->section = section;
	return read_record(s, out) < 0 ? end_scan(s, ERR_CORRUPT) : 0;
}

/* The types with names that whoever sends them may have shortened: those of RFC 1035, whose layout says
 * so, and those that were shortened before it was forbidden (RFC 3597 §4). NULL for others. */
static const char *shortened_layout(uint16_t type)
{
	static const uint16_t once_shortened[] = {17, 18, 21, 24, 26, 30, 33, 35};
	const struct rrtype *t = rrtype_by_number(type);

	if (!t || strchr(t->layout, 'N'))
		return t ? t->layout : NULL;
	for (size_t i = 0; i < ARRAY_LEN(once_shortened); i++)
		if (once_shortened[i] == type)
			return t->layout;
	return NULL;
}

/* Copies what a layout letter stands for, up to end. */
static int copy_field(const struct message *m, char field, uint16_t *at, uint16_t end,
                      struct wire_writer *to)
{
	size_t n;

	if (field == 'N' || field == 'n') {
		uint8_t name[NAME_MAX_LEN];
		int len = message_name(m, at, name);
		if (len < 0 || *at > end)
			return ERR_CORRUPT;
		wire_write_bytes(to, name, (size_t)len);
		return 0;
	}
	if (field == '*')
		n = (size_t)(end - *at);
	else if (field == 's')
		n = *at < end ? 1U + m->bytes[*at] : 1U;
	else
		n = (size_t)(field - '0');
	if (n > (size_t)(end - *at))
		return ERR_CORRUPT;
	wire_write_bytes(to, m->bytes + *at, n);
	*at = (uint16_t)(*at + n);
	return 0;
}

static int make_whole(struct message_walk *w, struct message_record *r)
{
	const char *layout = r->rdata_len ? shortened_layout(r->type) : NULL;
	struct wire_writer to = wire_writer_on(w->scratch, sizeof w->scratch);
	uint16_t at = (uint16_t)(r->rdata - w->scan.m->bytes);
	uint16_t end = (uint16_t)(at + r->rdata_len);

	if (!layout)
		return 0;
	for (; *layout; layout++)
		TRY(copy_field(w->scan.m, *layout, &at, end, &to));
	if (at != end || !to.ok)
		return ERR_CORRUPT;
	r->rdata = w->scratch;
	r->rdata_len = (uint16_t)wire_written(&to);
	return 0;
}

void message_walk_begin(struct message_walk *w, const struct message *m)
{
	message_scan_begin(&w->scan, m);
}

int message_next(struct message_walk *w, struct message_record *out)
{
	TRY(message_scan_next(&w->scan, out));
	return make_whole(w, out) < 0 ? end_scan(&w->scan, ERR_CORRUPT) : 0;
}
