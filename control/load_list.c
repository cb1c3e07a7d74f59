#include "control/load_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/must.h"
#include "shared/log.h"

void load_list_add(struct load_list *l, const uint8_t *name, const char *file, bool added)
{
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->items = must(realloc(l->items, l->room * sizeof *l->items));
	}
	struct load *item = &l->items[l->count++];
	memset(item, 0, sizeof *item);
	memcpy(item->name, name, name_len(name, NAME_MAX_LEN));
	item->file = must(strdup(file));
	item->order = l->count;
	item->added = added;
}

void load_list_free(struct load_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].file);
	free(l->items);
}

bool load_file_mark(const char *path, uint8_t mark[static 32])
{
	struct stat st;
	uint64_t words[4];

	if (stat(path, &st) < 0)
		return false;
	words[0] = (uint64_t)st.st_size;
	words[1] = (uint64_t)st.st_ino;
	words[2] = (uint64_t)st.st_mtim.tv_sec;
	words[3] = (uint64_t)st.st_mtim.tv_nsec;
	memcpy(mark, words, 32);
	return true;
}

/* "<origin>.zone"; the root is ".zone". */
static bool origin_of(const char *file, uint8_t name[static NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	static const char suffix[] = ".zone";
	size_t len = strlen(file);
	size_t suffix_len = sizeof suffix - 1;

	if (len < suffix_len || strcmp(file + len - suffix_len, suffix) != 0)
		return false;
	if (len == suffix_len) {
		name[0] = 0;
		return true;
	}
	int n = name_from_text(file, len - suffix_len, root, name);
	if (n < 0)
		return false;
	name_fold(name, (size_t)n);
	return true;
}

/* false: it cannot be read, so nobody knows which zones it names. */
static bool list_directory(struct load_list *list, const char *path)
{
	DIR *dir = opendir(path);

	if (!dir) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	for (const struct dirent *d; (d = readdir(dir));) {
		uint8_t name[NAME_MAX_LEN];
		char file[4096];
		if (!origin_of(d->d_name, name))
			continue;
		int n = snprintf(file, sizeof file, "%s/%s", path, d->d_name);
		if (n > 0 && (size_t)n < sizeof file)
			load_list_add(list, name, file, false);
	}
	closedir(dir);
	return true;
}

static int compare_loads(const void *a, const void *b)
{
	const struct load *x = a;
	const struct load *y = b;
	int c = name_compare(x->name, y->name);

	return c ? c : x->order < y->order ? -1 : 1;
}

bool load_list_configured(struct load_list *list, const struct config *c)
{
	size_t kept = 0;
	bool complete = true;

	for (size_t i = 0; i < c->zone_count; i++)
		load_list_add(list, c->zones[i].name, c->zones[i].file, false);
	for (size_t i = 0; i < c->zone_dir_count; i++)
		complete = list_directory(list, c->zone_dirs[i].path) && complete;
	if (list->count > 0)
		qsort(list->items, list->count, sizeof *list->items, compare_loads);
	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 &&
		    name_equal(list->items[kept - 1].name, list->items[i].name))
			free(list->items[i].file);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
	return complete;
}
