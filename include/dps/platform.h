/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The platform ports: clock, randomness, storage and log. docs/porting.md is the guide; test/support holds ports that fail on demand.
 *
 * A port is a table of functions and a context. lib/ calls them from dps_client_*() only, on the caller's thread, never re-entrantly.
 * Any function may be called at any time between the client's init and deinit.
 */
#ifndef DPS_PLATFORM_H
#define DPS_PLATFORM_H

#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Clocks. */
struct dps_clock {
	void *ctx;
	/** Milliseconds since any fixed point; never goes back, keeps counting in sleep if the platform can. Cannot fail. */
	uint64_t (*monotonic_ms)(void *ctx);
	/**
	 * The platform's wall clock, Unix time in milliseconds, and whether the platform vouches for it (NTP, a battery-backed clock that was
	 * set). An unsynchronised value is never used for a decision. May be NULL: there is none.
	 */
	void (*wall)(void *ctx, int64_t *unix_ms, bool *synchronised);
	/**
	 * Told the time, Unix milliseconds, when the service has said it and its certificates are in date by it: to set the platform's clock by. May be NULL.
	 * It is not called while `wall` is synchronised.
	 */
	void (*set)(void *ctx, int64_t unix_ms);
};

/** Randomness: cryptographically strong (it makes device ids, tokens and jitter). */
struct dps_random {
	void *ctx;
	/** Fills the buffer wholly or fails with DPS_E_RANDOM. May block until seeded; the port documents for how long. */
	DPS_MUST_USE dps_result (*fill)(void *ctx, uint8_t *buf, size_t len);
};

/** Longest name of a blob, without the NUL. Names match [a-z0-9-]+. */
#define DPS_STORAGE_NAME_LENGTH 31

/** Most parts of a write. */
#define DPS_STORAGE_PARTS 40

/**
 * Storage of small named blobs (up to DPS_CONFIG_BODY_SIZE plus 64 bytes). The contract that everything else builds on:
 * - write is durable when it returns DPS_OK; erase is durable when it returns, or comes undone; neither touches another blob;
 * - write should replace the whole blob atomically: after a power cut at any moment, and when it fails, a read gives the old content or the new.
 *   The persisted state survives a medium that does not, and leaves any first part of the new bytes instead (docs/porting.md says at what cost);
 *   blobs of key ports may not.
 * Calls may block for as long as the medium takes; the port documents the bound. Failures: DPS_E_STORAGE, DPS_E_STORAGE_FULL,
 * DPS_E_STORAGE_DENIED.
 */
struct dps_storage {
	void *ctx;
	/** Reads a blob into buf. DPS_E_NOT_FOUND: none of that name. DPS_E_BUFFER: *len is the size needed, buf is undefined. */
	DPS_MUST_USE dps_result (*read)(void *ctx, const char *name, uint8_t *buf, size_t size, size_t *len);
	/** Writes the parts one behind the other as the blob's new content. Parts may be empty; count is at most DPS_STORAGE_PARTS. */
	DPS_MUST_USE dps_result (*write)(void *ctx, const char *name, const struct dps_span *parts, size_t count);
	/** Removes a blob; DPS_OK when there was none. */
	DPS_MUST_USE dps_result (*erase)(void *ctx, const char *name);
};

/** How much a log line matters. */
enum dps_log_level { DPS_LOG_ERROR, DPS_LOG_WARNING, DPS_LOG_INFO, DPS_LOG_DEBUG };

/** Log: optional (write may be NULL). Lines are ASCII, without a line end, never hold secrets, and are valid during the call only. */
struct dps_log {
	void *ctx;
	void (*write)(void *ctx, enum dps_log_level level, const char *line);
};

/** The platform as the client wants it. */
struct dps_platform {
	struct dps_clock clock;
	struct dps_random random;
	struct dps_storage storage;
	struct dps_log log;
};

#ifdef __cplusplus
}
#endif
#endif
