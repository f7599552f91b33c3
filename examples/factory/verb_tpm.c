/* SPDX-License-Identifier: Apache-2.0 */
/* `tpm info` and `ek ...`: who the TPM is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"

static void add_hierarchy(cJSON *product, const char *name, bool is_set)
{
	cJSON_AddStringToObject(product, name, is_set ? "auth value set" : "no auth value");
}

bool verb_tpm_info(struct factory *factory)
{
	const struct dps_tpm2_info *info = &factory->info;
	cJSON *product = factory->product;
	char firmware[48];

	snprintf(firmware, sizeof(firmware), "%u.%u.%u.%u", info->firmware[0] >> 16, info->firmware[0] & 0xffff, info->firmware[1] >> 16,
	         info->firmware[1] & 0xffff);
	cJSON_AddStringToObject(product, "manufacturer", info->manufacturer);
	cJSON_AddStringToObject(product, "vendor", info->vendor);
	cJSON_AddStringToObject(product, "firmware", firmware);
	cJSON_AddBoolToObject(product, "softwareTpm", info->software);
	add_hierarchy(product, "owner", info->owner_auth_set);
	add_hierarchy(product, "endorsement", info->endorsement_auth_set);
	add_hierarchy(product, "lockout", info->lockout_auth_set);
	cJSON_AddBoolToObject(product, "inLockout", info->in_lockout);
	cJSON_AddNumberToObject(product, "lockoutCounter", info->lockout_counter);
	cJSON_AddNumberToObject(product, "maxTries", info->max_tries);
	cJSON_AddNumberToObject(product, "recoverySeconds", info->recovery_s);
	cJSON_AddNumberToObject(product, "lockoutRecoverySeconds", info->lockout_recovery_s);
	cJSON_AddNumberToObject(product, "freeTransientObjects", info->free_transients);
	cJSON_AddNumberToObject(product, "freeSessions", info->free_sessions);
	cJSON_AddNumberToObject(product, "freePersistentKeys", info->free_persistents);
	cJSON_AddNumberToObject(product, "nvIndexMax", (double)info->nv_index_max);
	cJSON_AddNumberToObject(product, "nvBufferMax", (double)info->nv_buffer_max);
	cJSON_AddNumberToObject(product, "clockMs", (double)info->clock_ms);
	cJSON_AddNumberToObject(product, "resetCount", info->reset_count);
	cJSON_AddBoolToObject(product, "clockSafe", info->clock_safe);
	return true;
}

static void add_endorsement(struct factory *factory)
{
	char handle[16];

	cJSON_AddStringToObject(factory->product, "template", factory->ek.template_name);
	if (factory->ek.key.handle != 0) {
		snprintf(handle, sizeof(handle), "0x%08x", factory->ek.key.handle);
		cJSON_AddStringToObject(factory->product, "handle", handle);
	}
	cJSON_AddStringToObject(factory->product, "sha256", factory->ek_sha256);
}

/* Bytes as text: as they are on standard output, in base64 in JSON. */
static bool take_bytes(struct factory *factory, const uint8_t *bytes, size_t len)
{
	char *base64 = text_base64(bytes, len);
	char *copy = malloc(len + 1);

	if (base64 != NULL)
		cJSON_AddStringToObject(factory->product, "base64", base64);
	free(base64);
	if (copy == NULL)
		return factory_take_text(factory, NULL);
	memcpy(copy, bytes, len);
	free(factory->text);
	factory->text = copy;
	factory->text_len = len;
	return true;
}

