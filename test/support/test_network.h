/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network port for tests of channels: non-blocking TCP to 127.0.0.1, or bytes out of memory; it counts writes, and cuts where it is
 * told to.
 */
#ifndef TEST_NETWORK_H
#define TEST_NETWORK_H

#include "dps/channel.h"

#define TEST_NETWORK_ADDRESSES 4

struct test_network {
	struct dps_network port;
	/* the "addresses" of any name: ports of 127.0.0.1, 0 stands for one that refuses */
	uint16_t addresses[TEST_NETWORK_ADDRESSES];
	size_t address_count;
	/* instead of a connection: what the peer says, as often as it is connected to */
	const uint8_t *script;
	size_t script_len;
	/* where a connection is cut: after so many bytes in that direction. 0: never */
	size_t cut_read;
	size_t cut_write;
	dps_result cut_with; /* DPS_E_CLOSED or DPS_E_RESET */
	bool cut_first_only; /* the connections after the first one are not cut */
	/* takes at most so many bytes a write, then says once DPS_AGAIN. 0: no limit */
	size_t write_at_most;
	bool jammed; /* nothing can be written */
	/* what happened on the present connection */
	size_t writes;
	size_t bytes_written;
	size_t bytes_read;
	size_t opened;      /* connections since init */
	uint8_t first[512]; /* the first bytes written */
	/* private */
	size_t address;
	int fd;
	bool again;
};

/* count ports as the addresses of every name. */
void test_network_init(struct test_network *network, size_t count, ...);

/* A listening socket that nobody accepts from, and its port. */
int test_network_listen(uint16_t *port);

/* Calls establish until it is done or failed; fails the test after ten seconds. */
dps_result test_channel_establish(const struct dps_channel *channel);

/* Reads at least one byte, waiting as long as that. */
dps_result test_channel_read(const struct dps_channel *channel, uint8_t *buf, size_t size, size_t *n);

#endif
