/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on purpose: `--fault STEP:ACTION[:COUNT]`, or such a line at run time. Which there are, which steps know them and how often each still
 * applies. */
#ifndef SERVICE_FAULTS_H
#define SERVICE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum service_step {
	SERVICE_STEP_TIME,
	SERVICE_STEP_OWNER,
	SERVICE_STEP_CLOUD,
	SERVICE_STEP_CREDENTIALS,
	SERVICE_STEP_ACLS,
	SERVICE_STEP_RESOURCES,
	SERVICE_STEP_OTHER, /* a path that is none of them */
	/* of the gateways */
	SERVICE_STEP_HUB_TIME,
	SERVICE_STEP_SIGN_UP,
	SERVICE_STEP_SIGN_IN,
	SERVICE_STEP_SIGN_OUT,
	SERVICE_STEP_REFRESH,
	SERVICE_STEP_PUBLISH,
	SERVICE_STEP_UNPUBLISH,
	SERVICE_STEP_SIGN_OFF,
	SERVICE_STEP_HUB_OTHER,
	SERVICE_STEPS
};

const char *service_step_name(enum service_step step);

/* True for what a device asks a gateway. */
bool service_step_is_of_hub(enum service_step step);

enum service_fault_action {
	SERVICE_FAULT_CODE,
	SERVICE_FAULT_DELAY,
	SERVICE_FAULT_DISCONNECT,
	SERVICE_FAULT_GARBAGE,
	SERVICE_FAULT_NO_OIC_RES,
	SERVICE_FAULT_TRUNCATE,
	SERVICE_FAULT_NESTED,
	SERVICE_FAULT_ENDLESS,
	SERVICE_FAULT_WRONG_TYPE,
	SERVICE_FAULT_WRONG_KEY,
	SERVICE_FAULT_WRONG_DEVICE,
	SERVICE_FAULT_WRONG_CA,
	SERVICE_FAULT_WRONG_ORDER,
	SERVICE_FAULT_EXPIRED,
	SERVICE_FAULT_LARGE,
	SERVICE_FAULT_CRITICAL_OPTION,
	SERVICE_FAULT_STRAY_TOKEN,
	SERVICE_FAULT_FLOOD_REQUESTS,
	SERVICE_FAULT_FLOOD_PINGS,
	SERVICE_FAULT_SILENCE,
	SERVICE_FAULT_RESET,
	SERVICE_FAULT_RESET_AFTER,
	SERVICE_FAULT_DUPLICATE,
	SERVICE_FAULT_OLD_TOKEN,
	SERVICE_FAULT_FIREHOSE,
	SERVICE_FAULT_SLOW,
	SERVICE_FAULT_REDIRECT,
	SERVICE_FAULT_NONE
};

struct service_fault {
	enum service_step step;
	enum service_fault_action action;
	char *text;        /* ACTION as it was given */
	uint8_t code;      /* SERVICE_FAULT_CODE: as on the wire */
	long number;       /* milliseconds, bytes or how many */
	const char *field; /* SERVICE_FAULT_WRONG_TYPE: a name, SERVICE_FAULT_REDIRECT: a URI; within text */
	long remaining;    /* how often it still applies; negative: for ever */
};

struct service_faults {
	struct service_fault *list;
	size_t count;
};

/* Adds one as given. What cannot be read is not added: NULL, or why, which the caller frees. */
char *service_faults_add(struct service_faults *faults, const char *given);

/* Forgets all of them. */
void service_faults_free(struct service_faults *faults);

/* The fault for the next request of this step, taken off its count: the first given that still applies, NULL when there is none. One that holds the
 * first request of a connection applies to no other. It is the caller's own, whatever becomes of the list; NULL may be freed too. */
struct service_fault *service_faults_take(struct service_faults *faults, enum service_step step, bool is_first_of_connection);
void service_fault_free(struct service_fault *fault);

/* NULL gives SERVICE_FAULT_NONE. */
enum service_fault_action service_fault_action_of(const struct service_fault *fault);

#endif
