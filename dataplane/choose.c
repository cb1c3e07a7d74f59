#include "dataplane/choose.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"

struct candidate {
	enum io_kind kind;
	const char *name;
	const struct io_ops *ops; /* NULL: not part of this program */
};

static const struct candidate candidates[] = {
#if ANSER_DPDK
	{IO_DPDK, "dpdk", &io_dpdk},
#else
	{IO_DPDK, "dpdk", NULL},
#endif
#if ANSER_XDP
	{IO_XDP, "xdp", &io_xdp},
#else
	{IO_XDP, "xdp", NULL},
#endif
	{IO_UDP, "udp", &io_udp},
};

static bool is_configured(const struct candidate *c, const struct io_settings *s)
{
	if (c->kind == IO_DPDK)
		return s->eal[0] != '\0' || s->ports[0] != '\0';
	return c->kind != IO_XDP || s->interfaces[0] != '\0';
}

static int try_one(const struct candidate *c, const struct io_config *config,
                   struct io_device **device, char *why, size_t why_size)
{
	why[0] = '\0';
	if (config->settings->kind == IO_AUTO && !is_configured(c, config->settings)) {
		snprintf(why, why_size, "nothing is configured for it");
		return ERR_REFUSED;
	}
	if (c->ops == NULL) {
		snprintf(why, why_size, "this program was built without it");
		return ERR_REFUSED;
	}
	return c->ops->start == NULL ? 0 : c->ops->start(config, device, why, why_size);
}

/* Adds "name: why" to the list of reasons. */
static void add_reason(const char *name, const char *why, char *text, size_t text_size)
{
	size_t len = strlen(text);

	snprintf(text + len, text_size - len, "%s%s%s%s", len ? "; " : "", name,
	         why[0] ? ": " : "", why);
}

int io_choose(const struct io_config *config, const struct io_ops **ops,
              struct io_device **device, char *text, size_t text_size)
{
	enum io_kind wanted = (enum io_kind)config->settings->kind;
	int err = ERR_REFUSED;

	*device = NULL;
	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
		const struct candidate *c = &candidates[i];
		char why[256];
		if (wanted != IO_AUTO && wanted != c->kind)
			continue;
		err = try_one(c, config, device, why, sizeof why);
		add_reason(c->name, why, text, text_size);
		if (err == 0) {
			*ops = c->ops;
			return 0;
		}
	}
	return err;
}
