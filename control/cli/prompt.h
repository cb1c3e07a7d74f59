/*
 * Questions to whoever sits at the terminal, and the editor that is started there.
 */
#ifndef CONTROL_CLI_PROMPT_H
#define CONTROL_CLI_PROMPT_H

#include <stdbool.h>

/* Says whether there is a terminal to ask at. */
bool prompt_possible(void);

/* Asks on stderr until one of the letters is typed, and gives it; the last one when there is no
 * more input. */
char prompt_choice(const char *question, const char *letters);

/* Runs $VISUAL, or $EDITOR, or what there is, with a file. Gives false after a message when it
 * cannot be run or fails. */
bool prompt_editor(const char *path);

#endif
