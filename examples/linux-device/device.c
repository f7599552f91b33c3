/* SPDX-License-Identifier: Apache-2.0 */
/* See device.h: wiring of the ports, reading of the files. --status and --reset are in verbs.c. */
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
#include "lease.h"

/* Bytes of option 43 that are looked at: DHCP may bring it in several parts. */
#define OPTION43_SIZE 2048

bool device_fail(struct device *device, dps_result cause, const char *format, ...)
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

	return result == DPS_OK || device_fail(device, result, "cannot read %s: %s", path, why);
}

/* --- before anything is opened ----------------------------------------------------------------------------------------------------- */

/* What is damaged is forgotten, aloud: the command line may say it all again. */
static void recall(struct device *device)
{
	struct dps_posix_storage storage;
	dps_result result = dps_posix_storage_open_readonly(&storage, device->options->state_dir);

	device->has_state = result != DPS_E_NOT_FOUND;
	if (result != DPS_OK) /* a directory that cannot be used is told about where it is to be used */
		return;
	result = settings_read(&device->settings, &storage.port);
	if (result == DPS_OK)
		result = settings_recall(&device->settings, device->options);
	if (result != DPS_OK && result != DPS_E_NOT_FOUND) {
		settings_free(&device->settings);
		device->reporter->warning("settings", "what was remembered of the command line cannot be read");
	}
	dps_posix_storage_close(&storage);
}

/* The bytes of option 43, from the command line or from a file. */
static bool read_option43_bytes(struct device *device, uint8_t *buf, size_t *len)
{
	const char *text = device->options->option43;
	size_t text_len = strlen(text);
	dps_result result;

	if (text[0] != '@') {
		result = dps_option43_from_text(text, text_len, buf, OPTION43_SIZE, len);
		return result == DPS_OK || device_fail(device, result, "--option43: not hex, or too long");
	}
	if (!read_file(device, text + 1, device->file, &text_len, NULL))
		return false;
	result = lease_option43((const char *)device->file, text_len, buf, OPTION43_SIZE, len);
	return result == DPS_OK ||
	       device_fail(device, result, "--option43: %s: %s", text + 1,
	                   result == DPS_E_NOT_FOUND ? "a lease without option 43" : "neither hex nor a lease with a whole option 43");
}

/* Whatever is wrong with the option: it is the command line that is, and nothing changes. */
static bool read_option43(struct device *device)
{
	uint8_t bytes[OPTION43_SIZE];
	size_t len = 0;
	bool ok = read_option43_bytes(device, bytes, &len);

	if (ok) {
		dps_result result = dps_option43_parse(bytes, len, NULL, &device->option43);

		ok = result == DPS_OK || device_fail(device, result, "--option43: %s", dps_result_text(result));
	}
	if (!ok)
		device->exit_status = EXIT_USAGE;
	return ok;
}

bool device_prepare(struct device *device, struct options *options, const struct reporter *reporter)
{
	char error[512];
	dps_result result;

	memset(device, 0, sizeof(*device));
	device->options = options;
	device->reporter = reporter;
	device->exit_status = EXIT_FAILED;
	if (options->option43 != NULL && !read_option43(device))
		return false;
	recall(device);
	result = options_check(options, device->has_state, error, sizeof(error));
	if (result != DPS_OK)
		return device_fail(device, result, "%s", error);
	return online_prepare(device);
}

/* --- files and ports --------------------------------------------------------------------------------------------------------------- */

static bool open_trust(struct device *device, struct dps_trust *trust)
{
	const struct options *options = device->options;
	size_t len = 0;
	dps_result result;

	if (!read_file(device, options->ca, device->anchors, &len, NULL))
		return false;
	result = dps_pki_load_certificates(device->anchors, len, device->anchors, sizeof(device->anchors), &len);
	if (result != DPS_OK)
		return device_fail(device, result, "%s: %s", options->ca, dps_result_text(result));
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
	return result == DPS_OK || device_fail(device, result, "%s: %s", path, dps_result_text(result));
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
	return result == DPS_OK || device_fail(device, result, "%s: %s", options->key, dps_result_text(result));
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
			return device_fail(device, result, "%s: %s", given[i].name, why); /* what was given may be the secret itself, by mistake */
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
		return device_fail(device, DPS_E_ARGUMENT, "--state-dir: too long");
	memset(auths, 0, sizeof(auths));
	ok = read_auths(device, auths, &tpm);
	if (ok)
		result = dps_tpm2_open(&device->tpm, &tpm);
	explicit_bzero(auths, sizeof(auths));
	if (!ok)
		return false;
	return result == DPS_OK || device_fail(device, result, "the TPM: %s", dps_tpm2_detail(&device->tpm));
}

bool device_open_storage(struct device *device, size_t chain_len)
{
	const struct options *options = device->options;
	dps_result result;

	dps_posix_random_init(&device->platform.random);
	dps_posix_clock_init(&device->clock, options->clock_synced);
	dps_posix_log_init(&device->log, stderr, DPS_LOG_ERROR);
	device->made_state_dir = access(options->state_dir, F_OK) != 0;
	result = dps_posix_storage_open(&device->storage, options->state_dir);
	if (result != DPS_OK)
		return device_fail(device, result, "%s: %s", options->state_dir, dps_posix_storage_detail(&device->storage));
	device->opened = OPENED_STORAGE;
	device->platform.clock = device->clock.port;
	device->platform.storage = device->storage.port;
	device->platform.log = device->log.port;
	if (options->key_handle != 0 && !open_tpm(device, chain_len))
		return false;
	device->opened = OPENED_KEYS;
	device->made_state_dir = false;
	return true;
}

