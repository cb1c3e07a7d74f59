/* What becomes of the query log beside its file, for any thread to look at. */
#ifndef CONTROL_QLOG_FIGURES_H
#define CONTROL_QLOG_FIGURES_H

#include "control/qlog/tap.h"
#include "control/qlog/zones.h"

struct qlog_figures {
	struct tap_figures socket;
	struct tap_figures file;
	struct zone_counts zones;
};

#endif
