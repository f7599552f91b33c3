/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The ports on Mbed TLS: a TLS channel over any network port, and software keys over any storage port.
 *
 * Structures are the caller's and must stay where they were initialised; Mbed TLS takes its own memory from its heap (about 45 KiB at the
 * height of a handshake with its default buffers; MBEDTLS_SSL_IN_CONTENT_LEN and MBEDTLS_SSL_OUT_CONTENT_LEN lower it). Not locked:
 * those of one client belong to one thread.
 *
 *	struct dps_mbedtls_keys keys;
 *	struct dps_mbedtls_channel channel;
 *	dps_mbedtls_keys_init(&keys, &platform.storage, &platform.random);
 *	result = dps_mbedtls_keys_set_manufacturer(&keys, key, key_len, certs, certs_len, certs, sizeof(certs));
 *	dps_mbedtls_channel_init(&channel, &network.port, &platform.random);
 *	config.channel = &channel.port; config.keys = &keys.port; config.certificates = &keys.certificates;
 *
 * Mbed TLS is 2.28 or 3.6. One of 3.6 whose tables of functions are not as known (MBEDTLS_ECP_RESTARTABLE) is told apart before they are
 * used: opening the channel answers DPS_E_UNSUPPORTED. One with MBEDTLS_USE_PSA_CRYPTO wants psa_crypto_init() to have been called.
 *
 * Firmware without Mbed TLS's check of dates (MBEDTLS_HAVE_TIME_DATE) may use these ports: lib/pki judges dates.
 */
#ifndef DPS_PORT_MBEDTLS_H
#define DPS_PORT_MBEDTLS_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "dps/channel.h"
#include "dps/config.h"
#include "dps/keys.h"
#include "dps/pki.h"
#include "dps/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Bytes of TLS records gathered before they go to the network. A flight that fits leaves in one write: certificates of the own chain and
 * about 500 bytes; a larger one leaves in several. Range 1024 to 65535.
 */
#ifndef DPS_MBEDTLS_GATHER_SIZE
#define DPS_MBEDTLS_GATHER_SIZE 4096
#endif

/** Longest text on a failure, with the NUL. */
#define DPS_MBEDTLS_DETAIL_SIZE 96

/** Room for a table of functions of Mbed TLS, in words. Private. */
#define DPS_MBEDTLS_TABLE_WORDS 16

/** A private key of the key port as Mbed TLS wants to see it, and the randomness it signs with. Private. */
struct dps_mbedtls_bridge {
	mbedtls_ctr_drbg_context drbg;
	mbedtls_pk_context pk;                   /* the public half only */
	uintptr_t info[DPS_MBEDTLS_TABLE_WORDS]; /* the key's table of functions: a copy of Mbed TLS's with signing replaced */
	const struct dps_random *random;
	const struct dps_keys *keys;
	const char *slot;
	dps_result failure; /* what the random or the key port said when one failed */
};

/** The TLS session of the last connection, for the next. Private. */
struct dps_mbedtls_resume {
	mbedtls_ssl_session session;
	bool kept;                        /* there is one */
	bool offered;                     /* to the present server */
	uint8_t binding[DPS_SHA256_SIZE]; /* digest of what it may be used with */
	struct dps_pki_path path;         /* what was seen in the handshake that began it */
};

