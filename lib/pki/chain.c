/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signatures of a chain that was handed out, up to the anchors that came with it. Mbed TLS verifies signatures, CA marks, key usage and path
 * lengths; its opinion on dates is dropped.
 */
#include "pki/chain.h"

#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>

#include "pki/compat.h"
#include "pki/der.h"
#include "pki/pki.h"

#define DATE_FLAGS ((uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE))

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
	order->path_len++;
	for (int i = 0; i < depth && expected != NULL; i++)
		expected = expected->next;
	/* behind the chain's end stands the anchor; an anchor that is also in the chain is the same bytes at another address */
	if (expected != NULL &&
	    !dps_der_same(&(struct dps_span){expected->raw.p, expected->raw.len}, &(struct dps_span){crt->raw.p, crt->raw.len}))
		order->differs = true;
	return 0;
}

static bool leaf_is_usable(const mbedtls_x509_crt *leaf)
{
	return leaf->MBEDTLS_PRIVATE(ca_istrue) == 0 && mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 &&
	       mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
}

dps_result dps_pki_chain_verify(const struct dps_credentials *credentials, size_t chain_len)
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
		if (ret != 0 || order.differs || order.path_len < chain_len || !leaf_is_usable(&chain))
			result = DPS_E_IDENTITY_CHAIN;
	}
	mbedtls_x509_crt_free(&chain);
	mbedtls_x509_crt_free(&anchors);
	return result;
}
