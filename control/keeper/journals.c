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

static const char start[] = "signing-"; /* the zone's id follows */

static bool path_of(const struct config *c, uint32_t zone, char out[static PATH_MAX])
{
	int len =
		c->store ? snprintf(out, PATH_MAX, "%s/%s%" PRIu32, c->store, start, zone)
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

/* Gives the zone of a file by its name. */
static bool is_journal(const char *name, uint32_t *zone)
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
	DIR *directory = c->store ? opendir(c->store) : NULL;
	const struct dirent *entry;
	uint32_t zone;

	while (directory && (entry = readdir(directory)))
		if (is_journal(entry->d_name, &zone) && !is_wanted(zone, arg))
			journals_remove(c, zone);
	if (directory)
		(void)closedir(directory);
}
