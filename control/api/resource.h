/*
 * Things that have paths and are handled by commands of the engine: what a request says becomes the
 * command's arguments, and its result the answer.
 */
#ifndef CONTROL_API_RESOURCE_H
#define CONTROL_API_RESOURCE_H

#include "control/api/internal.h"

/* A new object for arguments with one text, or empty when name is NULL. */
json_t *resource_args(const char *name, const char *text);

/* A copy of the request's body, or NULL after an answer that it is no object. */
json_t *resource_body(struct http_request *r);

/* Adds those parameters of the query that are there, names ending with NULL, as texts or as numbers. What
 * is no number is left to the command to refuse. */
void resource_texts(const struct http_request *r, const char *const names[],
                    json_t *args);
void resource_numbers(const struct http_request *r, const char *const names[],
                      json_t *args);

/* Runs the command; args is taken. The answer is made by reply. */
void resource_run(struct api *a, struct http_request *r, const char *command,
                  json_t *args, api_reply *reply);

/* Answers with the result, as 200 or 201, or with nothing, 204. */
api_reply resource_show;
api_reply resource_created;
api_reply resource_gone;

#endif
