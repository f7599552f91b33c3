/* SPDX-License-Identifier: Apache-2.0 */
/* Sign-up, sign-in, sign-out, refresh and sign-off. The certificate's device id is the device, whatever a body says; but a body must say something. */
#include "hub_operation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events.h"
#include "hub_device.h"
#include "hub_observer.h"
#include "hub_registry.h"
#include "hub_token.h"
#include "text.h"

#define NEVER         (-1)
#define NOT_VERIFIED  "cannot verify authorization code: "
#define NO_CONTEXT    "invalid authorization context"
#define DURATION_SIZE 48u

static const struct service_config *config_of(const struct hub_link *link)
{
	return &link->hub->service->config;
}

static const char *text_of(const cJSON *body, const char *name)
{
	const char *text = service_body_text(body, name);

	return text == NULL ? "" : text;
}

static cJSON *load(const struct hub_link *link)
{
	return hub_registry_load(link->hub, link->gateway->id, link->peer.device);
}

static void print_device_event(const struct hub_link *link, const char *name)
{
	cJSON *event = service_event_new(name);

	cJSON_AddStringToObject(event, "device", link->peer.device);
	service_event_print(event);
}

/* Whole seconds, rounded down; a life that is left never shows as none. */
static double seconds_left(double ends, double margin)
{
	double left = floor(ends - hub_now() - margin);

	return isinf(ends) ? NEVER : left < 1 ? 1 : left;
}

/* New tokens into the record and into an answer. */
static void issue(const struct hub_link *link, cJSON *record, cJSON *tree, bool is_sign_up)
{
	const struct service_config *config = config_of(link);
	const struct hub_settings *settings = &config->gateway;
	double ends = settings->tokens_never_expire ? INFINITY : hub_now() + settings->token_lifetime;
	double refresh_ends = settings->tokens_never_expire ? INFINITY : hub_now() + settings->refresh_lifetime;
	char *access = hub_token_issue(record, HUB_TOKEN_ACCESS, config->owner, ends);
	char *refresh = hub_token_issue(record, HUB_TOKEN_REFRESH, config->owner, refresh_ends);

	cJSON_AddStringToObject(tree, "accesstoken", access);
	if (is_sign_up) {
		cJSON_AddStringToObject(tree, "uid", config->owner);
	}
	cJSON_AddStringToObject(tree, "refreshtoken", refresh);
	if (is_sign_up) {
		cJSON_AddStringToObject(tree, "redirecturi", settings->redirect_uri == NULL ? "" : settings->redirect_uri);
	}
	cJSON_AddNumberToObject(tree, "expiresin", settings->tokens_never_expire ? NEVER : floor(settings->token_lifetime));
	free(access);
	free(refresh);
}

/* Issues and saves under the lock; an answer's tree, or NULL when the record cannot be written. A device without a record gets one. */
static cJSON *issue_and_save(const struct hub_link *link, bool is_sign_up)
{
	int lock = hub_registry_lock(link->hub);
	cJSON *record = load(link);
	cJSON *tree = cJSON_CreateObject();

	if (record == NULL) {
		record = cJSON_CreateObject();
		cJSON_AddStringToObject(record, HUB_KEY_OWNER, config_of(link)->owner);
		cJSON_AddArrayToObject(record, HUB_KEY_LINKS);
	}
	issue(link, record, tree, is_sign_up);
	if (!hub_registry_save(link->hub, link->gateway->id, link->peer.device, record)) {
		cJSON_Delete(tree);
		tree = NULL;
	}
	hub_registry_unlock(lock);
	cJSON_Delete(record);
	return tree;
}

static double session_end(const struct hub_link *link, double token_ends)
{
	return token_ends - config_of(link)->gateway.token_margin;
}

/* --- sign-up --- */

void hub_account_sign_up(struct hub_link *link, struct service_request *request)
{
	cJSON *body = hub_operation_parse(link, request);
	const char *token;
	const char *why;
	double ends;
	cJSON *tree;

	if (body == NULL) {
		return;
	}
	token = text_of(body, "accesstoken");
	token = token[0] == '\0' ? text_of(body, "authcode") : token;
	if (text_of(body, "di")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "invalid device id");
	} else if (token[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "invalid authorization code");
	} else if (strcmp(text_of(body, "authprovider"), config_of(link)->authorization_provider) != 0) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401), "unknown authorization provider('%.64s')",
		                     text_of(body, "authprovider"));
	} else {
		cJSON *record = load(link);

		why = hub_token_check(config_of(link), record, HUB_TOKEN_ACCESS, token, &ends);
		cJSON_Delete(record);
		tree = why == NULL ? issue_and_save(link, true) : NULL;
		if (why != NULL) {
			hub_operation_refuse(link, request, COAP_RESPONSE_CODE(503), NOT_VERIFIED "%s", why);
		} else if (tree == NULL) {
			hub_operation_refuse(link, request, COAP_RESPONSE_CODE(503), "temporary error: cannot save the registration");
		} else {
			print_device_event(link, "signed-up");
			hub_operation_answer(link, request, COAP_RESPONSE_CODE(204), tree);
		}
	}
	cJSON_Delete(body);
}

