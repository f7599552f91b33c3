/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile hub at the device's resources. The input is a script of records: a byte of what to do, a byte of how much follows, and that: a request's
 * method, token, Observe, formats, path and options as CoAP has them, and its payload. What is answered stays in its room and is CBOR; what is refused changes
 * nothing; observers are never more than there is place for.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "hub/resource.h"

enum { GET_LIST, GET_LIGHT, POST_LIGHT, POST_NAME, POST_TIME, ANY, CHANGE, PROCESS };

struct fuzz {
	struct dps_coap coap;
	struct dps_device device;
	struct dps_channel channel;
	uint8_t receive[512];
	uint8_t send[4096];
	uint8_t body[64];
	bool blocked;
	bool state;
	int32_t power;
	char label[8];
	char name[8];
};

static struct fuzz fuzz;

static dps_result fuzz_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	memset(buf, 1, len);
	return DPS_OK;
}

static const struct dps_random random_port = {NULL, fuzz_random};

static dps_result fuzz_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	(void)ctx;
	(void)buf;
	(void)size;
	(void)n;
	return DPS_AGAIN;
}

static dps_result fuzz_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	volatile uint8_t sum = 0;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + buf[i]);
	*n = len;
	return fuzz.blocked ? DPS_AGAIN : DPS_OK;
}

static dps_result fuzz_flush(void *ctx)
{
	(void)ctx;
	return DPS_OK;
}

static void fuzz_clock(void *user, struct dps_device_time *time)
{
	(void)user;
	*time = (struct dps_device_time){INT64_C(1795893125250), 0, DPS_TIME_SYNCING};
}

static bool fuzz_synced(void *user, int64_t last_synced)
{
	(void)user;
	FUZZ_HOLDS(last_synced >= 0);
	return true;
}

static void begin(void)
{
	static const struct dps_property properties[] = {
		DPS_BOOL("state", true, &fuzz.state),
		DPS_INT("power", true, &fuzz.power, -5, 100),
		DPS_TEXT("name", true, fuzz.label),
	};
	static const struct dps_device_resource light = {
		.href = "/light/1",
		.types = {"core.light"},
		.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
		.policy = DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED,
		.properties = properties,
		.property_count = 3,
	};
	static uint8_t all[] =
		"\x81\xa3\x6apermission\x18\x1f\x69resources\x87\xa1\x62wc\x61*\xa1\x64href\x68/oic/res\xa1\x64href\x66/oic/d"
		"\xa1\x64href\x66/oic/p\xa1\x64href\x67/oc/con\xa1\x64href\x70/x.plgd.dev/time\xa1\x64href\x60\x67subject\xa1\x68"
		"conntype\x6a"
		"auth-crypt";
	static const struct dps_acl acl = {{all, sizeof(all) - 1}, 1};
	static const struct dps_acl_subject peer = {.authenticated = true};
	static const struct dps_device_config config = {
		.id = {{1}},
		.manufacturer = "m",
		.name = fuzz.name,
		.name_size = sizeof(fuzz.name),
		.clock = fuzz_clock,
		.set_synced = fuzz_synced,
		.random = &random_port,
	};
	struct dps_coap_options options = {.assumed_size = 262144,
	                                   .receive = fuzz.receive,
	                                   .receive_size = sizeof(fuzz.receive),
	                                   .send = fuzz.send,
	                                   .send_size = sizeof(fuzz.send)};
	struct dps_transport_env env = {&fuzz.channel, &random_port, fuzz.body, sizeof(fuzz.body)};

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.channel = (struct dps_channel){.read = fuzz_read, .write = fuzz_write, .flush = fuzz_flush};
	FUZZ_HOLDS(dps_coap_init(&fuzz.coap, &options) == DPS_OK);
	dps_coap_transport.attach(&fuzz.coap, &env);
	FUZZ_HOLDS(dps_device_init(&fuzz.device, &config) == DPS_OK);
	FUZZ_HOLDS(dps_device_add(&fuzz.device, &light) == DPS_OK);
	dps_device_set_acl(&fuzz.device, &acl, NULL);
	dps_device_attach(&fuzz.device, &fuzz.coap, &peer);
}

/* Takes bytes off the input. */
static struct dps_span take(struct dps_span *in, size_t len)
{
	struct dps_span taken = {in->data, len < in->len ? len : in->len};

	in->data += taken.len;
	in->len -= taken.len;
	return taken;
}

static uint8_t take_byte(struct dps_span *in)
{
	const struct dps_span one = take(in, 1);

	return one.len == 1 ? one.data[0] : 0;
}

static void check_reply(const struct dps_coap_reply *reply, const uint8_t *room, size_t size)
{
	struct dps_cbor r;

	FUZZ_HOLDS(reply->code >= 203 && reply->code <= 500 && reply->payload == room && reply->size == size && reply->len <= size);
	FUZZ_HOLDS(reply->etag_len <= DPS_COAP_ETAG_SIZE && (reply->code < 300 || (reply->len == 0 && reply->observe < 0)));
	if (reply->len == 0)
		return;
	FUZZ_HOLDS(reply->content_format == DPS_COAP_FORMAT_CBOR || reply->content_format == DPS_COAP_FORMAT_OCF_CBOR);
	dps_cbor_init(&r, reply->payload, reply->len);
	FUZZ_HOLDS(dps_cbor_skip(&r) == DPS_OK && dps_cbor_end(&r) == DPS_OK);
}

