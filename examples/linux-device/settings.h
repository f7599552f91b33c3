/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dps-device remembers of its command line: one blob "settings" in the state directory, a JSON object of option names and values, so that a device
 * that was set up once starts with its state directory alone. It says where things are, never what is secret in them.
 */
#ifndef DEVICE_SETTINGS_H
#define DEVICE_SETTINGS_H

#include <cjson/cJSON.h>

#include "dps/platform.h"
#include "options.h"

#define SETTINGS_BLOB "settings"
#define SETTINGS_SIZE 32768 /* bytes of the blob at most: nine paths */

struct settings {
	cJSON *json; /* NULL: nothing is remembered */
};

/* Reads them. DPS_E_NOT_FOUND: none; DPS_E_STORAGE_CORRUPT: damaged; DPS_E_STORAGE*. Nothing is remembered then. To be freed in any case. */
dps_result settings_read(struct settings *settings, const struct dps_storage *storage);
void settings_free(struct settings *settings);

/*
 * Fills in what the command line has not given. The texts are those of the settings, which must outlive the options. With --ca given nothing of trust is
 * remembered: pins and --no-verify-host belong to their anchors. DPS_E_STORAGE_CORRUPT: a value is none; the options are as before.
 */
dps_result settings_recall(const struct settings *settings, struct options *options);

/*
 * Makes the options durable, with absolute paths, if they differ from what is remembered. Not among them: endpoints and the device id, which the client
 * keeps. DPS_E_FILE: a path cannot be resolved; DPS_E_TOO_LARGE, DPS_E_MEMORY, DPS_E_STORAGE*: what was remembered still is.
 */
dps_result settings_write(const struct settings *settings, const struct options *options, const struct dps_storage *storage);

#endif
