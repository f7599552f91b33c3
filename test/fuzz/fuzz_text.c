/* SPDX-License-Identifier: Apache-2.0 */
/* Small texts: results are in range, and what was read reads the same again. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dps_span text = {data, size};
	struct dps_uri uri;
	struct dps_uuid uuid, again;
	char out[DPS_UUID_TEXT_LEN + 1];
	char line[32];
	int64_t unix_ms = 0;
	size_t i;

	if (dps_rfc3339_parse(text, &unix_ms) == DPS_OK)
		FUZZ_HOLDS(unix_ms >= 0 && unix_ms < INT64_C(253402300800000) + 86400000);
	if (dps_uri_parse(text, &uri) == DPS_OK) {
		FUZZ_HOLDS(uri.port > 0 && strlen(uri.host) > 0 && strlen(uri.host) < size);
		FUZZ_HOLDS(strspn(uri.host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") == strlen(uri.host));
	}
	if (dps_uuid_parse((const char *)data, size, &uuid) == DPS_OK) {
		dps_uuid_format(&uuid, out);
		FUZZ_HOLDS(dps_uuid_parse(out, DPS_UUID_TEXT_LEN, &again) == DPS_OK && dps_uuid_equal(&uuid, &again));
	}
	dps_text_printable(line, sizeof line, data, size);
	for (i = 0; line[i] != '\0'; i++)
		FUZZ_HOLDS(line[i] >= ' ' && line[i] <= '~');
	FUZZ_HOLDS(i < sizeof line);
	return 0;
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("2025-07-03T07:44:25.123456789+02:00"),
		FUZZ_SEED("9999-12-31 23:59:60-23:59"),
		FUZZ_SEED("1970-01-01t00:00:00z"),
		FUZZ_SEED("coaps+tcp://gw.example:5684/"),
		FUZZ_SEED("coaps+tcp://[::1]:15684"),
		FUZZ_SEED("b80c8fef-a677-5340-85fb-2c162d75df03"),
		FUZZ_SEED("coap error: code = PermissionDenied desc = \r\n\t x"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
