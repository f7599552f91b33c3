/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate port: the manufacturer's chain, as the application gave it, as it was kept, or read from NV.
 */
#include <string.h>

#include "pki/certificate.h"
#include "tpm2/internal.h"

dps_result dps_tpm2_certificate_key(struct dps_span der_list, struct dps_span *spki)
{
	struct dps_certificate_view view;

	if (dps_pki_certificate_next(&der_list, &view) != DPS_OK)
		return DPS_E_CERTIFICATE_FORMAT;
	*spki = view.spki;
	return DPS_OK;
}

/* Whether a chain is for the key that the TPM is known to have; true as long as that is not known. */
static bool fits(const struct dps_tpm2 *tpm, struct dps_span chain)
{
	const struct dps_tpm2_key *key = &tpm->manufacturer;
	struct dps_span spki;

	return !key->known_public || !key->proven ||
	       (dps_tpm2_certificate_key(chain, &spki) == DPS_OK && dps_tpm2_same_key(spki, (struct dps_span){key->spki, key->spki_len}));
}

dps_result dps_tpm2_manufacturer_chain(struct dps_tpm2 *tpm, bool fresh, struct dps_span *der_list)
{
	dps_result result = DPS_OK;

	if (tpm->given_chain.len > 0) {
		*der_list = tpm->given_chain;
		return DPS_OK;
	}
	if (tpm->nv_index == 0)
		return DPS_E_NOT_FOUND;
	if (fresh)
		tpm->chain_len = 0;
	if (tpm->chain_len == 0 && !fresh)
		(void)!dps_tpm2_cache_read_chain(tpm);
	if (tpm->chain_len == 0) {
		tpm->chain_stored = false;
		result = dps_tpm2_nv_chain(tpm, tpm->nv_index, tpm->chain, sizeof(tpm->chain), &tpm->chain_len);
		if (result != DPS_OK)
			tpm->chain_len = 0;
	}
	*der_list = (struct dps_span){tpm->chain, tpm->chain_len};
	return result;
}

static dps_result certificates_chain(void *ctx, const char *slot, struct dps_span *der_list)
{
	struct dps_tpm2 *tpm = ctx;

	if (strcmp(slot, DPS_SLOT_MANUFACTURER) != 0)
		return DPS_E_NOT_FOUND;
	dps_result result = dps_tpm2_begin(tpm);
	if (result == DPS_OK)
		result = dps_tpm2_manufacturer_chain(tpm, false, der_list);
	/* what was kept is of an earlier key: its certificate is in NV by now */
	if (result == DPS_OK && tpm->chain_stored && !fits(tpm, *der_list))
		result = dps_tpm2_manufacturer_chain(tpm, true, der_list);
	return result == DPS_E_TPM || result == DPS_E_STATE ? DPS_E_KEY : result;
}

void dps_tpm2_certificates_init(struct dps_tpm2 *tpm)
{
	tpm->certificates = (struct dps_certificates){.ctx = tpm, .chain = certificates_chain};
}
