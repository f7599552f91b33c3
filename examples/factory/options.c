/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What dictionary attacks meet unless told otherwise: few enough tries to stop a search, enough and soon enough forgotten for a device whose power is
 * pulled, as each such cut counts as a try. */
#define DEFAULT_MAX_TRIES          32
#define DEFAULT_RECOVERY_S         10
#define DEFAULT_LOCKOUT_RECOVERY_S 300

static const char usage[] =
	"usage: dps-factory VERB [OPTION]...\n"
	"\n"
	"Puts a manufacturer's identity into a TPM 2.0, and takes it through its life.\n"
	"\n"
	"  tpm info            who the TPM is and how it is: lockout, free slots, hierarchies owned or not\n"
	"  ek show             the public endorsement key: --format pem|der|tpmt|tpm2b-b64, --type p256|p384|rsa2048\n"
	"  ek cert             its certificate in PEM; --chain: and those of its issuers; --type\n"
	"  ek fingerprint      SHA-256 of its SubjectPublicKeyInfo; --type\n"
	"  own                 auth values, lockout parameters and storage root key:\n"
	"                      --max-tries N (32), --recovery-time S (10), --lockout-recovery S (300)\n"
	"  idevid create       make the device's key: --type p256|rsa2048 (p256)\n"
	"  idevid csr          a certificate request in PEM: --serial S, --out FILE\n"
	"  idevid install      store its certificate in the TPM: --cert FILE (PEM chain, leaf first), --lock, --ca FILE, --serial S\n"
	"  idevid adopt        check and record a key and certificate that a vendor preloaded: --ca FILE, --serial S\n"
	"  verify              check the device: --ca FILE, --serial S, --lock (its certificate must be write-locked)\n"
	"  report              what a service's operator enrols: --csv or --json; --all: every device of the log, without a TPM\n"
	"  retask              operational identity and owner's data gone, EK and IDevID stay: --state-dir DIR\n"
	"  decommission        the IDevID's certificate gone too: --confirm SERIAL, --state-dir DIR\n"
	"  audit show          the station's log for people\n"
	"  audit verify        whether it is whole: --anchor RECORDS:SHA256 as an earlier `audit verify` printed it\n"
	"  audit export        the station's log as it is: --out FILE\n"
	"\n"
	"Of all verbs:\n"
	"  --dry-run           say what would be done, change nothing\n"
	"  --json              one JSON object on standard output\n"
	"  --log FILE          the station's log (default $XDG_STATE_HOME or ~/.local/state, dps-factory/station.log)\n"
	"Of verbs with a TPM:\n"
	"  --tcti STRING       where the TPM is (default the environment's TPM2TOOLS_TCTI, else /dev/tpmrm0 or /dev/tpm0)\n"
	"  --owner-auth, --endorsement-auth, --lockout-auth env:NAME|file:PATH\n"
	"                      auth values; empty when not given\n"
	"  --key tpm2:HANDLE   of the device's key (0x81020000)\n"
	"  --nv INDEX          of its certificate (0x01C90000); those of the issuers are behind it\n"
	"\n"
	"Exit status: 0 done or so already, 1 failed, 2 bad usage or file or no TPM, 3 does not verify, 4 auth value wrong or missing,\n"
	"5 TPM in lockout, 6 TPM full, 7 not this device's key, serial or certificate, 8 log damaged.\n";

enum option_id {
	OPT_TCTI,
	OPT_OWNER_AUTH,
	OPT_ENDORSEMENT_AUTH,
	OPT_LOCKOUT_AUTH,
	OPT_LOG,
	OPT_JSON,
	OPT_DRY_RUN,
	OPT_HELP,
	OPT_FORMAT,
	OPT_TYPE,
	OPT_KEY,
	OPT_NV,
	OPT_SERIAL,
	OPT_OUT,
	OPT_CERT,
	OPT_CA,
	OPT_CONFIRM,
	OPT_STATE_DIR,
	OPT_LOCK,
	OPT_CHAIN,
	OPT_CSV,
	OPT_ALL,
	OPT_MAX_TRIES,
	OPT_RECOVERY_TIME,
	OPT_LOCKOUT_RECOVERY,
	OPT_ANCHOR,
	OPT_COUNT
};

