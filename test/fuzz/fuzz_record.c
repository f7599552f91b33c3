/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile medium: the input is cut into the blobs that the store reads, with right headers and CRCs where a bit says so. Whatever they are, the store
 * opens or says why not; what it says is in force or staged can be read, and stays so after a commit and another opening.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/text.h"
#include "store/store.h"

#define BLOBS     16
#define BLOB_SIZE 1024

struct blob {
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t data[BLOB_SIZE];
	size_t len;
};

struct medium {
	struct blob blobs[BLOBS];
	size_t count;
};

static struct blob *find(struct medium *medium, const char *name)
{
	size_t i;
	for (i = 0; i < medium->count; i++)
		if (strcmp(medium->blobs[i].name, name) == 0)
			return &medium->blobs[i];
	return NULL;
}

static dps_result medium_read(void *ctx, const char *name, uint8_t *buf, size_t size, size_t *len)
{
	struct blob *blob = find(ctx, name);
	if (blob == NULL || blob->len == 0)
		return DPS_E_NOT_FOUND;
	*len = blob->len;
	if (blob->len > size)
		return DPS_E_BUFFER;
	memcpy(buf, blob->data, blob->len);
	return DPS_OK;
}

static dps_result medium_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	struct medium *medium = ctx;
	struct blob *blob = find(medium, name);
	size_t i;
	if (blob == NULL) {
		FUZZ_HOLDS(medium->count < BLOBS);
		blob = &medium->blobs[medium->count++];
		snprintf(blob->name, sizeof blob->name, "%s", name);
	}
	FUZZ_HOLDS(count <= DPS_STORAGE_PARTS);
	for (blob->len = 0, i = 0; i < count; i++) {
		if (parts[i].len > BLOB_SIZE - blob->len)
			return DPS_E_STORAGE_FULL;
		if (parts[i].len > 0)
			memcpy(blob->data + blob->len, parts[i].data, parts[i].len);
		blob->len += parts[i].len;
	}
	return DPS_OK;
}

static dps_result medium_erase(void *ctx, const char *name)
{
	struct blob *blob = find(ctx, name);
	if (blob != NULL)
		blob->len = 0;
	return DPS_OK;
}

static void put32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
}

/* One blob of the input: a control byte (which blob, whether forged), a generation, a length, the bytes. */
static size_t take_blob(struct medium *medium, const uint8_t *data, size_t size)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} names[] = {{"owner-0", 0}, {"owner-1", 1},   {"cloud-0", 2},     {"cloud-1", 3},     {"credentials-0", 4}, {"credentials-1", 5},
	             {"acls-0", 6},  {"acls-1", 7},    {"resources-0", 8}, {"resources-1", 9}, {"device", 10},       {"endpoints", 11},
	             {"time", 12},   {"manifest", 13}, {"manifest", 13},   {"manifest", 13}};
	const size_t which = data[0] & 15;
	const bool forged = (data[0] & 0x80) == 0;
	size_t len = (size_t)data[2] << 1;
	uint8_t blob[BLOB_SIZE] = {0x64, 0x70, 1, names[which].kind};
	struct dps_span part = {blob, 0};

	len = len < size - 3 ? len : size - 3;
	memcpy(blob + 16, data + 3, len);
	put32(blob + 4, data[1]);
	put32(blob + 8, (uint32_t)len);
	put32(blob + 12, dps_crc32(dps_crc32(0, blob, 12), blob + 16, len));
	if (!forged)
		memcpy(blob, data + 3, len < 16 ? len : 16);
	part.len = 16 + len;
	FUZZ_HOLDS(medium_write(medium, names[which].name, &part, 1) == DPS_OK);
	return 3 + len;
}

