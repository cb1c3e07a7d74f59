/* Requests and responses of Knot DNS, answered and taken here; and ours, answered and taken there. */
#include <sys/stat.h>
#include <time.h>

#include "control/sign/bundle_check.h"
#include "control/sign/bundle_testing.h"
#include "control/sign/ds.h"
#include "control/sign/keyfile.h"
#include "control/sign/peers_testing.h"

/* Two machines: "server" has the ZSKs, "safe" the KSK. */
static int make_machines(void **state)
{
	if (make_directory(state) != 0 || make_ring(state) != 0)
		return -1;
	run_peer(
		"for i in server safe; do mkdir $i; printf '"
		"server:\n  rundir: %s\ndatabase:\n  storage: %s/'$i'\n"
		"policy:\n  - id: p\n    algorithm: ecdsap256sha256\n    offline-ksk: on\n"
		"    manual: on\n    zsk-lifetime: 10d\n    rrsig-lifetime: 14d\n"
		"    rrsig-refresh: 5d\n    rrsig-pre-refresh: 1h\n    dnskey-ttl: 3600\n"
		"    zone-max-ttl: 3600\n    propagation-delay: 1h\n"
		"    cds-cdnskey-publish: always\n"
		"zone:\n  - domain: example.\n    dnssec-signing: on\n    dnssec-policy: p\n"
		"' >$i.conf; done",
		directory, directory);
	run_peer("keymgr -c server.conf example. pregenerate +30d >/dev/null");
	run_peer(
		"keymgr -c safe.conf example. generate ksk=yes created=t-1d publish=t-1d "
		"ready=t-1d active=t-1d >/dev/null");
	return 0;
}

static int remove_machines(void **state)
{
	(void)free_ring(state);
	return remove_directory(state);
}

static char *slurp(const char *path)
{
	FILE *from = fopen(path, "r");
	struct stat st = {0};

	if (!from || fstat(fileno(from), &st) != 0)
		fail_msg("%s: cannot open", path);
	char *text = must(calloc(1, (size_t)st.st_size + 1));
	assert_int_equal(fread(text, 1, (size_t)st.st_size, from), st.st_size);
	assert_int_equal(fclose(from), 0);
	return text;
}

static struct bundles *read_file(const char *path, enum bundle_kind kind)
{
	char *text = slurp(path);
	struct bundles *b = read_or_fail(text, kind);

	free(text);
	return b;
}

static void write_file(const char *path, const struct bundles *b)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_int_equal(bundles_write(to, b, (uint64_t)time(NULL)), 0);
	assert_int_equal(fclose(to), 0);
}

/* What a request says of ZSKs, as the one who has made it knows it. Gives how many. */
static size_t zsks_in(const struct bundles *b, struct bundle_zsk *zsks, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct rrset *set = &b->list[i].sets[BUNDLE_DNSKEY];
		const uint8_t *at = rrset_first(set);
		uint64_t until = i + 1 < b->count ? b->list[i + 1].from : BUNDLE_FOREVER;
		for (unsigned j = 0; j < set->count; j++) {
			struct rdata d = rrset_next(&at);
			size_t k = 0;
			while (k < count &&
			       (zsks[k].dnskey.len != d.len ||
			        memcmp(zsks[k].dnskey.bytes, d.bytes, d.len) != 0))
				k++;
			assert_true(k < room);
			if (k == count)
				zsks[count++] =
					(struct bundle_zsk){d, b->list[i].from, 0};
			zsks[k].until = until;
		}
	}
	return count;
}

