/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is summed up to, for reports: no tokens, no keys. Texts are NUL-terminated copies. */
#ifndef DEVICE_SUMMARY_H
#define DEVICE_SUMMARY_H

#include "dps/client.h"
#include "dps/port/posix.h"
#include "dps/port/tpm2.h"
#include "options.h"

/* What is committed. */
struct summary {
	char device_id[DPS_UUID_TEXT_LEN + 1];
	char owner[DPS_UUID_TEXT_LEN + 1];
	char hub_id[DPS_UUID_TEXT_LEN + 1];
	char gateway[DPS_CONFIG_URI_LENGTH + 1];
	char gateways[DPS_CONFIG_GATEWAYS][DPS_CONFIG_URI_LENGTH + 1];
	size_t gateway_count;
	bool has_identity;
	struct dps_certificate_info identity;
	size_t aces;
	size_t resources;
	uint32_t tpm_handle;                           /* of the manufacturer's key; 0: keys are files */
	const struct dps_tpm2_stats *tpm;              /* commands sent so far */
	const struct dps_posix_storage_stats *storage; /* written since the program began; NULL: nobody counts */
};

/* Fills it from a client that has read its state; what cannot be read stays empty. buf is wiped. The TPM's part is left empty. */
void summary_make(struct summary *summary, struct dps_client *client, uint8_t *buf, size_t size);

/* What --status tells. */
struct status {
	bool provisioned;
	const char *name; /* as on /plgd/dps */
	struct summary summary;
	struct dps_endpoint endpoints[DPS_CONFIG_ENDPOINTS]; /* texts are the client's */
	size_t endpoint_count;
	struct dps_pin pins[OPTIONS_PINS_MAX > DPS_CONFIG_PINS ? OPTIONS_PINS_MAX : DPS_CONFIG_PINS]; /* in force */
	size_t pin_count;
};

#endif
