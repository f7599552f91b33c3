/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what happens at the hub. */
#ifndef DEVICE_REPORTER_ONLINE_H
#define DEVICE_REPORTER_ONLINE_H

#include "dps/hub.h"

struct online_report {
	enum {
		ONLINE_HUB,      /* hub; with hrefs when it is a publication */
		ONLINE_COMMAND,  /* method, href and code of a request that was served */
		ONLINE_NOTIFIED, /* href whose state was told */
		ONLINE_INPUT     /* line, or NULL; error, NULL when it was done */
	} kind;
	const struct dps_hub_event *hub;
	const char *const *hrefs;
	size_t href_count;
	unsigned method;
	const char *href;
	unsigned code;
	const char *line;
	const char *error;
};

void reporter_online_json(const struct online_report *report);
void reporter_online_text(const struct online_report *report);
void reporter_online_quiet(const struct online_report *report);

#endif
