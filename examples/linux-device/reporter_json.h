/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that write JSON lines share. */
#ifndef DEVICE_REPORTER_JSON_H
#define DEVICE_REPORTER_JSON_H

#include <cjson/cJSON.h>

/* An event of that name. */
cJSON *reporter_json_new(const char *name);

/* Writes it, as one line, and frees it. */
void reporter_json_print(cJSON *json);

/* "code": as "4.03"; null for 0. */
void reporter_json_add_code(cJSON *json, unsigned code);

#endif
