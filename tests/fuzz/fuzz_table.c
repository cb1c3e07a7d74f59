/* Any bytes as the header of a segment that a reader is handed. */
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = (size + CACHE_LINE) & ~(size_t)(CACHE_LINE - 1);
	uint8_t *bytes = aligned_alloc(CACHE_LINE, room);
	struct table table;
	struct snapshot s;

	if (!bytes)
		abort();
	memset(bytes, 0, room);
	if (size > 0)
		memcpy(bytes, data, size);
	if (table_attach(bytes, size, &table) == 0) {
		/* What was accepted can be used without leaving it. */
		table_snapshot(&table, &s);
		for (uint64_t hash = 1; hash != 0; hash <<= 1) {
			const uint8_t *b = (const uint8_t *)table_bucket_of(&s, hash);
			if (b < bytes || b + sizeof(struct table_bucket) > bytes + size)
				abort();
		}
	}
	free(bytes);
	return 0;
}
