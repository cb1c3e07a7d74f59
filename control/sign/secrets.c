#include "control/sign/secrets.h"

#include <pthread.h>
#include <stdlib.h>

#include "control/must.h"
#include "shared/err.h"

/* Whoever was given a vault may have it still: those that are replaced, of which there are few, are kept. */
struct opened {
	struct vault *vault;
	struct opened *older;
};

struct sign_secrets {
	pthread_mutex_t lock;
	struct opened *newest;
	char *path;
};

struct sign_secrets *sign_secrets_new(const char *path)
{
	struct sign_secrets *s = must(calloc(1, sizeof *s));

	must_set_text(&s->path, path);
	(void)pthread_mutex_init(&s->lock, NULL);
	return s;
}

void sign_secrets_free(struct sign_secrets **secrets)
{
	struct sign_secrets *s = *secrets;

	*secrets = NULL;
	if (!s)
		return;
	while (s->newest) {
		struct opened *o = s->newest;
		s->newest = o->older;
		vault_free(&o->vault);
		free(o);
	}
	(void)pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

/* Under the lock. */
static int open_file(struct sign_secrets *s, char *why)
{
	struct vault *v;

	TRY(vault_open(s->path, &v, why));
	struct opened *o = must(malloc(sizeof *o));
	*o = (struct opened){.vault = v, .older = s->newest};
	s->newest = o;
	return 0;
}

static int open_or_make(struct sign_secrets *s, bool make, char *why)
{
	int err = open_file(s, why);

	if (err != ERR_NOTFOUND || !make)
		return err;
	TRY(vault_make(s->path, why));
	return open_file(s, why);
}

const struct vault *sign_secrets_vault(struct sign_secrets *s, bool make,
                                       char why[static VAULT_WHY_SIZE])
{
	const struct vault *v = NULL;

	(void)pthread_mutex_lock(&s->lock);
	if (s->newest || open_or_make(s, make, why) == 0)
		v = s->newest->vault;
	(void)pthread_mutex_unlock(&s->lock);
	return v;
}

int sign_secrets_reload(struct sign_secrets *s, char why[static VAULT_WHY_SIZE])
{
	(void)pthread_mutex_lock(&s->lock);
	int err = open_file(s, why);
	(void)pthread_mutex_unlock(&s->lock);
	return err;
}

const char *sign_secrets_path(const struct sign_secrets *s)
{
	return s->path;
}
