/* SPDX-License-Identifier: Apache-2.0 */
/* What dps-device does without a service: telling what is committed, and forgetting it. Neither needs anchors, a certificate or a network. */
#include <string.h>

#include "device.h"
#include "exit_status.h"

/* The blobs in which a TPM's operational keys are wrapped: docs/storage-format.md. */
static bool has_tpm_keys(const struct dps_storage *storage)
{
	static const char *const names[] = {"tpm-identity-0", "tpm-identity-1"};
	uint8_t nothing[1];
	size_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (storage->read(storage->ctx, names[i], nothing, 0, &len) == DPS_E_BUFFER)
			return true;
	return false;
}

/* Another process may change what is looked at: it is looked at until it was twice the same. */
#define LOOKS 10

static dps_result look(struct device *device, struct status *status)
{
	struct dps_client *client = &device->client;
	dps_result result;

	memset(status, 0, sizeof(*status));
	result = dps_client_load(client, &status->provisioned);
	if (result != DPS_OK)
		return result;
	status->name = dps_status_name(dps_client_status(client));
	summary_make(&status->summary, client, device->scratch, sizeof(device->scratch));
	while (status->endpoint_count < DPS_CONFIG_ENDPOINTS &&
	       dps_client_get_endpoint(client, status->endpoint_count, &status->endpoints[status->endpoint_count]) == DPS_OK)
		status->endpoint_count++;
	while (status->pin_count < sizeof(status->pins) / sizeof(status->pins[0]) &&
	       dps_client_get_pin(client, status->pin_count, &status->pins[status->pin_count]) == DPS_OK)
		status->pin_count++;
	return DPS_OK;
}

static dps_result look_twice(struct device *device, struct status *status)
{
	static struct status before;
	dps_result result = look(device, status);

	for (unsigned i = 1; i < LOOKS; i++) {
		const dps_result result_before = result;

		before = *status;
		result = look(device, status);
		if (result == result_before && memcmp(&before, status, sizeof(before)) == 0)
			break;
	}
	return result;
}

static void tell(struct device *device, const struct status *status)
{
	device->reporter->status(status);
	device->exit_status = status->provisioned ? EXIT_PROVISIONED : EXIT_FAILED;
}

/* A TPM is not asked, as another process may be using it: a key that it has wrapped counts as there. */
static dps_result open_for_status(struct device *device)
{
	struct dps_client_config config;

	dps_posix_random_init(&device->platform.random);
	dps_posix_clock_init(&device->clock, device->options->clock_synced);
	device->platform.clock = device->clock.port;
	device->platform.storage = device->storage.port;
	dps_mbedtls_keys_init(&device->keys, &device->platform.storage, &device->platform.random);
	dps_client_config_default(&config);
	config.platform = &device->platform;
	config.keys = has_tpm_keys(&device->platform.storage) ? NULL : &device->keys.port;
	config.trust.pins = device->options->pins;
	config.trust.pin_count = device->options->pin_count;
	return dps_client_init(&device->client, &config);
}

void device_show_status(struct device *device)
{
	static struct status status;
	dps_result result = dps_posix_storage_open_readonly(&device->storage, device->options->state_dir);

	if (result == DPS_E_NOT_FOUND) {
		status.name = dps_status_name(DPS_STATUS_UNINITIALIZED);
		tell(device, &status);
		return;
	}
	if (result != DPS_OK) {
		(void)device_fail(device, result, "%s: %s", device->options->state_dir, dps_posix_storage_detail(&device->storage));
		return;
	}
	result = open_for_status(device);
	if (result == DPS_OK) {
		result = look_twice(device, &status);
		if (result == DPS_OK)
			tell(device, &status);
		dps_client_deinit(&device->client);
	}
	if (result != DPS_OK)
		(void)device_fail(device, result, "%s: %s", device->options->state_dir, dps_result_text(result));
	dps_posix_storage_close(&device->storage);
}

/* Of a device whose keys were in files before they were in a TPM; else they would be those of the next device id. */
static dps_result erase_software_keys(const struct dps_storage *storage)
{
	static const char *const names[] = {"key-identity-0", "key-identity-1"};
	dps_result result = DPS_OK;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && result == DPS_OK; i++)
		result = storage->erase(storage->ctx, names[i]);
	return result;
}

static bool open_for_reset(struct device *device)
{
	struct dps_client_config config;
	dps_result result;

	dps_mbedtls_keys_init(&device->keys, &device->platform.storage, &device->platform.random);
	if (!device_open_storage(device, 0))
		return false;
	/* Keys that a TPM has wrapped are erased by it, or they would be those of the next device id. */
	if (device->options->key_handle == 0 && has_tpm_keys(&device->platform.storage))
		return device_fail(device, DPS_E_ARGUMENT, "--key is missing, and none is remembered: the operational key is in a TPM");
	dps_client_config_default(&config);
	config.platform = &device->platform;
	config.keys = device->options->key_handle != 0 ? &device->tpm.port : &device->keys.port;
	result = dps_client_init(&device->client, &config);
	return result == DPS_OK || device_fail(device, result, "%s", dps_result_text(result));
}

void device_reset(struct device *device)
{
	dps_result result = DPS_OK;

	if (device->has_state) {
		if (!open_for_reset(device))
			return;
		if (device->options->key_handle != 0)
			result = erase_software_keys(&device->platform.storage);
		if (result == DPS_OK)
			result = dps_client_factory_reset(&device->client);
		dps_client_deinit(&device->client);
	}
	if (result != DPS_OK) {
		(void)device_fail(device, result, "the reset is not complete, try again: %s", dps_result_text(result));
		return;
	}
	device->reporter->reset();
	device->exit_status = EXIT_PROVISIONED;
}
