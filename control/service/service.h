/*
 * What the service manager is told of the control plane's life.
 *
 *      READY      the zones have been tried once, so a table is published, and, where this process
 *                 runs its data plane, that one serves it. Until then, and as long as something goes on,
 *                 more time is asked for: a start takes as long as the zones are large
 *      RELOADING  then READY again
 *      WATCHDOG   at half the time that the manager allows, as long as both threads live: the loop, on
 *                 which this runs, and the commit thread, which has turned or used its processor since
 *      STOPPING
 *
 * A data plane that somebody else runs is not waited for: its unit may well wait for this one.
 */
#ifndef CONTROL_SERVICE_SERVICE_H
#define CONTROL_SERVICE_SERVICE_H

#include <stdbool.h>
#include <uv.h>

#include "control/engine.h"
#include "control/publish/publisher.h"

struct service;

/* Loop thread, before the first load of zones. e and p are lent for the service's life. Without a manager that wants to know, nothing is
 * ever sent. */
void service_open(uv_loop_t *loop, struct engine *e, struct publisher *p,
                  bool runs_data_plane, struct service **out);

/* Loop thread. Zones are about to be read again; they have been read: once for the first load, and once for
 * each further one. */
void service_reloading(struct service *s);
void service_loaded(struct service *s);

/* Loop thread. This process is about to end. Before what was lent is closed; the memory goes when the
 * loop has run once more. */
void service_close(struct service **s);

#endif
