/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dps-device. */
#ifndef DEVICE_OPTIONS_H
#define DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/config.h"
#include "dps/hub_config.h"
#include "dps/pki.h"
#include "dps/types.h"

#define OPTIONS_PINS_MAX   8
#define OPTIONS_LISTEN_MAX 4

/* The options that have a text of their own: what was given, or remembered, of each. */
enum option_id {
	OPT_ENDPOINT,
	OPT_CA,
	OPT_CERT,
	OPT_KEY,
	OPT_TCTI,
	OPT_OWNER_AUTH,
	OPT_ENDORSEMENT_AUTH,
	OPT_LOCKOUT_AUTH,
	OPT_STATE_DIR,
	OPT_DEVICE_ID,
	OPT_OPTION43,
	OPT_PIN,
	OPT_NO_VERIFY_HOST,
	OPT_VERIFY_HOST,
	OPT_CLOCK_SYNCED,
	OPT_SEQUENTIAL,
	OPT_FORCE,
	OPT_RENEW,
	OPT_RESET,
	OPT_STATUS,
	OPT_RETRY,
	OPT_ONBOARDING,
	OPT_ONBOARDING_CODE,
	OPT_ONBOARDING_LISTEN,
	OPT_ONBOARDING_INTERFACE,
	OPT_ONLINE,
	OPT_RESOURCE,
	OPT_HUB_RETRY,
	OPT_HUB_FALLBACK,
	OPT_STARTUP_JITTER,
	OPT_RENEW_AT,
	OPT_ROTATE_KEY,
	OPT_ONCE,
	OPT_TIMEOUT,
	OPT_JSON,
	OPT_QUIET,
	OPT_HELP,
	OPTIONS_COUNT
};

struct options {
	const char *values[OPTIONS_COUNT]; /* the last text of each, "" for one without value; NULL: neither given nor remembered */
	const char *endpoints[DPS_CONFIG_ENDPOINTS];
	size_t endpoint_count;
	const char *ca;
	const char *cert;
	const char *key;     /* the path behind "file:"; NULL with a key in the TPM */
	uint32_t key_handle; /* behind "tpm2:"; 0 with a key in a file */
	uint32_t cert_index; /* of NV, behind "nv:"; 0 with certificates in a file */
	const char *tcti;
	const char *owner_auth; /* "env:NAME" or "file:PATH"; NULL: empty */
	const char *endorsement_auth;
	const char *lockout_auth;
	const char *state_dir;
	bool onboarding;
	const char *onboarding_code;
	const char *onboarding_listen[OPTIONS_LISTEN_MAX];
	size_t onboarding_listen_count;
	const char *onboarding_interface;
	bool online;
	const char *resources[DPS_CONFIG_RESOURCE_TABLE]; /* HREF=JSON */
	size_t resource_count;
	uint32_t hub_retry_ms[DPS_HUB_RETRIES];
	size_t hub_retry_count;    /* 0: not given */
	uint32_t hub_fallback_ms;  /* 0: not given */
	struct dps_uuid device_id; /* nil: not given */
	const char *option43;      /* hex, or "@FILE"; NULL: not given */
	struct dps_pin pins[OPTIONS_PINS_MAX];
	const char *pin_texts[OPTIONS_PINS_MAX];
	size_t pin_count;
	uint32_t retry_ms[DPS_CONFIG_RETRIES];
	size_t retry_count; /* 0: not given */
	uint32_t timeout_ms;
	uint32_t startup_jitter_ms; /* 0: not given */
	uint32_t renewal_permille;  /* 0: not given */
	bool rotate_key;
	bool verify_host;
	bool clock_synced;
	bool sequential;
	bool force;
	bool renew;
	bool reset;
	bool status;
	bool once;
	bool json;
	bool quiet;
	bool help;
};

/*
 * Reads argv. On failure the result names the cause, and error (of that size) tells a person which argument it was. --json is honoured wherever it
 * stands, so that a caller who wants JSON gets the failure in it too. What is missing may be remembered: that is for options_check().
 */
dps_result options_parse(struct options *options, int argc, char **argv, char *error, size_t size);

/* Takes a value as if it had been given, at the end of the command line. The text is borrowed. */
dps_result options_set(struct options *options, enum option_id id, const char *value);

/* The name of an option, without "--". */
const char *options_name(enum option_id id);

/* Whether all is there that is needed; has_state: there is a state directory, which may know an endpoint. error as above. */
dps_result options_check(const struct options *options, bool has_state, char *error, size_t size);

/* The text of --help. */
const char *options_usage(void);

#endif
