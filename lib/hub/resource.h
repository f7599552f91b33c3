/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's resources over one connection: what the hub session calls, and what the files resource*.c share. dps/resource.h is the application's side.
 *
 * The session attaches the device when the peer is authenticated, hands dps_device_serve to the CoAP connection (options.serve, with the device as
 * serve_ctx), calls dps_device_process after each poll of it, and detaches the device when the connection is over.
 */
#ifndef DPS_HUB_RESOURCE_H
#define DPS_HUB_RESOURCE_H

#include "dps/resource.h"

#if DPS_CONFIG_HUB

#include "coap/coap.h"
#include "codec/cbor.h"

/* --- for the session --------------------------------------------------------------------------------------------------------------- */

/* A connection begins; the peer is subject, whose role and authority must stay. There are no observers. */
void dps_device_attach(struct dps_device *d, struct dps_coap *coap, const struct dps_acl_subject *subject);

/* The connection is over: observers are gone, and nobody is authenticated. Twice does no harm. */
void dps_device_detach(struct dps_device *d);

/* Answers a request (dps_coap_serve); ctx is the struct dps_device. Without a peer attached, it is one that has not authenticated. */
void dps_device_serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply);

/*
 * Sends the notifications that are due, each observer's in turn, DPS_DEVICE_ENTRIES for an observer at most. DPS_OK: nothing is due. DPS_AGAIN: there is
 * no room for the next one; call again after the next poll. DPS_E_STATE: detached. Else why the connection is over. Not to be called inside serve.
 */
DPS_MUST_USE dps_result dps_device_process(struct dps_device *d);

/*
 * Writes the "links" of a publication (POST /oic/rd), an array, of as many published resources from *next on as fit. Start with *next 0; it is moved, and
 * *more says whether to go on with another publication. An empty array says that there is nothing to publish. DPS_E_BUFFER: not even one fits; *len
 * is the size needed, *next stays.
 */
DPS_MUST_USE dps_result dps_device_write_links(const struct dps_device *d, size_t *next, bool *more, uint8_t *buf, size_t size,
                                               size_t *len);

/* Bytes that all links of a publication take at most. */
size_t dps_device_links_size(const struct dps_device *d);

/* --- among resource*.c --------------------------------------------------------------------------------------------------------------- */

#define DPS_CODE_CONTENT     205
#define DPS_CODE_VALID       203
#define DPS_CODE_CHANGED     204
#define DPS_CODE_BAD_REQUEST 400
#define DPS_CODE_INTERNAL    500

/* /oic/res is always the first, and /oic/d the second. */
#define DPS_DEVICE_RES 0
#define DPS_DEVICE_D   1

#define DPS_IF_WRITES ((unsigned)(DPS_IF_RW | DPS_IF_A | DPS_IF_BASELINE))

static inline const struct dps_device_resource *dps_device_at(const struct dps_device *d, size_t index)
{
	return d->entries[index].resource;
}

/* The place of a path, or d->count. */
size_t dps_device_find(const struct dps_device *d, struct dps_span path);

/* The peer may do all of this (bits of dps/acl.h) to the resource. */
bool dps_device_allowed(const struct dps_device *d, size_t index, unsigned permission);

/* Bookkeeping of a change. */
void dps_device_mark(struct dps_device *d, size_t index);

/* Sets of resources. */
bool dps_set_has(const struct dps_device_set *set, size_t index);
void dps_set_put(struct dps_device_set *set, size_t index, bool in);
bool dps_set_is_empty(const struct dps_device_set *set);

/* resource_own.c: adds the library's own resources to an empty table. */
void dps_device_add_own(struct dps_device *d);

/* resource_text.c: interfaces and links. */

/* The bit of an interface's name; 0: unknown. */
unsigned dps_interface_by_name(struct dps_span name);
unsigned dps_interface_default(const struct dps_device_resource *resource);
/* "rt" and "if", two pairs of a map. */
void dps_device_write_common(struct dps_cbor_writer *w, const struct dps_device_resource *resource);

/* Which links are asked for. */
struct dps_link_filter {
	struct dps_span queries; /* "rt=" of a request: any of them */
	bool by_type;
	unsigned interface; /* 0: any */
};

