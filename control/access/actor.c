/*
 * Roles, and the patterns of grants.
 *
 * A pattern and an owner are compared as runs of symbols: an octet of a label is its value, a dot
 * between labels is one of its own, and so is the asterisk that stands for any run. So an octet
 * that is written with an escape, a dot inside a label above all, is never taken for the
 * separator: "*.dyn" does not fit the single label "x\.dyn".
 */
#include "control/access/actor.h"

#include <stdlib.h>
#include <string.h>

#include "shared/wire.h"

enum {
	SYMBOL_DOT = 256,
	SYMBOL_ANY = 257,
	SYMBOLS_MAX = NAME_MAX_LEN,
};

struct symbols {
	uint16_t at[SYMBOLS_MAX];
	size_t count;
};

static const enum role least_role[PERMISSIONS] = {
#define PERMISSION(name, role, text) [MAY_##name] = ROLE_##role,
#include "control/access/permissions.def"
#undef PERMISSION
};

static const char *const role_names[] = {
	[ROLE_READER] = "reader",
	[ROLE_WRITER] = "writer",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
};

/* ---- life ---- */

struct actor *actor_new(enum actor_kind kind, enum role role, const char *name)
{
	struct actor *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	atomic_init(&a->references, 1);
	a->kind = kind;
	a->role = role;
	memcpy(a->name, name, strnlen(name, sizeof a->name - 1));
	return a;
}

struct actor *actor_hold(struct actor *a)
{
	/* Whoever holds one more has one already: nothing is ordered by it. */
	atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
	return a;
}

void actor_release(struct actor **actor)
{
	struct actor *a = *actor;

	if (!a)
		return;
	*actor = NULL;
	/* What others did with it comes before the end: pairs with itself. */
	if (atomic_fetch_sub_explicit(&a->references, 1, memory_order_acq_rel) > 1)
		return;
	free(a->grants);
	free(a);
}

struct actor *actor_self(void)
{
	static struct actor self = {
		.references = 1, .kind = ACTOR_SELF, .role = ROLE_ADMIN, .name = "anser"};

	return &self;
}

/* ---- patterns ---- */

static bool add(struct symbols *s, uint16_t symbol)
{
	if (s->count == SYMBOLS_MAX)
		return false;
	s->at[s->count++] = symbol;
	return true;
}

static uint16_t folded(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet;
}

