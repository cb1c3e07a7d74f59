/*
 * Readers of this process and who waits for them: liburcu's QSBR flavour, under names of ours.
 *
 * liburcu is not built for ThreadSanitizer, which therefore cannot see that whoever waited comes
 * after every reader's last look. The same promise is made to it in its own words.
 */
#ifndef SHARED_RCU_H
#define SHARED_RCU_H

#include <urcu/urcu-qsbr.h>

#include "shared/compiler.h"

#if UNDER_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
extern char rcu_promise;
extern char rcu_published;
#define RCU_READER_IS_DONE() __tsan_release(&rcu_promise)
#define RCU_READERS_WERE()   __tsan_acquire(&rcu_promise)
#define RCU_PUBLISHED()      __tsan_release(&rcu_published)
#define RCU_LOOKED()         __tsan_acquire(&rcu_published)
#else
#define RCU_READER_IS_DONE() ((void)0)
#define RCU_READERS_WERE()   ((void)0)
#define RCU_PUBLISHED()      ((void)0)
#define RCU_LOOKED()         ((void)0)
#endif

/* A thread is a reader, online, from one to the other. */
static inline void rcu_reader_begin(void)
{
	urcu_qsbr_register_thread();
}

static inline void rcu_reader_end(void)
{
	RCU_READER_IS_DONE();
	urcu_qsbr_unregister_thread();
}

/* The reader holds nothing at this moment. */
static inline void rcu_reader_quiet(void)
{
	RCU_READER_IS_DONE();
	urcu_qsbr_quiescent_state();
}

/* The reader holds nothing, and nobody needs to wait for it, until it is online again. */
static inline void rcu_reader_offline(void)
{
	RCU_READER_IS_DONE();
	urcu_qsbr_thread_offline();
}

static inline void rcu_reader_online(void)
{
	urcu_qsbr_thread_online();
}

/* Publishes what a pointer points at, and looks through it while online. */
#define rcu_publish(pointer, value)                                      \
	do {                                                             \
		RCU_PUBLISHED();                                         \
		__atomic_store_n(&(pointer), (value), __ATOMIC_RELEASE); \
	} while (0)

#define rcu_look(pointer)                                              \
	__extension__({                                                \
		__typeof__(pointer) rcu_looked_at =                    \
			__atomic_load_n(&(pointer), __ATOMIC_ACQUIRE); \
		RCU_LOOKED();                                          \
		rcu_looked_at;                                         \
	})

/* Waits until every online reader was quiet once. Not for readers. */
static inline void rcu_wait(void)
{
	urcu_qsbr_synchronize_rcu();
	RCU_READERS_WERE();
}

#endif
