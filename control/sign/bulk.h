/*
 * Signs all of a zone in memory, on as many threads as one gives it: a zone that comes, or that is signed from
 * now on, or with another algorithm.
 *
 * What is signed (RFC 4035 §2.2): every RRset of the zone's own, whatever it was signed with before. NS at a
 * delegation, what is at it beside DS and NSEC, and all that is below it or below a DNAME is not the zone's own, and
 * loses signatures that it has.
 * Keys, the chain of denial and all else that is to have a signature is in the contents already.
 *
 * RRsets are handed out in runs, whoever is free takes the next, and each thread has its own signers. The contents
 * are as they were until the last signature is there: one that fails, or somebody who says stop, leaves no trace.
 */
#ifndef CONTROL_SIGN_BULK_H
#define CONTROL_SIGN_BULK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/sign/set_signer.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

/* Zero at first. Any thread may look at it, and set stop, at any time. */
struct bulk_progress {
	atomic_size_t total; /* RRsets to be signed */
	atomic_size_t done;
	atomic_size_t
		found; /* RRsets that need none, since they were signed before: the caller's */
	atomic_ullong
		since_ns; /* clock_now_ns() when signing began; likewise, 0: it did not */
	atomic_bool stop;
};

/* Is told of RRsets that have just been signed, while the rest is: by whichever thread did it, several at a time. They
 * are lent for the call, and as they will be in the contents. */
struct bulk_watcher {
	void (*made)(void *arg, const struct contents_rrset *sets, size_t count);
	void *arg;
};

struct bulk {
	struct contents *contents;      /* lent; no thread but these has them meanwhile */
	const struct sign_terms *terms; /* the zone is that of the contents */
	bool keep; /* what has the signatures that it is to have, none of them due, stays as it is */
	unsigned threads; /* see threads_run() */
	struct bulk_progress *progress;
	const struct bulk_watcher *watcher; /* NULL: nobody */
};

/* ERR_INVALID: see sign_terms_check(); a key without a private half; contents that are no zone. ERR_STOPPED: somebody
 * said so. ERR_SYSTEM: OpenSSL failed. ERR_GONE: a token with a key does not answer. */
MUST_CHECK int bulk_sign(const struct bulk *b);

#endif
