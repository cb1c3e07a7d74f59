/*
 * What the files that speak to PKCS#11 tokens share.
 */
#ifndef CONTROL_SIGN_TOKEN_INTERNAL_H
#define CONTROL_SIGN_TOKEN_INTERNAL_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/sign/tokens.h"
#include "shared/compiler.h"

enum {
	TOKEN_SESSIONS_MAX = 64,
	TOKEN_LABEL_SIZE = 32 + 1,
};

struct token {
	unsigned references; /* under the lock of the list, as is next */
	struct token *next;
	/* What it was made of; never changed. */
	char *text;
	P11KitUri *uri;
	const char *pin_path;         /* NULL: none; in uri */
	char label[TOKEN_LABEL_SIZE]; /* for messages */

	atomic_bool pin_refused;  /* and not to be tried again */
	pthread_mutex_t lock;     /* of all that follows */
	pthread_cond_t released;  /* a session */
	CK_FUNCTION_LIST *module; /* NULL: not reached, nor has it been left */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	unsigned epoch; /* how often it was left: handles are good for one epoch */
	bool stale;     /* to be left as soon as nothing is under way */
	unsigned busy;
	unsigned idle_count;
	CK_SESSION_HANDLE idle[TOKEN_SESSIONS_MAX]; /* logged in */
};

/* PKCS#11 says of nothing that it is not written to; this is for what it is not. */
static inline void *token_bytes(const void *bytes)
{
	const union {
		const void *lent;
		void *as_wanted;
	} u = {.lent = bytes};

	return u.as_wanted;
}

/* ---- token_uri.c ---- */

/* Parses any of our URIs, and gives it. ERR_INVALID. */
MUST_CHECK int token_parse(const char *text, P11KitUri **out,
                           char why[static TOKEN_WHY_SIZE]);

/* Says what keeps it from being that of a token that is configured. ERR_INVALID. */
MUST_CHECK int token_check_place(P11KitUri *uri, char why[static TOKEN_WHY_SIZE]);

/* Gives the path in its pin-source, lent; NULL: there is none. */
const char *token_pin_path(P11KitUri *uri);

/* Writes the label of the token. */
void token_label(P11KitUri *uri, char out[static TOKEN_LABEL_SIZE]);

/* ---- tokens.c ---- */

/* Gives the token that a URI of a key, or of the token alone, means, reached, as a reference. ERR_NOTFOUND: there is no
 * such token; and as token_acquire(). */
MUST_CHECK int token_find(P11KitUri *uri, struct token **out,
                          char why[static TOKEN_WHY_SIZE]);
/* Takes; NULL is fine. */
void token_release(struct token **t);

/* ---- token_session.c ---- */

struct token_session {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE handle;
	CK_SLOT_ID slot;
	unsigned epoch;
};

/* Gives a session, logged in, for one thing that does not wait for another session. ERR_GONE: the token does not answer,
 * or is not there. ERR_DENIED: it does not let us in. ERR_INVALID: the library is none, ERR_REFUSED: the PIN's file. */
MUST_CHECK int token_acquire(struct token *t, struct token_session *out,
                             char why[static TOKEN_WHY_SIZE]);
/* rv: what the last call in it gave, by which the token may have to be reached anew. */
void token_put_back(struct token *t, const struct token_session *s, CK_RV rv);

/* Says whether what failed may go well with a session of a token that is reached anew. */
bool token_was_lost(CK_RV rv);

/* Closes everything. Nothing is under way. */
void token_leave(struct token *t);

/* Writes "token LABEL: what: why it failed". Gives err. */
int token_complain(const struct token *t, const char *what, CK_RV rv, int err,
                   char why[static TOKEN_WHY_SIZE]);

#endif
