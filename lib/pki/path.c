/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement of a peer's verified path: host name and pins in the handshake, dates once the time is known. A TLS channel feeds it; no
 * policy is written twice.
 */
#include <string.h>

#include "pki/certificate.h"
#include "pki/pin.h"
#include "pki/pki.h"

void dps_pki_path_begin(struct dps_pki_path *path, const struct dps_trust *trust, const char *host)
{
	*path = (struct dps_pki_path){.trust = trust, .host = host, .not_before = INT64_MIN, .not_after = INT64_MAX};
}

static bool same(struct dps_span a, struct dps_span b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
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
		if (dps_pki_certificate_read(der, &twin) != DPS_OK || !same(twin.subject, view->subject) || !same(twin.spki, view->spki))
			continue;
		if (twin.not_before < view->not_before)
			view->not_before = twin.not_before;
		if (twin.not_after > view->not_after)
			view->not_after = twin.not_after;
	}
}

dps_result dps_pki_path_add(struct dps_pki_path *path, unsigned depth, const uint8_t *der, size_t len)
{
	uint8_t certificate_digest[DPS_SHA256_SIZE];
	uint8_t spki_digest[DPS_SHA256_SIZE];
	struct dps_certificate_view view;

	path->complete = false;
	if (dps_pki_certificate_read((struct dps_span){der, len}, &view) != DPS_OK) {
		path->broken = true;
		return DPS_E_CERTIFICATE_FORMAT;
	}
	path->count++;
	if (depth > 0)
		widen_by_twins(path->trust, &view);
	dps_pki_window_narrow(&path->not_before, &path->not_after, &view);

	dps_pki_sha256(der, len, certificate_digest);
	if (path->trust->pin_count > 0) {
		dps_pki_sha256(view.spki.data, view.spki.len, spki_digest);
		if (dps_pki_pinned(path->trust, certificate_digest, spki_digest))
			path->pin_seen = true;
	}
	if (depth == 0) {
		for (size_t i = 0; i < sizeof(certificate_digest); i++)
			path->leaf_sha256[i] = certificate_digest[i];
		path->leaf_seen = true;
		path->host_matched = dps_pki_certificate_is_for(&view, path->host);
	}
	return DPS_OK;
}

dps_result dps_pki_path_end(struct dps_pki_path *path)
{
	path->complete = false;
	if (path->broken || !path->leaf_seen)
		return DPS_E_SERVER_UNTRUSTED;
	if (!path->trust->skip_host_check && !path->host_matched)
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
