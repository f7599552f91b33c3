/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/decimal.h"
#include "dps/port/tpm2.h"

#include "dps/client.h"

static const char usage[] =
	"usage: dps-device --endpoint URI [--endpoint URI]... --ca FILE --cert FILE --key file:PATH --state-dir DIR [OPTION]...\n"
	"       dps-device --state-dir DIR [OPTION]...    with what was remembered\n"
	"       dps-device --state-dir DIR --status | --reset [OPTION]...\n"
	"\n"
	"Provisions this device from a plgd device provisioning service, and keeps it provisioned.\n"
	"\n"
	"  --endpoint URI      coaps+tcp://host:port of the service; several are tried in turn\n"
	"  --option43 HEX      the endpoint, and a pin, from DHCP option 43, \"c8:15:...\" or \"c815...\"; they replace\n"
	"             @FILE    what is stored; or a file that holds the hex, or a lease of dhclient, udhcpc or networkd\n"
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
	"  --verify-host       compare it, even if --no-verify-host is remembered\n"
	"  --clock-synced      the system's clock is right: dates are checked in the handshake\n"
	"  --sequential        one request after another instead of one flight\n"
	"  --force             provision again even if the device is provisioned\n"
	"  --renew             renew the identity now, keep the rest\n"
	"  --reset             forget everything but the manufacturer's identity, and end\n"
	"  --status            tell what is committed, and end: 0 provisioned, 1 not; works beside a running dps-device\n"
	"  --retry S[,S...]    seconds of the retry schedule, fractions allowed (default 10,20,40,80,120)\n"
	"  --onboarding        take the endpoint from a tool on the local network; --endpoint may then be missing\n"
	"  --onboarding-code CODE|@FILE|env:NAME  the code that such a tool must know\n"
	"  --onboarding-listen ADDRESS[:PORT]     where to listen (default all, 5683 and, for DTLS, the next); may be repeated\n"
	"  --onboarding-interface IFNAME          the one interface for multicast (default all)\n"
	"  --online            go on to the hub and stay there; with --once end when signed in and published\n"
	"  --resource HREF=JSON  serve another resource: a JSON object of booleans, integers and texts; may be repeated\n"
	"  --hub-retry S[,S...]  seconds between rounds of the hub's gateways (default 2,4,8,16,32,64)\n"
	"  --hub-fallback S    offline for so long, it provisions again (default 300)\n"
	"  --startup-jitter S  wait up to so many seconds, at random, before the first connection (default: none)\n"
	"  --renew-at PERCENT  of its life the identity is renewed (default 66.7)\n"
	"  --rotate-key        a renewal asks for a certificate of a new key first\n"
	"  --once              end when provisioned, when refused for good, or at the time-out\n"
	"  --timeout SECONDS   of --once (default 120)\n"
	"  --json              one JSON object per event on standard output\n"
	"  --quiet             say nothing but errors\n"
	"  --help              this text\n"
	"\n"
	"Where the anchors, certificate and key are, pins, --no-verify-host and how the TPM is reached are remembered in the state\n"
	"directory, beside endpoints and device id; what is given goes before it. --ca replaces all that is remembered of trust (pins, "
	"--no-verify-host).\n"
	"\n"
	"Exit status: 0 provisioned (--online: signed out), 1 failed on this device, 2 bad usage or unreadable file, 3 time-out,\n"
	"4 refused for good, 130 cancelled.\n";

#define FIRST_ID 256 /* above all characters, which getopt_long returns for short options */

