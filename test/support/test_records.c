/* SPDX-License-Identifier: Apache-2.0 */
/* Records for tests of the store: see test_records.h. */
#include "support/test_records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/cbor.h"

/* A text of the version's length, and bytes of its value. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL";

static struct dps_span text_of(unsigned version)
{
	return (struct dps_span){(const uint8_t *)letters, version};
}

static struct dps_uuid uuid_of(unsigned version)
{
	struct dps_uuid uuid;
	memset(uuid.bytes, (int)version, sizeof uuid.bytes);
	return uuid;
}

static void make_cloud(struct dps_cloud *cloud, unsigned version)
{
	memset(cloud, 0, sizeof *cloud);
	cloud->provider = text_of(version);
	cloud->gateway = text_of(version);
	cloud->token = text_of(version);
	cloud->hub_id = uuid_of(version);
	cloud->gateway_count = DPS_CONFIG_GATEWAYS;
	for (size_t i = 0; i < cloud->gateway_count; i++)
		cloud->gateways[i] = (struct dps_gateway){uuid_of(version), text_of(version)};
	cloud->gateways_dropped = version;
	cloud->uid = text_of(version);
	cloud->refresh_token = text_of(version);
	cloud->access_token = text_of(version);
	cloud->expires = version;
	cloud->registered = version % 2 == 1;
	cloud->selected = version;
}

static void make_credentials(struct dps_credentials *credentials, unsigned version)
{
	memset(credentials, 0, sizeof *credentials);
	credentials->device_id = uuid_of(version);
	credentials->key_slot = (struct dps_span){(const uint8_t *)"identity-0", 10};
	credentials->chain = text_of(version);
	credentials->not_before = -(int64_t)version;
	credentials->not_after = (int64_t)version << 40;
	credentials->accepted = (int64_t)version << 20;
	credentials->anchor_count = DPS_CONFIG_CREDENTIALS;
	credentials->psk_count = DPS_CONFIG_CREDENTIALS;
	for (size_t i = 0; i < DPS_CONFIG_CREDENTIALS; i++) {
		credentials->anchors[i] = (struct dps_anchor){uuid_of(version), text_of(version)};
		credentials->psks[i] = (struct dps_psk){uuid_of(version), text_of(version)};
	}
}

static void make_local(struct dps_local *local, unsigned version)
{
	memset(local, 0, sizeof *local);
	local->anchor_count = 1;
	local->anchors[0] = (struct dps_anchor){uuid_of(version), text_of(version)};
	local->psk_count = DPS_CONFIG_CREDENTIALS;
	for (size_t i = 0; i < local->psk_count; i++)
		local->psks[i] = (struct dps_psk){uuid_of(version), text_of(version)};
}

/* As many entries of the one kind as the version says. */
static size_t make_array(uint8_t *buf, size_t size, unsigned version, void (*entry)(struct dps_cbor_writer *w))
{
	struct dps_cbor_writer w;
	size_t len;
	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_array(&w, version);
	for (unsigned i = 0; i < version; i++)
		entry(&w);
	if (dps_cbor_finish(&w, &len) != DPS_OK)
		abort();
	return len;
}

static void write_ace(struct dps_cbor_writer *w)
{
	dps_cbor_write_map(w, 3);
	dps_cbor_write_text(w, "permission");
	dps_cbor_write_uint(w, 2);
	dps_cbor_write_text(w, "subject");
	dps_cbor_write_map(w, 1);
	dps_cbor_write_text(w, "conntype");
	dps_cbor_write_text(w, "anon-clear");
	dps_cbor_write_text(w, "resources");
	dps_cbor_write_array(w, 0);
}

static void write_resource(struct dps_cbor_writer *w)
{
	dps_cbor_write_map(w, 2);
	dps_cbor_write_text(w, "href");
	dps_cbor_write_text(w, "/a");
	dps_cbor_write_text(w, "rep");
	dps_cbor_write_bool(w, true);
}

dps_result test_record_stage(struct dps_store *store, enum dps_record record, unsigned version)
{
	uint8_t buf[4096];
	struct dps_owner owner = {uuid_of(version)};
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acl;
	struct dps_resources resources;
	struct dps_local local;

	switch (record) {
	case DPS_RECORD_OWNER:
		return dps_store_stage(store, DPS_RECORD_OWNER, &owner);
	case DPS_RECORD_CLOUD:
		make_cloud(&cloud, version);
		return dps_store_stage(store, DPS_RECORD_CLOUD, &cloud);
	case DPS_RECORD_CREDENTIALS:
		make_credentials(&credentials, version);
		return dps_store_stage(store, DPS_RECORD_CREDENTIALS, &credentials);
	case DPS_RECORD_ACLS:
		acl = (struct dps_acl){{buf, make_array(buf, sizeof buf, version, write_ace)}, version};
		return dps_store_stage(store, DPS_RECORD_ACLS, &acl);
	case DPS_RECORD_RESOURCES:
		resources = (struct dps_resources){{buf, make_array(buf, sizeof buf, version, write_resource)}, version};
		return dps_store_stage(store, DPS_RECORD_RESOURCES, &resources);
	case DPS_RECORD_LOCAL:
		make_local(&local, version);
		/* Without any entry now and then: the list may be empty. */
		if (version % 2 != 0)
			local.acl = (struct dps_acl){{buf, make_array(buf, sizeof buf, version, write_ace)}, version};
		return dps_store_stage(store, DPS_RECORD_LOCAL, &local);
	case DPS_RECORD_COUNT:
	default:
		abort();
	}
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "test_records: a record is not what was staged: %s\n", what);
	abort();
}

static bool same_text(struct dps_span text, unsigned version)
{
	return text.len == version && memcmp(text.data, letters, version) == 0;
}

