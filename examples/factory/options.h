/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dps-factory: a verb of one or two words, and options, in any order. */
#ifndef FACTORY_OPTIONS_H
#define FACTORY_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/port/tpm2_factory.h"
#include "failure.h"
#include "text.h"

enum verb_id {
	VERB_TPM_INFO,
	VERB_EK_SHOW,
	VERB_EK_CERT,
	VERB_EK_FINGERPRINT,
	VERB_OWN,
	VERB_IDEVID_CREATE,
	VERB_IDEVID_CSR,
	VERB_IDEVID_INSTALL,
	VERB_IDEVID_ADOPT,
	VERB_VERIFY,
	VERB_REPORT,
	VERB_RETASK,
	VERB_DECOMMISSION,
	VERB_AUDIT_SHOW,
	VERB_AUDIT_VERIFY,
	VERB_AUDIT_EXPORT,
	VERB_COUNT
};

enum ek_format { EK_PEM, EK_DER, EK_TPMT, EK_TPM2B_BASE64 };

/* The hierarchies whose auth values have an option. */
#define OPTIONS_AUTHORITIES 3 /* DPS_TPM2_OWNER, DPS_TPM2_ENDORSEMENT, DPS_TPM2_LOCKOUT */

struct options {
	enum verb_id verb;
	const char *tcti;                      /* NULL: the machine's TPM */
	const char *auth[OPTIONS_AUTHORITIES]; /* env:NAME or file:PATH, NULL: empty */
	char log[PATH_MAX];
	bool json;
	bool dry_run;
	bool help;
	/* of some verbs */
	enum ek_format format;
	enum dps_tpm2_endorsement_type ek_type;
	enum dps_key_type key_type;
	uint32_t handle;
	uint32_t nv_index;
	const char *serial;
	const char *out;
	const char *cert;
	const char *ca;
	const char *confirm;
	const char *state_dir;
	bool lock;
	bool chain;
	bool csv;
	bool all;
	uint32_t max_tries;
	uint32_t recovery_s;
	uint32_t lockout_recovery_s;
	uint32_t anchor_count; /* 0: not given */
	char anchor_sha256[TEXT_SHA256_SIZE];
};

/* Reads argv. --json is honoured wherever it stands, so that a program gets a failure in it too. */
bool options_parse(struct options *options, int argc, char **argv, struct failure *failure);

/* The text of --help. */
const char *options_usage(void);

/* The words of a verb, "idevid csr". */
const char *options_verb_name(enum verb_id verb);

#endif
