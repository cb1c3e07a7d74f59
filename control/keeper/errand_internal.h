/* What the files share that make an errand: errand.c goes through it, errand_parent.c asks the parent. Loop thread. */
#ifndef CONTROL_KEEPER_ERRAND_INTERNAL_H
#define CONTROL_KEEPER_ERRAND_INTERNAL_H

#include "control/keeper/internal.h"

struct errand {
	struct keeper *keeper;
	struct kept *one;
	struct step step;
	struct bulk_progress progress;
	struct parent *parent;
	bool asks;                    /* it counts among those that do */
	struct contents_arena *arena; /* of the servers that are asked */
	size_t batch;                 /* of what is due: where the next one begins */
	size_t batch_end;
	uint64_t began_ns; /* of the change under way */
	uv_timer_t timer;  /* of the pause between two */
	bool timer_open;
	int err;
};

/* Ends it; the zone is looked at again then. */
void errand_end(struct errand *e, uint64_t due);

/* Has the parent asked, if what it has matters now; the errand ends when it has been. Gives false when nobody is asked, and
 * sets when that is to be. */
bool errand_asks(struct errand *e);

#endif
