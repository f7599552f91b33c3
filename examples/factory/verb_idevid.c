/* SPDX-License-Identifier: Apache-2.0 */
/* `idevid ...`: the device's key, its certificate request, its certificate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"

static const char *type_name(enum dps_key_type type)
{
	switch (type) {
	case DPS_KEY_EC_P256:
		return "p256";
	case DPS_KEY_EC_P384:
		return "p384";
	case DPS_KEY_RSA_2048:
		return "rsa2048";
	}
	return "unknown";
}

static void add_key(struct factory *factory)
{
	char handle[16];

	snprintf(handle, sizeof(handle), "0x%08x", factory->options.handle);
	cJSON_AddStringToObject(factory->product, "handle", handle);
	cJSON_AddStringToObject(factory->product, "type", type_name(factory->key.type));
	cJSON_AddStringToObject(factory->product, "keySha256", factory->key_sha256);
}

static void add_certificate(struct factory *factory)
{
	char index[16];

	snprintf(index, sizeof(index), "0x%08x", factory->options.nv_index);
	cJSON_AddStringToObject(factory->product, "serial", factory->serial);
	cJSON_AddStringToObject(factory->product, "nvIndex", index);
	cJSON_AddStringToObject(factory->product, "keySha256", factory->key_sha256);
	cJSON_AddStringToObject(factory->product, "certificateSha256", factory->certificate_sha256);
	cJSON_AddNumberToObject(factory->product, "certificates", (double)factory->chain.count);
}

/* --- create --- */

static bool check_type(struct factory *factory)
{
	if (factory->key.type == factory->options.key_type)
		return true;
	return failure_set(&factory->failure, STATUS_CONFLICT, "state", "there is a key of type %s at 0x%08x already",
	                   type_name(factory->key.type), factory->options.handle);
}

bool verb_idevid_create(struct factory *factory)
{
	const struct options *options = &factory->options;
	bool changed = true;
	bool found;

	if (!device_read_key(factory, &found) || (found && !check_type(factory)))
		return false;
	if (!found && (!device_need_auth(factory, DPS_TPM2_OWNER) || !device_need_auth(factory, DPS_TPM2_ENDORSEMENT)))
		return false;
	if (!options->dry_run) {
		dps_result result = dps_tpm2_create_idevid(&factory->tpm, options->key_type, options->handle, &changed);

		if (result != DPS_OK)
			return device_fail(factory, result, "cannot make the device's key");
		if (!device_need_key(factory))
			return false;
		add_key(factory);
	} else {
		changed = !found;
	}
	factory_step(factory, factory_step_state(factory, changed), "IDevID key of type %s at 0x%08x", type_name(options->key_type),
	             options->handle);
	return true;
}

/* --- csr --- */

bool verb_idevid_csr(struct factory *factory)
{
	char sha256[TEXT_SHA256_SIZE];
	char *pem;

	snprintf(factory->serial, sizeof(factory->serial), "%s", factory->options.serial);
	if (!device_need_key(factory) || !device_check_key(factory) || !station_check(factory))
		return false;
	if (factory->options.dry_run) {
		factory_step(factory, STEP_WOULD, "sign a certificate request for serial number %s", factory->serial);
		return true;
	}
	pem = x509_request(factory->key.spki, factory->key.spki_len, factory->serial, device_sign, factory);
	if (pem == NULL)
		return failure_set(&factory->failure, STATUS_FAILED, "request", "the request could not be made, or its signature is wrong");
	text_sha256(pem, strlen(pem), sha256);
	cJSON_AddStringToObject(factory->details, "requestSha256", sha256);
	cJSON_AddStringToObject(factory->product, "serial", factory->serial);
	cJSON_AddStringToObject(factory->product, "keySha256", factory->key_sha256);
	cJSON_AddStringToObject(factory->product, "pem", pem);
	if (factory->options.out != NULL)
		cJSON_AddStringToObject(factory->product, "out", factory->options.out);
	return factory_take_text(factory, pem);
}

/* --- install --- */

/* What a chain must be before it goes where it may be locked for ever. */
static bool check_chain(struct factory *factory)
{
	const struct x509_chain *chain = &factory->chain;
	const char *reason;

	if (!x509_chain_in_order(chain))
		return failure_set(&factory->failure, STATUS_USAGE, "chain-order",
		                   "%s: each certificate must be signed by the one behind it, leaf first", factory->options.cert);
	if (factory->options.ca != NULL && !x509_chain_verify(chain, factory->options.ca, &reason, &factory->failure))
		return failure_set(&factory->failure, STATUS_CONFLICT, "chain", "the chain does not lead to %s: %s", factory->options.ca,
		                   reason != NULL ? reason : "");
	switch (x509_compare_dates(chain->certificates[0])) {
	case 1:
		return failure_set(&factory->failure, STATUS_CONFLICT, "certificate-expired", "the certificate has expired");
	case -1:
		factory_warn(factory, "not-yet-valid", "the certificate is not valid yet, by this machine's clock");
		return true;
	default:
		return true;
	}
}

