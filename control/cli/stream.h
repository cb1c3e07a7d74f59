/*
 * A connection over TCP, with TLS or without: octets out and in, each time with a deadline.
 *
 * Of TLS it takes 1.2 and 1.3. Who answers must show a certificate for the host's name or address
 * that leads to a trusted one; or, where a pin is given, have that public key, whatever its
 * certificate says, as the one that the server makes for itself; where certificates to trust
 * are given as well, both. Nothing is sent before.
 */
#ifndef CONTROL_CLI_STREAM_H
#define CONTROL_CLI_STREAM_H

#include <stddef.h>

#include "control/cli/client.h"
#include "control/cli/url.h"

struct stream;

enum { STREAM_PIN_SIZE = 53 }; /* "sha256//", 44 characters of base64, a NUL */

/* Without TLS it connects to nobody but this machine. Outcomes as client_open(). */
enum engine_outcome stream_open(const struct url *url, const struct client_target *target,
                                uint64_t deadline, struct stream **out, char *text,
                                size_t text_size);
void stream_close(struct stream **s);

/* Nothing has come, nor has the other end hung up, while nothing was asked for. */
bool stream_is_quiet(const struct stream *s);

/* Sends all of it. ENGINE_TIMED_OUT, ENGINE_NOT_RUNNING. */
enum engine_outcome stream_write(struct stream *s, const char *octets, size_t len,
                                 uint64_t deadline);

/* Gives in *got how many octets have come; 0: the other end has hung up. */
enum engine_outcome stream_read(struct stream *s, char *octets, size_t room,
                                uint64_t deadline, size_t *got);

#endif
