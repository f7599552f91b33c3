/* SPDX-License-Identifier: Apache-2.0 */
/* The storage port in memory: see test_store.h. */
#include "support/test_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dps/config.h"

size_t test_store_cuts_made;

#define MAX_BLOB ((size_t)DPS_CONFIG_BODY_SIZE + 64)

static void broken(const char *what, const char *name)
{
	fprintf(stderr, "test_store: the caller broke the contract of struct dps_storage: %s (%s)\n", what, name);
	abort();
}

static void check_name(const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > DPS_STORAGE_NAME_LENGTH || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		broken("a blob's name", name);
}

/* Whether this call is one that is to fail. */
static bool fails(struct test_store *store, unsigned kind, dps_result *result)
{
	*result = DPS_E_STORAGE;
	if (store->off)
		return true;
	if (store->fail_at == 0 || (store->fail_calls & kind) == 0)
		return false;
	store->matched++;
	*result = store->fail_with;
	return store->matched >= store->fail_at && store->matched - store->fail_at < store->fail_count;
}

/* Counts a change. True if the power goes now; *applied says whether the change still happened. */
static bool cuts(struct test_store *store, bool *applied)
{
	*applied = true;
	store->changed++;
	if (store->cut_at == 0 || store->changed != store->cut_at)
		return false;
	store->off = true;
	test_store_cuts_made++;
	*applied = store->cut_kind == TEST_STORE_CUT_AFTER;
	return true;
}

/* How many bytes a torn change leaves of so many. */
static size_t tear(struct test_store *store, size_t len)
{
	store->torn_len = len;
	if (len == 0)
		return 0;
	return store->torn_bytes < len ? store->torn_bytes : len - 1;
}

struct test_store_blob *test_store_find(struct test_store *store, const char *name)
{
	size_t i;
	for (i = 0; i < TEST_STORE_BLOBS; i++)
		if (store->blobs[i].name[0] != '\0' && strcmp(store->blobs[i].name, name) == 0)
			return &store->blobs[i];
	return NULL;
}

static dps_result store_read(void *ctx, const char *name, uint8_t *buf, size_t size, size_t *len)
{
	struct test_store *store = ctx;
	struct test_store_blob *blob;
	dps_result result;

	check_name(name);
	store->reads++;
	if (fails(store, TEST_STORE_READ, &result))
		return result;
	blob = test_store_find(store, name);
	if (blob == NULL)
		return DPS_E_NOT_FOUND;
	*len = blob->len;
	if (blob->len > size) {
		memset(buf, 0xa5, size); /* "undefined": nobody may rely on it */
		return DPS_E_BUFFER;
	}
	memcpy(buf, blob->data, blob->len);
	return DPS_OK;
}

static dps_result store_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	struct test_store *store = ctx;
	uint8_t *data;
	size_t len = 0;
	size_t i;
	bool cut, applied;
	dps_result result;

	check_name(name);
	if (count > DPS_STORAGE_PARTS)
		broken("too many parts", name);
	for (i = 0; i < count; i++)
		len += parts[i].len;
	if (len > MAX_BLOB)
		broken("a blob too large", name);
	store->writes++;
	if (fails(store, TEST_STORE_WRITE, &result))
		return result;
	cut = cuts(store, &applied);
	if (applied || store->cut_kind == TEST_STORE_CUT_TORN) {
		data = malloc(len + 1);
		if (data == NULL)
			abort();
		for (len = 0, i = 0; i < count; len += parts[i].len, i++)
			if (parts[i].len > 0)
				memcpy(data + len, parts[i].data, parts[i].len);
		test_store_put(store, name, data, applied ? len : tear(store, len));
		free(data);
	}
	return cut ? DPS_E_STORAGE : DPS_OK;
}

static dps_result store_erase(void *ctx, const char *name)
{
	struct test_store *store = ctx;
	bool cut, applied;
	dps_result result;

	check_name(name);
	store->erases++;
	if (fails(store, TEST_STORE_ERASE, &result))
		return result;
	cut = cuts(store, &applied);
	if (applied)
		test_store_remove(store, name);
	else if (store->cut_kind == TEST_STORE_CUT_TORN && test_store_find(store, name) != NULL)
		test_store_find(store, name)->len = tear(store, test_store_find(store, name)->len);
	return cut ? DPS_E_STORAGE : DPS_OK;
}

