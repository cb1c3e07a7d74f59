/*
 * Many transactions in one command, each with edits of its own, in order: each is done or refused as
 * a whole. Behind a refused one nothing is done, unless args have "keep_going".
 */
#ifndef CONTROL_TRANSACTIONS_H
#define CONTROL_TRANSACTIONS_H

#include "control/engine.h"

/* Pool: what the command "change" does with "transactions", its list. */
enum engine_outcome transactions_make(struct engine *e, const json_t *list,
                                      const json_t *args, json_t *result);

#endif
