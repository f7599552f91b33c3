/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mbed TLS 3 renames the members of its structures through MBEDTLS_PRIVATE(); 2.28 has the plain names.
 */
#ifndef DPS_PKI_COMPAT_H
#define DPS_PKI_COMPAT_H

#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define MBEDTLS_PRIVATE(member) member
#else
#include <mbedtls/private_access.h>
#endif

#endif
