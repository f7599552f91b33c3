/* SPDX-License-Identifier: Apache-2.0 */
/* The device: all ports and the client in one place, made from the command line. What firmware would write for its own board. */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include "dps/client.h"
#include "dps/option43.h"
#include "dps/plgd.h"
#include "dps/port/mbedtls.h"
#include "dps/port/posix.h"
#include "dps/port/tpm2.h"
#include "onboarding.h"
#include "online.h"
#include "options.h"
#include "reporter.h"
#include "settings.h"

/* Files given on the command line may have this size; as DER they take less. */
#define DEVICE_FILE_SIZE 65536

struct device {
	struct options *options;
	const struct reporter *reporter;
	struct settings settings;     /* what options were recalled from */
	bool has_state;               /* there was a state directory */
	struct dps_option43 option43; /* of --option43 */
	unsigned start_flags;

	struct dps_posix_clock clock;
	struct dps_posix_storage storage;
	struct dps_posix_log log;
	struct dps_posix_network network;
	struct dps_mbedtls_keys keys; /* with a key in a file */
	struct dps_tpm2 tpm;          /* with a key in a TPM */
	struct dps_mbedtls_channel channel;
	struct dps_platform platform;
	struct dps_plgd plgd;
	struct dps_client client;
	struct onboarding onboarding;
	bool onboarding_is_open;
	bool owner_may_differ; /* from what onboarding knows */
	struct online online;

	uint8_t anchors[DEVICE_FILE_SIZE];
	uint8_t file[DEVICE_FILE_SIZE];
	uint8_t chain[DEVICE_FILE_SIZE];
	uint8_t scratch[DEVICE_FILE_SIZE];

	/* What is open, in the order of opening. */
	enum { OPENED_NOTHING, OPENED_STORAGE, OPENED_KEYS, OPENED_NETWORK, OPENED_CHANNEL, OPENED_CLIENT } opened;
	bool made_state_dir; /* and nothing is in it yet */

	/* How the run ended. */
	bool ended;
	int exit_status;
};

/* Monotonic milliseconds. */
static inline uint64_t device_now_ms(const struct device *device)
{
	return device->platform.clock.monotonic_ms(device->platform.clock.ctx);
}

/* Reports a failure before the client could start, and sets exit_status. Returns false. */
__attribute__((format(printf, 3, 4))) bool device_fail(struct device *device, dps_result cause, const char *format, ...);

/* Recalls what was not given, and judges the command line as a whole. Nothing is opened yet. False: it has been reported, and exit_status is set. */
bool device_prepare(struct device *device, struct options *options, const struct reporter *reporter);

/* Opens all ports, reads all files and prepares the client. On failure it has been reported, and exit_status is set. */
bool device_open(struct device *device);

/* Starts the client and drives it until it ends or a signal comes. Sets exit_status. */
void device_run(struct device *device);

/* --status and --reset, from device_prepare() to the end. Set exit_status. */
void device_show_status(struct device *device);
void device_reset(struct device *device);

/* Opens the state directory and what is asked of a TPM, with that chain; part of device_open(). */
bool device_open_storage(struct device *device, size_t chain_len);

/* Closes all and wipes what is secret; harmless after a failed open. */
void device_close(struct device *device);

#endif