/** A TLS 1.2 channel. */
struct dps_mbedtls_channel {
	struct dps_channel port;
	/* private */
	const struct dps_network *network;
	const struct dps_random *random;
	struct dps_channel_params params;
	enum { DPS_MBEDTLS_CLOSED, DPS_MBEDTLS_CONNECTING, DPS_MBEDTLS_HANDSHAKE, DPS_MBEDTLS_ESTABLISHED, DPS_MBEDTLS_FAILED } state;
	bool was_connected;
	struct dps_mbedtls_bridge bridge;
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	mbedtls_x509_crt anchors;
	mbedtls_x509_crt chain;
	uint32_t path_flags; /* what Mbed TLS found wrong with the path, dates and name left out */
	dps_result verdict;  /* of lib/pki on the path */
	struct dps_mbedtls_resume resume;
	unsigned reads_left;      /* of the network, in this call of Mbed TLS */
	unsigned barren;          /* reads in a row that brought bytes, and nothing for the caller */
	dps_result read_failure;  /* of the network */
	dps_result write_failure; /* of the network: what was gathered is lost */
	dps_result failure;       /* of the channel: the one that got furthest */
	struct dps_channel_stats stats;
	bool sent; /* since something was received last */
	char detail[DPS_MBEDTLS_DETAIL_SIZE];
	size_t gather_start;
	size_t gather_end;
	uint8_t gather[DPS_MBEDTLS_GATHER_SIZE];
};

/**
 * Makes a channel, not yet open, over a network and a random port (both borrowed). TLS 1.2 with ECDHE and AEAD suites on P-256 and P-384
 * only; no renegotiation, no ALPN; a session is resumed if the parameters of open ask for it, and then kept in RAM between connections until other
 * parameters are given, a handshake with it fails, or deinit. Its functions never block but for the key port's `sign`, once a handshake. A peer that
 * accepts the connection and then says nothing is waited for: the caller has the clock, and closes.
 */
DPS_API void dps_mbedtls_channel_init(struct dps_mbedtls_channel *channel, const struct dps_network *network,
                                      const struct dps_random *random);

/** Closes it if it is open, and wipes a session that was kept. */
DPS_API void dps_mbedtls_channel_deinit(struct dps_mbedtls_channel *channel);

/** Software keys: kept in a storage port as blobs "key-<slot>" (SEC 1 or PKCS #1 in DER), and in RAM while they are used. */
struct dps_mbedtls_keys {
	struct dps_keys port;
	struct dps_certificates certificates;
	/* private */
	const struct dps_storage *storage;
	const struct dps_random *random;
	mbedtls_pk_context manufacturer;
	struct dps_span chain;
	mbedtls_pk_context cached;
	char cached_slot[DPS_CONFIG_SLOT_LENGTH + 1]; /* of the key in `cached`; "" if there is none */
};

/**
 * Makes the key and certificate ports, without a manufacturer identity. storage and random are borrowed. The key of the slot used last
 * stays parsed in RAM (until another slot's is used, it is erased, or deinit), as the manufacturer's does. Calls block for
 * as long as Mbed TLS computes: milliseconds on Linux, up to a second on a microcontroller; generating an RSA key much longer, without a
 * bound; and for what the storage takes.
 */
DPS_API void dps_mbedtls_keys_init(struct dps_mbedtls_keys *keys, const struct dps_storage *storage, const struct dps_random *random);

/**
 * Gives the identity that the device left the factory with. key: PEM ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY") or the same in
 * DER; it is copied, wiping the bytes is the caller's business. certificates: PEM or a DER list, leaf first; they are turned into a DER
 * list in chain, which stays in use until deinit or the next call; chain may be the memory of certificates itself.
 *
 * Keys are P-256, P-384 or RSA of 2048 bits. DPS_E_KEY_FORMAT: anything else; DPS_E_KEY_ENCRYPTED; DPS_E_CERTIFICATE_FORMAT;
 * DPS_E_BUFFER: chain is too small; DPS_E_KEY_MISMATCH; DPS_E_MEMORY. On failure there is no manufacturer identity.
 */
DPS_API DPS_MUST_USE dps_result dps_mbedtls_keys_set_manufacturer(struct dps_mbedtls_keys *keys, const uint8_t *key, size_t key_len,
                                                                  const uint8_t *certificates, size_t certificates_len, uint8_t *chain,
                                                                  size_t chain_size);

/** Wipes the keys from RAM. Stored ones stay. */
DPS_API void dps_mbedtls_keys_deinit(struct dps_mbedtls_keys *keys);

#ifdef __cplusplus
}
#endif
#endif
