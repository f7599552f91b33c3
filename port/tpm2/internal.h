/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this port share: the ESAPI context, failures, authorisation, the public halves of keys, storage of what may be kept.
 */
#ifndef DPS_PORT_TPM2_INTERNAL_H
#define DPS_PORT_TPM2_INTERNAL_H

#include <tss2/tss2_esys.h>

#include "dps/port/tpm2.h"
#include "dps/port/tpm2_factory.h"
#include "tpm2/tcti.h"

/* --- context.c: the TPM in use --------------------------------------------------------------------------------------------------------- */

/* Begins a function of the port: no text yet, a context to talk with. DPS_E_TPM: not open, or not reachable any more. */
dps_result dps_tpm2_begin(struct dps_tpm2 *tpm);

static inline ESYS_CONTEXT *dps_tpm2_esys(const struct dps_tpm2 *tpm)
{
	return tpm->esys;
}

/* An object or session is in use from now on: a sweep leaves it alone. */
void dps_tpm2_keep(struct dps_tpm2 *tpm, ESYS_TR object);

/* Flushes an object or session and forgets it; ESYS_TR_NONE is allowed. The text on an earlier failure stays. */
void dps_tpm2_flush(struct dps_tpm2 *tpm, ESYS_TR *object);

/* Forgets an object that stays in the TPM (a persistent key, an index), its auth value with it. */
void dps_tpm2_forget(struct dps_tpm2 *tpm, ESYS_TR *object);

/* ESAPI's object of a persistent key or an NV index; asks the TPM (one command). */
TSS2_RC dps_tpm2_find(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR *object);

/* --- failure.c --------------------------------------------------------------------------------------------------------------------------- */

/* What a response code comes to, with the text for people. Without an answer from the TPM everything of it is forgotten. DPS_OK for success. */
dps_result dps_tpm2_fail(struct dps_tpm2 *tpm, const char *what, TSS2_RC rc);

/* A failure that the TPM did not notice. */
__attribute__((format(printf, 3, 4))) dps_result dps_tpm2_fail_text(struct dps_tpm2 *tpm, dps_result result, const char *format, ...);

/* The error of a format-one code without the number of its handle, session or parameter; other codes as they are. */
TSS2_RC dps_tpm2_error_of(TSS2_RC rc);

/* There is nothing at a handle. */
bool dps_tpm2_is_absent(TSS2_RC rc);

/* An auth value is wrong. */
bool dps_tpm2_is_wrong_auth(TSS2_RC rc);

/* --- session.c --------------------------------------------------------------------------------------------------------------------------- */

/* What a command is authorised with. */
struct dps_tpm2_permit {
	ESYS_TR session;    /* for the first session argument */
	TPM2_HANDLE handle; /* the TPM's of the session */
};

/*
 * Authorises one command on an object with an auth value. An empty one goes as a password, without a command of its own; else, and when the command carries a
 * secret in its first parameter, an HMAC session is started, salted to a key of the TPM that is verified. dps_tpm2_unpermit must follow.
 */
dps_result dps_tpm2_permit(struct dps_tpm2 *tpm, struct dps_tpm2_permit *permit, ESYS_TR object, const struct dps_tpm2_auth *auth,
                           bool secret);

/* Ends it; rc is what the command came to: a session that the TPM did not end by itself is flushed. */
void dps_tpm2_unpermit(struct dps_tpm2 *tpm, struct dps_tpm2_permit *permit, ESYS_TR object, TSS2_RC rc);

/* The auth value that a hierarchy has now: that of the options, or the empty one when the TPM says that none is set. */
dps_result dps_tpm2_current_auth(struct dps_tpm2 *tpm, enum dps_tpm2_authority authority, const struct dps_tpm2_auth **auth);

/* The empty auth value. */
extern const struct dps_tpm2_auth dps_tpm2_no_auth;

/* --- public.c ---------------------------------------------------------------------------------------------------------------------------- */

/* SubjectPublicKeyInfo of a key; false: a type, size or curve that is not supported. */
bool dps_tpm2_spki(const TPMT_PUBLIC *public, enum dps_key_type *type, uint8_t spki[DPS_SPKI_SIZE], size_t *len);

