/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `retask` and `decommission`. Both are TPM2_Clear and what has to stand again behind it: the owner's seed and all that hangs on it go, so that
 * no copy of a wrapped key is of any use. The IDevID comes back because it is a primary key of a fixed template, its certificate because it is
 * in platform-made NV; where the owner made the index, the chain is kept in a file beside the log until it is back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dps/port/posix.h"
#include "factory.h"
#include "files.h"

/* TCG's registry of reserved handles: persistent endorsement keys. */
#define EK_HANDLE_FIRST UINT32_C(0x81010000)
#define EK_HANDLE_LAST  UINT32_C(0x8101ffff)
#define EK_HANDLES_MAX  16

/* --- the state directory of dps-device --- */

static bool is_record(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

/* Removes all records. That nobody else does anything there is the business of the storage port's lock. */
static bool erase_records(struct factory *factory, const char *path, size_t *count)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool good = directory != NULL;

	*count = 0;
	while (good && (entry = readdir(directory)) != NULL) {
		struct stat about;

		if (!is_record(entry->d_name) || fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(about.st_mode))
			continue;
		good = factory->options.dry_run || unlinkat(dirfd(directory), entry->d_name, 0) == 0;
		(*count)++;
	}
	good = good && fsync(dirfd(directory)) == 0;
	if (!good)
		failure_set(&factory->failure, STATUS_FAILED, "file", "cannot empty %s: %s", path, strerror(errno));
	if (directory != NULL)
		closedir(directory);
	return good;
}

static bool erase_state(struct factory *factory)
{
	const char *path = factory->options.state_dir;
	struct dps_posix_storage storage;
	size_t count;
	bool done;

	if (path == NULL)
		return true;
	if (access(path, F_OK) != 0) {
		factory_step(factory, STEP_ALREADY, "no state in %s", path);
		return true;
	}
	if (dps_posix_storage_open(&storage, path) != DPS_OK)
		return failure_set(&factory->failure, STATUS_FAILED, "storage", "cannot use %s: %s", path, dps_posix_storage_detail(&storage));
	done = erase_records(factory, path, &count);
	dps_posix_storage_close(&storage);
	if (done)
		factory_step(factory, factory_step_state(factory, count > 0), "%zu record(s) removed from %s", count, path);
	return done;
}

/* --- the chain, while the TPM does not hold it --- */

static bool backup_path(const struct factory *factory, char path[PATH_MAX])
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s", factory->options.log);
	return (size_t)snprintf(path, PATH_MAX, "%s/retask-%.16s.pem", dirname(directory), factory->ek_sha256) < PATH_MAX;
}

/* Whether what an interrupted run kept is the device's chain: the TPM holds nothing, or the beginning of it. */
static bool is_kept_chain(const struct factory *factory, bool found, const struct x509_chain *kept)
{
	return !found || (factory->chain.count < kept->count && X509_cmp(factory->chain.certificates[0], kept->certificates[0]) == 0);
}

/* Finds the device's chain in the TPM, or where an interrupted run left it. */
static bool find_chain(struct factory *factory, bool *found)
{
	struct x509_chain kept;
	char path[PATH_MAX];

	if (!device_read_chain(factory, found))
		return false;
	if (!backup_path(factory, path) || access(path, F_OK) != 0)
		return true;
	if (!x509_chain_read(&kept, path, &factory->failure))
		return false;
	if (!is_kept_chain(factory, *found, &kept)) {
		x509_chain_free(&kept);
		return true;
	}
	x509_chain_free(&factory->chain);
	factory->chain = kept;
	x509_sha256(factory->chain.certificates[0], factory->certificate_sha256);
	*found = true;
	return true;
}

static bool keep_chain(struct factory *factory)
{
	char path[PATH_MAX];
	struct dps_tpm2_nv nv;
	char *pem;
	bool done;

	if (dps_tpm2_nv_look(&factory->tpm, factory->options.nv_index, &nv) != DPS_OK || nv.platform)
		return true;
	pem = x509_chain_to_pem(&factory->chain);
	done = pem != NULL && backup_path(factory, path) && files_replace(path, pem, strlen(pem), S_IRUSR | S_IWUSR);
	free(pem);
	return done ||
	       failure_set(&factory->failure, STATUS_FAILED, "file", "cannot keep the certificates beside the log: %s", strerror(errno));
}

