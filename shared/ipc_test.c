#include "shared/ipc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"

enum { SAMPLES = IPC_NUDGE };

/* One message of each type, the largest WELCOME among them. */
static void sample(struct ipc_message *m, unsigned i)
{
	memset(m, 0, sizeof *m);
	m->type = (enum ipc_type)(IPC_HELLO + (int)i);
	m->number = UINT64_C(0x0123456789abcdef);
	if (m->type == IPC_HELLO) {
		m->hello = (struct ipc_hello){7, 9, 1, "udp"};
	} else if (m->type == IPC_WELCOME) {
		m->welcome = (struct ipc_welcome){.slot = 15,
		                                  .workers = 64,
		                                  .sandbox = 1,
		                                  .cpu_count = IPC_CPUS_MAX,
		                                  .listen_count = IPC_LISTEN_MAX};
		m->welcome.io = (struct io_settings){.kind = IO_DPDK,
		                                     .idle = IO_IDLE_SLEEP,
		                                     .exception = IO_EXCEPTION_NONE,
		                                     .xdp_mode = IO_XDP_MODE_GENERIC,
		                                     .zero_copy = IO_ZERO_COPY_NO,
		                                     .busy_poll = 1,
		                                     .descriptors = 512};
		memset(m->welcome.io.eal, 'e', IO_EAL_SIZE - 1);
		memset(m->welcome.io.ports, 'p', IO_NAMES_SIZE - 1);
		memset(m->welcome.io.interfaces, 'i', IO_NAMES_SIZE - 1);
		for (unsigned c = 0; c < IPC_CPUS_MAX; c++)
			m->welcome.cpus[c] = (uint16_t)(c * 3);
		for (unsigned a = 0; a < IPC_LISTEN_MAX; a++)
			m->welcome.listen[a] =
				(struct ipc_address){.addr = {(uint8_t)a, 2, 3},
			                             .is_ipv4 = a & 1,
			                             .port = (uint16_t)(5300 + a),
			                             .scope = a};
	} else if (m->type == IPC_STARTED) {
		m->started = (struct ipc_started){"xdp", "dpdk: nothing is configured"};
	} else if (m->type == IPC_PORTS) {
		m->number = 0;
		m->ports.count = IPC_PORTS_MAX;
		for (unsigned p = 0; p < IPC_PORTS_MAX; p++)
			m->ports.port[p] = (struct ipc_port){
				"net_memif0", 1, p, 2, 3, UINT64_MAX, 5, 6, 7, 8, 9};
	} else if (m->type == IPC_NUDGE) {
		m->number = 0;
	} else if (m->type == IPC_REFUSED || m->type == IPC_SEGMENT_REFUSED) {
		if (m->type == IPC_REFUSED)
			m->number = 0;
		strcpy(m->text, "because");
	}
}

static void every_message_survives_encoding(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint8_t bytes[IPC_MESSAGE_MAX];
		struct ipc_message in;
		struct ipc_message out;

		sample(&in, i);
		int len = ipc_encode(&in, bytes);
		assert_true(len > 0);
		memset(&out, 0xa5, sizeof out);
		assert_int_equal(ipc_decode(bytes, (size_t)len, &out), 0);
		assert_memory_equal(&in, &out, sizeof in);
	}
}

static void message_cut_anywhere_or_continued_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint8_t bytes[IPC_MESSAGE_MAX + 1] = {0};
		struct ipc_message m;

		sample(&m, i);
		int len = ipc_encode(&m, bytes);
		assert_true(len > 0);
		for (size_t cut = 0; cut < (size_t)len; cut++) {
			/* Its own memory, so that a read past the cut is seen. */
			uint8_t *copy = malloc(cut ? cut : 1);
			memcpy(copy, bytes, cut);
			assert_int_equal(ipc_decode(copy, cut, &m), ERR_CORRUPT);
			free(copy);
		}
		assert_int_equal(ipc_decode(bytes, (size_t)len + 1, &m), ERR_CORRUPT);
	}
}

static void version_is_checked_except_for_refusals(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint8_t bytes[IPC_MESSAGE_MAX];
		struct ipc_message m;

		sample(&m, i);
		int len = ipc_encode(&m, bytes);
		assert_true(len > 0);
		bytes[1]++;
		assert_int_equal(ipc_decode(bytes, (size_t)len, &m),
		                 i + IPC_HELLO == IPC_REFUSED ? 0 : ERR_VERSION);
	}
}

static void unknown_type_is_refused(void **state)
{
	static const uint8_t types[] = {0, IPC_NUDGE + 1, 255};
	struct ipc_message m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const uint8_t bytes[12] = {0, IPC_VERSION, 0, types[i]};
		assert_int_equal(ipc_decode(bytes, sizeof bytes, &m), ERR_CORRUPT);
	}
}

