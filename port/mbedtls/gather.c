/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gather buffer. Mbed TLS sends one record at a time, five of them in a client's second flight; each in a packet of its own they cost
 * packets, and with Nagle's algorithm a round trip.
 */
#include "mbedtls/gather.h"

#include <mbedtls/platform_util.h>
#include <string.h>

_Static_assert(DPS_MBEDTLS_GATHER_SIZE >= 1024 && DPS_MBEDTLS_GATHER_SIZE <= 65535, "DPS_MBEDTLS_GATHER_SIZE is out of range");

/* Some 30,000 records that carry nothing, in a row; one that carries something takes 16,384 reads at most, if each brings a byte. */
#define BARREN_MAX 65536u

void dps_mbedtls_gather_allow_reads(struct dps_mbedtls_channel *channel)
{
	channel->reads_left = DPS_MBEDTLS_READS_MAX;
}

bool dps_mbedtls_gather_is_flooded(struct dps_mbedtls_channel *channel, bool carried)
{
	if (carried)
		channel->barren = 0;
	return channel->barren >= BARREN_MAX;
}

void dps_mbedtls_gather_reset(struct dps_mbedtls_channel *channel)
{
	channel->barren = 0;
	mbedtls_platform_zeroize(channel->gather, sizeof(channel->gather));
	channel->gather_start = 0;
	channel->gather_end = 0;
	channel->sent = false;
	channel->read_failure = DPS_OK;
	channel->write_failure = DPS_OK;
}

dps_result dps_mbedtls_gather_flush(struct dps_mbedtls_channel *channel)
{
	const struct dps_network *network = channel->network;
	while (channel->write_failure == DPS_OK && channel->gather_start < channel->gather_end) {
		const size_t left = channel->gather_end - channel->gather_start;
		size_t n = 0;
		const dps_result result = network->write(network->ctx, channel->gather + channel->gather_start, left, &n);
		if (result == DPS_AGAIN || (result == DPS_OK && n == 0))
			return DPS_AGAIN;
		if (result != DPS_OK || n > left) {
			channel->write_failure = result != DPS_OK ? result : DPS_E_INTERNAL;
			break;
		}
		channel->gather_start += n;
		channel->stats.bytes_sent += n;
		channel->sent = true;
	}
	channel->gather_start = 0;
	channel->gather_end = 0;
	return channel->write_failure;
}

size_t dps_mbedtls_gather_room(struct dps_mbedtls_channel *channel)
{
	if (channel->gather_start > 0) {
		memmove(channel->gather, channel->gather + channel->gather_start, channel->gather_end - channel->gather_start);
		channel->gather_end -= channel->gather_start;
		channel->gather_start = 0;
	}
	return sizeof(channel->gather) - channel->gather_end;
}

int dps_mbedtls_gather_send(void *ctx, const unsigned char *buf, size_t len)
{
	struct dps_mbedtls_channel *channel = ctx;
	size_t room = dps_mbedtls_gather_room(channel);
	if (room < len) {
		if (dps_mbedtls_gather_flush(channel) < 0)
			return MBEDTLS_ERR_SSL_CONN_EOF;
		room = dps_mbedtls_gather_room(channel);
	}
	if (room == 0)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	const size_t n = len < room ? len : room;
	memcpy(channel->gather + channel->gather_end, buf, n);
	channel->gather_end += n;
	return (int)n;
}

int dps_mbedtls_gather_receive(void *ctx, unsigned char *buf, size_t size)
{
	struct dps_mbedtls_channel *channel = ctx;
	const struct dps_network *network = channel->network;
	size_t n = 0;

	/* reading goes on when nothing can be sent: the peer may be waiting for us to read, or have said why it left */
	(void)dps_mbedtls_gather_flush(channel);
	if (channel->reads_left == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	channel->reads_left--;
	const dps_result result = network->read(network->ctx, buf, size < INT32_MAX ? size : INT32_MAX, &n);
	if (result == DPS_AGAIN) {
		if (channel->write_failure == DPS_OK)
			return MBEDTLS_ERR_SSL_WANT_READ;
		channel->read_failure = channel->write_failure;
		return MBEDTLS_ERR_SSL_CONN_EOF;
	}
	if (result != DPS_OK || n == 0 || n > size) {
		channel->read_failure = result != DPS_OK ? result : DPS_E_INTERNAL;
		return MBEDTLS_ERR_SSL_CONN_EOF;
	}
	channel->barren++;
	channel->stats.bytes_received += n;
	if (channel->sent)
		channel->stats.round_trips++;
	channel->sent = false;
	return (int)n;
}