static bool put_chain_back(struct factory *factory)
{
	struct dps_span der_list;
	uint8_t *der = x509_chain_to_der(&factory->chain, &der_list.len);
	char path[PATH_MAX];
	bool changed = false;
	dps_result result;

	if (der == NULL)
		return failure_set(&factory->failure, STATUS_FAILED, "memory", "out of memory");
	der_list.data = der;
	result = dps_tpm2_nv_install_chain(&factory->tpm, factory->options.nv_index, der_list, false, &changed);
	free(der);
	if (result != DPS_OK)
		return device_fail(factory, result, "cannot store the certificates again");
	if (changed)
		factory_step(factory, STEP_DONE, "certificates at NV index 0x%08x, which TPM2_Clear had removed", factory->options.nv_index);
	if (backup_path(factory, path))
		unlink(path);
	return true;
}

/* --- clearing --- */

/* The EKs that are persistent: TPM2_Clear removes them too, and they belong to the TPM. */
struct endorsements {
	struct dps_tpm2_endorsement keys[3];
	size_t count;
};

static bool find_endorsements(struct factory *factory, struct endorsements *found)
{
	static const enum dps_tpm2_endorsement_type types[] = {DPS_TPM2_EK_RSA_2048, DPS_TPM2_EK_P256, DPS_TPM2_EK_P384};
	uint32_t handles[EK_HANDLES_MAX];
	size_t persistent = 0;
	size_t count = 0;
	dps_result result = dps_tpm2_list_handles(&factory->tpm, EK_HANDLE_FIRST, handles, EK_HANDLES_MAX, &count);

	found->count = 0;
	if (result != DPS_OK)
		return device_fail(factory, result, "cannot list the persistent keys");
	while (persistent < count && handles[persistent] <= EK_HANDLE_LAST)
		persistent++;
	/* To look for one that is not there would be to make it, which takes a chip long. */
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && found->count < persistent; i++) {
		struct dps_tpm2_endorsement *key = &found->keys[found->count];

		result = dps_tpm2_read_endorsement(&factory->tpm, types[i], key);
		if (result == DPS_E_TPM)
			return device_fail(factory, result, "cannot read the endorsement keys");
		if (result == DPS_OK && key->key.handle != 0)
			found->count++;
	}
	return true;
}

static bool restore_endorsements(struct factory *factory, const struct endorsements *found)
{
	for (size_t i = 0; i < found->count; i++) {
		bool changed = false;
		dps_result result = dps_tpm2_restore_endorsement(&factory->tpm, &found->keys[i], &changed);

		if (result != DPS_OK)
			return device_fail(factory, result, "cannot make the endorsement key again");
		factory_step(factory, factory_step_state(factory, changed), "endorsement key %s at 0x%08x", found->keys[i].template_name,
		             found->keys[i].key.handle);
	}
	return true;
}

/* The port would clear by the platform's authority where the lockout's value is wrong: who gives one must know it. */
static bool check_lockout_auth(struct factory *factory)
{
	const struct secret *secret = &factory->auth[DPS_TPM2_LOCKOUT];
	dps_result result;

	if (!secret->given || !factory->info.lockout_auth_set)
		return true;
	result = dps_tpm2_change_auth(&factory->tpm, DPS_TPM2_LOCKOUT, (struct dps_span){secret->auth.bytes, secret->auth.len}, NULL);
	return result == DPS_OK || device_fail(factory, result, "the lockout auth value is not the one given");
}

static bool clear(struct factory *factory)
{
	struct endorsements endorsements;
	dps_result result;

	if (factory->options.dry_run) {
		factory_step(factory, STEP_WOULD, "clear the TPM: operational keys, owner's data, auth values");
		return true;
	}
	if (!check_lockout_auth(factory) || !find_endorsements(factory, &endorsements))
		return false;
	result = dps_tpm2_clear(&factory->tpm);
	if (result != DPS_OK)
		return device_fail(factory, result, "cannot clear the TPM");
	factory_step(factory, STEP_DONE, "TPM cleared: operational keys, owner's data, auth values");
	/* What is known of the TPM was of the time before. */
	device_close(factory);
	return device_open(factory, false) && restore_endorsements(factory, &endorsements);
}

/* The key must be one that can be made again: of a vendor's own making it would be lost for ever. */
static bool check_restorable(struct factory *factory)
{
	bool changed = false;
	dps_result result;

	if (!device_need_auth(factory, DPS_TPM2_ENDORSEMENT))
		return false;
	if (factory->options.dry_run)
		return true;
	result = dps_tpm2_create_idevid(&factory->tpm, factory->key.type, factory->options.handle, &changed);
	if (result == DPS_E_STATE)
		return failure_set(&factory->failure, STATUS_CONFLICT, "state",
		                   "the key at 0x%08x is not of TCG's IDevID template: TPM2_Clear would destroy it for ever",
		                   factory->options.handle);
	return result == DPS_OK || device_fail(factory, result, "cannot make the device's key again");
}

