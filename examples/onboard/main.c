/* SPDX-License-Identifier: Apache-2.0 */
/* dps-onboard: finds devices on the local network and tells them where to provision. docs/onboarding.md has the protocol. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "discover.h"
#include "dps/config.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "secure.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define BODY_SIZE (64 + DPS_CONFIG_URI_LENGTH + DPS_CONFIG_NAME_LENGTH)

/* A device to talk to. */
struct target {
	struct plain_address secure;
	struct plain_address plain;
	bool has_plain;
};

static int fail(const struct onboard_options *options, const char *name, const char *text)
{
	output_failure(options->json, name, 0, text);
	return EXIT_FAILED;
}

/* --- what a device says in the clear of /plgd/dps --- */

struct look {
	unsigned code; /* 0: nothing */
	unsigned max_age;
};

static bool on_look(void *user, const struct plain_answer *answer)
{
	struct look *look = user;

	look->code = answer->code;
	look->max_age = answer->max_age;
	return true;
}

static struct look look_at(const struct target *target, uint32_t timeout_ms)
{
	const struct plain_where where = {.addresses = &target->plain, .count = 1};
	const struct plain_request request = {.path = {"plgd", "dps"}};
	struct look look = {0, 0};

	(void)plain_ask(&where, &request, timeout_ms, on_look, &look, NULL);
	return look;
}

static int fail_locked_out(const struct onboard_options *options, unsigned seconds)
{
	char text[128];

	snprintf(text, sizeof(text), "locked out after wrong codes: try again in %u s", seconds);
	output_failure(options->json, "locked-out", seconds, text);
	return EXIT_FAILED;
}

static int fail_owned(const struct onboard_options *options)
{
	return fail(options, "owned", "refused: the device is owned; local onboarding ended with that");
}

/* --- finding --- */

static int find_at(const struct onboard_options *options, const char *text, struct discovery *discovery, struct target *target)
{
	if (!plain_resolve(text, &target->plain)) {
		output_usage(options->json, "the device is not coap://HOST:PORT, or there is no such host");
		return EXIT_USAGE;
	}
	target->has_plain = true;
	discover_at(&target->plain, options->timeout_ms, discovery);
	if (discovery->count > 0) {
		target->secure = discovery->devices[0].secure;
		return EXIT_DONE;
	}
	if (discovery->answered && look_at(target, options->timeout_ms).code == 403)
		return fail_owned(options);
	return fail(options, "not-found", "not found: nothing to be onboarded answers there");
}

static int find(const struct onboard_options *options, struct target *target)
{
	static struct discovery discovery;
	const char *device = options->device;
	struct dps_uuid id;
	char error[256];

	memset(target, 0, sizeof(*target));
	if (strncmp(device, "coaps://", 8) == 0) {
		if (plain_resolve(device + 8, &target->secure))
			return EXIT_DONE;
		output_usage(options->json, "the device is not coaps://HOST:PORT, or there is no such host");
		return EXIT_USAGE;
	}
	if (strncmp(device, "coap://", 7) == 0)
		return find_at(options, device + 7, &discovery, target);
	if (dps_uuid_parse(device, strlen(device), &id) != DPS_OK) {
		output_usage(options->json, "the device is no UUID, coap://HOST:PORT or coaps://HOST:PORT");
		return EXIT_USAGE;
	}
	discovery.wanted = device;
	if (!discover(options, &discovery, error, sizeof(error))) {
		output_usage(options->json, error);
		return EXIT_USAGE;
	}
	if (!discovery.found)
		return fail(options, "not-found", "not found: no such device answers, or it is owned already");
	*target = (struct target){.secure = discovery.devices[0].secure, .plain = discovery.devices[0].plain, .has_plain = true};
	return EXIT_DONE;
}

/* --- asking --- */

/* Why a handshake came to nothing: the device knows, and says some of it in the clear. */
static int explain_no_proof(const struct onboard_options *options, const struct target *target, enum secure_end end)
{
	struct look look = {0, 0};
	char text[160];

	if (target->has_plain)
		look = look_at(target, options->timeout_ms);
	if (look.code == 403)
		return fail_owned(options);
	if (look.code == 429) {
		snprintf(text, sizeof(text), "wrong code: the device does not take it, and no other for %u s", look.max_age);
		output_failure(options->json, "wrong-code", look.max_age, text);
		return EXIT_FAILED;
	}
	if (look.code != 0 || end == SECURE_REFUSED)
		return fail(options, "wrong-code", "wrong code: the device does not take it");
	return fail(options, "no-answer", "no answer, or a wrong code");
}

static int explain_answer(const struct onboard_options *options, const struct secure_answer *answer)
{
	char text[96];

	if (answer->code == 403)
		return fail_owned(options);
	if (answer->code == 400)
		return fail(options, "refused", "refused: there is nothing that this could change");
	snprintf(text, sizeof(text), "refused with %u.%02u", answer->code / 100, answer->code % 100);
	return fail(options, "refused", text);
}