static void read_all(struct dps_store *store, enum dps_store_which which, uint32_t mask)
{
	static uint8_t buf[BLOB_SIZE];
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acl;
	struct dps_resources resources;
	struct dps_resource resource;

	FUZZ_HOLDS((dps_store_read(store, DPS_RECORD_OWNER, which, buf, sizeof buf, &owner) == DPS_OK) == ((mask & 1) != 0));
	if (dps_store_read(store, DPS_RECORD_CLOUD, which, buf, sizeof buf, &cloud) == DPS_OK)
		FUZZ_HOLDS(cloud.gateway.len > 0 && cloud.gateway.len <= DPS_CONFIG_URI_LENGTH && cloud.gateway_count <= DPS_CONFIG_GATEWAYS);
	else
		FUZZ_HOLDS((mask & 2) == 0);
	if (dps_store_read(store, DPS_RECORD_CREDENTIALS, which, buf, sizeof buf, &credentials) == DPS_OK)
		FUZZ_HOLDS(credentials.anchor_count <= DPS_CONFIG_CREDENTIALS && credentials.psk_count <= DPS_CONFIG_CREDENTIALS);
	else
		FUZZ_HOLDS((mask & 4) == 0);
	FUZZ_HOLDS((dps_store_read(store, DPS_RECORD_ACLS, which, buf, sizeof buf, &acl) == DPS_OK) == ((mask & 8) != 0));
	if (dps_store_read(store, DPS_RECORD_RESOURCES, which, buf, sizeof buf, &resources) == DPS_OK)
		FUZZ_HOLDS(resources.count == 0 || dps_resources_get(&resources, resources.count - 1, &resource) == DPS_OK);
	else
		FUZZ_HOLDS((mask & 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct medium medium;
	static uint8_t scratch[BLOB_SIZE];
	const struct dps_storage port = {&medium, medium_read, medium_write, medium_erase};
	struct dps_store store;
	struct dps_device device;
	struct dps_stored_endpoints endpoints;
	int64_t time;
	uint32_t staged, committed;
	dps_result result;

	memset(&medium, 0, sizeof medium);
	while (size >= 3) {
		size_t taken = take_blob(&medium, data, size);
		data += taken;
		size -= taken;
	}
	result = dps_store_open(&store, &port, scratch, sizeof scratch);
	FUZZ_HOLDS(result == DPS_OK || result == DPS_E_STORAGE_VERSION);
	if (result != DPS_OK)
		return 0;
	read_all(&store, DPS_STORE_COMMITTED, store.committed);
	read_all(&store, DPS_STORE_STAGED, store.staged);
	(void)dps_store_unconfirmed(&store);
	result = dps_store_read_device(&store, &device);
	FUZZ_HOLDS(result != DPS_OK || memchr(device.key_slot, '\0', sizeof device.key_slot) != NULL);
	result = dps_store_read_endpoints(&store, scratch, sizeof scratch, &endpoints);
	FUZZ_HOLDS(endpoints.count <= DPS_CONFIG_ENDPOINTS && (result == DPS_OK || endpoints.count == 0));
	FUZZ_HOLDS(dps_store_read_time(&store, &time) == DPS_OK && time >= 0);
	if (store.reset_begun)
		return 0;

	staged = store.staged;
	committed = store.committed | staged;
	FUZZ_HOLDS(dps_store_commit(&store, staged) == DPS_OK);
	FUZZ_HOLDS(dps_store_open(&store, &port, scratch, sizeof scratch) == DPS_OK);
	FUZZ_HOLDS(store.committed == committed && (staged == 0 || store.staged == 0));
	read_all(&store, DPS_STORE_COMMITTED, committed);
	FUZZ_HOLDS(dps_store_erase_all(&store) == DPS_OK);
	return 0;
}

/* A blob is a control byte, its generation, half its length, its body: the length of the fixed part, that part, strings. */
#define ID    "0123456789abcdef"
#define TIMES "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02"
#define OWNER "\x01\x01\x09\x00\x10" ID
#define NONE  "\x00\x00\x00\x00\x00\x00\x00\x00"
const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED(OWNER "\x05\x01\x16\x00\x28" ID "\x00\x01\x00\x01" TIMES "\x00\x00\x00\x00s0"),
		FUZZ_SEED(OWNER "\x0d\x00\x16\x00\x2a\x00\x05\x00\x00\x00\x01\x00\x00\x00\x00" NONE NONE NONE NONE "\x00\x02\x09\x00\x10" ID),
		FUZZ_SEED("\x03\x01\x18\x00\x2c\x00\x01\x00\x01\x00\x00" ID "\x00\x00\x00\x01" ID "\x00\x01pgu"),
		FUZZ_SEED("\x07\x01\x03\x00\x02\x00\x01\x80\x00\x09\x01\x09\x00\x02\x00\x0e\x81\xa2\x64href\x62/a\x63rep\x01"),
		FUZZ_SEED("\x0a\x00\x0b\x00\x12" ID
	              "\x00\x02id\x0b\x00\x04\x00\x05\x00\x01\x00\x01\x01u\x0c\x00\x05\x00\x08\x00\x00\x01\xa2\x00\x00\x00\x00"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
