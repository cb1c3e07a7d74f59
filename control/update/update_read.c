#include "control/update/update_read.h"

#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* What a record of a section and class stands for: by whether it names a type, or with RDATA. */
struct form {
	uint8_t section;
	uint16_t rrclass;
	bool rdata;               /* it has RDATA; without it has none */
	bool ttl;                 /* its TTL counts; else it is zero */
	enum update_verb of_name; /* type ANY; with rdata: not allowed */
	enum update_verb verb;
};

static const struct form forms[] = {
	/* §2.4 */
	{SECTION_ANSWER, CLASS_ANY, false, false, PREREQ_NAME, PREREQ_SET},
	{SECTION_ANSWER, CLASS_NONE, false, false, PREREQ_NO_NAME, PREREQ_NO_SET},
	{SECTION_ANSWER, CLASS_IN, true, false, 0, PREREQ_SET_IS},
	/* §2.5 */
	{SECTION_AUTHORITY, CLASS_IN, true, true, 0, UPDATE_ADD},
	{SECTION_AUTHORITY, CLASS_ANY, false, false, UPDATE_DROP_NAME, UPDATE_DROP_SET},
	{SECTION_AUTHORITY, CLASS_NONE, true, false, 0, UPDATE_DROP},
};

static const struct form *form_of(const struct message_record *r)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].section == r->section && forms[i].rrclass == r->rrclass)
			return &forms[i];
	return NULL;
}

static int read_step(const struct message_record *r, struct update_step *out)
{
	const struct form *f = form_of(r);

	if (!f || (!f->rdata && r->rdata_len > 0) || (!f->ttl && r->ttl != 0))
		return ERR_CORRUPT;
	bool name = !f->rdata && r->type == RRTYPE_ANY;
	if (!name && rrtype_is_meta(r->type))
		return ERR_CORRUPT;
	*out = (struct update_step){
		.verb = name ? f->of_name : f->verb,
		.type = r->type,
		.ttl = r->ttl > TTL_MAX ? 0 : r->ttl, /* RFC 2181 §8 */
		.owner = r->owner,
		.rdata = r->rdata,
		.rdata_len = r->rdata_len,
	};
	return 0;
}

int update_read(const struct message *m, struct message_walk *w, struct change *c,
                struct update *u)
{
	struct message_record r;
	struct update_step s;
	int refused = 0;
	int err;

	message_walk_begin(w, m);
	while ((err = message_next(w, &r)) == 0) {
		if (r.section == SECTION_ADDITIONAL)
			continue;
		TRY(read_step(&r, &s));
		err = update_add(c, u, &s);
		if (err < 0 && err != ERR_REFUSED)
			return err;
		refused |= err;
	}
	if (err != ERR_NOTFOUND)
		return err;
	return refused ? ERR_REFUSED : 0;
}
