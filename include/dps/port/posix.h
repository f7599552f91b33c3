/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The ports for Linux and other POSIX systems: clock, randomness, storage in a directory, log, network with names; and the two helpers that
 * an application on such a system wants: waiting and reading a file.
 *
 * Every structure is the caller's; nothing here uses the heap but c-ares, which resolves names. Each structure begins with the port table that the
 * library wants, filled by its init function:
 *
 *	struct dps_posix_clock clock;
 *	struct dps_posix_storage storage;
 *	dps_posix_clock_init(&clock, false);
 *	result = dps_posix_storage_open(&storage, "/var/lib/my-device");
 *	struct dps_platform platform = {.clock = clock.port, .storage = storage.port, ...};
 *
 * A structure must stay where it was initialised and outlive the client. Structures are not locked: those of one client belong to one thread.
 */
#ifndef DPS_PORT_POSIX_H
#define DPS_PORT_POSIX_H

#include <stdio.h>

#include "dps/channel.h"
#include "dps/platform.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest text on a failure, with the NUL. */
#define DPS_POSIX_DETAIL_SIZE 128

/** The clock. Never blocks. */
struct dps_posix_clock {
	struct dps_clock port;
	/** Whether the application vouches for the system's wall clock (NTP reached, a battery-backed clock that was set). May change at any time. */
	bool synchronised;
};

/**
 * Monotonic time from CLOCK_BOOTTIME, which counts in suspend, else from CLOCK_MONOTONIC; wall time from CLOCK_REALTIME with the flag
 * `synchronised`.
 */
DPS_API void dps_posix_clock_init(struct dps_posix_clock *clock, bool synchronised);

/**
 * Randomness from getrandom(2), the kernel's generator. The first call after power-up blocks until the kernel has seeded it, which takes up to some
 * seconds on a device without entropy sources; later calls do not block.
 */
DPS_API void dps_posix_random_init(struct dps_random *random);

/** What was changed on the medium: its wear. */
struct dps_posix_storage_stats {
	uint32_t writes; /**< blobs written */
	uint32_t erases; /**< blobs erased that were there */
	uint64_t bytes;  /**< of the blobs written, without what the file system adds */
};

/** Storage: a directory with one file for each blob. */
struct dps_posix_storage {
	struct dps_storage port;
	struct dps_posix_storage_stats stats; /**< since it was opened */
	/* private */
	int directory;     /* descriptor; -1 when closed; carries the lock */
	bool sync_pending; /* a change of the directory may not be durable yet */
	char detail[DPS_POSIX_DETAIL_SIZE];
};

/**
 * Opens a state directory on a local file system; its last component is made (mode 0700) if it is missing. It is locked until the storage is
 * closed or the process ends, so that two processes never share it, and a temporary file left by a crash is removed. A read-only directory can be
 * opened and read. The path itself may lead through symbolic links; inside the directory none is followed.
 *
 * Files have mode 0600. A write goes to a temporary file in the same directory, then fsync, rename, fsync of the directory. Only when that last
 * fsync fails, which is a dying medium, may a failed write show the new content. write and erase block for as long as the medium takes
 * to make data durable (two fsync, one for erase): milliseconds on flash, up to seconds on a busy card. read blocks for as long as a
 * small read takes.
 *
 * DPS_E_STORAGE_DENIED: no access, others may write to it, or it is in use by another process. DPS_E_STORAGE_FULL, DPS_E_STORAGE. On failure nothing
 * is held and every call of the port returns DPS_E_STORAGE.
 */
DPS_API DPS_MUST_USE dps_result dps_posix_storage_open(struct dps_posix_storage *storage, const char *directory);

/**
 * Opens a state directory to look into it, beside another process that may hold it: nothing is made, locked, tidied up or written; write and erase say
 * DPS_E_STORAGE_DENIED. Each read gives one blob as it was before or after a write of the other process; that two reads belong together is not said.
 *
 * DPS_E_NOT_FOUND: there is no such directory. DPS_E_STORAGE_DENIED, DPS_E_STORAGE as above.
 */
DPS_API DPS_MUST_USE dps_result dps_posix_storage_open_readonly(struct dps_posix_storage *storage, const char *directory);

/** Unlocks and closes. Harmless when not open. */
DPS_API void dps_posix_storage_close(struct dps_posix_storage *storage);

