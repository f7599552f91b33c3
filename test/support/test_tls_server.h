/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS server that is not ours: openssl s_server, which demands a certificate and sends lines back reversed. */
#ifndef TEST_SUPPORT_TEST_TLS_SERVER_H
#define TEST_SUPPORT_TEST_TLS_SERVER_H

#include <stdint.h>

#include "support/test_process.h"

/* Starts one on a free port of loopback, with NAME.pem and NAME.key; ca.pem of the same directory is its trust. Further arguments, NULL for none, end with
 * NULL. */
struct test_process *test_tls_server_start(const char *directory, const char *name, const char *const *further, uint16_t *port);

#endif
