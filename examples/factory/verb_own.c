/* SPDX-License-Identifier: Apache-2.0 */
/* `own`: storage root key, lockout parameters, auth values. In this order: what is interrupted goes on with the same command. */
#include <stdio.h>

#include "factory.h"

static bool own_srk(struct factory *factory)
{
	struct dps_tpm2_public srk;
	dps_result result = dps_tpm2_read_public(&factory->tpm, DPS_TPM2_SRK_HANDLE, &srk);
	bool changed = false;

	if (result != DPS_OK && result != DPS_E_NOT_FOUND)
		return device_fail(factory, result, "cannot read the storage root key");
	changed = result == DPS_E_NOT_FOUND;
	if (changed && !device_need_auth(factory, DPS_TPM2_OWNER))
		return false;
	if (!factory->options.dry_run) {
		result = dps_tpm2_create_srk(&factory->tpm, &changed);
		if (result != DPS_OK)
			return device_fail(factory, result, "cannot make the storage root key");
	}
	factory_step(factory, factory_step_state(factory, changed), "storage root key at 0x%08x", DPS_TPM2_SRK_HANDLE);
	return true;
}

static bool own_lockout(struct factory *factory)
{
	const struct options *options = &factory->options;
	const struct dps_tpm2_info *info = &factory->info;
	bool changed = info->max_tries != options->max_tries || info->recovery_s != options->recovery_s ||
	               info->lockout_recovery_s != options->lockout_recovery_s;

	if (changed && !device_need_auth(factory, DPS_TPM2_LOCKOUT))
		return false;
	if (changed && !options->dry_run) {
		dps_result result =
			dps_tpm2_set_lockout(&factory->tpm, options->max_tries, options->recovery_s, options->lockout_recovery_s, &changed);

		if (result != DPS_OK)
			return device_fail(factory, result, "cannot set the lockout parameters");
	}
	factory_step(factory, factory_step_state(factory, changed),
	             "lockout after %u tries, one forgotten each %u s, lockout auth again after %u s", options->max_tries, options->recovery_s,
	             options->lockout_recovery_s);
	return true;
}

static bool own_auth(struct factory *factory, enum dps_tpm2_authority authority, const char *name, bool is_set)
{
	const struct secret *secret = &factory->auth[authority];
	bool changed = !is_set;
	dps_result result;

	if (!secret->given) {
		factory_step(factory, STEP_LEFT, is_set ? "%s auth value (set, not asked for)" : "%s auth value (empty)", name);
		return true;
	}
	/* With one that is set this shows whether the value is right. */
	if (!factory->options.dry_run) {
		result = dps_tpm2_change_auth(&factory->tpm, authority, (struct dps_span){secret->auth.bytes, secret->auth.len}, &changed);
		if (result != DPS_OK) {
			char what[64];

			snprintf(what, sizeof(what), is_set ? "the %s auth value is not the one given" : "cannot set the %s auth value", name);
			return device_fail(factory, result, what);
		}
	}
	factory_step(factory, factory_step_state(factory, changed), "%s auth value", name);
	return true;
}

bool own_device(struct factory *factory)
{
	const struct dps_tpm2_info *info = &factory->info;

	return own_srk(factory) && own_lockout(factory) && own_auth(factory, DPS_TPM2_ENDORSEMENT, "endorsement", info->endorsement_auth_set) &&
	       own_auth(factory, DPS_TPM2_OWNER, "owner", info->owner_auth_set) &&
	       own_auth(factory, DPS_TPM2_LOCKOUT, "lockout", info->lockout_auth_set);
}

bool verb_own(struct factory *factory)
{
	const struct dps_tpm2_info *info = &factory->info;

	if (!own_device(factory))
		return false;
	if ((!info->owner_auth_set && !factory->auth[DPS_TPM2_OWNER].given) ||
	    (!info->endorsement_auth_set && !factory->auth[DPS_TPM2_ENDORSEMENT].given) ||
	    (!info->lockout_auth_set && !factory->auth[DPS_TPM2_LOCKOUT].given))
		factory_warn(factory, "empty-auth",
		             "auth values that were not given are left empty: whoever reaches this TPM may change or clear it");
	return true;
}
