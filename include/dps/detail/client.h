/* SPDX-License-Identifier: Apache-2.0 */
/* Private layout of the client, public only so that its size is known at compile time. */
#ifndef DPS_DETAIL_CLIENT_H
#define DPS_DETAIL_CLIENT_H

#include "dps/client_config.h"
#include "dps/config.h"
#include "dps/detail/store.h"
#include "dps/event.h"
#include "dps/pki.h"
#include "dps/status.h"

struct dps_client_endpoint {
	char uri[DPS_CONFIG_URI_LENGTH + 1];
	char name[DPS_CONFIG_NAME_LENGTH + 1];
	bool no_resources; /* answered "none configured" to the optional step */
};

/* What is known of one step in the present run. */
struct dps_client_step {
	uint64_t due;        /* monotonic ms: in flight: when to give up; else: not to be asked before */
	uint64_t sent;       /* monotonic ms: when it was asked last */
	uint32_t failures;   /* counted against it */
	uint32_t timeout_ms; /* of the next request; 0: as configured */
};

struct dps_client {
	struct dps_client_config config;
	struct dps_store store;

	/* The device. */
	struct dps_uuid device_id;
	char key_slot[DPS_CONFIG_SLOT_LENGTH + 1];       /* of the key that a CSR would be for */
	char committed_slot[DPS_CONFIG_SLOT_LENGTH + 1]; /* of the identity in force; "": none */

	/* Where to go. */
	struct dps_client_endpoint endpoints[DPS_CONFIG_ENDPOINTS];
	uint8_t endpoint_count;
	uint8_t selected;                     /* index of the one that a run begins with */
	uint8_t endpoint;                     /* index of the one in use */
	uint8_t endpoints_failed;             /* in a row, in this round */
	bool moving;                          /* the next connection goes to the next one */
	bool remembered;                      /* in this run, before any answer is staged */
	bool endpoints_changed;               /* differ from what is stored */
	bool selection_given;                 /* by the application: what is stored does not change it */
	bool foreign;                         /* the connection's endpoint is no longer in the list */
	bool pending;                         /* stored: a provisioned device was sent elsewhere and has not provisioned there yet */
	struct dps_pin pins[DPS_CONFIG_PINS]; /* kept with the endpoints */
	uint8_t pin_count;
	struct dps_trust trust; /* in force: with the configured pins or, without any, those kept */
	char host[DPS_CONFIG_URI_LENGTH + 1];
	char gateway_uri[DPS_CONFIG_URI_LENGTH]; /* asked for, see dps_client_select_gateway() */
	struct dps_gateway gateway;              /* no URI: none */
	char asked_uri[DPS_CONFIG_URI_LENGTH];
	struct dps_gateway asked; /* of this run: that one, or for a renewal the one in use */

	/* The run. Masks are of DPS_STEP_BIT. */
	enum dps_state state;
	unsigned flags;            /* enum dps_start_flags */
	uint32_t wanted;           /* steps this run is for */
	uint32_t done;             /* of these, staged */
	uint32_t tried;            /* of these, sent in this run, whatever came of it */
	uint32_t runs;             /* begun so far: whose run it is */
	bool run_pending;          /* what was sent elsewhere was known when the run began */
	uint64_t started;          /* monotonic ms */
	uint64_t first_connect;    /* monotonic ms; 0: not yet */
	uint64_t wake;             /* monotonic ms: the present state's wait ends */
	uint32_t connect_failures; /* in a row */
	uint32_t swallowed;        /* connections in a row whose error answer took others with it */
	uint32_t commit_failures;
	uint8_t redirects; /* followed in this run */
	struct dps_client_step steps[DPS_STEP_COUNT];
	uint32_t connect_timeout_ms; /* of the next connection; 0: as configured */
	bool renewing;               /* a renewal of a device that stays */
	bool key_refused;            /* in this run: the service wants the key that it knows */
	bool expiry_told;
	bool silent;                 /* no events: a tool looks at what is stored */
	enum dps_status status;      /* told last */
	enum dps_error_number error; /* of the last failure, until a step is done */
	bool failing;                /* a failure is on record, and nothing was asked since */
	bool in_callback;
	bool cancel_asked;
	bool key_ready;
	struct dps_uuid owner; /* the committed one, as far as it can be told; nil: it cannot */
	bool loaded;           /* the stored state has been read */

	/* The connection. */
	bool attached;
	bool ending;       /* an error answer was received: the service is about to close */
	bool lead_refused; /* that answer was to the copy of the lead request: nobody was told of it */
	bool dates_checked;
	int64_t dates_ms;     /* by which wall clock, and ... */
	uint64_t dates_stamp; /* ... when, monotonic ms */
	uint64_t alive_at;    /* monotonic ms: something was sent last */
	bool lead_sent;
	uint32_t in_flight;
	bool no_room; /* the transport could not take a request */
	struct dps_pki_path path;

	/* Time. */
	bool time_known;
	int64_t time_base_ms;  /* Unix ms at time_stamp */
	uint64_t time_stamp;   /* monotonic ms */
	int64_t time_floor_ms; /* stored; 0: none */
	uint64_t floor_stamp;  /* monotonic ms, when it was read or written: what has passed since has passed for certain */
	uint64_t floor_at;     /* monotonic ms: it is not looked at before */
	bool heard;            /* a hub has told a time: it is good for renewals, and for that hub */
	int64_t heard_base_ms; /* Unix ms at heard_stamp */
	uint64_t heard_stamp;  /* monotonic ms */
	bool time_proven;      /* in this run a peer's certificates were in date by it */
	bool clock_odd;        /* told: the platform vouches for a time that cannot be */
	int64_t renew_at_ms;   /* Unix ms: when a device that stays renews its identity */
	int64_t not_after_ms;  /* Unix ms: when that ends */

	struct dps_failure failure;
	bool failed_once;
	struct dps_report report;
	struct dps_channel_stats stats_before;

	uint8_t body[DPS_CONFIG_BODY_SIZE];
};

#endif
