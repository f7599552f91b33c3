/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a manufacturer does with a TPM 2.0: look at it, read its endorsement key, own it, make a device identity, store certificates, take all back.
 *
 * Every function takes an open struct dps_tpm2 (dps/port/tpm2.h), blocks until the TPM has answered, leaves no transient object and no session in it, and on
 * failure says more in dps_tpm2_detail(). Functions that change something are idempotent: what is there already is success, with *changed (may be NULL) false.
 *
 * Failures of all: DPS_E_TPM: the TPM cannot be reached or does not answer; DPS_E_KEY: it refused or failed (a wrong auth value, lockout, failure mode, no free
 * slot: the detail tells); those named.
 */
#ifndef DPS_PORT_TPM2_FACTORY_H
#define DPS_PORT_TPM2_FACTORY_H

#include "dps/port/tpm2.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Facts of a TPM. */
struct dps_tpm2_info {
	char manufacturer[4 + 1]; /**< "IFX", "STM ", "IBM " as the TPM tells it, trailing blanks cut */
	char vendor[16 + 1];      /**< the vendor's string, "SLB9670" */
	uint32_t firmware[2];     /**< TPM_PT_FIRMWARE_VERSION_1 and _2 */
	bool software;            /**< a software TPM: for tests only */
	bool owner_auth_set;
	bool endorsement_auth_set;
	bool lockout_auth_set;
	bool in_lockout;
	uint32_t lockout_counter;
	uint32_t max_tries;
	uint32_t recovery_s;         /**< seconds after which one try is forgotten */
	uint32_t lockout_recovery_s; /**< seconds after which the lockout auth value may be tried again */
	uint32_t free_transients;    /**< objects that can still be loaded */
	uint32_t free_sessions;
	uint32_t free_persistents; /**< as far as the TPM can tell */
	uint32_t nv_index_max;     /**< largest index, bytes */
	uint32_t nv_buffer_max;    /**< most bytes a command reads or writes */
	uint64_t clock_ms;         /**< time the TPM was powered, over its life */
	uint32_t reset_count;      /**< times it was reset */
	bool clock_safe;           /**< the clock was never set back by a power cut since */
};

/** Asks the TPM who it is and how it is. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_read_info(struct dps_tpm2 *tpm, struct dps_tpm2_info *info);

/** Lists handles of one kind from `first` on, in order: 0x81000000 persistent keys, 0x01000000 NV indices, 0x80000000 transient objects, 0x02000000 loaded
 * sessions. *count is how many there were, at most size. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_list_handles(struct dps_tpm2 *tpm, uint32_t first, uint32_t *handles, size_t size, size_t *count);

/* --- keys -------------------------------------------------------------------------------------------------------------------------- */

/** The largest TPMT_PUBLIC kept (RSA-2048 takes about 350 bytes). */
#define DPS_TPM2_TPMT_SIZE 512
/** The largest certificate read of the TPM's own. */
#define DPS_TPM2_CERTIFICATE_SIZE 4096

/** The public half of a key in the TPM. */
struct dps_tpm2_public {
	uint32_t handle; /**< where it is persistent, or 0 */
	enum dps_key_type type;
	bool sign;
	bool decrypt;
	bool restricted;
	bool fixed;                       /**< fixedTPM and fixedParent: it never leaves this TPM */
	bool no_da;                       /**< its auth value does not count towards lockout */
	uint8_t tpmt[DPS_TPM2_TPMT_SIZE]; /**< TPMT_PUBLIC as the TPM marshals it; TPM2B_PUBLIC is its length in two bytes before it */
	size_t tpmt_len;
	uint8_t spki[DPS_SPKI_SIZE]; /**< SubjectPublicKeyInfo in DER */
	size_t spki_len;
	uint8_t name[2 + 32]; /**< the TPM's name of the key; SHA-256 keys only, else name_len is 0 */
	size_t name_len;
};

/**
 * Reads the public half of a persistent key. DPS_E_NOT_FOUND: no key there; DPS_E_KEY_FORMAT: a key of a type or on a curve that is not supported, or no key at all.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_read_public(struct dps_tpm2 *tpm, uint32_t handle, struct dps_tpm2_public *key);

/** An endorsement key, and its certificate if the TPM holds one. */
struct dps_tpm2_endorsement {
	struct dps_tpm2_public key;
	const char *template_name;                      /**< "L-1", "L-2", "H-1", "H-2", "H-3": TCG EK Credential Profile */
	uint32_t certificate_index;                     /**< NV index, or 0: no certificate */
	uint8_t certificate[DPS_TPM2_CERTIFICATE_SIZE]; /**< DER */
	size_t certificate_len;
};

/** Which endorsement key. */
enum dps_tpm2_endorsement_type {
	DPS_TPM2_EK_ANY, /**< the first that has a certificate, in the order of this list; without any certificate RSA-2048 */
	DPS_TPM2_EK_RSA_2048,
	DPS_TPM2_EK_P256,
	DPS_TPM2_EK_P384
};

