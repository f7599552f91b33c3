/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local onboarding, the device's side: a small CoAP server that tells the local network that the device is there, and takes an endpoint from whoever knows
 * the device's code. docs/onboarding.md has the protocol. Its owner opens it, waits on its handles, calls onboarding_process(), and says who owns the device.
 */
#ifndef DEVICE_ONBOARDING_H
#define DEVICE_ONBOARDING_H

#include "../common/onboarding_code.h"
#include "dps/channel.h"
#include "dps/platform.h"
#include "dps/plgd_conf.h"
#include "onboarding_limits.h"

#define ONBOARDING_LISTEN_MAX   4
#define ONBOARDING_WAIT_MAX     2
#define ONBOARDING_SESSIONS_MAX 8    /* of DTLS; the one idle for longest gives way */
#define ONBOARDING_BODY_SIZE    1024 /* of a request and of an answer: no block-wise transfer */
#define ONBOARDING_URI_SIZE     72   /* "coaps://[" IPv6 address "]:65535" with the NUL, and to spare */

/* What there is to show. */
struct onboarding_view {
	struct dps_conf conf;
	struct dps_uuid device_id; /* nil: none yet */
};

enum onboarding_kind {
	ONBOARDING_LISTENING, /* once for each address, at the beginning */
	ONBOARDING_PROVED,    /* somebody proved to know the code */
	ONBOARDING_COMMAND,   /* and gave this command */
	ONBOARDING_CLOSED,    /* the device is owned: /plgd/dps is out of reach */
	ONBOARDING_OPENED,    /* and in reach again */
	ONBOARDING_TROUBLE    /* the code can not be read again, a port is taken: text */
};

struct onboarding_event {
	enum onboarding_kind kind;
	const char *plain;  /* LISTENING: "coap://..." */
	const char *secure; /* LISTENING: "coaps://..." */
	enum dps_conf_kind command;
	const char *text; /* TROUBLE: static, no secret */
};

struct onboarding_options {
	const char *code; /* where it is: see onboarding_code_read(); read again when the device is no longer owned */
	const char *const *listen;
	size_t listen_count;   /* 0: all addresses */
	const char *interface; /* for multicast; NULL: all */
	const struct dps_clock *clock;

	void (*view)(void *user, struct onboarding_view *view); /* spans must last until the next call of anything here */
	/* Carries out a command, when its answer has left. Called from onboarding_process(), outside of the server's own call-backs. */
	void (*command)(void *user, const struct dps_conf_command *command);
	void (*event)(void *user, const struct onboarding_event *event);
	void *user;
};

struct onboarding_place; /* an address that is listened at */
struct coap_context_t;
struct coap_session_t;

struct onboarding {
	struct onboarding_options options;
	struct coap_context_t *coap;
	struct onboarding_place *places; /* ONBOARDING_LISTEN_MAX of them */
	size_t place_count;
	int netlink; /* tells of interfaces that come up; -1: nothing to be told */
	bool owned;

	/* the secret; zero while the device is owned */
	bool has_key;
	char identity[ONBOARDING_IDENTITY_SIZE];
	char code_id[ONBOARDING_ID_LENGTH + 1];
	uint8_t psk[ONBOARDING_PSK];

	struct onboarding_limiter limiter;
	struct onboarding_lockout lockout;
	unsigned hellos;      /* ClientHellos that libcoap keeps something of */
	uint64_t active_ms;   /* when somebody was last busy with a handshake or a request */
	bool secure_missing;  /* a DTLS endpoint could not be opened: again later */
	uint64_t secure_when; /* monotonic ms */

	/* Sessions for which libcoap holds a copy of the key. */
	struct coap_session_t *keyed[ONBOARDING_SESSIONS_MAX + 1];

	/* A command that waits for its answer to have left; its spans point into body. */
	bool pending;
	struct dps_conf_command command;
	uint8_t body[ONBOARDING_BODY_SIZE];
	/* The last command, so that it is not carried out again when it comes again. */
	const struct coap_session_t *last_session;
	int last_message;
};

/*
 * Opens the ports; DTLS only unless the device is owned. DPS_E_FILE, DPS_E_FIELD: the code; DPS_E_ARGUMENT: an address or interface; DPS_E_CONNECT: an
 * address cannot be listened at; DPS_E_MEMORY. *why is a static text. On failure nothing is open.
 */
DPS_MUST_USE dps_result onboarding_open(struct onboarding *onboarding, const struct onboarding_options *options, bool owned,
                                        const char **why);

/* Closes everything and wipes the key. Harmless after a failed open. */
void onboarding_close(struct onboarding *onboarding);

/* Tells whether the device is owned now: opens or closes what that decides. */
void onboarding_set_owned(struct onboarding *onboarding, bool owned);

/* Does what can be done without waiting. Milliseconds until it wants to be called again, DPS_FOREVER if never. */
uint32_t onboarding_process(struct onboarding *onboarding);

/* What it waits for: at most ONBOARDING_WAIT_MAX entries. */
size_t onboarding_wait_on(const struct onboarding *onboarding, struct dps_wait *waits, size_t max);

#endif
