/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The key and certificate ports on a TPM 2.0, over the ESAPI of tpm2-tss. Private keys never leave the TPM, so nothing of them is ever in RAM or on a disk.
 *
 * - The slot "manufacturer" is a persistent key (the IDevID at 0x81020000). When TPM2_Clear has evicted it, it is made again from the
 *   TCG templates H-1 or H-2, compared with its certificate, and persisted again if the owner's auth value allows it.
 * - All other slots are keys below the storage root key (SRK, 0x81000001, made if it is absent, never overwritten), wrapped by the TPM and kept in the
 *   storage port as blobs "tpm-<slot>".
 * - The manufacturer's certificates are a DER list of the application's, or in NV indices: one certificate each, leaf first, one index behind the other.
 *
 *	struct dps_tpm2 tpm;
 *	struct dps_tpm2_options options = {.tcti = "device:/dev/tpmrm0", .storage = &platform.storage, .lock_file = "/run/my-device.tpm"};
 *	result = dps_tpm2_open(&tpm, &options);
 *	config.keys = &tpm.port; config.certificates = &tpm.certificates;
 *	...
 *	dps_tpm2_close(&tpm);
 *
 * What a manufacturer's tool needs besides is in dps/port/tpm2_factory.h. A structure is the caller's, must stay where it was opened, and belongs to
 * one thread. libtss2 takes its own memory from the heap, and writes its own log to standard error when the environment's TSS2_LOG says so; when it is
 * not set, dps_tpm2_open sets it to be silent: all that it would say is in dps_tpm2_detail.
 */
#ifndef DPS_PORT_TPM2_H
#define DPS_PORT_TPM2_H

#include "dps/config.h"
#include "dps/keys.h"
#include "dps/platform.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The handle of the manufacturer's key unless another is given: the first of those that TCG reserves for device identities. */
#define DPS_TPM2_IDEVID_HANDLE UINT32_C(0x81020000)
/** The NV index of its certificate in tools, unless another is given; the certificates of the issuers are at the indices behind it. */
#define DPS_TPM2_IDEVID_INDEX UINT32_C(0x01C90000)
/** The handle of the storage root key. */
#define DPS_TPM2_SRK_HANDLE UINT32_C(0x81000001)

/** Longest text on a failure, with the NUL. */
#define DPS_TPM2_DETAIL_SIZE 320
/** Longest auth value: that of a SHA-256 name algorithm, which TPMs limit hierarchies and keys to. */
#define DPS_TPM2_AUTH_SIZE 32
/** Largest chain of certificates read from NV or given. */
#define DPS_TPM2_CHAIN_SIZE 8192
/** Commands that are remembered one by one; all are counted. */
#define DPS_TPM2_COMMANDS 64
/** How long an ordinary command may take unless told otherwise, milliseconds. Those that make keys may take ten times as long. */
#define DPS_TPM2_TIMEOUT_MS 20000

/** Whose auth value. */
enum dps_tpm2_authority {
	DPS_TPM2_OWNER,
	DPS_TPM2_ENDORSEMENT,
	DPS_TPM2_LOCKOUT,
	DPS_TPM2_PLATFORM,         /**< firmware locks it at boot on most machines; empty where it is not */
	DPS_TPM2_MANUFACTURER_KEY, /**< of the slot "manufacturer" */
	DPS_TPM2_IDENTITY_KEYS,    /**< of the keys that the port makes */
	DPS_TPM2_AUTHORITIES
};

/** How to open a TPM. All of it may be zero: the machine's TPM, empty auth values, no storage, no NV. */
struct dps_tpm2_options {
	/**
	 * "swtpm:host=127.0.0.1,port=2321", "device:/dev/tpmrm0" (both by a small transport of this port, which never blocks beyond timeout_ms), or anything
	 * that libtss2-tctildr knows ("tabrmd:"). NULL: /dev/tpmrm0, else /dev/tpm0. The environment's TPM2TOOLS_TCTI is the application's business.
	 */
	const char *tcti;
	/** How long a command may take; 0: DPS_TPM2_TIMEOUT_MS. */
	uint32_t timeout_ms;
	/**
	 * A file that is locked while the TPM is open; whoever else uses it is refused. It says that the TPM is this application's alone: what a killed process
	 * left in the TPM is then flushed. NULL: the TPM may be shared, nothing that is not ours is touched.
	 */
	const char *lock_file;
	/** Auth values; an empty span is the empty value. Copied, wiped by dps_tpm2_close. At most DPS_TPM2_AUTH_SIZE bytes. */
	struct dps_span auth[DPS_TPM2_AUTHORITIES];
	/** Where wrapped keys and copies of public things are kept; borrowed. NULL: the manufacturer's slot only, nothing is cached. */
	const struct dps_storage *storage;
	/** The persistent handle of the manufacturer's key; 0: DPS_TPM2_IDEVID_HANDLE. */
	uint32_t manufacturer_handle;
	/** The manufacturer's chain as a DER list, borrowed until the port is closed; or, when it is empty, */
	struct dps_span chain;
	/** the NV index of the leaf. Both empty: there is no chain, and dps_certificates says DPS_E_NOT_FOUND. */
	uint32_t nv_index;
};

