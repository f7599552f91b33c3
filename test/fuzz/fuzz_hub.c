/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile gateway at a whole hub session: bytes that arrive, and answers that match. The input is a script: records of an operation (below) in the low
 * three bits of a byte and its argument in the high five. What is committed must stay what dps/records.h promises, and no call may want to be called
 * again at once for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"
#include "codec/text.h"
#include "dps/hub.h"
#include "fuzz/fuzz.h"

enum { FEED_FEW, FEED_MANY, ANSWER, ERROR, PASS, ORDER, CLOSE, BLOCK_WRITES };

#define TEXT_SIZE 4096

struct text {
	char bytes[TEXT_SIZE];
	size_t len;
};

struct fuzz {
	struct dps_hub hub;
	struct dps_platform platform;
	struct dps_channel channel;
	struct dps_keys keys;
	uint8_t in[8192];
	size_t in_len;
	size_t in_pos;
	uint64_t received;
	bool write_blocked;
	bool closed;
	uint8_t drawn;
	uint64_t now_ms;
	/* the record */
	struct text token, uid, refresh, access, uri;
	int64_t expires;
	bool registered;
	size_t selected;
};

static struct fuzz fuzz;

#define require(condition) FUZZ_HOLDS(condition)

/* A new device to online, and a registered one with an old token: answers of 64, 96 and 32 bytes. */
#define SIGN_UP                                                                                                                            \
	"\x0a"                                                                                                                                 \
	"\xa2\x6b"                                                                                                                             \
	"accesstoken"                                                                                                                          \
	"\x78\x2b"                                                                                                                             \
	"0123456789012345678901234567890123456789012"                                                                                          \
	"\x63"                                                                                                                                 \
	"uid"                                                                                                                                  \
	"\x61"                                                                                                                                 \
	"1"
#define REFRESH                                                                                                                            \
	"\x12"                                                                                                                                 \
	"\xa2\x6b"                                                                                                                             \
	"accesstoken"                                                                                                                          \
	"\x64"                                                                                                                                 \
	"abcd"                                                                                                                                 \
	"\x6c"                                                                                                                                 \
	"refreshtoken"                                                                                                                         \
	"\x78\x3f"                                                                                                                             \
	"012345678901234567890123456789012345678901234567890123456789012"
#define SIGN_IN                                                                                                                            \
	"\x02"                                                                                                                                 \
	"\xa2\x69"                                                                                                                             \
	"expiresin"                                                                                                                            \
	"\x18\x40"                                                                                                                             \
	"\x61"                                                                                                                                 \
	"x"                                                                                                                                    \
	"\x70"                                                                                                                                 \
	"0123456789012345"

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("\x00" SIGN_UP SIGN_IN "\x7c\x7c\x7c"),
		FUZZ_SEED("\x03" REFRESH SIGN_IN "\x7c" REFRESH "\x25"),
		FUZZ_SEED("\x01" SIGN_IN "\x1d\x0a"
	              "coap error: code = Unauthorized desc = cannot handle sign off, sorry."),
		FUZZ_SEED("\x01"
	              "\x0b"
	              "coap error: code = Unauthorized desc = cannot handle sign in: no.."
	              "\x0b"
	              "coap error: code = Unauthorized desc = cannot refresh a token: no"
	              "\x0b"
	              "coap error: code = Unauthorized desc = cannot handle sign up: no.."
	              "\xbc"),
	};

	*count = sizeof(seeds) / sizeof(seeds[0]);
	return seeds;
}

static void keep(struct text *text, struct dps_span span, size_t most)
{
	require(span.len <= most && span.len <= sizeof(text->bytes) && dps_text_is_valid(span));
	if (span.len > 0)
		memmove(text->bytes, span.data, span.len);
	text->len = span.len;
}

static void set(struct text *text, const char *value)
{
	text->len = strlen(value);
	memcpy(text->bytes, value, text->len);
}

/* --- ports ------------------------------------------------------------------------------------------------------------------------- */

static uint64_t monotonic(void *ctx)
{
	return ((struct fuzz *)ctx)->now_ms;
}

static dps_result fill(void *ctx, uint8_t *buf, size_t len)
{
	struct fuzz *f = ctx;

	memset(buf, ++f->drawn, len);
	return DPS_OK;
}

static dps_result key_open(void *ctx, const char *slot)
{
	(void)ctx, (void)slot;
	return DPS_OK;
}

static dps_result channel_open(void *ctx, const struct dps_channel_params *params)
{
	struct fuzz *f = ctx;

	require(params->host[0] != '\0' && params->port != 0);
	f->in_len = f->in_pos = 0;
	f->closed = false;
	*params->path = (struct dps_pki_path){.complete = true, .not_after = INT64_MAX};
	return DPS_OK;
}

static dps_result channel_ok(void *ctx)
{
	(void)ctx;
	return DPS_OK;
}

static dps_result channel_next(void *ctx)
{
	(void)ctx;
	return DPS_E_NOT_FOUND;
}

static bool channel_connected(void *ctx)
{
	(void)ctx;
	return true;
}

