/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER lists: taking them apart, and making them of what people have in files.
 */
#include <string.h>

#include "codec/pem.h"
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/pki.h"

dps_result dps_pki_der_next(struct dps_span *list, struct dps_span *certificate)
{
	const uint8_t *const start = list->data;
	struct dps_span content;
	if (list->len == 0)
		return DPS_E_NOT_FOUND;
	if (!dps_der_take(list, DPS_DER_SEQUENCE, &content))
		return DPS_E_CERTIFICATE_FORMAT;
	*certificate = (struct dps_span){start, (size_t)(list->data - start)};
	return DPS_OK;
}

/* Whether a list is certificates and nothing else, and at least one. */
static dps_result check_list(struct dps_span list)
{
	struct dps_certificate_view view;
	dps_result result;
	do
		result = dps_pki_certificate_next(&list, &view);
	while (result == DPS_OK && list.len > 0);
	return result == DPS_OK ? DPS_OK : DPS_E_CERTIFICATE_FORMAT;
}

dps_result dps_pki_load_certificates(const uint8_t *in, size_t in_len, uint8_t *out, size_t size, size_t *len)
{
	struct dps_span text = {in, in_len};
	dps_result result = DPS_E_NOT_FOUND;
	size_t block;

	*len = 0;
	if (in_len > 0 && in[0] == DPS_DER_SEQUENCE) {
		*len = in_len;
		if (in_len > size)
			return DPS_E_BUFFER;
		memmove(out, in, in_len);
	} else {
		while ((result = dps_pem_next(&text, "CERTIFICATE", out + *len, size - *len, &block)) == DPS_OK)
			*len += block;
	}
	if (result == DPS_E_BUFFER) {
		/* base64 never grows by decoding: as much as the text is always enough */
		*len = in_len;
		return DPS_E_BUFFER;
	}
	if (result != DPS_E_NOT_FOUND)
		return DPS_E_CERTIFICATE_FORMAT;
	return check_list((struct dps_span){out, *len});
}
