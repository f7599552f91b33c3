/* SPDX-License-Identifier: Apache-2.0 */
/* See device.h: wiring of the ports, reading of the files. */
#include "device.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/auth.h"
#include "device_onboarding.h"
#include "exit_status.h"

/* Reports a failure before the client could start. */
__attribute__((format(printf, 3, 4))) static bool fail(struct device *device, dps_result cause, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	device->reporter->config_failed(cause, text);
	device->exit_status = exit_status_of_cause(cause);
	return false;
}

static bool read_file(struct device *device, const char *path, uint8_t *buf, size_t *len, bool *looser_mode)
{
	const char *why = "";
	dps_result result = dps_posix_read_file(path, buf, DEVICE_FILE_SIZE, len, looser_mode, &why);

	return result == DPS_OK || fail(device, result, "cannot read %s: %s", path, why);
}

static bool open_trust(struct device *device, struct dps_trust *trust)
{
	const struct options *options = device->options;
	size_t len = 0;
	dps_result result;

	if (!read_file(device, options->ca, device->anchors, &len, NULL))
		return false;
	result = dps_pki_load_certificates(device->anchors, len, device->anchors, sizeof(device->anchors), &len);
	if (result != DPS_OK)
		return fail(device, result, "%s: %s", options->ca, dps_result_text(result));
	*trust = (struct dps_trust){
		.anchors = {device->anchors, len},
		.skip_host_check = !options->verify_host,
		.pins = options->pins,
		.pin_count = options->pin_count,
	};
	return true;
}

/* The manufacturer's certificates, from their file, as a DER list in device->chain. */
static bool read_chain(struct device *device, size_t *len)
{
	const char *path = device->options->cert;
	dps_result result;

	if (!read_file(device, path, device->file, len, NULL))
		return false;
	result = dps_pki_load_certificates(device->file, *len, device->chain, sizeof(device->chain), len);
	return result == DPS_OK || fail(device, result, "%s: %s", path, dps_result_text(result));
}

/* The files first: a mistyped path leaves no state directory behind. */
static bool read_identity(struct device *device, size_t *chain_len)
{
	const struct options *options = device->options;
	size_t key_len = 0;
	bool looser_mode = false;
	dps_result result;

	if (options->cert != NULL && !read_chain(device, chain_len))
		return false;
	if (options->key == NULL)
		return true;
	if (!read_file(device, options->key, device->scratch, &key_len, &looser_mode))
		return false;
	if (looser_mode)
		device->reporter->warning("key-mode", "the key file can be read by others than its owner; its mode should be 0600");
	result = dps_mbedtls_keys_set_manufacturer(&device->keys, device->scratch, key_len, device->chain, *chain_len, device->file,
	                                           sizeof(device->file));
	explicit_bzero(device->scratch, sizeof(device->scratch));
	return result == DPS_OK || fail(device, result, "%s: %s", options->key, dps_result_text(result));
}

static bool read_auths(struct device *device, struct auth auths[DPS_TPM2_AUTHORITIES], struct dps_tpm2_options *tpm)
{
	const struct {
		const char *name;
		const char *source;
		enum dps_tpm2_authority authority;
	} given[] = {
		{"--owner-auth", device->options->owner_auth, DPS_TPM2_OWNER},
		{"--endorsement-auth", device->options->endorsement_auth, DPS_TPM2_ENDORSEMENT},
		{"--lockout-auth", device->options->lockout_auth, DPS_TPM2_LOCKOUT},
	};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		struct auth *auth = &auths[given[i].authority];
		const char *why;
		dps_result result = auth_read(given[i].source, auth, &why);

		if (result != DPS_OK)
			return fail(device, result, "%s: %s", given[i].name, why); /* what was given may be the secret itself, by mistake */
		tpm->auth[given[i].authority] = (struct dps_span){auth->bytes, auth->len};
	}
	return true;
}

