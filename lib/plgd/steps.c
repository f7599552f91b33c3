/* SPDX-License-Identifier: Apache-2.0 */
/* See steps.h: what several steps write and read alike. */
#include "plgd/steps.h"

void dps_plgd_write_di(struct dps_cbor_writer *w, const struct dps_uuid *device_id)
{
	char text[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(device_id, text);
	dps_cbor_write_text(w, "di");
	dps_cbor_write_text(w, text);
}

void dps_plgd_write_selected(struct dps_cbor_writer *w, const struct dps_gateway *gateway)
{
	char text[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(&gateway->id, text);
	dps_cbor_write_text(w, "selectedGateway");
	dps_cbor_write_map(w, 2);
	dps_cbor_write_text(w, "uri");
	dps_cbor_write_text_span(w, gateway->uri);
	dps_cbor_write_text(w, "id");
	dps_cbor_write_text(w, text);
}

dps_result dps_plgd_read_answer(const struct dps_answer *answer, const struct dps_field *fields, size_t count,
                                struct dps_plgd_redirect *base, struct dps_verdict *verdict)
{
	dps_result result = dps_fields_read_payload(answer->payload, answer->payload_len, fields, count, base);

	if (result == DPS_OK && base->uri.len > 0) {
		verdict->kind = DPS_VERDICT_REDIRECT;
		verdict->redirect = base->uri;
	}
	return result;
}
