/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile peer at a whole CoAP connection. The input is a script: what the device does, how the stream is cut, and the bytes that arrive. Tokens are
 * drawn as 0101..., 0202..., ..., so that answers which match can be found.
 *
 * Input: byte 0 chooses the buffers, byte 1 the size of a read, byte 2 the size of a write; then records: an operation (below) in the low three bits of a
 * byte, and its argument in the high five.
 */
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEED_FEW, FEED_MANY, GET, GET_LARGE, POST, FORGET, SAY, BLOCK_WRITES };

struct fuzz {
	struct dps_coap coap;
	uint8_t body[DPS_CONFIG_BODY_SIZE];
	uint8_t receive[DPS_CONFIG_RECEIVE_SIZE];
	uint8_t send[DPS_CONFIG_RECEIVE_SIZE];
	const uint8_t *in;
	size_t in_len;
	size_t read_step;
	size_t write_step;
	bool write_blocked;
	uint8_t drawn;
};

static struct fuzz fuzz;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static dps_result fuzz_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	struct fuzz *f = ctx;

	require(size > 0);
	if (f->in_len == 0)
		return DPS_AGAIN;
	*n = size < f->in_len ? size : f->in_len;
	if (*n > f->read_step)
		*n = f->read_step;
	memcpy(buf, f->in, *n);
	f->in += *n;
	f->in_len -= *n;
	return DPS_OK;
}

static dps_result fuzz_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	struct fuzz *f = ctx;
	volatile uint8_t sum = 0;

	require(len > 0);
	if (f->write_blocked)
		return DPS_AGAIN;
	*n = len < f->write_step ? len : f->write_step;
	for (size_t i = 0; i < *n; i++)
		sum = (uint8_t)(sum + buf[i]);
	return DPS_OK;
}

static dps_result fuzz_flush(void *ctx)
{
	(void)ctx;
	return DPS_OK;
}

static dps_result fuzz_random(void *ctx, uint8_t *buf, size_t len)
{
	struct fuzz *f = ctx;

	memset(buf, ++f->drawn, len);
	return DPS_OK;
}

static void fuzz_serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	struct dps_span queries = inbound->queries, query;
	volatile uint8_t sum = 0;

	(void)ctx;
	require(inbound->path.len > 0 && inbound->path.data[0] == '/');
	for (size_t i = 0; i < inbound->path.len; i++)
		sum = (uint8_t)(sum + inbound->path.data[i]);
	while (dps_coap_next_query(&queries, &query)) {
		for (size_t i = 0; i < query.len; i++)
			sum = (uint8_t)(sum + query.data[i]);
	}
	for (size_t i = 0; i < inbound->payload.len; i++)
		sum = (uint8_t)(sum + inbound->payload.data[i]);
	reply->code = 205;
	reply->content_format = DPS_COAP_FORMAT_OCF_CBOR;
	reply->len = inbound->payload.len < reply->size ? inbound->payload.len : reply->size;
	memset(reply->payload, 'r', reply->len);
#if DPS_CONFIG_HUB
	require(inbound->token.len <= DPS_COAP_TOKEN_SIZE && inbound->etag.len <= DPS_COAP_ETAG_SIZE);
	require(inbound->observe >= -1 && inbound->observe <= 0xffffff);
	require(reply->observe == -1 && reply->etag_len == 0);
	reply->observe = inbound->observe;
	reply->etag_len = (uint8_t)inbound->etag.len;
	for (size_t i = 0; i < inbound->etag.len; i++)
		reply->etag[i] = inbound->etag.data[i];
#endif
}

#if DPS_CONFIG_HUB
static void fuzz_notification(void *ctx, struct dps_coap_reply *reply)
{
	const unsigned argument = *(const unsigned *)ctx;
	const size_t len = argument * 64u;

	require(reply->size > 0);
	reply->observe = argument % 2 == 0 ? 0x1ffffff : -1;
	reply->etag_len = (uint8_t)(argument % 10);
	reply->content_format = DPS_COAP_FORMAT_OCF_CBOR;
	reply->len = len;
	memset(reply->payload, 'n', len < reply->size ? len : reply->size);
}
#endif