/* The TPM is locked by a file of the state directory: what a killed dps-device left in it is then flushed by the next one. */
static bool open_tpm(struct device *device, size_t chain_len)
{
	const struct options *options = device->options;
	struct auth auths[DPS_TPM2_AUTHORITIES];
	char lock_file[PATH_MAX];
	struct dps_tpm2_options tpm = {
		.tcti = options->tcti != NULL ? options->tcti : getenv("TPM2TOOLS_TCTI"),
		.storage = &device->platform.storage,
		.manufacturer_handle = options->key_handle,
		.chain = {device->chain, chain_len},
		.nv_index = options->cert_index,
		.lock_file = lock_file,
	};
	dps_result result = DPS_OK;
	bool ok;

	if (snprintf(lock_file, sizeof(lock_file), "%s/tpm.lock", options->state_dir) >= (int)sizeof(lock_file))
		return fail(device, DPS_E_ARGUMENT, "--state-dir: too long");
	memset(auths, 0, sizeof(auths));
	ok = read_auths(device, auths, &tpm);
	if (ok)
		result = dps_tpm2_open(&device->tpm, &tpm);
	explicit_bzero(auths, sizeof(auths));
	if (!ok)
		return false;
	return result == DPS_OK || fail(device, result, "the TPM: %s", dps_tpm2_detail(&device->tpm));
}

static bool open_platform(struct device *device, size_t chain_len)
{
	const struct options *options = device->options;
	dps_result result;

	dps_posix_clock_init(&device->clock, options->clock_synced);
	dps_posix_log_init(&device->log, stderr, DPS_LOG_ERROR);
	device->made_state_dir = access(options->state_dir, F_OK) != 0;
	result = dps_posix_storage_open(&device->storage, options->state_dir);
	if (result != DPS_OK)
		return fail(device, result, "%s: %s", options->state_dir, dps_posix_storage_detail(&device->storage));
	device->opened = OPENED_STORAGE;
	device->platform.clock = device->clock.port;
	device->platform.storage = device->storage.port;
	device->platform.log = device->log.port;
	if (options->key_handle != 0 && !open_tpm(device, chain_len))
		return false;
	device->opened = OPENED_KEYS;
	device->made_state_dir = false;
	result = dps_posix_network_init(&device->network, &device->platform.clock);
	if (result != DPS_OK)
		return fail(device, result, "the network: %s", dps_result_text(result));
	device->opened = OPENED_NETWORK;
	dps_mbedtls_channel_init(&device->channel, &device->network.port, &device->platform.random);
	device->opened = OPENED_CHANNEL;
	return true;
}

static bool open_client(struct device *device, const struct dps_client_config *config)
{
	const struct options *options = device->options;
	dps_result result = dps_client_init(&device->client, config);

	if (result != DPS_OK)
		return fail(device, result, "%s", dps_result_text(result));
	device->opened = OPENED_CLIENT;
	for (size_t i = 0; i < options->endpoint_count; i++) {
		result = dps_client_add_endpoint(&device->client, options->endpoints[i]);
		if (result != DPS_OK)
			return fail(device, result, "%s: %s", options->endpoints[i], dps_result_text(result));
	}
	return true;
}

/* Fills the summary from what is committed; what cannot be read stays empty. */
static void summarise(struct device *device, struct summary *summary)
{
	uint8_t *buf = device->scratch;
	const size_t size = sizeof(device->scratch);
	struct dps_client *client = &device->client;
	struct dps_credentials credentials;
	struct dps_resources resources;
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_acl acl;

	memset(summary, 0, sizeof(*summary));
	summary->tpm_handle = device->options->key_handle;
	summary->tpm = &device->tpm.stats;
	if (dps_client_read_owner(client, buf, size, &owner) == DPS_OK)
		dps_uuid_format(&owner.id, summary->owner);
	if (dps_client_read_cloud(client, buf, size, &cloud) == DPS_OK) {
		dps_uuid_format(&cloud.hub_id, summary->hub_id);
		snprintf(summary->gateway, sizeof(summary->gateway), "%.*s", (int)cloud.gateway.len, (const char *)cloud.gateway.data);
		summary->gateway_count = cloud.gateway_count;
		for (size_t i = 0; i < cloud.gateway_count; i++)
			snprintf(summary->gateways[i], sizeof(summary->gateways[i]), "%.*s", (int)cloud.gateways[i].uri.len,
			         (const char *)cloud.gateways[i].uri.data);
	}
	if (dps_client_read_credentials(client, buf, size, &credentials) == DPS_OK) {
		dps_uuid_format(&credentials.device_id, summary->device_id);
		if (dps_pki_certificate_info(credentials.chain, &summary->identity) != DPS_OK)
			memset(&summary->identity, 0, sizeof(summary->identity));
	}
	if (dps_client_read_acls(client, buf, size, &acl) == DPS_OK)
		summary->aces = acl.count;
	if (dps_client_read_resources(client, buf, size, &resources) == DPS_OK)
		summary->resources = resources.count;
	explicit_bzero(buf, size);
}