/* --- sign-in --- */

static void on_greeted(struct hub_link *link, struct service_request *request, bool is_answered)
{
	cJSON *tree;
	cJSON *event;
	double left;

	if (!is_answered) {
		hub_operation_ignore(link, request, "the device did not answer");
		return;
	}
	left = seconds_left(link->session.ends, 0);
	tree = cJSON_CreateObject();
	cJSON_AddNumberToObject(tree, "expiresin", left);
	event = service_event_new("signed-in");
	cJSON_AddStringToObject(event, "device", link->peer.device);
	cJSON_AddNumberToObject(event, "expiresIn", left);
	service_event_print(event);
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(204), tree);
	if (link->session.is_signed_in && !link->session.has_batch) {
		hub_observer_start(link);
	}
}

static void start_session(struct hub_link *link, double token_ends)
{
	struct hub_session *session = &link->session;

	free(session->owner);
	session->owner = service_strdup(config_of(link)->owner);
	session->is_signed_in = true;
	session->was_signed_out = false;
	session->ends = session_end(link, token_ends);
}

/* NULL and the token's end, or why there is none, in memory to be freed. */
static char *check_session(const struct hub_link *link, const char *token, double *ends)
{
	cJSON *record = load(link);
	const char *why = hub_token_check(config_of(link), record, HUB_TOKEN_ACCESS, token, ends);
	char *text = NULL;

	if (why != NULL) {
		text = service_strdup(why);
	} else if (record == NULL) {
		text = service_format("access to device('%s') denied", link->peer.device);
	}
	cJSON_Delete(record);
	return text;
}

/* As Go writes it: "2m0s", "1h0m30s", "1.5s". */
static void print_duration(double seconds, char text[DURATION_SIZE])
{
	double minutes = floor(seconds / 60);
	double rest = seconds - 60 * minutes;

	if (minutes >= 60) {
		snprintf(text, DURATION_SIZE, "%.0fh%.0fm%gs", floor(minutes / 60), fmod(minutes, 60), rest);
	} else if (minutes > 0) {
		snprintf(text, DURATION_SIZE, "%.0fm%gs", minutes, rest);
	} else if (rest >= 1 || rest <= 0) {
		snprintf(text, DURATION_SIZE, "%gs", rest);
	} else {
		snprintf(text, DURATION_SIZE, "%gms", rest * 1000);
	}
}

static void refuse_soon_expired(struct hub_link *link, struct service_request *request, double ends)
{
	time_t when = (time_t)ends;
	struct tm broken;
	char date[32];
	char margin[DURATION_SIZE];

	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", gmtime_r(&when, &broken));
	print_duration(config_of(link)->gateway.token_margin, margin);
	hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401),
	                     "access token will expire (%s +0000 UTC) in less time than the interval for checking expiration (%s)", date,
	                     margin);
}

void hub_account_sign_in(struct hub_link *link, struct service_request *request)
{
	cJSON *body = hub_operation_parse(link, request);
	double ends = 0;
	char *why = NULL;

	if (body == NULL) {
		return;
	}
	if (text_of(body, "uid")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "invalid user id");
	} else if (text_of(body, "di")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "invalid device id");
	} else if (text_of(body, "accesstoken")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "invalid access token");
	} else if ((why = check_session(link, text_of(body, "accesstoken"), &ends)) != NULL) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401), "%s", why);
	} else if (strcmp(text_of(body, "uid"), config_of(link)->owner) != 0) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401),
		                     "owner claim is invalid: owner identifier from the token '%s' doesn't match userID '%.64s' from the device",
		                     config_of(link)->owner, text_of(body, "uid"));
	} else if (session_end(link, ends) <= hub_now()) {
		refuse_soon_expired(link, request, ends);
	} else {
		start_session(link, ends);
		hub_observer_greet(link, request, on_greeted);
	}
	free(why);
	cJSON_Delete(body);
}

/* --- sign-out --- */

static void end_session(struct hub_link *link)
{
	link->session.is_signed_in = false;
	link->session.was_signed_out = true;
}

static void on_sign_out_stopped(struct hub_link *link, struct service_request *request, bool is_answered)
{
	bool was_signed_in = link->session.is_signed_in;

	end_session(link);
	if (!is_answered) {
		hub_operation_ignore(link, request, "the device did not answer");
		return;
	}
	if (was_signed_in) {
		print_device_event(link, "signed-out");
	}
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(204), cJSON_CreateObject());
}

