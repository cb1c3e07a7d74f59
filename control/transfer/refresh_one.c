#include <sys/random.h>

#include "control/transfer/refresh_internal.h"
#include "shared/clock.h"

uint64_t refresh_wall(void)
{
	return clock_wall_us() / 1000000;
}

uint64_t refresh_any_below(uint64_t n)
{
	uint64_t x = 0;

	if (getrandom(&x, sizeof x, GRND_NONBLOCK) != sizeof x)
		x = clock_now_ns();
	return n ? x % n : 0;
}

void refresh_set_due(struct refresh *r, struct secondary *one, uint64_t in_ms)
{
	schedule_at(r->schedule, one, clock_now_ms() + in_ms);
}

struct transfer_figures *refresh_figures(const struct refresh *r)
{
	return &engine_table(r->parts.engine)->transfers;
}

static enum transfer_figure figure_of(const struct secondary *one)
{
	if (one->expired)
		return FIGURE_ZONES_EXPIRED;
	if (one->failures)
		return FIGURE_ZONES_FAILING;
	return one->has_contents ? FIGURE_ZONES_CURRENT : FIGURE_ZONES_EMPTY;
}

static void count_no_more(struct refresh *r, struct secondary *one)
{
	if (one->counted)
		figure_sub(refresh_figures(r), (enum transfer_figure)one->counted, 1);
	one->counted = 0;
}

void refresh_count_ixfr(struct refresh *r, struct secondary *one, bool no_ixfr)
{
	if (no_ixfr && !one->no_ixfr)
		figure_add(refresh_figures(r), FIGURE_ZONES_NO_IXFR, 1);
	else if (!no_ixfr && one->no_ixfr)
		figure_sub(refresh_figures(r), FIGURE_ZONES_NO_IXFR, 1);
	one->no_ixfr = no_ixfr;
}

void refresh_count(struct refresh *r, struct secondary *one)
{
	count_no_more(r, one);
	one->counted = (uint8_t)figure_of(one);
	figure_add(refresh_figures(r), (enum transfer_figure)one->counted, 1);
}

void refresh_forget(struct refresh *r, struct secondary *one)
{
	refresh_note_erase(r, one->at.id);
	zone_marks_set_check(engine_marks(r->parts.engine), one->at.id, 0);
	count_no_more(r, one);
	refresh_count_ixfr(r, one, false);
	schedule_remove(r->schedule, one);
}