static void value_out_of_bounds_is_refused_both_ways(void **state)
{
	uint8_t bytes[IPC_MESSAGE_MAX];
	struct ipc_message m;

	(void)state;
	sample(&m, IPC_WELCOME - IPC_HELLO);
	m.welcome.cpu_count = IPC_CPUS_MAX + 1;
	assert_int_equal(ipc_encode(&m, bytes), ERR_INVALID);
	sample(&m, IPC_WELCOME - IPC_HELLO);
	m.welcome.listen_count = IPC_LISTEN_MAX + 1;
	assert_int_equal(ipc_encode(&m, bytes), ERR_INVALID);
	sample(&m, IPC_REFUSED - IPC_HELLO);
	memset(m.text, 'x', sizeof m.text);
	assert_int_equal(ipc_encode(&m, bytes), ERR_INVALID);
	sample(&m, 0);
	m.type = (enum ipc_type)99;
	assert_int_equal(ipc_encode(&m, bytes), ERR_INVALID);

	static const struct {
		enum ipc_type type;
		unsigned
			at; /* of a 16-bit count or length, or of an 8-bit truth value's byte before */
	} counts[] = {
		{IPC_HELLO, 12}, /* supervised, then the name's length: 0x01.. */
		{IPC_HELLO, 13},  {IPC_WELCOME, 9},          {IPC_WELCOME, 11},
		{IPC_REFUSED, 4}, {IPC_SEGMENT_REFUSED, 12},
	};
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		sample(&m, (unsigned)counts[i].type - IPC_HELLO);
		int len = ipc_encode(&m, bytes);
		assert_true(len > 0);
		bytes[counts[i].at] = 0x7f;
		assert_int_equal(ipc_decode(bytes, (size_t)len, &m), ERR_CORRUPT);
	}
}

/* Samples of an older form would start the fuzzer at the version's check, and leave it there. */
static void corpus_of_the_fuzzer_has_every_type(void **state)
{
	static const char corpus[] = ANSER_SOURCE_DIR "/tests/fuzz/corpus/ipc";
	DIR *dir = opendir(corpus);
	unsigned types = 0;

	(void)state;
	assert_non_null(dir);
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		uint8_t bytes[IPC_MESSAGE_MAX];
		struct ipc_message m;
		int fd = openat(dirfd(dir), e->d_name, O_RDONLY);

		assert_true(fd >= 0);
		ssize_t len = read(fd, bytes, sizeof bytes);
		if (len > 0 && ipc_decode(bytes, (size_t)len, &m) == 0)
			types |= 1U << m.type;
		close(fd);
	}
	closedir(dir);
	for (unsigned type = IPC_HELLO; type <= IPC_NUDGE; type++)
		if (!(types & 1U << type))
			fail_msg("no valid message of type %u in %s", type, corpus);
}

static void text_with_a_nul_in_it_is_refused(void **state)
{
	uint8_t bytes[IPC_MESSAGE_MAX];
	struct ipc_message m;

	(void)state;
	sample(&m, IPC_REFUSED - IPC_HELLO);
	int len = ipc_encode(&m, bytes);
	assert_true(len > 0);
	bytes[len - 2] = 0;
	assert_int_equal(ipc_decode(bytes, (size_t)len, &m), ERR_CORRUPT);
}

/* ---- over a socket ---- */

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void make_pair(int s[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
}

static void descriptor_comes_with_its_message(void **state)
{
	struct ipc_message m;
	struct ipc_message got;
	struct stat sent_stat;
	struct stat got_stat;
	int s[2];
	int fd = -1;
	int file = open("/dev/null", O_RDONLY);

	(void)state;
	sample(&m, IPC_SEGMENT - IPC_HELLO);
	make_pair(s);
	assert_int_equal(ipc_receive(s[1], &got, &fd), ERR_BUSY);
	assert_int_equal(ipc_send(s[0], &m, file), 0);
	assert_int_equal(ipc_receive(s[1], &got, &fd), 0);
	assert_true(fd >= 0 && fd != file);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &got_stat), 0);
	assert_int_equal(fstat(file, &sent_stat), 0);
	assert_int_equal(got_stat.st_rdev, sent_stat.st_rdev);
	m.type = IPC_GRACE;
	assert_int_equal(ipc_send(s[0], &m, -1), 0);
	close(fd);
	assert_int_equal(ipc_receive(s[1], &got, &fd), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(got.number, m.number);
	close(file);
	close(s[0]);
	assert_int_equal(ipc_receive(s[1], &got, &fd), ERR_GONE);
	assert_int_equal(ipc_send(s[1], &m, -1), ERR_GONE);
	close(s[1]);
}

