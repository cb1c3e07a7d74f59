/*
 * The sort is a natural merge sort. Zone files come in the order of owners, give or take: the
 * input is cut into runs that rise already, each lengthened to RUN_MIN by insertion (which costs
 * little when only the types of one owner are out of order), and neighbouring runs are merged.
 * Runs that follow each other in order are joined without touching them.
 */
#include "control/zone/records.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"
#include "control/zone/rdata.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { RUN_MIN = 32 };

uint64_t record_head(const uint8_t *key, size_t key_len)
{
	uint8_t first[8] = {0};

	/* Zeros behind a short key sort right: no label begins with a zero octet. */
	memcpy(first, key, key_len < sizeof first ? key_len : sizeof first);
	return (uint64_t)wire_load32(first) << 32 | wire_load32(first + 4);
}

uint16_t record_set_type(const struct record *r)
{
	return r->type == RRTYPE_RRSIG ? wire_load16(r->rdata) : r->type;
}

int record_compare(const struct record *a, const struct record *b)
{
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	if (a->key != b->key) {
		int order = name_key_compare(a->key, a->key_len, b->key, b->key_len);
		if (order)
			return order;
	}

	int order = (int)record_set_type(a) - (int)record_set_type(b);
	if (order)
		return order;
	order = (a->type == RRTYPE_RRSIG) - (b->type == RRTYPE_RRSIG);
	if (order)
		return order;
	return rdata_compare(a->type, a->rdata, a->rdata_len, b->rdata, b->rdata_len);
}

static bool in_order(const struct record *a, const struct record *b)
{
	return record_compare(a, b) <= 0;
}

/* Inserts records[sorted..count) into the sorted ones before them. */
static void insert_each(struct record *records, size_t sorted, size_t count)
{
	for (; sorted < count; sorted++) {
		struct record r = records[sorted];
		size_t at = sorted;

		for (; at > 0 && !in_order(&records[at - 1], &r); at--)
			records[at] = records[at - 1];
		records[at] = r;
	}
}

/* Makes a sorted run at the front. Gives its length. */
static size_t take_run(struct record *records, size_t count)
{
	size_t run = 1;

	while (run < count && in_order(&records[run - 1], &records[run]))
		run++;
	if (run >= RUN_MIN || run == count)
		return run;

	size_t end = count < RUN_MIN ? count : RUN_MIN;
	insert_each(records, run, end);
	return end;
}

struct scratch {
	struct record *records;
	size_t room;
};

/* Gives how many records at the front of left are not behind first. */
static size_t count_in_place(const struct record *left, size_t count,
                             const struct record *first)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;
		if (in_order(&left[middle], first))
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

/* Merges two runs that lie side by side. */
static void merge(struct record *left, size_t left_count, size_t right_count,
                  struct scratch *scratch)
{
	struct record *right = left + left_count;

	if (in_order(right - 1, right))
		return;

	size_t skip = count_in_place(left, left_count, right);
	struct record *out = left + skip;
	size_t waiting = left_count - skip;
	assert(waiting > 0); /* the last of the left is not in its place */
	if (!scratch->records || waiting > scratch->room) {
		scratch->room = waiting;
		scratch->records = memory_resize(scratch->records,
		                                 waiting * sizeof *scratch->records);
	}
	memcpy(scratch->records, out, waiting * sizeof *out);

	const struct record *from = scratch->records;
	const struct record *from_end = from + waiting;
	const struct record *right_end = right + right_count;
	while (from < from_end && right < right_end)
		*out++ = in_order(from, right) ? *from++ : *right++;
	memcpy(out, from, (size_t)(from_end - from) * sizeof *out);
}

/* Where a run ends; it begins where the one before it ends. */
struct runs {
	size_t *ends;
	size_t count;
	size_t room;
};

/* Merges runs two by two; half as many remain. */
static void merge_pairs(struct record *records, struct runs *runs,
                        struct scratch *scratch)
{
	size_t kept = 0;
	size_t start = 0;

	for (size_t i = 0; i < runs->count; i += 2) {
		size_t end = runs->ends[i];

		if (i + 1 < runs->count) {
			merge(records + start, end - start, runs->ends[i + 1] - end,
			      scratch);
			end = runs->ends[i + 1];
		}
		runs->ends[kept++] = end;
		start = end;
	}
	runs->count = kept;
}

void records_sort(struct record *records, size_t count)
{
	struct runs runs = {0};
	struct scratch scratch = {0};

	for (size_t at = 0; at < count;) {
		size_t run = take_run(records + at, count - at);

		/* What goes on in order prolongs the run before it. */
		if (at == 0 || !in_order(&records[at - 1], &records[at])) {
			runs.ends = array_room(runs.ends, runs.count, &runs.room,
			                       sizeof runs.ends[0]);
			runs.count++;
		}
		at += run;
		runs.ends[runs.count - 1] = at;
	}
	while (runs.count > 1)
		merge_pairs(records, &runs, &scratch);
	free(runs.ends);
	free(scratch.records);
}
