/* SPDX-License-Identifier: Apache-2.0 */
/* The TPM as the verbs see it, over the library's TPM port. */
#include <libgen.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"

/* Response codes that mean something to a person at a bench (TPM 2.0 Library, part 2, 6.6.3), as dps_tpm2_code gives them. */
#define TPM_RC_AUTH_FAIL     0x08eu
#define TPM_RC_BAD_AUTH      0x0a2u
#define TPM_RC_AUTH_MISSING  0x125u
#define TPM_RC_NV_SPACE      0x14bu
#define TPM_RC_OBJECT_MEMORY 0x902u
#define TPM_RC_LOCKOUT       0x921u

bool device_fail(struct factory *factory, dps_result result, const char *what)
{
	static const struct {
		uint32_t code;
		enum exit_status status;
		const char *cause;
	} codes[] = {
		{TPM_RC_AUTH_FAIL, STATUS_AUTH, "auth"},    {TPM_RC_BAD_AUTH, STATUS_AUTH, "auth"},
		{TPM_RC_AUTH_MISSING, STATUS_AUTH, "auth"}, {TPM_RC_LOCKOUT, STATUS_LOCKOUT, "lockout"},
		{TPM_RC_NV_SPACE, STATUS_FULL, "tpm-full"}, {TPM_RC_OBJECT_MEMORY, STATUS_FULL, "tpm-full"},
	};
	static const struct {
		dps_result result;
		enum exit_status status;
	} results[] = {
		{DPS_E_TPM, STATUS_USAGE},         {DPS_E_ARGUMENT, STATUS_USAGE},
		{DPS_E_STORAGE_FULL, STATUS_FULL}, {DPS_E_KEY_MISMATCH, STATUS_CONFLICT},
		{DPS_E_STATE, STATUS_CONFLICT},
	};
	const char *detail = dps_tpm2_detail(&factory->tpm);
	const char *text = detail[0] != '\0' ? detail : dps_result_text(result);
	uint32_t code = dps_tpm2_code(&factory->tpm);

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code == codes[i].code)
			return failure_set(&factory->failure, codes[i].status, codes[i].cause, "%s: %s", what, text);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (result == results[i].result)
			return failure_set(&factory->failure, results[i].status, dps_result_name(result), "%s: %s", what, text);
	return failure_set(&factory->failure, STATUS_FAILED, dps_result_name(result), "%s: %s", what, text);
}

/* --- opening --- */

/* One lock for each TPM, beside the log: what a killed run left in the TPM may then be flushed by the next. */
static bool lock_path(const struct factory *factory, char path[PATH_MAX])
{
	const char *tcti = factory->options.tcti != NULL ? factory->options.tcti : "";
	char directory[PATH_MAX];
	char sha256[TEXT_SHA256_SIZE];

	snprintf(directory, sizeof(directory), "%s", factory->options.log);
	text_sha256(tcti, strlen(tcti), sha256);
	return (size_t)snprintf(path, PATH_MAX, "%s/tpm-%.16s.lock", dirname(directory), sha256) < PATH_MAX;
}

static bool open_port(struct factory *factory)
{
	struct dps_tpm2_options options = {
		.tcti = factory->options.tcti,
		.manufacturer_handle = factory->options.handle,
		.nv_index = factory->options.nv_index,
	};
	const bool is_set[OPTIONS_AUTHORITIES] = {
		[DPS_TPM2_OWNER] = factory->info.owner_auth_set,
		[DPS_TPM2_ENDORSEMENT] = factory->info.endorsement_auth_set,
		[DPS_TPM2_LOCKOUT] = factory->info.lockout_auth_set,
	};
	char lock[PATH_MAX];
	dps_result result;

	/* A value for a hierarchy that has none yet is for `own` to set: until then the empty one is right. */
	for (size_t i = 0; i < OPTIONS_AUTHORITIES; i++)
		if (factory->auth[i].given && is_set[i])
			options.auth[i] = (struct dps_span){factory->auth[i].auth.bytes, factory->auth[i].auth.len};
	if (!factory->options.dry_run && lock_path(factory, lock))
		options.lock_file = lock;
	result = dps_tpm2_open(&factory->tpm, &options);
	if (result != DPS_OK)
		return device_fail(factory, result, "cannot open the TPM");
	factory->tpm_open = true;
	result = dps_tpm2_read_info(&factory->tpm, &factory->info);
	return result == DPS_OK || device_fail(factory, result, "cannot read what the TPM is");
}

static bool has_auth_to_give(const struct factory *factory)
{
	return (factory->auth[DPS_TPM2_OWNER].given && factory->info.owner_auth_set) ||
	       (factory->auth[DPS_TPM2_ENDORSEMENT].given && factory->info.endorsement_auth_set) ||
	       (factory->auth[DPS_TPM2_LOCKOUT].given && factory->info.lockout_auth_set);
}

bool device_read_endorsement(struct factory *factory)
{
	dps_result result = dps_tpm2_read_endorsement(&factory->tpm, factory->options.ek_type, &factory->ek);

	if (result != DPS_OK)
		return device_fail(factory, result, "cannot read the endorsement key");
	text_sha256(factory->ek.key.spki, factory->ek.key.spki_len, factory->ek_sha256);
	return true;
}

bool device_open(struct factory *factory, bool endorsement)
{
	factory->info = (struct dps_tpm2_info){0};
	if (!open_port(factory))
		return false;
	/* Who has auth values is known only now: once more, with those that are needed. */
	if (has_auth_to_give(factory)) {
		dps_tpm2_close(&factory->tpm);
		factory->tpm_open = false;
		if (!open_port(factory))
			return false;
	}
	return !endorsement || device_read_endorsement(factory);
}