static bool open_network(struct device *device)
{
	dps_result result = dps_posix_network_init(&device->network, &device->platform.clock);

	if (result != DPS_OK)
		return device_fail(device, result, "the network: %s", dps_result_text(result));
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
		return device_fail(device, result, "%s", dps_result_text(result));
	device->opened = OPENED_CLIENT;
	for (size_t i = 0; i < options->endpoint_count; i++) {
		result = dps_client_add_endpoint(&device->client, options->endpoints[i]);
		if (result != DPS_OK)
			return device_fail(device, result, "%s: %s", options->endpoints[i], dps_result_text(result));
	}
	return true;
}

/* What a failure of the client means on this command line, or ""; what the TPM said is told with the failures that it caused. */
static const char *explanation(const struct device *device, dps_result cause)
{
	if (cause == DPS_E_NO_ENDPOINT)
		return "--endpoint is missing, and none is stored";
	if (cause == DPS_E_STATE && device->options->renew)
		return "--renew: this device is not provisioned";
	if (device->options->key_handle != 0 && (cause == DPS_E_KEY || cause == DPS_E_TPM))
		return dps_tpm2_detail(&device->tpm);
	return "";
}

static const struct dps_failure *explain(const struct device *device, const struct dps_failure *failure, struct dps_failure *copy)
{
	if (failure == NULL || failure->text[0] != '\0')
		return failure;
	*copy = *failure;
	snprintf(copy->text, sizeof(copy->text), "%s", explanation(device, failure->cause));
	return copy;
}

static void summarise(struct device *device, struct summary *summary)
{
	summary_make(summary, &device->client, device->scratch, sizeof(device->scratch));
	summary->tpm_handle = device->options->key_handle;
	summary->tpm = &device->tpm.stats;
	summary->storage = &device->storage.stats;
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
	online_event(device, event);
	switch (event->type) {
	case DPS_EVENT_PROVISIONED:
		device->exit_status = EXIT_PROVISIONED;
		device->owner_may_differ = true;
		device->ended = device->options->once && !device->options->online;
		break;
	case DPS_EVENT_FAILED:
		device->exit_status = event->deadline ? EXIT_DEADLINE : exit_status_of_cause(event->failure->cause);
		/* Whoever gave the endpoint may give another one. */
		device->ended = device->options->once || !(device_onboarding_listens(device) || online_stays(device));
		break;
	case DPS_EVENT_CANCELLED:
		device->exit_status = EXIT_CANCELLED;
		device->ended = true;
		break;
	default:
		break;
	}
}

/* A medium that takes no more is no reason not to run. */
static void remember(struct device *device)
{
	dps_result result = settings_write(&device->settings, device->options, &device->platform.storage);

	if (result != DPS_OK)
		device->reporter->warning(dps_result_name(result), "the command line could not be remembered in the state directory");
}

/* The network has said where the service is: durable before anything is sent there. */
static bool take_option43(struct device *device)
{
	const struct dps_option43 *option = &device->option43;
	enum dps_configured what = DPS_CONFIGURED_SAME;
	bool provisioned = false;
	dps_result result = dps_client_configure(&device->client, option->uri, option->pins, option->pin_count, &what);

	if (result == DPS_OK && what == DPS_CONFIGURED_REPROVISION)
		result = dps_client_load(&device->client, &provisioned);
	if (result != DPS_OK)
		return device_fail(device, result, "--option43: %s", dps_result_text(result));
	if (provisioned)
		device->start_flags |= DPS_START_FORCE;
	device->reporter->option43(what, option);
	return true;
}

static void configure(struct device *device, struct dps_client_config *config)
{
	const struct options *options = device->options;

	config->platform = &device->platform;
	config->channel = &device->channel.port;
	config->keys = options->key_handle != 0 ? &device->tpm.port : &device->keys.port;
	config->certificates = options->key_handle != 0 ? &device->tpm.certificates : &device->keys.certificates;
	config->service = dps_plgd_init(&device->plgd, NULL, 0);
	config->device_id = options->device_id;
	config->sequential = options->sequential;
	config->stay = !options->once;
	config->deadline_ms = options->once ? options->timeout_ms : 0;
	if (options->retry_count > 0) {
		memcpy(config->retry_ms, options->retry_ms, sizeof(config->retry_ms));
		config->retry_count = options->retry_count;
	}
	config->start_jitter_ms = options->startup_jitter_ms;
	config->rotate_key = options->rotate_key;
	if (options->renewal_permille > 0)
		config->renewal_permille = options->renewal_permille;
	config->on_event = on_event;
	config->user = device;
	device->start_flags = options->force ? DPS_START_FORCE : options->renew ? DPS_START_RENEW : DPS_START_NORMAL;
}

bool device_open(struct device *device)
{
	struct dps_client_config config;
	size_t chain_len = 0;

	dps_client_config_default(&config);
	dps_posix_random_init(&device->platform.random);
	dps_mbedtls_keys_init(&device->keys, &device->platform.storage, &device->platform.random);
	if (!open_trust(device, &config.trust) || !read_identity(device, &chain_len) || !device_open_storage(device, chain_len) ||
	    !open_network(device))
		return false;
	configure(device, &config);
	if (!open_client(device, &config))
		return false;
	remember(device);
	if (device->options->option43 != NULL && !take_option43(device))
		return false;
	return online_open(device);
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
	online_close(device);
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
	settings_free(&device->settings);
	if (device->opened == OPENED_STORAGE && device->made_state_dir)
		remove_state_dir(device->options->state_dir);
}
