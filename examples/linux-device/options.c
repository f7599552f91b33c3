/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dps/port/tpm2.h"

#include "dps/client.h"

#define SECONDS_MAX 4000000.0

static const char usage[] =
	"usage: dps-device --endpoint URI [--endpoint URI]... --ca FILE --cert FILE --key file:PATH --state-dir DIR [OPTION]...\n"
	"\n"
	"Provisions this device from a plgd device provisioning service, and keeps it provisioned.\n"
	"\n"
	"  --endpoint URI      coaps+tcp://host:port of the service; several are tried in turn\n"
	"  --ca FILE           trust anchors of the service, PEM or DER\n"
	"  --cert FILE         manufacturer certificate, leaf first, with its intermediates, PEM or DER;\n"
	"         nv:INDEX     or from the TPM, its intermediates at the indices behind it\n"
	"  --key file:PATH     private key of that certificate, PEM or DER (mode 0600);\n"
	"        tpm2:HANDLE   or in the TPM, which then keeps the operational key too\n"
	"  --tcti STRING       how to reach the TPM: swtpm:host=HOST,port=PORT, device:/dev/tpmrm0, tabrmd\n"
	"                      (default: TPM2TOOLS_TCTI of the environment, else the TPM of this machine)\n"
	"  --owner-auth, --endorsement-auth, --lockout-auth  env:NAME or file:PATH of the TPM's authorization values\n"
	"  --state-dir DIR     where the device keeps its state; made if missing\n"
	"  --device-id UUID    the device's id; without it a random one is made once and kept\n"
	"  --pin PIN           sha256:HEX or spki-sha256:HEX of a certificate on the service's path; may be repeated,\n"
	"                      one must match, beside all other checks\n"
	"  --no-verify-host    do not compare the host name with the service's certificate\n"
	"  --clock-synced      the system's clock is right: dates are checked in the handshake\n"
	"  --sequential        one request after another instead of one flight\n"
	"  --force             provision again even if the device is provisioned\n"
	"  --retry S[,S...]    seconds of the retry schedule, fractions allowed (default 10,20,40,80,120)\n"
	"  --onboarding        take the endpoint from a tool on the local network; --endpoint may then be missing\n"
	"  --onboarding-code CODE|@FILE|env:NAME  the code that such a tool must know\n"
	"  --onboarding-listen ADDRESS[:PORT]     where to listen (default all, 5683 and, for DTLS, the next); may be repeated\n"
	"  --onboarding-interface IFNAME          the one interface for multicast (default all)\n"
	"  --once              end when provisioned, when refused for good, or at the time-out\n"
	"  --timeout SECONDS   of --once (default 120)\n"
	"  --json              one JSON object per event on standard output\n"
	"  --quiet             say nothing but errors\n"
	"  --help              this text\n"
	"\n"
	"Exit status: 0 provisioned, 1 failed on this device, 2 bad usage or unreadable file, 3 time-out, 4 refused for good, 130 cancelled.\n";

enum option_id {
	OPT_ENDPOINT = 256,
	OPT_CA,
	OPT_CERT,
	OPT_KEY,
	OPT_TCTI,
	OPT_OWNER_AUTH,
	OPT_ENDORSEMENT_AUTH,
	OPT_LOCKOUT_AUTH,
	OPT_STATE_DIR,
	OPT_DEVICE_ID,
	OPT_PIN,
	OPT_NO_VERIFY_HOST,
	OPT_CLOCK_SYNCED,
	OPT_SEQUENTIAL,
	OPT_ONBOARDING,
	OPT_ONBOARDING_CODE,
	OPT_ONBOARDING_LISTEN,
	OPT_ONBOARDING_INTERFACE,
	OPT_FORCE,
	OPT_RETRY,
	OPT_ONCE,
	OPT_TIMEOUT,
	OPT_JSON,
	OPT_QUIET,
	OPT_HELP
};

