/*
 * Update messages from anybody who may send them, done to a zone: what comes of it obeys the rules of zones, or
 * is refused, and the same message gives the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/update/update_read.h"
#include "shared/err.h"
#include "tests/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] =
	"@ 60 SOA ns h 7 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A 192.0.2.2\n"
	"alias 60 CNAME ns\nsub 60 NS ns.sub\nns.sub 60 A 192.0.2.3\nt 60 TXT a b\n";

static struct message_walk walk;

/* Gives what the message comes to when it is tried; 0: it is no update. */
static int try_once(struct harness *h, const uint8_t *data, size_t size,
                    struct change_result *out)
{
	struct change *c = change_new(actor_self());
	struct commit_item item = {c, out};
	struct message m;
	uint8_t name[NAME_MAX_LEN];

	harness_name("x.example", name);
	struct zone_change *z = change_zone(c, ZONE_UPDATE, name);
	z->update = update_new(c);
	c->dry_run = true;
	*out = (struct change_result){0};
	int err = message_open(data, size, &m);
	if (err == 0)
		err = update_read(&m, &walk, c, z->update);
	if (err == 0 && commit_group(&h->committer, &item, 1) != 1)
		abort();
	change_free(&c);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct harness *h;
	struct change_result first;
	struct change_result second;

	if (!h) {
		h = harness_open();
		if (harness_load(h, "x.example", zone_text, NULL, NULL) < 0)
			abort();
	}
	int err = try_once(h, data, size, &first);
	if (try_once(h, data, size, &second) != err || first.err != second.err ||
	    first.rcode != second.rcode)
		abort();
	if (err == 0 && first.err != 0 && first.err != ERR_REFUSED)
		abort();
	return 0;
}
