/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on purpose: reading `STEP:ACTION[:COUNT]` and counting. */
#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define MAX_COUNT      1000000L
#define MAX_DELAY_MS   3600000L
#define MAX_LARGE      (8L << 20)
#define MAX_FLOOD      100000L
#define MAX_SLOW_MS    60000L
#define MAX_FIREHOSE   (1L << 30)
#define FIREHOSE_BYTES (64L << 20) /* unless it is said otherwise */
#define CODE_OF(c, dd) ((uint8_t)((c) << 5 | (dd)))

enum argument { ARGUMENT_NONE, ARGUMENT_NUMBER, ARGUMENT_OPTIONAL, ARGUMENT_FIELD, ARGUMENT_URI };

/* The steps that know an action. */
#define STEP(name)   (1u << SERVICE_STEP_##name)
#define PROVISIONING (STEP(OTHER) - 1u)
#define GATEWAY      (STEP(HUB_OTHER) - STEP(HUB_TIME))
#define ALL          (PROVISIONING | GATEWAY)
#define CREDENTIALS  STEP(CREDENTIALS)
#define TOLD         (STEP(OWNER) | STEP(CLOUD) | STEP(CREDENTIALS) | STEP(ACLS)) /* whose answer is a map with what a device is told */

struct action {
	const char *name;
	enum argument argument;
	long low;
	long high;
	unsigned steps;
};

static const struct action actions[] = {
	[SERVICE_FAULT_CODE] = {"", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_DELAY] = {"delay", ARGUMENT_NUMBER, 0, MAX_DELAY_MS, ALL},
	[SERVICE_FAULT_DISCONNECT] = {"disconnect", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_GARBAGE] = {"garbage", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_NO_OIC_RES] = {"no-oic-res", ARGUMENT_NONE, 0, 0, PROVISIONING},
	[SERVICE_FAULT_TRUNCATE] = {"truncate", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_NESTED] = {"nested", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_ENDLESS] = {"endless", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_WRONG_TYPE] = {"wrong-type", ARGUMENT_FIELD, 0, 0, ALL},
	[SERVICE_FAULT_WRONG_KEY] = {"wrong-key", ARGUMENT_NONE, 0, 0, CREDENTIALS},
	[SERVICE_FAULT_WRONG_DEVICE] = {"wrong-device", ARGUMENT_NONE, 0, 0, CREDENTIALS},
	[SERVICE_FAULT_WRONG_CA] = {"wrong-ca", ARGUMENT_NONE, 0, 0, CREDENTIALS},
	[SERVICE_FAULT_WRONG_ORDER] = {"wrong-order", ARGUMENT_NONE, 0, 0, CREDENTIALS},
	[SERVICE_FAULT_EXPIRED] = {"expired", ARGUMENT_NONE, 0, 0, CREDENTIALS},
	[SERVICE_FAULT_LARGE] = {"large", ARGUMENT_NUMBER, 1, MAX_LARGE, ALL},
	[SERVICE_FAULT_CRITICAL_OPTION] = {"critical-option", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_STRAY_TOKEN] = {"stray-token", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_FLOOD_REQUESTS] = {"flood-requests", ARGUMENT_NUMBER, 1, MAX_FLOOD, ALL},
	[SERVICE_FAULT_FLOOD_PINGS] = {"flood-pings", ARGUMENT_NUMBER, 1, MAX_FLOOD, ALL},
	[SERVICE_FAULT_SILENCE] = {"silence", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_RESET] = {"reset", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_RESET_AFTER] = {"reset-after", ARGUMENT_NUMBER, 1, MAX_LARGE, ALL},
	[SERVICE_FAULT_DUPLICATE] = {"duplicate", ARGUMENT_NONE, 0, 0, ALL},
	[SERVICE_FAULT_OLD_TOKEN] = {"old-token", ARGUMENT_NONE, 0, 0, PROVISIONING},
	[SERVICE_FAULT_FIREHOSE] = {"firehose", ARGUMENT_OPTIONAL, 1, MAX_FIREHOSE, PROVISIONING},
	[SERVICE_FAULT_SLOW] = {"slow", ARGUMENT_NUMBER, 1, MAX_SLOW_MS, PROVISIONING},
	[SERVICE_FAULT_REDIRECT] = {"redirect", ARGUMENT_URI, 0, 0, TOLD | STEP(SIGN_UP)},
};

const char *service_step_name(enum service_step step)
{
	static const char *const names[] = {
		[SERVICE_STEP_TIME] = "time",        [SERVICE_STEP_OWNER] = "owner",
		[SERVICE_STEP_CLOUD] = "cloud",      [SERVICE_STEP_CREDENTIALS] = "credentials",
		[SERVICE_STEP_ACLS] = "acls",        [SERVICE_STEP_RESOURCES] = "resources",
		[SERVICE_STEP_OTHER] = "other",      [SERVICE_STEP_HUB_TIME] = "hub-time",
		[SERVICE_STEP_SIGN_UP] = "signup",   [SERVICE_STEP_SIGN_IN] = "signin",
		[SERVICE_STEP_SIGN_OUT] = "signout", [SERVICE_STEP_REFRESH] = "refresh",
		[SERVICE_STEP_PUBLISH] = "publish",  [SERVICE_STEP_UNPUBLISH] = "unpublish",
		[SERVICE_STEP_SIGN_OFF] = "signoff", [SERVICE_STEP_HUB_OTHER] = "hub-other",
	};

	return names[step];
}

bool service_step_is_of_hub(enum service_step step)
{
	return step > SERVICE_STEP_OTHER;
}