static const struct option long_options[] = {
	{"endpoint", required_argument, NULL, OPT_ENDPOINT},
	{"ca", required_argument, NULL, OPT_CA},
	{"cert", required_argument, NULL, OPT_CERT},
	{"key", required_argument, NULL, OPT_KEY},
	{"tcti", required_argument, NULL, OPT_TCTI},
	{"owner-auth", required_argument, NULL, OPT_OWNER_AUTH},
	{"endorsement-auth", required_argument, NULL, OPT_ENDORSEMENT_AUTH},
	{"lockout-auth", required_argument, NULL, OPT_LOCKOUT_AUTH},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"device-id", required_argument, NULL, OPT_DEVICE_ID},
	{"pin", required_argument, NULL, OPT_PIN},
	{"no-verify-host", no_argument, NULL, OPT_NO_VERIFY_HOST},
	{"clock-synced", no_argument, NULL, OPT_CLOCK_SYNCED},
	{"sequential", no_argument, NULL, OPT_SEQUENTIAL},
	{"onboarding", no_argument, NULL, OPT_ONBOARDING},
	{"onboarding-code", required_argument, NULL, OPT_ONBOARDING_CODE},
	{"onboarding-listen", required_argument, NULL, OPT_ONBOARDING_LISTEN},
	{"onboarding-interface", required_argument, NULL, OPT_ONBOARDING_INTERFACE},
	{"force", no_argument, NULL, OPT_FORCE},
	{"retry", required_argument, NULL, OPT_RETRY},
	{"once", no_argument, NULL, OPT_ONCE},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"json", no_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

const char *options_usage(void)
{
	return usage;
}

/* One number of seconds, a fraction allowed, ended by `end` or the end of the text. Returns what stands behind it, NULL if it is none. */
static const char *parse_seconds(const char *text, char end, uint32_t *ms)
{
	char *rest;
	double seconds;

	if (*text < '0' || *text > '9')
		return NULL;
	seconds = strtod(text, &rest);
	if (!isfinite(seconds) || seconds > SECONDS_MAX || (*rest != '\0' && *rest != end))
		return NULL;
	*ms = (uint32_t)(seconds * 1000.0 + 0.5);
	if (*ms == 0)
		return NULL;
	return *rest == end ? rest + 1 : rest;
}

static dps_result parse_retry(struct options *options, const char *text)
{
	options->retry_count = 0;
	do {
		if (options->retry_count == DPS_CONFIG_RETRIES)
			return DPS_E_ARGUMENT;
		text = parse_seconds(text, ',', &options->retry_ms[options->retry_count++]);
	} while (text != NULL && *text != '\0');
	return text != NULL ? DPS_OK : DPS_E_ARGUMENT;
}

static dps_result parse_key(struct options *options, const char *value)
{
	dps_result result;

	options->key = NULL;
	options->key_handle = 0;
	result = dps_tpm2_parse_key(value, &options->key_handle);
	if (result != DPS_E_NOT_FOUND)
		return result;
	if (strncmp(value, "file:", 5) != 0 || value[5] == '\0')
		return DPS_E_ARGUMENT;
	options->key = value + 5;
	return DPS_OK;
}

static dps_result parse_cert(struct options *options, const char *value)
{
	dps_result result;

	options->cert = NULL;
	options->cert_index = 0;
	result = dps_tpm2_parse_index(value, &options->cert_index);
	if (result != DPS_E_NOT_FOUND)
		return result;
	options->cert = value;
	return DPS_OK;
}