/* Checks a response to a request, of which each may be anybody's. */
static void check_response(const struct bundles *request, const struct bundles *response)
{
	struct bundle_zsk zsks[8];
	struct bundle_terms t = {.policy = &ring.policy,
	                         .zsks = zsks,
	                         .zsk_count = zsks_in(request, zsks, ARRAY_LEN(zsks)),
	                         .now = request->list[0].from};
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span;

	ring.policy.propagation = HOUR;
	if (bundle_check(response, &t, &span, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(span.from, request->list[0].from);
	assert_true(span.until >
	            request->list[request->count - 1].from + 13 * (uint64_t)DAY);
}

/* ---- theirs ---- */

static void request_of_knot_is_answered(void **state)
{
	struct bundles *request;
	struct bundles *response;

	(void)state;
	run_peer("keymgr -c server.conf example. generate-ksr +0 +30d >knot.ksr");
	request = read_file("knot.ksr", BUNDLE_REQUEST);
	assert_true(request->count > 3);
	response = response_of(read_file("knot.ksr", BUNDLE_REQUEST), 1);
	check_response(request, response);
	write_file("ours.skr", response);
	run_peer("keymgr -c server.conf example. import-skr ours.skr >/dev/null");
	bundles_free(&response);
	/* What it has taken is what we have given. */
	run_peer("keymgr -c server.conf example. show-offline | "
	         "sed 's/^;; Offline records for /;; SignedKeyResponse 1.0 /' >taken");
	run_peer(
		"grep -q generated taken || echo ';; SignedKeyResponse 1.0 generated' >>taken");
	response = read_file("ours.skr", BUNDLE_RESPONSE);
	struct bundles *taken = read_file("taken", BUNDLE_RESPONSE);
	assert_same_bundles(taken, response);
	bundles_free(&taken);
	bundles_free(&response);
	bundles_free(&request);
}

static void response_of_knot_is_taken(void **state)
{
	struct bundles *request;
	struct bundles *response;

	(void)state;
	run_peer("keymgr -c server.conf example. generate-ksr +0 +30d >knot.ksr");
	run_peer("keymgr -c safe.conf example. sign-ksr knot.ksr >knot.skr");
	request = read_file("knot.ksr", BUNDLE_REQUEST);
	response = read_file("knot.skr", BUNDLE_RESPONSE);
	assert_true(response->count >= request->count);
	check_response(request, response);
	bundles_free(&request);
	bundles_free(&response);
}

/* ---- ours ---- */

static void our_request_is_answered_by_knot(void **state)
{
	uint64_t now = (uint64_t)time(NULL);
	struct bundles *request;
	struct bundles *response;

	(void)state;
	ring.published[0].from = now - DAY;
	ring.published[0].until = now + 11 * (uint64_t)DAY;
	ring.published[1].from = now + 10 * (uint64_t)DAY;
	request = request_of(now, now + 30 * (uint64_t)DAY);
	write_file("ours.ksr", request);
	run_peer("keymgr -c safe.conf example. sign-ksr ours.ksr >knot.skr");
	response = read_file("knot.skr", BUNDLE_RESPONSE);
	check_response(request, response);
	bundles_free(&request);
	bundles_free(&response);
}

/* Its own check finds what ours finds. */
static void response_that_we_refuse_is_refused_by_knot(void **state)
{
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span;
	struct bundles *b;

	(void)state;
	run_peer("keymgr -c server.conf example. generate-ksr +0 +30d >knot.ksr");
	b = response_of(read_file("knot.ksr", BUNDLE_REQUEST), 1);
	struct rrset *set = &b->list[1].sets[BUNDLE_DNSKEY];
	uint8_t *blob = arena_copy(b->arena, set->bytes, set->size);
	blob[set->size - 1] ^= 1;
	set->bytes = blob;
	write_file("broken.skr", b);
	run_peer(
		"! keymgr -c server.conf example. import-skr broken.skr >/dev/null 2>&1");
	const struct bundle_terms t = {.policy = &ring.policy};
	assert_int_equal(bundle_check(b, &t, &span, why), ERR_REFUSED);
	bundles_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(request_of_knot_is_answered, fresh_ring),
		cmocka_unit_test_setup(response_of_knot_is_taken, fresh_ring),
		cmocka_unit_test_setup(our_request_is_answered_by_knot, fresh_ring),
		cmocka_unit_test_setup(response_that_we_refuse_is_refused_by_knot,
	                               fresh_ring),
	};

	return cmocka_run_group_tests(tests, make_machines, remove_machines);
}
