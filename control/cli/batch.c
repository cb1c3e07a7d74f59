/*
 * "batch": many changes of records from a file or standard input, as a stream. Lines are collected
 * into transactions, and transactions into commands, as many as a command may have or as there are
 * before the next line lets itself be waited for; the server commits them together. So it takes
 * little memory however much there is, and changes are made soon after they are written.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/cli/record.h"
#include "control/json_put.h"
#include "control/zone/arena.h"

enum {
	TRANSACTIONS_MAX = 1000, /* of one command, and so in docs/CONTROL.md */
	EDITS_MAX = 20000,
	OCTETS_ENOUGH = 512 << 10, /* half of what HTTP takes unless told otherwise */
	LINE_MAX_OCTETS = 1 << 20,
	PATIENCE_MS = 5, /* for the next line, before what there is is sent */
	READ_STEP = 65536,
};

struct lines {
	int fd;
	uint64_t number; /* of the line given last */
	char *buffer;
	size_t start, len, room;
	bool ended;
};

/* A transaction that is being read. */
struct open_transaction {
	json_t *edits;
	size_t count;
	size_t octets;
	char wrong[JSON_ERROR_TEXT_LENGTH + 64]; /* why it cannot be, or empty */
	uint64_t wrong_line;
};

struct batch {
	struct cli *c;
	struct lines in;
	char *zone;
	struct open_transaction open;
	/* What the next command will have. */
	json_t *transactions;
	size_t starts[TRANSACTIONS_MAX + 1]; /* of each in lines */
	size_t count, edits, octets;
	uint64_t lines[2 * EDITS_MAX]; /* of each edit; those of the open one behind */
	/* What was done. */
	uint64_t changes_done, transactions_done, refused;
	json_int_t change; /* number of the last one */
	enum engine_outcome outcome;
	bool stopped;
};

/* ---- lines ---- */

static void make_room(struct lines *l)
{
	if (l->start) {
		memmove(l->buffer, l->buffer + l->start, l->len - l->start);
		l->len -= l->start;
		l->start = 0;
	}
	if (l->room - l->len > READ_STEP)
		return;
	l->room = (l->room + READ_STEP) * 2;
	l->buffer = memory_resize(l->buffer, l->room);
}

/* Gives the next line of what has been read, without its end, or NULL. */
static char *take_line(struct lines *l)
{
	if (l->start == l->len)
		return NULL;
	char *line = l->buffer + l->start;
	char *end = memchr(line, '\n', l->len - l->start);
	if (!end && !l->ended)
		return NULL;
	if (!end)
		end = l->buffer + l->len;
	l->start = (size_t)(end - l->buffer) + (end < l->buffer + l->len);
	if (end > line && end[-1] == '\r')
		end--;
	*end = 0;
	l->number++;
	return line;
}

/* Gives false when there is no more, or cannot be read. */
static bool read_more(struct lines *l)
{
	ssize_t got = -1;

	if (l->ended)
		return false;
	make_room(l);
	do
		/* One octet is left for the end of a last line without its own. */
		got = read(l->fd, l->buffer + l->len, l->room - l->len - 1);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		l->ended = true;
	else
		l->len += (size_t)got;
	return got >= 0;
}

static bool has_to_wait(const struct lines *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	return !l->ended && poll(&p, 1, PATIENCE_MS) == 0;
}

/* ---- what came of it ---- */

/* Says that the change of a line is refused; why: an object with "error". */
static void report(struct batch *b, uint64_t line, const json_t *why)
{
	const char *error = json_string_value(json_object_get(why, "error"));

	if (b->c->json) {
		json_t *o = json_pack("{s:I,s:s}", "line", (json_int_t)line, "error",
		                      error ? error : "");
		json_t *problems = json_object_get(why, "problems");
		if (!o || (problems && json_object_set(o, "problems", problems) < 0))
			abort();
		print_json(o);
		json_decref(o);
		return;
	}
	(void)fprintf(stderr, "anserctl: line %llu: ", (unsigned long long)line);
	print_text(error ? error : "refused", stderr);
	(void)fputc('\n', stderr);
}

