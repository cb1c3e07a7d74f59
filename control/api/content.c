#include "control/api/content.h"

#include <stdlib.h>
#include <strings.h>

#include "control/must.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { UNPROCESSABLE = 422, RRTYPE_LOC = 29, RRTYPE_CERT = 37, RRTYPE_APL = 42 };

static const uint8_t root[] = {0};
static const uint8_t elsewhere[] = "\6origin\7invalid";

void content_writer_init(struct content_writer *w)
{
	*w = (struct content_writer){.x = rdata_text_new()};
	w->to = must_open_text(&w->text, &w->room);
}

void content_writer_fini(struct content_writer *w)
{
	rdata_text_free(w->x);
	must_close_text(w->to);
	free(w->text);
	*w = (struct content_writer){0};
}

int content_write(struct content_writer *w, uint16_t type, struct rdata d)
{
	rewind(w->to);
	int err = rdata_to_text(w->x, type, d.bytes, d.len, w->to);
	long len = ftell(w->to);
	if (err < 0 || len < 0 || putc('\0', w->to) == EOF || fflush(w->to) != 0)
		return err < 0 ? err : ERR_IO;
	w->len = (size_t)len;
	return 0;
}

/* ---- reading ---- */

/* Where a record is, for the fault. */
struct place {
	const char *owner;
	const char *type;
	const char *text;
};

static int refuse_parse(struct api_fault *f, const struct place *p, const char *why)
{
	return api_refuse(f, UNPROCESSABLE,
	                  "Record %s/%s '%s': Parsing record content: %s", p->owner,
	                  p->type, p->text, why);
}

/* Reads text with an origin that completes relative names. ERR_SYNTAX with *why set. */
static int parse(struct rdata_text *x, uint16_t type, const char *text,
                 const uint8_t *origin, const char **why)
{
	struct entry_source source = entry_source_on(text, strlen(text));
	struct entry entry = {0};
	struct entry_error error = {0};
	int found = entry_next(&source, &entry, &error);

	*why = NULL;
	if (found < 0)
		*why = error.reason;
	else if (found == 0)
		*why = "it is empty";
	else if (source.at != source.end)
		*why = "it has more than one line";
	else if (rdata_from_text(x, type, entry.tokens, entry.count, origin) < 0)
		*why = x->reason[0] ? x->reason : "it is not of this type";
	entry_fini(&entry);
	return *why ? ERR_SYNTAX : 0;
}

/* Writes text with single blanks outside of quotes and octets that are not ASCII as \DDD, the way
 * contents are written. to: four times the length and one more. */
static void normalise(const char *text, char *to)
{
	bool quoted = false;
	char *start = to;

	for (; *text; text++) {
		bool blank = !quoted && (*text == ' ' || *text == '\t');
		if (blank && (to == start || to[-1] == ' '))
			continue;
		if (blank) {
			*to++ = ' ';
		} else if ((uint8_t)*text >= 0x7f) {
			to += snprintf(to, 5, "\\%03u", (unsigned)(uint8_t)*text);
		} else {
			if (*text == '\\' && text[1])
				*to++ = *text++;
			else if (*text == '"')
				quoted = !quoted;
			*to++ = *text;
		}
	}
	if (!quoted && to > start && to[-1] == ' ')
		to--;
	*to = '\0';
}

static bool is_written_so(const struct content_writer *w, const char *text)
{
	char *normal = memory_get(strlen(text) * 4 + 1);

	normalise(text, normal);
	bool same = strcasecmp(normal, w->text) == 0;
	free(normal);
	return same;
}

/* Types whose notations differ although they mean the same. */
static bool has_many_notations(uint16_t type)
{
	return type == RRTYPE_AAAA || type == RRTYPE_SVCB || type == RRTYPE_HTTPS ||
	       type == RRTYPE_LOC || type == RRTYPE_CERT || type == RRTYPE_APL;
}

/* Says whether all names in the text are absolute: then it means the same with any origin. What it
 * means is in x->bytes before and after. */
static bool is_absolute(struct rdata_text *x, uint16_t type, const char *text)
{
	size_t len = x->len;
	uint8_t *bytes = memory_get(len + 1);
	const char *why;

	memcpy(bytes, x->bytes, len);
	bool same = parse(x, type, text, elsewhere, &why) == 0 && x->len == len &&
	            memcmp(x->bytes, bytes, len) == 0;
	memcpy(x->bytes, bytes, len);
	x->len = len;
	free(bytes);
	return same;
}

int content_read(struct content_writer *w, const char *owner, uint16_t type,
                 const char *text, struct api_fault *f)
{
	char type_text[RRTYPE_TEXT_MAX];
	struct place p = {owner, rrtype_to_text(type, type_text), text};
	struct rdata_text *x = w->x;
	const char *why;

	x->reason[0] = '\0';
	if (parse(x, type, text, root, &why) < 0)
		return refuse_parse(f, &p, why);
	if (content_write(w, type,
	                  (struct rdata){.bytes = x->bytes, .len = (uint16_t)x->len}) < 0)
		return refuse_parse(f, &p, "it cannot be written");
	if (is_written_so(w, text) ||
	    (has_many_notations(type) && is_absolute(x, type, text)))
		return 0;
	return api_refuse(f, UNPROCESSABLE,
	                  "Record %s/%s '%s': Not in expected format (parsed as '%s')",
	                  p.owner, p.type, text, w->text);
}
