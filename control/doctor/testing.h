/*
 * What the tests of the checks share: a case is a machine made of a few files, and the verdict on
 * it.
 */
#ifndef CONTROL_DOCTOR_TESTING_H
#define CONTROL_DOCTOR_TESTING_H

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/doctor/doctor.h"
#include "shared/compiler.h"

struct test_case {
	const char *check;
	enum doctor_verdict verdict;
	const char *found; /* part of it */
	const char
		*files[16]; /* path and contents in turn; "->X" is a symbolic link to X */
	unsigned modes;     /* 0: any */
	unsigned workers;   /* 0: one */
	unsigned files_wanted;
	int cpus[4];
	size_t cpu_count;
	struct nic_facts facts; /* of every interface */
};

static const struct test_case *test_now;

UNUSED static void test_ask(const char *interface, struct nic_facts *facts)
{
	assert_true(interface[0]);
	*facts = test_now->facts;
}

UNUSED static void test_make_file(const char *root, const char *path, const char *text)
{
	char whole[PATH_MAX];

	(void)snprintf(whole, sizeof whole, "%s%s", root, path);
	for (char *slash = strchr(whole + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(whole, 0700) < 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
	if (!strncmp(text, "->", 2)) {
		assert_int_equal(symlink(text + 2, whole), 0);
		return;
	}
	FILE *to = fopen(whole, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
}

UNUSED static int test_remove(const char *path, const struct stat *st, int type,
                              struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

UNUSED static const struct doctor_line *test_find(const struct doctor_report *report,
                                                  const char *check)
{
	for (size_t i = 0; i < report->count; i++)
		if (!strcmp(report->lines[i].check, check))
			return &report->lines[i];
	return NULL;
}

/* The same where there has to be one. */
UNUSED static const struct doctor_line *test_line(const struct doctor_report *report,
                                                  const char *check)
{
	const struct doctor_line *line = test_find(report, check);

	if (!line) {
		fail_msg("no line %s", check);
		abort();
	}
	return line;
}

UNUSED static void test_run(const struct test_case *t, size_t number)
{
	char root[] = "/tmp/anser-doctor-XXXXXX";
	struct doctor_machine machine = {
		.root = root,
		.ask = test_ask,
		.cpus = t->cpus,
		.cpu_count = t->cpu_count,
		.workers = t->workers ? t->workers : 1,
		.files = t->files_wanted,
		.modes = t->modes ? t->modes : DOCTOR_ANY,
	};
	struct doctor_report report;

	test_now = t;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i + 1 < ARRAY_LEN(t->files) && t->files[i]; i += 2)
		test_make_file(root, t->files[i], t->files[i + 1]);
	doctor_run(&machine, &report);
	assert_int_equal(nftw(root, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);

	const struct doctor_line *line = test_line(&report, t->check);
	if (line->verdict != t->verdict || !strstr(line->found, t->found))
		fail_msg("case %zu: %s is %s: %s", number, t->check,
		         doctor_verdict_text(line->verdict), line->found);
	if ((line->verdict == DOCTOR_OK) != !line->remedy[0])
		fail_msg("case %zu: %s is %s, remedy \"%s\"", number, t->check,
		         doctor_verdict_text(line->verdict), line->remedy);
	doctor_fini(&report);
}

#define test_run_all(cases)                              \
	for (size_t i_ = 0; i_ < ARRAY_LEN(cases); i_++) \
	test_run(&(cases)[i_], i_)

#endif