static dps_result channel_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	struct fuzz *f = ctx;
	const size_t left = f->in_len - f->in_pos;

	require(size > 0);
	if (left == 0)
		return f->closed ? DPS_E_CLOSED : DPS_AGAIN;
	*n = left < size ? left : size;
	memcpy(buf, f->in + f->in_pos, *n);
	f->in_pos += *n;
	f->received += *n;
	return DPS_OK;
}

static dps_result channel_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	struct fuzz *f = ctx;
	volatile uint8_t sum = 0;

	require(len > 0 && len <= DPS_CONFIG_HUB_SEND_SIZE);
	if (f->write_blocked)
		return DPS_AGAIN;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + buf[i]);
	*n = len;
	return DPS_OK;
}

static void channel_close(void *ctx)
{
	(void)ctx;
}

static size_t channel_wait_on(void *ctx, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	(void)ctx, (void)waits, (void)max, (void)within_ms;
	return 0;
}

static void channel_stats(void *ctx, struct dps_channel_stats *stats)
{
	const struct fuzz *f = ctx;

	*stats = (struct dps_channel_stats){.bytes_received = f->received};
}

static const char *channel_detail(void *ctx)
{
	(void)ctx;
	return "";
}

/* --- the source -------------------------------------------------------------------------------------------------------------------- */

static dps_result read_cloud(void *ctx, uint8_t *buf, size_t size, struct dps_cloud *out)
{
	const struct fuzz *f = ctx;
	const struct text *const texts[] = {&f->token, &f->uid, &f->refresh, &f->access, &f->uri};
	struct dps_span *const views[] = {&out->token, &out->uid, &out->refresh_token, &out->access_token, &out->gateway};
	size_t at = 0;

	*out = (struct dps_cloud){.gateway_count = 1, .expires = f->expires, .registered = f->registered, .selected = f->selected};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i]->len > size - at)
			return DPS_E_BUFFER;
		memcpy(buf + at, texts[i]->bytes, texts[i]->len);
		*views[i] = (struct dps_span){buf + at, texts[i]->len};
		at += texts[i]->len;
	}
	out->gateways[0].uri = out->gateway;
	return DPS_OK;
}

static dps_result read_credentials(void *ctx, uint8_t *buf, size_t size, struct dps_credentials *out)
{
	(void)ctx;
	require(size >= 10);
	memcpy(buf, "identity-0", 10);
	*out = (struct dps_credentials){.key_slot = {buf, 10}, .chain = {buf, 1}};
	return DPS_OK;
}

static dps_result update_cloud(void *ctx, const struct dps_cloud *cloud)
{
	struct fuzz *f = ctx;

	require(cloud->gateway_count == 1 && cloud->expires >= 0 && cloud->selected <= 1);
	if (cloud->token.len + cloud->uid.len + cloud->refresh_token.len + cloud->access_token.len + cloud->gateway.len > DPS_CONFIG_BODY_SIZE)
		return DPS_E_TOO_LARGE;
	keep(&f->token, cloud->token, TEXT_SIZE);
	keep(&f->uid, cloud->uid, 240);
	keep(&f->refresh, cloud->refresh_token, DPS_CONFIG_TOKEN_SIZE);
	keep(&f->access, cloud->access_token, DPS_CONFIG_TOKEN_SIZE);
	keep(&f->uri, cloud->gateways[0].uri, DPS_CONFIG_URI_LENGTH);
	f->expires = cloud->expires;
	f->registered = cloud->registered;
	f->selected = cloud->selected;
	return DPS_OK;
}

static dps_result provision(void *ctx, enum dps_hub_provision what, const struct dps_gateway *selected)
{
	(void)ctx, (void)selected;
	require(what == DPS_HUB_PROVISION_AGAIN);
	return DPS_OK;
}

static int64_t now_s(void *ctx)
{
	return (int64_t)(((struct fuzz *)ctx)->now_ms / 1000);
}

/* --- the application --------------------------------------------------------------------------------------------------------------- */

static dps_result write_links(void *ctx, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	*len = 1;
	if (size < 1)
		return DPS_E_BUFFER;
	buf[0] = 0x80;
	return DPS_OK;
}

static void on_link(void *ctx, struct dps_span href, uint32_t ins)
{
	(void)ctx, (void)ins;
	require(dps_text_is_valid(href));
}

static void on_event(void *user, const struct dps_hub_event *event)
{
	(void)user;
	for (const char *c = event->text; *c != '\0'; c++)
		require(*c >= ' ' && *c <= '~');
	require(strlen(event->text) < DPS_CONFIG_DIAGNOSTIC_SIZE);
}

/* --- the script -------------------------------------------------------------------------------------------------------------------- */

static void run(struct fuzz *f)
{
	unsigned calls = 0;

	while (dps_hub_process(&f->hub) == 0)
		require(++calls < 4096);
}

