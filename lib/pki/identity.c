/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges an identity that was handed out before anything of it is kept: the key, the device id, the path to the anchors that came with
 * it, the dates. Mbed TLS verifies signatures, CA marks, key usage and path lengths; its opinion on dates is dropped.
 */
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <string.h>

#include "pki/certificate.h"
#include "pki/compat.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/pki.h"

#define DATE_FLAGS ((uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE))

/* Whether the key of a slot is the certificate's. The SubjectPublicKeyInfo is DER: one key, one encoding. */
static dps_result compare_key(const struct dps_keys *keys, const char *slot, const struct dps_certificate_view *leaf, dps_result mismatch)
{
	uint8_t spki[DPS_SPKI_SIZE];
	size_t len = 0;
	const dps_result result = keys->public_key(keys->ctx, slot, spki, sizeof(spki), &len);
	if (result != DPS_OK)
		return result;
	return dps_der_same((struct dps_span){spki, len}, leaf->spki) ? DPS_OK : mismatch;
}

dps_result dps_pki_check_key(const struct dps_keys *keys, const char *slot, struct dps_span chain)
{
	struct dps_certificate_view leaf;
	if (dps_pki_certificate_next(&chain, &leaf) != DPS_OK)
		return DPS_E_CERTIFICATE_FORMAT;
	return compare_key(keys, slot, &leaf, DPS_E_KEY_MISMATCH);
}

/* Adds the certificates of a DER list to Mbed TLS's list; they stay where they are. */
static dps_result parse_list(mbedtls_x509_crt *out, struct dps_span list)
{
	struct dps_span der;
	dps_result result;
	while ((result = dps_pki_der_next(&list, &der)) == DPS_OK) {
		const int ret = mbedtls_x509_crt_parse_der_nocopy(out, der.data, der.len);
		if (ret != 0)
			return ret == MBEDTLS_ERR_X509_ALLOC_FAILED ? DPS_E_MEMORY : DPS_E_CERTIFICATE_FORMAT;
	}
	return result == DPS_E_NOT_FOUND ? DPS_OK : result;
}

/* What the path that Mbed TLS found is compared with. */
struct order {
	const mbedtls_x509_crt *chain;
	size_t path_len;
	bool differs;
};

/* Mbed TLS looks for a parent anywhere in the list: here each must stand at its place in it, and only the last may come from elsewhere. */
static int on_certificate(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct order *order = ctx;
	const mbedtls_x509_crt *expected = order->chain;

	*flags &= ~DATE_FLAGS;
	if ((size_t)depth + 1 > order->path_len)
		order->path_len = (size_t)depth + 1;
	for (int i = 0; i < depth && expected != NULL; i++)
		expected = expected->next;
	/* behind the chain's end stands the anchor; an anchor that is also in the chain is the same bytes at another address */
	if (expected != NULL)
		order->differs |= !dps_der_same((struct dps_span){expected->raw.p, expected->raw.len}, (struct dps_span){crt->raw.p, crt->raw.len});
	return 0;
}

static bool leaf_is_usable(const mbedtls_x509_crt *leaf)
{
	return leaf->MBEDTLS_PRIVATE(ca_istrue) == 0 && mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 &&
	       mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
}

static dps_result verify(const struct dps_credentials *credentials, size_t chain_len)
{
	mbedtls_x509_crt chain;
	mbedtls_x509_crt anchors;
	dps_result result;

	mbedtls_x509_crt_init(&chain);
	mbedtls_x509_crt_init(&anchors);
	result = parse_list(&chain, credentials->chain);
	for (size_t i = 0; result == DPS_OK && i < credentials->anchor_count; i++)
		result = parse_list(&anchors, credentials->anchors[i].der);
	if (result == DPS_OK) {
		struct order order = {.chain = &chain};
		uint32_t flags = 0;
		const int ret = mbedtls_x509_crt_verify(&chain, &anchors, NULL, NULL, &flags, on_certificate, &order);
		if (ret != 0 || flags != 0 || order.differs || order.path_len < chain_len || !leaf_is_usable(&chain))
			result = DPS_E_IDENTITY_CHAIN;
	}
	mbedtls_x509_crt_free(&chain);
	mbedtls_x509_crt_free(&anchors);
	return result;
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

	result = compare_key(keys, slot, &leaf, DPS_E_IDENTITY_KEY);
	if (result != DPS_OK)
		return result;
	if (!is_device(leaf.cn, &credentials->device_id))
		return DPS_E_IDENTITY_DEVICE;
	result = verify(credentials, count);
	if (result != DPS_OK)
		return result;

	credentials->not_before = leaf.not_before;
	credentials->not_after = not_after;
	if (now_s <= 0)
		return DPS_OK;
	const int where = dps_pki_window_compare(not_before, not_after, now_s);
	if (where > 0)
		return DPS_E_IDENTITY_EXPIRED;
	return where < 0 ? DPS_E_IDENTITY_NOT_YET_VALID : DPS_OK;
}
