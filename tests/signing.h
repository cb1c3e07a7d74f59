/*
 * A signer without a loop and without a server, for tests: the road of commits (control/commit/) and the keeper's steps
 * (control/keeper/step.h) on one thread, with a clock that stands until a test sets it.
 *
 * Whoever links it has clock_gettime() wrapped; the time of day is signing_now for all that runs in the process.
 */
#ifndef TESTS_SIGNING_H
#define TESTS_SIGNING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/commit/commit.h"
#include "control/config/config.h"
#include "control/keeper/step.h"
#include "control/zone/contents.h"

/* Seconds since 1970. */
extern uint64_t signing_now;

enum { SIGNING_BEGIN = 1767225600, SIGNING_HOUR = 3600, SIGNING_DAY = 86400 };

struct signing {
	char dir[32];
	char secret[64]; /* path of the file of master secrets */
	const struct config *config;
	struct committer committer;
	struct step_seen seen; /* what the parent has; given to each step once */
	/* Of the last step. */
	bool ask;
	uint64_t again;
	char trouble[ZONE_KEYS_WHY_SIZE];
	struct step_asked asked[SIGN_KEYS_MAX];
	size_t asked_count;
	uint64_t changes; /* that steps have made */
};

/* policies: what follows "dnssec-policies:" in the configuration. Any failure ends the test. */
struct signing *signing_open(const char *policies);
void signing_close(struct signing *s);

/* Reads the configuration anew, with other policies. */
void signing_configure(struct signing *s, const char *policies);
/* Closes the store, and opens it again: nothing in memory is left. */
void signing_reopen(struct signing *s);

/* The zone is "example." throughout. */
enum { SIGNING_ZONE_LEN = 9 };
extern const uint8_t signing_zone[SIGNING_ZONE_LEN];

/* Creates the zone from text. policy: its attribute, or NULL. */
void signing_load(struct signing *s, const char *text, const char *policy);
/* Sets the attribute. */
void signing_attribute(struct signing *s, const char *policy);

/* Contents that have passed every check, of the zone. */
struct contents *signing_contents_of(const char *text);

/* A change of the zone, which signing_commit() takes. Gives result->err; why, when not NULL, the rule of the
 * first problem. */
struct change *signing_change(enum zone_change_kind kind, struct zone_change **z);
int signing_commit(struct signing *s, struct change *c, char why[64]);

/* Makes one step, and the change that comes of it, which must not fail. */
enum step_outcome signing_step(struct signing *s);
/* The look alone; step_fini() frees it. */
void signing_look(struct signing *s, struct step *out);
/* Steps until there is nothing more to do now. */
void signing_settle(struct signing *s);

/* Gives what the store has of the zone. */
struct contents *signing_load_contents(struct signing *s);
struct store_zone signing_stored(struct signing *s);

/* Has sign_check_contents() look at all of the zone, and compares it with what signing its data from the beginning
 * gives, signatures aside. seed: of which signatures are verified, when not all. */
void signing_expect_good(struct signing *s, const char *what, unsigned one_in);
/* The zone has neither signatures nor a chain. */
void signing_expect_bare(struct signing *s);

#endif
