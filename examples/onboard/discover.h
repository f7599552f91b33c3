/* SPDX-License-Identifier: Apache-2.0 */
/* Finding devices that can be onboarded. */
#ifndef ONBOARD_DISCOVER_H
#define ONBOARD_DISCOVER_H

#include "options.h"
#include "plain.h"

#define DISCOVER_MAX 256 /* devices that are kept of one search */

struct discovered {
	char device_id[37]; /* "": none yet */
	struct plain_address plain;
	struct plain_address secure; /* where it answered from, with the port that it told */
};

struct discovery {
	const char *wanted; /* a device id: the search ends with it; NULL: all */
	struct discovered devices[DISCOVER_MAX];
	size_t count;
	bool found;    /* the wanted one; it is the last */
	bool answered; /* anybody, whatever */
	bool sent;
};

/* Searches as the options say: at their unicast addresses, else everywhere. False: an address is none, error says which. */
bool discover(const struct onboard_options *options, struct discovery *discovery, char *error, size_t size);

/* At one address. */
void discover_at(const struct plain_address *at, uint32_t timeout_ms, struct discovery *discovery);

#endif
