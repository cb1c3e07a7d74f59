/* anserctl dnssec sign-request, as the one who has the KSKs runs it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/sign/bundle_check.h"
#include "control/sign/bundle_testing.h"
#include "control/sign/keyfile.h"
#include "control/sign/peers_testing.h"

enum { TEXT_MAX = 1 << 20 };

static char out_text[TEXT_MAX];
static char err_text_seen[TEXT_MAX];

static void put_file(const char *path, const char *text, unsigned mode)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void read_into(const char *path, char *text)
{
	FILE *from = fopen(path, "r");

	assert_non_null(from);
	text[fread(text, 1, TEXT_MAX - 1, from)] = '\0';
	assert_int_equal(fclose(from), 0);
}

static void put_pair(const char *name, const struct sign_key *k, const uint8_t *owner,
                     const uint32_t *times)
{
	char text[KEYFILE_TEXT_SIZE];
	char path[64];

	(void)snprintf(path, sizeof path, "%s.key", name);
	(void)keyfile_write_public(k, owner, HOUR, times, text);
	put_file(path, text, 0644);
	(void)snprintf(path, sizeof path, "%s.private", name);
	assert_true(keyfile_write_private(k, times, text) > 0);
	put_file(path, text, 0600);
}

/* A request, two KSKs of which the second comes after two days, and keys that are of no use for it. */
static int make_files(void **state)
{
	static const uint32_t later[KEYFILE_TIMES] = {[KEYFILE_PUBLISH] = START + 2 * DAY,
	                                              [KEYFILE_SYNC_PUBLISH] =
	                                                      START + 3 * DAY};

	if (make_directory(state) != 0 || make_ring(state) != 0)
		return -1;
	(void)fresh_ring(state);
	put_pair("one", ring.ksks[0], test_apex, NULL);
	put_pair("two", ring.ksks[1], test_apex, later);
	put_pair("zsk", ring.zsks[0], test_apex, NULL);
	put_pair("other", ring.ksks[0], (const uint8_t *)"\5other", NULL);
	put_pair("mixed", ring.ksks[0], test_apex, NULL);
	put_pair("open", ring.ksks[0], test_apex, NULL);
	struct bundles *request = request_of(START, START + 4 * DAY);
	char *text = text_of(request);
	put_file("request", text, 0644);
	free(text);
	bundles_free(&request);
	return chmod("open.private", 0644) == 0 && unlink("mixed.private") == 0 &&
	                       link("two.private", "mixed.private") == 0
	               ? 0
	               : -1;
}

static int remove_files(void **state)
{
	(void)free_ring(state);
	return remove_directory(state);
}

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
}