#define BIT(id)    (UINT32_C(1) << (id))
#define BITS_ALL   (BIT(OPT_LOG) | BIT(OPT_JSON) | BIT(OPT_DRY_RUN) | BIT(OPT_HELP))
#define BITS_TPM   (BIT(OPT_TCTI) | BIT(OPT_OWNER_AUTH) | BIT(OPT_ENDORSEMENT_AUTH) | BIT(OPT_LOCKOUT_AUTH))
#define BITS_PLACE (BIT(OPT_KEY) | BIT(OPT_NV))

static const struct option long_options[] = {
	[OPT_TCTI] = {"tcti", required_argument, NULL, OPT_TCTI},
	[OPT_OWNER_AUTH] = {"owner-auth", required_argument, NULL, OPT_OWNER_AUTH},
	[OPT_ENDORSEMENT_AUTH] = {"endorsement-auth", required_argument, NULL, OPT_ENDORSEMENT_AUTH},
	[OPT_LOCKOUT_AUTH] = {"lockout-auth", required_argument, NULL, OPT_LOCKOUT_AUTH},
	[OPT_LOG] = {"log", required_argument, NULL, OPT_LOG},
	[OPT_JSON] = {"json", no_argument, NULL, OPT_JSON},
	[OPT_DRY_RUN] = {"dry-run", no_argument, NULL, OPT_DRY_RUN},
	[OPT_HELP] = {"help", no_argument, NULL, OPT_HELP},
	[OPT_FORMAT] = {"format", required_argument, NULL, OPT_FORMAT},
	[OPT_TYPE] = {"type", required_argument, NULL, OPT_TYPE},
	[OPT_KEY] = {"key", required_argument, NULL, OPT_KEY},
	[OPT_NV] = {"nv", required_argument, NULL, OPT_NV},
	[OPT_SERIAL] = {"serial", required_argument, NULL, OPT_SERIAL},
	[OPT_OUT] = {"out", required_argument, NULL, OPT_OUT},
	[OPT_CERT] = {"cert", required_argument, NULL, OPT_CERT},
	[OPT_CA] = {"ca", required_argument, NULL, OPT_CA},
	[OPT_CONFIRM] = {"confirm", required_argument, NULL, OPT_CONFIRM},
	[OPT_STATE_DIR] = {"state-dir", required_argument, NULL, OPT_STATE_DIR},
	[OPT_LOCK] = {"lock", no_argument, NULL, OPT_LOCK},
	[OPT_CHAIN] = {"chain", no_argument, NULL, OPT_CHAIN},
	[OPT_CSV] = {"csv", no_argument, NULL, OPT_CSV},
	[OPT_ALL] = {"all", no_argument, NULL, OPT_ALL},
	[OPT_MAX_TRIES] = {"max-tries", required_argument, NULL, OPT_MAX_TRIES},
	[OPT_RECOVERY_TIME] = {"recovery-time", required_argument, NULL, OPT_RECOVERY_TIME},
	[OPT_LOCKOUT_RECOVERY] = {"lockout-recovery", required_argument, NULL, OPT_LOCKOUT_RECOVERY},
	[OPT_ANCHOR] = {"anchor", required_argument, NULL, OPT_ANCHOR},
	[OPT_COUNT] = {NULL, 0, NULL, 0},
};

