/*
 * The line to a service manager that started this process and wants to know how it is: datagrams of
 * "NAME=value" lines to the Unix socket that $NOTIFY_SOCKET names, as sd_notify(3) sends them.
 */
#ifndef CONTROL_SERVICE_NOTIFY_H
#define CONTROL_SERVICE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

/* Whether anybody wants to know. */
bool notify_is_wanted(void);

/* Sends lines, without waiting. ERR_NOTFOUND: nobody wants to know; ERR_INVALID: $NOTIFY_SOCKET names no
 * Unix socket; ERR_BUSY: no room now; ERR_SYSTEM. */
MUST_CHECK int notify_send(const char *lines);

/* Microseconds after which the manager gives up a process that it has not heard ($WATCHDOG_USEC,
 * $WATCHDOG_PID); 0: it waits for ever. */
uint64_t notify_watchdog_us(void);

#endif
