/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock, randomness, storage and log. The comments say what the library relies on.
 */
#include <string.h>

#include "template/template.h"

/* Never goes back; wraps after 2^64 ms only: extend a 32-bit tick counter here. Keeps counting in sleep if the board can. */
static uint64_t template_monotonic_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

/* A board without a clock that was set leaves clock.wall NULL. An unsynchronised value is never used for a decision. */
static void template_wall(void *ctx, int64_t *unix_ms, bool *synchronised)
{
	(void)ctx;
	*unix_ms = 0;
	*synchronised = false;
}

/* A hardware generator or a DRBG seeded by one. All of buf or a failure; device ids and keys hang on it. */
static dps_result template_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return DPS_E_RANDOM;
}

/* DPS_E_NOT_FOUND when there is none; DPS_E_BUFFER and *len when it is larger than size. */
static dps_result template_read(void *ctx, const char *name, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	(void)name;
	(void)buf;
	(void)size;
	*len = 0;
	return DPS_E_UNSUPPORTED;
}

/*
 * The one that matters most: after a power cut at any moment the old content or the new is there, and once it returns DPS_OK the new one stays.
 * A file system: write another file, sync, rename, sync the directory. littlefs: write and close, which is atomic. Raw flash: two sectors with a
 * sequence number and a CRC written last.
 */
static dps_result template_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	(void)ctx;
	(void)name;
	(void)parts;
	(void)count;
	return DPS_E_UNSUPPORTED;
}

/* DPS_OK when there was none. */
static dps_result template_erase(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return DPS_E_UNSUPPORTED;
}

/* Lines are ASCII, without a line end, and hold no secrets. A board without a console leaves log.write NULL. */
static void template_log(void *ctx, enum dps_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

void template_platform_init(struct template_platform *platform)
{
	memset(platform, 0, sizeof *platform);
	platform->port.clock.ctx = platform;
	platform->port.clock.monotonic_ms = template_monotonic_ms;
	platform->port.clock.wall = template_wall;
	platform->port.random.ctx = platform;
	platform->port.random.fill = template_random;
	platform->port.storage.ctx = platform;
	platform->port.storage.read = template_read;
	platform->port.storage.write = template_write;
	platform->port.storage.erase = template_erase;
	platform->port.log.ctx = platform;
	platform->port.log.write = template_log;
}
