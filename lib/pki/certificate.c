/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what is judged of a certificate: dates, public key, common name, subject alternative names (RFC 5280 4.1, 4.2.1.6).
 */
#include "pki/certificate.h"

#include "codec/text.h"
#include "pki/der.h"
#include "pki/pki.h"

/* The elements of a TBSCertificate, in their order. */
enum {
	TBS_VERSION,
	TBS_SERIAL_NUMBER,
	TBS_SIGNATURE,
	TBS_ISSUER,
	TBS_VALIDITY,
	TBS_SUBJECT,
	TBS_SPKI,
	TBS_ISSUER_ID,
	TBS_SUBJECT_ID,
	TBS_EXTENSIONS,
	TBS_COUNT
};

static const struct {
	uint8_t tag;
	bool optional;
} TBS[TBS_COUNT] = {
	[TBS_VERSION] = {DPS_DER_CONTEXT_CONSTRUCTED | 0, true},
	[TBS_SERIAL_NUMBER] = {DPS_DER_INTEGER, false},
	[TBS_SIGNATURE] = {DPS_DER_SEQUENCE, false},
	[TBS_ISSUER] = {DPS_DER_SEQUENCE, false},
	[TBS_VALIDITY] = {DPS_DER_SEQUENCE, false},
	[TBS_SUBJECT] = {DPS_DER_SEQUENCE, false},
	[TBS_SPKI] = {DPS_DER_SEQUENCE, false},
	[TBS_ISSUER_ID] = {DPS_DER_CONTEXT | 1, true}, /* RFC 5280 4.1.2.8 */
	[TBS_SUBJECT_ID] = {DPS_DER_CONTEXT | 2, true},
	[TBS_EXTENSIONS] = {DPS_DER_CONTEXT_CONSTRUCTED | 3, true},
};

static const struct dps_span OID_COMMON_NAME = {(const uint8_t[]){0x55, 0x04, 0x03}, 3};
static const struct dps_span OID_SUBJECT_ALT_NAME = {(const uint8_t[]){0x55, 0x1d, 0x11}, 3};

/* Attributes of names and extensions are both a SEQUENCE that begins with an OID: takes one, rest is what follows the OID. */
static bool take_typed(struct dps_span *list, const struct dps_span *wanted, bool *is_wanted, struct dps_span *rest)
{
	struct dps_span oid;
	if (!dps_der_take(list, DPS_DER_SEQUENCE, rest) || !dps_der_take(rest, DPS_DER_OID, &oid))
		return false;
	*is_wanted = dps_der_same(&oid, wanted);
	return true;
}

/* RFC 5280 4.1.2.5: YYMMDDHHMMSSZ (years 1950 to 2049) or YYYYMMDDHHMMSSZ, seconds and "Z" always there. */
static bool read_time(struct dps_span *in, int64_t *unix_s)
{
	/* pairs of digits: [century,] year, month, day, hour, minute, second */
	static const uint8_t LEAST[] = {0, 0, 1, 1, 0, 0, 0};
	static const uint8_t MOST[] = {99, 99, 12, 31, 23, 59, 59};
	unsigned pair[sizeof(MOST)];
	struct dps_span text;
	size_t first = 0;

	if (dps_der_take(in, DPS_DER_UTC_TIME, &text))
		first = 1;
	else if (!dps_der_take(in, DPS_DER_GENERALIZED_TIME, &text))
		return false;
	if (text.len != 2 * (sizeof(MOST) - first) + 1 || text.data[text.len - 1] != 'Z')
		return false;
	const uint8_t *digits = text.data;
	for (size_t i = first; i < sizeof(MOST); i++) {
		const unsigned tens = *digits++ - (unsigned)'0';
		const unsigned ones = *digits++ - (unsigned)'0';
		pair[i] = tens * 10 + ones;
		if (tens > 9 || ones > 9 || pair[i] < LEAST[i] || pair[i] > MOST[i])
			return false;
	}
	if (first > 0)
		pair[0] = pair[1] < 50 ? 20 : 19;
	*unix_s = (int64_t)dps_days_from_civil(pair[0] * 100 + pair[1], pair[2], pair[3]) * 86400 + (pair[4] * 60 + pair[5]) * 60 + pair[6];
	return true;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value }. Of several common names none counts: others may read another one than we do. */
static bool read_common_name(struct dps_span name, struct dps_span *cn)
{
	unsigned count = 0;

	while (name.len > 0) {
		struct dps_span set;
		if (!dps_der_take(&name, DPS_DER_SET, &set))
			return false;
		while (set.len > 0) {
			struct dps_span attribute, value;
			bool is_cn;
			if (!take_typed(&set, &OID_COMMON_NAME, &is_cn, &attribute) || !dps_der_take(&attribute, DPS_DER_ANY, &value))
				return false;
			if (is_cn)
				*cn = count++ == 0 ? value : (struct dps_span){NULL, 0};
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
		struct dps_span extension, value;
		bool is_san;
		if (!take_typed(&list, &OID_SUBJECT_ALT_NAME, &is_san, &extension))
			return false;
		(void)dps_der_take(&extension, DPS_DER_BOOLEAN, &value);
		if (!dps_der_take(&extension, DPS_DER_OCTET_STRING, &value))
			return false;
		if (!is_san)
			continue;
		/* RFC 5280 4.2: no extension more than once */
		if (view->san.data != NULL || !dps_der_take(&value, DPS_DER_SEQUENCE, &view->san))
			return false;
	}
	return true;
}

dps_result dps_pki_certificate_read(struct dps_span der, struct dps_certificate_view *view)
{
	struct dps_span certificate, tbs;
	struct dps_span part[TBS_COUNT];

	*view = (struct dps_certificate_view){0};
	part[TBS_EXTENSIONS].data = NULL; /* the only one that is looked at and may be missing */
	if (!dps_der_take(&der, DPS_DER_SEQUENCE, &certificate) || der.len != 0 || !dps_der_take(&certificate, DPS_DER_SEQUENCE, &tbs))
		return DPS_E_CERTIFICATE_FORMAT;
	for (size_t i = 0; i < TBS_COUNT; i++) {
		if (!dps_der_take(&tbs, TBS[i].tag, &part[i]) && !TBS[i].optional)
			return DPS_E_CERTIFICATE_FORMAT;
	}
	/* the key with its head: it begins where the subject ends */
	view->subject = part[TBS_SUBJECT];
	view->spki.data = view->subject.data + view->subject.len;
	view->spki.len = (size_t)(part[TBS_SPKI].data - view->spki.data) + part[TBS_SPKI].len;
	if (tbs.len != 0 || !read_time(&part[TBS_VALIDITY], &view->not_before) || !read_time(&part[TBS_VALIDITY], &view->not_after) ||
	    !read_common_name(view->subject, &view->cn) || (part[TBS_EXTENSIONS].data != NULL && !read_extensions(part[TBS_EXTENSIONS], view)))
		return DPS_E_CERTIFICATE_FORMAT;
	return DPS_OK;
}

dps_result dps_pki_certificate_next(struct dps_span *list, struct dps_certificate_view *view)
{
	struct dps_span der;
	const dps_result result = dps_pki_der_next(list, &der);
	return result == DPS_OK ? dps_pki_certificate_read(der, view) : result;
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

#if DPS_CONFIG_TOOLS
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
#endif
