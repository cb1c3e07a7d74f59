#include "control/zone/rdata_text.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

/* What all lines of one RRset begin with. */
struct front {
	const char *owner;
	uint32_t ttl;
	uint16_t type;
};

static int write_record(struct rdata_text *x, FILE *to, const struct front *front,
                        struct rdata d)
{
	char type[RRTYPE_TEXT_MAX];

	if (fprintf(to, "%s\t%u\tIN\t%s\t", front->owner, front->ttl,
	            rrtype_to_text(front->type, type)) < 0)
		return ERR_IO;
	TRY(rdata_to_text(x, front->type, d.bytes, d.len, to));
	return putc('\n', to) == EOF ? ERR_IO : 0;
}

static int write_records(struct rdata_text *x, FILE *to, const char *owner,
                         const struct rrset *set)
{
	struct front front = {.owner = owner, .ttl = set->ttl, .type = set->type};
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		TRY(write_record(x, to, &front, rrset_next(&at)));
	front.ttl = set->sig_ttl;
	front.type = RRTYPE_RRSIG;
	for (unsigned i = 0; i < set->sig_count; i++)
		TRY(write_record(x, to, &front, rrset_next(&at)));
	return 0;
}

int zonefile_write_rrset(FILE *to, const uint8_t *owner, const struct rrset *set)
{
	struct rdata_text *x = rdata_text_new();
	char text[NAME_TEXT_MAX];
	int err = write_records(x, to, name_to_text(owner, text), set);

	rdata_text_free(x);
	return err;
}
