/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement of a peer's verified path: host name and pins in the handshake, dates once the time is known. A TLS channel feeds it; no
 * policy is written twice.
 */
#include <string.h>

#include "codec/text.h"
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/pki.h"

void dps_pki_path_begin(struct dps_pki_path *path, const struct dps_trust *trust, const char *host)
{
	*path = (struct dps_pki_path){.trust = trust, .host = host, .not_before = INT64_MIN, .not_after = INT64_MAX};
}

/*
 * A renewed anchor has the name and the key of the old one: what verifies with one verifies with the other, and which of the two the TLS
 * library took hangs on the clock it had at the time. So an anchor counts for as long as any of its twins.
 */
static void widen_by_twins(const struct dps_trust *trust, struct dps_certificate_view *view)
{
	struct dps_span list = trust->anchors;
	struct dps_certificate_view twin;
	struct dps_span der;
	while (dps_pki_der_next(&list, &der) == DPS_OK) {
		if (dps_pki_certificate_read(der, &twin) != DPS_OK || !dps_der_same(&twin.subject, &view->subject) ||
		    !dps_der_same(&twin.spki, &view->spki))
			continue;
		if (twin.not_before < view->not_before)
			view->not_before = twin.not_before;
		if (twin.not_after > view->not_after)
			view->not_after = twin.not_after;
	}
}

/* Whether one of the pins matches a certificate with these digests. */
static bool is_pinned(const struct dps_trust *trust, const uint8_t certificate[DPS_SHA256_SIZE], const uint8_t spki[DPS_SHA256_SIZE])
{
	bool seen = false;
	/* every pin is compared, whichever matches: the time tells nothing of the list */
	for (size_t i = 0; i < trust->pin_count; i++) {
		const struct dps_pin *pin = &trust->pins[i];
		seen |= dps_equal_constant_time(pin->digest, pin->kind == DPS_PIN_SPKI ? spki : certificate, DPS_SHA256_SIZE);
	}
	return seen;
}

/* A gateway's name is the id of its hub, as OCF writes device ids or alone. What comes with it (SAN) is not looked at. */
static bool is_named(const struct dps_uuid *id, struct dps_span cn)
{
	struct dps_uuid named;

	if (cn.len == DPS_PKI_CN_LEN && memcmp(cn.data, DPS_PKI_CN_PREFIX, DPS_PKI_CN_PREFIX_LEN) == 0) {
		cn.data += DPS_PKI_CN_PREFIX_LEN;
		cn.len -= DPS_PKI_CN_PREFIX_LEN;
	}
	return dps_uuid_parse((const char *)cn.data, cn.len, &named) == DPS_OK && dps_uuid_equal(&named, id);
}

dps_result dps_pki_path_add(struct dps_pki_path *path, unsigned depth, const uint8_t *der, size_t len)
{
	uint8_t other_digest[DPS_SHA256_SIZE];
	uint8_t spki_digest[DPS_SHA256_SIZE];
	uint8_t *const digest = depth == 0 ? path->leaf_sha256 : other_digest;
	struct dps_certificate_view view;

	path->complete = false;
	if (dps_pki_certificate_read((struct dps_span){der, len}, &view) != DPS_OK) {
		path->broken = true;
		return DPS_E_CERTIFICATE_FORMAT;
	}
	path->count++;
	dps_pki_sha256(der, len, digest);
	dps_pki_sha256(view.spki.data, view.spki.len, spki_digest);
	path->pin_seen |= is_pinned(path->trust, digest, spki_digest);
	if (depth == 0) {
		path->leaf_seen = true;
		path->host_matched = dps_pki_certificate_is_for(&view, path->host);
		path->id_matched = is_named(&path->trust->leaf_id, view.cn);
	} else {
		widen_by_twins(path->trust, &view);
	}
	dps_pki_window_narrow(&path->not_before, &path->not_after, &view);
	return DPS_OK;
}

dps_result dps_pki_path_end(struct dps_pki_path *path)
{
	path->complete = false;
	if (path->broken || !path->leaf_seen)
		return DPS_E_SERVER_UNTRUSTED;
	if (!path->trust->skip_host_check && !path->host_matched)
		return DPS_E_SERVER_NAME;
	if (!dps_uuid_is_nil(&path->trust->leaf_id) && !path->id_matched)
		return DPS_E_SERVER_NAME;
	if (path->trust->pin_count > 0 && !path->pin_seen)
		return DPS_E_SERVER_PIN;
	path->complete = true;
	return DPS_OK;
}

dps_result dps_pki_path_check_dates(const struct dps_pki_path *path, int64_t now_s)
{
	if (!path->complete)
		return DPS_E_STATE;
	const int where = dps_pki_window_compare(path->not_before, path->not_after, now_s);
	if (where > 0)
		return DPS_E_SERVER_EXPIRED;
	return where < 0 ? DPS_E_SERVER_NOT_YET_VALID : DPS_OK;
}
