/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "../common/decimal.h"
#include "../common/onboarding_code.h"
#include "dps/client.h"

#define TIMEOUT_MAX 3600u /* seconds */
#define TIMEOUT_MS  6000u /* a device may take five seconds to answer a multicast */

static const char usage[] = "usage: dps-onboard discover\n"
							"       dps-onboard show DEVICE --code CODE\n"
							"       dps-onboard set-endpoint DEVICE URI [--name NAME] --code CODE\n"
							"       dps-onboard reprovision DEVICE --code CODE\n"
							"       dps-onboard reset DEVICE --code CODE\n"
							"       dps-onboard code [--device ID]\n"
							"\n"
							"Finds devices on the local network that wait for a provisioning endpoint, and gives them one.\n"
							"\n"
							"  DEVICE              a device id, or coap://HOST:PORT, or coaps://HOST:PORT\n"
							"  --code CODE         the code that came with the device; better @FILE (mode 0600) or env:NAME\n"
							"  --name NAME         a name of the endpoint for people\n"
							"  --device ID         the id in a new code (default a random UUID)\n"
							"  --interface IF      where to look (default everywhere); may be repeated\n"
							"  --unicast HOST:PORT ask there instead of everybody; may be repeated\n"
							"  --timeout SECONDS   how long to wait for answers (default 6)\n"
							"  --json              one JSON object per line\n"
							"  --help              this text\n"
							"\n"
							"Exit status: 0 done, 1 failed, 2 bad usage.\n";

const char *onboard_options_usage(void)
{
	return usage;
}

/* What each verb takes: positional arguments, and whether a code is needed. */
static const struct verb {
	const char *name;
	int arguments;
	bool needs_code;
} verbs[] = {
	[ONBOARD_DISCOVER] = {"discover", 0, false},
	[ONBOARD_SHOW] = {"show", 1, true},
	[ONBOARD_SET_ENDPOINT] = {"set-endpoint", 2, true},
	[ONBOARD_REPROVISION] = {"reprovision", 1, true},
	[ONBOARD_RESET] = {"reset", 1, true},
	[ONBOARD_CODE] = {"code", 0, false},
};

enum { OPT_CODE = 256, OPT_NAME, OPT_DEVICE, OPT_INTERFACE, OPT_UNICAST, OPT_TIMEOUT, OPT_JSON, OPT_HELP };

static const struct option long_options[] = {
	{"code", required_argument, NULL, OPT_CODE},
	{"name", required_argument, NULL, OPT_NAME},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"interface", required_argument, NULL, OPT_INTERFACE},
	{"unicast", required_argument, NULL, OPT_UNICAST},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static bool add(const char **list, size_t *count, const char *value)
{
	if (*count == ONBOARD_PLACES_MAX)
		return false;
	list[(*count)++] = value;
	return true;
}

static bool parse_one(struct onboard_options *options, int id, const char *value)
{
	switch (id) {
	case OPT_CODE:
		options->code = value;
		return true;
	case OPT_NAME:
		options->name = value;
		return strlen(value) <= DPS_CONFIG_NAME_LENGTH;
	case OPT_DEVICE:
		options->id = value;
		return onboarding_id_valid(value, strlen(value));
	case OPT_INTERFACE:
		return add(options->interfaces, &options->interface_count, value);
	case OPT_UNICAST:
		return add(options->unicast, &options->unicast_count, value);
	case OPT_TIMEOUT:
		return decimal_parse(value, '\0', TIMEOUT_MAX, &options->timeout_ms) != NULL;
	case OPT_JSON:
		options->json = true;
		return true;
	case OPT_HELP:
		options->verb = ONBOARD_HELP;
		return true;
	default:
		return false;
	}
}

static bool parse_verb(struct onboard_options *options, int argc, char **argv, char *error, size_t size)
{
	const char *name = optind < argc ? argv[optind] : "";
	int arguments = argc - optind - 1;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		options->verb = (enum onboard_verb)i;
		if (arguments != verbs[i].arguments) {
			snprintf(error, size, "%s takes %d arguments (--help tells more)", name, verbs[i].arguments);
			return false;
		}
		if (verbs[i].needs_code && options->code == NULL) {
			snprintf(error, size, "--code is missing (--help tells more)");
			return false;
		}
		options->device = arguments > 0 ? argv[optind + 1] : NULL;
		options->uri = arguments > 1 ? argv[optind + 2] : NULL;
		return true;
	}
	snprintf(error, size, "%s is no command (--help tells more)", *name != '\0' ? name : "nothing");
	return false;
}

bool onboard_options_parse(struct onboard_options *options, int argc, char **argv, char *error, size_t size)
{
	int index = 0;
	int id;

	*options = (struct onboard_options){.timeout_ms = TIMEOUT_MS};
	for (int i = 1; i < argc; i++)
		options->json = options->json || strcmp(argv[i], "--json") == 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (id == '?' || id == ':') {
			snprintf(error, size, "%s is not an option, or lacks its value (--help tells more)", argv[optind - 1]);
			return false;
		}
		if (!parse_one(options, id, optarg)) {
			snprintf(error, size, "--%s: not a value that it takes (--help tells more)", long_options[index].name);
			return false;
		}
		if (options->verb == ONBOARD_HELP)
			return true;
	}
	if (!parse_verb(options, argc, argv, error, size))
		return false;
	if (options->uri != NULL && dps_client_check_endpoint(options->uri) != DPS_OK) {
		snprintf(error, size, "%s: not coaps+tcp://host:port", options->uri);
		return false;
	}
	return true;
}
