/* SPDX-License-Identifier: Apache-2.0 */
/* The CBOR reader: whatever the input, it ends, stays inside, and its two ways through an item (skipping and walking) agree. */
#include "fuzz/fuzz.h"

#include "codec/cbor.h"

static void inside(const uint8_t *data, size_t size, struct dps_span span)
{
	FUZZ_HOLDS(span.len == 0 || (span.data >= data && span.len <= size && (size_t)(span.data - data) <= size - span.len));
}

/* Reads one item or enters one container by its type. A chunked string or a text that is not valid is skipped. */
static dps_result step(struct dps_cbor *r, const uint8_t *data, size_t size)
{
	enum dps_cbor_type type;
	struct dps_span span = {NULL, 0};
	uint32_t u;
	dps_result result = dps_cbor_peek(r, &type);

	if (result != DPS_OK)
		return result;
	switch (type) {
	case DPS_CBOR_UINT:
		result = dps_cbor_read_uint(r, UINT32_MAX - 1, &u);
		break;
	case DPS_CBOR_BYTES:
		result = dps_cbor_read_text_or_bytes(r, &span);
		break;
	case DPS_CBOR_TEXT:
		result = dps_cbor_read_text(r, &span);
		break;
	case DPS_CBOR_ARRAY:
		return dps_cbor_read_array(r);
	case DPS_CBOR_MAP:
		return dps_cbor_read_map(r);
	case DPS_CBOR_NEGATIVE:
	case DPS_CBOR_BOOL:
	case DPS_CBOR_TAG:
	case DPS_CBOR_NULL:
	case DPS_CBOR_OTHER:
	default:
		return dps_cbor_skip(r);
	}
	inside(data, size, span);
	return result == DPS_E_FIELD ? dps_cbor_skip(r) : result;
}

/* Walks one item to its end, container by container. */
static dps_result walk(struct dps_cbor *r, const uint8_t *data, size_t size)
{
	size_t steps = 0;
	dps_result result = step(r, data, size);
	while (result == DPS_OK && r->depth > 0) {
		bool more = true;
		FUZZ_HOLDS(++steps <= 2 * size + 2);
		result = dps_cbor_more(r, &more);
		if (result == DPS_E_STATE) /* between a key and its value */
			result = DPS_OK;
		else if (result != DPS_OK || !more)
			continue;
		result = step(r, data, size);
	}
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dps_cbor skipper, walker;
	struct dps_span raw = {NULL, 0};
	dps_result skipped, walked;

	dps_cbor_init(&skipper, data, size);
	dps_cbor_init(&walker, data, size);
	do {
		size_t before = skipper.pos;
		skipped = dps_cbor_read_raw(&skipper, &raw);
		walked = walk(&walker, data, size);
		FUZZ_HOLDS(skipped == DPS_OK || skipped == DPS_E_CBOR);
		FUZZ_HOLDS(skipped == walked);
		inside(data, size, raw);
		if (skipped == DPS_OK) {
			FUZZ_HOLDS(skipper.pos > before && skipper.pos == walker.pos && skipper.depth == 0);
			FUZZ_HOLDS(raw.len == skipper.pos - before);
		}
	} while (skipped == DPS_OK && skipper.pos < size);
	return 0;
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("\xa1\x64time\x78\x23"
	              "2025-07-03T07:44:25.123456789+02:00"),
		FUZZ_SEED("\xbf\x62"
	              "di\x61x\x68selected\xbf\x63uri\x61y\x62id\x9f\x01\x20\xff\xff\xff"),
		FUZZ_SEED("\x9f\x5f\x41\x61\x42\x62\x63\xff\x7f\x61\x61\xff\xc1\xc2\x00\xf4\xf5\xf6\xf7\xff"),
		FUZZ_SEED("\x8a\xfb\x00\x00\x00\x00\x00\x00\x00\x00\xf9\x00\x00\xfa\x00\x00\x00\x00\x18\x18\x19\x01\x00\x1a\x00\x01\x00\x00\x1b"
	              "\x00\x00\x00\x01\x00\x00\x00\x00\x38\x18\x39\x01\x00\x82\x80\xa0"),
		FUZZ_SEED("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00"),
		FUZZ_SEED("\xa2\x01\x9b\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\xbb\x00\x00\x00\x00\x00\x00\x00\x00"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
