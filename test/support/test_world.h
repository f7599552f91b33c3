/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the engine: a simulated clock, a store in memory, a channel that is opened or not as the test wants, and a service of the plgd kind (its
 * steps and their order, the lead request, error answers that end the connection) whose answers are scripted. No network, no sleep.
 */
#ifndef TEST_SUPPORT_TEST_WORLD_H
#define TEST_SUPPORT_TEST_WORLD_H

#include "dps/client.h"
#include "test_pki.h"
#include "test_store.h"

/* Bit of a handle that marks the copy of the lead request (asking.c). */
#define WORLD_LEAD 0x80u

#define WORLD_SENT_MAX   256
#define WORLD_SCRIPT_MAX 32
#define WORLD_EVENTS_MAX 512

/* What happens to a request. */
enum world_reaction {
	WORLD_OK,     /* answered well */
	WORLD_CODE,   /* answered with an error code; what was sent behind it on this connection is swallowed, then the connection closes */
	WORLD_BAD,    /* answered with success, but accept says `result` */
	WORLD_CLOSE,  /* not answered: the connection breaks with `result` */
	WORLD_SILENCE /* never answered */
};

struct world_script {
	enum dps_step_id step;
	enum world_reaction reaction;
	unsigned code;
	dps_result result;
	unsigned count; /* requests it applies to */
};

struct world_sent {
	unsigned handle;
	unsigned connection; /* from 1 */
	uint64_t at;
};

struct world_event {
	enum dps_event_type type;
	enum dps_step_id step;
	dps_result cause;
	uint32_t retry_ms;
	bool fresh;
	bool deadline;
	enum dps_state state;
	enum dps_status status;
	enum dps_why why;
	uint32_t records;
	bool owner_changed;
	char endpoint[DPS_CONFIG_URI_LENGTH + 1];
};

struct test_world {
	struct dps_client client;
	struct dps_client_config config;
	struct test_store store;
	struct dps_platform platform;
	struct dps_channel channel;
	struct dps_keys keys;
	struct dps_certificates certificates;
	struct dps_service service;

	uint64_t now; /* monotonic ms */
	int64_t wall; /* Unix ms that service and platform agree upon, at `now` 0 */
	bool synchronised;
	int64_t service_skew; /* ms the service's clock is off */

	/* The channel: what the next opens come to; the last one repeats. */
	dps_result connects[8];
	size_t connect_count;
	unsigned further_addresses; /* of the name; the first of them answers */
	bool refused_before_tcp;    /* failures happen before TCP is connected */
	unsigned connections;
	bool open;
	const char *host;
	uint16_t port;
	int64_t path_not_before, path_not_after; /* of the service's certificate, Unix s */

	/* The service. */
	struct world_script script[WORLD_SCRIPT_MAX];
	size_t script_count;
	struct world_sent sent[WORLD_SENT_MAX];
	size_t sent_count;
	struct {
		unsigned handle;
		uint64_t at; /* answered then */
		struct world_script script;
	} pending[16];
	size_t pending_count;
	bool closing;      /* an error was answered: close when what was sent before is answered */
	dps_result broken; /* the connection breaks with this */
	size_t send_room;  /* requests taken before send says DPS_AGAIN once; 0: no limit */
	uint8_t payload[4];
	unsigned forgotten;
	int64_t identity_not_after; /* of the identities handed out, Unix s */
	const char *redirect;       /* the owner's answer redirects there, once */
	uint32_t after_ms;          /* the ACLs' answer is "again after", once */
	bool has_resources;
	unsigned lead_code;                               /* the copy of the lead request is answered with this error; 0: never answered */
	bool one_at_a_time;                               /* a request is taken when the one before it is answered */
	uint32_t answer_ms;                               /* how long after it was sent a request is answered */
	bool takes_nothing;                               /* the transport takes no request, for ever */
	dps_result chain_result;                          /* of the certificates port */
	int64_t identity_not_before;                      /* of the identities handed out, Unix s */
	struct dps_uuid asked_as;                         /* the device id that the last cloud request named */
	struct dps_gateway asked_gateway;                 /* and the gateway, no URI: none */
	struct dps_uuid owner;                            /* the first byte stays 1 */
	const char *refused_slot;                         /* a certificate for the key of this slot is refused (4.00) */
	char asked_slots[16][DPS_CONFIG_SLOT_LENGTH + 1]; /* of which keys certificates were asked for */
	unsigned asked_slot_count;
	unsigned keepalives;
	dps_result keepalive_result;
	int64_t clock_set; /* what the platform's clock was set to last, 0: never */
	unsigned clock_sets;

	/* What the application was told. */
	struct world_event events[WORLD_EVENTS_MAX];
	size_t event_count;
	unsigned told[DPS_RECORD_COUNT];
	enum dps_handled answers[DPS_RECORD_COUNT];
	bool cancel_at_step;                                                   /* cancel from within the first STEP event */
	void (*hook)(struct test_world *world, const struct dps_event *event); /* called within each event */

	/* The operational keys: of "identity-0" and of "identity-1". */
	struct test_key device_key;
	struct test_key other_key;
	bool has_key[2];
	unsigned keys_made;
	dps_result generate_result; /* DPS_OK: a key is made */
	struct test_key ca_key;
	struct test_certificate ca;
	unsigned issued;
};

/* A device and a service that agree on everything; endpoint coaps+tcp://dps.example:5684, connection and request time-outs 30 s. */
void test_world_init(struct test_world *world);
void test_world_free(struct test_world *world);

/* Makes the client (again): what a restart of the device is. Time goes on. Endpoints are added by the caller or with test_world_start(). */
void test_world_boot(struct test_world *world);
/* Boots with the usual endpoint and starts. */
void test_world_start(struct test_world *world, unsigned flags);
/* The same with endpoints of other names: coaps+tcp://a.example:1, coaps+tcp://b.example:2, ... */
void test_world_start_at(struct test_world *world, unsigned endpoints, unsigned flags);
/* Drives the client, moving the time on, until it is idle or provisioned, or `ms` have passed. */
void test_world_run(struct test_world *world, uint64_t ms);
/* Starts with the usual endpoint and runs. */
void test_world_play(struct test_world *world, unsigned flags, uint64_t ms);

void test_world_script(struct test_world *world, struct world_script script);

/* Requests sent for a step, lead copies not counted. */
unsigned test_world_count(const struct test_world *world, enum dps_step_id step);
/* The last event of a type, or NULL. */
const struct world_event *test_world_event(const struct test_world *world, enum dps_event_type type);
/* The last event of all, of which there must be one; and that it says that the device is provisioned. */
const struct world_event *test_world_last(const struct test_world *world);
void test_world_assert_provisioned(const struct test_world *world);
unsigned test_world_event_count(const struct test_world *world, enum dps_event_type type);
/* Forgets what was sent and told. */
void test_world_clear(struct test_world *world);

#endif