/* What the TPM said is told with the failures that it caused. */
static const struct dps_failure *explain(const struct device *device, const struct dps_failure *failure, struct dps_failure *copy)
{
	const bool of_the_tpm = failure != NULL && failure->text[0] == '\0' && device->options->key_handle != 0 &&
	                        (failure->cause == DPS_E_KEY || failure->cause == DPS_E_TPM);

	if (!of_the_tpm)
		return failure;
	*copy = *failure;
	snprintf(copy->text, sizeof(copy->text), "%s", dps_tpm2_detail(&device->tpm));
	return copy;
}

static void on_event(void *user, const struct dps_event *original)
{
	struct device *device = user;
	struct dps_event copy = *original;
	const struct dps_event *event = &copy;
	struct dps_failure failure;
	struct dps_report report;
	struct summary summary;

	copy.failure = explain(device, original->failure, &failure);
	dps_client_report(&device->client, &report);
	if (event->type == DPS_EVENT_PROVISIONED || event->type == DPS_EVENT_RENEWED)
		summarise(device, &summary);
	device->reporter->event(event, &report, &summary);
	switch (event->type) {
	case DPS_EVENT_PROVISIONED:
		device->exit_status = EXIT_PROVISIONED;
		device->owner_may_differ = true;
		device->ended = device->options->once;
		break;
	case DPS_EVENT_FAILED:
		device->exit_status = event->deadline ? EXIT_DEADLINE : exit_status_of_cause(event->failure->cause);
		/* Whoever gave the endpoint may give another one. */
		device->ended = device->options->once || !device_onboarding_listens(device);
		break;
	case DPS_EVENT_CANCELLED:
		device->exit_status = EXIT_CANCELLED;
		device->ended = true;
		break;
	default:
		break;
	}
}

bool device_open(struct device *device, const struct options *options, const struct reporter *reporter)
{
	struct dps_client_config config;
	size_t chain_len = 0;

	memset(device, 0, sizeof(*device));
	device->options = options;
	device->reporter = reporter;
	device->exit_status = EXIT_FAILED;
	dps_client_config_default(&config);
	dps_posix_random_init(&device->platform.random);
	dps_mbedtls_keys_init(&device->keys, &device->platform.storage, &device->platform.random);
	if (!open_trust(device, &config.trust) || !read_identity(device, &chain_len) || !open_platform(device, chain_len))
		return false;
	config.platform = &device->platform;
	config.channel = &device->channel.port;
	config.keys = options->key_handle != 0 ? &device->tpm.port : &device->keys.port;
	config.certificates = options->key_handle != 0 ? &device->tpm.certificates : &device->keys.certificates;
	config.service = dps_plgd_init(&device->plgd, NULL, 0);
	config.device_id = options->device_id;
	config.sequential = options->sequential;
	config.stay = !options->once;
	config.deadline_ms = options->once ? options->timeout_ms : 0;
	if (options->retry_count > 0) {
		memcpy(config.retry_ms, options->retry_ms, sizeof(config.retry_ms));
		config.retry_count = options->retry_count;
	}
	config.on_event = on_event;
	config.user = device;
	return open_client(device, &config);
}

/* Without its TPM the device has done nothing: a directory that was made for it goes again. */
static void remove_state_dir(const char *path)
{
	char lock_file[PATH_MAX];

	if (snprintf(lock_file, sizeof(lock_file), "%s/tpm.lock", path) < (int)sizeof(lock_file))
		(void)unlink(lock_file);
	(void)rmdir(path);
}

void device_close(struct device *device)
{
	device_onboarding_close(device);
	if (device->opened >= OPENED_CLIENT)
		dps_client_deinit(&device->client);
	if (device->opened >= OPENED_CHANNEL)
		dps_mbedtls_channel_deinit(&device->channel);
	if (device->opened >= OPENED_NETWORK)
		dps_posix_network_deinit(&device->network);
	if (device->opened >= OPENED_KEYS && device->options->key_handle != 0)
		dps_tpm2_close(&device->tpm);
	if (device->opened >= OPENED_STORAGE)
		dps_posix_storage_close(&device->storage);
	dps_mbedtls_keys_deinit(&device->keys);
	if (device->opened == OPENED_STORAGE && device->made_state_dir)
		remove_state_dir(device->options->state_dir);
}