/* A ping, a keep-alive, or a notification. */
static void say(struct fuzz *f, unsigned argument)
{
	static const uint8_t token[] = "token678";

	switch (argument % 4) {
	case 0:
		(void)!dps_coap_ping(&f->coap);
		break;
	case 1:
		(void)!dps_coap_transport.keepalive(&f->coap);
		break;
	default:
#if DPS_CONFIG_HUB
		(void)!dps_coap_notify(&f->coap, (struct dps_span){token, argument % 10}, fuzz_notification, &argument);
#else
		(void)token;
#endif
		break;
	}
}

static dps_result fuzz_body(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	(void)env;
	memset(buf, 'b', size);
	*len = size;
	return DPS_OK;
}

/* Polls until there is nothing left to do. False: the connection is over. */
static bool drain(struct fuzz *f)
{
	struct dps_answer answer;
	dps_result result;
	bool busy;

	for (;;) {
		result = dps_coap_transport.poll(&f->coap, &answer, &busy);
		if (result == DPS_OK) {
			require(answer.payload_len <= DPS_CONFIG_RECEIVE_SIZE || answer.payload_len <= sizeof(f->body));
			if (answer.payload_len > 0)
				memset(answer.payload, 0x5a, answer.payload_len); /* may be changed in place */
			continue;
		}
		if (result == DPS_AGAIN && busy)
			continue;
		break;
	}
	require(dps_coap_in_flight(&f->coap) <= DPS_CONFIG_REQUESTS);
	if (result == DPS_AGAIN) {
		require(f->in_len == 0);
		return true;
	}
	require(dps_coap_transport.poll(&f->coap, &answer, &busy) == result); /* the cause stays */
	return false;
}

static void act(struct fuzz *f, unsigned operation, unsigned argument, const uint8_t **data, size_t *size)
{
	struct dps_request request = {.method = DPS_GET, .path = "/api/v1/provisioning/acls"};
	size_t n = 0;

	switch (operation) {
	case FEED_FEW:
	case FEED_MANY:
		n = operation == FEED_FEW ? argument + 1 : (argument + 1) * 256u;
		if (n > *size)
			n = *size;
		f->in = *data;
		f->in_len = n;
		break;
	case GET_LARGE:
		request.large_answer = true;
		(void)!dps_coap_transport.send(&f->coap, argument, &request, NULL);
		break;
	case POST:
		request.method = DPS_POST;
		request.large_answer = argument % 2 == 0;
		request.body_limit = argument * 300u;
		request.write_body = fuzz_body;
		(void)!dps_coap_transport.send(&f->coap, argument, &request, NULL);
		break;
	case GET:
		request.query = argument % 4 == 1 ? "if=oic.if.ll&rt=oic.wk.d" : NULL;
		request.method = argument % 8 == 5 ? DPS_DELETE : DPS_GET;
		(void)!dps_coap_transport.send(&f->coap, argument, &request, NULL);
		break;
	case FORGET:
		dps_coap_transport.forget(&f->coap, argument);
		break;
	case SAY:
		say(f, argument);
		break;
	default:
		f->write_blocked = argument % 2 == 1;
		break;
	}
	*data += n;
	*size -= n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t buffers[] = {DPS_CONFIG_RECEIVE_SIZE, 64, 128, 1280};
	struct fuzz *f = &fuzz;
	const struct dps_channel channel = {.ctx = f, .read = fuzz_read, .write = fuzz_write, .flush = fuzz_flush};
	const struct dps_random random = {f, fuzz_random};
	const struct dps_transport_env env = {&channel, &random, f->body, sizeof(f->body)};
	struct dps_coap_options options = {.accept = DPS_COAP_FORMAT_OCF_CBOR, .content_format = DPS_COAP_FORMAT_OCF_CBOR, .serve = fuzz_serve};
	dps_result result;

	if (size < 3)
		return 0;
	memset(f, 0, sizeof(*f));
	options.receive = f->receive;
	options.receive_size = buffers[data[0] & 3];
	options.send = f->send;
	options.send_size = buffers[data[0] >> 2 & 3];
	options.assumed_size = (data[0] & 32) != 0 ? 262144 : 0;
	f->read_step = data[1] + 1u;
	f->write_step = data[2] + 1u;
	data += 3;
	size -= 3;
	result = dps_coap_init(&f->coap, &options);
	require(result == DPS_OK);
	dps_coap_transport.attach(&f->coap, &env);
	while (size > 0) {
		unsigned operation = data[0] & 7, argument = data[0] >> 3;

		data++;
		size--;
		act(f, operation, argument, &data, &size);
		if (!drain(f))
			break;
	}
	dps_coap_transport.detach(&f->coap);
	return 0;
}
