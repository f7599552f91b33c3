/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dps-onboard. */
#ifndef ONBOARD_OPTIONS_H
#define ONBOARD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONBOARD_PLACES_MAX 8

enum onboard_verb { ONBOARD_DISCOVER, ONBOARD_SHOW, ONBOARD_SET_ENDPOINT, ONBOARD_REPROVISION, ONBOARD_RESET, ONBOARD_CODE, ONBOARD_HELP };

/* Texts are argv's. */
struct onboard_options {
	enum onboard_verb verb;
	const char *device;
	const char *uri;
	const char *name;
	const char *code;
	const char *id; /* --device of "code" */
	const char *interfaces[ONBOARD_PLACES_MAX];
	size_t interface_count; /* 0: all */
	const char *unicast[ONBOARD_PLACES_MAX];
	size_t unicast_count; /* 0: multicast */
	uint32_t timeout_ms;
	bool json;
};

/* Reads argv. False: error (of that size) tells a person what is wrong with it. Never shows the value of --code. */
bool onboard_options_parse(struct onboard_options *options, int argc, char **argv, char *error, size_t size);

/* The text of --help. */
const char *onboard_options_usage(void);

#endif