/* Fills a key of the port from its public half. NULL on success, else why it cannot sign for TLS. */
const char *dps_tpm2_take_public(struct dps_tpm2_key *key, const TPMT_PUBLIC *public);

/* The public half that ESAPI keeps with an object; asks the TPM when this version of ESAPI keeps it elsewhere. */
dps_result dps_tpm2_public_of(struct dps_tpm2 *tpm, ESYS_TR object, TPM2B_PUBLIC *public);

/* The digest as the TPM must get it to sign it with a hash of another length; false: it cannot be done. */
bool dps_tpm2_fit_digest(enum dps_key_type type, TPM2_ALG_ID scheme_hash, const uint8_t *digest, size_t len, TPM2B_DIGEST *out);

/* A signature as TLS and X.509 want it; 0: it is none, or does not fit. */
size_t dps_tpm2_signature(const TPMT_SIGNATURE *signature, enum dps_key_type type, uint8_t *out, size_t size);

/* The public half of a key as the factory sees it; handle is left alone. DPS_E_KEY_FORMAT: a type that is not supported. */
dps_result dps_tpm2_describe(struct dps_tpm2 *tpm, const TPM2B_PUBLIC *public, struct dps_tpm2_public *key);

/* Whether two SubjectPublicKeyInfo hold the same key, however their algorithms are named. */
bool dps_tpm2_same_key(struct dps_span a, struct dps_span b);

size_t dps_tpm2_hash_len(TPM2_ALG_ID hash);

/* --- template.c -------------------------------------------------------------------------------------------------------------------------- */

void dps_tpm2_template_srk(TPM2B_PUBLIC *public);
bool dps_tpm2_template_idevid(enum dps_key_type type, TPM2B_PUBLIC *public);
bool dps_tpm2_template_identity(enum dps_key_type type, TPM2B_PUBLIC *public);

/* An endorsement key's; high: of the high range ("H-..."). */
void dps_tpm2_template_endorsement(enum dps_key_type type, bool high, TPM2B_PUBLIC *public);

/* --- primary.c: keys that are made of a seed and a template ------------------------------------------------------------------------------- */

/* Makes a primary key, loaded until it is flushed. */
dps_result dps_tpm2_create_primary(struct dps_tpm2 *tpm, const char *what, enum dps_tpm2_authority authority, const TPM2B_PUBLIC *from,
                                   ESYS_TR *object, TPM2B_PUBLIC *public);

/* Makes a loaded object persistent, or with the persistent object itself removes it. The owner's auth value is used. */
dps_result dps_tpm2_evict_control(struct dps_tpm2 *tpm, const char *what, ESYS_TR object, uint32_t handle, ESYS_TR *persistent);

/* The same with a session at hand. */
TSS2_RC dps_tpm2_create_primary_with(struct dps_tpm2 *tpm, enum dps_tpm2_authority authority, ESYS_TR session, const TPM2B_PUBLIC *from,
                                     ESYS_TR *object, TPM2B_PUBLIC *public);

/* tpm->srk. DPS_E_NOT_FOUND; DPS_E_KEY_FORMAT: what is there is no storage key. */
dps_result dps_tpm2_find_srk(struct dps_tpm2 *tpm);

/* The same; made if there is none. */
dps_result dps_tpm2_need_srk(struct dps_tpm2 *tpm, bool *made);

/* The SRK is not the one that was known. */
void dps_tpm2_forget_srk(struct dps_tpm2 *tpm);

/* The IDevID made of the template of this key type, loaded, and compared with a certificate (empty: not compared). */
dps_result dps_tpm2_make_idevid(struct dps_tpm2 *tpm, enum dps_key_type type, struct dps_span certificate, ESYS_TR *object,
                                struct dps_tpm2_key *key);

/* The same of the type of a certificate; persisted again if the owner's auth value allows it, else left loaded: key->transient tells. */
dps_result dps_tpm2_remake_idevid(struct dps_tpm2 *tpm, struct dps_span certificate, struct dps_tpm2_key *key);

