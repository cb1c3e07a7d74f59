/* What the files share that carry out changes: apply.c plans them, write.c and whole.c write. */
#ifndef CONTROL_COMMIT_PLAN_H
#define CONTROL_COMMIT_PLAN_H

#include "control/change/check.h"
#include "control/change/record.h"
#include "control/commit/commit.h"
#include "shared/compiler.h"

struct commit_touched;
struct zone_keys;

struct planned {
	struct zone *zone;
	struct store_zone before;
	struct store_zone after;
	struct change_view view;
	struct zone_keys
		*keys; /* by which it is signed, or NULL; lent while it is planned */
	bool attrs_changed;
	bool undigested;    /* see struct zone_result */
	bool chain_lags;    /* likewise */
	bool same_contents; /* the new ones are those that are there */
};

struct plan {
	struct committer *c;
	struct change *change;
	struct change_result *result;
	struct change_problems problems;
	struct planned *zones;
	uint64_t time_us;
	uint64_t seq;
};

/* Rows of one zone, or of the items, on their way into the log. */
struct rows {
	struct plan *plan;
	uint32_t zone;
	uint32_t parts;
	bool left_out; /* what the zone has in it is too much for the log */
	struct record_part part;
};

/* Puts what is in the part, if anything. */
MUST_CHECK int rows_put(struct rows *r);
MUST_CHECK int rows_add(struct rows *r, const struct record_row *row);

/* Remembers for commit_compile() what of a zone is touched. */
struct commit_touched *touched_zone(struct committer *c, struct zone *z);
void touch(struct committer *c, struct commit_touched *t, const struct overlay_set *s);

/* Writes all of the change. An error spoils the commit. */
MUST_CHECK int plan_write(struct plan *p);

/* Of a zone that gets contents: whether they are others, and which serial they will have. */
MUST_CHECK int plan_contents(struct plan *p, const struct zone_change *zc,
                             struct planned *z);

/* Adds a problem of the zone as such. Gives ERR_REFUSED. */
int plan_refuse(struct plan *p, const char *rule, const char *text);

/* ---- signing.c: of zones that are signed here ---- */

/* Sets z->keys. ERR_REFUSED: the zone's keys cannot be used. */
MUST_CHECK int signing_keys(struct plan *p, struct planned *z);
/* The same of a zone that is edited. ERR_REFUSED: it comes with its signatures, too. */
MUST_CHECK int signing_begin(struct plan *p, struct planned *z);

/* Of edits: takes the signer's own out of the view; and when the serial is what it will be, puts it there. */
MUST_CHECK int signing_bare(struct plan *p, const struct zone_change *zc,
                            struct planned *z);
MUST_CHECK int signing_end(struct plan *p, const struct zone_change *zc,
                           struct planned *z);

/* Of contents: signs them, unless they are; and once they have another serial. */
MUST_CHECK int signing_contents(struct plan *p, const struct zone_change *zc,
                                struct planned *z);
MUST_CHECK int signing_serial(const struct zone_change *zc, struct planned *z);

/* The same as a validator would see them. ERR_REFUSED, and it is said. */
MUST_CHECK int signing_check_contents(struct plan *p, const struct contents *c);
/* Makes of contents that are signed, of a zone as it was before, those of the zone as it is. ERR_STALE: too much is
 * another, or it is not to be signed like this any more. */
MUST_CHECK int signing_catch_up(struct plan *p, struct zone_change *zc,
                                struct planned *z);

/* Refuses what a zone that is signed here cannot become; ERR_STALE: the change says how the zone is signed, and does
 * not know how it is. What is known of a zone that goes, goes with it. */
MUST_CHECK int signing_check(struct plan *p, const struct zone_change *zc,
                             const struct planned *z);

/* The digest of a zone as the view makes it; see apply.c. */
MUST_CHECK int withdraw_digest(struct plan *p, struct planned *z);

/* Writes one zone that comes, goes, or gets other contents: it goes into the table at once. */
MUST_CHECK int write_whole(struct plan *p, size_t zone);

#endif
