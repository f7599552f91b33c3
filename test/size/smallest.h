/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest configuration: the plgd flow with 1,280-byte buffers, answers in blocks and one endpoint; no hub, no resources, no evaluation of ACLs, no
 * texts, no RSA, no IPv6 addresses as hosts, no pins as text, no DHCP option. The body area still takes a certificate chain of 6 KB with what is around it.
 */
#ifndef DPS_SIZE_SMALLEST_H
#define DPS_SIZE_SMALLEST_H

#define DPS_CONFIG_RECEIVE_SIZE    1280
#define DPS_CONFIG_SEND_SIZE       1280
#define DPS_CONFIG_BODY_SIZE       7168
#define DPS_CONFIG_REQUESTS        7
#define DPS_CONFIG_BLOCKWISE       1
#define DPS_CONFIG_BLOCK1          0
#define DPS_CONFIG_ENDPOINTS       1
#define DPS_CONFIG_URI_LENGTH      64
#define DPS_CONFIG_GATEWAYS        2
#define DPS_CONFIG_CREDENTIALS     2
#define DPS_CONFIG_SLOT_LENGTH     12
#define DPS_CONFIG_RETRIES         5
#define DPS_CONFIG_DIAGNOSTIC_SIZE 16
#define DPS_CONFIG_CBOR_DEPTH      8
#define DPS_CONFIG_RESOURCES       0
#define DPS_CONFIG_ACL             0
#define DPS_CONFIG_HUB             0
#define DPS_CONFIG_NAMES           0
#define DPS_CONFIG_TEXT            0
#define DPS_CONFIG_RSA             0
#define DPS_CONFIG_IPV6            0
#define DPS_CONFIG_TOOLS           0
#define DPS_CONFIG_OPTION43        0

#endif
