/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The device's resources: what a hub's users see of the device, read, change and are told of. docs/resources.md goes through it with an example.
 *
 * A resource is described by the application (struct dps_device_resource, may be const) and either is a table of properties, which the library reads and
 * writes by itself, or has handlers that make and take CBOR. The library serves /oic/res, /oic/d, /oic/p, and /oc/con and /x.plgd.dev/time when the
 * configuration has what they need. Everybody's requests are judged by the access lists given with dps_device_set_acl(): without any, nothing is allowed.
 *
 * All calls are made on one thread; callbacks come on it, during calls of the connection that the device is attached to. (struct dps_resource of
 * dps/records.h is something else: an initial value that the provisioning service gave.)
 */
#ifndef DPS_RESOURCE_H
#define DPS_RESOURCE_H

#include "dps/acl.h"
#include "dps/config.h"
#include "dps/platform.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#if DPS_CONFIG_HUB

/** Paths of the device's configuration (resource type oic.wk.con) and of its time, as plgd has them. */
#define DPS_CON_HREF  "/oc/con"
#define DPS_TIME_HREF "/x.plgd.dev/time"

/** Interfaces (OCF Core 7.6.3), as bits. A resource of the application's may have those from DPS_IF_R on. */
enum dps_interface {
	DPS_IF_LL = 1,       /**< oic.if.ll: links; of /oic/res */
	DPS_IF_B = 2,        /**< oic.if.b: all resources with their values; of /oic/res */
	DPS_IF_R = 4,        /**< oic.if.r: read */
	DPS_IF_RW = 8,       /**< oic.if.rw: read and write */
	DPS_IF_A = 16,       /**< oic.if.a: an actuator, read and write */
	DPS_IF_S = 32,       /**< oic.if.s: a sensor, read */
	DPS_IF_BASELINE = 64 /**< oic.if.baseline: with "rt" and "if"; writes where the resource can be written */
};

/** What a resource is and allows, as bits. */
enum dps_policy {
	DPS_POLICY_DISCOVERABLE = 1,  /**< in the lists of /oic/res (the bit of OCF's "bm") */
	DPS_POLICY_OBSERVABLE = 2,    /**< changes are told to observers (the bit of OCF's "bm") */
	DPS_POLICY_PUBLISHED = 4,     /**< published at the hub; needs DISCOVERABLE */
	DPS_POLICY_CONFIGURATION = 8, /**< only an access control entry with its href opens it, no wildcard (see struct dps_acl_question) */
	DPS_POLICY_VOLATILE = 16 /**< its values move by themselves (a clock): it is never said to be unchanged when it is asked for alone */
};

/** What a value of a table is. */
enum dps_property_kind { DPS_PROPERTY_BOOL, DPS_PROPERTY_INT, DPS_PROPERTY_TEXT };

/** A property: a name and where its value is. Make it with one of the macros below. */
struct dps_property {
	const char *name;
	enum dps_property_kind kind;
	bool writable; /**< by clients; what is not is skipped when a client sends it */
	union {
		bool *boolean;
		int32_t *number;
		char *text; /**< UTF-8, ends with a NUL */
	} value;
	int32_t min, max; /**< INT: what clients may write */
	size_t size;      /**< TEXT: bytes of the buffer, the NUL included */
};

/** Properties for tables; the pointers must stay. Each is an initialiser. */
#define DPS_BOOL(property_name, is_writable, pointer)                                                                                      \
	{                                                                                                                                      \
		.name = (property_name), .kind = DPS_PROPERTY_BOOL, .writable = (is_writable), .value = {.boolean = (pointer) }                    \
	}
#define DPS_INT(property_name, is_writable, pointer, lowest, highest)                                                                      \
	{                                                                                                                                      \
		.name = (property_name), .kind = DPS_PROPERTY_INT, .writable = (is_writable), .value = {.number = (pointer)}, .min = (lowest),     \
		.max = (highest)                                                                                                                   \
	}
/** buffer is an array of char. */
#define DPS_TEXT(property_name, is_writable, buffer)                                                                                       \
	{                                                                                                                                      \
		.name = (property_name), .kind = DPS_PROPERTY_TEXT, .writable = (is_writable), .value = {.text = (buffer)}, .size = sizeof(buffer) \
	}

/** Most properties of a table, and most types of a resource. */
#define DPS_PROPERTIES_MAX 32
#define DPS_TYPES_MAX      3

/**
 * A resource of the application's. It is borrowed: it and what it points to must stay as long as the device. Either properties or get is given.
 */
struct dps_device_resource {
	const char *href;                 /**< "/light/1": 2 to 127 bytes */
	const char *types[DPS_TYPES_MAX]; /**< resource types, one at least, the rest NULL */
	unsigned interfaces;              /**< bits of enum dps_interface */
	unsigned default_interface;       /**< the one meant when a request names none; 0: the lowest bit of interfaces */
	unsigned policy;                  /**< bits of enum dps_policy */

