/*
 * One piece of work for several threads, each of which takes what is next of it until nothing is left.
 */
#ifndef CONTROL_SIGN_THREADS_H
#define CONTROL_SIGN_THREADS_H

/* Gives how many processors there are for threads. */
unsigned threads_of_machine(void);

/* Calls part, which gives NULL, on so many threads at once, and returns when all of them have. The caller's is one of
 * them; there are no more than 64 others, and where the machine has none to give the caller's is alone. */
void threads_run(unsigned threads, void *(*part)(void *arg), void *arg);

#endif