/* Sends bytes with n copies of a descriptor. */
static void send_raw(int sock, const void *bytes, size_t len, unsigned n)
{
	enum { MOST = 100 };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(MOST * sizeof(int))];
	} space = {0};
	struct iovec iov = {.iov_len = len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[MOST];

	memcpy(&iov.iov_base, &bytes, sizeof bytes);
	for (unsigned i = 0; i < n; i++)
		fds[i] = sock;
	if (n > 0) {
		h.msg_control = &space;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		space.align.cmsg_level = SOL_SOCKET;
		space.align.cmsg_type = SCM_RIGHTS;
		space.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&space.align), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(sock, &h, 0), len);
}

static void malformed_packet_leaves_no_descriptor_open(void **state)
{
	static const unsigned counts[] = {0, 1, 2, 8, 9, 100};
	uint8_t segment[IPC_MESSAGE_MAX];
	uint8_t huge[IPC_MESSAGE_MAX + 1] = {0, IPC_VERSION, 0, IPC_GRACE};
	struct ipc_message m;
	int s[2];
	int fd = -1;

	(void)state;
	sample(&m, IPC_SEGMENT - IPC_HELLO);
	int len = ipc_encode(&m, segment);
	assert_true(len > 0);
	make_pair(s);
	unsigned before = open_fds();
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		send_raw(s[0], "garbage", 7, counts[i]);
		assert_int_equal(ipc_receive(s[1], &m, &fd),
		                 counts[i] > 8 ? ERR_CORRUPT : ERR_VERSION);
		send_raw(s[0], huge, sizeof huge, counts[i]);
		assert_int_equal(ipc_receive(s[1], &m, &fd), ERR_CORRUPT);
		if (counts[i] != 1) { /* SEGMENT needs exactly one */
			send_raw(s[0], segment, (size_t)len, counts[i]);
			assert_int_equal(ipc_receive(s[1], &m, &fd), ERR_CORRUPT);
		}
		if (counts[i] != 0) { /* GRACE must have none */
			segment[3] = IPC_GRACE;
			send_raw(s[0], segment, (size_t)len, counts[i]);
			assert_int_equal(ipc_receive(s[1], &m, &fd), ERR_CORRUPT);
			segment[3] = IPC_SEGMENT;
		}
		assert_int_equal(open_fds(), before);
	}
	close(s[0]);
	close(s[1]);
}

static void full_socket_is_busy_not_an_error(void **state)
{
	struct ipc_message m;
	int s[2];
	int err = 0;

	(void)state;
	sample(&m, IPC_GRACE - IPC_HELLO);
	make_pair(s);
	for (unsigned i = 0; i < 100000 && err == 0; i++)
		err = ipc_send(s[0], &m, -1);
	assert_int_equal(err, ERR_BUSY);
	close(s[0]);
	close(s[1]);
}

/* ---- names in the file system ---- */

static char directory[] = "/tmp/ipc_test.XXXXXX";
static char path[sizeof directory + 8];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory + sizeof directory - 7, "XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	strcpy(path, directory);
	strcat(path, "/socket");
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void socket_is_for_owner_and_group(void **state)
{
	struct stat st;
	int listener;
	int sock;

	(void)state;
	assert_int_equal(ipc_connect(path, &sock), ERR_GONE);
	assert_int_equal(ipc_listen(path, &listener), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(ipc_connect(path, &sock), 0);
	close(sock);
	close(listener);
}

static void stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	int first;
	int second;

	(void)state;
	assert_int_equal(ipc_listen(path, &first), 0);
	assert_int_equal(ipc_listen(path, &second), ERR_BUSY);
	close(first);
	assert_int_equal(ipc_listen(path, &second), 0);
	close(second);
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	int sock;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(ipc_listen(path, &sock), ERR_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
}

static void path_that_does_not_fit_is_refused(void **state)
{
	char longer[sizeof((struct sockaddr_un){0}).sun_path + 1];
	int sock;

	(void)state;
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(ipc_listen(longer, &sock), ERR_TOOBIG);
	assert_int_equal(ipc_connect(longer, &sock), ERR_TOOBIG);
	assert_int_equal(ipc_connect("", &sock), ERR_TOOBIG);
}

int main(void)
{
#define IN_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_survives_encoding),
		cmocka_unit_test(message_cut_anywhere_or_continued_is_refused),
		cmocka_unit_test(version_is_checked_except_for_refusals),
		cmocka_unit_test(unknown_type_is_refused),
		cmocka_unit_test(value_out_of_bounds_is_refused_both_ways),
		cmocka_unit_test(corpus_of_the_fuzzer_has_every_type),
		cmocka_unit_test(text_with_a_nul_in_it_is_refused),
		cmocka_unit_test(descriptor_comes_with_its_message),
		cmocka_unit_test(malformed_packet_leaves_no_descriptor_open),
		cmocka_unit_test(full_socket_is_busy_not_an_error),
		IN_DIRECTORY(socket_is_for_owner_and_group),
		IN_DIRECTORY(stale_socket_is_replaced_and_a_live_one_is_not),
		IN_DIRECTORY(file_that_is_no_socket_is_left_alone),
		IN_DIRECTORY(path_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
