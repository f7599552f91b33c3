/* SPDX-License-Identifier: Apache-2.0 */
/* PEM: decoding elsewhere and in place agree, and what was decoded encodes to something that decodes to the same. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[8192], place[8192], again[16384];
	struct dps_span text = {data, size};
	struct dps_span same = {place, size};
	uint8_t *to = place;

	if (size > sizeof place)
		return 0;
	if (size > 0)
		memcpy(place, data, size);
	for (;;) {
		size_t len = 0, len_in_place = 0, len_again = 0;
		struct dps_span encoded;
		dps_result result = dps_pem_next(&text, "CERTIFICATE", out, sizeof out, &len);
		FUZZ_HOLDS(result == DPS_OK || result == DPS_E_NOT_FOUND || result == DPS_E_FIELD);
		FUZZ_HOLDS(dps_pem_next(&same, "CERTIFICATE", to, (size_t)(place + size - to), &len_in_place) == result);
		if (result != DPS_OK)
			return 0;
		FUZZ_HOLDS(len == len_in_place && memcmp(out, to, len) == 0);
		FUZZ_HOLDS(text.len == same.len);
		to += len;
		FUZZ_HOLDS(dps_pem_encode("CERTIFICATE", out, len, again, sizeof again, &len_again) == DPS_OK);
		encoded = (struct dps_span){again, len_again};
		FUZZ_HOLDS(dps_pem_next(&encoded, "CERTIFICATE", again, sizeof again, &len_again) == DPS_OK);
		FUZZ_HOLDS(len == len_again && memcmp(out, again, len) == 0);
	}
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("-----BEGIN CERTIFICATE-----\nMIIBAQ==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END "
	              "CERTIFICATE-----\n"),
		FUZZ_SEED("text\n-----BEGIN EC PRIVATE KEY-----\nAQID\n-----END EC PRIVATE KEY-----\r\n-----BEGIN CERTIFICATE-----\r\n "
	              "AQI=\r\n-----END CERTIFICATE-----"),
		FUZZ_SEED(
			"-----BEGIN CERTIFICATE-----AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w\nMQ==-----END CERTIFICATE-----"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
