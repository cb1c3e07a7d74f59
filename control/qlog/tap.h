/*
 * Where frames of dnstap go: a collector's Unix socket, or a file (Frame Streams, by libfstrm).
 *
 * fstrm's thread writes; a queue is between. Nobody waits for it: a frame that finds no room, or no
 * collector, is lost and counted. Who does not take frames for two seconds is left; a collector that
 * comes back is connected to within five. A file is written from its start to the end of the
 * process, and one that is there is kept beside it, as PATH.old.
 */
#ifndef CONTROL_QLOG_TAP_H
#define CONTROL_QLOG_TAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum tap_kind { TAP_SOCKET, TAP_FILE };

/* Written by the tap's threads, for any thread to read. */
struct tap_figures {
	atomic_ullong sent; /* frames */
	atomic_ullong lost;
	atomic_bool connected; /* frames are taken */
};

struct tap;

/* path is copied; figures is lent until tap_close(). */
struct tap *tap_open(enum tap_kind kind, const char *path, struct tap_figures *figures);

/* One thread. Copies a frame. */
void tap_send(struct tap *t, const uint8_t *frame, size_t len);

/* Hands over what waits, for some seconds at most; NULL is fine. */
void tap_close(struct tap **t);

#endif
