/*
 * Runs the files of one corpus directory through a fuzz target once, for builds without libFuzzer:
 * what fuzzing has found stays found under every compiler and in every ctest run.
 *
 * A directory without a file is a failure, or a renamed corpus would go unnoticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "shared/compiler.h"

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly as many bytes as the file has, so that AddressSanitizer sees a read past the end. */
static uint8_t *read_file(const char *path, size_t *size)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;

	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > INPUT_MAX)
		goto out;
	*size = (size_t)st.st_size;
	data = malloc(*size > 0 ? *size : 1);
	if (data != NULL && fread(data, 1, *size, file) != *size) {
		free(data);
		data = NULL;
	}
out:
	if (fclose(file) != 0)
		(void)fprintf(stderr, "%s: cannot close\n", path);
	return data;
}

static int run_file(const char *directory, const char *name)
{
	char path[4096];
	size_t size = 0;
	int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
	uint8_t *data;

	if (length < 0 || (size_t)length >= sizeof(path))
		return -1;
	data = read_file(path, &size);
	if (data == NULL) {
		perror(path);
		return -1;
	}
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	const struct dirent *entry;
	DIR *directory;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		return 2;
	}
	directory = opendir(argv[1]);
	if (directory == NULL) {
		perror(argv[1]);
		return 1;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (run_file(argv[1], entry->d_name) != 0)
			return 1;
		count++;
	}
	closedir(directory);
	printf("%u inputs\n", count);
	return count > 0 ? 0 : 1;
}
