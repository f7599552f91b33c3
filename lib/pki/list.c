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
	if (list->len == 0)
		return DPS_E_NOT_FOUND;
	if (!dps_der_is(list, DPS_DER_SEQUENCE) || !dps_der_take_any(list, NULL, certificate))
		return DPS_E_CERTIFICATE_FORMAT;
	return DPS_OK;
}

/* Whether a list is certificates and nothing else, and at least one. */
static dps_result check_list(struct dps_span list)
{
	struct dps_certificate_view view;
	struct dps_span der;
	dps_result result = list.len > 0 ? DPS_OK : DPS_E_CERTIFICATE_FORMAT;
	while (result == DPS_OK && (result = dps_pki_der_next(&list, &der)) == DPS_OK)
		result = dps_pki_certificate_read(der, &view);
	return result == DPS_E_NOT_FOUND ? DPS_OK : result;
}

dps_result dps_pki_load_certificates(const uint8_t *in, size_t in_len, uint8_t *out, size_t size, size_t *len)
{
	struct dps_span text = {in, in_len};

	*len = 0;
	if (dps_der_is(&text, DPS_DER_SEQUENCE)) {
		*len = in_len;
		if (in_len > size)
			return DPS_E_BUFFER;
		memmove(out, in, in_len);
		return check_list((struct dps_span){out, in_len});
	}
	for (;;) {
		size_t block = 0;
		const dps_result result = dps_pem_next(&text, "CERTIFICATE", out + *len, size - *len, &block);
		if (result == DPS_E_NOT_FOUND)
			break;
		if (result == DPS_E_BUFFER) {
			/* base64 never grows by decoding: as much as the text is always enough */
			*len = in_len;
			return DPS_E_BUFFER;
		}
		if (result != DPS_OK)
			return DPS_E_CERTIFICATE_FORMAT;
		*len += block;
	}
	return check_list((struct dps_span){out, *len});
}
