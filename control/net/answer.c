#include "control/net/answer.h"

#include <time.h>

#include "shared/rcu.h"

bool answer_burst(struct responder *responder, const struct table_source *source,
                  struct pkt pkts[], unsigned n)
{
	const struct table *table;

	rcu_reader_online();
	table = rcu_look(source->current);
	if (table)
		respond_burst(responder, table, (uint32_t)time(NULL), pkts, n);
	rcu_reader_offline();
	return table != NULL;
}
