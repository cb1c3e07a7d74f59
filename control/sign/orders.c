#include "control/sign/orders.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/sign/life_rules.h"
#include "control/sign/orders_internal.h"
#include "control/zone/arena.h"
#include "shared/err.h"

int orders_refuse(struct orders *o, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(o->why, sizeof o->why, format, args);
	va_end(args);
	return err;
}

/* ---- opening ---- */

int orders_open(struct store_txn *t, const struct store_zone *zone, uint64_t now,
                struct orders *out)
{
	*out = (struct orders){.txn = t, .zone = zone, .now = now};
	int err = zone_keys_look(t, zone, &out->keys);
	out->is_signed = err == 0;
	return err == ERR_NOTFOUND ? zone_keys_new(t, zone, &out->keys) : err;
}

void orders_close(struct orders *o)
{
	zone_keys_free(&o->keys);
	free(o->removed);
	o->removed = NULL;
}

/* ---- which key ---- */

/* Gives how many keys have it as their number, or tag, and the place of the last. */
static size_t count_with(const struct orders *o, bool tag, unsigned long value,
                         size_t *place)
{
	size_t count = 0;

	for (size_t i = 0; i < o->keys->count; i++) {
		unsigned long own = tag ? sign_stored_tag(&o->keys->keys[i].stored)
		                        : orders_number(o, i);
		if (own != value)
			continue;
		*place = i;
		count++;
	}
	return count;
}

static bool read_number(const char *text, unsigned long *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return *end == '\0' && *out <= UINT32_MAX;
}

int orders_find(struct orders *o, const char *text, size_t *out)
{
	bool by_id = strncmp(text, "id:", 3) == 0;
	bool by_tag = strncmp(text, "tag:", 4) == 0;
	unsigned long value;
	size_t count = 0;

	if (!read_number(text + (by_id ? 3 : by_tag ? 4 : 0), &value))
		return orders_refuse(o, ERR_NOTFOUND,
		                     "\"%.64s\" is no key's number or tag", text);
	if (!by_tag)
		count = count_with(o, false, value, out);
	if (count == 0 && !by_id)
		count = count_with(o, true, value, out);
	if (count > 1)
		return orders_refuse(
			o, ERR_REFUSED,
			"several keys have the tag %lu: give the key's number", value);
	return count ? 0
	             : orders_refuse(o, ERR_NOTFOUND, "the zone has no key %.64s", text);
}

/* ---- successors ---- */

static int check_kept(struct orders *o)
{
	if (!o->is_signed)
		return orders_refuse(o, ERR_REFUSED, "the zone is not signed here");
	if (o->keys->state.leaving)
		return orders_refuse(o, ERR_REFUSED,
		                     "the zone is on its way to be unsigned");
	if (o->keys->state.bundle)
		return orders_refuse(
			o, ERR_REFUSED,
			"its KSK is offline: ZSKs are replaced as the requests plan "
			"it (dnssec ksr), and KSKs where they are");
	return 0;
}

int orders_roll(struct orders *o, size_t key)
{
	struct life_key *k = &o->keys->lives[key];

	TRY(check_kept(o));
	if (k->retired)
		return orders_refuse(o, ERR_REFUSED,
		                     "key %u is on its way out: its successor is there",
		                     orders_number(o, key));
	life_roll(k);
	return 0;
}

int orders_roll_role(struct orders *o, enum life_role role)
{
	bool any = false;

	TRY(check_kept(o));
	for (size_t i = 0; i < o->keys->count; i++) {
		struct life_key *k = &o->keys->lives[i];
		if (k->role != role || k->retired)
			continue;
		life_roll(k);
		any = true;
	}
	return any ? 0
	           : orders_refuse(o, ERR_NOTFOUND, "the zone has no %s in use",
	                           role == LIFE_CSK   ? "CSK"
	                           : role == LIFE_KSK ? "KSK"
	                                              : "ZSK");
}

/* ---- the parent ---- */

