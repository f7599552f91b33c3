/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile bytes at everything in lib/pki that reads DER or text: lists, certificates, the judgement of a path, pins, addresses, files of
 * certificates, and the check of a whole identity.
 *
 * Input: byte 0 chooses what to do; the rest is its material. Properties that must hold whatever the bytes are abort when they do not.
 */
#include <stdlib.h>
#include <string.h>

#include "dps/pki.h"
#include "pki/certificate.h"
#include "pki/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool lies_within(struct dps_span part, struct dps_span whole)
{
	return part.len == 0 || (part.data >= whole.data && part.len <= whole.len && (size_t)(part.data - whole.data) <= whole.len - part.len);
}

static void try_list(struct dps_span input)
{
	struct dps_span list = input, der;
	struct dps_certificate_view view;
	size_t taken = 0;
	dps_result result;
	while ((result = dps_pki_der_next(&list, &der)) == DPS_OK) {
		taken += der.len;
		require(lies_within(der, input));
		if (dps_pki_certificate_read(der, &view) != DPS_OK)
			continue;
		require(lies_within(view.spki, der) && lies_within(view.cn, der) && lies_within(view.san, der));
		/* the years 0 to 9999: the arithmetic of windows cannot overflow */
		require(view.not_before > INT64_C(-62200000000) && view.not_before < INT64_C(253500000000));
		require(view.not_after > INT64_C(-62200000000) && view.not_after < INT64_C(253500000000));
	}
	require(taken + list.len == input.len && (result == DPS_E_NOT_FOUND) == (list.len == 0));
}

static void try_path(struct dps_span input)
{
	static const char *const HOSTS[] = {"dps.example.com", "127.0.0.1", "::1", "a.b."};
	const struct dps_pin pins[] = {{.kind = DPS_PIN_CERTIFICATE, .digest = {1}}, {.kind = DPS_PIN_SPKI, .digest = {2}}};
	for (size_t h = 0; h < sizeof(HOSTS) / sizeof(HOSTS[0]); h++) {
		const struct dps_trust trust = {.anchors = input, .pins = pins, .pin_count = h % 2 == 0 ? 0 : 2};
		struct dps_span list = input, der;
		struct dps_pki_path path;
		bool broken = false;
		unsigned depth = 0;
		dps_pki_path_begin(&path, &trust, HOSTS[h]);
		while (dps_pki_der_next(&list, &der) == DPS_OK)
			broken |= dps_pki_path_add(&path, depth++, der.data, der.len) != DPS_OK;
		const dps_result result = dps_pki_path_end(&path);
		require((result == DPS_OK) == path.complete);
		/* what is broken, empty or not pinned (nobody can hash to these) never passes */
		require(!path.complete || (!broken && depth > 0 && trust.pin_count == 0));
		const dps_result dates = dps_pki_path_check_dates(&path, INT64_C(1800000000));
		require((dates == DPS_E_STATE) == !path.complete);
	}
}

static void try_text(struct dps_span input)
{
	char text[256];
	uint8_t address[16];
	size_t len = 0;
	struct dps_pin pin;
	const size_t n = input.len < sizeof(text) - 1 ? input.len : sizeof(text) - 1;
	if (n > 0)
		memcpy(text, input.data, n);
	text[n] = '\0';
	if (dps_pki_host_is_address(text, address, &len))
		require(len == 4 || len == 16);
	(void)dps_pin_parse(text, &pin);
}

static void try_file(struct dps_span input)
{
	uint8_t *copy = malloc(input.len + 1);
	struct dps_certificate_info info;
	size_t apart_len = 0, in_place_len = 0;
	uint8_t *apart = malloc(input.len + 1);
	require(copy != NULL && apart != NULL);
	if (input.len > 0)
		memcpy(copy, input.data, input.len);
	const dps_result result = dps_pki_load_certificates(input.data, input.len, apart, input.len, &apart_len);
	require(result == DPS_OK || result == DPS_E_CERTIFICATE_FORMAT);
	/* in place it is the same */
	require(dps_pki_load_certificates(copy, input.len, copy, input.len, &in_place_len) == result);
	if (result == DPS_OK) {
		require(apart_len == in_place_len && memcmp(apart, copy, apart_len) == 0);
		require(dps_pki_certificate_info((struct dps_span){apart, apart_len}, &info) == DPS_OK);
		require(memchr(info.subject_cn, '\0', sizeof(info.subject_cn)) != NULL);
	}
	free(copy);
	free(apart);
}

/* A key port whose key is that of whatever certificate comes first. */
static dps_result public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_span *spki = ctx;
	(void)slot;
	if (spki->len > size)
		return DPS_E_BUFFER;
	if (spki->len > 0)
		memcpy(buf, spki->data, spki->len);
	*len = spki->len;
	return DPS_OK;
}

static void try_identity(struct dps_span input)
{
	struct dps_certificate_view leaf;
	struct dps_credentials credentials = {.chain = input, .anchor_count = 1, .anchors = {{.der = input}}};
	struct dps_span list = input, der;
	struct dps_keys keys = {.public_key = public_key};
	if (dps_pki_der_next(&list, &der) != DPS_OK || dps_pki_certificate_read(der, &leaf) != DPS_OK)
		return;
	keys.ctx = &leaf.spki;
	if (leaf.cn.len == 41)
		(void)dps_uuid_parse((const char *)leaf.cn.data + 5, DPS_UUID_TEXT_LEN, &credentials.device_id);
	(void)dps_pki_check_identity(&keys, &credentials, "identity-0", INT64_C(1800000000));
	(void)dps_pki_check_key(&keys, "identity-0", input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const TRIES[])(struct dps_span) = {try_list, try_path, try_text, try_file, try_identity};
	if (size > 0)
		TRIES[data[0] % (sizeof(TRIES) / sizeof(TRIES[0]))]((struct dps_span){data + 1, size - 1});
	return 0;
}