/* In the order of enum option_id. */
static const struct option long_options[OPTIONS_COUNT + 1] = {
	[OPT_ENDPOINT] = {"endpoint", required_argument, NULL, FIRST_ID + OPT_ENDPOINT},
	[OPT_CA] = {"ca", required_argument, NULL, FIRST_ID + OPT_CA},
	[OPT_CERT] = {"cert", required_argument, NULL, FIRST_ID + OPT_CERT},
	[OPT_KEY] = {"key", required_argument, NULL, FIRST_ID + OPT_KEY},
	[OPT_TCTI] = {"tcti", required_argument, NULL, FIRST_ID + OPT_TCTI},
	[OPT_OWNER_AUTH] = {"owner-auth", required_argument, NULL, FIRST_ID + OPT_OWNER_AUTH},
	[OPT_ENDORSEMENT_AUTH] = {"endorsement-auth", required_argument, NULL, FIRST_ID + OPT_ENDORSEMENT_AUTH},
	[OPT_LOCKOUT_AUTH] = {"lockout-auth", required_argument, NULL, FIRST_ID + OPT_LOCKOUT_AUTH},
	[OPT_STATE_DIR] = {"state-dir", required_argument, NULL, FIRST_ID + OPT_STATE_DIR},
	[OPT_DEVICE_ID] = {"device-id", required_argument, NULL, FIRST_ID + OPT_DEVICE_ID},
	[OPT_OPTION43] = {"option43", required_argument, NULL, FIRST_ID + OPT_OPTION43},
	[OPT_PIN] = {"pin", required_argument, NULL, FIRST_ID + OPT_PIN},
	[OPT_NO_VERIFY_HOST] = {"no-verify-host", no_argument, NULL, FIRST_ID + OPT_NO_VERIFY_HOST},
	[OPT_VERIFY_HOST] = {"verify-host", no_argument, NULL, FIRST_ID + OPT_VERIFY_HOST},
	[OPT_CLOCK_SYNCED] = {"clock-synced", no_argument, NULL, FIRST_ID + OPT_CLOCK_SYNCED},
	[OPT_SEQUENTIAL] = {"sequential", no_argument, NULL, FIRST_ID + OPT_SEQUENTIAL},
	[OPT_FORCE] = {"force", no_argument, NULL, FIRST_ID + OPT_FORCE},
	[OPT_RENEW] = {"renew", no_argument, NULL, FIRST_ID + OPT_RENEW},
	[OPT_RESET] = {"reset", no_argument, NULL, FIRST_ID + OPT_RESET},
	[OPT_STATUS] = {"status", no_argument, NULL, FIRST_ID + OPT_STATUS},
	[OPT_RETRY] = {"retry", required_argument, NULL, FIRST_ID + OPT_RETRY},
	[OPT_ONBOARDING] = {"onboarding", no_argument, NULL, FIRST_ID + OPT_ONBOARDING},
	[OPT_ONBOARDING_CODE] = {"onboarding-code", required_argument, NULL, FIRST_ID + OPT_ONBOARDING_CODE},
	[OPT_ONBOARDING_LISTEN] = {"onboarding-listen", required_argument, NULL, FIRST_ID + OPT_ONBOARDING_LISTEN},
	[OPT_ONBOARDING_INTERFACE] = {"onboarding-interface", required_argument, NULL, FIRST_ID + OPT_ONBOARDING_INTERFACE},
	[OPT_ONLINE] = {"online", no_argument, NULL, FIRST_ID + OPT_ONLINE},
	[OPT_RESOURCE] = {"resource", required_argument, NULL, FIRST_ID + OPT_RESOURCE},
	[OPT_HUB_RETRY] = {"hub-retry", required_argument, NULL, FIRST_ID + OPT_HUB_RETRY},
	[OPT_HUB_FALLBACK] = {"hub-fallback", required_argument, NULL, FIRST_ID + OPT_HUB_FALLBACK},
	[OPT_STARTUP_JITTER] = {"startup-jitter", required_argument, NULL, FIRST_ID + OPT_STARTUP_JITTER},
	[OPT_RENEW_AT] = {"renew-at", required_argument, NULL, FIRST_ID + OPT_RENEW_AT},
	[OPT_ROTATE_KEY] = {"rotate-key", no_argument, NULL, FIRST_ID + OPT_ROTATE_KEY},
	[OPT_ONCE] = {"once", no_argument, NULL, FIRST_ID + OPT_ONCE},
	[OPT_TIMEOUT] = {"timeout", required_argument, NULL, FIRST_ID + OPT_TIMEOUT},
	[OPT_JSON] = {"json", no_argument, NULL, FIRST_ID + OPT_JSON},
	[OPT_QUIET] = {"quiet", no_argument, NULL, FIRST_ID + OPT_QUIET},
	[OPT_HELP] = {"help", no_argument, NULL, FIRST_ID + OPT_HELP},
};

const char *options_usage(void)
{
	return usage;
}

static dps_result parse_schedule(const char *text, uint32_t *ms, size_t max, size_t *count)
{
	*count = 0;
	do {
		if (*count == max)
			return DPS_E_ARGUMENT;
		text = decimal_parse(text, ',', SECONDS_MAX, &ms[(*count)++]);
	} while (text != NULL && *text != '\0');
	return text != NULL ? DPS_OK : DPS_E_ARGUMENT;
}