static void report_text(struct batch *b, uint64_t line, const char *text)
{
	json_t *why = json_pack("{s:s}", "error", text);

	if (!why)
		abort();
	report(b, line, why);
	json_decref(why);
}

static void refuse(struct batch *b)
{
	b->refused++;
	b->outcome = ENGINE_REFUSED;
	if (!b->c->keep_going)
		b->stopped = true;
}

/* The line of the edit that a refusal names, or the first one of its transaction. */
static uint64_t line_of(const struct batch *b, size_t transaction, const json_t *refusal)
{
	const json_t *problem = json_array_get(json_object_get(refusal, "problems"), 0);
	const json_t *edit = json_object_get(problem ? problem : refusal, "edit");
	size_t at = b->starts[transaction] + (size_t)json_integer_value(edit);

	return b->lines[at < b->starts[transaction + 1] ? at : b->starts[transaction]];
}

static void take_refusals(struct batch *b, const json_t *refused)
{
	for (size_t i = 0; i < json_array_size(refused); i++) {
		const json_t *r = json_array_get(refused, i);
		json_int_t at = json_integer_value(json_object_get(r, "transaction"));
		if (at < 0 || (size_t)at >= b->count)
			continue;
		b->changes_done -= b->starts[at + 1] - b->starts[at];
		report(b, line_of(b, (size_t)at, r), r);
		refuse(b);
		/* Without --keep-going it is the only one, and none behind it was tried. */
		if (b->stopped)
			b->changes_done -= b->edits - b->starts[at + 1];
	}
}

/* No answer, or one to the command as such. */
static void report_unanswered(struct batch *b, enum engine_outcome outcome,
                              const json_t *result)
{
	const char *error = json_string_value(json_object_get(result, "error"));
	char text[1024];

	if (outcome != ENGINE_NOT_RUNNING && outcome != ENGINE_TIMED_OUT) {
		report(b, b->lines[0], result);
		return;
	}
	(void)snprintf(
		text, sizeof text,
		"%s: what became of the changes from here to line %llu is not known",
		error ? error : "",
		(unsigned long long)b->lines[b->edits ? b->edits - 1 : 0]);
	report_text(b, b->lines[0], text);
}

static void take_result(struct batch *b, enum engine_outcome outcome,
                        const json_t *result)
{
	const json_t *refused = json_object_get(result, "refused");
	json_int_t change = json_integer_value(json_object_get(result, "change"));

	if (!json_is_array(refused)) {
		report_unanswered(b, outcome, result);
		b->outcome = outcome;
		b->stopped = true;
		return;
	}
	b->changes_done += b->edits;
	b->transactions_done +=
		(uint64_t)json_integer_value(json_object_get(result, "done"));
	if (change)
		b->change = change;
	take_refusals(b, refused);
	if (outcome == ENGINE_TIMED_OUT) {
		report(b, b->lines[0], result);
		b->outcome = outcome;
		b->stopped = b->stopped || !b->c->keep_going;
	}
}

/* ---- commands ---- */

static void send_collected(struct batch *b)
{
	json_t *result = NULL;

	if (!b->count)
		return;
	json_t *args = cli_change_args(b->c);
	json_put(args, "transactions", b->transactions);
	json_put(args, "keep_going", json_boolean(b->c->keep_going));
	b->starts[b->count] = b->edits;
	enum engine_outcome outcome = cli_call(b->c, "change", args, &result);
	take_result(b, outcome, result);
	json_decref(result);
	memmove(b->lines, b->lines + b->edits, b->open.count * sizeof b->lines[0]);
	b->transactions = json_array();
	b->count = b->edits = b->octets = 0;
}

static void drop_open(struct batch *b)
{
	json_decref(b->open.edits);
	b->open = (struct open_transaction){.edits = NULL};
}

