/* SPDX-License-Identifier: Apache-2.0 */
/* dps-factory: the manufacturing tool. One verb a run; docs/manufacturing has the pages. */
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "factory.h"

/* What a verb wants done before it. */
enum need {
	NEED_TPM = 1,         /* the TPM, open */
	NEED_ENDORSEMENT = 2, /* and its EK: it is what the log knows a device by */
	NEED_LOCK = 4         /* nobody else gives out serial numbers meanwhile */
};

static const struct {
	bool (*run)(struct factory *factory);
	unsigned needs;
} verbs[VERB_COUNT] = {
	[VERB_TPM_INFO] = {verb_tpm_info, NEED_TPM},
	[VERB_EK_SHOW] = {verb_ek_show, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_EK_CERT] = {verb_ek_cert, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_EK_FINGERPRINT] = {verb_ek_fingerprint, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_OWN] = {verb_own, NEED_TPM},
	[VERB_IDEVID_CREATE] = {verb_idevid_create, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_IDEVID_CSR] = {verb_idevid_csr, NEED_TPM | NEED_ENDORSEMENT | NEED_LOCK},
	[VERB_IDEVID_INSTALL] = {verb_idevid_install, NEED_TPM | NEED_ENDORSEMENT | NEED_LOCK},
	[VERB_IDEVID_ADOPT] = {verb_idevid_adopt, NEED_TPM | NEED_ENDORSEMENT | NEED_LOCK},
	[VERB_VERIFY] = {verb_verify, NEED_TPM},
	[VERB_REPORT] = {verb_report, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_RETASK] = {verb_retask, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_DECOMMISSION] = {verb_decommission, NEED_TPM | NEED_ENDORSEMENT},
	[VERB_AUDIT_SHOW] = {verb_audit_show, 0},
	[VERB_AUDIT_VERIFY] = {verb_audit_verify, 0},
	[VERB_AUDIT_EXPORT] = {verb_audit_export, 0},
};

/* Auth values are in this process's memory for a while: no core file, no debugger of the same user. */
static void keep_memory_private(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static bool read_auth(struct factory *factory)
{
	bool good = true;

	for (size_t i = 0; good && i < OPTIONS_AUTHORITIES; i++)
		good = secret_read(&factory->auth[i], factory->options.auth[i], &factory->failure);
	for (size_t i = 0; i < OPTIONS_AUTHORITIES; i++)
		secret_wipe_source(factory->options.auth[i]);
	return good;
}

static bool is_audit(const struct factory *factory)
{
	return factory->options.verb >= VERB_AUDIT_SHOW;
}

/* The log is opened, and whole, before anything is done: what cannot be recorded is not done. */
static bool open_log(struct factory *factory)
{
	const struct options *options = &factory->options;
	bool exists = access(options->log, F_OK) == 0;
	bool append = !options->dry_run && (exists || !is_audit(factory));

	if (!log_open(&factory->log, options->log, append, &factory->failure))
		return false;
	if (is_audit(factory) && !exists && access(factory->log.head_path, F_OK) != 0)
		return failure_set(&factory->failure, STATUS_LOG, "not-found", "there is no log %s", options->log);
	return is_audit(factory) || log_scan(&factory->log, NULL, NULL, &factory->failure);
}

static void warn_of_software(const struct factory *factory)
{
	if (factory->info.software)
		factory_warn(factory, "software-tpm", "this is a software TPM (%s): keys in it are as safe as its files; for tests only",
		             factory->info.manufacturer);
}

static bool run_verb(struct factory *factory)
{
	unsigned needs = verbs[factory->options.verb].needs;

	if (factory->options.verb == VERB_REPORT && factory->options.all)
		needs = 0;
	if (!read_auth(factory))
		return false;
	if ((needs & NEED_LOCK) != 0 && !log_lock(&factory->log, &factory->failure))
		return false;
	if ((needs & NEED_TPM) != 0) {
		bool opened = device_open(factory, (needs & NEED_ENDORSEMENT) != 0);

		warn_of_software(factory);
		if (!opened)
			return false;
	}
	return verbs[factory->options.verb].run(factory);
}

/* Everything behind the command line. The record is durable before the product is handed out. */
static void run(struct factory *factory)
{
	bool recorded = !factory->options.dry_run;
	bool good;

	if (!open_log(factory)) {
		/* A damaged log is shown and exported as far as it goes; it takes no record. */
		factory_say_failure(factory);
		return;
	}
	good = run_verb(factory);
	device_close(factory);
	if (factory->options.dry_run)
		cJSON_AddTrueToObject(factory->product, "dryRun");
	if (recorded && factory->failure.status != STATUS_LOG)
		good = station_record(factory) && good;
	if (good || factory->print) {
		struct failure before = factory->failure;

		factory->failure = (struct failure){0};
		if (factory_print(factory)) {
			factory->failure = before;
		} else if (recorded) {
			station_record(factory);
		}
	}
	if (factory->failure.cause != NULL)
		factory_say_failure(factory);
}

/* A full file system or a reader that went away is an error like others, to be told and recorded. */
static void take_errors(void)
{
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static struct factory factory; /* some 100 KiB: not for the stack */
	int status;

	keep_memory_private();
	take_errors();
	factory.log.fd = -1;
	if (!options_parse(&factory.options, argc, argv, &factory.failure)) {
		factory_say_failure(&factory);
		return (int)factory.failure.status;
	}
	if (factory.options.help) {
		fputs(options_usage(), stdout);
		return STATUS_OK;
	}
	factory.product = cJSON_CreateObject();
	factory.details = cJSON_CreateObject();
	if (factory.product == NULL || factory.details == NULL) {
		failure_set(&factory.failure, STATUS_FAILED, "memory", "out of memory");
		factory_say_failure(&factory);
	} else {
		run(&factory);
	}
	status = (int)factory.failure.status;
	device_close(&factory);
	log_close(&factory.log);
	x509_chain_free(&factory.chain);
	cJSON_Delete(factory.product);
	cJSON_Delete(factory.details);
	free(factory.text);
	OPENSSL_cleanse(&factory, sizeof(factory));
	return status;
}
