/* SPDX-License-Identifier: Apache-2.0 */
/* A whole device in one file: minimal URI CA-FILE CERTIFICATE-FILE KEY-FILE STATE-DIRECTORY. docs/integration.md goes through it. */
#include "dps/client.h"
#include "dps/plgd.h"
#include "dps/port/mbedtls.h"
#include "dps/port/posix.h"

static struct dps_posix_clock real_clock;
static struct dps_posix_storage storage;
static struct dps_posix_network network;
static struct dps_mbedtls_keys keys;
static struct dps_mbedtls_channel channel;
static struct dps_platform platform;
static struct dps_plgd plgd;
static struct dps_client client;
static uint8_t anchors[8192], chain[8192], key[4096];

static void on_event(void *user, const struct dps_event *event)
{
	if (event->failure != NULL)
		fprintf(stderr, "%s: %s\n", dps_step_name(event->failure->step), dps_result_text(event->failure->cause));
	if (event->type == DPS_EVENT_PROVISIONED)
		*(int *)user = 0;
}

int main(int argc, char **argv)
{
	struct dps_client_config config;
	struct dps_wait waits[DPS_WAIT_MAX];
	size_t anchors_len, chain_len, key_len;
	int status = 1;

	dps_posix_clock_init(&real_clock, false);
	dps_posix_random_init(&platform.random);
	dps_mbedtls_keys_init(&keys, &platform.storage, &platform.random);
	dps_mbedtls_channel_init(&channel, &network.port, &platform.random);
	if (argc != 6 || dps_posix_read_file(argv[2], anchors, sizeof(anchors), &anchors_len, NULL, NULL) != DPS_OK ||
	    dps_posix_read_file(argv[3], chain, sizeof(chain), &chain_len, NULL, NULL) != DPS_OK ||
	    dps_posix_read_file(argv[4], key, sizeof(key), &key_len, NULL, NULL) != DPS_OK ||
	    dps_pki_load_certificates(anchors, anchors_len, anchors, sizeof(anchors), &anchors_len) != DPS_OK ||
	    dps_mbedtls_keys_set_manufacturer(&keys, key, key_len, chain, chain_len, chain, sizeof(chain)) != DPS_OK ||
	    dps_posix_storage_open(&storage, argv[5]) != DPS_OK || dps_posix_network_init(&network, &real_clock.port) != DPS_OK)
		return 2;
	platform.clock = real_clock.port;
	platform.storage = storage.port;

	dps_client_config_default(&config);
	config.platform = &platform, config.channel = &channel.port, config.service = dps_plgd_init(&plgd, NULL, 0);
	config.keys = &keys.port, config.certificates = &keys.certificates;
	config.trust.anchors = (struct dps_span){anchors, anchors_len};
	config.deadline_ms = 120000, config.on_event = on_event, config.user = &status;
	if (dps_client_init(&client, &config) != DPS_OK || dps_client_add_endpoint(&client, argv[1]) != DPS_OK ||
	    dps_client_start(&client, DPS_START_NORMAL) != DPS_OK)
		return 2;
	for (uint32_t within = dps_client_process(&client); dps_client_state(&client) != DPS_STATE_IDLE; within = dps_client_process(&client))
		if (dps_posix_wait(waits, dps_client_wait_on(&client, waits, DPS_WAIT_MAX), within) < DPS_OK)
			dps_client_cancel(&client);
	return status;
}
