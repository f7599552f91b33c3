/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP option 43: what is taken is an endpoint that a client takes, and a text stands for the bytes it says. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "dps/client.h"
#include "dps/option43.h"

static void check_blob(const uint8_t *data, size_t size)
{
	struct dps_option43 option;

	if (dps_option43_parse(data, size, NULL, &option) != DPS_OK)
		return;
	FUZZ_HOLDS(dps_client_check_endpoint(option.uri) == DPS_OK);
	FUZZ_HOLDS(option.pin_count <= 1);
}

static void check_text(const char *text, size_t size)
{
	static uint8_t bytes[4096];
	static char again[2 * sizeof(bytes) + 1];
	size_t len, needed;
	dps_result result = dps_option43_from_text(text, size, bytes, sizeof(bytes), &len);

	FUZZ_HOLDS(dps_option43_from_text(text, size, NULL, 0, &needed) == (result == DPS_E_FIELD ? DPS_E_FIELD : DPS_E_BUFFER) &&
	           needed == len);
	if (result != DPS_OK)
		return;
	FUZZ_HOLDS(len > 0 && len <= size);
	for (size_t i = 0; i < len; i++)
		snprintf(again + 2 * i, 3, "%02x", bytes[i]);
	FUZZ_HOLDS(dps_option43_from_text(again, 2 * len, bytes, sizeof(bytes), &needed) == DPS_OK && needed == len);
	check_blob(bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_blob(data, size);
	check_text((const char *)data, size);
	return 0;
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("\xc8\x15"
	              "coaps+tcp://dps:15684"
	              "\xca\x06SHA256\xc9\x20"
	              "0123456789abcdef0123456789abcdef"),
		FUZZ_SEED("\x00\x01\x02zz\xc8\x0f"
	              "coaps+tcp://a:1\xff\x00"),
		FUZZ_SEED(" c8:f:63:6f:61:70:73:2b:74:63:70:3a:2f:2f:61:3a:31\n"),
		FUZZ_SEED("c80f636f6170732b7463703a2f2f613a31"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
