/*
 * What is counted of transfers, notifications, updates and secondaries, for the metrics. All of it since
 * the start, but for the gauges at the end, which are as things are now. The loop thread writes, any thread reads.
 */
#ifndef CONTROL_TRANSFER_FIGURES_H
#define CONTROL_TRANSFER_FIGURES_H

#include <stdatomic.h>
#include <stdint.h>

enum { FIGURE_RCODES = 16 }; /* all that stand in the header of a message */

enum transfer_figure {
	/* Zones given to others. */
	FIGURE_OUT_WHOLE,
	FIGURE_OUT_DIFFERENCES,
	FIGURE_OUT_SINGLE, /* what fits one message: mostly that there is nothing newer */
	FIGURE_OUT_REFUSED, /* to who may not, or asks what makes no sense */
	FIGURE_OUT_BUSY,    /* too many at once */
	FIGURE_OUT_FAILED,  /* too slow, gone, or nothing that could be sent */
	FIGURE_OUT_OCTETS,
	FIGURE_OUT_MS,
	/* Zones fetched from primaries. */
	FIGURE_IN_WHOLE,
	FIGURE_IN_DIFFERENCES,
	FIGURE_IN_CURRENT, /* nothing newer came of it */
	FIGURE_IN_REFUSED, /* by the primary, or by us for what it has sent */
	FIGURE_IN_FAILED,  /* no connection, or it ended, or took too long */
	FIGURE_IN_OCTETS,
	FIGURE_IN_MS,
	/* Notifications. */
	FIGURE_NOTIFY_TOLD,
	FIGURE_NOTIFY_REFUSED,
	FIGURE_NOTIFY_UNANSWERED,
	FIGURE_NOTIFIED_TAKEN,
	FIGURE_NOTIFIED_REFUSED, /* not from one who may, or for no secondary */
	FIGURE_NOTIFIED_FAILED,  /* malformed, or too many at once */
	/* Signatures. */
	FIGURE_TSIG_BADSIG,
	FIGURE_TSIG_BADKEY,
	FIGURE_TSIG_BADTIME,
	FIGURE_TSIG_BADTRUNC,
	FIGURE_TSIG_ANSWERS, /* of primaries, not signed as they should be */
	/* Updates answered here, by rcode, and those handed on to primaries. */
	FIGURE_UPDATES,
	FIGURE_UPDATES_FORWARDED = FIGURE_UPDATES + FIGURE_RCODES,
	FIGURE_UPDATES_NOT_FORWARDED, /* no primary has answered */
	/* Gauges: secondaries by state, of which each is in one; and primaries. */
	FIGURE_ZONES_EMPTY,
	FIGURE_ZONES_CURRENT,
	FIGURE_ZONES_FAILING,
	FIGURE_ZONES_EXPIRED,
	FIGURE_CHECKS, /* of secondaries, under way */
	FIGURE_PRIMARIES_DOWN,
	FIGURE_ZONES_NO_IXFR, /* secondaries for which IXFR brings nothing that fits */
	TRANSFER_FIGURES
};

struct transfer_figures {
	atomic_ullong value[TRANSFER_FIGURES];
};

/* Loop thread. */
static inline void figure_add(struct transfer_figures *f, enum transfer_figure which,
                              uint64_t n)
{
	(void)atomic_fetch_add_explicit(&f->value[which], n, memory_order_relaxed);
}

/* Loop thread; of a gauge. */
static inline void figure_sub(struct transfer_figures *f, enum transfer_figure which,
                              uint64_t n)
{
	(void)atomic_fetch_sub_explicit(&f->value[which], n, memory_order_relaxed);
}

/* Loop thread; of a gauge. */
static inline void figure_set(struct transfer_figures *f, enum transfer_figure which,
                              uint64_t n)
{
	atomic_store_explicit(&f->value[which], n, memory_order_relaxed);
}

/* Loop thread. */
static inline void figure_update(struct transfer_figures *f, unsigned rcode)
{
	figure_add(f, (enum transfer_figure)(FIGURE_UPDATES + rcode % FIGURE_RCODES), 1);
}

/* Any thread. */
static inline uint64_t figure_look(const struct transfer_figures *f,
                                   enum transfer_figure which)
{
	return atomic_load_explicit(&f->value[which], memory_order_relaxed);
}

#endif
