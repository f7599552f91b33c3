/* SPDX-License-Identifier: Apache-2.0 */
/* A device that goes on to its hub: the session, the resources, and what the two and the client have to do with each other. */
#ifndef DEVICE_ONLINE_H
#define DEVICE_ONLINE_H

#include "dps/online.h"
#include "dps/plgd_conf.h"
#include "dps/port/mbedtls.h"
#include "dps/port/posix.h"
#include "input.h"
#include "online_conf.h"

#if !DPS_CONFIG_HUB
#error "dps-device goes online: it needs DPS_CONFIG_HUB"
#endif

struct device;

/* The longest href of the library's resources. */
#define ONLINE_HREF_SIZE 128

struct online {
	struct dps_device resources; /* the first: callbacks of the session are handed it */
	struct device *device;
	bool is_open; /* network and channel are */

	struct dps_posix_network network;
	struct dps_mbedtls_channel channel;
	struct dps_online join;
	struct dps_hub hub;
	struct dps_device_config about;
	char name[64];
	int64_t last_synced; /* Unix ms, when the time was told last; 0: never */

	struct dps_uuid gateway_hub; /* where it was signed in last, and ... */
	char gateway[DPS_CONFIG_URI_LENGTH + 1];
	struct online_conf conf;
	struct input input;
	struct {
		uint8_t committed[DPS_CONFIG_BODY_SIZE];
		uint8_t local[DPS_CONFIG_BODY_SIZE];
	} acls[2];       /* those in force, and the next ones */
	unsigned in_use; /* index into acls */
	uint8_t values[DPS_CONFIG_BODY_SIZE];

	/* What is to be done in the next turn. */
	bool start_due;
	bool acl_due;
	bool values_due;

	uint64_t restart_at; /* monotonic ms; 0: not to be */

	bool has_resources; /* the resources are made, with the device's id */
	bool runs;          /* the session does */
	bool signed_in;     /* at any time */
	bool published;
	enum { ONLINE_STAYS, ONLINE_LEAVES, ONLINE_RESETS } leaving; /* ends, or is reset, behind the sign-out */
	bool ends;                                                   /* behind the reset, too */
	uint64_t deadline;                                           /* monotonic ms; of --once, or of leaving; 0: none */

	char hrefs[DPS_DEVICE_ENTRIES][ONLINE_HREF_SIZE]; /* of the present publication */
	size_t href_count;
};

/* Judges --resource. Nothing is opened yet. False: it has been reported, and exit_status is set. */
bool online_prepare(struct device *device);

/* Opens what a session needs beside the client; nothing without --online, as all below. On failure as above. */
bool online_open(struct device *device);
void online_close(struct device *device);

/* The client has been started: a device that is provisioned goes to its hub now, whatever the run is for. */
void online_begin(struct device *device);

/* To be told each event of the client. */
void online_event(struct device *device, const struct dps_event *event);

/* Whether the program has something to do though the client has failed for good. */
bool online_stays(const struct device *device);

/* As the client's; behind it in each turn of the loop. Sets how the run ended. */
uint32_t online_process(struct device *device);
size_t online_wait_on(struct device *device, struct dps_wait *waits, size_t max);

/* A signal: signs out and ends, in a few seconds at most; at once when it is the second one. False: there is no session to end. */
bool online_leave(struct device *device);

/* --- for online*.c ----------------------------------------------------------------------------------------------------------------- */

/* Begins to leave for a reset. */
void online_begin_reset(struct device *device);

/* The gateway that the device was signed in at last. */
struct dps_gateway online_gateway(const struct device *device);

#endif