/* Ends the transaction that is being read. */
static void commit(struct batch *b)
{
	struct open_transaction *o = &b->open;

	if (o->wrong[0]) {
		char wrong[sizeof o->wrong];
		uint64_t line = o->wrong_line;
		memcpy(wrong, o->wrong, sizeof wrong);
		drop_open(b);
		send_collected(b);
		if (b->stopped)
			return;
		report_text(b, line, wrong);
		refuse(b);
		return;
	}
	if (!o->count)
		return;
	if (b->edits + o->count > EDITS_MAX) {
		send_collected(b);
		if (b->stopped)
			return;
	}
	json_t *transaction = json_pack("{s:o}", "edits", o->edits);
	if (!transaction || json_array_append_new(b->transactions, transaction) < 0)
		abort();
	b->starts[b->count++] = b->edits;
	b->edits += o->count;
	b->octets += o->octets;
	*o = (struct open_transaction){.edits = NULL};
	if (b->count == TRANSACTIONS_MAX || b->octets >= OCTETS_ENOUGH)
		send_collected(b);
}

/* The rest of the transaction is read, and comes to nothing. */
static void spoil(struct batch *b, const char *why)
{
	if (b->open.wrong[0])
		return;
	(void)snprintf(b->open.wrong, sizeof b->open.wrong, "%s", why);
	b->open.wrong_line = b->in.number;
}

/* Takes edit. */
static void add_edit(struct batch *b, json_t *edit, size_t octets)
{
	struct open_transaction *o = &b->open;

	if (!o->wrong[0] && o->count == EDITS_MAX)
		spoil(b, "more than 20000 changes without \"commit\" or a blank line");
	if (o->wrong[0]) {
		json_decref(edit);
		return;
	}
	if (!o->edits)
		o->edits = json_array();
	if (json_array_append_new(o->edits, edit) < 0)
		abort();
	b->lines[b->edits + o->count++] = b->in.number;
	o->octets += octets;
}

/* ---- what lines say ---- */

/* Cuts off the first word. Gives what is behind it. */
static char *cut_word(char *text)
{
	text += strcspn(text, " \t");
	if (*text)
		*text++ = 0;
	return text + strspn(text, " \t");
}

/* Puts the texts of an edit together. Gives NULL when one is not UTF-8. */
static json_t *make_edit(const struct batch *b, const char *op, const char *name,
                         const char *type, const char *rdata)
{
	return json_pack("{s:s,s:s,s:s,s:s*,s:o*}", "op", op, "name", name, "type", type,
	                 "zone", b->zone ? b->zone : b->c->zone, "rdata",
	                 *rdata ? json_pack("[s]", rdata) : NULL);
}

/* NAME [TTL] [IN] TYPE [RDATA] */
static void read_edit(struct batch *b, const char *op, char *name)
{
	char *type = cut_word(name);
	char *rdata = cut_word(type);
	const char *ttl = NULL;
	size_t octets = strlen(name) + strlen(rdata) + 80;

	if (record_is_number(type)) {
		ttl = type;
		type = rdata;
		rdata = cut_word(type);
	}
	if (!strcasecmp(type, "IN")) {
		type = rdata;
		rdata = cut_word(type);
	}
	if (!*type || (!*rdata && strcmp(op, "del") != 0)) {
		spoil(b,
		      "expected: set|add NAME [TTL] TYPE RDATA, or del NAME TYPE [RDATA]");
		return;
	}
	json_t *edit = make_edit(b, op, name, type, rdata);
	if (!edit) {
		spoil(b, "not UTF-8: write other octets as \\DDD");
		return;
	}
	if (ttl && strcmp(op, "del") != 0)
		json_put(edit, "ttl", json_integer(strtoll(ttl, NULL, 10)));
	add_edit(b, edit, octets);
}

/* {"op":...}: one edit; {"edits":[...]}: a transaction. */
static void read_json(struct batch *b, const char *line)
{
	json_error_t error;
	char why[sizeof b->open.wrong];
	json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	json_t *edits = json_object_get(value, "edits");

	if (!value) {
		(void)snprintf(why, sizeof why, "not JSON: column %d: %s", error.column,
		               error.text);
		spoil(b, why);
	} else if (!edits) {
		add_edit(b, json_incref(value), strlen(line));
	} else if (!json_is_array(edits) || json_object_size(value) != 1) {
		spoil(b, "expected one edit, or an object with \"edits\"");
	} else {
		commit(b);
		for (size_t i = 0; i < json_array_size(edits) && !b->stopped; i++)
			add_edit(b, json_incref(json_array_get(edits, i)),
			         i ? 0 : strlen(line));
		if (!b->stopped)
			commit(b);
	}
	json_decref(value);
}

