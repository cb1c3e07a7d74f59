#include "control/transfer/ixfr_out.h"

#include <string.h>

#include "control/change/serial.h"
#include "control/history/difference.h"
#include "control/history/history.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	SMALL = 1000
}; /* RRsets: for so few the difference is given whatever the zone has */

/* What the log does not tell is no error: there is the whole zone. */
static int find_difference(struct history *h, uint32_t serial, struct difference *out)
{
	struct history_state since;

	TRY(history_since_serial(h, serial, &since));
	int err = difference_between(h, since.after, h->newest, out);
	return err == ERR_REFUSED ? ERR_NOTFOUND : err;
}

int ixfr_pack(struct store_txn *t, const struct store_zone *z, uint32_t serial,
              pack_put *put, void *arg)
{
	struct history h;
	struct difference d;

	TRY(history_open(t, z, &h));
	TRY(find_difference(&h, serial, &d));
	int err = ERR_NOTFOUND;
	if (d.count <= SMALL || d.count < z->rrsets / 2)
		err = pack_difference(z, &d, put, arg);
	difference_fini(&d);
	return err;
}

/* ---- over UDP ---- */

struct datagram {
	uint8_t *out;
	uint16_t room;
	uint16_t len; /* 0: nothing yet */
};

static int put_datagram(void *arg, const uint8_t *message, uint16_t len)
{
	struct datagram *d = arg;

	if (d->len || len > d->room)
		return ERR_NOTFOUND;
	memcpy(d->out, message, len);
	d->len = len;
	return 0;
}

int ixfr_pack_datagram(struct store_txn *t, const struct store_zone *z, uint32_t serial,
                       uint8_t *out, uint16_t room, uint16_t *len)
{
	struct datagram d = {.room = room};
	int err = ERR_NOTFOUND;

	d.out = out;
	if (serial_newer(z->serial, serial))
		err = ixfr_pack(t, z, serial, put_datagram, &d);
	if (err == ERR_NOTFOUND) {
		d.len = 0;
		err = pack_soa(t, z, RRTYPE_IXFR, put_datagram, &d);
	}
	if (err == 0)
		*len = d.len;
	return err;
}