/* The labels of a name that stand in its first len octets. */
static void symbols_of_name(struct symbols *s, const uint8_t *name, size_t len)
{
	s->count = 0;
	for (size_t at = 0; at < len; at += name[at] + 1U) {
		if (at > 0)
			(void)add(s, SYMBOL_DOT);
		for (unsigned i = 1; i <= name[at]; i++)
			(void)add(s, folded(name[at + i]));
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads what follows a backslash. Gives how many characters that were, or 0. */
static size_t read_escape(const char *text, const char *end, uint16_t *out)
{
	if (text == end)
		return 0;
	if (!is_digit(text[0])) {
		*out = folded((uint8_t)text[0]);
		return 1;
	}
	if (end - text < 3 || !is_digit(text[1]) || !is_digit(text[2]))
		return 0;
	int octet = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
	*out = folded((uint8_t)octet);
	return octet <= UINT8_MAX ? 3 : 0;
}

static bool symbols_of_pattern(struct symbols *s, const char *text, const char *end)
{
	s->count = 0;
	while (text < end) {
		uint16_t symbol = folded((uint8_t)*text);
		size_t escape = 0;

		switch (*text++) {
		case '.': symbol = SYMBOL_DOT; break;
		case '*': symbol = SYMBOL_ANY; break;
		case '\\':
			escape = read_escape(text, end, &symbol);
			if (escape == 0)
				return false;
			break;
		default: break;
		}
		text += escape;
		if (!add(s, symbol))
			return false;
	}
	return true;
}

/* After a mismatch, the last asterisk takes one symbol more: those before it need not. */
static bool pattern_fits(const struct symbols *pattern, const struct symbols *name)
{
	size_t p = 0;
	size_t n = 0;
	size_t after_any = 0; /* in the pattern; 0: there was none */
	size_t any_until = 0;

	while (n < name->count) {
		if (p < pattern->count && pattern->at[p] == SYMBOL_ANY) {
			after_any = ++p;
			any_until = n;
		} else if (p < pattern->count && pattern->at[p] == name->at[n]) {
			p++;
			n++;
		} else if (after_any) {
			p = after_any;
			n = ++any_until;
		} else {
			return false;
		}
	}
	while (p < pattern->count && pattern->at[p] == SYMBOL_ANY)
		p++;
	return p == pattern->count;
}

static bool owner_fits(const char *names, const uint8_t *owner, size_t relative_len)
{
	struct symbols pattern;
	struct symbols name;
	size_t patterns = 0;

	symbols_of_name(&name, owner, relative_len);
	for (;;) {
		names += strspn(names, " ");
		size_t len = strcspn(names, " ");
		if (len == 0)
			return patterns == 0;
		bool apex = len == 1 && *names == '@';
		if (apex && relative_len == 0)
			return true;
		if (!apex && relative_len > 0 &&
		    symbols_of_pattern(&pattern, names, names + len) &&
		    pattern_fits(&pattern, &name))
			return true;
		names += len;
		patterns++;
	}
}

/* ---- questions ---- */

bool actor_may(const struct actor *a, enum permission p)
{
	return (unsigned)p < PERMISSIONS && a->role >= least_role[p];
}

static bool grant_has_zone(const struct grant *g, const uint8_t *zone)
{
	return name_equal(zone, g->zone) ||
	       (g->below && name_is_under(zone, g->zone, NULL));
}

static bool grant_has_type(const struct grant *g, uint16_t type)
{
	for (unsigned i = 0; i < g->type_count; i++)
		if (g->types[i] == type)
			return true;
	return g->type_count == 0;
}

bool actor_is_confined(const struct actor *a)
{
	return a->tenant[0] || a->grant_count > 0;
}

bool actor_sees_tenant(const struct actor *a, const char *tenant)
{
	return !a->tenant[0] || strcmp(a->tenant, tenant) == 0;
}

bool actor_sees(const struct actor *a, const uint8_t *zone, const char *tenant)
{
	if (a->role == ROLE_NONE || !actor_sees_tenant(a, tenant))
		return false;
	for (size_t i = 0; i < a->grant_count; i++)
		if (grant_has_zone(&a->grants[i], zone))
			return true;
	return a->grant_count == 0;
}

bool actor_may_edit(const struct actor *a, const uint8_t *zone, const uint8_t *owner,
                    uint16_t type)
{
	size_t relative_len;

	if (!actor_may(a, MAY_EDIT) || !name_is_under(owner, zone, &relative_len))
		return false;
	for (size_t i = 0; i < a->grant_count; i++) {
		const struct grant *g = &a->grants[i];

		if (g->write && grant_has_zone(g, zone) && grant_has_type(g, type) &&
		    owner_fits(g->names, owner, relative_len))
			return true;
	}
	return a->grant_count == 0;
}

bool actor_may_edit_all(const struct actor *a, const uint8_t *zone)
{
	if (!actor_may(a, MAY_EDIT))
		return false;
	for (size_t i = 0; i < a->grant_count; i++) {
		const struct grant *g = &a->grants[i];

		if (g->write && grant_has_zone(g, zone) && g->type_count == 0 &&
		    g->names[strspn(g->names, " ")] == '\0')
			return true;
	}
	return a->grant_count == 0;
}

const char *role_name(enum role r)
{
	return (unsigned)r < ARRAY_LEN(role_names) ? role_names[r] : NULL;
}

enum role role_from_name(const char *name)
{
	for (unsigned i = ROLE_READER; i < ARRAY_LEN(role_names); i++)
		if (strcmp(role_names[i], name) == 0)
			return (enum role)i;
	return ROLE_NONE;
}