/** Text on the last failure of the storage for people ("write owner-0: no space left"), or "". */
DPS_API const char *dps_posix_storage_detail(const struct dps_posix_storage *storage);

/** A log to a stream. Blocks as the stream does. */
struct dps_posix_log {
	struct dps_log port;
	/* private */
	FILE *stream;
	enum dps_log_level level;
};

/** Writes lines that matter at least as much as `level` to a stream, flushed line by line: "warning: text". The stream is borrowed. */
DPS_API void dps_posix_log_init(struct dps_posix_log *log, FILE *stream, enum dps_log_level level);

/** Addresses of one name that are tried; further ones are not. */
#define DPS_POSIX_ADDRESSES 16
/** Sockets of the resolver that are watched at a time. */
#define DPS_POSIX_RESOLVER_SOCKETS 8

/** An address that a name led to. Private. */
struct dps_posix_address {
	bool v6;
	uint8_t bytes[16]; /* 4 of them unless v6 */
	uint32_t scope;    /* of a link-local IPv6 address */
};

/**
 * The network: non-blocking TCP (TCP_NODELAY), names through c-ares: /etc/hosts, then DNS as /etc/resolv.conf has it at each open; addresses in
 * text need neither, nor does localhost (RFC 6761). The addresses of a name are tried in the order of RFC 6724. No call blocks, but open reads
 * those two files.
 */
struct dps_posix_network {
	struct dps_network port;
	/** How long one address may take to answer before the next is tried, milliseconds; default 10,000. */
	uint32_t address_timeout_ms;
	/** How long a name server may take before it is asked again; asked three times, doubling. Milliseconds, default 2,000. */
	uint32_t dns_timeout_ms;
	/** Name servers to use instead of the system's, "127.0.0.1:5353,[::1]:53"; borrowed; default NULL. */
	const char *dns_servers;
	/* private */
	const struct dps_clock *clock;
	void *resolver; /* ares_channel while a name is resolved */
	struct {
		int fd;
		unsigned directions;
	} sockets[DPS_POSIX_RESOLVER_SOCKETS]; /* those with directions != 0 are in use */
	dps_result resolved;                   /* DPS_AGAIN while resolving */
	int fd;                                /* -1: none */
	bool connected;
	bool was_reset; /* as a write was told */
	uint16_t tcp_port;
	struct dps_posix_address addresses[DPS_POSIX_ADDRESSES];
	size_t address_count;
	size_t address_next;  /* index behind the one being tried */
	uint64_t deadline_ms; /* of the address being tried, by clock */
	char host[DPS_POSIX_DETAIL_SIZE];
	char detail[DPS_POSIX_DETAIL_SIZE];
};

/**
 * Prepares a network; the clock is borrowed. DPS_E_MEMORY: the resolver library could not be initialised. As that library counts its users, init and
 * deinit of several networks must not run at the same time on several threads.
 */
DPS_API DPS_MUST_USE dps_result dps_posix_network_init(struct dps_posix_network *network, const struct dps_clock *clock);

/** Closes and gives up the resolver library. Harmless after a failed init. */
DPS_API void dps_posix_network_deinit(struct dps_posix_network *network);

/**
 * Waits with poll(2) until one of the handles is ready or the time has passed; DPS_FOREVER waits without end. An application adds its own
 * descriptors (a signalfd, a socket) behind those of dps_client_wait_on(). DPS_OK: one is ready; DPS_AGAIN: the time has passed, or a signal
 * came; DPS_E_ARGUMENT: more than DPS_POSIX_WAIT_MAX entries.
 */
DPS_API DPS_MUST_USE dps_result dps_posix_wait(const struct dps_wait *waits, size_t count, uint32_t within_ms);
/** As many entries as dps_posix_wait takes: those of a client and as many of the application's. */
#define DPS_POSIX_WAIT_MAX 32

/**
 * Reads a whole regular file of 1 to `size` bytes. DPS_E_FILE on failure. *why is then a text in static memory ("no such file", "permission denied", "not a
 * regular file", "empty", "too large"), else "". *looser_mode tells that group or others have any right to the file (mode looser than
 * 0600), which for a private key deserves a warning. Either may be NULL. Blocks for as long as the read takes.
 */
DPS_API DPS_MUST_USE dps_result dps_posix_read_file(const char *path, uint8_t *buf, size_t size, size_t *len, bool *looser_mode,
                                                    const char **why);

#ifdef __cplusplus
}
#endif
#endif
