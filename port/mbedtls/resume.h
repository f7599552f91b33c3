/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS session that is kept for the next connection of a channel, and what it may be used for: the same host, port, identity and trust. With it is kept
 * what lib/pki found in the handshake that began it, so that the next connection is judged by the same facts.
 */
#ifndef DPS_PORT_MBEDTLS_RESUME_H
#define DPS_PORT_MBEDTLS_RESUME_H

#include "dps/port/mbedtls.h"

/* At open: forgets a session of other parameters, or every session if none is to be resumed. */
void dps_mbedtls_resume_bind(struct dps_mbedtls_channel *channel);

/* Before a handshake. */
void dps_mbedtls_resume_offer(struct dps_mbedtls_channel *channel);

/* After a handshake that Mbed TLS is content with: if it resumed the session, fills in the path and has lib/pki judge it. */
void dps_mbedtls_resume_judge(struct dps_mbedtls_channel *channel);

/* Keeps the session of an established connection. */
void dps_mbedtls_resume_keep(struct dps_mbedtls_channel *channel);

/* Wipes the session, not what it would be bound to: a handshake with it failed or did not end, and the next one is to be a full one. */
void dps_mbedtls_resume_drop(struct dps_mbedtls_channel *channel);

/* Wipes everything. */
void dps_mbedtls_resume_forget(struct dps_mbedtls_channel *channel);

#endif