static void saw_ds(struct orders *o, struct life_key *k, bool present)
{
	bool wanted = life_wants_ds(k);

	life_saw_ds(k, present ? LIFE_PRESENT : LIFE_ABSENT, o->now);
	o->publishes |= wanted != life_wants_ds(k);
}

int orders_saw_ds(struct orders *o, size_t key, bool present)
{
	struct life_key *k = &o->keys->lives[key];

	if (!o->is_signed)
		return orders_refuse(o, ERR_REFUSED, "the zone is not signed here");
	if (!life_has(k, LIFE_DS))
		return orders_refuse(o, ERR_REFUSED, "key %u is a ZSK: no DS is of it",
		                     orders_number(o, key));
	saw_ds(o, k, present);
	return 0;
}

int orders_saw_ds_all(struct orders *o, bool present)
{
	bool any = false;

	for (size_t i = 0; i < o->keys->count; i++) {
		struct life_key *k = &o->keys->lives[i];
		const struct life_record *r = &k->records[LIFE_DS];
		if (!life_somewhere(r) || life_is_given(r) != present || r->done)
			continue;
		saw_ds(o, k, present);
		any = true;
	}
	return any ? 0
	           : orders_refuse(o, ERR_NOTFOUND,
	                           "no key of the zone waits for the parent to %s its DS",
	                           present ? "publish" : "withdraw");
}

/* ---- keys that are there ---- */

bool orders_key_fits(const struct life_key *k, const struct sign_policy *p)
{
	bool role = p->csk ? k->role == LIFE_CSK : k->role != LIFE_CSK;

	return role && k->algorithm == p->algorithm &&
	       (!sign_algorithm_is_rsa(p->algorithm) || k->bits == p->rsa_bits);
}

int orders_check_open(struct orders *o)
{
	return o->keys->state.bundle
	               ? orders_refuse(
				 o, ERR_REFUSED,
				 "its KSK is offline: which keys it has is for requests "
				 "to plan (dnssec ksr)")
	               : 0;
}

int orders_use(struct orders *o, size_t key, const struct sign_policy *p)
{
	struct life_key *k = &o->keys->lives[key];

	TRY(orders_check_open(o));
	if (!orders_key_fits(k, p))
		return orders_refuse(
			o, ERR_REFUSED,
			"key %u is not such a key as the zone's policy asks for",
			orders_number(o, key));
	if (!k->retired)
		return 0;
	k->roll = false;
	k->retired = k->gone = 0;
	k->born = o->now;
	return 0;
}

static bool is_somewhere(const struct life_key *k)
{
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (life_somewhere(&k->records[kind]))
			return true;
	return false;
}

int orders_remove(struct orders *o, size_t key)
{
	const struct life_key *k = &o->keys->lives[key];

	if (o->is_signed && is_somewhere(k))
		return orders_refuse(
			o, ERR_REFUSED,
			"key %u is in use: validators could fail without it; roll it, "
			"and it goes by itself",
			orders_number(o, key));
	o->removed = array_room(o->removed, o->removed_count, &o->removed_room,
	                        sizeof *o->removed);
	o->removed[o->removed_count++] = orders_number(o, key);
	zone_keys_remove(o->keys, key);
	return 0;
}

/* ---- signatures ---- */

int orders_resign(struct orders *o)
{
	if (!o->is_signed || !zone_keys_sign(o->keys))
		return orders_refuse(o, ERR_REFUSED, "the zone is not signed here");
	o->keys->state.renew = o->now;
	return 0;
}

/* ---- writing ---- */

void orders_write(struct orders *o, struct change *c)
{
	struct zone_change *zc = change_zone(c, ZONE_EDIT, o->zone->name);

	for (size_t i = 0; i < o->removed_count; i++)
		sign_stored_change(c, o->zone->id, o->removed[i], NULL);
	if (!o->is_signed) {
		zc->if_version = o->zone->version;
		zone_keys_write(o->keys, c);
		return;
	}
	zc->signed_anew = o->publishes && zone_keys_sign(o->keys);
	zone_keys_change(o->keys, c);
}