bool dps_link_passes(const struct dps_device_resource *resource, const struct dps_link_filter *filter);

/* The list of links (oic.if.ll), or with what stands around it (oic.if.baseline). *len above size: so much is needed. */
void dps_device_list(const struct dps_device *d, bool baseline, const struct dps_link_filter *filter, uint8_t *buf, size_t size,
                     size_t *len);

/* Bytes of a resource's link, 0 if it is not listed, and what a list takes beside its links. */
size_t dps_link_size(const struct dps_device *d, const struct dps_device_resource *resource);
size_t dps_links_overhead(const struct dps_device *d, bool baseline);

/* An array whose length is known at its end. */
struct dps_list {
	struct dps_cbor_writer w; /* for the items */
	uint8_t *data;
	size_t count;
};

void dps_list_begin(struct dps_list *list, uint8_t *data, size_t size);
/* Bytes of the array; with more than size the array is not there, and so many would be enough. */
size_t dps_list_end(struct dps_list *list);

/* resource_represent.c: representations. */

/* Writes properties; widest: as long as they may become, where the writer only counts. DPS_E_INTERNAL: a text is no UTF-8. */
dps_result dps_properties_write(struct dps_cbor_writer *w, const struct dps_property *properties, size_t count, bool widest);

/* DPS_OK; DPS_E_BUFFER: *len is needed; DPS_E_INTERNAL: it cannot be made. */
dps_result dps_resource_represent(const struct dps_device_resource *resource, unsigned interface, uint8_t *buf, size_t size, size_t *len);

/* The most bytes of a representation, of any interface. */
size_t dps_resource_widest(const struct dps_device_resource *resource);
/* Bytes that a resource takes in the batch beside its representation. */
size_t dps_batch_overhead(const struct dps_device_resource *resource);

/* Whether the batch has it: what is discoverable, but /oic/res itself. */
bool dps_batch_holds(const struct dps_device *d, size_t index);
/* All that the batch holds and the peer may retrieve. */
void dps_batch_all(const struct dps_device *d, struct dps_device_set *set);

/*
 * The batch (oic.if.b) of the resources in *set, an array of {href, rep, etag}. What cannot be made is left out and counted. whole: all of them or
 * nothing, *len above size says what is needed. Else as many as fit, at least one. *set becomes what is left. Returns how
 * many are in it.
 */
size_t dps_batch_write(struct dps_device *d, struct dps_device_set *set, bool whole, uint8_t *buf, size_t size, size_t *len);

/* resource_update.c: what a POST does. Returns its code; *changed: values are others now. */
unsigned dps_resource_update(const struct dps_device_resource *resource, unsigned interface, struct dps_span payload, bool *changed);
bool dps_resource_is_writable(const struct dps_device_resource *resource);

/* resource_etag.c: with DPS_CONFIG_ETAG 0 there are none, and nothing is known to the peer. */

/* Gives the reply the ETag of a resource; whether it is the one that the peer has. */
void dps_etag_put(const struct dps_device *d, size_t index, struct dps_coap_reply *reply);
bool dps_etag_is(const struct dps_device *d, size_t index, struct dps_span etag);
/* The ETag of a batch: that of what was changed last. */
void dps_etag_put_batch(const struct dps_device *d, const struct dps_device_set *set, struct dps_coap_reply *reply);
/* Takes out of *set what the peer has: by the ETag of the request and its "incChanges" queries. */
void dps_etag_take_known(const struct dps_device *d, struct dps_span etag, struct dps_span queries, struct dps_device_set *set);
/* The pair "etag" of an entry of the batch. */
void dps_etag_write(struct dps_cbor_writer *w, const struct dps_device *d, size_t index);

/* resource_observe.c: observers. */

/* The observer with that token, or one that is free; NULL: none. */
struct dps_device_observer *dps_observer_slot(struct dps_device *d, struct dps_span token);
/* Begins or renews an observation, and gives the reply its number. */
void dps_observer_begin(struct dps_device_observer *o, struct dps_span token, size_t index, unsigned interface,
                        struct dps_coap_reply *reply);
void dps_observer_end(struct dps_device *d, struct dps_span token);

/* Whether a query begins with "key="; it is then without that. */
bool dps_query_take(struct dps_span *query, const char *key);

#endif
#endif