static bool parse_step(const char *text, size_t length, enum service_step *step)
{
	unsigned at;

	for (at = 0; at < SERVICE_STEPS; at++) {
		const char *name = service_step_name((enum service_step)at);

		if (at != SERVICE_STEP_OTHER && at != SERVICE_STEP_HUB_OTHER && strlen(name) == length && strncmp(name, text, length) == 0) {
			*step = (enum service_step)at;
			return true;
		}
	}
	return false;
}

/* "4.00": a class from 2 to 5, a point and two digits up to 31 (RFC 7252 section 5.9). */
static bool parse_code(const char *text, uint8_t *code)
{
	long detail;

	if (strlen(text) != 4 || text[0] < '2' || text[0] > '5' || text[1] != '.' || !service_parse_number(text + 2, 0, 31, &detail)) {
		return false;
	}
	*code = CODE_OF((unsigned)(text[0] - '0'), (unsigned)detail);
	return true;
}

static bool parse_argument(struct service_fault *fault, const struct action *action, const char *argument)
{
	switch (action->argument) {
	case ARGUMENT_NONE:
		return argument == NULL;
	case ARGUMENT_NUMBER:
		return argument != NULL && service_parse_number(argument, action->low, action->high, &fault->number);
	case ARGUMENT_OPTIONAL:
		fault->number = FIREHOSE_BYTES;
		return argument == NULL || service_parse_number(argument, action->low, action->high, &fault->number);
	case ARGUMENT_FIELD:
	case ARGUMENT_URI:
		fault->field = argument;
		return argument != NULL && argument[0] != '\0';
	}
	return false;
}

static bool parse_action(struct service_fault *fault)
{
	const char *equals = strchr(fault->text, '=');
	size_t length = equals == NULL ? strlen(fault->text) : (size_t)(equals - fault->text);
	unsigned at;

	if (parse_code(fault->text, &fault->code)) {
		fault->action = SERVICE_FAULT_CODE;
		return true;
	}
	for (at = SERVICE_FAULT_CODE + 1; at < SERVICE_FAULT_NONE; at++) {
		if (strlen(actions[at].name) == length && strncmp(actions[at].name, fault->text, length) == 0) {
			fault->action = (enum service_fault_action)at;
			return (actions[at].steps & (1u << fault->step)) != 0 &&
			       parse_argument(fault, &actions[at], equals == NULL ? NULL : equals + 1);
		}
	}
	return false;
}

/* The colon before COUNT. A URI has colons of its own: behind its scheme and before its port, which it then must name. */
static char *find_count(char *action)
{
	static const char redirect[] = "redirect=";
	char *authority = strncmp(action, redirect, strlen(redirect)) == 0 ? strstr(action, "://") : NULL;
	char *port;

	if (authority == NULL) {
		return strchr(action, ':');
	}
	authority += strlen("://");
	if (*authority == '[' && strchr(authority, ']') != NULL) {
		authority = strchr(authority, ']');
	}
	port = strchr(authority, ':');
	return port == NULL ? NULL : strchr(port + 1, ':');
}

static char *read_fault(struct service_fault *fault, const char *given)
{
	const char *action = strchr(given, ':');
	char *count;

	if (action == NULL || !parse_step(given, (size_t)(action - given), &fault->step)) {
		return service_strdup(
			"the step must be one of time, owner, cloud, credentials, acls, resources, hub-time, signup, signin, signout, refresh, "
			"publish, unpublish, signoff");
	}
	fault->text = service_strdup(action + 1);
	count = find_count(fault->text);
	if (count != NULL) {
		*count = '\0';
		if (!service_parse_number(count + 1, 1, MAX_COUNT, &fault->remaining)) {
			return service_format("the count must be a whole number from 1 to %ld", MAX_COUNT);
		}
	}
	return parse_action(fault) ? NULL : service_strdup("no such action for this step, or its argument is not what it should be");
}

char *service_faults_add(struct service_faults *faults, const char *given)
{
	struct service_fault fault = {.remaining = -1};
	char *error = read_fault(&fault, given);

	if (error != NULL) {
		free(fault.text);
		return error;
	}
	faults->list = service_realloc(faults->list, (faults->count + 1) * sizeof(*faults->list));
	faults->list[faults->count++] = fault;
	return NULL;
}

void service_faults_free(struct service_faults *faults)
{
	size_t at;

	for (at = 0; at < faults->count; at++) {
		free(faults->list[at].text);
	}
	free(faults->list);
	*faults = (struct service_faults){0};
}

static struct service_fault *copy(const struct service_fault *fault)
{
	struct service_fault *own = service_alloc(sizeof(*own));

	*own = *fault;
	own->text = service_strdup(fault->text);
	own->field = fault->field == NULL ? NULL : own->text + (fault->field - fault->text);
	return own;
}

void service_fault_free(struct service_fault *fault)
{
	if (fault != NULL) {
		free(fault->text);
		free(fault);
	}
}

static void drop(struct service_faults *faults, size_t at)
{
	free(faults->list[at].text);
	faults->count--;
	memmove(&faults->list[at], &faults->list[at + 1], (faults->count - at) * sizeof(*faults->list));
}

struct service_fault *service_faults_take(struct service_faults *faults, enum service_step step, bool is_first_of_connection)
{
	size_t at;

	for (at = 0; at < faults->count; at++) {
		struct service_fault *fault = &faults->list[at];
		struct service_fault *taken;

		if (fault->step != step || (fault->action == SERVICE_FAULT_NO_OIC_RES && !is_first_of_connection)) {
			continue;
		}
		taken = copy(fault);
		if (fault->remaining > 0 && --fault->remaining == 0) {
			drop(faults, at);
		}
		return taken;
	}
	return NULL;
}

enum service_fault_action service_fault_action_of(const struct service_fault *fault)
{
	return fault == NULL ? SERVICE_FAULT_NONE : fault->action;
}
