/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile medium: the input is cut into the blobs that the store reads, with right headers and CRCs where a bit says so. Whatever they are, the store
 * opens or says why not; what it says is in force or staged can be read, and stays so after a commit and another opening.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/text.h"
#include "store/store.h"

#define BLOBS     32
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

/* One blob of the input: a control byte (which blob, of which version, whether forged), a generation, a length, the bytes. */
static size_t take_blob(struct medium *medium, const uint8_t *data, size_t size)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} names[] = {
		{"owner-0", 0},      {"owner-1", 1},      {"cloud-0", 2},     {"cloud-1", 3},     {"credentials-0", 4}, {"credentials-1", 5},
		{"acls-0", 6},       {"acls-1", 7},       {"resources-0", 8}, {"resources-1", 9}, {"device-0", 10},     {"endpoints-1", 11},
		{"time-0", 12},      {"manifest-0", 13},  {"manifest-1", 13}, {"local-0", 14},    {"local-1", 15},      {"device-1", 10},
		{"endpoints-0", 11}, {"time-1", 12},      {"device", 10},     {"endpoints", 11},  {"time", 12},         {"manifest", 13},
		{"manifest-0", 13},  {"manifest-1", 13},  {"manifest-0", 13}, {"manifest-1", 13}, {"owner-1", 1},       {"credentials-1", 5},
		{"local-1", 15},     {"endpoints-1", 11},
	};
	const size_t which = data[0] & 31;
	const uint8_t version = (data[0] & 0x40) != 0 ? 1 : 2;
	const bool single = names[which].kind >= 10 && names[which].kind <= 13;
	const bool forged = (data[0] & 0x80) == 0;
	size_t len = (size_t)data[2] << 1;
	uint8_t blob[BLOB_SIZE] = {0x64, 0x70, version, names[which].kind};
	struct dps_span part = {blob, 0};

	len = len < size - 3 ? len : size - 3;
	memcpy(blob + 16, data + 3, len);
	put32(blob + 4, data[1] == 0xff && single ? UINT32_MAX : data[1]);
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
	struct dps_local local;

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
	if (dps_store_read(store, DPS_RECORD_LOCAL, which, buf, sizeof buf, &local) == DPS_OK)
		FUZZ_HOLDS(local.anchor_count <= DPS_CONFIG_CREDENTIALS && local.psk_count <= DPS_CONFIG_CREDENTIALS);
	else
		FUZZ_HOLDS((mask & 32) == 0);
}

/* What belongs to the device, in whatever form it is there. */
struct own {
	struct dps_store_device device;
	int64_t time;
	size_t endpoints, selected, pins;
	dps_result results[2];
};

static void read_own(struct dps_store *store, struct own *own)
{
	static uint8_t buf[BLOB_SIZE];
	struct dps_stored_endpoints endpoints;
	size_t i;

	memset(own, 0, sizeof *own);
	own->results[0] = dps_store_read_device(store, &own->device);
	if (own->results[0] != DPS_OK)
		memset(&own->device, 0, sizeof own->device);
	FUZZ_HOLDS(memchr(own->device.key_slot, '\0', sizeof own->device.key_slot) != NULL);
	own->results[1] = dps_store_read_endpoints(store, buf, sizeof buf, &endpoints);
	FUZZ_HOLDS(endpoints.count <= DPS_CONFIG_ENDPOINTS && (own->results[1] == DPS_OK || endpoints.count == 0));
	if (own->results[1] == DPS_OK) {
		FUZZ_HOLDS(endpoints.pin_count <= DPS_CONFIG_PINS && endpoints.selected < (endpoints.count > 0 ? endpoints.count : 1));
		for (i = 0; i < endpoints.count; i++)
			FUZZ_HOLDS(endpoints.list[i].name.len <= DPS_CONFIG_NAME_LENGTH);
		for (i = 0; i < endpoints.pin_count; i++)
			FUZZ_HOLDS(endpoints.pins[i].kind == DPS_PIN_CERTIFICATE || endpoints.pins[i].kind == DPS_PIN_SPKI);
		own->endpoints = endpoints.count;
		own->selected = endpoints.selected;
		own->pins = endpoints.pin_count;
	}
	FUZZ_HOLDS(dps_store_read_time(store, &own->time) == DPS_OK && own->time >= 0);
}

static bool is_same(const struct own *a, const struct own *b)
{
	return (a->results[0] == DPS_OK) == (b->results[0] == DPS_OK) && a->results[1] == b->results[1] &&
	       dps_uuid_equal(&a->device.id, &b->device.id) && strcmp(a->device.key_slot, b->device.key_slot) == 0 && a->time == b->time &&
	       a->endpoints == b->endpoints && a->selected == b->selected && a->pins == b->pins;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct medium medium;
	static uint8_t scratch[BLOB_SIZE];
	const struct dps_storage port = {&medium, medium_read, medium_write, medium_erase};
	struct dps_store store;
	struct own before, after;
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
	read_own(&store, &before);
	if (store.reset_begun) {
		FUZZ_HOLDS(store.committed == 0 && store.staged == 0);
		FUZZ_HOLDS(dps_store_erase_all(&store) == DPS_OK);
		return 0;
	}

	/* Moving it from old forms changes nothing that is read. */
	staged = store.staged;
	committed = store.committed;
	FUZZ_HOLDS(dps_store_migrate(&store) == DPS_OK);
	FUZZ_HOLDS(dps_store_open(&store, &port, scratch, sizeof scratch) == DPS_OK);
	FUZZ_HOLDS(store.committed == committed && store.staged == staged);
	read_own(&store, &after);
	FUZZ_HOLDS(is_same(&before, &after));

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
		FUZZ_SEED(OWNER "\x0d\x02\x16\x00\x2a\x00\x05\x00\x00\x00\x01\x00\x00\x00\x00" NONE NONE NONE NONE "\x00\x02\x09\x00\x10" ID),
		FUZZ_SEED("\x03\x01\x18\x00\x2c\x00\x01\x00\x01\x00\x00" ID "\x00\x00\x00\x01" ID "\x00\x01pgu"),
		FUZZ_SEED("\x07\x01\x03\x00\x02\x00\x01\x80\x00\x09\x01\x09\x00\x02\x00\x0e\x81\xa2\x64href\x62/a\x63rep\x01"),
		/* The first version's forms, an empty local record, and a list with a name and a pin. */
		FUZZ_SEED("\x57\x00\x16\x00\x2a\x00\x05\x00\x00\x00\x01\x00\x00\x00\x00" NONE NONE NONE NONE "\x54\x00\x0b\x00\x12" ID
	              "\x00\x02id\x55\x00\x04\x00\x05\x00\x01\x00\x01\x01u\x56\x00\x05\x00\x08\x00\x00\x01\xa2\x00\x00\x00\x00"),
		FUZZ_SEED("\x10\x01\x04\x00\x06\x00\x00\x00\x00\x00\x00\x12\x02\x18\x00\x2c\x00\x01\x00\x01\x01\x00\x01\x00\x00\x00\x01\x01" ID ID
	              "un"),
		FUZZ_SEED("\x0a\x02\x0b\x00\x12" ID
	              "\x00\x02id\x0b\x01\x04\x00\x05\x00\x01\x00\x01\x01u\x0c\x02\x05\x00\x08\x00\x00\x01\xa2\x00\x00\x00\x00"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