/* TPM2B_PUBLIC is the size of TPMT_PUBLIC in two bytes, and TPMT_PUBLIC: what Azure DPS calls the endorsement key. */
static bool take_tpm2b(struct factory *factory)
{
	const struct dps_tpm2_public *key = &factory->ek.key;
	uint8_t bytes[2 + DPS_TPM2_TPMT_SIZE] = {(uint8_t)(key->tpmt_len >> 8), (uint8_t)key->tpmt_len};
	char *base64;
	char *line;
	size_t len;

	memcpy(bytes + 2, key->tpmt, key->tpmt_len);
	base64 = text_base64(bytes, 2 + key->tpmt_len);
	len = base64 == NULL ? 0 : strlen(base64);
	line = base64 == NULL ? NULL : malloc(len + 2);
	if (line != NULL) {
		cJSON_AddStringToObject(factory->product, "base64", base64);
		snprintf(line, len + 2, "%s\n", base64);
	}
	free(base64);
	return factory_take_text(factory, line);
}

bool verb_ek_show(struct factory *factory)
{
	static const char *const names[] = {[EK_PEM] = "pem", [EK_DER] = "der", [EK_TPMT] = "tpmt", [EK_TPM2B_BASE64] = "tpm2b-b64"};
	const struct dps_tpm2_public *key = &factory->ek.key;

	add_endorsement(factory);
	cJSON_AddStringToObject(factory->product, "format", names[factory->options.format]);
	switch (factory->options.format) {
	case EK_DER:
		return take_bytes(factory, key->spki, key->spki_len);
	case EK_TPMT:
		return take_bytes(factory, key->tpmt, key->tpmt_len);
	case EK_TPM2B_BASE64:
		return take_tpm2b(factory);
	case EK_PEM:
		break;
	}
	if (!factory_take_text(factory, x509_key_to_pem(key->spki, key->spki_len)))
		return false;
	cJSON_AddStringToObject(factory->product, "pem", factory->text);
	return true;
}

/* The EK's certificate, and those of its issuers with --chain, into one chain. */
static bool read_certificates(struct factory *factory, struct x509_chain *chain)
{
	uint8_t der[DPS_TPM2_CERTIFICATE_SIZE + DPS_TPM2_CHAIN_SIZE];
	size_t len = factory->ek.certificate_len;
	size_t more = 0;

	memcpy(der, factory->ek.certificate, len);
	if (factory->options.chain) {
		dps_result result = dps_tpm2_read_endorsement_chain(&factory->tpm, der + len, sizeof(der) - len, &more);

		if (result != DPS_OK && result != DPS_E_NOT_FOUND)
			return device_fail(factory, result, "cannot read the certificates of the EK's issuers");
		if (result == DPS_E_NOT_FOUND)
			factory_warn(factory, "no-chain", "the TPM holds no certificates of the EK's issuers");
		else
			len += more;
	}
	return x509_chain_parse(chain, (struct dps_span){der, len}) ||
	       failure_set(&factory->failure, STATUS_FAILED, "certificate-format", "the EK's certificates are not all certificates");
}

bool verb_ek_cert(struct factory *factory)
{
	struct x509_chain chain;
	char from[TEXT_TIME_SIZE];
	char to[TEXT_TIME_SIZE];
	char issuer[256];
	bool good;

	if (factory->ek.certificate_len == 0)
		return failure_set(&factory->failure, STATUS_FAILED, "not-found", "this TPM holds no certificate of this endorsement key");
	if (!read_certificates(factory, &chain))
		return false;
	add_endorsement(factory);
	x509_issuer(chain.certificates[0], issuer, sizeof(issuer));
	cJSON_AddStringToObject(factory->product, "issuer", issuer);
	if (x509_dates(chain.certificates[0], from, to)) {
		cJSON_AddStringToObject(factory->product, "notBefore", from);
		cJSON_AddStringToObject(factory->product, "notAfter", to);
	}
	good = factory_take_text(factory, x509_chain_to_pem(&chain));
	if (good)
		cJSON_AddStringToObject(factory->product, "pem", factory->text);
	x509_chain_free(&chain);
	return good;
}

bool verb_ek_fingerprint(struct factory *factory)
{
	char *line = malloc(TEXT_SHA256_SIZE + 1);

	add_endorsement(factory);
	if (line != NULL)
		snprintf(line, TEXT_SHA256_SIZE + 1, "%s\n", factory->ek_sha256);
	return factory_take_text(factory, line);
}
