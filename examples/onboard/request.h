/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of POSTs to /plgd/dps. */
#ifndef ONBOARD_REQUEST_H
#define ONBOARD_REQUEST_H

#include <stddef.h>
#include <stdint.h>

/* {endpoint: uri, endpointName: name}; name NULL: none. uri "": a factory reset. 0: does not fit. */
size_t request_endpoint(uint8_t *buf, size_t size, const char *uri, const char *name);

/* {forceReprovision: true} */
size_t request_force(uint8_t *buf, size_t size);

#endif
