/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of lib/coap once more, for a test of another configuration: such a test changes dps/config.h's settings first and includes this next. They
 * define the symbols first, so that the library's objects are not linked.
 */
#ifndef TEST_SUPPORT_TEST_COAP_REBUILT_H
#define TEST_SUPPORT_TEST_COAP_REBUILT_H

#include "../../lib/coap/answer.c"
#include "../../lib/coap/block.c"
#include "../../lib/coap/peer.c"
#include "../../lib/coap/request.c"
#include "../../lib/coap/transport.c"
#include "support/test_coap_check.h"

#endif
