/*
 * Messages between the processes: whatever decodes must encode to the same bytes, and nothing
 * may read past the end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size)
{
	uint8_t bytes[IPC_MESSAGE_MAX];
	struct ipc_message m;
	struct ipc_message again;

	if (ipc_decode(data, size, &m) != 0)
		return;
	int len = ipc_encode(&m, bytes);
	/* A refusal of another version is taken, and said again in ours. */
	if (len < 0 || (size_t)len != size || memcmp(bytes + 2, data + 2, size - 2) != 0)
		abort();
	if (ipc_decode(bytes, (size_t)len, &again) != 0 ||
	    memcmp(&m, &again, sizeof m) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	return 0;
}
