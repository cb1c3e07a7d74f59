/* What the files share that are behind orders.h: orders_add.c has keys that come, orders.c all else. */
#ifndef CONTROL_SIGN_ORDERS_INTERNAL_H
#define CONTROL_SIGN_ORDERS_INTERNAL_H

#include "control/sign/orders.h"

/* Says why not. Gives err. */
int orders_refuse(struct orders *o, int err, const char *format, ...) PRINTF_LIKE(3, 4);

static inline uint32_t orders_number(const struct orders *o, size_t key)
{
	return o->keys->keys[key].number;
}

/* ERR_REFUSED: the DNSKEYs are signed elsewhere, so that no other can be in use. */
MUST_CHECK int orders_check_open(struct orders *o);

#endif
