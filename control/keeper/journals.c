#include "control/keeper/journals.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

static const char suffix[] =
	".signing-"; /* behind the store's path; the zone's id follows */

static bool path_of(const struct config *c, uint32_t zone, char out[static PATH_MAX])
{
	int len =
		c->store ? snprintf(out, PATH_MAX, "%s%s%" PRIu32, c->store, suffix, zone)
			 : -1;

	return len > 0 && len < PATH_MAX;
}

struct sign_journal *journals_open(const struct config *c, const struct zone_keys *k)
{
	struct sign_journal *j;
	char path[PATH_MAX];

	if (!path_of(c, k->id, path))
		return NULL;
	if (sign_journal_open(path, k, &j) == 0)
		return j;
	log_warning("%s: %s: a signing that is interrupted begins from the start", path,
	            strerror(errno));
	return NULL;
}

void journals_remove(const struct config *c, uint32_t zone)
{
	char path[PATH_MAX];

	if (path_of(c, zone, path) && unlink(path) != 0 && errno != ENOENT)
		log_warning("%s: %s", path, strerror(errno));
}

/* ---- those that are left ---- */

/* Gives the zone of a file by its name; start: what all of theirs start with. */
static bool is_journal(const char *name, const char *start, uint32_t *zone)
{
	size_t len = strlen(start);
	char *end;

	if (strncmp(name, start, len) != 0 || name[len] < '1' || name[len] > '9')
		return false;
	errno = 0;
	unsigned long number = strtoul(name + len, &end, 10);
	*zone = (uint32_t)number;
	return errno == 0 && *end == '\0' && number <= UINT32_MAX;
}

void journals_sweep(const struct config *c, bool (*is_wanted)(uint32_t zone, void *),
                    void *arg)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	char start[PATH_MAX + sizeof suffix];
	uint32_t zone;

	if (!c->store || snprintf(path, sizeof path, "%s", c->store) >= PATH_MAX)
		return;
	char *slash = strrchr(path, '/');
	(void)snprintf(start, sizeof start, "%s%s", slash ? slash + 1 : path, suffix);
	if (slash)
		slash[1] = '\0';
	DIR *directory = opendir(slash ? path : ".");
	while (directory && (entry = readdir(directory)))
		if (is_journal(entry->d_name, start, &zone) && !is_wanted(zone, arg))
			journals_remove(c, zone);
	if (directory)
		(void)closedir(directory);
}