static bool restore_of_certificate(struct factory *factory, bool *changed)
{
	unsigned char *der = NULL;
	int len = i2d_X509(factory->chain.certificates[0], &der);
	dps_result result;

	if (len <= 0)
		return failure_set(&factory->failure, STATUS_FAILED, "memory", "out of memory");
	result = dps_tpm2_restore_idevid(&factory->tpm, factory->options.handle, (struct dps_span){der, (size_t)len}, changed);
	OPENSSL_free(der);
	return result == DPS_OK || device_fail(factory, result, "cannot make the device's key again");
}

static bool restore_of_template(struct factory *factory, bool *changed)
{
	dps_result result = dps_tpm2_create_idevid(&factory->tpm, factory->key.type, factory->options.handle, changed);

	return result == DPS_OK || device_fail(factory, result, "cannot make the device's key again");
}

/* The key comes back as the one of the certificate, or, where there is none yet, as it was. */
static bool restore_key(struct factory *factory, bool has_key, bool has_chain)
{
	bool changed = false;

	if (factory->options.dry_run || (!has_key && !has_chain))
		return true;
	if (!(has_chain ? restore_of_certificate(factory, &changed) : restore_of_template(factory, &changed)))
		return false;
	factory_step(factory, factory_step_state(factory, changed), "IDevID key at 0x%08x", factory->options.handle);
	return device_need_key(factory) && (!has_chain || put_chain_back(factory));
}

bool verb_retask(struct factory *factory)
{
	bool has_key;
	bool has_chain;

	if (!device_need_auth(factory, DPS_TPM2_LOCKOUT) || !device_read_key(factory, &has_key) || !find_chain(factory, &has_chain))
		return false;
	if (has_key && !check_restorable(factory))
		return false;
	if (has_key && has_chain && !device_match_chain(factory))
		return false;
	if (has_chain && !x509_device_serial(factory->chain.certificates[0], factory->serial))
		factory->serial[0] = '\0';
	if (has_chain && !factory->options.dry_run && !keep_chain(factory))
		return false;
	return clear(factory) && restore_key(factory, has_key, has_chain) && own_device(factory) && erase_state(factory);
}

/* --- decommission --- */

/* Whether this device has the serial number that was confirmed: by its certificate, or, when that is gone, by the log. */
static bool check_confirmed(struct factory *factory, bool has_chain, bool *already)
{
	const char *confirmed = factory->options.confirm;
	struct station_device device;
	const char *serial = factory->serial;

	*already = false;
	if (!station_look(factory, &device))
		return false;
	if (!has_chain || !x509_device_serial(factory->chain.certificates[0], factory->serial)) {
		snprintf(factory->serial, sizeof(factory->serial), "%s", device.serial);
		*already = device.decommissioned && strcmp(serial, confirmed) == 0 && !has_chain;
	}
	if (serial[0] == '\0')
		return failure_set(&factory->failure, STATUS_CONFLICT, "no-serial",
		                   "neither a certificate nor the log has this device's serial number");
	return strcmp(serial, confirmed) == 0 || failure_set(&factory->failure, STATUS_CONFLICT, "serial-mismatch",
	                                                     "this device has the serial number %s, not %s", serial, confirmed);
}

static bool remove_certificates(struct factory *factory, size_t count)
{
	size_t removed = 0;

	for (size_t i = 0; i < count && !factory->options.dry_run; i++) {
		bool changed = false;
		dps_result result = dps_tpm2_nv_remove(&factory->tpm, factory->options.nv_index + (uint32_t)i, &changed);

		if (result != DPS_OK)
			return device_fail(factory, result, "cannot remove the device's certificates");
		removed += changed ? 1 : 0;
	}
	factory_step(factory, factory_step_state(factory, removed > 0 || (factory->options.dry_run && count > 0)),
	             "certificates removed from NV index 0x%08x on", factory->options.nv_index);
	return true;
}

bool verb_decommission(struct factory *factory)
{
	bool has_key;
	bool has_chain;
	bool already;
	size_t count;

	if (!device_read_key(factory, &has_key) || !device_read_chain(factory, &has_chain) || !check_confirmed(factory, has_chain, &already))
		return false;
	if (already && !has_key) {
		factory_step(factory, STEP_ALREADY, "serial number %s is decommissioned", factory->serial);
		return erase_state(factory);
	}
	if (!device_need_auth(factory, DPS_TPM2_LOCKOUT))
		return false;
	/* The certificate goes last: it is what the serial number is known by when this is interrupted. */
	count = has_chain ? factory->chain.count : 0;
	return clear(factory) && erase_state(factory) && remove_certificates(factory, count);
}