static bool is_locked(struct factory *factory, uint32_t index)
{
	struct dps_tpm2_nv nv;

	return dps_tpm2_nv_look(&factory->tpm, index, &nv) == DPS_OK && nv.write_locked;
}

/* Whether the TPM holds these bytes already, locked if they are to be. What an interrupted run left is the beginning of them. */
static bool is_installed(struct factory *factory, struct dps_span der_list, bool *installed)
{
	uint32_t index = factory->options.nv_index;
	uint8_t there[DPS_TPM2_CHAIN_SIZE];
	size_t len = 0;
	dps_result result = dps_tpm2_nv_read_chain(&factory->tpm, index, there, sizeof(there), &len);
	bool begun = result == DPS_OK && len <= der_list.len && memcmp(there, der_list.data, len) == 0;

	*installed = begun && len == der_list.len;
	for (size_t i = 0; *installed && factory->options.lock && i < factory->chain.count; i++)
		*installed = is_locked(factory, index + (uint32_t)i);
	return begun || !is_locked(factory, index) ||
	       failure_set(&factory->failure, STATUS_CONFLICT, "state", "NV index 0x%08x is locked and holds something else", index);
}

static bool install(struct factory *factory, struct dps_span der_list)
{
	struct dps_tpm2_nv nv;
	bool changed = false;
	bool installed;

	if (!is_installed(factory, der_list, &installed))
		return false;
	if (factory->options.dry_run) {
		changed = !installed;
	} else {
		dps_result result = dps_tpm2_nv_install_chain(&factory->tpm, factory->options.nv_index, der_list, factory->options.lock, &changed);

		if (result != DPS_OK)
			return device_fail(factory, result, "cannot store the certificates");
		if (dps_tpm2_nv_look(&factory->tpm, factory->options.nv_index, &nv) == DPS_OK && !nv.platform)
			factory_warn(factory, "owner-made",
			             "the platform's auth value is not known: the owner made the NV index, TPM2_Clear removes it");
	}
	factory_step(factory, factory_step_state(factory, changed), "%zu certificate(s) from NV index 0x%08x on%s", factory->chain.count,
	             factory->options.nv_index, factory->options.lock ? ", locked" : "");
	return true;
}

bool verb_idevid_install(struct factory *factory)
{
	struct dps_span der_list;
	uint8_t *der;
	bool done;

	if (!x509_chain_read(&factory->chain, factory->options.cert, &factory->failure))
		return false;
	x509_sha256(factory->chain.certificates[0], factory->certificate_sha256);
	if (!device_need_key(factory) || !device_check_key(factory) || !device_match_chain(factory) || !check_chain(factory) ||
	    !station_check(factory) || !device_challenge(factory))
		return false;
	if (x509_chain_drop_anchor(&factory->chain))
		factory_warn(factory, "anchor",
		             "the last certificate signs itself: it is an anchor, which the device does not send and the TPM need not hold");
	der = x509_chain_to_der(&factory->chain, &der_list.len);
	if (der == NULL)
		return failure_set(&factory->failure, STATUS_FAILED, "memory", "out of memory");
	der_list.data = der;
	done = install(factory, der_list);
	free(der);
	if (done)
		add_certificate(factory);
	return done;
}

/* --- adopt --- */

bool verb_idevid_adopt(struct factory *factory)
{
	struct station_device known;
	const char *reason;

	if (!device_need_key(factory) || !device_check_key(factory) || !device_need_chain(factory) || !device_match_chain(factory))
		return false;
	if (!x509_chain_in_order(&factory->chain))
		return failure_set(&factory->failure, STATUS_CONFLICT, "chain-order", "the certificates at NV index 0x%08x are not one chain",
		                   factory->options.nv_index);
	if (factory->options.ca == NULL)
		factory_warn(factory, "no-ca", "without --ca nobody says who made this certificate");
	else if (!x509_chain_verify(&factory->chain, factory->options.ca, &reason, &factory->failure))
		return failure_set(&factory->failure, STATUS_CONFLICT, "chain", "the chain does not lead to %s: %s", factory->options.ca,
		                   reason != NULL ? reason : "");
	if (!station_check(factory) || !device_challenge(factory) || !station_look(factory, &known))
		return false;
	add_certificate(factory);
	factory_step(factory, factory_step_state(factory, strcmp(known.certificate_sha256, factory->certificate_sha256) != 0),
	             "adopt the key at 0x%08x and its certificate", factory->options.handle);
	return true;
}
