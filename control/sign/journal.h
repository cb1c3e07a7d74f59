/*
 * Signatures of a zone that is being signed, in a file, as they are made: what the signing of a large zone has come to
 * when the server ends, or the zone changes meanwhile. The next one takes from it whatever still is as it was then.
 *
 * Nothing depends on it. A file that is damaged, or cannot be written, costs time. It is not forced to the disk: each
 * record has a sum, and those from the first one on that is not whole do not count.
 */
#ifndef CONTROL_SIGN_JOURNAL_H
#define CONTROL_SIGN_JOURNAL_H

#include <stddef.h>

#include "control/sign/zone_keys.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

struct sign_journal;

/* Opens the file of a zone's signing, or makes it, for its owner alone. What is in it counts if it was made by the keys, opened,
 * that sign now; else it is emptied. One at a time for a file. ERR_SYSTEM: errno says why. */
MUST_CHECK int sign_journal_open(const char *path, const struct zone_keys *k,
                                 struct sign_journal **out);

/* Gives contents, prepared, the signatures that fit (zone_contents_reuse()). Once, before anything is added.
 * Gives how many RRsets got theirs. */
size_t sign_journal_take(struct sign_journal *j, struct contents *c,
                         const struct zone_keys *k);

/* Adds RRsets with their signatures. Any thread. When it fails, nothing more is added. */
void sign_journal_add(struct sign_journal *j, const struct contents_rrset *sets,
                      size_t count);

/* Takes; NULL is fine. Gives 0, or the error by which something could not be written: ERR_SYSTEM. The file stays. */
int sign_journal_close(struct sign_journal **j);

#endif
