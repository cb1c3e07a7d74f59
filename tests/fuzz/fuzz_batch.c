/*
 * A body of lines for POST /api/anser/v1/batch. The first two octets say how large a line may be and
 * in what pieces the body comes. However it is cut, the same lines come out, none longer than one
 * octet beyond what is allowed; each is read as a transaction, in which a zone may be named that is
 * there, and what is read has owners in its zones.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/lines.h"
#include "control/api/transaction.h"
#include "control/http/json.h"
#include "control/store/store.h"
#include "shared/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

/* All of the lines, in one block to be freed. */
static char *collect(const char *body, size_t size, size_t most, size_t piece,
                     size_t *len)
{
	struct lines l = {.most = most};

	for (size_t at = 0; at < size; at += piece)
		(void)lines_add(&l, body + at, piece < size - at ? piece : size - at);
	lines_end(&l);
	char *block = lines_take(&l, len);
	check(l.len == 0);
	lines_fini(&l);
	return block;
}

/* The store goes with the process: its files have no names any more. */
static void forget_names(const char *dir)
{
	static const char *const files[] = {"data.mdb", "lock.mdb"};
	char path[64];

	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		check(unlink(path) == 0);
	}
	check(rmdir(dir) == 0);
}

static struct store_txn *a_zone(void)
{
	static struct store_txn *t;
	char dir[] = "/tmp/fuzz_batch.XXXXXX";
	struct store_zone z = {.name = "\7example", .loaded = true};
	struct store *s = NULL;

	if (t)
		return t;
	check(mkdtemp(dir) != NULL && store_open(dir, &s, NULL, 0) == 0);
	forget_names(dir);
	check(store_begin_write(s, &t) == 0 && store_zone_put(t, &z) == 0);
	return t;
}

static void look_at_change(const struct change *c)
{
	for (size_t i = 0; i < c->zone_count; i++)
		for (size_t j = 0; j < c->zones[i].edit_count; j++)
			check(name_is_under(c->zones[i].edits[j].owner, c->zones[i].name,
			                    NULL));
}

static void look_at_line(const char *line, size_t len)
{
	char text[256] = "";
	json_t *value = http_json_read_line(line, len, text, sizeof text);

	check(!value == (text[0] != 0));
	if (!value)
		return;
	struct api_fault f = {0};
	struct change *c = change_new(actor_self());
	if (transaction_read(a_zone(), value, c, &f) == 0)
		look_at_change(c);
	else
		check(f.status >= 400 && f.status < 600);
	api_fault_fini(&f);
	change_free(&c);
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t most = data[0] * 16U + 1;
	const char *body = (const char *)data + 2;
	size_t len = 0;
	size_t other_len = 0;
	char *block = collect(body, size - 2, most, data[1] + 1U, &len);
	char *other = collect(body, size - 2, most, size, &other_len);

	check(len == other_len && (len == 0 || memcmp(block, other, len) == 0));
	for (const char *at = block; at && at < block + len;) {
		const char *line = at;
		size_t length = lines_next(&at, block + len);
		check(length <= most + 1);
		look_at_line(line, length);
	}
	free(block);
	free(other);
	return 0;
}