/* Each verb's words, the options it takes besides BITS_ALL, and those it cannot do without. */
static const struct {
	const char *name;
	uint32_t takes;
	uint32_t needs;
} verbs[VERB_COUNT] = {
	[VERB_TPM_INFO] = {"tpm info", BITS_TPM, 0},
	[VERB_EK_SHOW] = {"ek show", BITS_TPM | BIT(OPT_FORMAT) | BIT(OPT_TYPE), 0},
	[VERB_EK_CERT] = {"ek cert", BITS_TPM | BIT(OPT_CHAIN) | BIT(OPT_TYPE), 0},
	[VERB_EK_FINGERPRINT] = {"ek fingerprint", BITS_TPM | BIT(OPT_TYPE), 0},
	[VERB_OWN] = {"own", BITS_TPM | BIT(OPT_MAX_TRIES) | BIT(OPT_RECOVERY_TIME) | BIT(OPT_LOCKOUT_RECOVERY), 0},
	[VERB_IDEVID_CREATE] = {"idevid create", BITS_TPM | BIT(OPT_TYPE) | BIT(OPT_KEY), 0},
	[VERB_IDEVID_CSR] = {"idevid csr", BITS_TPM | BIT(OPT_KEY) | BIT(OPT_SERIAL) | BIT(OPT_OUT), BIT(OPT_SERIAL)},
	[VERB_IDEVID_INSTALL] = {"idevid install", BITS_TPM | BITS_PLACE | BIT(OPT_CERT) | BIT(OPT_LOCK) | BIT(OPT_CA) | BIT(OPT_SERIAL),
                             BIT(OPT_CERT)},
	[VERB_IDEVID_ADOPT] = {"idevid adopt", BITS_TPM | BITS_PLACE | BIT(OPT_CA) | BIT(OPT_SERIAL), 0},
	[VERB_VERIFY] = {"verify", BITS_TPM | BITS_PLACE | BIT(OPT_CA) | BIT(OPT_SERIAL) | BIT(OPT_LOCK), 0},
	[VERB_REPORT] = {"report", BITS_TPM | BITS_PLACE | BIT(OPT_CSV) | BIT(OPT_ALL), 0},
	[VERB_RETASK] = {"retask", BITS_TPM | BITS_PLACE | BIT(OPT_STATE_DIR), 0},
	[VERB_DECOMMISSION] = {"decommission", BITS_TPM | BITS_PLACE | BIT(OPT_STATE_DIR) | BIT(OPT_CONFIRM), BIT(OPT_CONFIRM)},
	[VERB_AUDIT_SHOW] = {"audit show", 0, 0},
	[VERB_AUDIT_VERIFY] = {"audit verify", BIT(OPT_ANCHOR), 0},
	[VERB_AUDIT_EXPORT] = {"audit export", BIT(OPT_OUT), 0},
};

struct choice {
	const char *name;
	int value;
};

static const struct choice formats[] = {{"pem", EK_PEM}, {"der", EK_DER}, {"tpmt", EK_TPMT}, {"tpm2b-b64", EK_TPM2B_BASE64}};
static const struct choice key_types[] = {{"p256", DPS_KEY_EC_P256}, {"rsa2048", DPS_KEY_RSA_2048}};
static const struct choice ek_types[] = {{"rsa2048", DPS_TPM2_EK_RSA_2048}, {"p256", DPS_TPM2_EK_P256}, {"p384", DPS_TPM2_EK_P384}};

const char *options_usage(void)
{
	return usage;
}

const char *options_verb_name(enum verb_id verb)
{
	return verbs[verb].name;
}

static bool choose(const struct choice *choices, size_t count, const char *name, int *value)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(choices[i].name, name) == 0) {
			*value = choices[i].value;
			return true;
		}
	}
	return false;
}

/* RECORDS:SHA256 */
static bool parse_anchor(struct options *options, const char *text)
{
	const char *colon = strchr(text, ':');
	char count[16];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(count) || strlen(colon + 1) != sizeof(options->anchor_sha256) - 1 ||
	    strspn(colon + 1, "0123456789abcdef") != sizeof(options->anchor_sha256) - 1)
		return false;
	memcpy(count, text, (size_t)(colon - text));
	count[colon - text] = '\0';
	memcpy(options->anchor_sha256, colon + 1, sizeof(options->anchor_sha256));
	return text_number(count, 1, UINT32_MAX, &options->anchor_count);
}

