/* SPDX-License-Identifier: Apache-2.0 */
/* Private layout of the hub session, public only so that its size is known at compile time. */
#ifndef DPS_DETAIL_HUB_H
#define DPS_DETAIL_HUB_H

#include "dps/config.h"
#include "dps/hub_config.h"
#include "dps/pki.h"

/* Requests of ours; they are their handles, too. */
enum dps_hub_op {
	DPS_HUB_OP_NONE,
	DPS_HUB_OP_TIME,
	DPS_HUB_OP_SIGN_UP,
	DPS_HUB_OP_SIGN_IN,
	DPS_HUB_OP_REFRESH,
	DPS_HUB_OP_PUBLISH,
	DPS_HUB_OP_UNPUBLISH,
	DPS_HUB_OP_SIGN_OUT,
	DPS_HUB_OP_SIGN_OFF,
	DPS_HUB_OP_COUNT,
	DPS_HUB_OP_PROVISION /* no request: there is nothing left to ask the hub */
};

/* "uid=" and "di=" of a sign-off, or "di=" and "ins=" of an unpublish; each part has at most 255 bytes. */
#define DPS_HUB_QUERY_SIZE 320

struct dps_hub {
	struct dps_hub_config config;

	/* Orders; they are carried out by process. */
	bool stop_asked;
	bool reload_asked;
	bool sign_off_asked;
	bool publish_due;
	bool unpublish_due;
	int64_t unpublish_ins;
	bool in_callback;

	/* Where it is. Times are monotonic ms. */
	enum dps_hub_state state;
	uint64_t wake;          /* WAITING, PROVISIONING: when it goes on; CONNECTING, LEAVING: when it gives up */
	uint64_t offline_since; /* or started; a session that was not stable does not count */
	uint64_t left_at;       /* online last, or started */
	uint64_t online_since;
	uint64_t fallback_at;   /* not before this is provisioning asked for */
	uint32_t fallback_ms;   /* what the next one waits for behind the last; 0: there was none yet */
	bool stable;            /* was online for long enough: what failed before is forgotten */
	uint32_t rounds;        /* failed in a row */
	bool round_reached;     /* a gateway of this round was reached by TCP */
	size_t gateways_failed; /* in this round */
	size_t hubs_tried;      /* other hubs that provisioning was asked for since the device was online last */
	unsigned used;          /* what the hub refused, enum dps_hub_fact of policy.h */
	uint8_t redirects;      /* followed since it started */

	/* What is committed: views go into the two areas below. */
	bool loaded;
	struct dps_cloud cloud;  /* in body */
	struct dps_span chain;   /* in identity */
	struct dps_span anchors; /* in identity, behind the chain */
	struct dps_uuid device_id;
	char key_slot[DPS_CONFIG_SLOT_LENGTH + 1];
	uint32_t identity_print; /* CRC-32 of what was read: whether it is another one than before */
	uint32_t print;

	/* The gateway. */
	bool chosen;    /* of the present records */
	size_t gateway; /* index in cloud.gateways; gateway_count or above: cloud.gateway */
	struct dps_uuid hub_id;
	char uri[DPS_CONFIG_URI_LENGTH + 1];
	char host[DPS_CONFIG_URI_LENGTH + 1];

	/* The connection. */
	struct dps_trust trust;
	struct dps_pki_path path;
	bool attached;
	bool time_due;                  /* the time is not known, and the gateway's dates are judged behind its answer */
	bool no_time;                   /* this hub does not tell it */
	bool skip_time;                 /* the last connection ended while it was asked for: this one does without */
	bool full_handshake;            /* the next connection resumes nothing: what is kept of the last one is out of date */
	bool leaving_sent;              /* the good-bye has left */
	bool departing;                 /* from a hub that is not the device's any more; what is committed is of another */
	bool asked;                     /* the gateway has asked something since the sign-in left: it takes a publish now */
	bool served;                    /* the gateway has asked something in this turn */
	uint32_t resumed;               /* of the channel, when it was opened */
	unsigned in_flight;             /* bits of enum dps_hub_op */
	uint64_t due[DPS_HUB_OP_COUNT]; /* in flight: when it is given up */
	uint64_t publish_at;            /* not before this */
	uint32_t publish_failures;
	uint64_t refresh_at;   /* UINT64_MAX: never */
	uint64_t refreshed_at; /* 0: not since it started */
	uint64_t heard_at;     /* when something came last */
	uint64_t heard_bytes;  /* of the channel, at that time */
	uint64_t pinged_at;    /* 0: no ping is unanswered */
	unsigned pings;        /* since something came last */
	char query[DPS_HUB_QUERY_SIZE];

	struct dps_coap coap;
	uint8_t receive[DPS_CONFIG_HUB_RECEIVE_SIZE];
	uint8_t send[DPS_CONFIG_HUB_SEND_SIZE];
	uint8_t body[DPS_CONFIG_BODY_SIZE];
	uint8_t identity[DPS_CONFIG_BODY_SIZE];
};

#endif