void test_store_init(struct test_store *store)
{
	memset(store, 0, sizeof *store);
	store->port = (struct dps_storage){.ctx = store, .read = store_read, .write = store_write, .erase = store_erase};
}

void test_store_free(struct test_store *store)
{
	size_t i;
	for (i = 0; i < TEST_STORE_BLOBS; i++)
		free(store->blobs[i].data);
	test_store_init(store);
}

void test_store_fail(struct test_store *store, unsigned calls, size_t n, dps_result result)
{
	store->fail_at = n;
	store->fail_count = 1;
	store->fail_calls = calls;
	store->fail_with = result;
	store->matched = 0;
}

void test_store_fail_always(struct test_store *store, unsigned calls, dps_result result)
{
	test_store_fail(store, calls, result == DPS_OK ? 0 : 1, result);
	store->fail_count = SIZE_MAX;
}

void test_store_cut_at(struct test_store *store, size_t n, enum test_store_cut kind)
{
	store->cut_at = n;
	store->cut_kind = kind;
	store->changed = 0;
}

void test_store_tear_at(struct test_store *store, size_t n, size_t bytes)
{
	test_store_cut_at(store, n, TEST_STORE_CUT_TORN);
	store->torn_bytes = bytes;
	store->torn_len = 0;
}

/* Every length up to 64, then a spread. */
static size_t torn_bytes_of(size_t step)
{
	enum { ALL_UP_TO = 64, SPREAD = 37 };
	size_t bytes = step - TEST_STORE_CUT_KINDS;

	return bytes <= ALL_UP_TO ? bytes : ALL_UP_TO + (bytes - ALL_UP_TO) * SPREAD;
}

bool test_store_cut_step(struct test_store *store, size_t n, size_t step)
{
	if (step < TEST_STORE_CUT_KINDS) {
		test_store_cut_at(store, n, (enum test_store_cut)step);
		return true;
	}
	/* The cut before this one says how long the blob is; it may have left all but a byte already. */
	if (step > TEST_STORE_CUT_KINDS && torn_bytes_of(step - 1) + 1 >= store->torn_len)
		return false;
	test_store_tear_at(store, n, torn_bytes_of(step));
	return true;
}

void test_store_power_on(struct test_store *store)
{
	store->off = false;
	store->fail_at = 0;
	store->cut_at = 0;
}

void test_store_put(struct test_store *store, const char *name, const void *data, size_t len)
{
	struct test_store_blob *blob = test_store_find(store, name);
	size_t i;

	for (i = 0; blob == NULL && i < TEST_STORE_BLOBS; i++)
		if (store->blobs[i].name[0] == '\0')
			blob = &store->blobs[i];
	if (blob == NULL)
		broken("more blobs than the store is known to keep", name);
	free(blob->data);
	blob->data = malloc(len + 1);
	if (blob->data == NULL)
		abort();
	if (len > 0)
		memcpy(blob->data, data, len);
	blob->len = len;
	snprintf(blob->name, sizeof blob->name, "%s", name);
}

void test_store_remove(struct test_store *store, const char *name)
{
	struct test_store_blob *blob = test_store_find(store, name);
	if (blob == NULL)
		return;
	free(blob->data);
	memset(blob, 0, sizeof *blob);
}

size_t test_store_count(const struct test_store *store)
{
	size_t count = 0;
	size_t i;
	for (i = 0; i < TEST_STORE_BLOBS; i++)
		count += store->blobs[i].name[0] != '\0';
	return count;
}

void test_store_copy(struct test_store *to, const struct test_store *from)
{
	const size_t torn_len = to->torn_len;
	size_t i;
	test_store_free(to);
	to->torn_len = torn_len;
	for (i = 0; i < TEST_STORE_BLOBS; i++)
		if (from->blobs[i].name[0] != '\0')
			test_store_put(to, from->blobs[i].name, from->blobs[i].data, from->blobs[i].len);
}

bool test_store_same(const struct test_store *a, const struct test_store *b)
{
	size_t i;
	if (test_store_count(a) != test_store_count(b))
		return false;
	for (i = 0; i < TEST_STORE_BLOBS; i++) {
		const struct test_store_blob *blob = &a->blobs[i];
		struct test_store_blob *other;
		if (blob->name[0] == '\0')
			continue;
		other = test_store_find((struct test_store *)b, blob->name);
		if (other == NULL || other->len != blob->len || memcmp(other->data, blob->data, blob->len) != 0)
			return false;
	}
	return true;
}
