/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ETags (RFC 7252 section 5.10.6): the number of a resource's last change, counted over all resources from a random start, so that they differ over reboots and
 * the latest is the largest. A hub that comes back says in "incChanges" which ones it knows: base64url without padding, commas between.
 */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

#if DPS_CONFIG_ETAG

/* 64 bits in base64url: the last of the characters has two bits too many, which are zero. */
#define ENCODED_LENGTH 11

static int decode_char(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool decode(struct dps_span text, uint64_t *version)
{
	uint64_t value = 0;
	int bits = 0;

	if (text.len != ENCODED_LENGTH)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bits = decode_char(text.data[i]);
		if (bits < 0)
			return false;
		value = i + 1 < text.len ? value << 6 | (uint64_t)bits : value << 4 | (uint64_t)(bits >> 2);
	}
	*version = value;
	return (bits & 3) == 0;
}

static void encode(uint64_t version, uint8_t etag[DPS_COAP_ETAG_SIZE])
{
	for (size_t i = DPS_COAP_ETAG_SIZE; i-- > 0; version >>= 8)
		etag[i] = (uint8_t)version;
}

static bool equals(uint64_t version, struct dps_span etag)
{
	uint8_t own[DPS_COAP_ETAG_SIZE];

	encode(version, own);
	return etag.len == sizeof(own) && memcmp(etag.data, own, sizeof(own)) == 0;
}

static void put(uint64_t version, struct dps_coap_reply *reply)
{
	encode(version, reply->etag);
	reply->etag_len = DPS_COAP_ETAG_SIZE;
}

void dps_etag_put(const struct dps_device *d, size_t index, struct dps_coap_reply *reply)
{
	put(d->entries[index].version, reply);
}

bool dps_etag_is(const struct dps_device *d, size_t index, struct dps_span etag)
{
	return equals(d->entries[index].version, etag);
}

/* 0: the set is empty. */
static uint64_t latest(const struct dps_device *d, const struct dps_device_set *set)
{
	uint64_t version = 0;

	for (size_t i = 0; i < d->count; i++)
		if (dps_set_has(set, i) && d->entries[i].version > version)
			version = d->entries[i].version;
	return version;
}

void dps_etag_put_batch(const struct dps_device *d, const struct dps_device_set *set, struct dps_coap_reply *reply)
{
	const uint64_t version = latest(d, set);

	if (version > 0)
		put(version, reply);
}

static void take_version(const struct dps_device *d, uint64_t version, struct dps_device_set *set)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->entries[i].version == version)
			dps_set_put(set, i, false);
}

/* What is no ETag in a list is skipped: that resource is then told again. */
static void take_list(const struct dps_device *d, struct dps_span list, struct dps_device_set *set)
{
	while (list.len > 0) {
		const uint8_t *comma = memchr(list.data, ',', list.len);
		const size_t len = comma != NULL ? (size_t)(comma - list.data) : list.len;
		const size_t step = comma != NULL ? len + 1 : len;
		uint64_t version;

		if (decode((struct dps_span){list.data, len}, &version))
			take_version(d, version, set);
		list.data += step;
		list.len -= step;
	}
}

static bool is_listed(struct dps_span queries)
{
	struct dps_span query;

	while (dps_coap_next_query(&queries, &query))
		if (dps_query_take(&query, "incChanges="))
			return true;
	return false;
}

/* Without a list the batch is one representation: the latest ETag is that of all of it, any other of none. */
void dps_etag_take_known(const struct dps_device *d, struct dps_span etag, struct dps_span queries, struct dps_device_set *set)
{
	struct dps_span query;

	if (!is_listed(queries)) {
		if (equals(latest(d, set), etag))
			memset(set, 0, sizeof(*set));
		return;
	}
	for (size_t i = 0; i < d->count; i++)
		if (equals(d->entries[i].version, etag))
			dps_set_put(set, i, false);
	while (dps_coap_next_query(&queries, &query))
		if (dps_query_take(&query, "incChanges="))
			take_list(d, query, set);
}

void dps_etag_write(struct dps_cbor_writer *w, const struct dps_device *d, size_t index)
{
	uint8_t etag[DPS_COAP_ETAG_SIZE];

	encode(d->entries[index].version, etag);
	dps_cbor_write_text(w, "etag");
	dps_cbor_write_head(w, DPS_CBOR_BYTES, sizeof(etag));
	dps_cbor_write_raw(w, (struct dps_span){etag, sizeof(etag)});
}

#else

void dps_etag_put(const struct dps_device *d, size_t index, struct dps_coap_reply *reply)
{
	(void)d;
	(void)index;
	(void)reply;
}

bool dps_etag_is(const struct dps_device *d, size_t index, struct dps_span etag)
{
	(void)d;
	(void)index;
	(void)etag;
	return false;
}

void dps_etag_put_batch(const struct dps_device *d, const struct dps_device_set *set, struct dps_coap_reply *reply)
{
	(void)d;
	(void)set;
	(void)reply;
}

void dps_etag_take_known(const struct dps_device *d, struct dps_span etag, struct dps_span queries, struct dps_device_set *set)
{
	(void)d;
	(void)etag;
	(void)queries;
	(void)set;
}

void dps_etag_write(struct dps_cbor_writer *w, const struct dps_device *d, size_t index)
{
	(void)w;
	(void)d;
	(void)index;
}

#endif
#endif
