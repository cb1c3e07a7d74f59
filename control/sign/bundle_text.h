/*
 * Bundles as the text that keymgr of Knot DNS writes and reads:
 *
 *      ;; KeySigningRequest 1.0 1795346257 (2026-11-22T11:17:37Z) =========
 *      example. 3600 IN DNSKEY 256 3 13 ...
 *      ;; KeySigningRequest 1.0 1796210257 (2026-12-02T11:17:37Z) =========
 *      ...
 *      ;; KeySigningRequest 1.0 generated at 2026-11-22T11:17:37Z by Knot DNS 3.2.6
 *
 * and "SignedKeyResponse" with DNSKEY, CDNSKEY, CDS and RRSIG. The lines that begin with two semicolons, which are comments
 * of zone text, say what the records below them are; the last one says that nothing is missing.
 */
#ifndef CONTROL_SIGN_BUNDLE_TEXT_H
#define CONTROL_SIGN_BUNDLE_TEXT_H

#include <stdio.h>

#include "control/sign/bundle.h"
#include "shared/compiler.h"

/* Reads a text from whatever source. zone: any case; kind: what it is to be. ERR_SYNTAX: why says on which line and what.
 * What is read is well formed; whether it is right is for bundle_check.h. */
MUST_CHECK int bundles_read(const char *text, size_t len, const uint8_t *zone,
                            enum bundle_kind kind, struct bundles **out,
                            char why[static BUNDLE_WHY_SIZE]);

/* Writes one. now: seconds since 1970, which the last line tells. ERR_IO. */
MUST_CHECK int bundles_write(FILE *to, const struct bundles *b, uint64_t now);

#endif
