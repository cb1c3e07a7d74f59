/*
 * Backups as they come from wherever they were kept. Nothing may read past the end or take more
 * memory than there are octets, what is refused is refused with a text, and what is taken is the
 * same when it is written anew. The first octet says whether frames are mended first, so that what
 * is in them is reached: magic, version, number, length and checksum.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/backup/restore.h"
#include "control/store/crc32c.h"
#include "shared/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void mend(uint8_t *bytes, size_t size)
{
	uint32_t number = 0;

	for (size_t at = 0; size - at >= BACKUP_HEADER; number++) {
		uint8_t *h = bytes + at;
		size_t left = size - at - BACKUP_HEADER;
		uint32_t length = wire_load32(h + 12);

		if (length > left)
			length = (uint32_t)left;
		wire_store32(h, BACKUP_MAGIC);
		h[4] = BACKUP_VERSION;
		wire_store32(h + 8, number);
		wire_store32(h + 12, length);
		uint32_t sum = crc32c(0, h, BACKUP_HEADER - 4);
		wire_store32(h + 16, crc32c(sum, h + BACKUP_HEADER, length));
		at += BACKUP_HEADER + length;
	}
}

static int check(uint8_t *bytes, size_t size, struct backup_survey *out)
{
	const struct restore_until until = {.kind = UNTIL_END};
	char text[RESTORE_TEXT_SIZE] = "";
	FILE *from = fmemopen(bytes, size, "r");

	must(from);
	int err = backup_check(from, "backup", &until, out, text);
	(void)fclose(from);
	must(err == 0 || text[0]);
	return err;
}

struct copy {
	FILE *to;
	struct backup_writer *writer;
};

static int copy_manifest(const struct backup_manifest *m, void *arg)
{
	struct copy *c = arg;

	c->writer = backup_writer_new(c->to, m);
	return 0;
}

static int copy_entry(const struct backup_entry *e, void *arg)
{
	backup_write(((struct copy *)arg)->writer, e);
	return 0;
}

static void check_copy(uint8_t *bytes, size_t size, const struct backup_survey *survey)
{
	char *again = NULL;
	size_t again_size = 0;
	struct copy c = {.to = open_memstream(&again, &again_size)};
	const struct backup_visitor v = {copy_manifest, copy_entry, &c};
	struct backup_survey copied;
	struct backup_damage damage;
	FILE *from = fmemopen(bytes, size, "r");

	must(from && c.to);
	must(backup_read(from, &v, &damage) == 0);
	must(backup_writer_end(c.writer) == 0);
	backup_writer_free(&c.writer);
	must(fclose(c.to) == 0 && fclose(from) == 0);
	must(check((uint8_t *)again, again_size, &copied) == 0);
	must(memcmp(&copied, survey, sizeof copied) == 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct backup_survey survey;

	if (size < 2)
		return 0;
	uint8_t *bytes = malloc(size - 1);
	must(bytes);
	memcpy(bytes, data + 1, size - 1);
	if (data[0])
		mend(bytes, size - 1);
	memset(&survey, 0, sizeof survey);
	if (check(bytes, size - 1, &survey) == 0)
		check_copy(bytes, size - 1, &survey);
	free(bytes);
	return 0;
}
