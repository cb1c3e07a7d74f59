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

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < config_option_count; i++)
		if (!config_sections[config_options[i].section].list)
			value_clear(&config_options[i], c);
	for (size_t i = 0; i < c->zone_count; i++)
		free(c->zones[i].file);
	for (size_t i = 0; i < c->zone_dir_count; i++)
		free(c->zone_dirs[i].path);
	free(c->zones);
	free(c->zone_dirs);
	free(c->path);
	free(c);
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

int config_parse(const char *text, size_t len, const char *name, struct config **out,
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
	struct config *c = calloc(1, sizeof *c);
	if (!c || !(c->path = strdup(name)))
		abort();
	reader_run(text, len, name, dir, c, diag);
	if (diag->errors != errors) {
		config_free(c);
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

int config_read(const char *path, struct config **out, struct diag *diag)
{
	char *text = NULL;
	size_t len = 0;
	FILE *from = fopen(path, "re");
	int err = from ? read_whole(from, &text, &len) : ERR_IO;

	if (err < 0)
		diag_add(diag, DIAG_ERROR, "io", path, 0, 0, "%s", strerror(errno));
	else
		err = config_parse(text, len, path, out, diag);
	free(text);
	if (from)
		(void)fclose(from);
	return err;
}