/* What a session does not hold, the body must: without one, a bare {login: false} is an error and a full body is not. */
void hub_account_sign_out(struct hub_link *link, struct service_request *request)
{
	cJSON *body = hub_operation_parse(link, request);
	const char *token;
	char *why = NULL;
	double ends;

	if (body == NULL) {
		return;
	}
	token = text_of(body, "accesstoken");
	if (hub_operation_is_in_session(link)) {
		hub_observer_stop(link, request, on_sign_out_stopped);
	} else if (token[0] == '\0' || text_of(body, "uid")[0] == '\0' || text_of(body, "di")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), NO_CONTEXT);
	} else if ((why = check_session(link, token, &ends)) != NULL) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401), "%s", why);
	} else {
		hub_observer_stop(link, request, on_sign_out_stopped);
	}
	free(why);
	cJSON_Delete(body);
}

/* --- refresh --- */

/* Who asks, in the texts of errors. */
static void name_device(struct service_request *request, const char *device)
{
	free(request->di);
	request->di = service_strdup(device);
}

/* True, or the request was refused. A device that is not registered is told so whatever its token is: those of old registrations are not kept. */
static bool admit_refresh(struct hub_link *link, struct service_request *request, const char *token)
{
	cJSON *record = load(link);
	const char *why = NULL;
	double ends;

	if (record == NULL) {
		name_device(request, link->peer.device);
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401), "device is not registered");
		return false;
	}
	why = hub_token_check(config_of(link), record, HUB_TOKEN_REFRESH, token, &ends);
	cJSON_Delete(record);
	if (why != NULL) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(503), NOT_VERIFIED "%s", why);
	}
	return why == NULL;
}

static void renew(struct hub_link *link, struct service_request *request)
{
	const struct hub_settings *settings = &config_of(link)->gateway;
	cJSON *tree = issue_and_save(link, false);

	if (tree == NULL) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(503), "temporary error: cannot save the registration");
		return;
	}
	/* In time it extends the session as it stands; afterwards only a new sign-in does. */
	if (hub_operation_is_in_session(link)) {
		link->session.ends = settings->tokens_never_expire ? INFINITY : session_end(link, hub_now() + settings->token_lifetime);
	}
	print_device_event(link, "refreshed");
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(204), tree);
}

void hub_account_refresh(struct hub_link *link, struct service_request *request)
{
	cJSON *body = hub_operation_parse(link, request);
	const char *provider;

	if (body == NULL) {
		return;
	}
	provider = text_of(body, "authprovider");
	name_device(request, text_of(body, "di"));
	if (text_of(body, "di")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "cannot refresh token: invalid deviceID");
	} else if (text_of(body, "refreshtoken")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "cannot refresh token: invalid refreshToken");
	} else if (text_of(body, "uid")[0] == '\0') {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "cannot refresh token: invalid userId");
	} else if (provider[0] != '\0' && strcmp(provider, config_of(link)->authorization_provider) != 0) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401), "unknown authorization provider('%.64s')", provider);
	} else if (admit_refresh(link, request, text_of(body, "refreshtoken"))) {
		renew(link, request);
	}
	cJSON_Delete(body);
}

/* --- sign-off --- */

/* The device's other connections have no business here any more. */
static void close_others(const struct hub_link *link)
{
	struct hub_link *other;

	for (other = link->hub->links; other != NULL; other = other->next) {
		if (other != link && other->session.is_signed_in && strcmp(other->peer.device, link->peer.device) == 0 &&
		    strcmp(other->gateway->id, link->gateway->id) == 0) {
			hub_link_close_in(other, 0, "device unregistered");
		}
	}
}

static void on_sign_off_stopped(struct hub_link *link, struct service_request *request, bool is_answered)
{
	bool was_registered;
	int lock;

	if (!is_answered) {
		hub_operation_ignore(link, request, "the device did not answer");
		return;
	}
	lock = hub_registry_lock(link->hub);
	was_registered = hub_registry_remove(link->hub, link->gateway->id, link->peer.device);
	hub_registry_unlock(lock);
	hub_device_forget(link->hub, link->gateway->id, link->peer.device);
	end_session(link);
	close_others(link);
	if (was_registered) {
		print_device_event(link, "signed-off");
	}
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(202), NULL);
}

void hub_account_sign_off(struct hub_link *link, struct service_request *request)
{
	char *why = NULL;
	char *token = NULL;
	size_t at = 0;
	double ends;

	if (hub_operation_is_in_session(link)) {
		hub_observer_stop(link, request, on_sign_off_stopped);
	} else if (!hub_query_next(request->query, "accesstoken", &at, &token)) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), NO_CONTEXT);
	} else if ((why = check_session(link, token, &ends)) != NULL) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(401), "%s", why);
	} else {
		hub_observer_stop(link, request, on_sign_off_stopped);
	}
	free(why);
	free(token);
}
