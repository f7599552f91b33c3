/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a hub session is made with, and what it tells: ports, source of records, resources, times, events. dps_hub_config_default() fills in what has
 * a default.
 */
#ifndef DPS_HUB_CONFIG_H
#define DPS_HUB_CONFIG_H

#include "dps/acl.h"
#include "dps/channel.h"
#include "dps/config.h"
#include "dps/detail/coap.h"
#include "dps/keys.h"
#include "dps/platform.h"
#include "dps/records.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where a hub session is. */
enum dps_hub_state {
	DPS_HUB_IDLE,         /**< not started, stopped, or signed off */
	DPS_HUB_WAITING,      /**< between attempts */
	DPS_HUB_CONNECTING,   /**< name resolution, TCP, TLS */
	DPS_HUB_SIGNING_IN,   /**< connected; account requests are on their way */
	DPS_HUB_ONLINE,       /**< signed in */
	DPS_HUB_LEAVING,      /**< signing out or off */
	DPS_HUB_PROVISIONING, /**< cannot go on with what is committed: waits for dps_hub_reload() */
	DPS_HUB_STATE_COUNT
};

/** The lower-case name of a state ("online"); "" without DPS_CONFIG_NAMES. Static memory. */
DPS_API const char *dps_hub_state_name(enum dps_hub_state state);

/** What provisioning is asked for. */
enum dps_hub_provision {
	DPS_HUB_PROVISION_AGAIN,  /**< everything */
	DPS_HUB_PROVISION_GATEWAY /**< everything, for the hub of the gateway named: its credentials, ACLs and cloud configuration */
};

/** Where the hub gets what it works with, and who provisions. The client is one; see docs/hub.md for how the two are wired. */
struct dps_hub_source {
	void *ctx;
	/** Read a committed record as dps_client_read_cloud() and dps_client_read_credentials() do; size is DPS_CONFIG_BODY_SIZE. */
	DPS_MUST_USE dps_result (*read_cloud)(void *ctx, uint8_t *buf, size_t size, struct dps_cloud *out);
	/** See read_cloud. */
	DPS_MUST_USE dps_result (*read_credentials)(void *ctx, uint8_t *buf, size_t size, struct dps_credentials *out);
	/** Commits a changed cloud record: atomic, and durable on DPS_OK. DPS_E_TOO_LARGE: the record is larger than the store takes. */
	DPS_MUST_USE dps_result (*update_cloud)(void *ctx, const struct dps_cloud *cloud);
	/**
	 * Starts provisioning; dps_hub_reload() says later that there is something new. selected is for DPS_HUB_PROVISION_GATEWAY, else NULL, and valid
	 * during the call. Any failure is told as a warning; it is asked for again later.
	 */
	DPS_MUST_USE dps_result (*provision)(void *ctx, enum dps_hub_provision what, const struct dps_gateway *selected);
	/** The best known time, Unix seconds; 0: not known. Then dates of tokens are not judged, those of certificates by passed_s, and the hub is asked for the time. */
	int64_t (*now_s)(void *ctx);
	/** A time that has passed for certain, Unix seconds; 0: none is known. A gateway whose certificate ended before is refused. May be NULL: 0. */
	int64_t (*passed_s)(void *ctx);
	/**
	 * Told the hub's time, Unix ms, half the round trip added, when a session has begun while now_s was 0 and the gateway's certificate is in date by it; now_s is asked
	 * again behind it. What else it is good for is the source's to decide: the hub may be wrong. May be NULL: the hub is not asked.
	 */
	void (*tell_time)(void *ctx, int64_t unix_ms);
	/**
	 * Whether the network works at all, asked when no gateway could be reached, since provisioning again would not help then. May be NULL: it works.
	 */
	bool (*network_up)(void *ctx);
	/**
	 * Whether update_cloud would be taken now, asked before new tokens are: the hub may take the old ones no more behind its answer. May be NULL: it would.
	 */
	bool (*can_update)(void *ctx);
};

/** What a hub tells. */
enum dps_hub_event_type {
	DPS_HUB_EVENT_STATE,     /**< state */
	DPS_HUB_EVENT_ONLINE,    /**< signed in: hub, gateway, expires_in_s, ms since it was gone or started, resumed */
	DPS_HUB_EVENT_PUBLISHED, /**< the list of resources was taken */
	DPS_HUB_EVENT_REFRESHED, /**< new tokens are committed: expires_in_s */
	DPS_HUB_EVENT_OFFLINE, /**< a connection failed, ended, or was given up for other records: cause, code, text, gateway, in_ms until the next attempt */
	DPS_HUB_EVENT_WARNING,    /**< something is odd, and the hub goes on: cause, code, text */
	DPS_HUB_EVENT_FALLBACK,   /**< provisioning was asked for: provision, gateway, in_ms until it would be asked for again */
	DPS_HUB_EVENT_SIGNED_OUT, /**< the gateway took the good-bye */
	DPS_HUB_EVENT_SIGNED_OFF  /**< the hub forgot the device, and the device its tokens */
};

