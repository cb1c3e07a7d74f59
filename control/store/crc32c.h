/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): what tells damaged stored bytes from whole ones.
 */
#ifndef CONTROL_STORE_CRC32C_H
#define CONTROL_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

/* Continues from a previous result (0 at the start), so that several runs of bytes give one sum. */
uint32_t crc32c(uint32_t previous, const void *bytes, size_t len);

/* The same on any processor, for tests. */
uint32_t crc32c_portable(uint32_t previous, const void *bytes, size_t len);

#endif
