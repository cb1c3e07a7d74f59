/*
 * Words of the configuration and of attributes of zones, which stand in lists with one space between
 * them (io_names_next()).
 */
#ifndef CONTROL_POLICY_WORDS_H
#define CONTROL_POLICY_WORDS_H

#include <stdint.h>

#include "control/zone/arena.h"

/* Gives a copy from the arena. */
char *word_copy(struct contents_arena *arena, const char *word);

/* Gives the domain name that a word is, folded, from the arena, or NULL: it is empty, or none. */
const uint8_t *word_name(struct contents_arena *arena, const char *word);

#endif