/** An event. Valid during the call; nothing in it is a secret. */
struct dps_hub_event {
	enum dps_hub_event_type type;
	enum dps_hub_state state; /**< at the time of the event */
	dps_result cause;
	unsigned code;                    /**< the gateway's, e.g. 401 for CoAP 4.01; 0: none */
	const char *text;                 /**< on a failure: printable ASCII, never NULL */
	struct dps_uuid hub;              /**< nil: not known */
	const char *gateway;              /**< URI, never NULL */
	int64_t expires_in_s;             /**< of the session or token; -1: never, or not told */
	uint32_t in_ms;                   /**< see the types */
	uint32_t ms;                      /**< ONLINE: since the start, or since it was online last */
	bool resumed;                     /**< ONLINE: over a resumed TLS session */
	enum dps_hub_provision provision; /**< FALLBACK */
};

/** Most entries of the list of waits between rounds. */
#define DPS_HUB_RETRIES 8

/** Configuration of a hub. Pointers are borrowed and must outlive it. */
struct dps_hub_config {
	const struct dps_platform *platform; /**< required; clock and randomness are used */
	const struct dps_channel *channel;   /**< required; the hub's alone */
	const struct dps_keys *keys;         /**< required; has the key that the credentials name */
	struct dps_hub_source source;        /**< required */

	bool
		verify_host; /**< compare the host name too; default false: a plgd gateway's certificate has its hub's id only, which is compared always */
	bool resume;             /**< resume TLS sessions if the channel can; default true */
	bool sign_out;           /**< say good-bye at dps_hub_stop(); default true */
	const char *device_name; /**< published beside the resources; NULL: none; UTF-8, at most 64 bytes */

	/**
	 * Writes the array of links that is published (CBOR, RFC 8949: `[{"href", "rt", "if", "p": {"bm"}, ...}]`). *len: what it takes; DPS_E_BUFFER: more than
	 * size, nothing counts but *len. It is called with size 0 (and buf NULL) first. NULL: nothing is published.
	 */
	DPS_MUST_USE dps_result (*write_links)(void *ctx, uint8_t *buf, size_t size, size_t *len);
	/** Told the number that the hub gave a published link: what dps_hub_unpublish() wants. May be NULL. */
	void (*on_link)(void *ctx, struct dps_span href, uint32_t ins);
	dps_coap_serve serve; /**< answers the gateway's requests; NULL: 4.04, with which a plgd hub keeps no device online */
	/**
	 * A connection stands: coap is for notifications until on_detach, peer is who asks there, the hub whose id the gateway's certificate has. May be NULL.
	 */
	void (*on_attach)(void *ctx, struct dps_coap *coap, const struct dps_acl_subject *peer);
	void (*on_detach)(void *ctx); /**< may be NULL */
	void (*on_turn)(void *ctx);   /**< once in each process call on a connection: notifications that found no room may now; may be NULL */
	void *resources;              /**< handed to these six as ctx. dps_device_serve_hub() sets all but on_link */

	/**
	 * Waits between rounds, ms; a round tries each gateway of the hub once. T/2 plus a random part of T/2, at the end of the list the last again. None is 0.
	 * Default 2, 4, 8, 16, 32, 64 s.
	 */
	uint32_t retry_ms[DPS_HUB_RETRIES];
	size_t retry_count;
	uint32_t connect_timeout_ms; /**< for each address; default 30,000 */
	uint32_t request_timeout_ms; /**< default 30,000 */
	uint32_t keepalive_ms;       /**< a ping is sent when nothing came for so long; default 20,000; 0: never */
	uint32_t pong_timeout_ms;    /**< and the link is dead when then nothing comes twice as long as this; default 4,000 */
	uint32_t stable_ms;          /**< online for so long, it starts anew with failures; default 60,000 */
	uint32_t fallback_after;     /**< failed rounds in a row before provisioning is asked for; default 3; 0: never for this reason */
	uint32_t
		fallback_ms; /**< nor before it was offline for so long; between two it is at least this, doubled each time; default 300,000 (5 min) */
	uint32_t fallback_max_ms; /**< up to this; default 86,400,000 (24 h) */

	void (*on_event)(void *user, const struct dps_hub_event *event); /**< may be NULL */
	void *user;
};

#ifdef __cplusplus
}
#endif
#endif