static void set_zone(struct batch *b, const char *zone)
{
	free(b->zone);
	b->zone = *zone ? strdup(zone) : NULL;
}

static void read_line(struct batch *b, char *line)
{
	line += strspn(line, " \t");
	for (size_t len = strlen(line); len && isspace((unsigned char)line[len - 1]);
	     len--)
		line[len - 1] = 0;
	if (*line == '#' || *line == ';')
		return;
	if (*line == '{') {
		read_json(b, line);
		return;
	}
	char *rest = cut_word(line);
	if (!*line || (!strcmp(line, "commit") && !*rest))
		commit(b);
	else if (!strcmp(line, "zone"))
		set_zone(b, rest);
	else if (!strcmp(line, "set") || !strcmp(line, "add") || !strcmp(line, "del"))
		read_edit(b, line, rest);
	else
		spoil(b, "expected set, add, del, zone or commit");
}

/* ---- the whole ---- */

/* Reads until the end, or until it has to stop. */
static void read_all(struct batch *b)
{
	while (!b->stopped) {
		char *line = take_line(&b->in);
		if (line) {
			read_line(b, line);
			continue;
		}
		if (b->in.len - b->in.start > LINE_MAX_OCTETS) {
			report_text(b, b->in.number + 1, "the line is too long");
			b->outcome = ENGINE_REFUSED;
			break;
		}
		if (b->count && has_to_wait(&b->in)) {
			send_collected(b);
		} else if (b->in.ended) {
			commit(b);
			break;
		} else if (!read_more(&b->in)) {
			report_text(b, b->in.number + 1, strerror(errno));
			b->outcome = ENGINE_REFUSED;
			break;
		}
	}
	if (!b->stopped)
		send_collected(b);
}

static void summarize(const struct batch *b, uint64_t began)
{
	const struct cli *c = b->c;
	double seconds = (double)(client_now() - began) / 1e3;
	double rate = seconds > 0 ? (double)b->changes_done / seconds : 0;

	if (c->json) {
		json_t *o = json_pack("{s:I,s:I,s:I,s:b,s:f,s:f,s:b,s:o}", "changes",
		                      (json_int_t)b->changes_done, "transactions",
		                      (json_int_t)b->transactions_done, "refused",
		                      (json_int_t)b->refused, "stopped", (int)b->stopped,
		                      "seconds", seconds, "per_second", rate, "dry_run",
		                      (int)c->dry_run, "change",
		                      b->change ? json_integer(b->change) : json_null());
		print_json(o);
		json_decref(o);
		return;
	}
	(void)printf("%llu changes in %llu transactions %s in %.2f s: %.0f/s",
	             (unsigned long long)b->changes_done,
	             (unsigned long long)b->transactions_done,
	             c->dry_run ? "would be made, found" : "made", seconds, rate);
	if (b->refused)
		(void)printf("; %llu refused", (unsigned long long)b->refused);
	if (b->stopped)
		(void)fputs("; stopped there", stdout);
	(void)fputc('\n', stdout);
}

enum engine_outcome run_batch(struct cli *c)
{
	const char *path = c->arg_count ? c->args[0] : "-";
	struct batch *b = calloc(1, sizeof *b);
	uint64_t began = client_now();

	if (!b)
		abort();
	b->c = c;
	b->in.fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	b->transactions = json_array();
	if (b->in.fd < 0) {
		json_t *error = json_sprintf("%s: %s", path, strerror(errno));
		json_t *why = json_pack("{s:o}", "error",
		                        error ? error : json_string("no such file"));
		cli_refuse(c, why);
		json_decref(why);
		b->outcome = ENGINE_REFUSED;
	} else {
		read_all(b);
		summarize(b, began);
	}
	enum engine_outcome outcome = b->outcome;
	if (b->in.fd > STDIN_FILENO)
		(void)close(b->in.fd);
	drop_open(b);
	json_decref(b->transactions);
	free(b->in.buffer);
	free(b->zone);
	free(b);
	return outcome;
}