static bool parse_type(struct options *options, const char *value)
{
	int chosen = 0;

	if (options->verb == VERB_IDEVID_CREATE) {
		if (!choose(key_types, COUNT_OF(key_types), value, &chosen))
			return false;
		options->key_type = (enum dps_key_type)chosen;
		return true;
	}
	if (!choose(ek_types, COUNT_OF(ek_types), value, &chosen))
		return false;
	options->ek_type = (enum dps_tpm2_endorsement_type)chosen;
	return true;
}

static bool parse_nv(struct options *options, const char *value)
{
	char text[32];

	if ((size_t)snprintf(text, sizeof(text), "%s%s", strncmp(value, "nv:", 3) == 0 ? "" : "nv:", value) >= sizeof(text))
		return false;
	return dps_tpm2_parse_index(text, &options->nv_index) == DPS_OK;
}

static bool is_secret_place(const char *value)
{
	return (strncmp(value, "env:", 4) == 0 && value[4] != '\0') || (strncmp(value, "file:", 5) == 0 && value[5] != '\0');
}

static bool set_text(const char **field, const char *value)
{
	*field = value;
	return value[0] != '\0';
}

static bool set_flag(bool *field)
{
	*field = true;
	return true;
}

static bool parse_one(struct options *options, int id, const char *value)
{
	int chosen = 0;

	switch (id) {
	case OPT_TCTI:
		return set_text(&options->tcti, value);
	case OPT_OWNER_AUTH:
	case OPT_ENDORSEMENT_AUTH:
	case OPT_LOCKOUT_AUTH:
		options->auth[DPS_TPM2_OWNER + (id - OPT_OWNER_AUTH)] = value;
		return is_secret_place(value);
	case OPT_LOG:
		return value[0] != '\0' && (size_t)snprintf(options->log, sizeof(options->log), "%s", value) < sizeof(options->log);
	case OPT_FORMAT:
		if (!choose(formats, COUNT_OF(formats), value, &chosen))
			return false;
		options->format = (enum ek_format)chosen;
		return true;
	case OPT_TYPE:
		return parse_type(options, value);
	case OPT_KEY:
		return dps_tpm2_parse_key(value, &options->handle) == DPS_OK;
	case OPT_NV:
		return parse_nv(options, value);
	case OPT_SERIAL:
		return set_text(&options->serial, value) && text_is_serial(value);
	case OPT_OUT:
		return set_text(&options->out, value);
	case OPT_CERT:
		return set_text(&options->cert, value);
	case OPT_CA:
		return set_text(&options->ca, value);
	case OPT_CONFIRM:
		return set_text(&options->confirm, value);
	case OPT_STATE_DIR:
		return set_text(&options->state_dir, value);
	case OPT_MAX_TRIES:
		return text_number(value, 1, UINT32_MAX, &options->max_tries);
	case OPT_RECOVERY_TIME:
		return text_number(value, 1, UINT32_MAX, &options->recovery_s);
	case OPT_LOCKOUT_RECOVERY:
		return text_number(value, 0, UINT32_MAX, &options->lockout_recovery_s);
	case OPT_ANCHOR:
		return parse_anchor(options, value);
	case OPT_JSON:
		return set_flag(&options->json);
	case OPT_DRY_RUN:
		return set_flag(&options->dry_run);
	case OPT_HELP:
		return set_flag(&options->help);
	case OPT_LOCK:
		return set_flag(&options->lock);
	case OPT_CHAIN:
		return set_flag(&options->chain);
	case OPT_CSV:
		return set_flag(&options->csv);
	case OPT_ALL:
		return set_flag(&options->all);
	default:
		return false;
	}
}

