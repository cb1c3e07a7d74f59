/*
 * A PKCS#11 library for tests, that is SoftHSM's, and in which things go wrong as one says. Tests load it as the
 * code under test does, and find the struct by its name.
 */
#ifndef CONTROL_SIGN_TOKEN_SHIM_H
#define CONTROL_SIGN_TOKEN_SHIM_H

#include <p11-kit/pkcs11.h>
#include <stdatomic.h>

struct token_shim {
	atomic_ulong sessions_max;  /* 0: as many as one wants */
	atomic_ulong sessions;      /* that are open */
	atomic_ulong sessions_most; /* that ever were */
	atomic_ulong opened;
	atomic_ulong logins;          /* that were tried */
	atomic_bool without_pin;      /* the last was tried so, and let in */
	atomic_ulong flags_set;       /* of every token */
	atomic_ulong sign_failures;   /* so many times to come a signature fails */
	atomic_ulong sign_fails_with; /* with this */
};

/* In the library; what loads it finds it by dlsym(). */
extern struct token_shim token_shim;

#endif