	const struct dps_property *properties; /**< the table, in the order in which values are shown */
	size_t property_count;                 /**< at most DPS_PROPERTIES_MAX */
	void (*on_change)(void *ctx);          /**< after a client changed a value of the table, once for each request; may be NULL */

	/**
	 * Makes the representation: one CBOR map, with "rt" and "if" when the interface is DPS_IF_BASELINE. DPS_E_BUFFER: *len is the size needed (buf
	 * may be NULL, with size 0). Any other failure is answered 5.00.
	 */
	dps_result (*get)(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len);
	/**
	 * Takes a POST: 204 (something changed: the answer has the representation, and observers are told) or what else is answered, 400 to 531. The
	 * payload is as it came, judged by nobody; it is valid during the call. NULL: it cannot be written.
	 */
	unsigned (*post)(void *ctx, enum dps_interface interface, struct dps_span payload);
	size_t get_max; /**< the most bytes that get makes, whatever the interface */

	void *ctx; /**< handed to the callbacks */
};

/** How far the device's time can be trusted, as /x.plgd.dev/time shows it. */
enum dps_time_status { DPS_TIME_UNKNOWN, DPS_TIME_SYNCING, DPS_TIME_IN_SYNC, DPS_TIME_FROM_STORAGE };

/** What the clock says. Times are Unix milliseconds, 0 when there is none. */
struct dps_device_time {
	int64_t now;
	int64_t last_synced;
	enum dps_time_status status;
};

/** An end point at which the device itself can be reached. */
struct dps_device_endpoint {
	const char *uri;   /**< "coaps://192.0.2.5:40001" */
	uint32_t priority; /**< 0: not said */
};

/** What the device is. Borrowed: it and what it points to must stay. Zero means: not there. */
struct dps_device_config {
	struct dps_uuid id;          /**< the device id; required */
	struct dps_uuid permanent;   /**< the id that stays over ownerships ("piid"); nil: the device id */
	struct dps_uuid platform;    /**< "pi" of /oic/p; nil: the device id */
	const char *type;            /**< the device's type beside oic.wk.d, "oic.d.light" */
	const char *manufacturer;    /**< "mnmn" of /oic/p; required */
	const char *data_model;      /**< "dmv" of /oic/d; NULL: "ocf.res.1.3.0" */
	char *name;                  /**< for people: UTF-8, at most 64 bytes and a NUL; required */
	size_t name_size;            /**< bytes of its buffer, at most 65; 0: it cannot be changed, and there is no /oc/con */
	void (*on_name)(void *user); /**< after somebody changed the name: the application may keep it. May be NULL */

	const struct dps_device_endpoint *endpoints; /**< shown in links; none: links have no "eps" */
	size_t endpoint_count;

	void (*clock)(void *user, struct dps_device_time *time); /**< for /x.plgd.dev/time; NULL: there is none */
	/** A client sets "lastSyncedTime", 0 or Unix milliseconds: whether it was taken, durably. NULL: it cannot be set. */
	bool (*set_synced)(void *user, int64_t last_synced);

	/** A request was answered: its method (1 GET, 2 POST, 3 PUT, 4 DELETE), path and code (205). In the midst of a call of the connection's. May be NULL. */
	void (*on_request)(void *user, unsigned method, struct dps_span path, unsigned code);
	/** An observer was sent the present state of a resource, alone or with others. May be NULL. */
	void (*on_notified)(void *user, const char *href);

	const struct dps_random *random; /**< where ETags begin; required */
	/**
	 * The most payload bytes of one message: what /oic/res makes of the resources must fit. 0: DPS_CONFIG_HUB_SEND_SIZE less
	 * DPS_DEVICE_MESSAGE_ROOM, right for a connection with the default buffers.
	 */
	size_t room;
	void *user; /**< handed to the callbacks */
};

/** What a send buffer holds beside the payload of a notification: head, token, options, and what is kept for one more reply. */
#define DPS_DEVICE_MESSAGE_ROOM 72

/** What was counted since init. */
struct dps_device_counters {
	uint32_t requests;          /**< served, whatever came out */
	uint32_t refused;           /**< 4.01 and 4.03 */
	uint32_t too_large;         /**< representations that had no room: 5.00, a 2.04 without payload, or a change that was not told */
	uint32_t faults;            /**< representations that could not be made: a handler failed or made no CBOR, a text is no UTF-8 */
	uint32_t notifications;     /**< sent */
	uint32_t observers_refused; /**< observations that there was no place for: answered without Observe */
	uint32_t observers_ended;   /**< observations ended from here: no longer allowed, or representations that could not be made */
};

/* The library's own resources, and the words that have a bit for each resource. */
#define DPS_DEVICE_OWN     5
#define DPS_DEVICE_ENTRIES (DPS_DEVICE_OWN + DPS_CONFIG_RESOURCE_TABLE)
#define DPS_DEVICE_WORDS   ((DPS_DEVICE_ENTRIES + 31) / 32)

