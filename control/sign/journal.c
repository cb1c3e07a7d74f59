/*
 * The file, all in host order, since it is not moved between machines:
 *
 *      offset 0  magic
 *             8  u32 zone id, u32 0
 *             16 SHA-256 of the keys that sign, and of what
 *             48 records: u32 CRC-32C of all that follows of it, u16 length of key, u16 type,
 *                u32 size of blob, key, blob (control/zone/rrset.h)
 */
#include "control/sign/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "control/must.h"
#include "control/sign/zone_contents.h"
#include "control/store/crc32c.h"
#include "shared/err.h"

enum {
	MAGIC = 8,
	SUM = 32,
	HEAD = MAGIC + 8 + SUM,
	BLOB_MAX = 16 << 20, /* what claims to be larger is damaged */
	READ_AHEAD = 1 << 20,
};

static const char magic[MAGIC + 1] = "ansrsig1";

struct record {
	uint32_t crc;
	uint16_t key_len, type;
	uint32_t size;
};

STATIC_ASSERT(sizeof(struct record) == 12, "without holes, as it is in the file");

struct sign_journal {
	int fd;
	off_t end; /* of what is whole */
	bool failed;
	pthread_mutex_t lock; /* of all above, once several threads add */
};

/* ---- by which keys ---- */

static bool add_key(EVP_MD_CTX *md, const struct zone_key *k, unsigned parts)
{
	return EVP_DigestUpdate(md, &parts, sizeof parts) == 1 &&
	       EVP_DigestUpdate(md, k->stored.dnskey, k->stored.dnskey_len) == 1;
}

static unsigned parts_of(const struct zone_keys *k, size_t i)
{
	for (size_t n = 0; n < k->terms.key_count; n++)
		if (k->keys[i].key && k->terms.keys[n].key == k->keys[i].key)
			return k->terms.keys[n].parts;
	return 0;
}

