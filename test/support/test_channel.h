/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel in memory: a test plays the peer. Bytes fed are what the device reads; bytes the device writes are taken by the test. Reads and writes
 * come in pieces of any size, block and fail on demand.
 *
 *	static struct test_channel peer;
 *	test_channel_init(&peer);
 *	... hand &peer.channel to what is tested ...
 *	test_channel_feed(&peer, bytes, len);
 *	n = test_channel_take(&peer, buf, sizeof(buf));
 */
#ifndef TEST_SUPPORT_TEST_CHANNEL_H
#define TEST_SUPPORT_TEST_CHANNEL_H

#include "dps/channel.h"

#define TEST_CHANNEL_SIZE 131072

struct test_channel {
	struct dps_channel channel; /* the port; its ctx is this structure */

	/* knobs, all of them 0 after init */
	size_t read_step;            /* bytes a read gives at most; 0: all there are */
	size_t write_step;           /* bytes a write takes at most; 0: all */
	bool reads_stutter;          /* every second read is DPS_AGAIN */
	bool writes_stutter;         /* every second write is DPS_AGAIN */
	bool write_blocked;          /* all writes are DPS_AGAIN */
	dps_result read_end;         /* what a read says when all was read; DPS_OK stands for DPS_AGAIN */
	dps_result write_failure;    /* what writes say; DPS_OK: they work */
	size_t write_failure_after;  /* bytes that are still taken before write_failure */
	dps_result open_result;      /* what open says */
	dps_result establish_result; /* what establish says */
	bool not_connected;          /* what `connected` denies */
	const char *detail;          /* what detail says; NULL: "" */

	/* what happened */
	unsigned opened;
	unsigned closed;
	unsigned reads;
	unsigned writes;
	unsigned flushes;
	const struct dps_channel_params *params; /* of the last open */
	struct dps_channel_stats stats;          /* bytes are counted; the rest is the test's to set */

	/* the bytes */
	size_t in_len;
	size_t in_pos;
	size_t out_len;
	uint8_t in[TEST_CHANNEL_SIZE];
	uint8_t out[TEST_CHANNEL_SIZE];
};

/* Everything empty, nothing open, no faults. */
void test_channel_init(struct test_channel *t);
/* Appends to what the device will read. Aborts the program when it does not fit. */
void test_channel_feed(struct test_channel *t, const void *data, size_t len);
/* The same for hex digits; blanks are skipped. */
void test_channel_feed_hex(struct test_channel *t, const char *hex);
/* Takes what the device has written; aborts the program when it does not fit. */
size_t test_channel_take(struct test_channel *t, uint8_t *buf, size_t size);
/* Reads hex digits, blanks skipped; aborts the program on anything else or when it does not fit. */
size_t test_channel_hex(const char *hex, uint8_t *buf, size_t size);

#endif