/* The verb is needed before the options: some options' values depend on it. Its words are those that are no option and no option's value. */
static bool find_verb(struct options *options, int argc, char **argv, struct failure *failure)
{
	char words[32] = "";
	int count = 0;
	int id;

	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == '?')
			return failure_set(failure, STATUS_USAGE, "usage", "%.*s is not an option, or lacks its value (--help tells more)",
			                   (int)strcspn(argv[optind - 1], "="), argv[optind - 1]);
		options->json = options->json || id == OPT_JSON;
		options->help = options->help || id == OPT_HELP;
	}
	if (options->help)
		return true;
	for (int i = optind; i < argc; i++) {
		size_t used = strlen(words);

		snprintf(words + used, sizeof(words) - used, "%s%s", count++ == 0 ? "" : " ", argv[i]);
	}
	for (options->verb = 0; options->verb < VERB_COUNT; options->verb++)
		if (strcmp(verbs[options->verb].name, words) == 0)
			return true;
	return failure_set(failure, STATUS_USAGE, "usage", "%s (--help tells more)",
	                   count == 0 ? "a verb is missing" : "there is no such verb");
}

static bool default_log(struct options *options, struct failure *failure)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int len;

	/* A relative path there is to be ignored (XDG Base Directory Specification). */
	if (state != NULL && state[0] == '/')
		len = snprintf(options->log, sizeof(options->log), "%s/dps-factory/station.log", state);
	else if (home != NULL && home[0] == '/')
		len = snprintf(options->log, sizeof(options->log), "%s/.local/state/dps-factory/station.log", home);
	else
		return failure_set(failure, STATUS_USAGE, "usage", "neither HOME nor XDG_STATE_HOME is set: --log is needed");
	return (size_t)len < sizeof(options->log) || failure_set(failure, STATUS_USAGE, "usage", "HOME is too long");
}

static bool check_together(const struct options *options, uint32_t given, struct failure *failure)
{
	uint32_t missing = verbs[options->verb].needs & ~given;

	for (int id = 0; id < OPT_COUNT; id++)
		if ((missing & BIT(id)) != 0)
			return failure_set(failure, STATUS_USAGE, "usage", "--%s is missing (--help tells more)", long_options[id].name);
	if (options->verb == VERB_REPORT && options->csv == options->json)
		return failure_set(failure, STATUS_USAGE, "usage", "report takes either --csv or --json");
	return true;
}

bool options_parse(struct options *options, int argc, char **argv, struct failure *failure)
{
	const char *tcti = getenv("TPM2TOOLS_TCTI");
	uint32_t given = 0;
	int index = 0;
	int id;

	*options = (struct options){
		.tcti = tcti != NULL && tcti[0] != '\0' ? tcti : NULL,
		.key_type = DPS_KEY_EC_P256,
		.ek_type = DPS_TPM2_EK_ANY,
		.handle = DPS_TPM2_IDEVID_HANDLE,
		.nv_index = DPS_TPM2_IDEVID_INDEX,
		.max_tries = DEFAULT_MAX_TRIES,
		.recovery_s = DEFAULT_RECOVERY_S,
		.lockout_recovery_s = DEFAULT_LOCKOUT_RECOVERY_S,
	};
	for (int i = 1; i < argc; i++)
		options->json = options->json || strcmp(argv[i], "--json") == 0;
	opterr = 0;
	if (!find_verb(options, argc, argv, failure))
		return false;
	if (options->help)
		return true;
	optind = 0; /* glibc: read anew */
	while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (((BITS_ALL | verbs[options->verb].takes) & BIT(id)) == 0)
			return failure_set(failure, STATUS_USAGE, "usage", "--%s is not an option of %s (--help tells more)", long_options[id].name,
			                   verbs[options->verb].name);
		if (!parse_one(options, id, optarg))
			return failure_set(failure, STATUS_USAGE, "usage", "--%s: not a value it can have (--help tells more)", long_options[id].name);
		given |= BIT(id);
	}
	return check_together(options, given, failure) && (options->log[0] != '\0' || default_log(options, failure));
}