static int make_head(const struct zone_keys *k, uint8_t out[static HEAD])
{
	EVP_MD_CTX *md = must(EVP_MD_CTX_new());
	bool ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	memset(out, 0, HEAD);
	memcpy(out, magic, MAGIC);
	memcpy(out + MAGIC, &k->id, sizeof k->id);
	ok = ok && EVP_DigestUpdate(md, k->zone, name_len(k->zone, sizeof k->zone)) == 1;
	for (size_t i = 0; i < k->count && ok; i++)
		ok = add_key(md, &k->keys[i], parts_of(k, i));
	ok = ok && EVP_DigestFinal_ex(md, out + HEAD - SUM, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok ? 0 : ERR_SYSTEM;
}

/* ---- opening ---- */

static bool begins_with(int fd, const uint8_t head[static HEAD])
{
	uint8_t there[HEAD];

	return pread(fd, there, HEAD, 0) == HEAD && memcmp(there, head, HEAD) == 0;
}

static int begin(int fd, const uint8_t head[static HEAD])
{
	if (begins_with(fd, head))
		return 0;
	return ftruncate(fd, 0) == 0 && pwrite(fd, head, HEAD, 0) == HEAD ? 0
	                                                                  : ERR_SYSTEM;
}

int sign_journal_open(const char *path, const struct zone_keys *k,
                      struct sign_journal **out)
{
	uint8_t head[HEAD];

	TRY(make_head(k, head));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ERR_SYSTEM;
	if (begin(fd, head) < 0) {
		int why = errno;
		(void)close(fd);
		errno = why;
		return ERR_SYSTEM;
	}
	struct sign_journal *j = must(calloc(1, sizeof *j));
	*j = (struct sign_journal){.fd = fd, .end = HEAD};
	if (pthread_mutex_init(&j->lock, NULL) != 0)
		abort();
	*out = j;
	return 0;
}

/* ---- reading ---- */

struct reader {
	FILE *file;
	uint8_t *bytes; /* of one record, key and blob */
	size_t room;
};

static uint32_t sum_of(const struct record *r, const uint8_t *key, const uint8_t *blob)
{
	uint32_t crc = crc32c(0, &r->key_len, sizeof *r - sizeof r->crc);

	return crc32c(crc32c(crc, key, r->key_len), blob, r->size);
}

/* Gives false at the end, or where the file is not whole. What it gives is lent until the next one. */
static bool read_record(struct reader *r, struct contents_rrset *out)
{
	struct record head;

	if (fread(&head, sizeof head, 1, r->file) != 1 || head.key_len > NAME_KEY_MAX ||
	    head.size > BLOB_MAX)
		return false;
	size_t len = (size_t)head.key_len + head.size;
	if (len > r->room) {
		r->room = 2 * len;
		r->bytes = must(realloc(r->bytes, r->room));
	}
	if (len == 0 || fread(r->bytes, len, 1, r->file) != 1 ||
	    sum_of(&head, r->bytes, r->bytes + head.key_len) != head.crc)
		return false;
	*out = (struct contents_rrset){.key = r->bytes,
	                               .key_len = head.key_len,
	                               .type = head.type,
	                               .size = head.size,
	                               .blob = r->bytes + head.key_len};
	return true;
}

static size_t read_all(struct sign_journal *j, struct reader *r, struct contents *c,
                       const struct zone_keys *k)
{
	struct contents_rrset s;
	size_t taken = 0;

	while (read_record(r, &s)) {
		taken += zone_contents_reuse(c, k, &s);
		j->end += (off_t)(sizeof(struct record) + s.key_len + s.size);
	}
	return taken;
}

/* The file as a stream has an end of its own, which is closed. */
static FILE *open_stream(const struct sign_journal *j)
{
	int fd = fcntl(j->fd, F_DUPFD_CLOEXEC, 0);
	FILE *file =
		fd >= 0 && lseek(fd, HEAD, SEEK_SET) == HEAD ? fdopen(fd, "rb") : NULL;

	if (!file && fd >= 0)
		(void)close(fd);
	if (file)
		(void)setvbuf(file, NULL, _IOFBF, READ_AHEAD);
	return file;
}

size_t sign_journal_take(struct sign_journal *j, struct contents *c,
                         const struct zone_keys *k)
{
	struct reader r = {.file = open_stream(j)};
	size_t taken = 0;

	if (r.file) {
		taken = read_all(j, &r, c, k);
		(void)fclose(r.file);
	}
	free(r.bytes);
	/* Behind what is not whole nothing would be found again. */
	if (ftruncate(j->fd, j->end) != 0)
		j->failed = true;
	return taken;
}

/* ---- writing ---- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	if (len)
		memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *put_record(uint8_t *at, const struct contents_rrset *s)
{
	struct record head = {.key_len = s->key_len, .type = s->type, .size = s->size};

	head.crc = sum_of(&head, s->key, s->blob);
	at = put(at, &head, sizeof head);
	at = put(at, s->key, s->key_len);
	return put(at, s->blob, s->size);
}

static void append(struct sign_journal *j, const uint8_t *bytes, size_t len)
{
	if (j->failed)
		return;
	if (pwrite(j->fd, bytes, len, j->end) == (ssize_t)len)
		j->end += (off_t)len;
	else
		j->failed = true;
}

void sign_journal_add(struct sign_journal *j, const struct contents_rrset *sets,
                      size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += sizeof(struct record) + sets[i].key_len + sets[i].size;
	if (len == 0)
		return;
	uint8_t *bytes = must(malloc(len));
	uint8_t *at = bytes;
	for (size_t i = 0; i < count; i++)
		at = put_record(at, &sets[i]);
	(void)pthread_mutex_lock(&j->lock);
	append(j, bytes, len);
	(void)pthread_mutex_unlock(&j->lock);
	free(bytes);
}

int sign_journal_close(struct sign_journal **journal)
{
	struct sign_journal *j = *journal;

	*journal = NULL;
	if (!j)
		return 0;
	int err = j->failed ? ERR_SYSTEM : 0;
	(void)close(j->fd);
	(void)pthread_mutex_destroy(&j->lock);
	free(j);
	return err;
}