static dps_result parse_one(struct options *options, int id, const char *value)
{
	switch (id) {
	case OPT_ENDPOINT:
		if (options->endpoint_count == DPS_CONFIG_ENDPOINTS)
			return DPS_E_BUFFER;
		options->endpoints[options->endpoint_count++] = value;
		return dps_client_check_endpoint(value);
	case OPT_CA:
		options->ca = value;
		return DPS_OK;
	case OPT_CERT:
		return parse_cert(options, value);
	case OPT_KEY:
		return parse_key(options, value);
	case OPT_TCTI:
		options->tcti = value;
		return DPS_OK;
	case OPT_OWNER_AUTH:
		options->owner_auth = value;
		return DPS_OK;
	case OPT_ENDORSEMENT_AUTH:
		options->endorsement_auth = value;
		return DPS_OK;
	case OPT_LOCKOUT_AUTH:
		options->lockout_auth = value;
		return DPS_OK;
	case OPT_STATE_DIR:
		options->state_dir = value;
		return DPS_OK;
	case OPT_DEVICE_ID:
		if (dps_uuid_parse(value, strlen(value), &options->device_id) != DPS_OK || dps_uuid_is_nil(&options->device_id))
			return DPS_E_ARGUMENT;
		return DPS_OK;
	case OPT_PIN:
		if (options->pin_count == OPTIONS_PINS_MAX)
			return DPS_E_BUFFER;
		return dps_pin_parse(value, &options->pins[options->pin_count++]);
	case OPT_RETRY:
		return parse_retry(options, value);
	case OPT_TIMEOUT:
		return parse_seconds(value, '\0', &options->timeout_ms) != NULL ? DPS_OK : DPS_E_ARGUMENT;
	case OPT_NO_VERIFY_HOST:
		options->verify_host = false;
		return DPS_OK;
	case OPT_CLOCK_SYNCED:
		options->clock_synced = true;
		return DPS_OK;
	case OPT_SEQUENTIAL:
		options->sequential = true;
		return DPS_OK;
	case OPT_ONBOARDING:
		options->onboarding = true;
		return DPS_OK;
	case OPT_ONBOARDING_CODE:
		options->onboarding_code = value;
		return DPS_OK;
	case OPT_ONBOARDING_LISTEN:
		if (options->onboarding_listen_count == OPTIONS_LISTEN_MAX)
			return DPS_E_BUFFER;
		options->onboarding_listen[options->onboarding_listen_count++] = value;
		return DPS_OK;
	case OPT_ONBOARDING_INTERFACE:
		options->onboarding_interface = value;
		return DPS_OK;
	case OPT_FORCE:
		options->force = true;
		return DPS_OK;
	case OPT_ONCE:
		options->once = true;
		return DPS_OK;
	case OPT_JSON:
		options->json = true;
		return DPS_OK;
	case OPT_QUIET:
		options->quiet = true;
		return DPS_OK;
	case OPT_HELP:
		options->help = true;
		return DPS_OK;
	default:
		return DPS_E_ARGUMENT;
	}
}

static dps_result check_required(const struct options *options, char *error, size_t size)
{
	const struct {
		const char *name;
		bool given;
	} required[] = {
		{"--endpoint", options->endpoint_count > 0 || options->onboarding},
		{"--ca", options->ca != NULL},
		{"--cert", options->cert != NULL || options->cert_index != 0},
		{"--key", options->key != NULL || options->key_handle != 0},
		{"--state-dir", options->state_dir != NULL},
		{"--onboarding-code", options->onboarding_code != NULL || !options->onboarding},
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (required[i].given)
			continue;
		snprintf(error, size, "%s is missing (--help tells more)", required[i].name);
		return DPS_E_ARGUMENT;
	}
	if (options->cert_index != 0 && options->key_handle == 0) {
		snprintf(error, size, "--cert nv:INDEX goes with --key tpm2:HANDLE");
		return DPS_E_ARGUMENT;
	}
	return DPS_OK;
}

dps_result options_parse(struct options *options, int argc, char **argv, char *error, size_t size)
{
	int index = 0;
	int id;

	*options = (struct options){.verify_host = true, .timeout_ms = 120000};
	for (int i = 1; i < argc; i++)
		options->json = options->json || strcmp(argv[i], "--json") == 0;

	opterr = 0;
	while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		dps_result result;

		if (id == '?' || id == ':') {
			snprintf(error, size, "%s is not an option, or lacks its value (--help tells more)", argv[optind - 1]);
			return DPS_E_ARGUMENT;
		}
		result = parse_one(options, id, optarg);
		if (result != DPS_OK) {
			snprintf(error, size, "--%s %s: %s", long_options[index].name, optarg != NULL ? optarg : "", dps_result_text(result));
			return result;
		}
	}
	if (optind < argc) {
		snprintf(error, size, "%s: no such argument (--help tells more)", argv[optind]);
		return DPS_E_ARGUMENT;
	}
	return options->help ? DPS_OK : check_required(options, error, size);
}