static void ask(unsigned method, const char *path, struct dps_span in)
{
	static const int32_t formats[] = {DPS_COAP_FORMAT_NONE, DPS_COAP_FORMAT_OCF_CBOR, DPS_COAP_FORMAT_CBOR, 50};
	const uint8_t how = take_byte(&in), room_byte = take_byte(&in);
	const size_t room = room_byte < 128 ? 4000 : (size_t)(room_byte - 128) * 8;
	uint8_t *buf = malloc(room > 0 ? room : 1);
	struct dps_coap_reply reply = {.code = 404, .content_format = DPS_COAP_FORMAT_NONE, .payload = buf, .size = room, .observe = -1};
	struct dps_coap_inbound inbound = {.method = method, .path = {(const uint8_t *)path, path != NULL ? strlen(path) : 0}};
	const bool state = fuzz.state;
	const int32_t power = fuzz.power;
	char label[sizeof(fuzz.label)];

	FUZZ_HOLDS(buf != NULL);
	memcpy(label, fuzz.label, sizeof(label));
	inbound.observe = (int32_t)(how & 3) - 1;
	inbound.accept = formats[how >> 2 & 3];
	inbound.content_format = (how & 0x10) != 0 ? formats[how >> 5 & 3] : DPS_COAP_FORMAT_OCF_CBOR;
	inbound.token = take(&in, how >> 6);
	if (path == NULL) {
		inbound.method = take_byte(&in) & 31u;
		inbound.path = take(&in, take_byte(&in) & 31u);
	}
	inbound.etag = take(&in, take_byte(&in) & 8u);
	inbound.queries = take(&in, take_byte(&in) & 127u);
	inbound.payload = in;
	dps_device_serve(&fuzz.device, &inbound, &reply);
	check_reply(&reply, buf, room);
	if (reply.code != 204)
		FUZZ_HOLDS(fuzz.state == state && fuzz.power == power && memcmp(fuzz.label, label, sizeof(label)) == 0);
	FUZZ_HOLDS(fuzz.power >= -5 && fuzz.power <= 100 && memchr(fuzz.label, '\0', sizeof(fuzz.label)) != NULL);
	FUZZ_HOLDS(memchr(fuzz.name, '\0', sizeof(fuzz.name)) != NULL);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dps_span in = {data, size};

	begin();
	for (size_t records = 0; in.len > 0 && records < 64; records++) {
		const unsigned what = take_byte(&in);
		const struct dps_span record = take(&in, take_byte(&in));
		dps_result result;

		switch (what & 7) {
		case GET_LIST:
			ask(1, "/oic/res", record);
			break;
		case GET_LIGHT:
			ask(1, "/light/1", record);
			break;
		case POST_LIGHT:
			ask(2, "/light/1", record);
			break;
		case POST_NAME:
			ask(2, DPS_CON_HREF, record);
			break;
		case POST_TIME:
			ask(2, DPS_TIME_HREF, record);
			break;
		case ANY:
			ask(0, NULL, record);
			break;
		case CHANGE:
			for (size_t i = 0; i < record.len; i++)
				if (record.data[i] % 8 < fuzz.device.count)
					FUZZ_HOLDS(dps_device_changed(&fuzz.device, fuzz.device.entries[record.data[i] % 8].resource->href) == DPS_OK);
			break;
		default:
			fuzz.blocked = (what & 8) != 0;
			fuzz.coap.options.send_size = (what & 16) != 0 ? 128 + record.len : sizeof(fuzz.send);
			if (fuzz.coap.tx_len > fuzz.coap.options.send_size)
				fuzz.coap.options.send_size = sizeof(fuzz.send);
			result = dps_device_process(&fuzz.device);
			FUZZ_HOLDS(result == DPS_OK || result == DPS_AGAIN);
			break;
		}
	}
	fuzz.blocked = false;
	fuzz.coap.options.send_size = sizeof(fuzz.send);
	FUZZ_HOLDS(dps_device_process(&fuzz.device) == DPS_OK); /* with room all that is due leaves */
	dps_device_detach(&fuzz.device);
	FUZZ_HOLDS(dps_device_process(&fuzz.device) == DPS_E_STATE);
	return 0;
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		/* the lists, the batch observed, a change, what is due */
		FUZZ_SEED("\x00\x10\x00\x00\x00\x0c\x4c\x0bif=oic.if.l"),
		FUZZ_SEED("\x00\x11\x41\x00t\x00\x0c\xdb\x00if=oic.if.\x62\x06\x02\x01\x05\x07\x00"),
		FUZZ_SEED("\x00\x30\x41\x00t\x00\x19\xd2\x00if=oic.if.\x62\x0d\x02incChanges=AAAA"),
		FUZZ_SEED("\x01\x04\x41\x00t\x00\x06\x01\x05\x0f\x00\x17\x00"),
		/* POSTs */
		FUZZ_SEED("\x02\x0f\x00\x00\x00\x00\xa2\x65power\x08\x65state\xf5"),
		FUZZ_SEED("\x02\x0e\x00\x00\x00\x00\xa1\x64name\x63xyz"),
		FUZZ_SEED("\x03\x09\x00\x00\x00\x00\xa1\x61n\x63xyz"),
		FUZZ_SEED("\x04\x2a\x00\x00\x00\x00\xa1\x6elastSyncedTime\x74\x32\x30\x32\x36-11-28T19:12:05Z"),
		FUZZ_SEED("\x05\x0e\x00\x00\x03\x06/oic/d\x00\x00"),
	};

	*count = sizeof(seeds) / sizeof(seeds[0]);
	return seeds;
}
