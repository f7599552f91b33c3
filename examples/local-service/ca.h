/* SPDX-License-Identifier: Apache-2.0 */
/* The authorities of the state directory: the service's own (root and server certificate), the manufacturer's and the hub's (root and
 * intermediate each), and those of hubs that want one of their own. What is missing is made; what a command of the factory side signs comes
 * from here. */
#ifndef SERVICE_CA_H
#define SERVICE_CA_H

#include "pki.h"

/* A root and the intermediate that signs identities. */
struct service_hub_authority {
	struct service_hub_authority *next;
	char *name;
	struct service_signer root;
	struct service_signer hub;
};

struct service_authorities {
	char *directory;
	struct service_signer service_root;
	struct service_signer server;
	struct service_signer manufacturer_root;
	struct service_signer manufacturer; /* the intermediate that signs devices */
	struct service_signer hub_root;
	struct service_signer hub;            /* the intermediate that signs identities */
	struct service_hub_authority *others; /* by name */
	long hub_lifetime;                    /* seconds, see service_ca_limit_hubs; 0: not limited */
};

enum service_validity { SERVICE_VALID, SERVICE_EXPIRED, SERVICE_NOT_YET_VALID };

/* Opens the authorities of a directory, which is made, as they are, when missing. Ends the program with a clear line when it cannot. */
void service_ca_open(struct service_authorities *authorities, const char *directory);
void service_ca_close(struct service_authorities *authorities);

/* Makes the server certificate anew, for this run only: another key type, other hosts (NULL: the usual ones), other dates. */
void service_ca_replace_server(struct service_authorities *authorities, enum service_key_type key_type, const char *alternative_names,
                               enum service_validity validity);

/* Opens the authority of hubs that ask for it by this name, which is made when missing; NULL is the usual one, which is open already. */
void service_ca_open_hub(struct service_authorities *authorities, const char *name);

/* What signs identities and its root, of an authority that is open. */
const struct service_signer *service_ca_hub(const struct service_authorities *authorities, const char *name);
const struct service_signer *service_ca_hub_root(const struct service_authorities *authorities, const char *name);

/* Gives the intermediates that sign identities certificates that end so many seconds from now, for this run only; with 0 those of the state
 * directory again. Authorities opened later are limited from then on. */
void service_ca_limit_hubs(struct service_authorities *authorities, long seconds);

/* An intermediate and root that nobody trusts, for faults; to be freed by service_ca_free_signer. */
void service_ca_make_stranger(struct service_signer *signer);
void service_ca_free_signer(struct service_signer *signer);

struct service_device_order {
	const char *state_directory;
	const char *out;    /* make-device: a directory; sign-csr: a file */
	const char *serial; /* make-device only */
	const char *csr;    /* sign-csr only: the file */
	enum service_key_type key_type;
	long days;
	enum service_validity validity;
};

/* `make-device` and `sign-csr`: both end the program with a clear line when they cannot. */
void service_ca_make_device(const struct service_device_order *order);
void service_ca_sign_csr(const struct service_device_order *order);

#endif
