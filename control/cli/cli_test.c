#include "control/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

/*
 * The program is run in a child with its standard streams on files; the server is another child
 * that gives set answers and writes down what it was asked.
 */

enum { TEXT_MAX = 32768, ARGS_MAX = 12 };

static char dir[] = "/tmp/anser-cli-XXXXXX";

static const char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned at;
	char *path = paths[at++ % ARRAY_LEN(paths)];

	(void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static void write_file(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
}

/* Lent until four calls later. */
static char *read_file(const char *path)
{
	static char texts[4][TEXT_MAX];
	static unsigned at;
	char *text = texts[at++ % ARRAY_LEN(texts)];
	FILE *from = fopen(path, "r");

	text[0] = 0;
	if (!from)
		return text;
	text[fread(text, 1, TEXT_MAX - 1, from)] = 0;
	assert_int_equal(fclose(from), 0);
	return text;
}

/* ---- the server ---- */

enum fake_mode {
	FAKE_NORMAL,
	FAKE_SILENT,       /* never answers */
	FAKE_HANGS_UP,     /* at once */
	FAKE_NONSENSE,     /* answers what is no answer */
	FAKE_LOADING,      /* status: loading twice, then ok */
	FAKE_NEVER_READY,  /* status: no data plane */
	FAKE_KERNEL_PATH,  /* status: none either, but UDP sockets */
	FAKE_CHANGING,     /* export: one change of serial under way */
	FAKE_BROKEN_PAGES, /* export: the second page is refused */
};

static const char *const zones_answer =
	"{\"outcome\":0,\"result\":{\"zones\":["
	"{\"name\":\"example.com.\",\"state\":\"served\",\"serial\":2026,\"records\":12,"
	"\"rrsets\":9,\"source\":\"/zones/example.com\",\"changed_at\":1795248000},"
	"{\"name\":\"a\\u001b[31m.\",\"state\":\"failed\",\"serial\":null,\"records\":0,"
	"\"rrsets\":0,\"source\":\"\",\"changed_at\":0,\"error\":\"x\"}]}}";

static const char *status_answer(enum fake_mode mode)
{
	static unsigned asked;

	asked++;
	if (mode == FAKE_LOADING && asked <= 2)
		return "{\"outcome\":0,\"result\":{\"state\":\"loading\",\"attachments\":[]}}";
	if (mode == FAKE_NEVER_READY)
		return "{\"outcome\":0,\"result\":{\"state\":\"ok\",\"attachments\":[]}}";
	if (mode == FAKE_KERNEL_PATH)
		return "{\"outcome\":0,\"result\":{\"state\":\"degraded\",\"udp_sockets\":2,"
		       "\"attachments\":[]}}";
	return "{\"outcome\":0,\"result\":{\"version\":\"0.1\",\"pid\":7,\"uptime_s\":3700,"
	       "\"state\":\"ok\",\"generation\":1,\"commit\":3,"
	       "\"zones\":{\"served\":2,\"failed\":0,\"total\":2},"
	       "\"table\":{\"bytes_used\":1572864},\"attachments\":[{\"pid\":8,\"io\":\"udp\","
	       "\"reason\":\"dpdk: no\",\"ports\":[],"
	       "\"workers\":1,\"generation\":1,\"answered\":3,\"silent_ms\":0,\"stopped\":false},"
	       "{\"pid\":9,\"io\":\"xdp\",\"reason\":\"xdp: native\",\"ports\":["
	       "{\"name\":\"eth0\",\"up\":true,\"speed_mbit\":10000,\"rx_packets\":7,"
	       "\"tx_packets\":6,\"rx_missed\":5,\"rx_no_buffer\":4,\"rx_errors\":3,"
	       "\"tx_errors\":2},"
	       "{\"name\":\"eth\\u001b1\",\"up\":false,\"speed_mbit\":null,\"rx_packets\":0}]}],"
	       "\"alarms\":[\"one is slow\"]}}";
}

static const char *change_answer(const char *zone)
{
	static char answer[1024];

	if (!strcmp(zone, "bad."))
		return "{\"outcome\":1,\"result\":{\"error\":\"no zone was changed\",\"zones\":[{"
		       "\"zone\":\"bad.\",\"outcome\":1,\"error\":\"not valid\",\"diagnostics\":[{"
		       "\"severity\":\"error\",\"file\":\"/z/bad\",\"line\":3,\"column\":0,"
		       "\"rule\":\"no-soa\",\"text\":\"no SOA\"}]}]}}";
	(void)snprintf(
		answer, sizeof answer,
		"{\"outcome\":0,\"result\":{\"zones\":[{\"zone\":\"%s\",\"outcome\":0,"
		"\"serial\":5,\"records\":4,\"names_changed\":3,\"rrsets_added\":2,"
		"\"rrsets_removed\":1,\"rrsets_changed\":0,\"diagnostics\":[]}],"
		"\"commit\":9,\"generation\":1,\"visible_ms\":2.5}}",
		zone);
	return answer;
}

/* Three pages; "after" is the number of the page before. */
static const char *export_answer(enum fake_mode mode, const json_t *args)
{
	static bool changed;
	json_int_t page = json_integer_value(json_object_get(args, "after"));

	if (mode == FAKE_CHANGING && page == 2 && !changed) {
		changed = true;
		return "{\"outcome\":0,\"result\":{\"text\":\"new\\n\",\"serial\":2}}";
	}
	if (mode == FAKE_BROKEN_PAGES && page == 1)
		return "{\"outcome\":1,\"result\":{\"error\":\"gone\"}}";
	if (page == 0)
		return changed ? "{\"outcome\":0,\"result\":{\"text\":\"A\\n\",\"serial\":2,"
		                 "\"next\":1}}"
		               : "{\"outcome\":0,\"result\":{\"text\":\"a\\n\",\"serial\":1,"
		                 "\"next\":1}}";
	if (page == 1)
		return changed ? "{\"outcome\":0,\"result\":{\"text\":\"B\\n\",\"serial\":2,"
		                 "\"next\":2}}"
		               : "{\"outcome\":0,\"result\":{\"text\":\"b\\n\",\"serial\":1,"
		                 "\"next\":2}}";
	return changed ? "{\"outcome\":0,\"result\":{\"text\":\"C\\n\",\"serial\":2}}"
	               : "{\"outcome\":0,\"result\":{\"text\":\"c\\n\",\"serial\":1,\"next\":null}}";
}

static const char *key_answer(const char *command)
{
	if (!strcmp(command, "key list"))
		return "{\"outcome\":0,\"result\":{\"keys\":[{\"id\":\"0123\",\"label\":"
		       "\"a\\u001bb\",\"role\":\"reader\",\"tenant\":\"\",\"state\":"
		       "\"active\",\"expires_at\":null,\"used_at\":1795248000}]}}";
	return "{\"outcome\":0,\"result\":{\"id\":\"0123\",\"label\":\"acme\",\"grants\":[{"
	       "\"zone\":\"a.\",\"below\":true,\"write\":false,\"names\":[\"x\",\"*.y\"],"
	       "\"types\":[\"A\"]}],\"secret\":\"ans_0123_abc\"}}";
}

/* A difference comes in two pages. */
static const char *history_answer(const char *command, const json_t *args)
{
	if (!strcmp(command, "zone history"))
		return "{\"outcome\":0,\"result\":{\"changes\":[{\"change\":7,\"time\":\"then\","
		       "\"serial\":3,\"serial_before\":2,\"records_added\":1,"
		       "\"records_removed\":2,\"actor\":null,\"why\":\"a\\u001bb\",\"rows\":[{"
		       "\"name\":\"a.\",\"type\":\"A\",\"before\":{\"ttl\":60,\"records\":["
		       "\"192.0.2.1\",\"192.0.2.2\"]},\"after\":{\"ttl\":60,\"records\":["
		       "\"192.0.2.2\",\"192.0.2.3\"]}}]}],\"next\":6,\"complete\":true}}";
	if (!strcmp(command, "zone revert"))
		return "{\"outcome\":1,\"result\":{\"error\":\"x\",\"problems\":[{\"rule\":"
		       "\"changed-since\",\"text\":\"a. A was changed again\"}]}}";
	if (json_object_get(args, "after"))
		return "{\"outcome\":0,\"result\":{\"lines\":[{\"op\":\"+\",\"name\":\"a.\","
		       "\"type\":\"A\",\"comment\":{\"account\":\"me\",\"content\":\"c\"}}],"
		       "\"next\":null}}";
	return "{\"outcome\":0,\"result\":{\"zone\":\"a.\",\"from\":{\"change\":null,"
	       "\"serial\":2,\"time\":null},\"to\":{\"change\":7,\"serial\":3,\"time\":\"t\"},"
	       "\"lines\":[{\"op\":\"-\",\"name\":\"a.\",\"ttl\":60,\"type\":\"TXT\",\"rdata\":"
	       "\"\\\"x\\\"\",\"disabled\":true}],\"next\":1}}";
}

static const char *answer_to(enum fake_mode mode, const json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	const json_t *args = json_object_get(request, "args");
	const char *zone = json_string_value(json_object_get(args, "zone"));

	if (mode == FAKE_NONSENSE)
		return "{\"outcome\":9,\"result\":{}}";
	if (!strcmp(command, "status"))
		return status_answer(mode);
	if (!strcmp(command, "zone list"))
		return zones_answer;
	if (!strcmp(command, "zone show"))
		return strcmp(zone, "example.com.") != 0
		               ? "{\"outcome\":1,\"result\":{\"error\":\"no such zone\"}}"
		               : "{\"outcome\":0,\"result\":{\"name\":\"example.com.\","
		                 "\"state\":\"served\",\"serial\":2026,\"added\":false,"
		                 "\"source\":\"/z/f\"}}";
	if (!strcmp(command, "zone export"))
		return export_answer(mode, args);
	if (!strcmp(command, "zone check"))
		return "{\"outcome\":1,\"result\":{\"error\":\"refused\",\"records\":2,"
		       "\"diagnostics\":[{\"severity\":\"error\",\"file\":\"/z/f\",\"line\":1,"
		       "\"column\":2,\"rule\":\"r\",\"text\":\"t\"}]}}";
	if (!strcmp(command, "stats"))
		return "{\"outcome\":0,\"result\":{\"counters\":{\"queries\":30,\"tcp\":1},"
		       "\"attachments\":[{\"pid\":8,\"counters\":{\"queries\":10,\"tcp\":0}},"
		       "{\"pid\":9,\"counters\":{\"queries\":20}}]}}";
	if (!strcmp(command, "explain"))
		return "{\"outcome\":0,\"result\":{\"lines\":[\"one\",\"two\"]}}";
	if (!strcmp(command, "conf show"))
		return "{\"outcome\":0,\"result\":{\"text\":\"server:\\n\",\"settings\":[{"
		       "\"option\":\"log.level\",\"value\":\"error\",\"class\":\"live\","
		       "\"override\":null}]}}";
	if (!strcmp(command, "conf diff"))
		return "{\"outcome\":0,\"result\":{\"settings\":[{\"option\":\"a.b\",\"file\":"
		       "\"1\",\"override\":\"2\",\"running\":\"3\"}],\"needs_reload\":[\"a.b\"],"
		       "\"needs_restart\":[\"c.d\"]}}";
	if (!strcmp(command, "conf set") &&
	    !json_is_true(json_object_get(args, "dry_run")))
		return "{\"outcome\":1,\"result\":{\"error\":\"a.b: no\",\"field\":\"a.b\"}}";
	if (!strncmp(command, "conf ", 5) && strcmp(command, "conf check") != 0)
		return "{\"outcome\":0,\"result\":{\"applied\":[\"a\\u001b.b\"],"
		       "\"needs_data_plane_restart\":[\"e.f\"],\"needs_restart\":[]}}";
	if (!strcmp(command, "conf check"))
		return "{\"outcome\":0,\"result\":{\"diagnostics\":[]}}";
	if (!strcmp(command, "version"))
		return "{\"outcome\":0,\"result\":{\"version\":\"0.1\",\"layout\":1}}";
	if (!strncmp(command, "key ", 4))
		return key_answer(command);
	if (!strcmp(command, "zone history") || !strcmp(command, "zone diff") ||
	    !strcmp(command, "zone revert"))
		return history_answer(command, args);
	if (!strcmp(command, "zone remove") && strcmp(zone, "bad.") != 0)
		return "{\"outcome\":0,\"result\":{\"commit\":9,\"generation\":1,\"visible_ms\":0}}";
	return change_answer(zone ? zone : "all.");
}

static void fake_serve(enum fake_mode mode, FILE *from, FILE *to)
{
	char *line = NULL;
	size_t room = 0;

	while (mode != FAKE_HANGS_UP && getline(&line, &room, from) > 0) {
		FILE *log = fopen(in_dir("log"), "a");
		json_t *request = json_loads(line, 0, NULL);

		(void)fputs(line, log);
		(void)fclose(log);
		if (mode != FAKE_SILENT)
			(void)fprintf(to, "%s\n", answer_to(mode, request));
		(void)fflush(to);
		json_decref(request);
	}
	free(line);
}

static pid_t fake_pid;

static int listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	(void)unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void fake_start(enum fake_mode mode)
{
	int fd = listen_on(in_dir("sock"));

	(void)unlink(in_dir("log"));
	fake_pid = fork();
	assert_true(fake_pid >= 0);
	if (fake_pid == 0) {
		/* A test that fails leaves no server behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int client = accept(fd, NULL, NULL);
			FILE *from = fdopen(client, "r");
			FILE *to = fdopen(dup(client), "w");
			fake_serve(mode, from, to);
			(void)fclose(from);
			(void)fclose(to);
		}
	}
	assert_int_equal(close(fd), 0);
}

static void fake_stop(void)
{
	assert_int_equal(kill(fake_pid, SIGKILL), 0);
	assert_int_equal(waitpid(fake_pid, NULL, 0), fake_pid);
	assert_int_equal(unlink(in_dir("sock")), 0);
}

static const char *asked(void)
{
	return read_file(in_dir("log"));
}

/* ---- the program ---- */

static const char *out_text;
static const char *err_text_seen;

static void redirect(const char *name, int flags, int to)
{
	int fd = open(in_dir(name), flags, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
}

static int exit_code_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs "anserctl WORDS", words separated by blanks, with a text on standard input. */
static int run_with(const char *input, const char *words)
{
	char *argv[ARGS_MAX + 1] = {(char[]){"anserctl"}};
	char copy[1024];
	int argc = 1;

	(void)snprintf(copy, sizeof copy, "%s", words);
	for (char *word = strtok(copy, " "); word && argc < ARGS_MAX;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	write_file(in_dir("in"), input);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		redirect("in", O_RDONLY, STDIN_FILENO);
		redirect("out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
		redirect("err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
		_exit(cli_main(argc, argv));
	}
	int code = exit_code_of(pid);
	out_text = read_file(in_dir("out"));
	err_text_seen = read_file(in_dir("err"));
	return code;
}

static int run(const char *words)
{
	return run_with("", words);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- tests ---- */

static void without_a_server_the_exit_code_is_3(void **state)
{
	(void)state;
	assert_int_equal(run("status"), ENGINE_NOT_RUNNING);
	assert_has(err_text_seen, "anserctl: no server on ");
	assert_string_equal(out_text, "");
	assert_int_equal(run("zone list --json"), ENGINE_NOT_RUNNING);
	assert_has(out_text, "{\"error\":\"no server on ");
	assert_int_equal(run_with("a\nb\n", "zone remove -"), ENGINE_NOT_RUNNING);
	assert_int_equal(run("zone export a -o x"), ENGINE_NOT_RUNNING);
	assert_int_equal(run("backup -"), ENGINE_NOT_RUNNING);
	assert_has(err_text_seen, "anserctl: no server on ");
	assert_int_equal(run("-s /nonexistent/dir/sock zone reload"), ENGINE_NOT_RUNNING);
	assert_has(err_text_seen, "/nonexistent/dir/sock");
}

static void stale_socket_is_no_server(void **state)
{
	(void)state;
	assert_int_equal(close(listen_on(in_dir("sock"))), 0);
	assert_int_equal(run("status"), ENGINE_NOT_RUNNING);
	assert_int_equal(unlink(in_dir("sock")), 0);
}

static void wrong_usage_is_exit_code_2(void **state)
{
	static const struct {
		const char *words;
		const char *says;
	} cases[] = {
		{"", "a command is missing"},
		{"frobnicate", "there is no command \"frobnicate\""},
		{"zone", "zone list, zone show, zone add"},
		{"zone frobnicate", "there is no command \"zone frobnicate\""},
		{"zone show", "usage: anserctl zone show NAME... | -"},
		{"zone add a", "usage: anserctl zone add NAME FILE | -"},
		{"zone add a b c", "usage: anserctl zone add"},
		{"zone export", "usage: anserctl zone export NAME"},
		{"zone export a. x -o y", "two places"},
		{"zone edit a.", "--yes"},
		{"zone edit a..b --yes", "not a domain name"},
		{"zone edit a. --dry-run", "zone edit does not take --dry-run"},
		{"record edit a. b.c. --yes", "not a name of the zone"},
		{"record edit a. b ANY --yes", "TYPE is none"},
		{"zone import a.", "usage: anserctl zone import NAME FILE"},
		{"zone compare a..b -", "not a domain name"},
		{"status x", "usage: anserctl status"},
		{"explain a b c", "usage: anserctl explain NAME [TYPE]"},
		{"completion tcsh", "is no shell"},
		{"help frobnicate", "there is no command"},
		{"zone frobnicate --help", "there is no command \"zone frobnicate\""},
		{"--frobnicate status", "unrecognized option"},
		{"status --timeout", "requires an argument"},
		{"status --timeout x", "is no number of seconds"},
		{"status --timeout -1", "is no number of seconds"},
		{"status --timeout 1e9", "is no number of seconds"},
		{"status --timeout nan", "is no number of seconds"},
		{"status -o x", "status does not take --output"},
		{"zone list --wait", "zone list does not take --wait"},
		{"zone list --dnssec", "zone list does not take --dnssec"},
		{"zone reload --wait --no-wait", "contradict each other"},
		{"doctor --io udp", "is neither xdp nor dpdk"},
		{"doctor --wait", "doctor does not take --wait"},
		{"status --io xdp", "status does not take --io"},
		{"conf check --config x", "conf check does not take --config"},
		{"zone show \xff", "not UTF-8"},
		{"key create x", "usage: anserctl key create LABEL ROLE"},
		{"key create x writer frob", "\"frob\" is not understood"},
		{"key create x writer below", "\"below\" is not understood"},
		{"key create x writer name=y", "\"name=y\" is not understood"},
		{"key create x writer expires=1w", "\"1w\" is no time"},
		{"key create x writer expires=0", "\"0\" is no time"},
		{"key create x writer expires=-1d", "\"-1d\" is no time"},
		{"key create x writer zone=\xff", "not UTF-8"},
		{"key grant 0123", "usage: anserctl key grant"},
		{"key grant 0123 all zone=a", "\"all\" is not understood"},
		{"key grant 0123 zone=a expires=1d", "keeps its tenant and its time"},
		{"key grant 0123 tenant=a", "keeps its tenant and its time"},
		{"key revoke", "usage: anserctl key revoke KEY"},
		{"zone history a. frob=1", "\"frob=1\" is not understood"},
		{"zone history a. from=0", "from: \"0\" is no number"},
		{"zone diff a. 1 2 3", "usage: anserctl zone diff NAME [FROM [TO]]"},
		{"zone revert a.", "usage: anserctl zone revert NAME TO"},
		{"zone revert a. 1 --change 2", "usage: anserctl zone revert NAME TO"},
		{"zone revert a. --change x", "change: \"x\" is no number"},
		{"zone revert a. 1 --zone a.", "zone revert does not take --zone"},
		{"zone diff a. --full", "zone diff does not take --full"},
		{"key set 0123", "usage: anserctl key set KEY"},
		{"key set 0123 tenant=x", "\"tenant=x\" is not understood"},
		{"key set 0123 expires=soon", "\"soon\" is no time"},
		{"tenant add", "usage: anserctl tenant add TENANT"},
		{"tenant rename a", "usage: anserctl tenant rename TENANT NAME"},
		{"tenant assign a b c", "usage: anserctl tenant assign ZONE [TENANT]"},
		{"conf set a.b", "usage: anserctl conf set SECTION.KEY VALUE..."},
		{"conf set a.b \xff", "not UTF-8"},
		{"conf set a.b 1 \xff", "not UTF-8"},
		{"conf set \xff 1 2", "not UTF-8"},
		{"conf unset", "usage: anserctl conf unset"},
		{"conf unset \xff", "not UTF-8"},
		{"conf reload --zone a", "conf reload does not take --zone"},
		{"audit list frob", "\"frob\" is not understood"},
		{"audit list frob=1", "\"frob=1\" is not understood"},
		{"audit list limit=x", "limit: \"x\" is no number"},
		{"audit list from=0", "from: \"0\" is no number"},
		{"audit verify 3", "a hash belongs to the event's number"},
		{"audit verify x y", "seq: \"x\" is no number"},
		{"audit export x", "from: \"x\" is no number"},
		{"zone export \xff", "not UTF-8"},
	};

	(void)state;
	fake_start(FAKE_NORMAL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (run(cases[i].words) != ENGINE_USAGE)
			fail_msg("accepted: %s", cases[i].words);
		assert_has(err_text_seen, cases[i].says);
		assert_string_equal(out_text, "");
	}
	assert_string_equal(asked(), "");
	fake_stop();
}

static void server_that_does_not_answer_is_exit_code_4(void **state)
{
	(void)state;
	fake_start(FAKE_SILENT);
	assert_int_equal(run("stats --timeout 0.1"), ENGINE_TIMED_OUT);
	assert_has(err_text_seen, "not answered in time");
	fake_stop();
}

static void server_that_hangs_up_is_exit_code_3(void **state)
{
	(void)state;
	fake_start(FAKE_HANGS_UP);
	assert_int_equal(run("status"), ENGINE_NOT_RUNNING);
	assert_has(err_text_seen, "the server has gone away");
	fake_stop();
}

static void answer_that_is_none_is_refused(void **state)
{
	(void)state;
	fake_start(FAKE_NONSENSE);
	assert_int_equal(run("status"), ENGINE_REFUSED);
	assert_has(err_text_seen, "not understood");
	fake_stop();
}

static void zones_are_listed_as_table_lines_or_json(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone list *.com"), ENGINE_OK);
	assert_string_equal(
		out_text,
		"ZONE          STATE   SERIAL  RECORDS  RRSETS  CHANGED               SOURCE\n"
		"example.com.  served    2026       12       9  2026-11-21T08:00:00Z  "
		"/zones/example.com\n"
		"a?[31m.       failed       -        0       0  -                     -\n");
	assert_string_equal(
		asked(), "{\"command\":\"zone list\",\"args\":{\"match\":\"*.com\"}}\n");
	assert_int_equal(run("--plain zone list"), ENGINE_OK);
	assert_string_equal(
		out_text,
		"example.com.\tserved\t2026\t12\t9\t1795248000\t/zones/example.com\n"
		"a?[31m.\tfailed\t-\t0\t0\t0\t-\n");
	assert_int_equal(run("zone list --json"), ENGINE_OK);
	assert_has(out_text,
	           "{\"zones\":[{\"name\":\"example.com.\",\"state\":\"served\"");
	assert_int_equal(run("list-all-zones -p"), ENGINE_OK);
	assert_has(out_text, "example.com.\tserved\t");
	fake_stop();
}

static void status_shows_planes_and_alarms(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("status"), ENGINE_OK);
	assert_has(out_text, "state            ok\n");
	assert_has(out_text, "up for           1h1m\n");
	assert_has(out_text, "table used       1.5 MiB\n");
	assert_has(out_text, "ALARM: one is slow\n");
	assert_has(out_text,
	           "         8  udp        1           1      3          0  no\n");
	assert_has(out_text, "         8  dpdk: no\n         9  xdp: native\n");
	assert_has(out_text,
	           "         9  eth0   up     10000           7           6       5"
	           "          4          3          2\n");
	assert_has(out_text,
	           "         9  eth?1  down       -           0           -       -"
	           "          -          -          -\n");
	assert_int_equal(run("status --plain"), ENGINE_OK);
	assert_has(out_text, "zones served\t2\n");
	assert_has(out_text, "alarm\tone is slow\n");
	fake_stop();
}

static void status_tells_whether_udp_is_answered_without_a_data_plane(void **state)
{
	(void)state;
	fake_start(FAKE_NEVER_READY);
	assert_int_equal(run("status"), ENGINE_OK);
	assert_has(out_text, "No data plane is attached: nothing answers over UDP.\n");
	fake_stop();
	fake_start(FAKE_KERNEL_PATH);
	assert_int_equal(run("status"), ENGINE_OK);
	assert_has(out_text,
	           "No data plane is attached: the control plane answers over UDP, "
	           "slowly.\n");
	assert_has(out_text, "UDP sockets      2\n");
	fake_stop();
}

static void status_waits_until_ready(void **state)
{
	(void)state;
	fake_start(FAKE_LOADING);
	assert_int_equal(run("status --wait --timeout 10 --json"), ENGINE_OK);
	assert_has(out_text, "\"state\":\"ok\"");
	fake_stop();
	fake_start(FAKE_NEVER_READY);
	assert_int_equal(run("status --wait --timeout 0.4"), ENGINE_TIMED_OUT);
	assert_has(out_text, "No data plane is attached");
	assert_has(err_text_seen, "not ready in time");
	fake_stop();
	assert_int_equal(run("status --wait --timeout 0.3"), ENGINE_TIMED_OUT);
	assert_has(err_text_seen, "no server on");
}

static void status_waits_for_a_server_to_appear(void **state)
{
	const struct timespec pause = {.tv_nsec = 300000000};

	(void)state;
	pid_t waiting = fork();
	assert_true(waiting >= 0);
	if (waiting == 0) {
		char *argv[] = {(char[]){"anserctl"}, (char[]){"status"}, (char[]){"-w"},
		                (char[]){"-t"},       (char[]){"20"},     NULL};
		redirect("out2", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
		_exit(cli_main(5, argv));
	}
	assert_int_equal(nanosleep(&pause, NULL), 0);
	fake_start(FAKE_NORMAL);
	assert_int_equal(exit_code_of(waiting), ENGINE_OK);
	fake_stop();
}

static void change_tells_what_and_when_visible(void **state)
{
	char want[512];

	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone add example. some/file"), ENGINE_OK);
	assert_string_equal(
		out_text,
		"example.: added, serial 5, 4 records; 3 names changed (RRsets: 2 "
		"added, 1 removed, 0 changed)\n"
		"commit 9 of generation 1, served by every core after 2.5 ms\n");
	(void)snprintf(
		want, sizeof want,
		"{\"command\":\"zone add\",\"args\":{\"wait\":true,\"timeout_ms\":600000,"
		"\"zone\":\"example.\",\"file\":\"%s/some/file\"}}\n",
		dir);
	assert_string_equal(asked(), want);
	assert_int_equal(run("load-zone example. /abs -n -t 1.5 -p"), ENGINE_OK);
	assert_string_equal(out_text, "example.\tadded\t5\t4\t3\n");
	assert_has(asked(), "{\"wait\":false,\"timeout_ms\":1500,\"zone\":\"example.\","
	                    "\"file\":\"/abs\"}}\n");
	assert_int_equal(run("zone remove a."), ENGINE_OK);
	assert_string_equal(
		out_text,
		"a.: removed\n"
		"commit 9 of generation 1, served by every core after 0.0 ms\n");
	assert_int_equal(run("zone reload"), ENGINE_OK);
	assert_has(asked(), "{\"command\":\"zone reload\",\"args\":{\"wait\":true,"
	                    "\"timeout_ms\":600000}}\n");
	fake_stop();
}

static void history_is_a_table_and_differences_are_lines(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone history a. actor=b limit=1 -p"), ENGINE_OK);
	assert_string_equal(out_text, "7\tthen\t3\t2\t1\t2\t-\ta?b\n");
	assert_has(asked(), "\"zone\":\"a.\",\"actor\":\"b\",\"limit\":1,\"full\":false");
	assert_int_equal(run("zone history a. --full"), ENGINE_OK);
	assert_has(out_text, "-a. 60 IN A 192.0.2.1\n+a. 60 IN A 192.0.2.3\n");
	assert_has(err_text_seen, "there is more: from=6");
	assert_int_equal(run("zone diff a. 2"), ENGINE_OK);
	assert_string_equal(out_text,
	                    "--- a. serial 2 \n+++ a. serial 3 change 7 t\n"
	                    "-; disabled: a. 60 IN TXT \"x\"\n+; comment: a. A me: c\n");
	assert_has(asked(), "{\"zone\":\"a.\",\"from\":\"serial:2\",\"to\":\"change:7\","
	                    "\"after\":1,\"limit\":20000}");
	assert_int_equal(run("zone revert a. -g 7 -F -N -n"), ENGINE_REFUSED);
	assert_has(err_text_seen, "anserctl: a. A was changed again [changed-since]");
	assert_has(asked(),
	           "\"args\":{\"wait\":false,\"timeout_ms\":600000,\"dry_run\":true,"
	           "\"zone\":\"a.\",\"change\":7,\"force\":true}");
	fake_stop();
}

static void refused_change_names_line_and_rule(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone reload bad."), ENGINE_REFUSED);
	assert_string_equal(out_text, "");
	assert_string_equal(err_text_seen, "/z/bad:3: error: no SOA [no-soa]\n"
	                                   "bad.: refused\n");
	assert_int_equal(run("zone reload bad. --json"), ENGINE_REFUSED);
	assert_has(out_text, "\"rule\":\"no-soa\"");
	assert_string_equal(err_text_seen, "");
	fake_stop();
}

static void names_come_from_standard_input(void **state)
{
	char want[512];

	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(
		run_with("# all of them\n one. \n\n\tbad.\ntwo.", "zone remove - -p"),
		ENGINE_REFUSED);
	assert_string_equal(out_text, "one.\tremoved\nbad.\trefused\t0\t0\t0\n"
	                              "two.\tremoved\n");
	assert_int_equal(run_with("a.  dir/file with blanks\nb.\t/abs\n", "zone add -"),
	                 ENGINE_OK);
	(void)snprintf(want, sizeof want, "\"file\":\"%s/dir/file with blanks\"", dir);
	assert_has(asked(), want);
	assert_has(asked(), "\"zone\":\"b.\",\"file\":\"/abs\"");
	assert_int_equal(run_with("a.\n", "zone add -"), ENGINE_USAGE);
	assert_has(err_text_seen, "names no file");
	assert_int_equal(run_with("x.\ny.\n", "zone reload - --json"), ENGINE_OK);
	assert_has(out_text, "\"zone\":\"x.\"");
	assert_has(strchr(out_text, '\n'), "\"zone\":\"y.\"");
	assert_int_equal(run_with("example.com.\nother.\nexample.com.\n", "zone show -"),
	                 ENGINE_REFUSED);
	assert_has(out_text, "source   /z/f\nadded    no\n\nzone     example.com.\n");
	assert_has(err_text_seen, "no such zone");
	fake_stop();
}

static void export_joins_pages(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone export a."), ENGINE_OK);
	assert_string_equal(out_text, "a\nb\nc\n");
	assert_int_equal(run("zone export a. -o -"), ENGINE_OK);
	assert_string_equal(out_text, "a\nb\nc\n");
	assert_int_equal(run("list-zone a. --json"), ENGINE_OK);
	assert_string_equal(out_text,
	                    "{\"serial\":1,\"version\":0,\"text\":\"a\\nb\\nc\\n\"}\n");
	fake_stop();
}

static void export_starts_again_when_the_zone_changes(void **state)
{
	(void)state;
	fake_start(FAKE_CHANGING);
	assert_int_equal(run("zone export a."), ENGINE_OK);
	assert_string_equal(out_text, "A\nB\nC\n");
	fake_stop();
}

static void export_replaces_a_file_only_when_complete(void **state)
{
	struct stat st;
	mode_t before = umask(022);

	(void)state;
	write_file(in_dir("zone"), "old");
	fake_start(FAKE_BROKEN_PAGES);
	assert_int_equal(run("zone export a. -o zone"), ENGINE_REFUSED);
	assert_string_equal(err_text_seen, "anserctl: gone\n");
	assert_string_equal(read_file(in_dir("zone")), "old");
	fake_stop();
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone export a. -o zone"), ENGINE_OK);
	assert_string_equal(out_text, "");
	assert_string_equal(read_file(in_dir("zone")), "a\nb\nc\n");
	assert_int_equal(stat(in_dir("zone"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(run("zone export a. -o no/such/dir"), ENGINE_REFUSED);
	assert_int_equal(umask(before), 022);
	fake_stop();
	assert_int_equal(unlink(in_dir("zone")), 0);
}

static void files_that_are_missing_or_wrong_are_refused_by_name(void **state)
{
	(void)state;
	assert_int_equal(run_with("no backup", "backup check -"), ENGINE_REFUSED);
	assert_has(err_text_seen, "anserctl: standard input: ");
	assert_int_equal(run("batch missing --json"), ENGINE_REFUSED);
	assert_string_equal(out_text,
	                    "{\"error\":\"missing: No such file or directory\"}\n");
	assert_int_equal(run("backup check missing --json"), ENGINE_REFUSED);
	assert_string_equal(out_text,
	                    "{\"error\":\"missing: No such file or directory\"}\n");
	assert_string_equal(err_text_seen, "");
}

static void zone_check_prints_diagnostics(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("zone check a. file"), ENGINE_REFUSED);
	assert_string_equal(out_text, "/z/f:1:2: error: t [r]\n");
	assert_int_equal(run_with("@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\na 60 A 192.0.2.1\n",
	                          "zone check x. -"),
	                 ENGINE_OK);
	assert_has(out_text, "3 records\n");
	assert_int_equal(run_with("@ 60 NS a\n", "zone check x. -"), ENGINE_REFUSED);
	assert_has(out_text, "[soa-missing]\n");
	assert_null(strstr(asked(), "\"x.\""));
	assert_int_equal(run("check-zone example.com."), ENGINE_REFUSED);
	assert_has(asked(),
	           "{\"command\":\"zone check\",\"args\":{\"zone\":\"example.com.\"}}\n");
	assert_int_equal(run("zone check -d example.com."), ENGINE_REFUSED);
	assert_has(asked(),
	           "{\"command\":\"zone check\",\"args\":{\"zone\":\"example.com.\","
	           "\"dnssec\":true}}\n");
	assert_int_equal(run_with("@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a.b.\n",
	                          "zone check --dnssec x. -"),
	                 ENGINE_REFUSED);
	assert_has(out_text, "error: x. DNSKEY: there is none that may sign the zone "
	                     "[dnskey-missing]\n");
	fake_stop();
}

static void looking_commands_print_what_they_get(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("stats"), ENGINE_OK);
	assert_string_equal(out_text, "COUNTER  TOTAL  PID 8  PID 9\n"
	                              "queries     30     10     20\n"
	                              "tcp          1      0      -\n");
	assert_int_equal(run("explain www.example.com AAAA -d"), ENGINE_OK);
	assert_string_equal(out_text, "one\ntwo\n");
	assert_has(asked(),
	           "{\"dnssec\":true,\"name\":\"www.example.com\",\"type\":\"AAAA\"}");
	assert_int_equal(run("conf show"), ENGINE_OK);
	assert_string_equal(out_text, "server:\n");
	assert_int_equal(run("conf check"), ENGINE_OK);
	assert_int_equal(run("version"), ENGINE_OK);
	assert_string_equal(out_text, "version       0.1\ntable layout  1\n");
	fake_stop();
}

static void keys_are_described_in_words(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("key list"), ENGINE_OK);
	assert_string_equal(
		out_text,
		"KEY   LABEL  ROLE    TENANT  STATE   EXPIRES  LAST USE\n"
		"0123  a?b    reader  -       active  -        2026-11-21T08:00:00Z\n");
	assert_int_equal(run("key create acme writer tenant=t expires=2d zone=a name=x"),
	                 ENGINE_OK);
	assert_has(asked(),
	           "{\"label\":\"acme\",\"role\":\"writer\",\"grants\":[{\"zone\":"
	           "\"a\",\"names\":[\"x\"]}],\"tenant\":\"t\",\"expires_in\":"
	           "172800}");
	assert_has(out_text, "grant     zone=a. below read name=x name=*.y type=A\n");
	assert_has(out_text, "secret    ans_0123_abc\n");
	assert_int_equal(run("key grant 0123 zone=a type=A below zone=b read"),
	                 ENGINE_OK);
	assert_has(asked(),
	           "{\"grants\":[{\"zone\":\"a\",\"types\":[\"A\"],\"below\":true},{"
	           "\"zone\":\"b\",\"write\":false}],\"key\":\"0123\"}");
	assert_int_equal(run("key grant 0123 all"), ENGINE_OK);
	assert_has(asked(), "{\"grants\":[],\"key\":\"0123\"}");
	assert_int_equal(run("key set 0123 label=x role=admin expires=1h disable"),
	                 ENGINE_OK);
	assert_has(asked(), "{\"label\":\"x\",\"role\":\"admin\",\"expires_in\":3600,"
	                    "\"disabled\":true,\"key\":\"0123\"}");
	assert_int_equal(run("key set 0123 expires=never enable"), ENGINE_OK);
	assert_has(asked(), "{\"expires_at\":null,\"disabled\":false,\"key\":\"0123\"}");
	fake_stop();
}

static void configuration_is_changed_by_options(void **state)
{
	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(run("conf list --plain"), ENGINE_OK);
	assert_string_equal(out_text, "log.level\terror\tlive\t-\n");
	assert_int_equal(run("conf diff"), ENGINE_OK);
	assert_string_equal(out_text,
	                    "OPTION  FILE  OVERRIDE  RUNNING\n"
	                    "a.b     1     2         3\n"
	                    "a.b: counts after anserctl conf reload\n"
	                    "c.d: counts once the control plane has started anew\n");
	assert_int_equal(run("conf set a.b 1 --no-wait"), ENGINE_REFUSED);
	assert_has(err_text_seen, "a.b: no");
	assert_has(asked(),
	           "\"args\":{\"wait\":false,\"timeout_ms\":600000,\"dry_run\":false,"
	           "\"values\":{\"a.b\":\"1\"}}");
	assert_int_equal(run("conf set a.b 1 2 --dry-run"), ENGINE_OK);
	assert_has(asked(), "\"dry_run\":true,\"values\":{\"a.b\":[\"1\",\"2\"]}}");
	assert_string_equal(out_text,
	                    "a?.b: would change\n"
	                    "e.f: counts once the data plane has started anew\n");
	assert_int_equal(run("conf unset a.b c.d"), ENGINE_OK);
	assert_has(asked(), "\"options\":[\"a.b\",\"c.d\"]}");
	assert_int_equal(run("conf reload --plain"), ENGINE_OK);
	assert_string_equal(out_text, "a?.b\tapplied\ne.f\tdata plane\n");
	fake_stop();
}

static void configuration_is_checked_without_a_server(void **state)
{
	(void)state;
	write_file(in_dir("good.yaml"), "server:\n  workers: 2\n");
	write_file(in_dir("bad.yaml"), "server:\n  workes: 2\n");
	assert_int_equal(run("conf check good.yaml"), ENGINE_OK);
	assert_string_equal(out_text, "");
	assert_int_equal(run("conf check bad.yaml"), ENGINE_REFUSED);
	assert_string_equal(out_text,
	                    "bad.yaml:2:3: error: unknown key \"workes\"; did you mean "
	                    "\"workers\"? [unknown-key]\n");
	assert_int_equal(run("conf check bad.yaml --json"), ENGINE_REFUSED);
	assert_has(out_text,
	           "{\"diagnostics\":[{\"severity\":\"error\",\"file\":\"bad.yaml\","
	           "\"line\":2,\"column\":3,\"rule\":\"unknown-key\"");
	assert_int_equal(run("conf check missing.yaml"), ENGINE_REFUSED);
	assert_has(out_text, "missing.yaml: error: No such file");
	assert_int_equal(run("conf show good.yaml"), ENGINE_OK);
	assert_has(out_text, "  workers: 2\n");
	write_file(in_dir("again.yaml"), out_text);
	assert_int_equal(run("conf check again.yaml"), ENGINE_OK);
	assert_int_equal(run("conf describe"), ENGINE_OK);
	assert_has(out_text, "# OPTIONS\n");
	assert_int_equal(unlink(in_dir("good.yaml")), 0);
	assert_int_equal(unlink(in_dir("bad.yaml")), 0);
	assert_int_equal(unlink(in_dir("again.yaml")), 0);
}

static void doctor_tells_by_its_exit_code(void **state)
{
	json_int_t ok, warn, fail;
	json_t *rows;

	(void)state;
	assert_int_equal(run("doctor no-such-nic"), ENGINE_REFUSED);
	assert_has(out_text, "VERDICT  CHECK");
	assert_has(out_text, "there is no interface no-such-nic. Remedy: see: ip link");
	int code = run("doctor lo --json");
	json_t *result = json_loads(out_text, 0, NULL);
	assert_int_equal(json_unpack(result, "{s:o,s:I,s:I,s:I}", "rows", &rows, "ok",
	                             &ok, "warn", &warn, "fail", &fail),
	                 0);
	assert_int_equal(json_array_size(rows), ok + warn + fail);
	assert_int_equal(code, fail ? ENGINE_REFUSED : ENGINE_OK);
	json_decref(result);
	(void)run("doctor lo --plain --io xdp");
	assert_has(out_text, "\tmtu\tlo\t");
	assert_null(strstr(out_text, "huge-pages"));
	assert_null(strstr(out_text, "VERDICT"));
}

static void doctor_takes_workers_from_the_configuration(void **state)
{
	(void)state;
	write_file(in_dir("conf.yaml"), "server:\n  workers: 3\n  cpus: [0]\n");
	(void)run("doctor lo --config conf.yaml --plain");
	assert_has(out_text, "warn\tcpus\t-\t3 workers share 1 processors\t");
	assert_has(out_text, "server.workers is 3\t");
	write_file(in_dir("conf.yaml"), "server:\n  workers: x\n");
	assert_int_equal(run("doctor lo --config conf.yaml"), ENGINE_REFUSED);
	assert_has(err_text_seen, "conf.yaml:2:12: error: ");
	assert_string_equal(out_text, "");
	assert_int_equal(run("doctor lo --config missing.yaml"), ENGINE_REFUSED);
	assert_int_equal(unlink(in_dir("conf.yaml")), 0);
}

/* No machine has these: each gives a line that names it. */
static void doctor_takes_back_ends_and_nics_from_the_configuration(void **state)
{
	static const struct {
		const char *words;
		const char *text;
		const char *has[3];
		const char *lacks[3];
	} cases[] = {
		{"",
	         "server: {listen: 192.0.2.1, io: xdp}\nxdp: {interfaces: [nic-a, nic-b]}\n",
	         {"\tmtu\tnic-a\t", "\tmtu\tnic-b\t"},
	         {"huge-pages"}},
		{"--io dpdk", "xdp: {interfaces: [nic-a]}\n", {"huge-pages"}, {"nic-a"}},
		{"",
	         "server: {listen: 192.0.2.1, io: dpdk}\nxdp: {interfaces: nic-a}\n"
	         "dpdk:\n  eal: \"-n 4 -a fffe:ff:1f.6,x=1 --allow=fffe:ff:1f.5 -aff:1e.7 "
	         "--vdev net_tap0\"\n  ports: [\"fffe:ff:1f.6\", net_tap0]\n",
	         {"fail\tdriver\tfffe:ff:1f.6\tthere is no such device\t",
	          "fail\tdriver\tfffe:ff:1f.5\t", "fail\tdriver\t0000:ff:1e.7\t"},
	         {"nic-a", "net_tap0", "bpf-jit"}},
		{"lo",
	         "server: {listen: 192.0.2.1}\nxdp: {interfaces: nic-a}\n",
	         {"\tmtu\tlo\t"},
	         {"nic-a", "huge-pages"}},
		{"lo", "server: {io: udp}\n", {"huge-pages", "bpf-jit"}, {NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char words[128];
		write_file(in_dir("conf.yaml"), cases[i].text);
		(void)snprintf(words, sizeof words,
		               "doctor --plain --config conf.yaml %s", cases[i].words);
		(void)run(words);
		for (size_t j = 0; j < 3 && cases[i].has[j]; j++)
			assert_has(out_text, cases[i].has[j]);
		for (size_t j = 0; j < 3 && cases[i].lacks[j]; j++)
			if (strstr(out_text, cases[i].lacks[j]))
				fail_msg("case %zu: \"%s\" is in \"%s\"", i,
				         cases[i].lacks[j], out_text);
	}
	assert_int_equal(unlink(in_dir("conf.yaml")), 0);
}

static void socket_comes_from_the_environment_or_the_option(void **state)
{
	(void)state;
	assert_int_equal(setenv("ANSER_SOCKET", "/nonexistent/one", 1), 0);
	assert_int_equal(run("status"), ENGINE_NOT_RUNNING);
	assert_has(err_text_seen, "/nonexistent/one");
	assert_int_equal(run("status --socket /nonexistent/two"), ENGINE_NOT_RUNNING);
	assert_has(err_text_seen, "/nonexistent/two");
	assert_int_equal(setenv("ANSER_SOCKET", "", 1), 0);
	fake_start(FAKE_NORMAL);
	assert_int_equal(setenv("ANSER_SOCKET", in_dir("sock"), 1), 0);
	assert_int_equal(run("version"), ENGINE_OK);
	fake_stop();
}

/* Gives what the program prints to a terminal. */
static void run_on_terminal(char *text, size_t size)
{
	char *argv[] = {(char[]){"anserctl"}, (char[]){"zone"}, (char[]){"list"}, NULL};
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	size_t len = 0;
	ssize_t got;

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	int program_side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(program_side >= 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(dup2(program_side, STDOUT_FILENO) < 0 ? 99 : cli_main(3, argv));
	assert_int_equal(exit_code_of(pid), ENGINE_OK);
	assert_int_equal(close(program_side), 0);
	while (len < size - 1 && (got = read(terminal, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = 0;
	assert_int_equal(close(terminal), 0);
}

static void colours_are_for_terminals_that_want_them(void **state)
{
	char text[4096];

	(void)state;
	fake_start(FAKE_NORMAL);
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	run_on_terminal(text, sizeof text);
	assert_has(text, "\033[32mserved\033[0m");
	assert_has(text, "\033[31mfailed\033[0m");
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	run_on_terminal(text, sizeof text);
	assert_null(strchr(text, '\033'));
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	fake_stop();
}

static void assert_names_everything(const char *text)
{
	for (unsigned i = 0; i < cli_command_count; i++) {
		char words[64];
		assert_has(text, cli_command_name(&cli_commands[i], words));
	}
	for (unsigned i = 0; i < cli_option_count; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "--%s", cli_options[i].name);
		assert_has(text, name);
	}
}

static void help_names_every_command_and_option(void **state)
{
	(void)state;
	assert_int_equal(run("help"), ENGINE_OK);
	assert_names_everything(out_text);
	assert_int_equal(run("--help"), ENGINE_OK);
	assert_names_everything(out_text);
	assert_int_equal(run("help zone add"), ENGINE_OK);
	assert_has(out_text, "usage: anserctl zone add NAME FILE | -\n");
	assert_has(out_text, "lines of standard input");
	assert_has(out_text, "--no-wait");
	assert_null(strstr(out_text, "zone list"));
	assert_null(strstr(out_text, "--dnssec"));
	assert_int_equal(run("--version"), ENGINE_OK);
	assert_string_equal(out_text, "anserctl " ANSER_VERSION "\n");
	assert_int_equal(run("zone -h"), ENGINE_OK);
	assert_has(out_text, "usage: anserctl zone list");
}

static void no_two_options_have_a_letter_or_name_in_common(void **state)
{
	(void)state;
	for (unsigned i = 0; i < cli_option_count; i++) {
		const struct cli_option *o = &cli_options[i];
		assert_true(isalpha((unsigned char)o->letter));
		for (unsigned k = 0; k < i; k++)
			if (cli_options[k].letter == o->letter ||
			    !strcmp(cli_options[k].name, o->name))
				fail_msg("--%s and --%s are -%c", cli_options[k].name,
				         o->name, o->letter);
	}
}

/* Says whether a help text has a line that begins with an option. */
static bool has_option_line(const char *text, const struct cli_option *o)
{
	char line[64];

	(void)snprintf(line, sizeof line, "\n  -%c, --%s ", o->letter, o->name);
	return strstr(text, line);
}

static void help_shows_the_options_that_a_command_takes_and_no_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < cli_command_count; i++) {
		const struct command *command = &cli_commands[i];
		char name[COMMAND_NAME_MAX];
		char words[64];
		if (!strcmp(command->noun, "backup") && !command->verb)
			continue; /* told together with "backup check" */
		(void)snprintf(words, sizeof words, "%s --help",
		               cli_command_name(command, name));
		assert_int_equal(run(words), ENGINE_OK);
		for (unsigned k = 0; k < cli_option_count; k++) {
			const struct cli_option *o = &cli_options[k];
			bool takes = !(o->takes & ~command->takes);
			if (has_option_line(out_text, o) != takes)
				fail_msg("%s: --%s", words, o->name);
		}
	}
	assert_int_equal(run("backup some-file --help"), ENGINE_OK);
	assert_has(out_text, "--force");
	assert_int_equal(run("help delete-zone"), ENGINE_OK);
	assert_has(out_text, "usage: anserctl zone remove");
	assert_int_equal(run("help zone remove"), ENGINE_OK);
	assert_has(out_text, "from standard input");
	assert_int_equal(run("help zone revert"), ENGINE_OK);
	assert_null(strstr(out_text, "from standard input"));
}

static void manual_page_names_every_command_and_option(void **state)
{
	const char *page = read_file(ANSER_SOURCE_DIR "/docs/man/anserctl.1.scd");

	(void)state;
	assert_names_everything(page);
	for (unsigned i = 0; i < cli_alias_count; i++)
		assert_has(page, cli_aliases[i].verb ? cli_aliases[i].verb
		                                     : cli_aliases[i].noun);
}

/* What bash offers for a line whose last word is being written. */
static const char *bash_offers(const char *line)
{
	char command[1024];

	(void)snprintf(
		command, sizeof command,
		"cd %s && bash -c 'anserctl() { echo zone.example.; }; . ./completion; "
		"COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _anserctl; "
		"echo \" ${COMPREPLY[*]} \"' > offers 2>&1",
		dir, line);
	assert_int_equal(system(command), 0);
	return read_file(in_dir("offers"));
}

static void bash_completes_commands_zones_and_options(void **state)
{
	(void)state;
	assert_int_equal(run("completion bash"), ENGINE_OK);
	write_file(in_dir("completion"), out_text);
	assert_string_equal(bash_offers("anserctl st"), " status stats \n");
	assert_string_equal(
		bash_offers("anserctl zone \"\""),
		" list show add remove reload export check edit import compare policy set create history diff revert refresh retransfer secondaries notify transfers \n");
	assert_string_equal(bash_offers("anserctl -s /x zone re"),
	                    " remove reload revert refresh retransfer \n");
	assert_string_equal(bash_offers("anserctl zone reload a. \"\""),
	                    " zone.example. \n");
	assert_string_equal(bash_offers("anserctl zone add a. comp"), " completion \n");
	assert_string_equal(bash_offers("anserctl explain a. AA"), " AAAA \n");
	assert_string_equal(bash_offers("anserctl completion z"), " zsh \n");
	assert_string_equal(bash_offers("anserctl zone export --ou"), " --output \n");
	assert_string_equal(bash_offers("anserctl doctor --io x"), " xdp \n");
	assert_string_equal(bash_offers("anserctl doctor l"), " lo \n");
	assert_string_equal(bash_offers("anserctl status \"\""), "  \n");
	assert_int_equal(unlink(in_dir("completion")), 0);
}

static void other_shells_get_every_command(void **state)
{
	static const char *const shells[] = {"completion zsh", "completion fish"};

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(shells); s++) {
		assert_int_equal(run(shells[s]), ENGINE_OK);
		for (unsigned i = 0; i < cli_command_count; i++)
			assert_has(out_text, cli_commands[i].verb ? cli_commands[i].verb
			                                          : cli_commands[i].noun);
		for (unsigned i = 0; i < cli_option_count; i++)
			assert_has(out_text, cli_options[i].name);
	}
}

static void full_output_is_noticed(void **state)
{
	char *argv[] = {(char[]){"anserctl"}, (char[]){"help"}, NULL};

	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int full = open("/dev/full", O_WRONLY);
		int null = open("/dev/null", O_WRONLY);
		if (dup2(full, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(99);
		_exit(cli_main(2, argv));
	}
	assert_int_equal(exit_code_of(pid), ENGINE_REFUSED);
}

static int enter_directory(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? setenv("ANSER_SOCKET", in_dir("sock"), 1)
	                                       : -1;
}

static int leave_directory(void **state)
{
	static const char *const names[] = {"in", "out", "out2", "err", "log", "offers"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(in_dir(names[i]));
	return chdir("/") == 0 ? rmdir(dir) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_server_the_exit_code_is_3),
		cmocka_unit_test(stale_socket_is_no_server),
		cmocka_unit_test(wrong_usage_is_exit_code_2),
		cmocka_unit_test(server_that_does_not_answer_is_exit_code_4),
		cmocka_unit_test(server_that_hangs_up_is_exit_code_3),
		cmocka_unit_test(answer_that_is_none_is_refused),
		cmocka_unit_test(zones_are_listed_as_table_lines_or_json),
		cmocka_unit_test(status_shows_planes_and_alarms),
		cmocka_unit_test(
			status_tells_whether_udp_is_answered_without_a_data_plane),
		cmocka_unit_test(status_waits_until_ready),
		cmocka_unit_test(status_waits_for_a_server_to_appear),
		cmocka_unit_test(change_tells_what_and_when_visible),
		cmocka_unit_test(history_is_a_table_and_differences_are_lines),
		cmocka_unit_test(refused_change_names_line_and_rule),
		cmocka_unit_test(names_come_from_standard_input),
		cmocka_unit_test(export_joins_pages),
		cmocka_unit_test(export_starts_again_when_the_zone_changes),
		cmocka_unit_test(export_replaces_a_file_only_when_complete),
		cmocka_unit_test(files_that_are_missing_or_wrong_are_refused_by_name),
		cmocka_unit_test(zone_check_prints_diagnostics),
		cmocka_unit_test(looking_commands_print_what_they_get),
		cmocka_unit_test(keys_are_described_in_words),
		cmocka_unit_test(configuration_is_checked_without_a_server),
		cmocka_unit_test(doctor_tells_by_its_exit_code),
		cmocka_unit_test(configuration_is_changed_by_options),
		cmocka_unit_test(doctor_takes_workers_from_the_configuration),
		cmocka_unit_test(doctor_takes_back_ends_and_nics_from_the_configuration),
		cmocka_unit_test(socket_comes_from_the_environment_or_the_option),
		cmocka_unit_test(colours_are_for_terminals_that_want_them),
		cmocka_unit_test(help_names_every_command_and_option),
		cmocka_unit_test(no_two_options_have_a_letter_or_name_in_common),
		cmocka_unit_test(
			help_shows_the_options_that_a_command_takes_and_no_others),
		cmocka_unit_test(manual_page_names_every_command_and_option),
		cmocka_unit_test(bash_completes_commands_zones_and_options),
		cmocka_unit_test(other_shells_get_every_command),
		cmocka_unit_test(full_output_is_noticed),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
