#include "control/sign/threads.h"

#include <pthread.h>
#include <unistd.h>

enum { OTHERS_MAX = 64 };

unsigned threads_of_machine(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count > 0 ? (unsigned)count : 1;
}

void threads_run(unsigned threads, void *(*part)(void *arg), void *arg)
{
	pthread_t others[OTHERS_MAX];
	unsigned count = 0;

	while (count + 1 < threads && count < OTHERS_MAX &&
	       pthread_create(&others[count], NULL, part, arg) == 0)
		count++;
	(void)part(arg);
	for (unsigned i = 0; i < count; i++)
		(void)pthread_join(others[i], NULL);
}
