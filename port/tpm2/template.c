/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: what keys are made of. A primary key is the same again whenever it is made of the same template and seed, so every bit counts. "TCG EK Credential
 * Profile" 2.5 (L-1, L-2, H-1 to H-3), "TPM 2.0 Keys for Device Identity and Attestation" 7.3.4 (H-1, H-2), "TCG TPM v2.0 Provisioning Guidance" 7.5.1 (SRK).
 */
#include <string.h>

#include "tpm2/internal.h"

#define FIXED (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN)

/* PolicySecret(endorsement): PolicyA */
static const uint8_t POLICY_A_SHA256[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
                                          0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
/* PolicyOR of PolicyA and PolicyAuthorizeNV: PolicyB */
static const uint8_t POLICY_B_SHA256[] = {0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3,
                                          0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0};
static const uint8_t POLICY_B_SHA384[] = {0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,
                                          0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
                                          0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12};
static const uint8_t POLICY_IDEVID_SHA256[] = {0xad, 0x6b, 0x3a, 0x22, 0x84, 0xfd, 0x69, 0x8a, 0x07, 0x10, 0xbf,
                                               0x5c, 0xc1, 0xb9, 0xbd, 0xf1, 0x5e, 0x25, 0x32, 0xe3, 0xf6, 0x01,
                                               0xfa, 0x4b, 0x93, 0xa6, 0xa8, 0xfa, 0x8d, 0xe5, 0x79, 0xea};
static const uint8_t UNIQUE_IDEVID[] = {'I', 'D', 'E', 'V', 'I', 'D'};

static void begin(TPM2B_PUBLIC *public, TPM2_ALG_ID type, TPM2_ALG_ID hash, TPMA_OBJECT attributes, const uint8_t *policy,
                  size_t policy_len)
{
	memset(public, 0, sizeof(*public));
	public->publicArea.type = type;
	public->publicArea.nameAlg = hash;
	public->publicArea.objectAttributes = attributes;
	public->publicArea.authPolicy.size = (UINT16)policy_len;
	if (policy_len > 0)
		memcpy(public->publicArea.authPolicy.buffer, policy, policy_len);
}

/* aes_bits 0: no symmetric algorithm, the key is no parent; scheme hash TPM2_ALG_NULL: any scheme. */
static void finish_ec(TPM2B_PUBLIC *public, TPM2_ECC_CURVE curve, UINT16 aes_bits, TPM2_ALG_ID scheme_hash)
{
	TPMS_ECC_PARMS *parms = &public->publicArea.parameters.eccDetail;

	parms->curveID = curve;
	parms->kdf.scheme = TPM2_ALG_NULL;
	parms->scheme.scheme = scheme_hash == TPM2_ALG_NULL ? TPM2_ALG_NULL : TPM2_ALG_ECDSA;
	parms->scheme.details.ecdsa.hashAlg = scheme_hash;
	parms->symmetric.algorithm = aes_bits != 0 ? TPM2_ALG_AES : TPM2_ALG_NULL;
	parms->symmetric.keyBits.aes = aes_bits;
	parms->symmetric.mode.aes = TPM2_ALG_CFB;
}

static void finish_rsa(TPM2B_PUBLIC *public, UINT16 aes_bits)
{
	TPMS_RSA_PARMS *parms = &public->publicArea.parameters.rsaDetail;

	parms->keyBits = 2048;
	parms->exponent = 0; /* 65537 */
	parms->scheme.scheme = TPM2_ALG_NULL;
	parms->symmetric.algorithm = aes_bits != 0 ? TPM2_ALG_AES : TPM2_ALG_NULL;
	parms->symmetric.keyBits.aes = aes_bits;
	parms->symmetric.mode.aes = TPM2_ALG_CFB;
}

static void set_unique_ec(TPM2B_PUBLIC *public, const uint8_t *bytes, size_t len)
{
	TPMS_ECC_POINT *point = &public->publicArea.unique.ecc;

	point->x.size = point->y.size = (UINT16)len;
	if (bytes != NULL) {
		memcpy(point->x.buffer, bytes, len);
		memcpy(point->y.buffer, bytes, len);
	}
}

void dps_tpm2_template_srk(TPM2B_PUBLIC *public)
{
	begin(public, TPM2_ALG_ECC, TPM2_ALG_SHA256,
	      FIXED | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT, NULL, 0);
	finish_ec(public, TPM2_ECC_NIST_P256, 128, TPM2_ALG_NULL);
	set_unique_ec(public, NULL, 32);
}

bool dps_tpm2_template_idevid(enum dps_key_type type, TPM2B_PUBLIC *public)
{
	begin(public, type == DPS_KEY_RSA_2048 ? TPM2_ALG_RSA : TPM2_ALG_ECC, TPM2_ALG_SHA256,
	      FIXED | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_SIGN_ENCRYPT, POLICY_IDEVID_SHA256,
	      sizeof(POLICY_IDEVID_SHA256));
	if (type == DPS_KEY_RSA_2048) {
		finish_rsa(public, 0);
		public->publicArea.unique.rsa.size = sizeof(UNIQUE_IDEVID);
		memcpy(public->publicArea.unique.rsa.buffer, UNIQUE_IDEVID, sizeof(UNIQUE_IDEVID));
	} else {
		finish_ec(public, TPM2_ECC_NIST_P256, 0, TPM2_ALG_SHA256);
		set_unique_ec(public, UNIQUE_IDEVID, sizeof(UNIQUE_IDEVID));
	}
	return type == DPS_KEY_RSA_2048 || type == DPS_KEY_EC_P256;
}

/* noDA: an identity must not be lost because power was cut too often. */
bool dps_tpm2_template_identity(enum dps_key_type type, TPM2B_PUBLIC *public)
{
	begin(public, type == DPS_KEY_RSA_2048 ? TPM2_ALG_RSA : TPM2_ALG_ECC, TPM2_ALG_SHA256,
	      FIXED | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT, NULL, 0);
	if (type == DPS_KEY_RSA_2048)
		finish_rsa(public, 0);
	else
		finish_ec(public, type == DPS_KEY_EC_P384 ? TPM2_ECC_NIST_P384 : TPM2_ECC_NIST_P256, 0, TPM2_ALG_NULL);
	return type == DPS_KEY_RSA_2048 || type == DPS_KEY_EC_P256 || type == DPS_KEY_EC_P384;
}

void dps_tpm2_template_endorsement(enum dps_key_type type, bool high, TPM2B_PUBLIC *public)
{
	const bool big = type == DPS_KEY_EC_P384;
	const uint8_t *policy = !high ? POLICY_A_SHA256 : big ? POLICY_B_SHA384 : POLICY_B_SHA256;

	begin(public, type == DPS_KEY_RSA_2048 ? TPM2_ALG_RSA : TPM2_ALG_ECC, big ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256,
	      FIXED | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | (high ? TPMA_OBJECT_USERWITHAUTH : 0),
	      policy, big ? sizeof(POLICY_B_SHA384) : sizeof(POLICY_B_SHA256));
	if (type == DPS_KEY_RSA_2048) {
		finish_rsa(public, 128);
		public->publicArea.unique.rsa.size = high ? 0 : 256;
	} else {
		finish_ec(public, big ? TPM2_ECC_NIST_P384 : TPM2_ECC_NIST_P256, big ? 256 : 128, TPM2_ALG_NULL);
		set_unique_ec(public, NULL, high ? 0 : 32);
	}
}