static void feed(struct fuzz *f, const uint8_t *data, size_t len)
{
	if (len > sizeof(f->in) - f->in_len)
		len = sizeof(f->in) - f->in_len;
	if (len > 0)
		memcpy(f->in + f->in_len, data, len);
	f->in_len += len;
}

/* An answer to what was asked last: its token is the one drawn for it, or near. */
static void answer(struct fuzz *f, uint8_t code, unsigned back, const uint8_t *payload, size_t len)
{
	uint8_t head[2 + 2 + 8 + 1] = {0xe8, 0, 0, code};
	const size_t body = len + 1;

	if (len == 0 || body < 269)
		return;
	head[1] = (uint8_t)((body - 269) >> 8);
	head[2] = (uint8_t)(body - 269);
	memset(head + 4, (uint8_t)(f->drawn - back), 8);
	head[12] = 0xff;
	feed(f, head, sizeof(head));
	feed(f, payload, len);
}

/* Short answers in the form that most have. */
static void answer_short(struct fuzz *f, uint8_t code, unsigned back, const uint8_t *payload, size_t len)
{
	uint8_t head[2 + 1 + 8 + 1] = {0xd8, 0, code};

	if (len < 12 || len > 255) {
		answer(f, code, back, payload, len);
		return;
	}
	head[1] = (uint8_t)(len + 1 - 13);
	memset(head + 3, (uint8_t)(f->drawn - back), 8);
	head[11] = 0xff;
	feed(f, head, sizeof(head));
	feed(f, payload, len);
}

static void order(struct fuzz *f, unsigned argument)
{
	switch (argument % 6) {
	case 0:
		dps_hub_reload(&f->hub);
		break;
	case 1:
		dps_hub_publish_changed(&f->hub);
		break;
	case 2:
		(void)!dps_hub_unpublish(&f->hub, (int64_t)argument - 1);
		break;
	case 3:
		(void)!dps_hub_sign_off(&f->hub);
		break;
	case 4:
		dps_hub_stop(&f->hub);
		break;
	default:
		(void)!dps_hub_start(&f->hub);
		break;
	}
}

static void act(struct fuzz *f, unsigned operation, unsigned argument, const uint8_t **data, size_t *size)
{
	static const uint8_t codes[] = {0x80, 0x81, 0x83, 0x84, 0xa0, 0xa3, 0x43, 0x5f};
	size_t n = 0;

	switch (operation) {
	case FEED_FEW:
	case FEED_MANY:
	case ANSWER:
	case ERROR:
		n = operation == FEED_FEW ? argument + 1 : (argument + 1) * 32u;
		n = n < *size ? n : *size;
		break;
	default:
		break;
	}
	if (operation == FEED_FEW || operation == FEED_MANY)
		feed(f, *data, n);
	else if (operation == ANSWER)
		answer_short(f, 0x44, argument >> 4, *data, n);
	else if (operation == ERROR)
		answer_short(f, codes[argument & 7], 0, *data, n);
	else if (operation == PASS)
		f->now_ms += UINT64_C(1) << argument;
	else if (operation == ORDER)
		order(f, argument);
	else if (operation == CLOSE)
		f->closed = true;
	else
		f->write_blocked = argument % 2 == 1;
	*data += n;
	*size -= n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz *f = &fuzz;
	struct dps_hub_config config;
	dps_result result;

	if (size < 1)
		return 0;
	memset(f, 0, sizeof(*f));
	f->now_ms = 1000;
	f->platform.clock = (struct dps_clock){.ctx = f, .monotonic_ms = monotonic};
	f->platform.random = (struct dps_random){f, fill};
	f->channel =
		(struct dps_channel){f,          channel_open,  channel_ok,      channel_next,  channel_connected, channel_read, channel_write,
	                         channel_ok, channel_close, channel_wait_on, channel_stats, channel_detail};
	f->keys = (struct dps_keys){.ctx = f, .open = key_open};
	set(&f->token, "provisioned");
	set(&f->uri, "coaps+tcp://gw:1");
	if ((data[0] & 1) != 0) {
		set(&f->uid, "1");
		set(&f->access, "access");
		set(&f->refresh, "refresh");
		f->registered = true;
		f->expires = (data[0] & 2) != 0 ? 100 : 0;
	}
	dps_hub_config_default(&config);
	config.platform = &f->platform;
	config.channel = &f->channel;
	config.keys = &f->keys;
	config.source = (struct dps_hub_source){
		.ctx = f,
		.read_cloud = read_cloud,
		.read_credentials = read_credentials,
		.update_cloud = update_cloud,
		.provision = provision,
		.now_s = now_s,
	};
	config.write_links = write_links;
	config.on_link = on_link;
	config.on_event = on_event;
	result = dps_hub_init(&f->hub, &config);
	require(result == DPS_OK);
	result = dps_hub_start(&f->hub);
	require(result == DPS_OK);
	run(f);
	for (data++, size--; size > 0;) {
		const unsigned operation = data[0] & 7, argument = data[0] >> 3;

		data++;
		size--;
		act(f, operation, argument, &data, &size);
		run(f);
	}
	dps_hub_deinit(&f->hub);
	return 0;
}
