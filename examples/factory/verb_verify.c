/* SPDX-License-Identifier: Apache-2.0 */
/* `verify`: what a station asks of a device before it goes into its box. Every check is made, whatever the others say. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "factory.h"

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_FAILED, CHECK_SKIPPED };

struct checks {
	struct factory *factory;
	cJSON *rows;
	unsigned failed;
	char names[256]; /* of those that failed */
};

static void check(struct checks *checks, enum check_state state, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void check(struct checks *checks, enum check_state state, const char *name, const char *format, ...)
{
	static const char *const states[] = {
		[CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_FAILED] = "failed", [CHECK_SKIPPED] = "skipped"};
	cJSON *row = cJSON_CreateObject();
	size_t used = strlen(checks->names);
	va_list arguments;
	char text[400];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cJSON_AddStringToObject(row, "state", states[state]);
	cJSON_AddStringToObject(row, "check", name);
	cJSON_AddStringToObject(row, "text", text);
	cJSON_AddItemToArray(checks->rows, row);
	if (state == CHECK_FAILED) {
		snprintf(checks->names + used, sizeof(checks->names) - used, "%s%s", checks->failed == 0 ? "" : ", ", name);
		checks->failed++;
	}
}

/* A function of the tool that failed is a check that failed; unless the TPM is gone, which says nothing about the device. */
static bool take_failure(struct checks *checks, const char *name)
{
	struct failure *failure = &checks->factory->failure;

	if (failure->status == STATUS_USAGE)
		return false;
	check(checks, CHECK_FAILED, name, "%s", failure->text);
	*failure = (struct failure){0};
	return true;
}

static bool check_tpm(struct checks *checks)
{
	const struct dps_tpm2_info *info = &checks->factory->info;

	check(checks, info->software ? CHECK_WARNING : CHECK_OK, "tpm", "%s %s%s", info->manufacturer, info->vendor,
	      info->software ? ", a software TPM: for tests only" : "");
	if (info->in_lockout)
		check(checks, CHECK_FAILED, "lockout", "in lockout after %u of %u tries, one is forgotten each %u s", info->lockout_counter,
		      info->max_tries, info->recovery_s);
	else
		check(checks, info->lockout_counter > 0 ? CHECK_WARNING : CHECK_OK, "lockout", "%u of %u tries used", info->lockout_counter,
		      info->max_tries);
	return true;
}

static bool check_endorsement(struct checks *checks)
{
	struct factory *factory = checks->factory;

	if (!device_read_endorsement(factory))
		return take_failure(checks, "ek");
	if (factory->ek.certificate_len == 0)
		check(checks, CHECK_WARNING, "ek", "endorsement key %s, without a certificate", factory->ek.template_name);
	else
		check(checks, CHECK_OK, "ek", "endorsement key %s, its certificate is for it", factory->ek.template_name);
	return true;
}

static bool check_key(struct checks *checks, bool *found)
{
	struct factory *factory = checks->factory;

	*found = false;
	if (!device_need_key(factory) || !device_check_key(factory))
		return take_failure(checks, "key");
	*found = true;
	check(checks, CHECK_OK, "key", "signs, is not restricted, never leaves this TPM");
	if (!device_challenge(factory))
		return take_failure(checks, "signature");
	check(checks, CHECK_OK, "signature", "of a random challenge");
	return true;
}

static bool check_chain(struct checks *checks)
{
	struct factory *factory = checks->factory;
	const char *anchors = factory->options.ca;
	const char *reason;

	if (!x509_chain_in_order(&factory->chain))
		check(checks, CHECK_FAILED, "chain", "the certificates are not one chain");
	else if (anchors == NULL)
		check(checks, CHECK_SKIPPED, "chain", "no --ca was given");
	else if (x509_chain_verify(&factory->chain, anchors, &reason, &factory->failure))
		check(checks, CHECK_OK, "chain", "leads to %s", anchors);
	else if (factory->failure.cause != NULL)
		return take_failure(checks, "chain");
	else
		check(checks, CHECK_FAILED, "chain", "does not lead to %s: %s", anchors, reason);
	return true;
}

static void check_clock(struct checks *checks)
{
	const struct factory *factory = checks->factory;
	struct timex clock = {0};
	bool synchronised = adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0;
	char from[TEXT_TIME_SIZE];
	char to[TEXT_TIME_SIZE];

	if (!x509_dates(factory->chain.certificates[0], from, to))
		check(checks, CHECK_FAILED, "clock", "the certificate has no dates");
	else if (x509_compare_dates(factory->chain.certificates[0]) != 0)
		check(checks, CHECK_FAILED, "clock", "this machine's time is outside the certificate's: %s to %s", from, to);
	else
		check(checks, synchronised ? CHECK_OK : CHECK_WARNING, "clock", "certificate valid from %s to %s%s", from, to,
		      synchronised ? "" : "; this machine's clock is not synchronised");
}

/* An index that is not locked can be overwritten by whoever has its maker's auth value. */
static bool check_lock(struct checks *checks)
{
	struct factory *factory = checks->factory;
	size_t locked = 0;

	for (size_t i = 0; i < factory->chain.count; i++) {
		struct dps_tpm2_nv nv;
		dps_result result = dps_tpm2_nv_look(&factory->tpm, factory->options.nv_index + (uint32_t)i, &nv);

		if (result != DPS_OK) {
			device_fail(factory, result, "cannot look at the device's certificates");
			return take_failure(checks, "lock");
		}
		locked += nv.write_locked ? 1 : 0;
	}
	if (locked == factory->chain.count)
		check(checks, CHECK_OK, "lock", "all %zu certificate(s) are write-locked", locked);
	else
		check(checks, factory->options.lock ? CHECK_FAILED : CHECK_WARNING, "lock", "%zu of %zu certificate(s) are write-locked", locked,
		      factory->chain.count);
	return true;
}

static bool check_record(struct checks *checks)
{
	struct factory *factory = checks->factory;
	struct station_device device;

	if (factory->ek_sha256[0] == '\0') {
		check(checks, CHECK_SKIPPED, "record", "without an endorsement key the log does not know this device");
		return true;
	}
	if (!station_look(factory, &device))
		return false;
	if (device.certificate_sha256[0] == '\0')
		check(checks, CHECK_SKIPPED, "record", "this log has no certificate of this device");
	else if (strcmp(device.certificate_sha256, factory->certificate_sha256) == 0)
		check(checks, CHECK_OK, "record", "the certificate is the one in the log");
	else
		check(checks, CHECK_FAILED, "record", "the certificate is not the one in the log (%s)", device.certificate_sha256);
	return true;
}

static bool check_certificate(struct checks *checks, bool has_key)
{
	struct factory *factory = checks->factory;

	if (!device_need_chain(factory))
		return take_failure(checks, "certificate");
	if (!has_key)
		check(checks, CHECK_SKIPPED, "certificate", "there is no key to compare it with");
	else if (device_match_chain(factory))
		check(checks, CHECK_OK, "certificate", "for this key, serial number %s", factory->serial);
	else if (!take_failure(checks, "certificate"))
		return false;
	check_clock(checks);
	return check_chain(checks) && check_lock(checks) && check_record(checks);
}

bool verb_verify(struct factory *factory)
{
	struct checks checks = {.factory = factory};
	bool has_key = false;

	checks.rows = cJSON_AddArrayToObject(factory->product, "checks");
	if (!check_tpm(&checks) || !check_endorsement(&checks) || !check_key(&checks, &has_key) || !check_certificate(&checks, has_key))
		return false;
	factory->print = true;
	cJSON_AddStringToObject(factory->product, "serial", factory->serial);
	cJSON_AddBoolToObject(factory->product, "good", checks.failed == 0);
	cJSON_AddNumberToObject(factory->details, "failed", checks.failed);
	return checks.failed == 0 || failure_set(&factory->failure, STATUS_VERIFY, "verify", "this device does not verify: %s", checks.names);
}
