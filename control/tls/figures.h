/*
 * What is counted of TLS in one direction, for monitoring. The loop thread writes, any thread looks: relaxed, for no
 * figure says anything of another.
 */
#ifndef CONTROL_TLS_FIGURES_H
#define CONTROL_TLS_FIGURES_H

#include <stdatomic.h>
#include <stdint.h>

/* Why a handshake came to nothing. */
enum tls_failure {
	TLS_FAILURE_BROKEN_OFF,  /* the connection ended meanwhile, or had to go */
	TLS_FAILURE_TIMEOUT,     /* it took too long */
	TLS_FAILURE_PROTOCOL,    /* nothing in common, or not TLS */
	TLS_FAILURE_CERTIFICATE, /* one side does not take the other's */
	TLS_FAILURES
};

struct tls_figures {
	atomic_uint_fast64_t full; /* handshakes, as all but the last */
	atomic_uint_fast64_t resumed;
	atomic_uint_fast64_t failed[TLS_FAILURES];
	atomic_uint connections; /* that have agreed on TLS and are there */
};

#endif
