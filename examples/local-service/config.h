/* SPDX-License-Identifier: Apache-2.0 */
/* The service's configuration: a JSON file, every key of which docs/local-service.md describes, over defaults that provision a device. */
#ifndef SERVICE_CONFIG_H
#define SERVICE_CONFIG_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "ca.h"
#include "hub_settings.h"
#include "text.h"

#define SERVICE_PSK_SIZE 16u

struct service_hub {
	char id[SERVICE_UUID_SIZE];
	char **gateways; /* with their scheme */
	size_t gateway_count;
	char *authority; /* whose identities it wants: a name, or NULL for the usual one */
};

struct service_config {
	char *owner; /* as written */
	char owner_uuid[SERVICE_UUID_SIZE];
	char psk[SERVICE_PSK_SIZE + 1]; /* empty: none is handed out */
	struct service_hub *hubs;
	size_t hub_count;
	bool names_hubs;              /* the file does */
	struct service_hub *own_hubs; /* the gateways of this program: the hubs where the file names none */
	size_t own_hub_count;
	char *authorization_provider;
	char *token;              /* NULL: one is made for each answer */
	long identity_lifetime;   /* seconds from the signing to the identity's end, negative: it has ended already */
	long identity_valid_from; /* and to its begin, usually negative */
	long
		hub_ca_lifetime; /* seconds from the start, or from when it was set, to the end of what signs identities; 0: as in the state directory */
	bool group_deleted;
	cJSON *resources; /* an array, or NULL */
	bool allow_expired_manufacturer_certificates;
	double inactivity_seconds;
	double time_offset_seconds;
	unsigned block_szx;
	struct hub_settings gateway;
	struct {
		bool is_set;
		enum service_key_type key_type;
		enum service_validity validity;
		char *alternative_names; /* NULL: the usual ones */
	} server_certificate;
	cJSON *settings; /* the keys that were set and their values: what all of the above was made from */
};

/* path NULL: the defaults alone. Ends the program with exit code 2 and one line when the file is not what it should be. */
void service_config_load(struct service_config *config, const char *path);

/* Changes one key while the service runs: value is JSON, null sets the key's default. What the file could not hold, and a key that nothing would
 * come of at run time, changes nothing: NULL, or why, which the caller frees. */
char *service_config_set(struct service_config *config, const char *key, const char *value);

/* A gateway of this program (with scheme): it is handed out where the file names no hubs. */
void service_config_add_gateway(struct service_config *config, const char *hub, const char *uri);

void service_config_free(struct service_config *config);

#endif