/* --- endorsement.c ------------------------------------------------------------------------------------------------------------------------ */

/* An EK that its certificate vouches for, as an object to salt sessions to; *loaded: it is to be flushed, else to be forgotten. */
dps_result dps_tpm2_verified_endorsement(struct dps_tpm2 *tpm, ESYS_TR *object, bool *loaded);

/* --- capability.c ------------------------------------------------------------------------------------------------------------------------- */

/* One property of the TPM, fixed or variable. */
dps_result dps_tpm2_property(struct dps_tpm2 *tpm, uint32_t property, uint32_t *value);

/* dps_tpm2_list_handles without beginning anew. */
dps_result dps_tpm2_handles(struct dps_tpm2 *tpm, uint32_t first, uint32_t *handles, size_t size, size_t *count);

/* --- nv.c --------------------------------------------------------------------------------------------------------------------------------- */

/* Reads an index whole. plain: without a session, that is with empty auth values only. */
dps_result dps_tpm2_nv_get(struct dps_tpm2 *tpm, uint32_t index, bool plain, uint8_t *buf, size_t size, size_t *len);

/* Reads the certificate at an index, padding cut off: DPS_E_NOT_FOUND, DPS_E_CERTIFICATE_FORMAT, DPS_E_BUFFER. */
dps_result dps_tpm2_nv_certificate(struct dps_tpm2 *tpm, uint32_t index, bool plain, uint8_t *buf, size_t size, size_t *len);

/* Reads a chain as dps_tpm2_nv_read_chain does, without beginning anew. */
dps_result dps_tpm2_nv_chain(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len);

/* --- cache.c: public things in the storage port --------------------------------------------------------------------------------------------- */

/* ESAPI's object of a persistent key as it was known, without a command. DPS_E_NOT_FOUND: not kept, or not usable. */
dps_result dps_tpm2_cache_find(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR *object, TPM2B_PUBLIC *public);

/* Failing to keep something is no failure: it is asked for again. */
bool dps_tpm2_cache_keep(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR object);
dps_result dps_tpm2_cache_read_chain(struct dps_tpm2 *tpm);
bool dps_tpm2_cache_keep_chain(struct dps_tpm2 *tpm);
void dps_tpm2_cache_erase(struct dps_tpm2 *tpm, uint32_t handle);
void dps_tpm2_cache_erase_chain(struct dps_tpm2 *tpm, uint32_t index);

/* Wrapped keys. DPS_E_ARGUMENT: not a slot name; DPS_E_NOT_FOUND; DPS_E_KEY_FORMAT: damaged; failures of the storage. */
dps_result dps_tpm2_blob_read(struct dps_tpm2 *tpm, const char *slot, TPM2B_PUBLIC *public, TPM2B_PRIVATE *private);
dps_result dps_tpm2_blob_write(struct dps_tpm2 *tpm, const char *slot, const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private);
dps_result dps_tpm2_blob_erase(struct dps_tpm2 *tpm, const char *slot);

/* The public half that ESAPI's serialisation of a key holds; false: it is not one of a key, of this handle (0: any), whole. */
bool dps_tpm2_parse_serialized(const uint8_t *bytes, size_t len, uint32_t handle, TPM2B_PUBLIC *public);

/* --- certificates.c ------------------------------------------------------------------------------------------------------------------------ */

/* The manufacturer's chain: given, kept, or read from NV. fresh: from NV, whatever is kept. */
dps_result dps_tpm2_manufacturer_chain(struct dps_tpm2 *tpm, bool fresh, struct dps_span *der_list);

/* The SubjectPublicKeyInfo of the first certificate of a DER list. */
dps_result dps_tpm2_certificate_key(struct dps_span der_list, struct dps_span *spki);

/* The key ports' tables, filled when the TPM is opened. */
void dps_tpm2_keys_init(struct dps_tpm2 *tpm);
void dps_tpm2_certificates_init(struct dps_tpm2 *tpm);

/* The key of a type has this object identifier in its SubjectPublicKeyInfo. False: not a supported key. */
bool dps_tpm2_type_of_spki(struct dps_span spki, enum dps_key_type *type);

#endif
