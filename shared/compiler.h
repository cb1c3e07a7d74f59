/*
 * The GNU extensions that this code base uses, each under one name.
 *
 * Nothing outside this file spells __attribute__ or __builtin_*.
 */
#ifndef SHARED_COMPILER_H
#define SHARED_COMPILER_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>

#define STATIC_ASSERT(cond, why) static_assert(cond, why)
#define MUST_CHECK               __attribute__((warn_unused_result))
#define NONNULL                  __attribute__((nonnull))
#define HOT                      __attribute__((hot))
#define COLD                     __attribute__((cold))
#define ALWAYS_INLINE            inline __attribute__((always_inline))
#define NEVER_INLINE             __attribute__((noinline))
#define PRINTF_LIKE(fmt, first)  __attribute__((format(printf, fmt, first)))
#define UNUSED                   __attribute__((unused))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Asks for the cache line that holds p, for reading; p need not be mapped. */
#define prefetch_read(p)  __builtin_prefetch((p), 0, 3)
#define prefetch_write(p) __builtin_prefetch((p), 1, 3)

enum { CACHE_LINE = 64 };

/* The short loop that follows has a constant count. */
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* Position of the highest set bit; v is not 0. */
#define HIGHEST_BIT(v) (63U - (unsigned)__builtin_clzll(v))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ThreadSanitizer sees atomics only: vector loads of shared words are compiled out under it. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

/* The compiler does not tell; the build does. */
#ifndef UNDER_COVERAGE
#define UNDER_COVERAGE 0
#endif

#endif