void device_close(struct factory *factory)
{
	if (factory->tpm_open)
		dps_tpm2_close(&factory->tpm);
	factory->tpm_open = false;
}

bool device_need_auth(struct factory *factory, enum dps_tpm2_authority authority)
{
	const struct {
		const char *name;
		bool is_set;
	} hierarchies[OPTIONS_AUTHORITIES] = {
		[DPS_TPM2_OWNER] = {"owner", factory->info.owner_auth_set},
		[DPS_TPM2_ENDORSEMENT] = {"endorsement", factory->info.endorsement_auth_set},
		[DPS_TPM2_LOCKOUT] = {"lockout", factory->info.lockout_auth_set},
	};

	return !hierarchies[authority].is_set || factory->auth[authority].given ||
	       failure_set(&factory->failure, STATUS_AUTH, "auth", "this TPM has an %s auth value: --%s-auth is needed",
	                   hierarchies[authority].name, hierarchies[authority].name);
}

/* --- the IDevID --- */

bool device_read_key(struct factory *factory, bool *found)
{
	dps_result result = dps_tpm2_read_public(&factory->tpm, factory->options.handle, &factory->key);

	*found = result == DPS_OK;
	if (result == DPS_E_NOT_FOUND)
		return true;
	if (result != DPS_OK)
		return device_fail(factory, result, "cannot read the device's key");
	text_sha256(factory->key.spki, factory->key.spki_len, factory->key_sha256);
	return true;
}

bool device_need_key(struct factory *factory)
{
	bool found;

	if (!device_read_key(factory, &found))
		return false;
	return found || failure_set(&factory->failure, STATUS_FAILED, "not-found", "there is no key at 0x%08x (`idevid create` makes it)",
	                            factory->options.handle);
}

bool device_read_chain(struct factory *factory, bool *found)
{
	uint8_t der[DPS_TPM2_CHAIN_SIZE];
	size_t len = 0;
	dps_result result = dps_tpm2_nv_read_chain(&factory->tpm, factory->options.nv_index, der, sizeof(der), &len);

	*found = result == DPS_OK;
	if (result == DPS_E_NOT_FOUND)
		return true;
	if (result != DPS_OK)
		return device_fail(factory, result, "cannot read the device's certificates");
	x509_chain_free(&factory->chain);
	if (!x509_chain_parse(&factory->chain, (struct dps_span){der, len}))
		return failure_set(&factory->failure, STATUS_FAILED, "certificate-format", "NV index 0x%08x holds no chain of certificates",
		                   factory->options.nv_index);
	x509_sha256(factory->chain.certificates[0], factory->certificate_sha256);
	return true;
}

bool device_need_chain(struct factory *factory)
{
	bool found;

	if (!device_read_chain(factory, &found))
		return false;
	return found || failure_set(&factory->failure, STATUS_FAILED, "not-found", "there is no certificate at NV index 0x%08x",
	                            factory->options.nv_index);
}

bool device_sign(void *context, const uint8_t digest[32], uint8_t *signature, size_t *len)
{
	struct factory *factory = context;
	const struct dps_keys *keys = &factory->tpm.port;
	size_t size = *len;
	dps_result result = keys->open(keys->ctx, DPS_SLOT_MANUFACTURER);

	if (result == DPS_OK)
		result = keys->sign(keys->ctx, DPS_SLOT_MANUFACTURER, DPS_HASH_SHA256, digest, 32, signature, size, len);
	return result == DPS_OK || device_fail(factory, result, "the device's key does not sign");
}

bool device_check_key(struct factory *factory)
{
	const struct dps_tpm2_public *key = &factory->key;
	const char *wrong = NULL;

	if (!key->sign)
		wrong = "is no signing key";
	else if (key->restricted)
		wrong = "is restricted: it cannot sign a TLS handshake";
	else if (!key->fixed)
		wrong = "may leave this TPM (no fixedTPM, fixedParent)";
	return wrong == NULL ||
	       failure_set(&factory->failure, STATUS_CONFLICT, "key-format", "the key at 0x%08x %s", factory->options.handle, wrong);
}

bool device_challenge(struct factory *factory)
{
	uint8_t signature[DPS_SIGNATURE_SIZE];
	uint8_t challenge[32];
	size_t len = sizeof(signature);

	if (RAND_bytes(challenge, sizeof(challenge)) != 1)
		return failure_set(&factory->failure, STATUS_FAILED, "random", "no randomness");
	if (!device_sign(factory, challenge, signature, &len))
		return false;
	return x509_signature_is_good(factory->key.spki, factory->key.spki_len, challenge, signature, len) ||
	       failure_set(&factory->failure, STATUS_CONFLICT, "signature", "the key at 0x%08x signed wrongly", factory->options.handle);
}

bool device_match_chain(struct factory *factory)
{
	const X509 *leaf = factory->chain.certificates[0];
	const char *asked = factory->options.serial;

	if (!x509_has_key(leaf, factory->key.spki, factory->key.spki_len))
		return failure_set(&factory->failure, STATUS_CONFLICT, "key-mismatch", "the certificate is for another key than that at 0x%08x",
		                   factory->options.handle);
	if (!x509_device_serial(leaf, factory->serial))
		return failure_set(&factory->failure, STATUS_CONFLICT, "no-serial", "the certificate's subject has no usable serial number");
	if (asked != NULL && strcmp(asked, factory->serial) != 0)
		return failure_set(&factory->failure, STATUS_CONFLICT, "serial-mismatch", "the certificate is for serial number %s, not %s",
		                   factory->serial, asked);
	return true;
}
