/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel in memory, see test_channel.h.
 */
#include "support/test_channel.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "test_channel: %s\n", what);
	abort();
}

static dps_result channel_open(void *ctx, const struct dps_channel_params *params)
{
	struct test_channel *t = ctx;

	t->opened++;
	t->params = params;
	return t->open_result;
}

static dps_result channel_establish(void *ctx)
{
	struct test_channel *t = ctx;

	return t->establish_result;
}

static bool channel_connected(void *ctx)
{
	struct test_channel *t = ctx;

	return !t->not_connected;
}

static dps_result channel_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	struct test_channel *t = ctx;
	size_t left = t->in_len - t->in_pos;

	t->reads++;
	need(size > 0, "a read of 0 bytes");
	if (t->reads_stutter && t->reads % 2 == 1)
		return DPS_AGAIN;
	if (left == 0)
		return t->read_end == DPS_OK ? DPS_AGAIN : t->read_end;
	*n = left < size ? left : size;
	if (t->read_step > 0 && *n > t->read_step)
		*n = t->read_step;
	memcpy(buf, t->in + t->in_pos, *n);
	t->in_pos += *n;
	t->stats.bytes_received += *n;
	return DPS_OK;
}

static dps_result channel_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	struct test_channel *t = ctx;

	t->writes++;
	need(len > 0, "a write of 0 bytes");
	if (t->write_failure != DPS_OK && t->write_failure_after == 0)
		return t->write_failure;
	if (t->write_blocked || (t->writes_stutter && t->writes % 2 == 1))
		return DPS_AGAIN;
	*n = t->write_step > 0 && len > t->write_step ? t->write_step : len;
	if (t->write_failure != DPS_OK) {
		if (*n > t->write_failure_after)
			*n = t->write_failure_after;
		t->write_failure_after -= *n;
	}
	need(*n <= sizeof(t->out) - t->out_len, "nobody takes what the device writes");
	memcpy(t->out + t->out_len, buf, *n);
	t->out_len += *n;
	t->stats.bytes_sent += *n;
	return DPS_OK;
}

static dps_result channel_flush(void *ctx)
{
	struct test_channel *t = ctx;

	t->flushes++;
	return DPS_OK;
}

static void channel_close(void *ctx)
{
	struct test_channel *t = ctx;

	t->closed++;
}

static size_t channel_wait_on(void *ctx, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	struct test_channel *t = ctx;

	(void)within_ms;
	if (max == 0)
		return 0;
	waits[0] = (struct dps_wait){(intptr_t)t, DPS_WAIT_READ | (t->write_blocked ? DPS_WAIT_WRITE : 0u)};
	return 1;
}

static void channel_stats(void *ctx, struct dps_channel_stats *stats)
{
	struct test_channel *t = ctx;

	*stats = t->stats;
}

static const char *channel_detail(void *ctx)
{
	struct test_channel *t = ctx;

	return t->detail != NULL ? t->detail : "";
}

static dps_result channel_next_address(void *ctx)
{
	(void)ctx;
	return DPS_E_NOT_FOUND;
}

void test_channel_init(struct test_channel *t)
{
	memset(t, 0, sizeof(*t));
	t->channel = (struct dps_channel){
		.ctx = t,
		.open = channel_open,
		.establish = channel_establish,
		.next_address = channel_next_address,
		.connected = channel_connected,
		.read = channel_read,
		.write = channel_write,
		.flush = channel_flush,
		.close = channel_close,
		.wait_on = channel_wait_on,
		.stats = channel_stats,
		.detail = channel_detail,
	};
}

void test_channel_feed(struct test_channel *t, const void *data, size_t len)
{
	if (t->in_pos == t->in_len)
		t->in_pos = t->in_len = 0;
	need(len <= sizeof(t->in) - t->in_len, "too much to read");
	if (len > 0)
		memcpy(t->in + t->in_len, data, len);
	t->in_len += len;
}

size_t test_channel_hex(const char *hex, uint8_t *buf, size_t size)
{
	size_t len = 0;
	bool high = true;

	for (; *hex != '\0'; hex++) {
		int digit;

		if (isspace((unsigned char)*hex))
			continue;
		need(isxdigit((unsigned char)*hex), "not a hex digit");
		digit = isdigit((unsigned char)*hex) ? *hex - '0' : tolower((unsigned char)*hex) - 'a' + 10;
		need(len < size, "hex text is too long");
		if (high)
			buf[len] = (uint8_t)(digit << 4);
		else
			buf[len++] |= (uint8_t)digit;
		high = !high;
	}
	need(high, "an odd number of hex digits");
	return len;
}

void test_channel_feed_hex(struct test_channel *t, const char *hex)
{
	static uint8_t bytes[TEST_CHANNEL_SIZE];

	test_channel_feed(t, bytes, test_channel_hex(hex, bytes, sizeof(bytes)));
}

size_t test_channel_take(struct test_channel *t, uint8_t *buf, size_t size)
{
	size_t n = t->out_len;

	need(n <= size, "more was written than the test has room for");
	memcpy(buf, t->out, n);
	t->out_len = 0;
	return n;
}
