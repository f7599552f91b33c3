/* SPDX-License-Identifier: Apache-2.0 */
/* Where --option43 gets the bytes of DHCP option 43 from: hex, or what a DHCP client left in a file. */
#ifndef DEVICE_LEASE_H
#define DEVICE_LEASE_H

#include <stddef.h>
#include <stdint.h>

#include "dps/result.h"
#include "dps/visibility.h"

/*
 * Takes the bytes from a text, in which may be
 *
 * - hex alone: "c8:15:63" or "c81563";
 * - leases of dhclient: the value of the last `option vendor-encapsulated-options VALUE;` that is a statement, not a comment or within a string; VALUE is hex
 *   with colons, or a string in quotes with \ooo, \" and \\;
 * - lines NAME=VALUE, as systemd-networkd keeps leases and scripts of udhcpc are given them: the last VENDOR_SPECIFIC or opt43, in hex, quotes allowed.
 *
 * DPS_E_NOT_FOUND: a lease, but none with the option; DPS_E_FIELD: not of these, or cut off; DPS_E_BUFFER: more than size bytes.
 */
DPS_MUST_USE dps_result lease_option43(const char *text, size_t text_len, uint8_t *buf, size_t size, size_t *len);

#endif
