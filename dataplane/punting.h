/*
 * The worker's end of punting (shared/punt.h): what its responder hands over goes up with the way back, and
 * what has come down is sent.
 */
#ifndef DATAPLANE_PUNTING_H
#define DATAPLANE_PUNTING_H

#include <stdbool.h>

#include "dataplane/respond/respond.h"
#include "shared/punt.h"

struct worker;

/* A responder's hand; worker: the struct worker whose burst p is of. */
responder_hand punting_up;

/* Sends a few of the messages that have come down, if any. Not while packets are lent. */
void punting_down(struct worker *w, struct punt_ring *down);

#endif