/* 0.1 to 100, in tenths: 66.7. */
static dps_result parse_percent(const char *text, uint32_t *permille)
{
	uint32_t thousandths;

	if (decimal_parse(text, '\0', 100, &thousandths) == NULL)
		return DPS_E_ARGUMENT;
	*permille = (thousandths + 50) / 100;
	return *permille > 0 ? DPS_OK : DPS_E_ARGUMENT;
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

static dps_result parse_one(struct options *options, enum option_id id, const char *value)
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
		options->pin_texts[options->pin_count] = value;
		return dps_pin_parse(value, &options->pins[options->pin_count++]);
	case OPT_OPTION43:
		options->option43 = value;
		return DPS_OK;
	case OPT_RETRY:
		return parse_schedule(value, options->retry_ms, DPS_CONFIG_RETRIES, &options->retry_count);
	case OPT_STARTUP_JITTER:
		return decimal_parse(value, '\0', SECONDS_MAX, &options->startup_jitter_ms) != NULL ? DPS_OK : DPS_E_ARGUMENT;
	case OPT_RENEW_AT:
		return parse_percent(value, &options->renewal_permille);
	case OPT_ROTATE_KEY:
		options->rotate_key = true;
		return DPS_OK;
	case OPT_TIMEOUT:
		return decimal_parse(value, '\0', SECONDS_MAX, &options->timeout_ms) != NULL ? DPS_OK : DPS_E_ARGUMENT;
	case OPT_NO_VERIFY_HOST:
		options->verify_host = false;
		return DPS_OK;
	case OPT_VERIFY_HOST:
		options->verify_host = true;
		return DPS_OK;
	case OPT_CLOCK_SYNCED:
		options->clock_synced = true;
		return DPS_OK;
	case OPT_SEQUENTIAL:
		options->sequential = true;
		return DPS_OK;
	case OPT_FORCE:
		options->force = true;
		return DPS_OK;
	case OPT_RENEW:
		options->renew = true;
		return DPS_OK;
	case OPT_RESET:
		options->reset = true;
		return DPS_OK;
	case OPT_STATUS:
		options->status = true;
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
	case OPT_ONLINE:
		options->online = true;
		return DPS_OK;
	case OPT_RESOURCE:
		if (options->resource_count == DPS_CONFIG_RESOURCE_TABLE)
			return DPS_E_BUFFER;
		options->resources[options->resource_count++] = value;
		return DPS_OK;
	case OPT_HUB_RETRY:
		return parse_schedule(value, options->hub_retry_ms, DPS_HUB_RETRIES, &options->hub_retry_count);
	case OPT_HUB_FALLBACK:
		return decimal_parse(value, '\0', SECONDS_MAX, &options->hub_fallback_ms) != NULL ? DPS_OK : DPS_E_ARGUMENT;
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

dps_result options_set(struct options *options, enum option_id id, const char *value)
{
	options->values[id] = value != NULL ? value : "";
	return parse_one(options, id, value);
}

const char *options_name(enum option_id id)
{
	return long_options[id].name;
}

/* What does not go together. */
static dps_result check_pairs(const struct options *options, char *error, size_t size)
{
	static const enum option_id pairs[][2] = {
		{OPT_STATUS, OPT_RESET},    {OPT_STATUS, OPT_RENEW},      {OPT_STATUS, OPT_FORCE},
		{OPT_STATUS, OPT_OPTION43}, {OPT_STATUS, OPT_ONBOARDING}, {OPT_STATUS, OPT_ONLINE},
		{OPT_RESET, OPT_ONLINE},    {OPT_RESET, OPT_ONBOARDING},  {OPT_RESET, OPT_RENEW},
		{OPT_RESET, OPT_FORCE},     {OPT_RESET, OPT_OPTION43},    {OPT_RENEW, OPT_FORCE},
		{OPT_RENEW, OPT_OPTION43},  {OPT_ENDPOINT, OPT_OPTION43}, {OPT_VERIFY_HOST, OPT_NO_VERIFY_HOST},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (options->values[pairs[i][0]] == NULL || options->values[pairs[i][1]] == NULL)
			continue;
		snprintf(error, size, "--%s does not go with --%s", options_name(pairs[i][0]), options_name(pairs[i][1]));
		return DPS_E_ARGUMENT;
	}
	return DPS_OK;
}

dps_result options_check(const struct options *options, bool has_state, char *error, size_t size)
{
	const bool runs = !options->status && !options->reset;
	const struct {
		enum option_id id;
		bool there;
	} needed[] = {
		{OPT_ENDPOINT, !runs || has_state || options->endpoint_count > 0 || options->option43 != NULL || options->onboarding},
		{OPT_CA, !runs || options->ca != NULL},
		{OPT_CERT, !runs || options->values[OPT_CERT] != NULL},
		{OPT_KEY, !runs || options->values[OPT_KEY] != NULL},
		{OPT_STATE_DIR, options->state_dir != NULL},
		{OPT_ONBOARDING_CODE, !options->onboarding || options->onboarding_code != NULL},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (needed[i].there)
			continue;
		snprintf(error, size, "--%s is missing%s (--help tells more)", options_name(needed[i].id),
		         options->state_dir != NULL ? ", and none is remembered" : "");
		return DPS_E_ARGUMENT;
	}
	if (!options->online &&
	    (options->resource_count > 0 || options->values[OPT_HUB_RETRY] != NULL || options->values[OPT_HUB_FALLBACK] != NULL)) {
		snprintf(error, size, "--resource, --hub-retry and --hub-fallback go with --online");
		return DPS_E_ARGUMENT;
	}
	if (runs && !options->onboarding && options->onboarding_code != NULL) {
		snprintf(error, size, "--onboarding-code goes with --onboarding");
		return DPS_E_ARGUMENT;
	}
	if (runs && options->cert_index != 0 && options->key_handle == 0) {
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
		result = options_set(options, (enum option_id)(id - FIRST_ID), optarg);
		if (result != DPS_OK) {
			snprintf(error, size, "--%s %s: %s", long_options[index].name, optarg != NULL ? optarg : "", dps_result_text(result));
			return result;
		}
	}
	if (optind < argc) {
		snprintf(error, size, "%s: no such argument (--help tells more)", argv[optind]);
		return DPS_E_ARGUMENT;
	}
	if (options->help)
		return DPS_OK;
	/* Without a state directory nothing can be remembered. */
	return options->state_dir == NULL ? options_check(options, false, error, size) : check_pairs(options, error, size);
}
