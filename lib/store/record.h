/* SPDX-License-Identifier: Apache-2.0 */
/* Records as CBOR: docs/storage-format.md, "Records". */
#ifndef DPS_STORE_RECORD_H
#define DPS_STORE_RECORD_H

#include "dps/records.h"
#include "store/blob.h"

/* Any record's view. */
union dps_record_view {
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acls;
	struct dps_resources resources;
};

#define DPS_RECORD_OVER(n, limit) ((n) > (limit) ? (n) - (limit) : 0)

/* Scratch to gather a record: heads, ids and numbers, and those strings that are more than can be referred to. */
#define DPS_RECORD_ITEM_SIZE 22 /* an array head, an id of 16 bytes, a string's head */
#define DPS_RECORD_CLOUD_SCRATCH                                                                                                           \
	(64 + DPS_RECORD_ITEM_SIZE * DPS_CONFIG_GATEWAYS +                                                                                     \
	 DPS_CONFIG_URI_LENGTH * DPS_RECORD_OVER(3 + DPS_CONFIG_GATEWAYS, DPS_BLOB_REFERENCES))
#define DPS_RECORD_CREDENTIALS_SCRATCH                                                                                                     \
	(64 + 2 * DPS_RECORD_ITEM_SIZE * DPS_CONFIG_CREDENTIALS +                                                                              \
	 DPS_RECORD_PSK_SIZE * DPS_RECORD_OVER(2 + 2 * DPS_CONFIG_CREDENTIALS, DPS_BLOB_REFERENCES))
#define DPS_RECORD_PSK_SIZE 64 /* dps/records.h: 1 to 64 bytes */

/* DPS_E_ARGUMENT: a count or length beyond its bound. */
dps_result dps_record_gather_owner(struct dps_blob_writer *w, const struct dps_owner *owner);
dps_result dps_record_gather_cloud(struct dps_blob_writer *w, const struct dps_cloud *cloud);
dps_result dps_record_gather_credentials(struct dps_blob_writer *w, const struct dps_credentials *credentials);

/* Fills the view of a record from a blob's body, which it points into. DPS_E_STORAGE_CORRUPT: it is not what gather makes. */
dps_result dps_record_parse(enum dps_record record, struct dps_span body, void *view);

#endif
