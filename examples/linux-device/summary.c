/* SPDX-License-Identifier: Apache-2.0 */
/* See summary.h. */
#include "summary.h"

#include <stdio.h>
#include <string.h>

static void summarise_cloud(struct summary *summary, const struct dps_cloud *cloud)
{
	dps_uuid_format(&cloud->hub_id, summary->hub_id);
	snprintf(summary->gateway, sizeof(summary->gateway), "%.*s", (int)cloud->gateway.len, (const char *)cloud->gateway.data);
	summary->gateway_count = cloud->gateway_count;
	for (size_t i = 0; i < cloud->gateway_count; i++)
		snprintf(summary->gateways[i], sizeof(summary->gateways[i]), "%.*s", (int)cloud->gateways[i].uri.len,
		         (const char *)cloud->gateways[i].uri.data);
}

void summary_make(struct summary *summary, struct dps_client *client, uint8_t *buf, size_t size)
{
	struct dps_credentials credentials;
	struct dps_resources resources;
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_uuid id;
	struct dps_acl acl;

	memset(summary, 0, sizeof(*summary));
	if (dps_client_device_id(client, &id) == DPS_OK && !dps_uuid_is_nil(&id))
		dps_uuid_format(&id, summary->device_id);
	if (dps_client_read_owner(client, buf, size, &owner) == DPS_OK)
		dps_uuid_format(&owner.id, summary->owner);
	if (dps_client_read_cloud(client, buf, size, &cloud) == DPS_OK)
		summarise_cloud(summary, &cloud);
	if (dps_client_read_credentials(client, buf, size, &credentials) == DPS_OK) {
		dps_uuid_format(&credentials.device_id, summary->device_id);
		summary->has_identity = dps_pki_certificate_info(credentials.chain, &summary->identity) == DPS_OK;
		if (!summary->has_identity)
			memset(&summary->identity, 0, sizeof(summary->identity));
	}
	if (dps_client_read_acls(client, buf, size, &acl) == DPS_OK)
		summary->aces = acl.count;
	if (dps_client_read_resources(client, buf, size, &resources) == DPS_OK)
		summary->resources = resources.count;
	explicit_bzero(buf, size);
}
