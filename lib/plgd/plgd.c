/* SPDX-License-Identifier: Apache-2.0 */
/* The plgd service as a whole: its table of steps, how it wants CoAP spoken, and what it is answered when it asks the device. */
#include "dps/plgd.h"

#include <string.h>

#include "coap/coap.h"
#include "plgd/steps.h"

/* Largest message the service takes (its maxMessageSize); its CSM says nothing, which would mean 1,152 (RFC 8323 5.3.1). */
#define SERVICE_MESSAGE_SIZE UINT32_C(262144)

/* In the order of asking: an error answer ends the connection, so those come first whose loss would cost most, and last the one that is often refused. */
static const struct dps_step *const steps[] = {
	&dps_plgd_step_time,      &dps_plgd_step_owner, &dps_plgd_step_cloud, &dps_plgd_step_acls, &dps_plgd_step_credentials,
#if DPS_CONFIG_RESOURCES
	&dps_plgd_step_resources,
#endif
};

/*
 * What /oic/res is answered: one link, /oic/d, with the end points (OCF Core 10.2, oic.if.ll). This is its encoding up to the value of "eps":
 * [{"href": "/oic/d", "rt": ["oic.wk.d"], "if": ["oic.if.r", "oic.if.baseline"], "p": {"bm": 3}, "eps": ...}]
 */
/* clang-format off */
static const char link_head[] =
	"\x81\xa5"
	"\x64" "href" "\x66" "/oic/d"
	"\x62" "rt" "\x81\x68" "oic.wk.d"
	"\x62" "if" "\x82\x68" "oic.if.r" "\x6f" "oic.if.baseline"
	"\x61" "p" "\xa1\x62" "bm" "\x03"
	"\x63" "eps";
/* clang-format on */

static void write_links(const struct dps_plgd *plgd, struct dps_cbor_writer *w)
{
	dps_cbor_write_array(w, plgd->local_endpoint_count);
	for (size_t i = 0; i < plgd->local_endpoint_count; i++) {
		dps_cbor_write_map(w, 1);
		dps_cbor_write_text(w, "ep");
		dps_cbor_write_text(w, plgd->local_endpoints[i]);
	}
}

/* The service asks GET /oic/res before it answers the first request of a connection. Whatever it is answered, it goes on. */
static void serve(void *ctx, const struct dps_coap_inbound *request, struct dps_coap_reply *reply)
{
	const size_t head_len = sizeof(link_head) - 1;
	const struct dps_plgd *plgd = ctx;
	struct dps_cbor_writer w;

	if (request->method != 1 || !dps_span_is(request->path, "/oic/res") || plgd->local_endpoint_count == 0)
		return;
	if (reply->size < head_len)
		return; /* no room for the list: "none" is as good */
	memcpy(reply->payload, link_head, head_len);
	dps_cbor_writer_init(&w, reply->payload + head_len, reply->size - head_len);
	write_links(plgd, &w);
	if (dps_cbor_finish(&w, &reply->len) != DPS_OK) {
		reply->len = 0;
		return;
	}
	reply->len += head_len;
	reply->code = 205;
	reply->content_format = DPS_COAP_FORMAT_OCF_CBOR;
}

const struct dps_service *dps_plgd_init(struct dps_plgd *plgd, const char *const *local_endpoints, size_t count)
{
	const struct dps_coap_options options = {
		.accept = DPS_COAP_FORMAT_OCF_CBOR,
		.content_format = DPS_COAP_FORMAT_OCF_CBOR,
		.assumed_size = SERVICE_MESSAGE_SIZE,
		.receive = plgd->receive,
		.receive_size = sizeof(plgd->receive),
		.send = plgd->send,
		.send_size = sizeof(plgd->send),
		.serve = serve,
		.serve_ctx = plgd,
	};

	memset(plgd, 0, sizeof(*plgd));
	plgd->local_endpoints = local_endpoints;
	plgd->local_endpoint_count = count;
	plgd->service = (struct dps_service){
		.name = "plgd",
		.steps = steps,
		.step_count = sizeof(steps) / sizeof(steps[0]),
		.transport = &dps_coap_transport,
		.self = &plgd->coap,
		.lead_request = true,
		.error_closes = true,
	};
	return dps_coap_init(&plgd->coap, &options) == DPS_OK ? &plgd->service : NULL;
}
