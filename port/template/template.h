/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A port to copy and fill in: `cp -r port/template port/myboard`, then replace "template" by your name. docs/porting.md is the guide.
 *
 * Each structure begins with the table that the library wants. As it stands everything compiles and answers DPS_E_UNSUPPORTED: what is not
 * filled in is noticed at once and not in the field.
 */
#ifndef DPS_PORT_TEMPLATE_H
#define DPS_PORT_TEMPLATE_H

#include "dps/channel.h"
#include "dps/keys.h"
#include "dps/platform.h"

/** Clock, randomness, storage and log. */
struct template_platform {
	struct dps_platform port;
	/* What your system needs: a file system, a flash partition, a UART. */
};

void template_platform_init(struct template_platform *platform);

/** TCP with name resolution, for the TLS channel of port/mbedtls. */
struct template_network {
	struct dps_network port;
	int socket; /* -1: none */
	const char *detail;
};

void template_network_init(struct template_network *network);

/** A channel of your own instead, where the TLS is not Mbed TLS or runs in a modem. */
struct template_channel {
	struct dps_channel port;
	struct dps_channel_params params;
	struct dps_channel_stats stats;
	bool connected;
	const char *detail;
};

void template_channel_init(struct template_channel *channel);

/** Keys of your own instead of the software keys of port/mbedtls: a secure element, a TPM, a key store. */
struct template_keys {
	struct dps_keys port;
	struct dps_certificates certificates;
	struct dps_span chain; /* DER list of the manufacturer's certificate and its intermediates */
};

void template_keys_init(struct template_keys *keys, struct dps_span manufacturer_chain);

#endif
