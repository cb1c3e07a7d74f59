/* A key that a client makes, or brings. */
#include <string.h>
#include <strings.h>

#include "control/api/cryptokeys.h"
#include "control/policy/policy.h"
#include "control/sign/keyfile.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { UNPROCESSABLE = 422, BITS_MAX = 65535 };

/* What the client wants. */
struct wanted {
	struct cryptokey_kind kind;
	unsigned role; /* enum life_role; 0: a KSK, or a CSK where the policy has those */
	uint16_t flags;
	bool active;
	const char *content; /* of its private half; NULL: it is to be made */
};

/* ---- reading ---- */

/* A single KSK is what PowerDNS calls a CSK too. */
static int read_type(struct zone_call *c, struct wanted *w)
{
	static const struct {
		const char *name;
		unsigned role;
		uint16_t flags;
		unsigned roles[2];
	} types[] = {
		{"ksk", 0, SIGN_FLAGS_KSK, {LIFE_KSK, LIFE_CSK}},
		{"zsk", LIFE_ZSK, SIGN_FLAGS_ZSK, {LIFE_ZSK}},
		{"csk", LIFE_CSK, SIGN_FLAGS_KSK, {LIFE_CSK}},
	};
	const char *text =
		json_string_value(json_object_get(c->request->body, "keytype"));

	if (!text)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "Key 'keytype' not present or not a String");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcasecmp(text, types[i].name) != 0)
			continue;
		w->role = types[i].role;
		w->flags = types[i].flags;
		memcpy(w->kind.roles, types[i].roles, sizeof w->kind.roles);
		return 0;
	}
	return api_refuse(&c->fault, UNPROCESSABLE, "Invalid keytype '%s'", text);
}

static int read_algorithm(struct zone_call *c, struct wanted *w)
{
	const json_t *value = json_object_get(c->request->body, "algorithm");
	const char *text = json_string_value(value);
	json_int_t number = json_integer_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (text && strcasecmp(text, "ecdsa256") == 0)
		number = SIGN_ECDSAP256SHA256;
	else if (text && strcasecmp(text, "ecdsa384") == 0)
		number = SIGN_ECDSAP384SHA384;
	else if (text)
		number = sign_algorithm_from_text(text);
	if (number <= 0 || number > UINT8_MAX || !sign_algorithm((uint8_t)number))
		return api_refuse(&c->fault, UNPROCESSABLE, "Unknown algorithm: %s",
		                  text ? text : "");
	w->kind.algorithm = (uint8_t)number;
	return 0;
}

static int read_bits(struct zone_call *c, struct wanted *w)
{
	const json_t *value = json_object_get(c->request->body, "bits");
	json_int_t bits = json_integer_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || bits < 0 || bits > BITS_MAX)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "'bits' must be a positive integer value");
	w->kind.bits = (unsigned)bits;
	return 0;
}

static int read_wanted(struct zone_call *c, struct wanted *w)
{
	const json_t *body = c->request->body;

	*w = (struct wanted){.active = json_is_true(json_object_get(body, "active"))};
	w->content = json_string_value(json_object_get(body, "privatekey"));
	if (!w->content)
		w->content = json_string_value(json_object_get(body, "content"));
	if (w->content && !w->content[0])
		w->content = NULL;
	TRY(read_type(c, w));
	TRY(read_bits(c, w));
	return read_algorithm(c, w);
}

/* ---- the key ---- */

static int bring(struct zone_call *c, const struct wanted *w, struct sign_key **out)
{
	const struct keyfile_expected expected = {.algorithm = w->kind.algorithm,
	                                          .flags = w->flags};
	char why[KEYFILE_WHY_SIZE];
	struct keyfile file;
	int err = keyfile_read_private(w->content, strlen(w->content), &expected, &file,
	                               why);

	if (err == ERR_SYNTAX || err == ERR_REFUSED)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "Key could not be parsed. Make sure your key format is "
		                  "correct: %s",
		                  why);
	TRY(err);
	*out = file.key;
	return 0;
}

static int generate(struct zone_call *c, const struct wanted *w,
                    const struct sign_policy *p, struct sign_key **out)
{
	uint8_t algorithm = w->kind.algorithm ? w->kind.algorithm : p->algorithm;
	unsigned bits = w->kind.bits ? w->kind.bits : p->rsa_bits;
	int err = sign_key_generate(algorithm, bits, w->flags, out);

	if (err == ERR_RANGE)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "Keys of RSA have %d to %d bits", SIGN_RSA_BITS_MIN,
		                  SIGN_RSA_BITS_MAX);
	if (err < 0)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "A key of that algorithm cannot be made here");
	return 0;
}

/* One that is put aside is any, with what the policy says where nothing else is said. */
static int get_policy(struct zone_call *c, const struct wanted *w,
                      const struct config_dnssec_policy **out)
{
	const struct cryptokey_kind any = {0};

	return cryptokeys_policy(c, w->active ? &w->kind : &any, out);
}

static int get_key(struct zone_call *c, struct wanted *w,
                   const struct config_dnssec_policy **policy, struct sign_key **out)
{
	if (!w->content) {
		TRY(get_policy(c, w, policy));
		return generate(c, w, &(*policy)->policy, out);
	}
	TRY(bring(c, w, out));
	w->kind.algorithm = sign_key_algorithm(*out);
	w->kind.bits = sign_key_bits(*out);
	return get_policy(c, w, policy);
}

/* ---- adding it ---- */

/* A zone that came with its signatures goes on to have them from elsewhere until all of its keys are here, which its
 * owner knows: PUT of the zone with "dnssec". */
static int comes_signed(const struct orders *o, bool *out)
{
	struct rrset set;
	int err = store_rrset_get(o->txn, o->zone->id, (const uint8_t *)"", 0,
	                          RRTYPE_DNSKEY, &set);

	*out = err == 0 && !o->is_signed;
	return err == ERR_NOTFOUND ? 0 : err;
}

static int add_key(struct zone_call *c, struct orders *o, const struct wanted *w,
                   const struct config_dnssec_policy *policy, const struct sign_key *key)
{
	bool wanted = zone_policy_dnssec(c->config, &c->zone)[0] != '\0';
	const struct order_key order = {.key = key,
	                                .role = w->role,
	                                .spare = !w->active,
	                                .policy = policy ? &policy->policy : NULL};
	size_t place;
	int err = orders_add(o, engine_secrets(c->api->engine), &order, &place);

	if (err < 0)
		return cryptokeys_refuse(c, o, err);
	c->result = json_integer(o->keys->keys[place].number);
	cryptokeys_write(c, o, policy && w->active && !wanted ? policy->name : NULL);
	return 0;
}

static int add_wanted(struct zone_call *c, struct orders *o)
{
	const struct config_dnssec_policy *policy = NULL;
	struct sign_key *key = NULL;
	struct wanted w;
	bool presigned;

	TRY(read_wanted(c, &w));
	TRY(comes_signed(o, &presigned));
	if (presigned && !w.content)
		return api_refuse(&c->fault, UNPROCESSABLE,
		                  "The zone comes signed: bring its keys first");
	int err = presigned ? bring(c, &w, &key) : get_key(c, &w, &policy, &key);
	if (err == 0)
		err = add_key(c, o, &w, policy, key);
	sign_key_free(&key);
	return err;
}

int cryptokeys_post_work(struct zone_call *c, struct store_txn *t)
{
	return cryptokeys_change(c, t, add_wanted);
}
