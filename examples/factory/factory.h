/* SPDX-License-Identifier: Apache-2.0 */
/* One run of dps-factory: what all verbs share. main.c drives it; each verb is a function in verb_*.c. */
#ifndef FACTORY_FACTORY_H
#define FACTORY_FACTORY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dps/port/tpm2_factory.h"
#include "failure.h"
#include "log.h"
#include "options.h"
#include "secret.h"
#include "x509.h"

struct factory {
	struct options options;
	struct failure failure;
	struct log log;

	struct secret auth[OPTIONS_AUTHORITIES];
	struct dps_tpm2 tpm;
	bool tpm_open;
	struct dps_tpm2_info info;
	struct dps_tpm2_endorsement ek;
	struct dps_tpm2_public key; /* the IDevID, once device_read_key() found it */
	struct x509_chain chain;    /* its certificates, once device_read_chain() found them, or those to be installed */

	/* The device, as far as it is known; "" is unknown. They go into the record. */
	char serial[TEXT_SERIAL_SIZE];
	char ek_sha256[TEXT_SHA256_SIZE];          /* of the EK's SubjectPublicKeyInfo */
	char key_sha256[TEXT_SHA256_SIZE];         /* of the IDevID's SubjectPublicKeyInfo */
	char certificate_sha256[TEXT_SHA256_SIZE]; /* of the IDevID's certificate */

	/* What goes to standard output: `product` with --json or when there is no text; `text` else. */
	cJSON *product;
	char *text;
	size_t text_len;
	cJSON *details; /* what the record says besides */
	bool print;     /* the product is printed though the verb failed */
};

/* --- saying what happened (output.c) --- */

/* A line on standard error, an object with --json. name is stable, for programs. */
void factory_warn(const struct factory *factory, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void factory_say_failure(const struct factory *factory);
/* Writes the product to standard output. */
bool factory_print(struct factory *factory);
/* Takes a text as the product; NULL is a failure of memory. */
bool factory_take_text(struct factory *factory, char *text);

enum step_state { STEP_DONE, STEP_ALREADY, STEP_WOULD, STEP_LEFT };
/* Adds a step to product and record: "done", "already", "would" (with --dry-run) or "left". */
void factory_step(struct factory *factory, enum step_state state, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The state of a step that was asked for: changed tells whether there was (or, with --dry-run, would be) anything to do. */
enum step_state factory_step_state(const struct factory *factory, bool changed);

/* --- the device (device.c) --- */

/* Opens the TPM, looks who it is and, when `endorsement`, reads its EK. Warns when it is a software TPM. */
bool device_open(struct factory *factory, bool endorsement);
void device_close(struct factory *factory);
bool device_read_endorsement(struct factory *factory);

/* Turns a failure of the TPM port into ours: lockout, auth value and full TPM are told apart. Gives false. */
bool device_fail(struct factory *factory, dps_result result, const char *what);

/* Fails unless the auth value of a hierarchy was given, or the hierarchy has none. */
bool device_need_auth(struct factory *factory, enum dps_tpm2_authority authority);

/* Read the IDevID key, and its chain of certificates, of the TPM. *found is false when there is none; that is no failure. */
bool device_read_key(struct factory *factory, bool *found);
bool device_read_chain(struct factory *factory, bool *found);
/* The same; that there is none is a failure. */
bool device_need_key(struct factory *factory);
bool device_need_chain(struct factory *factory);

/* Signs a SHA-256 digest with the IDevID; an x509_sign. context is the factory. */
bool device_sign(void *context, const uint8_t digest[32], uint8_t *signature, size_t *len);

/* Whether the IDevID may sign a TLS handshake: a signing key that is not restricted and never leaves this TPM. */
bool device_check_key(struct factory *factory);
/* Has the IDevID sign random bytes, and checks the signature. */
bool device_challenge(struct factory *factory);
/* Whether the leaf of the chain is for the IDevID, and names the serial number asked for, which then is the device's. */
bool device_match_chain(struct factory *factory);

/* --- the station's log (station.c) --- */

struct station_device {
	char serial[TEXT_SERIAL_SIZE];             /* "": this device has none */
	char certificate_sha256[TEXT_SHA256_SIZE]; /* what was installed or adopted last; "": nothing */
	bool decommissioned;
};

/* What the log knows of this device (of its EK). */
bool station_look(struct factory *factory, struct station_device *device);
/* Fails when serial, EK or key of this device, as they stand in the factory, were given to another one. */
bool station_check(struct factory *factory);
/* Appends the record of this run. */
bool station_record(struct factory *factory);

struct station_row {
	char serial[TEXT_SERIAL_SIZE];
	char ek_sha256[TEXT_SHA256_SIZE];
	char key_sha256[TEXT_SHA256_SIZE];
	char certificate_sha256[TEXT_SHA256_SIZE];
};

/* All devices of the log with a certificate that are not decommissioned, in the order they first got one. To be freed by the caller. */
bool station_list(struct factory *factory, struct station_row **rows, size_t *count);

/* --- the verbs --- */

bool verb_tpm_info(struct factory *factory);
bool verb_ek_show(struct factory *factory);
bool verb_ek_cert(struct factory *factory);
bool verb_ek_fingerprint(struct factory *factory);
bool verb_own(struct factory *factory);
bool verb_idevid_create(struct factory *factory);
bool verb_idevid_csr(struct factory *factory);
bool verb_idevid_install(struct factory *factory);
bool verb_idevid_adopt(struct factory *factory);
bool verb_verify(struct factory *factory);
bool verb_report(struct factory *factory);
bool verb_retask(struct factory *factory);
bool verb_decommission(struct factory *factory);
bool verb_audit_show(struct factory *factory);
bool verb_audit_verify(struct factory *factory);
bool verb_audit_export(struct factory *factory);

/* Sets auth values, lockout parameters and SRK: `own`, and the end of `retask` (own.c). */
bool own_device(struct factory *factory);

#endif
