/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges an identity that was handed out before anything of it is kept: the key, the device id, the path to the anchors that came with
 * it, the dates.
 */
#include <string.h>

#include "pki/certificate.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/pki.h"

/* Whether the key of a slot is the certificate's. The SubjectPublicKeyInfo is DER: one key, one encoding. */
static dps_result compare_key(const struct dps_keys *keys, const char *slot, const struct dps_certificate_view *leaf, dps_result mismatch)
{
	uint8_t spki[DPS_SPKI_SIZE];
	size_t len = 0;
	const dps_result result = keys->public_key(keys->ctx, slot, spki, sizeof(spki), &len);
	if (result != DPS_OK)
		return result;
	return dps_der_same(&(struct dps_span){spki, len}, &leaf->spki) ? DPS_OK : mismatch;
}

dps_result dps_pki_check_key(const struct dps_keys *keys, const char *slot, struct dps_span chain)
{
	struct dps_certificate_view leaf;
	if (dps_pki_certificate_next(&chain, &leaf) != DPS_OK)
		return DPS_E_CERTIFICATE_FORMAT;
	return compare_key(keys, slot, &leaf, DPS_E_KEY_MISMATCH);
}

/* The common name is "uuid:" and the id in lower case. */
static bool is_device(struct dps_span cn, const struct dps_uuid *device_id)
{
	char id[DPS_UUID_TEXT_LEN + 1];
	dps_uuid_format(device_id, id);
	return cn.len == DPS_PKI_CN_LEN && memcmp(cn.data, DPS_PKI_CN_PREFIX, DPS_PKI_CN_PREFIX_LEN) == 0 &&
	       memcmp(cn.data + DPS_PKI_CN_PREFIX_LEN, id, DPS_UUID_TEXT_LEN) == 0;
}

dps_result dps_pki_check_identity(const struct dps_keys *keys, struct dps_credentials *credentials, const char *slot, int64_t now_s)
{
	struct dps_certificate_view leaf;
	struct dps_certificate_view view;
	struct dps_span list = credentials->chain;
	size_t count = 1;
	dps_result result;

	if (dps_pki_certificate_next(&list, &leaf) != DPS_OK)
		return DPS_E_CERTIFICATE_FORMAT;
	int64_t not_before = leaf.not_before;
	int64_t not_after = leaf.not_after;
	while ((result = dps_pki_certificate_next(&list, &view)) == DPS_OK) {
		dps_pki_window_narrow(&not_before, &not_after, &view);
		count++;
	}
	if (result != DPS_E_NOT_FOUND)
		return DPS_E_CERTIFICATE_FORMAT;

	/* The order first: of a list that is out of order the leaf, whose key and name are judged below, is not the leaf. */
	result = dps_pki_chain_verify(credentials, count);
	if (result != DPS_OK)
		return result;
	result = compare_key(keys, slot, &leaf, DPS_E_IDENTITY_KEY);
	if (result != DPS_OK)
		return result;
	if (!is_device(leaf.cn, &credentials->device_id))
		return DPS_E_IDENTITY_DEVICE;

	credentials->not_before = leaf.not_before;
	credentials->not_after = not_after;
	if (now_s <= 0)
		return DPS_OK;
	const int where = dps_pki_window_compare(not_before, not_after, now_s);
	if (where > 0)
		return DPS_E_IDENTITY_EXPIRED;
	return where < 0 ? DPS_E_IDENTITY_NOT_YET_VALID : DPS_OK;
}
