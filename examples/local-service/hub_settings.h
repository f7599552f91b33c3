/* SPDX-License-Identifier: Apache-2.0 */
/* How the gateways behave: the "gateway" object of the configuration, over defaults that are the observed ones. */
#ifndef SERVICE_HUB_SETTINGS_H
#define SERVICE_HUB_SETTINGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Times in seconds. */
struct hub_settings {
	double token_lifetime; /* of an access token */
	double token_margin;   /* a token with less left cannot sign in; sign-in says so much less than is left */
	double refresh_lifetime;
	bool tokens_never_expire;
	double expiry_interval; /* how often the sessions' ends are looked at */
	double ping_after;      /* nothing came in for longer: a ping */
	double ping_interval;   /* how often that is looked at, and how long a pong may take */
	double close_after;     /* from an error of account, session or tokenrefresh to the end of the connection */
	double command_timeout; /* how long an operator's command waits for the device */
	double sign_in_work;    /* what these take before they have an effect, as at the real gateway, whose requests are served side by side */
	double account_work;
	bool requires_batch; /* a device whose /oic/res cannot be observed as a batch is let go */
	bool uses_etags;
	char *redirect_uri; /* of sign-up, NULL: empty */
};

void hub_settings_default(struct hub_settings *settings);
void hub_settings_free(struct hub_settings *settings);

/* Takes the object; false with what is wrong in *wanted (behind "must be"). */
bool hub_settings_take(struct hub_settings *settings, const cJSON *object, const char **wanted);

#endif
