#include "control/sign/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/token_internal.h"
#include "shared/err.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct token *list;

/* ---- the list ---- */

static int token_new(const char *text, struct token **out, char *why)
{
	P11KitUri *uri = NULL;

	TRY(token_parse(text, &uri, why));
	if (token_check_place(uri, why) < 0) {
		p11_kit_uri_free(uri);
		return ERR_INVALID;
	}
	struct token *t = must(calloc(1, sizeof *t));
	t->references = 1;
	t->text = must(strdup(text));
	t->uri = uri;
	t->pin_path = token_pin_path(uri);
	token_label(uri, t->label);
	if (pthread_mutex_init(&t->lock, NULL) != 0 ||
	    pthread_cond_init(&t->released, NULL) != 0)
		abort();
	*out = t;
	return 0;
}

void token_release(struct token **token)
{
	struct token *t = *token;

	*token = NULL;
	if (!t)
		return;
	(void)pthread_mutex_lock(&list_lock);
	bool last = --t->references == 0;
	(void)pthread_mutex_unlock(&list_lock);
	if (!last)
		return;
	token_leave(t);
	(void)pthread_cond_destroy(&t->released);
	(void)pthread_mutex_destroy(&t->lock);
	p11_kit_uri_free(t->uri);
	free(t->text);
	free(t);
}

static void release_all(struct token *t)
{
	while (t) {
		struct token *next = t->next;
		token_release(&t);
		t = next;
	}
}

/* Takes the token of that text out of a list, NULL: there is none. */
static struct token *take_out(struct token **from, const char *text)
{
	for (; *from; from = &(*from)->next) {
		struct token *t = *from;
		if (strcmp(t->text, text) != 0)
			continue;
		*from = t->next;
		t->next = NULL;
		return t;
	}
	return NULL;
}

/* Puts a token of the old list, with all that is known of it, where it is in the new one. */
static void keep_known(struct token **new, struct token **old)
{
	for (; *new; new = &(*new)->next) {
		struct token *known = take_out(old, (*new)->text);
		if (!known)
			continue;
		struct token *unused = *new;
		known->next = unused->next;
		*new = known;
		unused->next = *old; /* to be released with them */
		*old = unused;
		atomic_store_explicit(&known->pin_refused, false, memory_order_relaxed);
	}
}

int tokens_set(const char *const *uris, size_t count, char why[static TOKEN_WHY_SIZE])
{
	struct token *new = NULL;
	struct token **end = &new;
	int err = 0;

	if (count > TOKENS_MAX) {
		(void)snprintf(why, TOKEN_WHY_SIZE, "there are more than %d tokens",
		               TOKENS_MAX);
		return ERR_INVALID;
	}

	for (size_t i = 0; err == 0 && i < count; i++) {
		err = token_new(uris[i], end, why);
		if (err == 0)
			end = &(*end)->next;
	}
	if (err < 0) {
		release_all(new);
		return err;
	}
	(void)pthread_mutex_lock(&list_lock);
	struct token *old = list;
	keep_known(&new, &old);
	list = new;
	(void)pthread_mutex_unlock(&list_lock);
	release_all(old);
	return 0;
}

void tokens_forget(void)
{
	char why[TOKEN_WHY_SIZE];

	if (tokens_set(NULL, 0, why) < 0)
		abort(); /* none are never refused */
}

/* ---- finding ---- */

/* Gives references to those that have the label of a URI: at most one of them is meant. */
static size_t candidates(P11KitUri *uri, struct token *out[static TOKENS_MAX])
{
	char label[TOKEN_LABEL_SIZE];
	size_t count = 0;

	token_label(uri, label);
	(void)pthread_mutex_lock(&list_lock);
	for (struct token *t = list; t; t = t->next) {
		if (strcmp(t->label, label) != 0)
			continue;
		t->references++;
		out[count++] = t;
	}
	(void)pthread_mutex_unlock(&list_lock);
	return count;
}

static int look_at(struct token *t, P11KitUri *uri, char *why)
{
	struct token_session s;

	TRY(token_acquire(t, &s, why));
	(void)pthread_mutex_lock(&t->lock);
	bool same = p11_kit_uri_match_token_info(uri, &t->info);
	(void)pthread_mutex_unlock(&t->lock);
	token_put_back(t, &s, CKR_OK);
	if (same)
		return 0;
	(void)snprintf(why, TOKEN_WHY_SIZE, "token %s is not the one that is meant",
	               t->label);
	return ERR_NOTFOUND;
}

int token_find(P11KitUri *uri, struct token **out, char why[static TOKEN_WHY_SIZE])
{
	struct token *found[TOKENS_MAX];
	size_t count = candidates(uri, found);
	char label[TOKEN_LABEL_SIZE];
	int err = ERR_NOTFOUND;

	token_label(uri, label);
	(void)snprintf(why, TOKEN_WHY_SIZE, "no token %s is configured", label);
	for (size_t i = 0; i < count; i++) {
		bool looked = err < 0;
		if (looked)
			err = look_at(found[i], uri, why);
		if (looked && err == 0)
			*out = found[i];
		else
			token_release(&found[i]);
	}
	return err;
}
