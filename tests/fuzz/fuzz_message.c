/*
 * DNS messages from other servers. Whatever is read in one, written anew, must be read as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/wire/opt.h"
#include "control/wire/reader.h"
#include "control/wire/writer.h"
#include "shared/err.h"
#include "shared/rrtype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct message_walk walk;
static struct message_walk second;
static struct message_writer writer;
static uint8_t room[MESSAGE_MAX];

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_same(const struct message_record *a, const struct message_record *b)
{
	must(a->section == b->section && a->type == b->type && a->rrclass == b->rrclass &&
	     a->ttl == b->ttl && a->owner_len == b->owner_len &&
	     a->rdata_len == b->rdata_len &&
	     memcmp(a->owner, b->owner, a->owner_len) == 0 &&
	     (a->rdata_len == 0 || memcmp(a->rdata, b->rdata, a->rdata_len) == 0));
}

/* Writes the records until one finds no room. Gives how many. */
static unsigned write_again(const struct message *m)
{
	struct message_record r;
	struct message_opt opt;
	unsigned count = 0;

	message_begin(&writer, room, sizeof room, m->id, m->flags);
	if (m->asked)
		must(message_put_question(&writer, m->qname, m->qtype, m->qclass));
	message_walk_begin(&walk, m);
	while (message_next(&walk, &r) == 0 && message_put(&writer, &r)) {
		count++;
		if (r.type == RRTYPE_OPT && opt_read(&r, &opt) == 0) {
			uint8_t bytes[OPT_SIZE_MAX];
			must(opt_write(&opt, bytes) <= sizeof bytes);
		}
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	struct message again;
	struct message_record a;
	struct message_record b;

	if (message_open(data, size, &m) < 0)
		return 0;
	unsigned count = write_again(&m);
	must(message_open(room, message_end(&writer), &again) == 0);
	must(again.asked == m.asked && again.qname_len == m.qname_len &&
	     memcmp(again.qname, m.qname, m.qname_len) == 0 && again.qtype == m.qtype);
	message_walk_begin(&walk, &m);
	message_walk_begin(&second, &again);
	while (count-- > 0) {
		must(message_next(&walk, &a) == 0 && message_next(&second, &b) == 0);
		must_be_same(&a, &b);
	}
	must(message_next(&second, &b) == ERR_NOTFOUND);
	return 0;
}
