/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the hub: made here, remembered by their SHA-256 in a device's record, and the provisioning service's, which nobody remembers. */
#ifndef SERVICE_HUB_TOKEN_H
#define SERVICE_HUB_TOKEN_H

#include <cjson/cJSON.h>

#include "config.h"

enum hub_token_kind { HUB_TOKEN_ACCESS, HUB_TOKEN_REFRESH };

/* Makes a token and writes its hash and end (seconds since 1970, infinite: never) into the record; the caller frees it. */
char *hub_token_issue(cJSON *record, enum hub_token_kind kind, const char *owner, double ends);

/* NULL and when it ends, or why the token does not hold, in the real gateway's words. record NULL: only the provisioning service's tokens are known. */
const char *hub_token_check(const struct service_config *config, const cJSON *record, enum hub_token_kind kind, const char *token,
                            double *ends);

/* Ends all access tokens of a record now. Refresh tokens live on: they are what the device is expected to use then. */
void hub_token_expire_access(cJSON *record, double now);

/* base64url without padding; NULL when it is none. The caller frees it. */
uint8_t *hub_base64url_decode(const char *text, size_t length, size_t *decoded);

#endif