/**
 * Reads an endorsement key: the persistent one at TCG's handle, else made from its template (with the nonce or template of the TPM's NV) and flushed. Its
 * certificate must be for it: DPS_E_KEY_MISMATCH. DPS_E_CERTIFICATE_FORMAT: garbage in the certificate's index; DPS_E_NOT_FOUND.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_read_endorsement(struct dps_tpm2 *tpm, enum dps_tpm2_endorsement_type type,
                                                          struct dps_tpm2_endorsement *ek);

/**
 * Persists an endorsement key again where it was when it was read, after TPM2_Clear (endorsement's and owner's auth values). One that was made for reading only stays
 * so. DPS_E_KEY_MISMATCH: this TPM's is another; DPS_E_STATE: another key is at the handle.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_restore_endorsement(struct dps_tpm2 *tpm, const struct dps_tpm2_endorsement *ek, bool *changed);

/** The certificates of the EK's issuers that the TPM holds (NV from 0x01C00100 on), as a DER list. DPS_E_NOT_FOUND: none; DPS_E_BUFFER. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_read_endorsement_chain(struct dps_tpm2 *tpm, uint8_t *buf, size_t size, size_t *len);

/** Makes the storage root key if there is none (owner's auth value). One that is there is never overwritten; DPS_E_KEY_FORMAT: it is no storage key. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_create_srk(struct dps_tpm2 *tpm, bool *changed);

/**
 * Makes the IDevID of the TCG template (DPS_KEY_RSA_2048: H-1, DPS_KEY_EC_P256: H-2) and persists it at a handle, 0 for that of the options (endorsement's
 * and owner's auth values). The same TPM always makes the same key. DPS_E_STATE: another key is at the handle, and stays; DPS_E_UNSUPPORTED.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_create_idevid(struct dps_tpm2 *tpm, enum dps_key_type type, uint32_t handle, bool *changed);

/**
 * Persists the IDevID again after TPM2_Clear, only if it is the one of the certificate (the first of a DER list). DPS_E_KEY_MISMATCH: this TPM's IDevID is another;
 * DPS_E_CERTIFICATE_FORMAT. A key at the handle must be that of the certificate as well.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_restore_idevid(struct dps_tpm2 *tpm, uint32_t handle, struct dps_span certificate, bool *changed);

/** Removes a persistent key (owner's auth value). */
DPS_API DPS_MUST_USE dps_result dps_tpm2_evict(struct dps_tpm2 *tpm, uint32_t handle, bool *changed);

/* --- NV -----------------------------------------------------------------------------------------------------------------------------*/

/** Facts of an NV index. */
struct dps_tpm2_nv {
	uint32_t index;
	uint32_t attributes; /**< TPMA_NV */
	size_t size;         /**< bytes */
	bool written;
	bool write_locked;
	bool lockable; /**< TPMA_NV_WRITEDEFINE: a write lock is for ever */
	bool platform; /**< made by the platform: TPM2_Clear keeps it */
};

/** Looks at an index. DPS_E_NOT_FOUND. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_nv_look(struct dps_tpm2 *tpm, uint32_t index, struct dps_tpm2_nv *nv);

/** Reads an index whole. DPS_E_NOT_FOUND: none, or never written; DPS_E_BUFFER: *len is the size needed. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_nv_read(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len);

/**
 * Stores a chain, leaf first, in consecutive indices, one certificate each, made by the platform if its auth value is known, else by the owner (then TPM2_Clear removes
 * them). Indices behind the chain that held certificates of a longer one are removed. With lock each is write-locked for ever (as far as its maker's auth value
 * does not undefine it). Where the same certificate is, nothing is written. Verified by reading back. DPS_E_CERTIFICATE_FORMAT; DPS_E_STATE: a locked
 * index holds something else; DPS_E_STORAGE_FULL: the TPM's NV is full, or a certificate larger than an index may be.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_nv_install_chain(struct dps_tpm2 *tpm, uint32_t index, struct dps_span der_list, bool lock,
                                                          bool *changed);

/**
 * Reads a chain: the leaf at the index (DPS_E_NOT_FOUND: none; DPS_E_CERTIFICATE_FORMAT: no certificate), and certificates at the indices behind it until one is absent.
 * Padding behind a certificate is cut off.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_nv_read_chain(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len);

/** Removes an index (platform's or owner's auth value, whoever made it). */
DPS_API DPS_MUST_USE dps_result dps_tpm2_nv_remove(struct dps_tpm2 *tpm, uint32_t index, bool *changed);

/* --- ownership ----------------------------------------------------------------------------------------------------------------------*/

/**
 * Changes the auth value of DPS_TPM2_OWNER, _ENDORSEMENT or _LOCKOUT. The current one is that of the options, or empty when the TPM says that none is set; the
 * new one is then known to the port. It goes to the TPM encrypted, in a session salted to a key of the TPM that is verified: the EK of its certificate,
 * else the SRK. The same value again proves that it is right. DPS_E_STATE: there is neither key (make the SRK first).
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_change_auth(struct dps_tpm2 *tpm, enum dps_tpm2_authority authority, struct dps_span new_auth,
                                                     bool *changed);

/** Sets the parameters of the lockout (lockout's auth value): tries, seconds until one is forgotten, seconds until the lockout auth value may be tried again. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_set_lockout(struct dps_tpm2 *tpm, uint32_t max_tries, uint32_t recovery_s,
                                                     uint32_t lockout_recovery_s, bool *changed);

/** Ends a lockout and forgets the tries (lockout's auth value). */
DPS_API DPS_MUST_USE dps_result dps_tpm2_reset_lockout(struct dps_tpm2 *tpm);

/**
 * TPM2_Clear (lockout's auth value, else the platform's): the owner's seed, all keys below it, what is persistent of owner and endorsement, the owner's NV
 * and all auth values are gone; the EK and the IDevID can be made again, platform-made NV stays. What the storage port
 * holds of the TPM is useless then: copies of public things are erased, wrapped keys are DPS_E_KEY_FORMAT from now on.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_clear(struct dps_tpm2 *tpm);

#ifdef __cplusplus
}
#endif
#endif