static int ask(const struct onboard_options *options, const struct onboarding_code *code, const uint8_t *body, size_t len,
               struct secure_answer *answer)
{
	struct target target;
	enum secure_end end;
	int status = find(options, &target);
	struct look look = {0, 0};

	if (status != EXIT_DONE)
		return status;
	if (target.has_plain)
		look = look_at(&target, options->timeout_ms);
	if (look.code == 403)
		return fail_owned(options);
	if (look.code == 429)
		return fail_locked_out(options, look.max_age);
	end = secure_ask(&target.secure, code, body, len, options->timeout_ms, answer);
	switch (end) {
	case SECURE_ANSWERED:
		return answer->code / 100 == 2 ? EXIT_DONE : explain_answer(options, answer);
	case SECURE_REFUSED:
	case SECURE_NO_PROOF:
		return explain_no_proof(options, &target, end);
	case SECURE_NO_ANSWER:
		return fail(options, "no-answer", "no answer: the device took the code and then said nothing; a command may have been carried out");
	case SECURE_FAILED:
		break;
	}
	return fail(options, "local", "the request could not be sent from here");
}

static size_t make_body(const struct onboard_options *options, uint8_t *body, size_t size)
{
	switch (options->verb) {
	case ONBOARD_SET_ENDPOINT:
		return request_endpoint(body, size, options->uri, options->name);
	case ONBOARD_REPROVISION:
		return request_force(body, size);
	case ONBOARD_RESET:
		return request_endpoint(body, size, "", NULL);
	default:
		return 0;
	}
}

static int talk(const struct onboard_options *options)
{
	struct onboarding_code code;
	struct secure_answer answer;
	uint8_t body[BODY_SIZE];
	size_t len = make_body(options, body, sizeof(body));
	char text[64 + DPS_CONFIG_URI_LENGTH];
	const char *why;
	int status;

	if (onboarding_code_read(options->code, &code, &why) != DPS_OK) {
		output_failure(options->json, "code", 0, why);
		return EXIT_USAGE;
	}
	status = ask(options, &code, body, len, &answer);
	explicit_bzero(&code, sizeof(code));
	if (status != EXIT_DONE)
		return status;
	snprintf(text, sizeof(text), "provisions from %s", options->uri != NULL ? options->uri : "");
	if (options->verb == ONBOARD_SHOW)
		return output_conf(options->json, answer.payload, answer.payload_len) ? EXIT_DONE
		                                                                      : fail(options, "refused", "the answer is not understood");
	output_done(options->json, options->verb == ONBOARD_SET_ENDPOINT  ? text
	                           : options->verb == ONBOARD_REPROVISION ? "provisions again"
	                                                                  : "forgets everything but who made it");
	return EXIT_DONE;
}

/* --- the other verbs --- */

static int search(const struct onboard_options *options)
{
	static struct discovery discovery;
	char error[256];

	if (!discover(options, &discovery, error, sizeof(error))) {
		output_usage(options->json, error);
		return EXIT_USAGE;
	}
	if (!discovery.sent)
		return fail(options, "local", "nothing could be sent: no such interface, or no network");
	if (discovery.count == 0)
		return fail(options, "not-found", "no device answered");
	output_discovered(options->json, &discovery);
	return EXIT_DONE;
}

static int make_code(const struct onboard_options *options)
{
	struct onboarding_code code = {{0}, {0}};
	char text[ONBOARDING_CODE_SIZE];
	struct dps_uuid id;
	char id_text[DPS_UUID_TEXT_LEN + 1];
	const char *name = options->id;

	if (getrandom(id.bytes, sizeof(id.bytes), 0) != (ssize_t)sizeof(id.bytes) ||
	    getrandom(code.secret, sizeof(code.secret), 0) != (ssize_t)sizeof(code.secret))
		return fail(options, "local", "no randomness");
	if (name == NULL) {
		id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4: version 4, */
		id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80); /* variant 2 */
		dps_uuid_format(&id, id_text);
		name = id_text;
	}
	onboarding_code_set_id(&code, name);
	onboarding_code_format(&code, text);
	output_code(options->json, text, code.id);
	explicit_bzero(&code, sizeof(code));
	explicit_bzero(text, sizeof(text));
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct onboard_options options;
	char error[512];

	if (!onboard_options_parse(&options, argc, argv, error, sizeof(error))) {
		output_usage(options.json, error);
		return EXIT_USAGE;
	}
	switch (options.verb) {
	case ONBOARD_HELP:
		fputs(onboard_options_usage(), stdout);
		return EXIT_DONE;
	case ONBOARD_DISCOVER:
		return search(&options);
	case ONBOARD_CODE:
		return make_code(&options);
	default:
		return talk(&options);
	}
}