/** One command to the TPM. */
struct dps_tpm2_command {
	uint32_t code; /**< TPM_CC_...; dps_tpm2_command_name() */
	uint32_t rc;   /**< what the TPM said in the end; a code of the transport's if it said nothing */
	uint32_t us;   /**< how long it took, microseconds */
	uint32_t sent; /**< how often it was sent: more than once when the TPM refused to begin with it (TPM_RC_RETRY and its like) */
};

/** All commands since the port was opened. */
struct dps_tpm2_stats {
	uint32_t commands;
	uint32_t sent; /**< commands, and those sent again */
	uint64_t us;
	struct dps_tpm2_command list[DPS_TPM2_COMMANDS]; /**< the first ones */
};

/** An auth value. Private. */
struct dps_tpm2_auth {
	uint8_t bytes[DPS_TPM2_AUTH_SIZE];
	size_t len;
};

/** A key as the port knows it. Private. */
struct dps_tpm2_key {
	uint32_t object;   /* ESAPI's handle */
	bool transient;    /* takes a slot of the TPM, and is to be flushed */
	bool known_public; /* what follows is set */
	bool proven;       /* the TPM said, or a signature showed, that the key at the handle is this one */
	bool stored;       /* the storage port holds a copy of its public half */
	uint16_t hash;     /* of the only scheme it signs with, or 0: any */
	enum dps_key_type type;
	char slot[DPS_CONFIG_SLOT_LENGTH + 1];
	uint8_t spki[DPS_SPKI_SIZE];
	size_t spki_len;
};

/** A TPM that is in use. */
struct dps_tpm2 {
	struct dps_keys port;
	struct dps_certificates certificates;
	struct dps_tpm2_stats stats;
	/* private */
	const struct dps_storage *storage;
	struct dps_tpm2_auth auth[DPS_TPM2_AUTHORITIES];
	void *tcti;
	void *esys;
	int lock; /* descriptor of the lock file */
	bool locked;
	bool tidied; /* of what a killed process left */
	uint32_t manufacturer_handle;
	uint32_t nv_index;
	uint32_t nv_buffer; /* bytes of NV that a command reads or writes; 0: not asked yet */
	struct dps_span given_chain;
	struct dps_tpm2_key srk;
	struct dps_tpm2_key manufacturer;
	struct dps_tpm2_key identity; /* the operational key that is loaded */
	char detail[DPS_TPM2_DETAIL_SIZE];
	uint32_t code; /* the response code that detail is about */
	bool chain_stored;
	size_t chain_len; /* read from NV; 0: not yet */
	uint8_t chain[DPS_TPM2_CHAIN_SIZE];
};

/**
 * Connects to a TPM and prepares the ports. Sends no command unless the lock file says that its last user died. DPS_E_TPM: no TPM can be reached, or it is in
 * use; DPS_E_ARGUMENT: an option is out of its range. dps_tpm2_detail() says more. On failure nothing is held, and every call of the ports returns
 * DPS_E_KEY.
 *
 * Calls of the ports block until the TPM has answered: tens of milliseconds to a second for a signature of a chip, seconds for a new P-256 key, up to a minute for an
 * RSA key, and at most timeout_ms (times ten for what makes keys) for each command. A key that was generated or used stays loaded, and takes one of the
 * TPM's slots, until another one is used or the port is closed. Generating DPS_KEY_EC_P384 or DPS_KEY_RSA_2048 is for the TPM to allow:
 * DPS_E_UNSUPPORTED.
 */
DPS_API DPS_MUST_USE dps_result dps_tpm2_open(struct dps_tpm2 *tpm, const struct dps_tpm2_options *options);

/** Flushes all that was loaded, says TPM2_Shutdown (so that a power cut afterwards does not count towards lockout), wipes auth values, unlocks. Harmless when not
 * open. */
DPS_API void dps_tpm2_close(struct dps_tpm2 *tpm);

/** Text on the last failure for people: what was tried, the layer and meaning of the code, what to do ("sign: tpm:warn(2.0): ... (0x921)"); or "". */
DPS_API const char *dps_tpm2_detail(const struct dps_tpm2 *tpm);

/**
 * The response code of that failure, for programs that tell some apart: without the number of handle, session or parameter (TPM_RC_AUTH_FAIL is 0x08e,
 * TPM_RC_BAD_AUTH 0x0a2, TPM_RC_LOCKOUT 0x921); 0: the TPM did not say one.
 */
DPS_API uint32_t dps_tpm2_code(const struct dps_tpm2 *tpm);

/** The name of a command, "Sign"; "unknown". Static memory. */
DPS_API const char *dps_tpm2_command_name(uint32_t code);

/** Reads "tpm2:HANDLE" (hex with 0x) as given to `--key`, a persistent handle. DPS_E_NOT_FOUND: no such prefix; DPS_E_ARGUMENT: not a persistent handle. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_parse_key(const char *text, uint32_t *handle);

/** Reads "nv:INDEX" (hex with 0x) as given to `--cert`. DPS_E_NOT_FOUND: no such prefix; DPS_E_ARGUMENT: not an NV index. */
DPS_API DPS_MUST_USE dps_result dps_tpm2_parse_index(const char *text, uint32_t *index);

#ifdef __cplusplus
}
#endif
#endif
