/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a certificate that are judged here, as views into its DER (RFC 5280 4.1). Signatures are the TLS library's business.
 */
#ifndef DPS_PKI_CERTIFICATE_H
#define DPS_PKI_CERTIFICATE_H

#include "dps/pki.h"
#include "dps/types.h"

struct dps_certificate_view {
	int64_t not_before;      /* Unix seconds */
	int64_t not_after;       /* Unix seconds */
	struct dps_span spki;    /* SubjectPublicKeyInfo, head included */
	struct dps_span subject; /* Name, without the head of its SEQUENCE */
	struct dps_span cn;      /* the last, most specific common name; empty if there is none */
	struct dps_span san;     /* the GeneralNames, without the head of their SEQUENCE; data is NULL if there is no such extension */
};

/* Reads one certificate that fills der wholly. DPS_E_CERTIFICATE_FORMAT. */
dps_result dps_pki_certificate_read(struct dps_span der, struct dps_certificate_view *view);

/* Takes the first certificate off a DER list and reads it. DPS_E_NOT_FOUND at the end, DPS_E_CERTIFICATE_FORMAT. */
dps_result dps_pki_certificate_next(struct dps_span *list, struct dps_certificate_view *view);

/* Whether the leaf is for this host: see dps_pki_path_end in dps/pki.h. */
bool dps_pki_certificate_is_for(const struct dps_certificate_view *view, const char *host);

/* Narrows a window to what this certificate allows too. */
void dps_pki_window_narrow(int64_t *not_before, int64_t *not_after, const struct dps_certificate_view *view);

/* Where a clock stands to a window: -1 before it (with the tolerance), 0 within, 1 behind it. */
int dps_pki_window_compare(int64_t not_before, int64_t not_after, int64_t now_s);

#endif
