#ifndef CONTROL_COMMIT_THREAD_H
#define CONTROL_COMMIT_THREAD_H

/* Runs until the engine, arg, is stopping and no job waits. Gives NULL. */
void *commit_thread(void *arg);

#endif
