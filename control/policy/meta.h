/*
 * Metadata of zones: lists of texts by kind, by the names that PowerDNS has for them. They hold what
 * the API and commands say of one zone's transfers and updates; control/policy/policy.h says which
 * kinds count, and how.
 */
#ifndef CONTROL_POLICY_META_H
#define CONTROL_POLICY_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum { META_KIND_MAX = 64 };

/* Says whether there is such a kind. Those that begin with "X-" are anybody's. */
bool meta_is_kind(const char *kind);

/* Calls back for the texts of one kind, in their order, until it gives non-zero, which is handed
 * through. A kind that is not there has no texts. text: lent. ERR_CORRUPT. */
MUST_CHECK int meta_texts(struct store_txn *t, uint32_t zone, const char *kind,
                          int (*fn)(const char *text, void *arg), void *arg);

/* Gives the first text of a kind, lent like all that the transaction gives, or NULL. */
MUST_CHECK int meta_text(struct store_txn *t, uint32_t zone, const char *kind,
                         const char **out);

/* Calls back for every kind that a zone has. texts: size octets, each text with its NUL; both are
 * lent. ERR_CORRUPT. */
typedef int meta_kind_fn(const char *kind, const char *texts, size_t size, void *arg);
MUST_CHECK int meta_kinds(struct store_txn *t, uint32_t zone, meta_kind_fn *fn,
                          void *arg);

/* Lets a change set the texts of a kind; none: the kind goes. zone: its id, or 0: the last zone of the
 * change, which makes it. kind: of at most META_KIND_MAX octets. */
void meta_change(struct change *c, uint32_t zone, const char *kind,
                 const char *const *texts, size_t count);

/* Lets a change take all metadata of a zone away. */
MUST_CHECK int meta_forget(struct change *c, struct store_txn *t, uint32_t zone);

#endif
