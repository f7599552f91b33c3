/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what is judged of a certificate: dates, public key, common name, subject alternative names (RFC 5280 4.1, 4.2.1.6).
 */
#include "pki/certificate.h"

#include <string.h>

#include "codec/text.h"
#include "pki/der.h"
#include "pki/pki.h"

static const uint8_t OID_COMMON_NAME[] = {0x55, 0x04, 0x03};
static const uint8_t OID_SUBJECT_ALT_NAME[] = {0x55, 0x1d, 0x11};

static bool is_oid(struct dps_span oid, const uint8_t *bytes, size_t len)
{
	return oid.len == len && memcmp(oid.data, bytes, len) == 0;
}

/* RFC 5280 4.1.2.5: YYMMDDHHMMSSZ (years 1950 to 2049) or YYYYMMDDHHMMSSZ, seconds and "Z" always there. */
static bool read_time(struct dps_span *in, int64_t *unix_s)
{
	struct dps_span text;
	size_t year_digits = 2;
	if (dps_der_is(in, DPS_DER_GENERALIZED_TIME))
		year_digits = 4;
	else if (!dps_der_is(in, DPS_DER_UTC_TIME))
		return false;
	if (!dps_der_take_any(in, &text, NULL) || text.len != year_digits + 11 || text.data[text.len - 1] != 'Z')
		return false;

	/* pairs of digits: [century,] year, month, day, hour, minute, second */
	uint8_t pair[7] = {0};
	const size_t first = year_digits == 4 ? 0 : 1;
	for (size_t i = first; i < sizeof(pair); i++) {
		const uint8_t *digits = text.data + 2 * (i - first);
		if (digits[0] < '0' || digits[0] > '9' || digits[1] < '0' || digits[1] > '9')
			return false;
		pair[i] = (uint8_t)((digits[0] - '0') * 10 + (digits[1] - '0'));
	}
	if (first == 1)
		pair[0] = pair[1] < 50 ? 20 : 19;
	if (pair[2] < 1 || pair[2] > 12 || pair[3] < 1 || pair[3] > 31 || pair[4] > 23 || pair[5] > 59 || pair[6] > 59)
		return false;
	*unix_s = dps_days_from_civil(pair[0] * 100 + pair[1], pair[2], pair[3]) * 86400 + pair[4] * 3600 + pair[5] * 60 + pair[6];
	return true;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value } */
static bool read_common_name(struct dps_span name, struct dps_span *cn)
{
	while (name.len > 0) {
		struct dps_span set;
		if (!dps_der_take(&name, DPS_DER_SET, &set))
			return false;
		while (set.len > 0) {
			struct dps_span attribute, type, value;
			if (!dps_der_take(&set, DPS_DER_SEQUENCE, &attribute) || !dps_der_take(&attribute, DPS_DER_OID, &type) ||
			    !dps_der_take_any(&attribute, &value, NULL))
				return false;
			if (is_oid(type, OID_COMMON_NAME, sizeof(OID_COMMON_NAME)))
				*cn = value;
		}
	}
	return true;
}

/* Extensions ::= SEQUENCE OF SEQUENCE { id OID, critical BOOLEAN DEFAULT FALSE, value OCTET STRING } */
static bool read_extensions(struct dps_span wrapped, struct dps_certificate_view *view)
{
	struct dps_span list;
	if (!dps_der_take(&wrapped, DPS_DER_SEQUENCE, &list))
		return false;
	while (list.len > 0) {
		struct dps_span extension, id, value;
		if (!dps_der_take(&list, DPS_DER_SEQUENCE, &extension) || !dps_der_take(&extension, DPS_DER_OID, &id))
			return false;
		(void)dps_der_take(&extension, DPS_DER_BOOLEAN, NULL);
		if (!dps_der_take(&extension, DPS_DER_OCTET_STRING, &value))
			return false;
		if (!is_oid(id, OID_SUBJECT_ALT_NAME, sizeof(OID_SUBJECT_ALT_NAME)))
			continue;
		/* RFC 5280 4.2: no extension more than once */
		if (view->has_san || !dps_der_take(&value, DPS_DER_SEQUENCE, &view->san))
			return false;
		view->has_san = true;
	}
	return true;
}

dps_result dps_pki_certificate_read(struct dps_span der, struct dps_certificate_view *view)
{
	struct dps_span certificate, tbs, validity, extensions;

	*view = (struct dps_certificate_view){0};
	if (!dps_der_take(&der, DPS_DER_SEQUENCE, &certificate) || der.len != 0 || !dps_der_take(&certificate, DPS_DER_SEQUENCE, &tbs))
		return DPS_E_CERTIFICATE_FORMAT;
	(void)dps_der_take(&tbs, DPS_DER_CONTEXT_CONSTRUCTED | 0, NULL); /* version */
	/* serial number, signature algorithm, issuer */
	if (!dps_der_take(&tbs, DPS_DER_INTEGER, NULL) || !dps_der_take(&tbs, DPS_DER_SEQUENCE, NULL) ||
	    !dps_der_take(&tbs, DPS_DER_SEQUENCE, NULL))
		return DPS_E_CERTIFICATE_FORMAT;
	if (!dps_der_take(&tbs, DPS_DER_SEQUENCE, &validity) || !read_time(&validity, &view->not_before) ||
	    !read_time(&validity, &view->not_after))
		return DPS_E_CERTIFICATE_FORMAT;
	if (!dps_der_take(&tbs, DPS_DER_SEQUENCE, &view->subject) || !read_common_name(view->subject, &view->cn))
		return DPS_E_CERTIFICATE_FORMAT;
	if (!dps_der_is(&tbs, DPS_DER_SEQUENCE) || !dps_der_take_any(&tbs, NULL, &view->spki))
		return DPS_E_CERTIFICATE_FORMAT;
	(void)dps_der_take(&tbs, DPS_DER_CONTEXT | 1, NULL); /* unique ids, RFC 5280 4.1.2.8 */
	(void)dps_der_take(&tbs, DPS_DER_CONTEXT | 2, NULL);
	if (dps_der_take(&tbs, DPS_DER_CONTEXT_CONSTRUCTED | 3, &extensions) && !read_extensions(extensions, view))
		return DPS_E_CERTIFICATE_FORMAT;
	return tbs.len == 0 ? DPS_OK : DPS_E_CERTIFICATE_FORMAT;
}

void dps_pki_window_narrow(int64_t *not_before, int64_t *not_after, const struct dps_certificate_view *view)
{
	if (view->not_before > *not_before)
		*not_before = view->not_before;
	if (view->not_after < *not_after)
		*not_after = view->not_after;
}

int dps_pki_window_compare(int64_t not_before, int64_t not_after, int64_t now_s)
{
	if (now_s > not_after)
		return 1;
	/* dates of certificates lie within the years 0 to 9999: the tolerance cannot overflow on this side, on the clock's side it could */
	return now_s < not_before - DPS_PKI_NOT_BEFORE_TOLERANCE_S ? -1 : 0;
}

dps_result dps_pki_certificate_info(struct dps_span der_list, struct dps_certificate_info *info)
{
	struct dps_certificate_view view;
	struct dps_span der;
	if (dps_pki_der_next(&der_list, &der) != DPS_OK || dps_pki_certificate_read(der, &view) != DPS_OK)
		return DPS_E_CERTIFICATE_FORMAT;
	dps_text_printable(info->subject_cn, sizeof(info->subject_cn), view.cn.data, view.cn.len);
	info->not_before = view.not_before;
	info->not_after = view.not_after;
	dps_pki_sha256(der.data, der.len, info->sha256);
	return DPS_OK;
}
