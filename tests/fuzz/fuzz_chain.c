/*
 * Chains of denial from hostile zones: what the check of signed zones says of a zone as it comes is to be said
 * without harm, and of one whose chain is made here it may find no fault with that chain. The first octet chooses
 * apex and chain.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/diag.h"
#include "control/sign/chain.h"
#include "control/sign/check.h"
#include "control/zone/contents.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"

enum { NOW = 1763800000, BY_ROOT = 1, BY_HASH = 2, OPT_OUT = 4, SALTED = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t root[] = "";
static const uint8_t example[] = "\7example";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool generates(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 2 <= size; i++)
		if (data[i] == '$' && (data[i + 1] | 0x20) == 'g')
			return true;
	return false;
}

static void check(const struct contents *c, struct diag *diag)
{
	const struct sign_check how = {.now = NOW, .one_in = 1};

	diag_init(diag);
	int err = sign_check_contents(c, &how, diag);
	must(err == (diag->errors ? ERR_REFUSED : 0));
}

/* What is said of the chain is said first. */
static void check_chain(struct contents *c, const struct chain_params *p,
                        struct diag *diag)
{
	if (chain_put(c, p) < 0)
		return;
	check(c, diag);
	for (size_t i = 0; i < diag->kept; i++)
		must(strncmp(diag->entries[i].rule, "nsec", 4) != 0);
	diag_fini(diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct contents *c = NULL;
	struct diag *diag;

	if (size == 0 || generates(data, size))
		return 0;
	const struct chain_params params = {
		.kind = data[0] & BY_HASH ? CHAIN_NSEC3 : CHAIN_NSEC,
		.opt_out = data[0] & OPT_OUT,
		.iterations = data[0] & SALTED ? 1 : 0,
		.salt_len = data[0] & SALTED ? 2 : 0,
		.salt = {1, 2},
	};
	diag = malloc(sizeof *diag);
	must(diag != NULL);
	diag_init(diag);
	int err = zonefile_parse((const char *)data + 1, size - 1, "fuzz",
	                         data[0] & BY_ROOT ? root : example, &c, diag);
	diag_fini(diag);
	if (err == 0) {
		check(c, diag);
		diag_fini(diag);
		check_chain(c, &params, diag);
		contents_free(c);
	}
	free(diag);
	return 0;
}
