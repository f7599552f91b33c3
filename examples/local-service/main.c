/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service: a device provisioning service for one machine, to develop and test against. The command line; docs/local-service.md describes it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "hub_command.h"
#include "hubs.h"
#include "server.h"
#include "text.h"

#define DEFAULT_CLOSE_AFTER_MS 1000u
#define DEFAULT_DEVICE_DAYS    365L
#define MAX_DAYS               36500L
#define MAX_CLOSE_AFTER_MS     3600000L
#define MAX_IDENTITY_LIFETIME  (100L * 365L * SERVICE_SECONDS_PER_DAY)
#define MAX_SERIAL             64u /* RFC 5280 appendix A: ub-common-name */

enum option_code {
	OPTION_STATE_DIR = 1,
	OPTION_LISTEN,
	OPTION_GATEWAY,
	OPTION_CONFIG,
	OPTION_FAULT,
	OPTION_CLOSE_AFTER,
	OPTION_IDENTITY_LIFETIME,
	OPTION_INIT_ONLY,
	OPTION_VERBOSE,
	OPTION_OUT,
	OPTION_SERIAL,
	OPTION_KEY_TYPE,
	OPTION_DAYS,
	OPTION_EXPIRED,
	OPTION_NOT_YET_VALID,
	OPTION_CSR,
	OPTION_HELP
};

static const char usage[] =
	"usage: dps-service --state-dir DIR [--listen HOST:PORT] [--gateway HOST:PORT[,HUBID]]... [--config FILE.json]\n"
	"                   [--fault STEP:ACTION[:COUNT]]... [--close-after MS] [--identity-lifetime SECONDS] [--verbose]\n"
	"       dps-service --state-dir DIR --init-only\n"
	"       dps-service make-device --state-dir DIR --out DIR2 --serial S [--key-type p256|p384|rsa2048]\n"
	"                   [--days N | --expired | --not-yet-valid]\n"
	"       dps-service sign-csr --state-dir DIR --csr FILE --out FILE [--days N | --expired | --not-yet-valid]\n"
	"       dps-service devices --state-dir DIR [--json]\n"
	"       dps-service get DEVICE HREF --state-dir DIR\n"
	"       dps-service post DEVICE HREF JSON --state-dir DIR\n"
	"       dps-service offline DEVICE --state-dir DIR\n"
	"       dps-service expire DEVICE --state-dir DIR\n";

struct serve_options {
	const char *state_directory;
	const char *listen;
	const char *config;
	long identity_lifetime; /* 0: not given */
	bool init_only;
	bool verbose;
};

static long number_option(const char *name, const char *text, long low, long high)
{
	long value;

	if (!service_parse_number(text, low, high, &value)) {
		service_fail(SERVICE_EXIT_USAGE, "--%s must be a whole number from %ld to %ld, not \"%s\"", name, low, high, text);
	}
	return value;
}

static void print_usage(void)
{
	fputs(usage, stdout);
	exit(EXIT_SUCCESS);
}

/* The next option, or 0 at the end. getopt's own message is the one line that says what is wrong with it. */
static int next_option(int argc, char *argv[], const struct option *known)
{
	int code = getopt_long(argc, argv, "", known, NULL);

	if (code == '?') {
		exit(SERVICE_EXIT_USAGE);
	}
	if (code == OPTION_HELP) {
		print_usage();
	}
	if (code < 0 && optind < argc) {
		service_fail(SERVICE_EXIT_USAGE, "unexpected argument \"%s\"; see --help", argv[optind]);
	}
	return code < 0 ? 0 : code;
}

static void need(const char *value, const char *name)
{
	if (value == NULL || value[0] == '\0') {
		service_fail(SERVICE_EXIT_USAGE, "--%s is needed; see --help", name);
	}
}

/* --- serving --- */

static void add_fault(struct service *service, const char *given)
{
	char *error = service_faults_add(&service->faults, given);

	if (error != NULL) {
		service_fail(SERVICE_EXIT_USAGE, "--fault %s: %s", given, error);
	}
}