struct dps_coap;
struct dps_hub_config;

/** A set of resources by their place in the table. Private. */
struct dps_device_set {
	uint32_t word[DPS_DEVICE_WORDS];
};

/** A resource in the table. Private. */
struct dps_device_entry {
	const struct dps_device_resource *resource;
#if DPS_CONFIG_ETAG
	uint64_t version; /* another one with each change; the ETag */
#endif
};

/** An observation. Private. */
struct dps_device_observer {
	struct dps_device_set due; /* what is to be told */
	uint32_t sequence;
	uint8_t token[8];
	uint8_t token_len;
	uint8_t entry;
	uint8_t interface;
	bool active;
	bool ending; /* the last notification is due: why is found out when it leaves */
};

/** The device's resources: caller-owned, about 1 KB on a Cortex-M4 in the default configuration. The fields are private; counters may be read. */
struct dps_device {
	const struct dps_device_config *config;
	struct dps_coap *coap;          /* NULL: detached */
	struct dps_acl_subject subject; /* the peer there */
	struct dps_acl acls[2];         /* committed, local */
	struct dps_device_set shown;    /* what of the batch they let the peer see */
	size_t room;
	size_t own_count; /* the library's own stand first */
	size_t count;
	size_t turn; /* the observer that is told first */
#if DPS_CONFIG_ETAG
	uint64_t version; /* the last one given away */
#endif
	struct dps_device_counters counters;
	struct dps_property name;
	struct dps_device_resource own[DPS_DEVICE_OWN];
	struct dps_device_entry entries[DPS_DEVICE_ENTRIES];
	struct dps_device_observer observers[DPS_CONFIG_OBSERVERS];
};

/** Payload bytes that /oic/res and others make at most, with all texts as long as they may be. */
struct dps_device_sizes {
	size_t links;    /**< the list of links */
	size_t baseline; /**< the same with oic.if.baseline */
	size_t batch;    /**< all resources with their values: what a hub observes */
	size_t largest;  /**< the largest representation of one resource */
	size_t room;     /**< what there is */
};

/**
 * Prepares the device with the library's own resources. DPS_E_ARGUMENT: something required is missing; DPS_E_RANDOM; DPS_E_TOO_LARGE: they do not fit
 * in the room (see dps_device_measure()).
 */
DPS_API DPS_MUST_USE dps_result dps_device_init(struct dps_device *device, const struct dps_device_config *config);

/**
 * Adds a resource. DPS_E_ARGUMENT: its description is wrong; DPS_E_STATE: the href is there already; DPS_E_BUFFER: the table is full
 * (DPS_CONFIG_RESOURCE_TABLE); DPS_E_TOO_LARGE: the list of links, all values together, or this resource would not fit in the room, and a device
 * whose values do not fit in one message cannot stay at a hub. On failure nothing is added.
 */
DPS_API DPS_MUST_USE dps_result dps_device_add(struct dps_device *device, const struct dps_device_resource *resource);

/** What the resources make at most, resource included (NULL: those of the device alone). */
DPS_API void dps_device_measure(const struct dps_device *device, const struct dps_device_resource *resource,
                                struct dps_device_sizes *sizes);

/**
 * The application changed values of a resource, or what its handler makes: it gets another ETag, and observers are told as soon as there is room, of
 * the latest state only. Cheap; may be called in callbacks. DPS_E_NOT_FOUND: there is no such resource.
 */
DPS_API dps_result dps_device_changed(struct dps_device *device, const char *href);

/**
 * Sets properties of a resource with a table as a client's POST would (one CBOR map, judged whole): for the initial values that the provisioning service gave. DPS_E_NOT_FOUND:
 * there is no such resource, or it has no table; DPS_E_FIELD: malformed, of a wrong type or range, or nothing in it can be written. Nothing changes then.
 */
DPS_API DPS_MUST_USE dps_result dps_device_write(struct dps_device *device, struct dps_span href, struct dps_span rep);

/**
 * The access lists in force: the committed one and the device's own entries. Either may be NULL: none. The entries are borrowed and must stay unchanged until
 * the next call: a new list is read into another buffer. Observers that are no longer allowed are told so, and dropped.
 */
DPS_API void dps_device_set_acl(struct dps_device *device, const struct dps_acl *committed, const struct dps_acl *local);

/**
 * Has a hub session serve and publish this device: sets write_links, serve, on_attach, on_detach, on_turn, resources and device_name of its
 * configuration, between dps_hub_config_default() and dps_hub_init(). The device must outlive the session, and has one session at a time. Resources that are
 * added later are published by dps_hub_publish_changed().
 */
DPS_API void dps_device_serve_hub(struct dps_device *device, struct dps_hub_config *config);

#endif

#ifdef __cplusplus
}
#endif
#endif
