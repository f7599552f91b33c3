/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists and resources: what may be done without authentication may be done with it, more permissions are never easier to get, and what
 * the check takes can be walked.
 */
#include "fuzz/fuzz.h"

#include "dps/acl.h"
#include "store/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hrefs[] = {"/a", "/oic/d", ""};
	struct dps_acl acl = {{data, size}, 0};
	struct dps_resources resources = {{data, size}, 0};
	struct dps_resource one;
	unsigned i, bits;
	size_t index;

	(void)dps_acl_check(acl.aces, &acl.count);
	for (i = 0; i < 6; i++) {
		struct dps_acl_question q = {.href = {(const uint8_t *)hrefs[i % 3], i % 3 == 0 ? 2u : i % 3 == 1 ? 6u : 0u}};
		q.configuration = i % 3 == 1;
		q.secure_endpoint = i % 2 == 0;
		for (bits = 0; bits < 32; bits++) {
			bool anonymous, authenticated;
			q.permission = bits;
			q.subject.authenticated = false;
			anonymous = dps_acl_allows(&acl, &q);
			q.subject.authenticated = true;
			authenticated = dps_acl_allows(&acl, &q);
			FUZZ_HOLDS(!anonymous || authenticated);
			FUZZ_HOLDS(bits != 0 || !authenticated);
			if (authenticated && (bits & (bits - 1)) != 0) {
				q.permission = bits & (bits - 1);
				FUZZ_HOLDS(dps_acl_allows(&acl, &q));
			}
		}
	}
	if (dps_resources_check(resources.array, &resources.count) == DPS_OK) {
		for (index = 0; index < resources.count && index < 64; index++)
			FUZZ_HOLDS(dps_resources_get(&resources, index, &one) == DPS_OK && one.href.len > 0 && one.rep.len > 0);
		FUZZ_HOLDS(dps_resources_get(&resources, resources.count, &one) == DPS_E_NOT_FOUND);
	}
	return 0;
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("\x81\xa4\x6apermission\x02\x69resources\x81\xa2\x64href\x62/a\x62if\x81\x61*\x67subject\xa1\x68"
	              "conntype\x6a"
	              "anon-clear\x63tag\x63"
	              "dps"),
		FUZZ_SEED("\x82\xa3\x6apermission\x18\x1f\x69resources\x81\xa1\x62wc\x61*\x67subject\xa1\x68"
	              "conntype\x6a"
	              "auth-crypt"
	              "\xa3\x6apermission\x01\x69resources\x81\xa1\x62wc\x61+\x67subject\xa2\x64role\x61r\x69"
	              "authority\x61"
	              "a"),
		FUZZ_SEED("\x81\xa3\x6apermission\x02\x69resources\x80\x67subject\xa1\x64uuid\x78\x24"
	              "b80c8fef-a677-5340-85fb-2c162d75df03"),
		FUZZ_SEED("\x82\xa2\x64href\x66/light\x63rep\xa1\x62on\xf5\xa2\x63rep\x07\x64href\x61/"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
