/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The channel and network ports: a secure byte stream, and the plain one below it.
 *
 * All functions are non-blocking: DPS_AGAIN means "not now"; wait_on tells what to wait for. One channel carries one connection at a
 * time; it can be opened again after close.
 */
#ifndef DPS_CHANNEL_H
#define DPS_CHANNEL_H

#include "dps/keys.h"
#include "dps/pki.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Directions of a wait. */
enum { DPS_WAIT_READ = 1, DPS_WAIT_WRITE = 2 };

/** Something to wait for: a handle only the port and the application's event loop understand (POSIX: the file descriptor). */
struct dps_wait {
	intptr_t handle;
	unsigned directions; /**< DPS_WAIT_READ | DPS_WAIT_WRITE */
};

/** "No time of its own" for wait_on and dps_client_process. */
#define DPS_FOREVER UINT32_MAX

/** A plain byte stream to host:port, name resolution included. */
struct dps_network {
	void *ctx;
	/** Starts resolving and connecting. host is a name or an address without brackets, copied by the port. */
	DPS_MUST_USE dps_result (*open)(void *ctx, const char *host, uint16_t port);
	/**
	 * Advances: DPS_AGAIN, DPS_OK once connected, DPS_E_RESOLVE, DPS_E_CONNECT after the last address failed. An address that does not answer
	 * within the port's own bound is left for the next.
	 */
	DPS_MUST_USE dps_result (*connect)(void *ctx);
	/** Drops the present connection and starts on the next address of the name: DPS_OK, or DPS_E_NOT_FOUND when there is none left. */
	DPS_MUST_USE dps_result (*next_address)(void *ctx);
	/** DPS_OK with *n > 0, DPS_AGAIN, DPS_E_CLOSED at the end of the stream, DPS_E_RESET. */
	DPS_MUST_USE dps_result (*read)(void *ctx, uint8_t *buf, size_t size, size_t *n);
	/** DPS_OK with *n > 0 (may be fewer than len), DPS_AGAIN, DPS_E_RESET. */
	DPS_MUST_USE dps_result (*write)(void *ctx, const uint8_t *buf, size_t len, size_t *n);
	/** Ends it at once; harmless when not open. */
	void (*close)(void *ctx);
	/**
	 * Fills at most max waits and returns how many; want_write says that written data waits to leave. *within_ms is lowered if the port must be
	 * called earlier than that on its own account (resolver time-outs).
	 */
	size_t (*wait_on)(void *ctx, bool want_write, struct dps_wait *waits, size_t max, uint32_t *within_ms);
	/** Text on the last failure for people ("connection refused (127.0.0.1)"), or "". Valid until the next call. */
	const char *(*detail)(void *ctx);
};

/** What a channel is opened with. Pointers are borrowed until the channel is closed. */
struct dps_channel_params {
	const char *host; /**< name or address without brackets */
	uint16_t port;
	const struct dps_trust *trust;
	const struct dps_keys *keys; /**< the private key: slot below */
	const char *key_slot;        /**< "manufacturer", or an operational slot */
	struct dps_span chain;       /**< DER list presented, leaf first, intermediates included */
	struct dps_pki_path *path;   /**< filled by the channel with the path it verified */
	/**
	 * Keep the TLS session in memory and resume it at the next open with the same host, port, identity and trust; path is then filled with what was
	 * verified when the session began, and judged as ever. Not for a provisioning service, which knows no resumption. A port may ignore it.
	 */
	bool resume;
};

/** Counters since the port was made. */
struct dps_channel_stats {
	uint32_t handshakes;  /**< TLS handshakes started */
	uint32_t round_trips; /**< connects, and turns from sending to receiving */
	uint64_t bytes_sent;  /**< on the wire below TLS */
	uint64_t bytes_received;
	uint32_t resumed; /**< of the handshakes, those that resumed a session */
};

/** A secure byte stream. */
struct dps_channel {
	void *ctx;
	/** Starts connecting. */
	DPS_MUST_USE dps_result (*open)(void *ctx, const struct dps_channel_params *params);
	/**
	 * Advances: DPS_AGAIN, DPS_OK once the handshake is done, the peer is verified and params->path is complete (dates are left to the caller).
	 * A name's further addresses are tried before a failure is returned; the failure that got furthest is the one returned. Failures:
	 * DPS_E_RESOLVE, DPS_E_CONNECT, DPS_E_RESET, DPS_E_CLOSED, DPS_E_TLS, DPS_E_TLS_ALERT, DPS_E_SERVER_*, DPS_E_KEY*, DPS_E_MEMORY.
	 */
	DPS_MUST_USE dps_result (*establish)(void *ctx);
	/**
	 * While establish says DPS_AGAIN for too long: leaves the address that is being tried for the next one of the name. DPS_OK, or DPS_E_NOT_FOUND when
	 * there is none left.
	 */
	DPS_MUST_USE dps_result (*next_address)(void *ctx);
	/** True once TCP is connected (a failure after that is one of TLS, before it one of connecting). */
	bool (*connected)(void *ctx);
	/** Plain bytes: DPS_OK with *n > 0, DPS_AGAIN, DPS_E_CLOSED, DPS_E_RESET, DPS_E_TLS, DPS_E_TLS_ALERT. Flushes gathered writes first. */
	DPS_MUST_USE dps_result (*read)(void *ctx, uint8_t *buf, size_t size, size_t *n);
	/** Takes plain bytes; they may be gathered until the next read or flush. DPS_OK with *n > 0, DPS_AGAIN, failures as read. */
	DPS_MUST_USE dps_result (*write)(void *ctx, const uint8_t *buf, size_t len, size_t *n);
	/** Sends what was gathered: DPS_OK all has left, DPS_AGAIN some is still here. */
	DPS_MUST_USE dps_result (*flush)(void *ctx);
	/** Says close_notify if that does not block, and ends the connection; wipes its secrets. Harmless when not open. */
	void (*close)(void *ctx);
	/** As dps_network.wait_on; the channel knows itself whether data waits to leave. */
	size_t (*wait_on)(void *ctx, struct dps_wait *waits, size_t max, uint32_t *within_ms);
	/** Counters. */
	void (*stats)(void *ctx, struct dps_channel_stats *stats);
	/** Text on the last failure for people (alert name, library code), or "". Valid until the next call. */
	const char *(*detail)(void *ctx);
};

#ifdef __cplusplus
}
#endif
#endif
