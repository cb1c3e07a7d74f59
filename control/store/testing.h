/*
 * What the tests of the store, and of what is above it, share: a store in a directory of its own.
 */
#ifndef CONTROL_STORE_TESTING_H
#define CONTROL_STORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/store/store.h"
#include "shared/compiler.h"

enum { PATH_SIZE = 64 };

static char dir[PATH_SIZE];
static struct store *store;

UNUSED static void remove_dir(const char *path)
{
	char file[PATH_SIZE + 16];
	static const char *const files[] = {"data.mdb", "lock.mdb"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(file, sizeof file, "%s/%s", path, files[i]);
		(void)unlink(file);
	}
	assert_int_equal(rmdir(path), 0);
}

UNUSED static void reopen(void)
{
	store_close(store);
	store = NULL;
	assert_int_equal(store_open(dir, &store, NULL, 0), 0);
}

UNUSED static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/store_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	store = NULL;
	return store_open(dir, &store, NULL, 0);
}

UNUSED static int teardown(void **state)
{
	(void)state;
	store_close(store);
	remove_dir(dir);
	return 0;
}

UNUSED static struct store_txn *begin_write(void)
{
	struct store_txn *t;
	assert_int_equal(store_begin_write(store, &t), 0);
	return t;
}

UNUSED static struct store_txn *begin_read(void)
{
	struct store_txn *t;
	assert_int_equal(store_begin_read(store, &t), 0);
	return t;
}

UNUSED static void commit(struct store_txn *t)
{
	assert_int_equal(store_commit(&t), 0);
	assert_null(t);
}

#endif