/* Runs "anserctl dnssec sign-request WORDS", the request on standard input. */
static int run(const char *words)
{
	char *argv[16] = {(char[]){"anserctl"}, (char[]){"dnssec"},
	                  (char[]){"sign-request"}};
	char copy[512];
	int argc = 3;
	int status;

	(void)snprintf(copy, sizeof copy, "%s", words);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		redirect("request", O_RDONLY, STDIN_FILENO);
		redirect("out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
		redirect("err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
		_exit(cli_main(argc, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	read_into("out", out_text);
	read_into("err", err_text_seen);
	return WEXITSTATUS(status);
}

static struct bundles *checked_response(void)
{
	struct bundles *b = read_or_fail(out_text, BUNDLE_RESPONSE);
	const struct bundle_terms t = {.policy = &ring.policy,
	                               .zsks = ring.published,
	                               .zsk_count = ARRAY_LEN(ring.published),
	                               .now = START};
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span;

	if (bundle_check(b, &t, &span, why) < 0)
		fail_msg("%s", why);
	return b;
}

static void request_is_signed(void **state)
{
	(void)state;
	assert_int_equal(run("request one"), ENGINE_OK);
	assert_string_equal(err_text_seen, "");
	struct bundles *b = checked_response();
	assert_int_equal(b->count, 2);
	assert_true(bundle_has(&b->list[0], BUNDLE_DNSKEY, ring.ksks[0]));
	assert_true(bundle_has(&b->list[0], BUNDLE_CDNSKEY, ring.ksks[0]));
	bundles_free(&b);
}

static void either_file_names_the_pair(void **state)
{
	static const char *const words[] = {"- one", "- one.key",
	                                    "request ./one.private"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_int_equal(run(words[i]), ENGINE_OK);
		struct bundles *b = checked_response();
		bundles_free(&b);
	}
}

static void times_are_those_of_the_files(void **state)
{
	static const unsigned days[] = {0, 2, 3, 4};

	(void)state;
	assert_int_equal(run("request one two"), ENGINE_OK);
	struct bundles *b = checked_response();
	assert_int_equal(b->count, ARRAY_LEN(days));
	for (size_t i = 0; i < b->count; i++) {
		assert_int_equal(b->list[i].from, START + days[i] * (uint64_t)DAY);
		assert_int_equal(bundle_has(&b->list[i], BUNDLE_DNSKEY, ring.ksks[1]),
		                 days[i] >= 2);
		assert_int_equal(bundle_has(&b->list[i], BUNDLE_CDNSKEY, ring.ksks[1]),
		                 days[i] >= 3);
	}
	bundles_free(&b);
}

static void signatures_hold_as_long_as_is_said(void **state)
{
	(void)state;
	assert_int_equal(run("request one validity=3d refresh=1d skew=2h"), ENGINE_OK);
	struct bundles *b = checked_response();
	assert_int_equal(b->count, 3);
	assert_int_equal(b->list[1].from, START + 2 * (uint64_t)DAY);
	assert_int_equal(bundle_last_until(&b->list[0], 0), START + 3 * (uint64_t)DAY);
	bundles_free(&b);
}

static void result_is_json_where_that_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(run("request one --json"), ENGINE_OK);
	assert_ptr_equal(strstr(out_text, "{\"text\":\";; SignedKeyResponse 1.0 "),
	                 out_text);
	assert_int_equal(run("request zsk --json"), ENGINE_REFUSED);
	assert_ptr_equal(strstr(out_text, "{\"error\":\"zsk.key: "), out_text);
}

static void what_cannot_be_signed_is_refused(void **state)
{
	static const struct {
		const char *words;
		const char *says;
		int code;
	} cases[] = {
		{"request zsk", "zsk.key: this is no KSK", ENGINE_REFUSED},
		{"request one other", "other.key: this is the key of another zone",
	         ENGINE_REFUSED},
		{"request other", "request: line 2: the record is not of the zone other.",
	         ENGINE_REFUSED},
		{"request mixed", "mixed.private: ", ENGINE_REFUSED},
		{"request open", "open.private: mode 0644 lets others at it",
	         ENGINE_REFUSED},
		{"request two", "request: from 2027-01-15T08:00:00Z on: key ",
	         ENGINE_REFUSED},
		{"request none", "none.key: No such file", ENGINE_REFUSED},
		{"none one", "none: No such file", ENGINE_REFUSED},
		{"one.key one", "one.key: line 2: this record stands below no time",
	         ENGINE_REFUSED},
		{"request request", "request.key: No such file", ENGINE_REFUSED},
		{"request", "usage: anserctl dnssec sign-request", ENGINE_USAGE},
		{"request skew=1h", "usage: anserctl dnssec sign-request", ENGINE_USAGE},
		{"request one validity=x", "validity: \"x\" is no time", ENGINE_USAGE},
		{"request one validity=100y", "is no time", ENGINE_USAGE},
		{"request one refresh=", "is no time", ENGINE_USAGE},
		{"request one skew=4294967295", "is no time", ENGINE_USAGE},
		{"request one validity=5d", "validity is to be more than refresh",
	         ENGINE_USAGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(run(cases[i].words), cases[i].code);
		assert_string_equal(out_text, "");
		if (!strstr(err_text_seen, cases[i].says))
			fail_msg("%s: %s", cases[i].words, err_text_seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_signed),
		cmocka_unit_test(either_file_names_the_pair),
		cmocka_unit_test(times_are_those_of_the_files),
		cmocka_unit_test(signatures_hold_as_long_as_is_said),
		cmocka_unit_test(result_is_json_where_that_is_wanted),
		cmocka_unit_test(what_cannot_be_signed_is_refused),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
