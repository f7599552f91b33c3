/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dps-device. */
#ifndef DEVICE_OPTIONS_H
#define DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/config.h"
#include "dps/pki.h"
#include "dps/types.h"

#define OPTIONS_PINS_MAX   8
#define OPTIONS_LISTEN_MAX 4

struct options {
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
	struct dps_uuid device_id; /* nil: not given */
	struct dps_pin pins[OPTIONS_PINS_MAX];
	size_t pin_count;
	uint32_t retry_ms[DPS_CONFIG_RETRIES];
	size_t retry_count; /* 0: not given */
	uint32_t timeout_ms;
	bool verify_host;
	bool clock_synced;
	bool sequential;
	bool force;
	bool once;
	bool json;
	bool quiet;
	bool help;
};

/*
 * Reads argv. On failure the result names the cause, and error (of that size) tells a person which argument it was. --json is honoured wherever it
 * stands, so that a caller who wants JSON gets the failure in it too.
 */
dps_result options_parse(struct options *options, int argc, char **argv, char *error, size_t size);

/* The text of --help. */
const char *options_usage(void);

#endif
