#include "control/config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/reader.h"
#include "control/config/value.h"
#include "shared/err.h"

enum { FILE_MAX = 64 << 20 };

const struct config *config_hold(const struct config *c)
{
	struct config *held = (struct config *)(uintptr_t)c;

	atomic_fetch_add_explicit(&held->references, 1, memory_order_relaxed);
	return c;
}

static void free_list(struct config *c, const struct list_section *l)
{
	size_t count = list_count(l, c);

	for (size_t i = 0; i < count; i++)
		value_clear_item(l->section, list_item(l, c, i));
	free(list_item(l, c, 0));
}

static void config_free(struct config *c)
{
	for (size_t i = 0; i < config_option_count; i++)
		if (!config_sections[config_options[i].section].list)
			value_clear(&config_options[i], c);
	for (size_t i = 0; i < config_list_count; i++)
		free_list(c, &config_lists[i]);
	free(c->zone_order);
	value_clear_item(SECTION_TEMPLATES, &c->fallback);
	free(c->path);
	free(c->text);
	free(c);
}

void config_release(const struct config *c)
{
	struct config *held = (struct config *)(uintptr_t)c;

	/* The last one sees that the others have looked: pairs with itself. */
	if (held &&
	    atomic_fetch_sub_explicit(&held->references, 1, memory_order_acq_rel) == 1)
		config_free(held);
}

/* ---- entries by name ---- */

const struct config_zone *config_zone_find(const struct config *c, const uint8_t *name)
{
	size_t low = 0;
	size_t high = c->zone_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct config_zone *z = &c->zones[c->zone_order[middle]];
		int order = name_compare(z->name, name);
		if (order == 0)
			return z;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The others are few. */
#define FIND(section, type, items, count)                                           \
	const struct config_##type *config_##section##_find(const struct config *c, \
	                                                    const char *name)       \
	{                                                                           \
		for (size_t i = 0; i < c->count; i++)                               \
			if (!strcmp(c->items[i].name, name))                        \
				return &c->items[i];                                \
		return NULL;                                                        \
	}
FIND(remote, remote, remotes, remote_count)
FIND(acl, acl, acls, acl_count)
FIND(tls, tls, tls_profiles, tls_profile_count)
FIND(template, template, templates, template_count)
FIND(dnssec_policy, dnssec_policy, dnssec_policies, dnssec_policy_count)
#undef FIND

const struct config_key *config_key_find(const struct config *c, const uint8_t *name)
{
	uint8_t other[NAME_MAX_LEN];

	for (size_t i = 0; i < c->key_count; i++)
		if (name_read(c->keys[i].name, other) > 0 && name_equal(other, name))
			return &c->keys[i];
	return NULL;
}

static bool is_set(const char *text)
{
	return text && text[0];
}

/* With auto a data plane tries only what something is configured for. */
bool config_past_kernel(const struct config *c)
{
	if (c->io == IO_AUTO)
		return is_set(c->dpdk_eal) || is_set(c->dpdk_ports) ||
		       is_set(c->xdp_interfaces);
	return c->io != IO_UDP;
}

/* Gives the absolute directory of a path, without a final slash unless it is the root. */
static int absolute_dir(const char *path, char dir[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	char cwd[PATH_MAX] = "";
	int len;

	if (path[0] != '/' && !getcwd(cwd, sizeof cwd))
		return ERR_IO;
	if (!slash)
		len = snprintf(dir, PATH_MAX, "%s", cwd);
	else if (path[0] == '/')
		len = snprintf(dir, PATH_MAX, "%.*s",
		               slash == path ? 1 : (int)(slash - path), path);
	else
		len = snprintf(dir, PATH_MAX, "%s/%.*s", strcmp(cwd, "/") ? cwd : "",
		               (int)(slash - path), path);
	return len < 0 || len >= PATH_MAX ? ERR_TOOBIG : 0;
}

static struct config *config_new(const char *text, size_t len, const char *name)
{
	struct config *c = calloc(1, sizeof *c);

	if (!c || !(c->path = strdup(name)) || !(c->text = malloc(len + 1)))
		abort();
	if (len)
		memcpy(c->text, text, len);
	c->text[len] = 0;
	c->text_len = len;
	atomic_init(&c->references, 1);
	return c;
}

int config_parse(const char *text, size_t len, const char *name,
                 const struct overrides *overrides, struct config **out,
                 struct diag *diag)
{
	char dir[PATH_MAX];
	size_t errors = diag->errors;

	if (len > FILE_MAX) {
		diag_add(diag, DIAG_ERROR, "too-large", name, 0, 0,
		         "larger than %d MiB, the most that is read", FILE_MAX >> 20);
		return ERR_TOOBIG;
	}
	if (absolute_dir(name, dir) < 0) {
		diag_add(diag, DIAG_ERROR, "io", name, 0, 0,
		         "the directory of the file cannot be determined");
		return ERR_IO;
	}
	struct config *c = config_new(text, len, name);
	reader_run(overrides, dir, c, diag);
	if (diag->errors != errors) {
		config_release(c);
		return ERR_REFUSED;
	}
	*out = c;
	return 0;
}

/* Reads up to one byte more than is allowed, so that the caller sees that there is more. */
static int read_whole(FILE *from, char **out, size_t *out_len)
{
	size_t room = 64 << 10;
	size_t len = 0;
	char *text = malloc(room);

	if (!text)
		abort();
	while (len <= FILE_MAX) {
		if (len == room) {
			room *= 2;
			text = realloc(text, room);
			if (!text)
				abort();
		}
		size_t got = fread(text + len, 1, room - len, from);
		len += got;
		if (got == 0)
			break;
	}
	if (ferror(from)) {
		free(text);
		return ERR_IO;
	}
	*out = text;
	*out_len = len;
	return 0;
}

int config_read(const char *path, const struct overrides *overrides, struct config **out,
                struct diag *diag)
{
	char *text = NULL;
	size_t len = 0;
	FILE *from = fopen(path, "re");
	int err = from ? read_whole(from, &text, &len) : ERR_IO;

	if (err < 0)
		diag_add(diag, DIAG_ERROR, "io", path, 0, 0, "%s", strerror(errno));
	else
		err = config_parse(text, len, path, overrides, out, diag);
	free(text);
	if (from)
		(void)fclose(from);
	return err;
}
