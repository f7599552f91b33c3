/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client: takes a device from its manufacturer identity to a committed operational state, and keeps it there.
 *
 * Life: dps_client_init(), dps_client_add_endpoint(), dps_client_start(), then dps_client_process() whenever its time has come or one of
 * the dps_client_wait_on() handles is ready, until the terminal event. All on one thread (or under one lock of the caller's). Callbacks run
 * inside these calls and may call dps_client_cancel(), dps_client_state(), dps_client_report(), dps_client_device_id() and dps_client_read_*(), and nothing else
 * of the client.
 *
 * The client allocates nothing; struct dps_client is the caller's, about DPS_CONFIG_BODY_SIZE plus 3 KiB (`make size` prints it).
 */
#ifndef DPS_CLIENT_H
#define DPS_CLIENT_H

#include "dps/acl.h"
#include "dps/channel.h"
#include "dps/client_config.h"
#include "dps/config.h"
#include "dps/detail/client.h"
#include "dps/event.h"
#include "dps/keys.h"
#include "dps/pki.h"
#include "dps/platform.h"
#include "dps/records.h"
#include "dps/service.h"
#include "dps/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Fills in the defaults of every field that has one; the rest is zero. */
DPS_API void dps_client_config_default(struct dps_client_config *config);

/**
 * Prepares a client. Nothing is read, written or sent yet. config is copied; what it points to must outlive the client.
 * DPS_E_ARGUMENT: a required part is missing or a value is out of range.
 */
DPS_API DPS_MUST_USE dps_result dps_client_init(struct dps_client *client, const struct dps_client_config *config);

/**
 * Adds an endpoint, "coaps+tcp://host:port" (IPv6 in brackets; the port is required: none is registered for the service). They are tried in
 * the order of adding. After a start without any, the stored list is in force, and further ones go behind it. DPS_E_URI; DPS_E_BUFFER when DPS_CONFIG_ENDPOINTS are there; a duplicate is DPS_OK and changes nothing.
 */
DPS_API DPS_MUST_USE dps_result dps_client_add_endpoint(struct dps_client *client, const char *uri);

/** As dps_client_add_endpoint, with a name for people (at most DPS_CONFIG_NAME_LENGTH bytes; NULL or "": none). DPS_E_ARGUMENT: too long. */
DPS_API DPS_MUST_USE dps_result dps_client_add_named_endpoint(struct dps_client *client, const char *uri, const char *name);

/** Whether a text is such a URI: DPS_OK, DPS_E_URI. Needs no client, so that a configuration can be judged before anything is opened. */
DPS_API DPS_MUST_USE dps_result dps_client_check_endpoint(const char *uri);

/** An endpoint of the list. Texts are NUL-terminated and the client's, valid until the list is changed. */
struct dps_endpoint {
	const char *uri;
	const char *name; /**< "": none */
	bool selected;    /**< a run begins with this one, and comes back to it after others had to do */
};

/**
 * Changes of the list at run time. After a start they are durable when the call returns (DPS_E_STORAGE*: not durable, but in force until the restart);
 * before, they become so with the first commit or start of a provisioned device. A run under way goes on where it is and uses the new list for its next
 * connection. None of them makes a device provision again: that is for dps_client_start(). DPS_E_NOT_FOUND: no such endpoint. DPS_E_STATE: called from a
 * callback.
 */
DPS_API DPS_MUST_USE dps_result dps_client_remove_endpoint(struct dps_client *client, const char *uri);
/** See dps_client_remove_endpoint(). */
DPS_API DPS_MUST_USE dps_result dps_client_select_endpoint(struct dps_client *client, const char *uri);

/**
 * Replaces the whole list, the first one selected; pins kept with it stay. One write: durable when it returns, on failure nothing has changed. list may
 * not be the client's own texts; `selected` in it is not looked at. Otherwise as dps_client_remove_endpoint(). DPS_E_ARGUMENT: none, one twice, or a name too long; DPS_E_BUFFER: more than
 * DPS_CONFIG_ENDPOINTS; DPS_E_URI; DPS_E_STATE: nothing is loaded, or called from a callback.
 */
DPS_API DPS_MUST_USE dps_result dps_client_replace_endpoints(struct dps_client *client, const struct dps_endpoint *list, size_t count);

/** The endpoint at an index from 0: DPS_E_NOT_FOUND behind the last one. Known from configuration at once, from storage once loaded or started. */
DPS_API DPS_MUST_USE dps_result dps_client_get_endpoint(const struct dps_client *client, size_t index, struct dps_endpoint *out);

/**
 * The pin in force at an index from 0: of the configuration or, without any there, those kept with the endpoints, known once loaded or started.
 * DPS_E_NOT_FOUND behind the last one.
 */
DPS_API DPS_MUST_USE dps_result dps_client_get_pin(const struct dps_client *client, size_t index, struct dps_pin *out);

/** What dps_client_configure() made of what it was told. */
enum dps_configured {
	DPS_CONFIGURED_SAME,    /**< nothing new; nothing was written */
	DPS_CONFIGURED_UPDATED, /**< other pins, or fewer endpoints beside the selected one: a provisioned device need not provision again */
	DPS_CONFIGURED_REPROVISION /**< another endpoint, or anything new for a device that is not provisioned: start, with DPS_START_FORCE if it is */
};

/**
 * Takes an endpoint and pins from elsewhere (DHCP, a local tool): the endpoint replaces the whole list, the pins those kept with it. Durable when it
 * returns. count 0: no pins. The client must not run (DPS_E_STATE; a provisioned device that stays may be told at any time); what is stored is read if it was not.
 * DPS_E_URI, DPS_E_ARGUMENT (more than DPS_CONFIG_PINS), DPS_E_STORAGE*: nothing has changed.
 */
DPS_API DPS_MUST_USE dps_result dps_client_configure(struct dps_client *client, const char *uri, const struct dps_pin *pins, size_t count,
                                                     enum dps_configured *out);

/**
 * Reads the stored state without starting: for tools that show it (dps_client_read_*(), dps_client_get_endpoint(), dps_client_device_id()). Sends nothing and
 * raises no event. *provisioned (may be NULL): all that makes a device provisioned is committed and its key is there. While a run is under way it reads nothing and
 * tells what is in force meanwhile; DPS_E_STATE: the run could not read the stored state yet. DPS_E_STORAGE*, DPS_E_KEY.
 */
DPS_API DPS_MUST_USE dps_result dps_client_load(struct dps_client *client, bool *provisioned);

/** What a start is for. Of several flags the one that asks for most counts: FORCE, then HUB, then RENEW. */
enum dps_start_flags {
	DPS_START_NORMAL = 0,
	DPS_START_FORCE = 1, /**< provision again even if the device is provisioned; the old state serves until the new one is committed */
	DPS_START_RENEW = 2, /**< renew the identity now, keep the rest; DPS_E_STATE if the device is not provisioned */
	DPS_START_HUB =
		4 /**< go to the hub of dps_client_select_gateway(): cloud, credentials and ACLs again; DPS_E_STATE if the device is not provisioned */
};

/**
 * Starts. The stored state is read at once: a device that is provisioned and not forced to do it again says so with its terminal event and
 * sends nothing. DPS_E_STATE: already running, or called from a callback. Any other failure is an event, not a return value.
 */
DPS_API DPS_MUST_USE dps_result dps_client_start(struct dps_client *client, unsigned flags);

/** Does all that can be done without blocking. Returns in how many milliseconds it wants to be called again, DPS_FOREVER if never. */
DPS_API uint32_t dps_client_process(struct dps_client *client);

/**
 * What the client waits for besides its time: fills at most max entries and returns how many. Two are enough for the ports of this library's
 * network room, one more per further socket of a resolver (at most DPS_WAIT_MAX).
 */
DPS_API size_t dps_client_wait_on(struct dps_client *client, struct dps_wait *waits, size_t max);
/** As many entries as dps_client_wait_on ever fills. */
#define DPS_WAIT_MAX 16

/**
 * The gateway that the next runs ask the service for (`selectedGateway`: its address and its hub's id), so that token and certificate are of that hub; NULL:
 * none, the service decides. Copied; forgotten with a restart. DPS_E_URI: longer than DPS_CONFIG_URI_LENGTH or empty.
 */
DPS_API DPS_MUST_USE dps_result dps_client_select_gateway(struct dps_client *client, const struct dps_gateway *gateway);

/**
 * A time that the application trusts (its hub's, say), Unix milliseconds. Used like the service's: never behind the stored floor, and only while the platform's
 * clock is not synchronised.
 */
DPS_API void dps_client_tell_time(struct dps_client *client, int64_t unix_ms);

/** The best known time, Unix milliseconds: the platform's if it vouches for it and can be right, else counted on from what was told. False: it is not known. */
DPS_API DPS_MUST_USE bool dps_client_time(const struct dps_client *client, int64_t *unix_ms);

/** Ends a run: the connection is closed, the terminal event CANCELLED follows at once. Staged answers stay. Harmless when nothing runs; a device that
 * stays and is provisioned has had its terminal event and stops silently. */
DPS_API void dps_client_cancel(struct dps_client *client);

/** As cancel, but silently and also ends the renewal watch of a provisioned device. */
DPS_API void dps_client_stop(struct dps_client *client);

/**
 * Forgets everything but the manufacturer identity: operational keys, owner, records, endpoints, device id. Stops first. The next start without a
 * configured device id makes a new one. DPS_E_STORAGE*, DPS_E_KEY: something could not be erased, call again. DPS_E_STATE: called from a callback.
 */
DPS_API DPS_MUST_USE dps_result dps_client_factory_reset(struct dps_client *client);

/** Stops and wipes the structure. */
DPS_API void dps_client_deinit(struct dps_client *client);

/** The present state. */
DPS_API enum dps_state dps_client_state(const struct dps_client *client);

/** Where the device is, as operators see it, and the error number beside it: DPS_ERROR_OK when nothing failed, or what failed last was done since. */
DPS_API enum dps_status dps_client_status(const struct dps_client *client);
/** See dps_client_status(). */
DPS_API enum dps_error_number dps_client_last_error(const struct dps_client *client);

/** The figures of the present or last run. */
DPS_API void dps_client_report(const struct dps_client *client, struct dps_report *report);

/** The failure of the last run that failed, or the last one counted in the present run; NULL if there was none. */
DPS_API const struct dps_failure *dps_client_last_failure(const struct dps_client *client);

/** The device id in use (known once started). DPS_E_STATE before. */
DPS_API DPS_MUST_USE dps_result dps_client_device_id(const struct dps_client *client, struct dps_uuid *id);

/**
 * Read a committed record into the caller's buffer; the view points into it. DPS_E_NOT_FOUND: none committed; DPS_E_BUFFER: too small (at most
 * DPS_CONFIG_BODY_SIZE is needed); DPS_E_STORAGE_CORRUPT; DPS_E_STORAGE. To be called after start, at any time, inside callbacks too.
 */
DPS_API DPS_MUST_USE dps_result dps_client_read_owner(struct dps_client *client, uint8_t *buf, size_t size, struct dps_owner *out);
DPS_API DPS_MUST_USE dps_result dps_client_read_cloud(struct dps_client *client, uint8_t *buf, size_t size, struct dps_cloud *out);
DPS_API DPS_MUST_USE dps_result dps_client_read_credentials(struct dps_client *client, uint8_t *buf, size_t size,
                                                            struct dps_credentials *out);
DPS_API DPS_MUST_USE dps_result dps_client_read_acls(struct dps_client *client, uint8_t *buf, size_t size, struct dps_acl *out);
DPS_API DPS_MUST_USE dps_result dps_client_read_resources(struct dps_client *client, uint8_t *buf, size_t size, struct dps_resources *out);

/**
 * Replaces the committed cloud record (new tokens, another gateway in use), in one durable write. The handler is not told. DPS_E_STATE: none is committed, a run
 * under way has staged another one, or called from a callback; DPS_E_ARGUMENT, DPS_E_TOO_LARGE, DPS_E_STORAGE*: nothing has changed.
 */
DPS_API DPS_MUST_USE dps_result dps_client_update_cloud(struct dps_client *client, const struct dps_cloud *cloud);

/**
 * Local credentials and access control entries: what this device keeps beside what the service gave (OCF: without the tag "dps"). They survive runs, renewals
 * and restarts, and are gone with a change of the owner, in the same commit, and with a factory reset. set replaces all of them, durably.
 * DPS_E_STATE: nothing is loaded, or called from a callback; DPS_E_ARGUMENT, DPS_E_TOO_LARGE, DPS_E_CBOR, DPS_E_FIELD: not what dps/records.h says;
 * DPS_E_STORAGE*: nothing has changed.
 */
DPS_API DPS_MUST_USE dps_result dps_client_set_local(struct dps_client *client, const struct dps_local *local);
/** As the other reads: DPS_E_NOT_FOUND: there are none. */
DPS_API DPS_MUST_USE dps_result dps_client_read_local(struct dps_client *client, uint8_t *buf, size_t size, struct dps_local *out);

#ifdef __cplusplus
}
#endif
#endif