static void read_serve_options(int argc, char *argv[], struct serve_options *options, struct service *service)
{
	static const struct option known[] = {
		{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
		{"listen", required_argument, NULL, OPTION_LISTEN},
		{"gateway", required_argument, NULL, OPTION_GATEWAY},
		{"config", required_argument, NULL, OPTION_CONFIG},
		{"fault", required_argument, NULL, OPTION_FAULT},
		{"close-after", required_argument, NULL, OPTION_CLOSE_AFTER},
		{"identity-lifetime", required_argument, NULL, OPTION_IDENTITY_LIFETIME},
		{"init-only", no_argument, NULL, OPTION_INIT_ONLY},
		{"verbose", no_argument, NULL, OPTION_VERBOSE},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int code;

	while ((code = next_option(argc, argv, known)) != 0) {
		switch (code) {
		case OPTION_STATE_DIR:
			options->state_directory = optarg;
			break;
		case OPTION_LISTEN:
			options->listen = optarg;
			break;
		case OPTION_GATEWAY:
			hub_add_gateway(service, optarg);
			break;
		case OPTION_CONFIG:
			options->config = optarg;
			break;
		case OPTION_FAULT:
			add_fault(service, optarg);
			break;
		case OPTION_CLOSE_AFTER:
			service->close_after_ms = (uint64_t)number_option("close-after", optarg, 0, MAX_CLOSE_AFTER_MS);
			break;
		case OPTION_IDENTITY_LIFETIME:
			options->identity_lifetime = number_option("identity-lifetime", optarg, 1, MAX_IDENTITY_LIFETIME);
			break;
		case OPTION_INIT_ONLY:
			options->init_only = true;
			break;
		default:
			options->verbose = true;
			break;
		}
	}
	need(options->state_directory, "state-dir");
	if (!options->init_only && service->hub == NULL) {
		need(options->listen, "listen");
	}
}

static void split_address(const char *listen, char **host, char **port)
{
	if (!service_split_address(listen, host, port)) {
		service_fail(SERVICE_EXIT_USAGE, "--listen must be HOST:PORT, an IPv6 address in brackets, not \"%s\"", listen);
	}
}

/* The command line's wish is over the file's, and may be changed at run time as if it stood there. */
static void load_config(struct service *service, const struct serve_options *options)
{
	char *seconds;
	char *error;

	service_config_load(&service->config, options->config);
	if (options->identity_lifetime == 0) {
		return;
	}
	seconds = service_format("%ld", options->identity_lifetime);
	error = service_config_set(&service->config, "identityLifetime", seconds);
	free(seconds);
	if (error != NULL) {
		service_fail(SERVICE_EXIT_USAGE, "--identity-lifetime: %s", error);
	}
}

static void replace_server(struct service *service)
{
	const struct service_config *config = &service->config;

	if (config->server_certificate.is_set) {
		service_ca_replace_server(&service->authorities, config->server_certificate.key_type, config->server_certificate.alternative_names,
		                          config->server_certificate.validity);
	}
}

static void serve(int argc, char *argv[])
{
	struct service service = {.close_after_ms = DEFAULT_CLOSE_AFTER_MS};
	struct serve_options options = {0};
	char *host = NULL;
	char *port = NULL;

	read_serve_options(argc, argv, &options, &service);
	if (!options.init_only && options.listen != NULL) {
		split_address(options.listen, &host, &port);
	}
	load_config(&service, &options);
	service_ca_open(&service.authorities, options.state_directory);
	if (service.config.hub_ca_lifetime > 0) {
		service_ca_limit_hubs(&service.authorities, service.config.hub_ca_lifetime);
	}
	service_hubs_open(&service);
	service_identities_open(&service.identities, options.state_directory);
	if (!options.init_only) {
		replace_server(&service);
		service_server_run(&service, options.state_directory, host, port, options.verbose);
	}
	hub_free(&service);
	service_identities_close(&service.identities);
	service_ca_close(&service.authorities);
	service_config_free(&service.config);
	service_faults_free(&service.faults);
	free(host);
	free(port);
}

/* --- the factory's commands --- */

static void read_order(int argc, char *argv[], const struct option *known, struct service_device_order *order)
{
	int lifetimes = 0;
	int code;

	while ((code = next_option(argc, argv, known)) != 0) {
		switch (code) {
		case OPTION_STATE_DIR:
			order->state_directory = optarg;
			break;
		case OPTION_OUT:
			order->out = optarg;
			break;
		case OPTION_SERIAL:
			order->serial = optarg;
			break;
		case OPTION_CSR:
			order->csr = optarg;
			break;
		case OPTION_KEY_TYPE:
			if (!service_pki_key_type(optarg, &order->key_type)) {
				service_fail(SERVICE_EXIT_USAGE, "--key-type must be p256, p384 or rsa2048, not \"%s\"", optarg);
			}
			break;
		case OPTION_DAYS:
			order->days = number_option("days", optarg, 1, MAX_DAYS);
			lifetimes++;
			break;
		default:
			order->validity = code == OPTION_EXPIRED ? SERVICE_EXPIRED : SERVICE_NOT_YET_VALID;
			lifetimes++;
			break;
		}
	}
	if (lifetimes > 1) {
		service_fail(SERVICE_EXIT_USAGE, "only one of --days, --expired and --not-yet-valid can be had");
	}
	need(order->state_directory, "state-dir");
	need(order->out, "out");
}

static void make_device(int argc, char *argv[])
{
	static const struct option known[] = {
		{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
		{"out", required_argument, NULL, OPTION_OUT},
		{"serial", required_argument, NULL, OPTION_SERIAL},
		{"key-type", required_argument, NULL, OPTION_KEY_TYPE},
		{"days", required_argument, NULL, OPTION_DAYS},
		{"expired", no_argument, NULL, OPTION_EXPIRED},
		{"not-yet-valid", no_argument, NULL, OPTION_NOT_YET_VALID},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	struct service_device_order order = {.key_type = SERVICE_KEY_P256, .days = DEFAULT_DEVICE_DAYS};

	read_order(argc, argv, known, &order);
	need(order.serial, "serial");
	if (strlen(order.serial) > MAX_SERIAL) {
		service_fail(SERVICE_EXIT_USAGE, "--serial must be at most %u bytes", MAX_SERIAL);
	}
	service_ca_make_device(&order);
}

static void sign_csr(int argc, char *argv[])
{
	static const struct option known[] = {
		{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
		{"out", required_argument, NULL, OPTION_OUT},
		{"csr", required_argument, NULL, OPTION_CSR},
		{"days", required_argument, NULL, OPTION_DAYS},
		{"expired", no_argument, NULL, OPTION_EXPIRED},
		{"not-yet-valid", no_argument, NULL, OPTION_NOT_YET_VALID},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	struct service_device_order order = {.days = DEFAULT_DEVICE_DAYS};

	read_order(argc, argv, known, &order);
	need(order.csr, "csr");
	service_ca_sign_csr(&order);
}

int main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		void (*run)(int argc, char *argv[]);
	} commands[] = {{"make-device", make_device},  {"sign-csr", sign_csr},     {"devices", hub_command_devices},
	                {"get", hub_command_get},      {"post", hub_command_post}, {"offline", hub_command_offline},
	                {"expire", hub_command_expire}};
	size_t at;

	for (at = 0; argc > 1 && at < sizeof(commands) / sizeof(commands[0]); at++) {
		if (strcmp(argv[1], commands[at].name) == 0) {
			/* The command's name stands where getopt expects the program's, which begins its messages. */
			argv[1] = argv[0];
			commands[at].run(argc - 1, argv + 1);
			return EXIT_SUCCESS;
		}
	}
	serve(argc, argv);
	return EXIT_SUCCESS;
}
