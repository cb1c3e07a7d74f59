#include "perf/pairs/record.h"

#include <inttypes.h>
#include <string.h>

#include "shared/rrtype.h"
#include "shared/wire.h"

enum { HEADER = 12, CLASS_IN = 1, NET = 10 };

static const char zone_name[] = "pairs.example.";
static const char other_name[] = "other.example.";

uint32_t pairs_version(uint32_t newest, unsigned slot)
{
	return newest - (newest - slot) % PAIRS_SLOTS;
}

static void write_address(FILE *to, uint32_t version)
{
	(void)fprintf(to, "%d.%u.%u.%u\n", NET, version >> 16, version >> 8 & 255,
	              version & 255);
}

void pairs_write_zone(FILE *to, bool other, unsigned writers)
{
	(void)fprintf(to, "$ORIGIN %s\n@ 60 SOA ns hostmaster 1 3600 600 86400 60\n",
	              other ? other_name : zone_name);
	(void)fputs("@ 60 NS ns\nns 60 A 192.0.2.1\n", to);
	for (unsigned w = 0; w < writers; w++) {
		for (unsigned i = 0; i < PAIRS_SLOTS; i++) {
			if (!other)
				(void)fprintf(to, "c%u-%u %u CNAME t%u-%u\n", w, i, i, w,
				              i);
			(void)fprintf(to, "%c%u-%u %u A ", other ? 'p' : 't', w, i, i);
			write_address(to, i);
		}
	}
}

static size_t write_edit(char *at, size_t room, const char *name, uint32_t version,
                         const char *type, const char *rdata)
{
	return (size_t)snprintf(at, room,
	                        "%s{\"op\":\"set\",\"name\":\"%s\",\"type\":\"%s\","
	                        "\"ttl\":%" PRIu32 ",\"rdata\":[\"%s\"]}",
	                        at[-1] == '[' ? "" : ",", name, type, version, rdata);
}

size_t pairs_write_change(char command[static PAIRS_EDITS_MAX], unsigned writer,
                          uint32_t version)
{
	unsigned slot = version % PAIRS_SLOTS;
	char *end = command + PAIRS_EDITS_MAX;
	char name[3][48];
	char address[16];
	char *at = command;

	(void)snprintf(name[0], sizeof name[0], "c%u-%u.%s", writer, slot, zone_name);
	(void)snprintf(name[1], sizeof name[1], "t%u-%u.%s", writer, slot, zone_name);
	(void)snprintf(name[2], sizeof name[2], "p%u-%u.%s", writer, slot, other_name);
	(void)snprintf(address, sizeof address, "%d.%u.%u.%u", NET, version >> 16 & 255,
	               version >> 8 & 255, version & 255);
	at += snprintf(
		at, PAIRS_EDITS_MAX,
		"{\"command\":\"change\",\"args\":{\"timeout_ms\":60000,\"edits\":[");
	at += write_edit(at, (size_t)(end - at), name[0], version, "CNAME", name[1]);
	at += write_edit(at, (size_t)(end - at), name[1], version, "A", address);
	at += write_edit(at, (size_t)(end - at), name[2], version, "A", address);
	at += snprintf(at, (size_t)(end - at), "]}}\n");
	return (size_t)(at - command);
}

static void write_labels(struct wire_writer *w, const char *name)
{
	for (const char *end = strchr(name, '.'); end; end = strchr(name, '.')) {
		wire_write8(w, (uint8_t)(end - name));
		wire_write_bytes(w, name, (size_t)(end - name));
		name = end + 1;
	}
	wire_write8(w, 0);
}

size_t pairs_write_query(uint8_t query[static PAIRS_QUERY_MAX],
                         const struct pairs_record *record)
{
	static const uint8_t header[HEADER] = {[5] = 1};
	static const char letters[PAIRS_KINDS] = {'c', 't', 'p'};
	struct wire_writer w = wire_writer_on(query, PAIRS_QUERY_MAX);
	char name[48];

	(void)snprintf(name, sizeof name, "%c%u-%u.%s", letters[record->kind],
	               record->writer, record->slot,
	               record->kind == PAIRS_OTHER ? other_name : zone_name);
	wire_write_bytes(&w, header, sizeof header);
	write_labels(&w, name);
	wire_write16(&w, RRTYPE_A);
	wire_write16(&w, CLASS_IN);
	return wire_written(&w);
}

/* ---- replies ---- */

static void skip_name(struct wire_reader *r)
{
	uint8_t label = wire_read8(r);

	while (r->ok && label > 0 && label < 64) {
		(void)wire_read_bytes(r, label);
		label = wire_read8(r);
	}
	if (label >= 64)
		(void)wire_read8(r); /* the rest of a pointer, which ends a name */
}

/* Gives the TTL of the next record; of an address also the version. */
static uint32_t read_record(struct wire_reader *r, uint16_t *type, uint32_t *version)
{
	skip_name(r);
	*type = wire_read16(r);
	(void)wire_read16(r);
	uint32_t ttl = wire_read32(r);
	uint16_t len = wire_read16(r);
	const uint8_t *rdata = wire_read_bytes(r, len);

	if (*type == RRTYPE_A && rdata && len == 4 && rdata[0] == NET)
		*version = wire_load32(rdata) & PAIRS_VERSION_MAX;
	else if (*type == RRTYPE_A)
		r->ok = false;
	return ttl;
}

static bool answers(const uint8_t *reply, size_t len, const uint8_t *query,
                    size_t query_len)
{
	return len > query_len && wire_load16(reply + 2) == 0x8400 &&
	       wire_load16(reply + 4) == 1 &&
	       memcmp(reply + HEADER, query + HEADER, query_len - HEADER) == 0;
}

enum pairs_verdict pairs_read_reply(const uint8_t *reply, size_t len,
                                    const uint8_t *query, size_t query_len,
                                    uint32_t *version)
{
	uint16_t type;
	uint32_t alias;

	if (!answers(reply, len, query, query_len))
		return PAIRS_WRONG;
	bool is_alias = query[HEADER + 1] == 'c';
	struct wire_reader r = wire_reader_on(reply + query_len, len - query_len);
	if (wire_load16(reply + 6) != (is_alias ? 2 : 1))
		return PAIRS_WRONG;
	uint32_t ttl = alias = read_record(&r, &type, version);
	if (type != (is_alias ? RRTYPE_CNAME : RRTYPE_A))
		return PAIRS_WRONG;
	if (is_alias)
		ttl = read_record(&r, &type, version);
	if (!r.ok || type != RRTYPE_A)
		return PAIRS_WRONG;
	return ttl == *version && alias == *version ? PAIRS_WHOLE : PAIRS_MIXED;
}