static bool same_uuid(const struct dps_uuid *uuid, unsigned version)
{
	struct dps_uuid wanted = uuid_of(version);
	return dps_uuid_equal(uuid, &wanted);
}

static unsigned cloud_version(const struct dps_cloud *cloud)
{
	unsigned version = (unsigned)cloud->gateway.len;
	must(same_text(cloud->gateway, version) && same_text(cloud->provider, version) && same_text(cloud->token, version), "cloud texts");
	must(same_uuid(&cloud->hub_id, version) && cloud->gateway_count == DPS_CONFIG_GATEWAYS && cloud->gateways_dropped == version, "cloud");
	for (size_t i = 0; i < cloud->gateway_count; i++)
		must(same_uuid(&cloud->gateways[i].id, version) && same_text(cloud->gateways[i].uri, version), "gateways");
	must(same_text(cloud->uid, version) && same_text(cloud->refresh_token, version) && same_text(cloud->access_token, version),
	     "session texts");
	must(cloud->expires == (int64_t)version && cloud->registered == (version % 2 == 1) && cloud->selected == version, "session");
	return version;
}

static unsigned credentials_version(const struct dps_credentials *credentials)
{
	unsigned version = (unsigned)credentials->chain.len;
	must(same_text(credentials->chain, version) && same_uuid(&credentials->device_id, version), "credentials");
	must(dps_span_is(credentials->key_slot, "identity-0"), "key slot");
	must(credentials->not_before == -(int64_t)version && credentials->not_after == (int64_t)version << 40, "dates");
	must(credentials->accepted == (int64_t)version << 20, "the time of acceptance");
	must(credentials->anchor_count == DPS_CONFIG_CREDENTIALS && credentials->psk_count == DPS_CONFIG_CREDENTIALS, "counts");
	for (size_t i = 0; i < DPS_CONFIG_CREDENTIALS; i++) {
		must(same_uuid(&credentials->anchors[i].subject, version) && same_text(credentials->anchors[i].der, version), "anchors");
		must(same_uuid(&credentials->psks[i].subject, version) && same_text(credentials->psks[i].key, version), "keys");
	}
	return version;
}

static unsigned local_version(const struct dps_local *local)
{
	unsigned version = (unsigned)local->anchors[0].der.len;
	must(local->anchor_count == 1 && local->psk_count == DPS_CONFIG_CREDENTIALS, "local counts");
	must(same_uuid(&local->anchors[0].subject, version) && same_text(local->anchors[0].der, version), "local anchors");
	for (size_t i = 0; i < DPS_CONFIG_CREDENTIALS; i++)
		must(same_uuid(&local->psks[i].subject, version) && same_text(local->psks[i].key, version), "local keys");
	must(local->acl.count == (version % 2 != 0 ? version : 0) && (local->acl.aces.len > 0) == (version % 2 != 0), "local entries");
	return version;
}

unsigned test_record_read(struct dps_store *store, enum dps_record record, enum dps_store_which which, dps_result *result)
{
	uint8_t buf[DPS_CONFIG_BODY_SIZE];
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acl;
	struct dps_resources resources;
	struct dps_local local;
	unsigned version;

	switch (record) {
	case DPS_RECORD_OWNER:
		*result = dps_store_read(store, DPS_RECORD_OWNER, which, buf, sizeof buf, &owner);
		version = *result == DPS_OK ? owner.id.bytes[0] : 0;
		must(*result != DPS_OK || same_uuid(&owner.id, version), "owner");
		return version;
	case DPS_RECORD_CLOUD:
		*result = dps_store_read(store, DPS_RECORD_CLOUD, which, buf, sizeof buf, &cloud);
		return *result == DPS_OK ? cloud_version(&cloud) : 0;
	case DPS_RECORD_CREDENTIALS:
		*result = dps_store_read(store, DPS_RECORD_CREDENTIALS, which, buf, sizeof buf, &credentials);
		return *result == DPS_OK ? credentials_version(&credentials) : 0;
	case DPS_RECORD_ACLS:
		*result = dps_store_read(store, DPS_RECORD_ACLS, which, buf, sizeof buf, &acl);
		return *result == DPS_OK ? (unsigned)acl.count : 0;
	case DPS_RECORD_RESOURCES:
		*result = dps_store_read(store, DPS_RECORD_RESOURCES, which, buf, sizeof buf, &resources);
		return *result == DPS_OK ? (unsigned)resources.count : 0;
	case DPS_RECORD_LOCAL:
		*result = dps_store_read(store, DPS_RECORD_LOCAL, which, buf, sizeof buf, &local);
		return *result == DPS_OK ? local_version(&local) : 0;
	case DPS_RECORD_COUNT:
	default:
		abort();
	}
}

void test_state_read(struct dps_store *store, struct test_state *state)
{
	dps_result result;
	memset(state, 0, sizeof *state);
	for (unsigned i = 0; i < DPS_RECORD_COUNT; i++) {
		enum dps_record record = (enum dps_record)i;
		state->committed[i] = test_record_read(store, record, DPS_STORE_COMMITTED, &result);
		must((result == DPS_OK) == ((store->committed & DPS_RECORD_BIT(i)) != 0), "committed, or not");
		must((result == DPS_E_STORAGE_CORRUPT) == ((store->damaged & DPS_RECORD_BIT(i)) != 0), "damaged, or not");
		state->staged[i] = test_record_read(store, record, DPS_STORE_STAGED, &result);
		must((result == DPS_OK) == ((store->staged & DPS_RECORD_BIT(i)) != 0), "staged, or not");
	}
	state->damaged = store->damaged;
	state->unconfirmed = dps_store_unconfirmed(store);
}

bool test_state_same(const struct test_state *a, const struct test_state *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}
