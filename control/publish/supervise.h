/*
 * Supervision: keeps one data plane running as a child of the control plane.
 *
 * The child is made to outlive its parent: a session of its own, and no signal when the parent
 * dies. So a control plane that starts gives a child of an earlier one a second to attach again,
 * and starts a new one only if none did. The attachment, not the child's pid, says whether there
 * is one.
 */
#ifndef CONTROL_PUBLISH_SUPERVISE_H
#define CONTROL_PUBLISH_SUPERVISE_H

#include <uv.h>

#include "control/config/config.h"
#include "control/publish/publisher.h"
#include "shared/compiler.h"

struct supervisor;

/* Loop thread. Runs config->supervise, which is not empty. config is lent until the next
 * one, p for the supervisor's life. */
void supervisor_open(uv_loop_t *loop, const struct config *config, struct publisher *p,
                     struct supervisor **out);

/* Loop thread. A data plane that it starts from now on goes by next, lent as above. */
void supervisor_configure(struct supervisor *s, const struct config *next);

/* Loop thread. Ends the data plane with SIGTERM; before publisher_close(). The memory goes when
 * the loop has run once more. */
void supervisor_close(struct supervisor **s);

#endif
