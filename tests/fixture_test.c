/*
 * Fixtures: zone + query -> exact response, through respond_burst().
 *
 * tests/fixtures/NAME.fixture starts with lines "zone ORIGIN FILE"; then, for each query, a line
 * "? NAME TYPE [do] [size=N] [tcp] [class=N]" and under it the response as text, record by record
 * in the order of the message, up to an empty line. Run with ANSER_WRITE_FIXTURES=1 it writes
 * the responses down instead of comparing them; they are then for a person to read and to check
 * against the RFCs and other servers before they are kept.
 */
#include <dirent.h>
#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/rrtype.h"
#include "tests/harness.h"

enum { LINE_MAX_LEN = 2048, TEXT_MAX = 1 << 20 };

static const char directory[] = ANSER_SOURCE_DIR "/tests/fixtures";

static void render_section(FILE *to, const char *label, ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		ldns_rr *rr = ldns_rr_list_rr(list, i);
		char *text = ldns_rr2str(rr);
		fprintf(to, "%s %s", label, text);
		free(text);
	}
}

static void render(FILE *to, const uint8_t *message, size_t len)
{
	ldns_pkt *p = NULL;

	if (len == 0) {
		fprintf(to, "no response\n");
		return;
	}
	assert_int_equal(ldns_wire2pkt(&p, message, len), LDNS_STATUS_OK);
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	fprintf(to, "%s%s%s%s %zu bytes\n", rcode, ldns_pkt_aa(p) ? " aa" : "",
	        ldns_pkt_tc(p) ? " tc" : "", ldns_pkt_edns(p) ? " edns" : "", len);
	free(rcode);
	render_section(to, "answer", ldns_pkt_answer(p));
	render_section(to, "authority", ldns_pkt_authority(p));
	render_section(to, "additional", ldns_pkt_additional(p));
	ldns_pkt_free(p);
}

static void read_question(char *line, struct question *q)
{
	char *save;
	char *name = strtok_r(line + 1, " \n", &save);
	char *type = strtok_r(NULL, " \n", &save);

	assert_non_null(name);
	assert_non_null(type);
	*q = (struct question){.name = name};
	int number = rrtype_from_text(type, strlen(type));
	assert_true(number >= 0);
	q->type = (uint16_t)number;
	for (const char *word; (word = strtok_r(NULL, " \n", &save));) {
		if (strcmp(word, "do") == 0)
			q->dnssec = true;
		else if (strcmp(word, "tcp") == 0)
			q->tcp = true;
		else if (strncmp(word, "size=", 5) == 0)
			q->udp_size = (uint16_t)atoi(word + 5);
		else if (strncmp(word, "class=", 6) == 0)
			q->class = (uint16_t)atoi(word + 6);
		else
			fail_msg("what is \"%s\"?", word);
	}
	if (q->dnssec && q->udp_size == 0)
		q->udp_size = 1232;
}

struct fixture {
	struct harness *h;
	FILE *in;
	FILE *out; /* NULL: compare */
	unsigned queries;
	unsigned wrong;
};

static void load_zone(struct fixture *f, char *line)
{
	char origin[512];
	char file[512];
	char path[2048];

	assert_int_equal(sscanf(line, "zone %511s %511s", origin, file), 2);
	snprintf(path, sizeof path, "%s/%s", directory, file);
	assert_int_equal(harness_load_file(f->h, origin, path, NULL, NULL), 0);
}

static char *expected_text(struct fixture *f)
{
	char line[LINE_MAX_LEN];
	char *text = calloc(1, TEXT_MAX);
	size_t len = 0;

	while (fgets(line, sizeof line, f->in) && line[0] != '\n') {
		size_t n = strlen(line);
		assert_true(len + n < TEXT_MAX);
		memcpy(text + len, line, n);
		len += n;
	}
	return text;
}

static void run_question(struct fixture *f, const char *line)
{
	char copy[LINE_MAX_LEN];
	struct question q;
	uint8_t message[512];
	char *actual = NULL;
	size_t actual_len = 0;

	strcpy(copy, line);
	read_question(copy, &q);
	size_t len = harness_ask(f->h, message, harness_query(&q, message), q.tcp);
	FILE *to = open_memstream(&actual, &actual_len);
	render(to, f->h->reply, len);
	fclose(to);
	char *expected = expected_text(f);
	f->queries++;
	if (f->out) {
		fprintf(f->out, "%s%s\n", line, actual);
	} else if (strcmp(expected, actual) != 0) {
		f->wrong++;
		print_error("%sexpected:\n%sgot:\n%s\n", line, expected, actual);
	}
	free(expected);
	free(actual);
}

static void run_lines(struct fixture *f)
{
	char line[LINE_MAX_LEN];

	while (fgets(line, sizeof line, f->in)) {
		if (line[0] == '?') {
			run_question(f, line);
			continue;
		}
		if (f->out)
			fputs(line, f->out);
		if (strncmp(line, "zone ", 5) == 0)
			load_zone(f, line);
	}
}

static void run_fixture(const char *path)
{
	char written[2100];
	struct fixture f = {.h = harness_open(), .in = fopen(path, "r")};

	assert_non_null(f.in);
	snprintf(written, sizeof written, "%s.new", path);
	if (getenv("ANSER_WRITE_FIXTURES"))
		f.out = fopen(written, "w");
	run_lines(&f);
	fclose(f.in);
	if (f.out) {
		fclose(f.out);
		rename(written, path);
	}
	harness_close(f.h);
	print_message("%s: %u queries, %u wrong\n", path, f.queries, f.wrong);
	assert_int_equal(f.wrong, 0);
	assert_true(f.queries > 0);
}

static void every_fixture_is_answered_as_written(void **state)
{
	DIR *dir = opendir(directory);
	unsigned files = 0;

	(void)state;
	assert_non_null(dir);
	for (const struct dirent *d; (d = readdir(dir));) {
		char path[2048];
		size_t len = strlen(d->d_name);
		if (len < 8 || strcmp(d->d_name + len - 8, ".fixture") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, d->d_name);
		run_fixture(path);
		files++;
	}
	closedir(dir);
	assert_true(files > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fixture_is_answered_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
